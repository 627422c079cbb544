//! What the other tests stand on: processes end in every case, waiting has an end, lists are read exactly.

use std::process::Command;
use std::time::Duration;

use system_tests::binary::{Program, Variant};
use system_tests::clock::SimulatedClock;
use system_tests::process::{Process, descendants, naming};
use system_tests::sent::SentList;
use system_tests::wait::until;

const PATIENCE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_dropped_process_is_gone() {
    let logs = tempfile::tempdir().unwrap();
    let command = shell("trap '' TERM; while :; do sleep 1000; done");
    let process = Process::spawn("stubborn", &command, logs.path()).unwrap();
    let id = process.id();
    until("its child", PATIENCE, || Ok((!descendants(id).is_empty()).then_some(()))).unwrap();
    let child = descendants(id)[0];
    system_tests::process::signal_process(child, system_tests::process::Signal::KILL).unwrap();
    drop(process);
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
}

#[test]
fn a_process_ends_with_a_test_that_is_killed() {
    let logs = tempfile::tempdir().unwrap();
    // The inner shell stands for a test that is killed; its child is guarded as Process::spawn guards, and tells of itself
    // once it is.
    let script = r#"setpriv --pdeathsig KILL -- sh -c 'echo "{\"id\":$$}"; exec sleep 1000' & wait"#;
    let mut outer = Process::spawn("outer", &shell(script), logs.path()).unwrap();
    let inner = outer.event("the id", PATIENCE, |event| event["id"].as_u64()).unwrap();
    outer.kill().unwrap();
    until("the end of the child", PATIENCE, || {
        let status = std::fs::read_to_string(format!("/proc/{inner}/status")).unwrap_or_default();
        let gone = status.is_empty() || status.contains("State:\tZ");
        Ok(gone.then_some(()))
    })
    .unwrap();
}

#[test]
fn events_are_found_among_other_lines() {
    let logs = tempfile::tempdir().unwrap();
    let script =
        r#"echo started; echo '{"event":"listening","what":"ui","address":"127.0.0.1:9"}'; sleep 1000"#;
    let mut process = Process::spawn("talker", &shell(script), logs.path()).unwrap();
    assert_eq!(process.listening("ui", PATIENCE).unwrap(), "127.0.0.1:9");
    assert!(std::fs::read_to_string(process.log()).unwrap().contains("started"));
}

#[test]
fn a_process_that_ends_early_is_told_as_such() {
    let logs = tempfile::tempdir().unwrap();
    let mut process = Process::spawn("short", &shell("exit 3"), logs.path()).unwrap();
    let error = process.listening("ui", PATIENCE).unwrap_err().to_string();
    assert!(error.contains("ended"), "{error}");
}

#[test]
fn waiting_ends_at_its_deadline() {
    let error = until("a thing that never comes", Duration::from_millis(50), || Ok(None::<()>)).unwrap_err();
    assert!(error.to_string().contains("a thing that never comes"));
}

#[test]
fn processes_left_behind_are_found_by_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = shell("sleep 1000; :");
    command.arg(folder.path());
    let process = Process::spawn("left", &command, folder.path()).unwrap();
    until("the process", PATIENCE, || {
        Ok(naming(folder.path()).iter().any(|(id, _)| *id == process.id()).then_some(()))
    })
    .unwrap();
    drop(process);
    assert_eq!(naming(folder.path()), []);
}

#[test]
fn a_sent_list_counts_each_record_once_and_leaves_out_a_torn_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.jsonl");
    let row = |code: &str, time: &str, ok: bool| {
        format!(
            "{{\"serial\":\"S1\",\"code\":\"sn:7\",\"user\":\"{code}\",\"time\":\"{time}\",\"ok\":{ok}}}\n"
        )
    };
    let text = [
        row("7", "2026-11-20 09:00:00", true),
        row("7", "2026-11-20 09:00:00", true),
        row("007", "2026-11-20 09:00:00", true),
        row("7", "2026-02-31 09:00:00", false),
        row("7", "2026-02-31 09:00:00", false),
    ]
    .concat();
    std::fs::write(&path, format!("{text}{{\"serial\":\"S1\",\"co")).unwrap();
    let list = SentList::read(&path).unwrap();
    assert_eq!((list.punches.len(), list.bad), (2, 1));
}

#[tokio::test]
async fn a_simulated_clock_keeps_what_it_kept_over_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut clock =
        SimulatedClock::tcp("SIM1", folder.path(), &["--records", "40", "--bad-date-row", "3"]).unwrap();
    clock.punch(5).await.unwrap();
    let before = clock.sent().unwrap();
    let address = clock.address().unwrap().to_owned();
    clock.kill().unwrap();
    clock.run().unwrap();
    assert_eq!(clock.address().unwrap(), address);
    assert_eq!(clock.sent().unwrap(), before);
    assert_eq!((before.punches.len(), before.bad), (44, 1));
}

#[test]
fn throwaway_builds_are_told_from_the_plain_one_by_what_they_hold() {
    let marked = |program: Program, variant| {
        let file = program.path(variant).unwrap();
        let looked = Command::new("grep").args(["-qaF", "muster-test-only:"]).arg(file).status().unwrap();
        looked.success()
    };
    assert!(!marked(Program::Edge, Variant::Plain) && !marked(Program::Cloud, Variant::Plain));
    for variant in [Variant::FaultPoints, Variant::LoseOne, Variant::AckBeforeCommit] {
        assert!(marked(Program::Edge, variant), "{variant:?}");
    }
    assert!(marked(Program::Cloud, Variant::FaultPoints));
}
