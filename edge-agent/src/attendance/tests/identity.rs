use super::*;

#[test]
fn punches_of_an_unknown_code_count_once_it_has_an_owner() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.person("A-7");
    factory.punch("900", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Pending));
    factory.identity(employee, "900");
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Present));
}

#[test]
fn punches_follow_a_code_that_is_given_to_another_person() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let (wrong, right) = (factory.person("A"), factory.person("B"));
    let id = factory.identity(wrong, "900");
    factory.punch("900", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(wrong, "2026-11-19"), Some(Status::Present));
    factory
        .store
        .write_blocking(move |tx| {
            let user_code = UserCode::parse("900").unwrap();
            let new = Identity { serial: None, user_code, employee: right, from: None, to: None };
            tx.update(&Author::CONSOLE, id, None, &new)
        })
        .unwrap();
    factory.work();
    assert_eq!(factory.status(wrong, "2026-11-19"), Some(Status::Pending));
    assert_eq!(factory.status(right, "2026-11-19"), Some(Status::Present));
}
