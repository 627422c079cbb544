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

#[test]
fn whose_punches_a_newer_claim_takes_loses_the_day() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let (old, new) = (factory.person("A"), factory.person("B"));
    factory.identity(old, "900");
    factory.punch("900", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(old, "2026-11-19"), Some(Status::Present));
    // The change names the new person alone.
    factory.at("2026-11-19T20:00:01");
    factory.identity(new, "900");
    factory.work();
    assert_eq!(factory.status(new, "2026-11-19"), Some(Status::Present));
    assert_eq!(factory.status(old, "2026-11-19"), Some(Status::Pending));
}

#[test]
fn a_code_that_ends_keeps_its_past_and_goes_on_to_another() {
    use crate::control::employee::{EndCode, add};
    let mut factory = Factory::new("2026-11-20T06:00:00");
    let (old, next) = (factory.worker("7"), factory.person("8"));
    factory.punch("7", &["2026-11-18T08:00:00", "2026-11-18T17:00:00"]);
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.read_through("2026-11-20T05:00:00");
    factory.work();
    let end = |factory: &Factory, code: &str, from: &str, give_to: Option<&str>| {
        let (code, from) = (code.parse().unwrap(), date(from));
        let end = EndCode { code, clock: None, from, give_to: give_to.map(|code| code.parse().unwrap()) };
        factory.store.write_blocking(move |tx| end.save(tx, &Author::CONSOLE))
    };
    assert!(end(&factory, "9", "2026-11-19", None).is_err(), "nobody has it");
    assert!(end(&factory, "7", "2026-11-19", Some("7")).is_err(), "the person has it already");
    end(&factory, "7", "2026-11-19", Some("8")).unwrap();
    factory.work();
    assert_eq!(factory.status(old, "2026-11-18"), Some(Status::Present));
    assert_eq!(factory.status(old, "2026-11-19"), Some(Status::Absent));
    assert_eq!(factory.status(next, "2026-11-19"), Some(Status::Present));
    assert!(end(&factory, "7", "2026-11-18", None).is_err(), "it was not the second person's then");

    // Nobody's from the 21st on; who comes later with this number has none of the punches before.
    end(&factory, "7", "2026-11-21", None).unwrap();
    let mut newcomer = tests::employee(factory.site, "9");
    newcomer.code = "70".parse().unwrap();
    let newcomer = factory.store.write_blocking(move |tx| add(tx, &Author::CONSOLE, &newcomer)).unwrap();
    factory
        .store
        .write_blocking(move |tx| {
            let mut record = tx.record::<shared_model::entity::Employee>(old)?.unwrap().record;
            record.code = "71".parse().unwrap();
            tx.update(&Author::CONSOLE, old, None, &record)?;
            let mut record = tx.record::<shared_model::entity::Employee>(newcomer)?.unwrap().record;
            record.code = "7".parse().unwrap();
            crate::control::employee::change(tx, &Author::CONSOLE, newcomer, None, &record)
        })
        .unwrap();
    factory.at("2026-11-22T06:00:00");
    factory.punch("7", &["2026-11-21T08:00:00", "2026-11-21T17:00:00"]);
    factory.read_through("2026-11-22T05:00:00");
    factory.work();
    assert_eq!(factory.status(old, "2026-11-18"), Some(Status::Present));
    assert_eq!(factory.status(next, "2026-11-19"), Some(Status::Present));
    assert_eq!(factory.status(newcomer, "2026-11-21"), Some(Status::Present));
}
