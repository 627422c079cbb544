//! The demonstration: its unattended check passes, notices one lost punch, and its end leaves nothing running.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first surprise")]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use system_tests::cloud_http::Browser;
use system_tests::process::{Process, Signal, descendants};
use system_tests::wait::until;

const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the demonstration unattended: whether it succeeded, and its last line.
fn check(arguments: &[&str]) -> (bool, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--check").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_else(|| panic!("it printed nothing: {said}"));
    eprintln!("{said}{last}");
    (output.status.success(), serde_json::from_str(last).unwrap())
}

#[test]
fn the_check_counts_the_same_at_each_source() {
    let (success, count) = check(&[]);
    assert!(success, "{count}");
    assert_eq!(count["clocks"], 3);
    assert_eq!(count["quarantined"], 1);
    assert!(count["clock"].as_u64().unwrap() > 0);
    assert_eq!(count["clock"], count["edge"]);
    assert_eq!(count["edge"], count["cloud"]);
    assert!(count["records"].as_u64().unwrap() > 0);
}

#[test]
fn the_check_notices_one_lost_punch() {
    let (success, count) = check(&["--lose-one"]);
    assert!(!success, "{count}");
    let number = |name: &str| count[name].as_u64().unwrap();
    assert!(number("clock") > number("cloud"), "{count}");
}

/// Everything that the demonstration started, once punches arrive.
fn running(demo: &mut Process) -> Vec<u32> {
    let log = demo.log().to_owned();
    until("punches to be shown", PATIENCE, || {
        if let Some(status) = demo.ended()? {
            anyhow::bail!("it ended with {status}");
        }
        Ok(std::fs::read_to_string(&log)?.contains("  GATE").then_some(()))
    })
    .unwrap();
    let all = descendants(demo.id());
    // Cloud, its PostgreSQL, the edge, three clocks.
    assert!(all.len() >= 6, "{all:?}");
    all
}

fn all_gone(processes: &[u32]) {
    until("the end of everything it started", PATIENCE, || {
        let alive = |id: &u32| {
            std::fs::read_to_string(format!("/proc/{id}/status"))
                .is_ok_and(|text| !text.contains("State:\tZ"))
        };
        Ok((!processes.iter().any(alive)).then_some(()))
    })
    .unwrap();
}

/// Signs in at both places as the demonstration says.
fn sign_in_as_told(said: &str) {
    let after = |line: &str| said.split_once(line).unwrap().1.trim_start().to_owned();
    let word = |text: &str| text.split_whitespace().next().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for place in ["  factory ", "  cloud "] {
        let told = after(place);
        let (url, name) = (word(&told), told.split_once("sign in as ").unwrap().1.split_once(',').unwrap().0);
        let password = word(told.split_once("password ").unwrap().1);
        let sign_in = |password: String| {
            let form = [("name", name), ("password", password.as_str())];
            runtime.block_on(Browser::at(&url).post("/sign-in", &form)).unwrap().status
        };
        assert_eq!(sign_in(password.clone()), 303, "{told}");
        assert_ne!(sign_in(format!("{password}x")), 303, "{place} takes any password");
    }
}

#[test]
fn it_says_how_to_sign_in_and_ctrl_c_ends_all_of_it() {
    let logs = tempfile::tempdir().unwrap();
    let mut demo = Process::spawn("demo", &Command::new(env!("CARGO_BIN_EXE_demo")), logs.path()).unwrap();
    let started = running(&mut demo);
    sign_in_as_told(&std::fs::read_to_string(demo.log()).unwrap());
    demo.signal(Signal::INT).unwrap();
    assert!(demo.wait(PATIENCE).unwrap().success());
    all_gone(&started);
    let said = std::fs::read_to_string(demo.log()).unwrap();
    let folder = said.lines().find_map(|line| line.split_once("files: ")).unwrap().1.to_owned();
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is left");
}

#[test]
fn a_kill_ends_all_of_it_too() {
    let logs = tempfile::tempdir().unwrap();
    let mut demo = Process::spawn("demo", &Command::new(env!("CARGO_BIN_EXE_demo")), logs.path()).unwrap();
    let started = running(&mut demo);
    demo.kill().unwrap();
    all_gone(&started);
    // A kill cannot tidy up after itself.
    let said = std::fs::read_to_string(demo.log()).unwrap();
    let folder = said.lines().find_map(|line| line.split_once("files: ")).unwrap().1.to_owned();
    std::fs::remove_dir_all(folder).unwrap();
}
