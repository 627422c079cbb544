use super::*;

#[test]
fn a_void_punch_counts_no_longer() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    let punches = factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T19:00:00"]);
    factory.punch("7", &["2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.day(employee, "2026-11-19").unwrap().figures.worked.whole_minutes(), 660);
    let (note_type, other, zone, flag, reason) = (PunchNoteType::Void, None, None, None, None);
    create(&factory.store, PunchNote { punch: punches[1], note_type, other, zone, flag, reason });
    factory.work();
    assert_eq!(factory.day(employee, "2026-11-19").unwrap().figures.worked.whole_minutes(), 540);
}

#[test]
fn older_punches_of_a_clock_that_is_read_late_bring_their_days() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let (early, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-16"), None);
    factory.punch("1", &["2026-11-16T08:00:00", "2026-11-16T17:00:00"]);
    factory.read_through("2026-11-19T20:00:00");
    factory.work();
    assert_eq!(factory.status(early, "2026-11-16"), Some(Status::Present));
    assert_eq!(factory.status(stayed, "2026-11-16"), Some(Status::Absent));
    assert_eq!(factory.status(stayed, "2026-11-17"), Some(Status::Absent));
}

#[test]
fn what_waits_in_the_queue_survives_a_restart() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    assert!(factory.store.read_blocking(crate::store::ReadTx::recompute_waiting).unwrap() > 0);
    factory.attendance = Attendance::new(factory.store.clone(), factory.clock.clone());
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Present));
}

#[test]
fn a_second_round_with_nothing_new_writes_nothing() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    let computed_at = |factory: &Factory| -> i64 {
        let sql = "SELECT max(computed_at) FROM attendance_day";
        factory
            .store
            .read_blocking(move |tx| Ok(tx.connection().query_row(sql, [], |row| row.get(0))?))
            .unwrap()
    };
    let before = computed_at(&factory);
    factory.at("2026-11-19T20:05:00");
    let ask = move |tx: &crate::store::WriteTx| {
        let scope = crate::store::RecomputeScope::Employee(employee);
        tx.ask_recompute(&scope, crate::store::DateSpan::ALWAYS)
    };
    factory.store.write_blocking(ask).unwrap();
    factory.work();
    assert_eq!(computed_at(&factory), before);
}

#[test]
fn months_of_two_stores_with_the_same_facts_have_the_same_digest() {
    let digest = |order: &[&str]| {
        let mut factory = Factory::new("2026-11-21T20:00:00");
        factory.worker("7");
        for time in order {
            factory.punch("7", &[time]);
            factory.work();
        }
        factory.read_through("2026-11-21T20:00:00");
        factory.work();
        let digest = factory.store.read_blocking(|tx| tx.month_digest(date("2026-11-01"), None)).unwrap();
        assert!(digest.days > 0);
        digest
    };
    let times = ["2026-11-19T08:00:00", "2026-11-19T17:00:00", "2026-11-18T08:10:00", "2026-11-18T19:00:00"];
    let mut turned = times;
    turned.reverse();
    assert_eq!(digest(&times), digest(&turned));
}

#[test]
fn a_punch_that_comes_while_the_queue_is_worked_off_is_not_forgotten() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    factory.work();
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    let now = factory.clock.now();
    while factory.attendance.work_portion(now).unwrap() {}
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Present));
}
