use super::*;

fn told(code: u16, said: &str) -> NewClockEvent {
    NewClockEvent {
        code,
        admin: "1".to_owned(),
        said: said.to_owned(),
        instant: said.parse().ok().map(|wall| resolve_in(Tz::Asia__Dhaka, wall).0),
        objects: "0,0,0,0".to_owned(),
    }
}

fn take(store: &Store, events: Vec<NewClockEvent>) -> u32 {
    store.write_blocking(move |tx| tx.take_clock_events(&serial("C1"), &events)).unwrap()
}

#[test]
fn what_a_clock_tells_again_is_kept_once() {
    let (_folder, store) = fresh();
    let events = || vec![told(4, "2026-11-20T08:00:00"), told(21, "2026-11-20T08:01:00")];
    assert_eq!(take(&store, events()), 2);
    assert_eq!(take(&store, events()), 0);
    assert_eq!(
        take(&store, vec![told(30, "2026-02-31 08:00:00")]),
        1,
        "a date that does not exist is no hindrance"
    );
    let acts: Vec<ClockAct> = store
        .read_blocking(|tx| tx.clock_events(&serial("C1"), 10))
        .unwrap()
        .iter()
        .map(|event| event.act)
        .collect();
    assert_eq!(acts, [ClockAct::UserEnrolled, ClockAct::TimeSet, ClockAct::Menu]);
    let one = store.read_blocking(|tx| tx.clock_events(&serial("C1"), 1)).unwrap();
    assert_eq!(one.len(), 1);
}

#[test]
fn a_log_that_was_cleared_is_told_with_how_far_it_had_been_read() {
    let (_folder, store) = fresh();
    let through: DateTime<Utc> = "2026-11-20T02:00:00Z".parse().unwrap();
    store.write_blocking(move |tx| tx.read_through(&serial("C1"), through, true)).unwrap();
    take(&store, vec![told(23, "2026-11-20T09:00:00")]);
    store.write_blocking(|tx| tx.read_through(&serial("C1"), NOW.parse().unwrap(), true)).unwrap();
    take(&store, vec![told(4, "2026-11-20T10:00:00")]);
    let event = store.read_blocking(|tx| tx.last_cleared(&serial("C1"))).unwrap().unwrap();
    assert_eq!((event.act, event.read_until), (ClockAct::LogCleared, Some(through)));
    assert_eq!(store.read_blocking(|tx| tx.last_cleared(&serial("C2"))).unwrap(), None);
}

#[test]
fn the_acts_that_take_punches_are_those_that_are_looked_for() {
    let taking: Vec<u16> = (0..=u16::MAX).filter(|code| ClockAct::of(*code).takes_punches()).collect();
    assert_eq!(taking, [13, 22, 23]);
}
