use device_protocols::push::{CommandId, PushCommand};
use shared_model::ClockSerial;

use super::*;

fn ask(store: &Store, command: PushCommand) -> Queueing {
    store.write_blocking(move |tx| tx.queue_command(&serial("C1"), &command)).unwrap()
}

/// What the clock is told when it comes by.
fn come_by(store: &Store) -> Vec<(CommandId, PushCommand)> {
    store.write_blocking(|tx| tx.take_commands(&serial("C1"))).unwrap()
}

fn answer(store: &Store, name: &CommandId, code: i64) -> bool {
    let name = name.clone();
    store.write_blocking(move |tx| tx.answer_command(&serial("C1"), &name, code)).unwrap()
}

fn shown(store: &Store) -> Vec<DeviceCommand> {
    store.read_blocking(|tx| tx.device_commands(&serial("C1"), 100)).unwrap()
}

/// Lets time pass for what the clock was told.
fn pass(store: &Store, hours: i64) {
    let ms = hours * 3_600_000;
    let sql = format!("UPDATE device_command SET asked_at = asked_at - {ms}, sent_at = sent_at - {ms}");
    store.write_blocking(move |tx| Ok(tx.connection().execute(&sql, [])?)).unwrap();
}

#[test]
fn a_command_survives_a_restart_and_is_done_only_by_its_result() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    assert_eq!(ask(&store, PushCommand::Info), Queueing::Queued);
    assert_eq!(ask(&store, PushCommand::Info), Queueing::Waits);
    store.close();

    let store = open(&folder);
    let told = come_by(&store);
    let [(name, PushCommand::Info)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(shown(&store)[0].state, CommandState::Sent);
    assert_eq!(come_by(&store), [], "it has it");
    store.close();

    let store = open(&folder);
    assert!(!answer(&store, &CommandId::parse("99r1").unwrap(), 0), "nobody was told that");
    assert!(answer(&store, name, 3));
    assert!(!answer(&store, name, 3), "a result counts once");
    let command = shown(&store).remove(0);
    assert_eq!((command.state, command.code, command.attempts), (CommandState::Answered, Some(3), 1));
}

#[test]
fn another_clock_cannot_answer_for_this_one() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::Check);
    let (name, _) = come_by(&store).remove(0);
    let other = ClockSerial::parse("C2").unwrap();
    assert!(!store.write_blocking(move |tx| tx.answer_command(&other, &name, 0)).unwrap());
    assert_eq!(shown(&store)[0].state, CommandState::Sent);
}

#[test]
fn what_a_clock_refuses_has_failed() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::SendUsers);
    let (name, _) = come_by(&store).remove(0);
    assert!(answer(&store, &name, -1002));
    let command = shown(&store).remove(0);
    assert_eq!((command.state, command.code), (CommandState::Failed, Some(-1002)));
}

#[test]
fn what_is_never_answered_is_told_again_a_few_times_each_under_a_new_name() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::Check);
    let mut names = Vec::new();
    loop {
        let mut told = come_by(&store);
        let Some((name, _)) = told.pop() else { break };
        assert!(!names.contains(&name));
        names.push(name);
        pass(&store, 1);
    }
    assert_eq!(names.len(), 5);
    let command = shown(&store).remove(0);
    assert_eq!((command.state, command.attempts), (CommandState::Failed, 5));
    assert!(command.error.unwrap().contains("never told"));
}

#[test]
fn a_late_result_of_an_earlier_attempt_counts() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::Check);
    let (first, _) = come_by(&store).remove(0);
    pass(&store, 1);
    let (second, _) = come_by(&store).remove(0);
    assert_ne!(first, second);
    assert!(answer(&store, &first, 0) && !answer(&store, &second, 0));
}

#[test]
fn what_must_not_be_done_twice_is_told_once() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::Reboot);
    assert_eq!(come_by(&store).len(), 1);
    pass(&store, 1);
    assert_eq!(come_by(&store), []);
    assert_eq!(shown(&store)[0].state, CommandState::Failed);
}

#[test]
fn a_clock_that_starts_anew_is_told_at_once_what_it_has_not_answered() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::SendUsers);
    come_by(&store);
    store.write_blocking(|tx| tx.forget_sent_commands(&serial("C1"))).unwrap();
    assert_eq!(come_by(&store).len(), 1);
}

#[test]
fn a_clock_that_stays_away_too_long_is_not_told_old_wishes() {
    let (_folder, store) = fresh();
    ask(&store, PushCommand::Check);
    pass(&store, 24 * 8);
    assert_eq!(come_by(&store), []);
    assert!(shown(&store)[0].error.as_deref().unwrap().contains("did not come by"));
}

#[test]
fn what_waits_and_what_is_kept_has_an_end() {
    let (_folder, store) = fresh();
    let user = |number: u32| PushCommand::DeleteUser {
        user: device_protocols::row::UserCode::parse(&number.to_string()).unwrap(),
    };
    for number in 0..32 {
        assert_eq!(ask(&store, user(number)), Queueing::Queued);
    }
    assert_eq!(ask(&store, user(99)), Queueing::Full);
    for number in 32..160 {
        let (name, _) = come_by(&store).pop().unwrap_or_else(|| {
            store.write_blocking(|tx| tx.forget_sent_commands(&serial("C1"))).unwrap();
            come_by(&store).remove(0)
        });
        assert!(answer(&store, &name, 0));
        ask(&store, user(number));
    }
    assert!(count(&store, "SELECT count(*) FROM device_command") <= 100 + 32);
}

#[test]
fn a_clock_that_counts_more_than_it_posted_is_asked_for_all_before_it_is_believed() {
    let (_folder, store) = fresh();
    let to: DateTime<Utc> = "2026-11-20T05:58:00Z".parse().unwrap();
    let rows = punches("C1", Route::Push, 1, &[("1", "2026-11-20T08:00:00"), ("2", "2026-11-20T08:01:00")]);
    deliver(&store, "C1", Route::Push, rows);
    let counts = |records: u32| DeviceReport { log_count: Some(records), ..DeviceReport::default() };
    let poll = |records: u32| {
        store
            .write_blocking(move |tx| {
                tx.report(&serial("C1"), &counts(records))?;
                tx.posted_until(&serial("C1"), to, true)
            })
            .unwrap();
        store.read_blocking(|tx| tx.device_state(&serial("C1"))).unwrap().unwrap().through
    };
    assert_eq!(poll(3), None, "one is not here");
    store.write_blocking(|tx| tx.ask_for_all(&serial("C1"))).unwrap();
    let (name, command) = come_by(&store).remove(0);
    assert!(matches!(command, PushCommand::SendAttendance { .. }));
    assert_eq!(poll(3), None);
    assert!(answer(&store, &name, 3));
    assert_eq!(poll(3), Some(to), "it has sent all it has");
    assert_eq!(come_by(&store), [], "and is not asked again and again");
}
