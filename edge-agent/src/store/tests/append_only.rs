use super::*;

/// Statements that the program's own connection must not be able to carry out.
#[test]
fn the_programs_own_connection_cannot_change_what_only_grows() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 9, &[("7", "2026-11-20T09:00:00")]));
    store.write_blocking(|tx| tx.read_through(&serial("A1"), NOW.parse().unwrap(), true)).unwrap();
    store
        .write_blocking(|tx| {
            let event = NewClockEvent {
                code: 23,
                admin: "1".to_owned(),
                said: "2026-11-20 09:00:00".to_owned(),
                instant: None,
                objects: String::new(),
            };
            tx.take_clock_events(&serial("A1"), &[event])
        })
        .unwrap();
    let id = create(&store, site()).unwrap();
    for sql in [
        "UPDATE ledger SET user_code = '8'",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
        "UPDATE ledger_log SET entry = 2",
        "DELETE FROM ledger_log",
        "INSERT OR REPLACE INTO ledger_log SELECT * FROM ledger_log",
        "UPDATE observation SET route = 1",
        "DELETE FROM observation",
        "UPDATE watermark SET through = 0",
        "DELETE FROM watermark",
        "UPDATE audit SET actor = zeroblob(16)",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "UPDATE oplog SET fields = x'7b7d'",
        "DELETE FROM oplog",
        "INSERT OR REPLACE INTO oplog SELECT * FROM oplog",
        "UPDATE clock_event SET code = 4",
        "DELETE FROM clock_event",
        "INSERT OR REPLACE INTO clock_event SELECT * FROM clock_event",
        "UPDATE rec_site SET name = 'x'",
        "DELETE FROM rec_site",
        "INSERT INTO rec_employee (key, vv, dots) VALUES (randomblob(16), x'01', x'01')",
        "INSERT INTO record_gate (kind, key, origin, seq) VALUES (2, randomblob(16), 1, 1)",
    ] {
        let outcome = store.write_blocking(move |tx| Ok(tx.connection().execute_batch(sql)?));
        assert!(matches!(outcome, Err(StoreError::Refused(_))), "{sql}: {outcome:?}");
    }
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
    let kept = store.read_blocking(move |tx| tx.record::<Site>(id)).unwrap().unwrap();
    assert_eq!(kept.record, site());
}
