use super::*;

#[test]
fn a_day_of_two_punches_becomes_a_record() {
    let mut factory = Factory::new("2026-11-19T09:00:00");
    let employee = factory.worker("7");
    let punches = factory.punch("7", &["2026-11-19T08:20:00"]);
    factory.work();
    let morning = factory.day(employee, "2026-11-19").unwrap();
    assert_eq!((morning.status, morning.state), (Status::Present, shift_engine::DayState::Provisional));
    assert_eq!(morning.figures.late.whole_minutes(), 20);

    factory.punch("7", &["2026-11-19T17:30:00"]);
    factory.at("2026-11-20T00:00:00");
    factory.read_through("2026-11-19T23:59:00");
    factory.work();
    let evening = factory.day(employee, "2026-11-19").unwrap();
    assert_eq!((evening.status, evening.state), (Status::Present, shift_engine::DayState::Final));
    assert_eq!(evening.figures.worked.whole_minutes(), 550);
    assert_eq!(evening.overtime.counted.whole_minutes(), 30);
    let part: String = factory
        .store
        .read_blocking(move |tx| {
            let sql = "SELECT part FROM day_punch WHERE employee = ?1 AND work_date = '2026-11-19' AND punch_id = ?2";
            Ok(tx.connection().query_row(sql, rusqlite::params![employee, punches[0]], |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(part, "in");
}

#[test]
fn the_explanation_of_a_day_is_of_the_day_that_is_stored() {
    let mut factory = Factory::new("2026-11-19T09:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-18T08:00:00", "2026-11-19T08:20:00", "2026-11-19T17:30:00"]);
    factory.at("2026-11-20T00:00:00");
    factory.read_through("2026-11-19T23:59:00");
    factory.work();
    let (span, now) = ((date("2026-11-19"), date("2026-11-19")), factory.clock.now());
    let explained = |employee| {
        factory.store.read_blocking(move |tx| super::explain::explain(tx, employee, span, now)).unwrap()
    };
    let days = explained(employee);
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].day["worked"], "9:10");
    assert_eq!(days[0].day["shifts"][0], "D");
    let stored = factory.day(employee, "2026-11-19").unwrap();
    let late = days[0].steps.iter().filter(|step| step.figure == shift_engine::Figure::Late);
    assert_eq!(late.map(|step| step.effect).sum::<shift_engine::Seconds>(), stored.figures.late);
    let text = shift_engine::brief::text(&days[0].day, &days[0].steps);
    assert!(text.contains("after_start      from 2026-11-19 08:00, to 2026-11-19 08:20"), "{text}");
    let nobody = factory.person("8");
    assert_eq!(explained(nobody)[0].day["status"], "absent");
}

#[test]
fn nobody_is_absent_because_a_clock_was_offline() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (came, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending));

    factory.at("2026-11-20T06:00:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "the clock has not reported");
    factory.read_through("2026-11-19T22:59:59");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "the window is open to 23:00:00");
    factory.read_through("2026-11-19T23:00:01");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Absent));
    assert_eq!(factory.status(came, "2026-11-19"), Some(Status::Present));
}

#[test]
fn the_wait_of_the_policy_is_waited_for() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (_, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.at("2026-11-19T23:10:00");
    factory.read_through("2026-11-19T23:10:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "thirty minutes are not over");
    factory.at("2026-11-19T23:31:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Absent));
}

#[test]
fn who_does_not_punch_has_a_record_for_each_new_date() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (_, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    factory.at("2026-11-22T09:00:00");
    factory.read_through("2026-11-22T09:00:00");
    factory.work();
    let days = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
    assert_eq!(
        days.map(|day| factory.status(stayed, day)),
        [
            None,
            Some(Status::Absent),
            Some(Status::WeeklyOff),
            Some(Status::Absent),
            Some(Status::Pending),
            None
        ],
        "before the first punch there was nothing to know, and tomorrow is not today"
    );
}
