//! The cloud as a process: it comes back from every kind of death with what it held, and leaves nothing behind.

use std::process::Command;
use std::time::Duration;

use system_tests::binary::Program;
use system_tests::binary::Variant::Plain;
use system_tests::cloud::{Cloud, run_command};
use system_tests::folder::RunFolder;
use system_tests::postgres::TestDatabase;
use system_tests::process::{Process, Signal, descendants, running_as_root, signal_process};
use system_tests::setup;
use system_tests::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// The command line of a process, words apart by spaces; empty once it is gone.
fn words(process: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Whether a process has ended and nobody has taken note of it.
fn is_zombie(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default().contains("State:\tZ")
}

#[tokio::test]
async fn a_cloud_comes_back_from_every_death_with_what_it_held() {
    let folder = RunFolder::new("cloud").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut cloud = Cloud::start(&folder.sub("cloud").unwrap(), &logs, Plain).unwrap();
    let organisation = setup::organisation(&mut cloud).unwrap();
    let url = cloud.url().unwrap();

    cloud.kill_postgres().unwrap();
    let companies = || cloud.command(&["company", "list"]);
    until("the company after the death of PostgreSQL", Duration::from_secs(60), || {
        Ok(companies().ok().filter(|list| list.to_string().contains(&organisation.company)).map(drop))
    })
    .unwrap();

    cloud.kill().unwrap();
    cloud.run(&[]).unwrap();
    assert_eq!(cloud.url().unwrap(), url);
    assert_eq!(cloud.count("SELECT count(*) FROM company").await.unwrap(), 1);

    let started = descendants(cloud.process().unwrap().id());
    assert!(!started.is_empty(), "its PostgreSQL is its child");
    cloud.stop().unwrap();
    for process in started {
        assert!(words(process).is_empty() || is_zombie(process), "{process} is left");
    }
}

#[test]
fn as_a_containers_first_process_it_reaps_orphans_and_ends_when_asked() {
    let folder = RunFolder::new("first").unwrap();
    let (logs, data) = (folder.sub("logs").unwrap(), folder.sub("cloud").unwrap());
    let program = Program::Cloud.path(Plain).unwrap();
    // A process namespace is what makes a container's first process.
    let mut command = Command::new("unshare");
    if !running_as_root() {
        command.args(["--user", "--map-current-user"]);
    }
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]).arg(&program);
    command.arg("serve").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
    let mut container = Process::spawn("first", &command, &logs).unwrap();
    container.listening("http", Duration::from_secs(120)).unwrap();
    let inside = descendants(container.id());
    let first = inside[0];
    let status = std::fs::read_to_string(format!("/proc/{first}/status")).unwrap();
    let numbers = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    assert_eq!(numbers.split_ascii_whitespace().last(), Some("1"), "{numbers}");

    // A killed postmaster leaves its workers to the first process.
    let is_postmaster = |process: &u32| words(*process).contains("postgres -D");
    let postmaster = inside.iter().copied().find(is_postmaster).unwrap();
    let workers = descendants(postmaster);
    assert!(!workers.is_empty());
    signal_process(postmaster, Signal::KILL).unwrap();
    until("another postmaster, and nobody left unburied", PATIENCE, || {
        let now = descendants(container.id());
        let replaced = now.iter().any(|process| *process != postmaster && is_postmaster(process));
        let clean = now.iter().chain(&workers).all(|process| !is_zombie(*process));
        Ok((replaced && clean).then_some(()))
    })
    .unwrap();
    until("an answer of the new one", PATIENCE, || {
        let mut list = Command::new(&program);
        list.args(["company", "list", "--json", "--data"]).arg(&data);
        Ok(run_command(list).ok().map(drop))
    })
    .unwrap();

    let left = descendants(container.id());
    signal_process(first, Signal::TERM).unwrap();
    assert!(container.wait(PATIENCE).unwrap().success());
    assert!(left.into_iter().all(|process| words(process).is_empty()), "nothing is left");
}

#[tokio::test]
async fn the_program_refuses_to_serve_as_a_role_that_sees_through_the_walls() {
    let database = TestDatabase::migrated().await.unwrap();
    let data = tempfile::tempdir().unwrap();
    for (role, reason) in [("test_admin", "superuser"), ("muster_owner", "own")] {
        let mut serve = Command::new(Program::Cloud.path(Plain).unwrap());
        serve.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        serve.env("DATABASE_URL", database.url(role));
        let refused = run_command(serve).unwrap_err().to_string();
        assert!(refused.contains("ended with") && refused.contains(reason), "{role}: {refused}");
    }
}
