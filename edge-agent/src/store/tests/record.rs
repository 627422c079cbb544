use super::*;

#[test]
fn a_change_is_its_record_its_log_row_its_audit_row_and_what_to_recompute() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    let id = create(&store, employee(site_id, "1001")).unwrap();
    let read = move |tx: &ReadTx| Ok(tx.record::<Employee>(id)?.unwrap());
    let before = store.read_blocking(read).unwrap();
    let mut renamed = before.record.clone();
    renamed.name = Name::parse("Rahima Begum").unwrap();
    let seen = before.vv.clone();
    let edited = renamed.clone();
    store.write_blocking(move |tx| tx.update(&Author::CONSOLE, id, Some(seen), &edited)).unwrap();

    let after = store.read_blocking(read).unwrap();
    assert_eq!(after.record, renamed);
    assert!(after.vv.dominates(&before.vv) && after.vv != before.vv);
    let row: (i64, i64, Vec<u8>, i64) = store
        .read_blocking(|tx| {
            let sql = "SELECT seq, op, fields, grp FROM oplog ORDER BY seq DESC LIMIT 1";
            Ok(tx.connection().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?)
        })
        .unwrap();
    assert_eq!(row, (3, 2, br#"{"2":"Rahima Begum"}"#.to_vec(), 3));
    let audit = store.read_blocking(|tx| tx.audit_before(i64::MAX, 1)).unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].via.as_str()), ("employee.update", "console"));
    assert_eq!(audit[0].before, r#"{"name":"Rahima Khatun"}"#);
    assert_eq!(audit[0].after, r#"{"name":"Rahima Begum"}"#);
    assert_eq!(store.read_blocking(ReadTx::broken_audit_link).unwrap(), None);
    let queue = store.read_blocking(|tx| tx.recompute_queue(10)).unwrap();
    assert!(queue.iter().any(|row| row.scope == RecomputeScope::Employee(id) && row.stamp == 2), "{queue:?}");
}

#[test]
fn a_form_that_is_older_than_the_record_is_refused_by_field() {
    let (_folder, store) = fresh();
    let id = create(&store, site()).unwrap();
    let opened = store.read_blocking(move |tx| tx.record::<Site>(id)).unwrap().unwrap();
    let save = |change: fn(&mut Site)| {
        let (mut edited, seen) = (opened.record.clone(), opened.vv.clone());
        change(&mut edited);
        store.write_blocking(move |tx| tx.update(&Author::CONSOLE, id, Some(seen), &edited))
    };
    save(|site| site.name = Name::parse("Gazipur 1").unwrap()).unwrap();
    let stale = save(|site| site.name = Name::parse("Gazipur 2").unwrap());
    assert!(matches!(&stale, Err(StoreError::Stale { fields }) if *fields == ["name"]), "{stale:?}");
}

#[test]
fn codes_and_keys_are_taken_only_once() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    create(&store, employee(site_id, "1001")).unwrap();
    let twice = create(&store, employee(site_id, "1001"));
    assert!(matches!(&twice, Err(StoreError::Exists { id, .. }) if id == "1001"), "{twice:?}");
    assert_eq!(count(&store, "SELECT count(*) FROM oplog"), 2);
    let unknown = EmployeeId::from_uuid(uuid::Uuid::nil());
    let orphan = store.write_blocking(move |tx| tx.delete::<Employee>(&Author::CONSOLE, unknown, None));
    assert!(matches!(orphan, Err(StoreError::Missing { .. })));
}

#[test]
fn one_closure_is_one_group_and_fails_as_one() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    let outcome: Result<(), StoreError> = store.write_blocking(move |tx| {
        for code in ["1", "2", "1"] {
            tx.create(
                &Author::CONSOLE,
                EmployeeId::mint(tx.clock(), tx.entropy()),
                &employee(site_id, code),
            )?;
        }
        Ok(())
    });
    assert!(outcome.is_err());
    assert_eq!(count(&store, "SELECT count(*) FROM rec_employee"), 0);
    store
        .write_blocking(move |tx| {
            for code in ["1", "2"] {
                tx.create(
                    &Author::CONSOLE,
                    EmployeeId::mint(tx.clock(), tx.entropy()),
                    &employee(site_id, code),
                )?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(count(&store, "SELECT count(DISTINCT grp) FROM oplog WHERE kind = 4"), 1);
    assert_eq!(count(&store, "SELECT max(seq) FROM oplog"), 3);
}

#[test]
fn a_record_of_dates_ids_and_documents_is_read_back_as_written() {
    let (_folder, store) = fresh();
    let day = RosterDay {
        employee: EmployeeId::from_uuid(uuid::Uuid::from_u128(7)),
        date: "2026-11-20".parse().unwrap(),
        shifts: Document(serde_json::json!(["a", {"b": 1}])),
        note: None,
    };
    let id: RosterDayId = create(&store, day.clone()).unwrap();
    let read = store.read_blocking(move |tx| tx.record::<RosterDay>(id)).unwrap().unwrap();
    assert_eq!(read.record, day);
}
