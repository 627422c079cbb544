use super::*;

#[test]
fn an_internal_number_becomes_the_persons_code_where_the_user_is_known() {
    let (_folder, store) = fresh();
    let user = ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: String::new(), privilege: 0 };
    store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    let internal = punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal.clone()).new, 1);
    let pushed = punches("A1", Route::Push, 1, &[("1001", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Push, pushed).repeat, 1);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal).repeat, 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1001'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
}

#[test]
fn a_code_that_arrives_after_its_internal_number_is_a_repeat() {
    let (_folder, store) = fresh();
    let internal = punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal.clone()).new, 1);
    let user = ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: String::new(), privilege: 0 };
    store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    let pushed = punches("A1", Route::Push, 1, &[("1001", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Push, pushed).repeat, 1);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal).repeat, 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
}

#[test]
fn where_both_names_got_in_the_later_is_noted_as_the_same_punch_once() {
    let (_folder, store) = fresh();
    let at = "2026-11-20T09:00:00";
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("sn:5", at)]));
    let mut pushed = punch_of("A1", "1001", at, Route::Push, 1);
    pushed.received_at += chrono::Duration::seconds(9);
    let pushed_id = pushed.id;
    deliver(&store, "A1", Route::Push, vec![Delivered::Punch(pushed)]);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 2);
    for name in ["", "Rahima"] {
        let user =
            ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: name.to_owned(), privilege: 0 };
        store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    }
    let notes = store.read_blocking(ReadTx::records::<PunchNote>).unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].record.note_type, PunchNoteType::SamePunch);
    assert_eq!(notes[0].record.punch, pushed_id);
    assert_eq!(notes[0].record.other, Some(punch_of("A1", "sn:5", at, Route::Pull, 1).id));
}

#[test]
fn a_number_used_again_names_the_user_who_had_it_at_the_time() {
    let (_folder, store) = fresh();
    let user = |code: &str| ClockUser {
        sn: 5,
        code: UserCode::parse(code).unwrap(),
        name: String::new(),
        privilege: 0,
    };
    for code in ["1001", "1002"] {
        let users = [user(code)];
        store.write_blocking(move |tx| tx.take_users(&serial("A1"), &users, true)).unwrap();
    }
    // The second user was first seen at NOW (12:00 in Dhaka).
    let rows =
        punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00"), ("sn:5", "2026-11-20T12:30:00")]);
    deliver(&store, "A1", Route::Pull, rows);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1001'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1002'"), 1);
}
