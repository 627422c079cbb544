use super::*;

/// A factory whose people have punched for some days, the clock read to the evening of the 19th.
fn running() -> (Factory, EmployeeId) {
    let mut factory = Factory::new("2026-11-20T06:00:00");
    let worker = factory.worker("1");
    for day in ["2026-11-16", "2026-11-17", "2026-11-19"] {
        factory.punch("1", &[&format!("{day}T08:00:00"), &format!("{day}T17:00:00")]);
    }
    factory.read_through("2026-11-20T05:00:00");
    factory.work();
    (factory, worker)
}

fn days(factory: &Factory, employee: EmployeeId) -> i64 {
    let sql = "SELECT count(*) FROM attendance_day WHERE employee = ?1";
    factory
        .store
        .read_blocking(move |tx| Ok(tx.connection().query_row(sql, [employee], |row| row.get(0))?))
        .unwrap()
}

#[test]
fn an_old_punch_of_a_wrong_clock_makes_nobody_absent() {
    let (mut factory, worker) = running();
    let joined = factory.joined("2", "2005-01-01");
    factory.work();
    let before = (days(&factory, worker), days(&factory, joined));
    factory.punch("1", &["2012-03-05T08:00:00", "2012-03-05T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(worker, "2012-03-05"), Some(Status::Present), "the punch has its own day");
    assert_eq!(factory.status(worker, "2012-03-06"), None);
    assert_eq!(factory.status(worker, "2026-11-15"), None);
    assert_eq!(factory.status(worker, "2026-11-18"), Some(Status::Absent));
    assert_eq!((days(&factory, worker), days(&factory, joined)), (before.0 + 1, before.1));
}

#[test]
fn days_that_were_absent_by_mistake_go_when_the_true_punches_come() {
    let mut factory = Factory::new("2026-11-20T06:00:00");
    let worker = factory.worker("1");
    factory.punch("1", &["2026-03-02T08:00:00"]);
    factory.read_through("2026-11-20T05:00:00");
    factory.work();
    assert_eq!(factory.status(worker, "2026-03-03"), Some(Status::Absent), "so far it is the first punch");
    factory.punch("1", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(worker, "2026-03-03"), None);
    assert_eq!(factory.status(worker, "2026-11-18"), None);
    assert!(factory.status(worker, "2026-03-02").is_some());
    // The punches between them arrive from another clock: now the months are one again.
    factory.punch("1", &["2026-07-15T08:00:00", "2026-07-15T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(worker, "2026-03-03"), Some(Status::Absent));
    assert_eq!(factory.status(worker, "2026-11-18"), Some(Status::Absent));
}

#[test]
fn a_joining_date_given_later_rules_and_takes_older_days_away() {
    let (mut factory, worker) = running();
    factory.punch("1", &["2012-03-05T08:00:00"]);
    factory.work();
    assert!(factory.status(worker, "2012-03-05").is_some());
    factory.join(worker, "2026-11-18");
    factory.work();
    assert_eq!(
        ["2012-03-05", "2026-11-16", "2026-11-18", "2026-11-19"].map(|day| factory.status(worker, day)),
        [None, None, Some(Status::Absent), Some(Status::Present)]
    );
}

#[test]
fn a_void_punch_is_no_beginning() {
    let (mut factory, worker) = running();
    let wrong = factory.punch("1", &["2026-09-01T08:00:00"]);
    factory.work();
    assert_eq!(factory.status(worker, "2026-11-10"), Some(Status::Absent));
    let (note_type, other, zone, flag, reason) = (PunchNoteType::Void, None, None, None, None);
    create(&factory.store, PunchNote { punch: wrong[0], note_type, other, zone, flag, reason });
    factory.work();
    assert_eq!(factory.status(worker, "2026-11-10"), None);
    assert_eq!(factory.status(worker, "2026-11-16"), Some(Status::Present));
}
