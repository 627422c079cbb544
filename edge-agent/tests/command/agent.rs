//! One agent a folder, and commands that reach it.

use serde_json::Value;

use crate::folder::{Folder, ended, exists};

#[test]
fn commands_reach_the_running_agent_and_end_with_it() {
    let folder = Folder::with_site();
    let boots = "SELECT value FROM meta WHERE name = 'boots'";
    let running = folder.start();
    let before = folder.count(boots);
    folder.run(["department", "add", "--code", "SEW", "--name", "Sewing"]).done();
    assert!(folder.run(["department", "list"]).done().contains("Sewing"));
    assert_eq!(folder.count(boots), before, "nobody else has opened the store for writing");
    assert_eq!(folder.run(["status", "--json"]).json()["running"], true);
    assert!(exists(&folder.path().join("control.json")));
    assert!(running.stop().success());
    assert!(!exists(&folder.path().join("control.json")));
    assert_eq!(folder.run(["status", "--json"]).json()["running"], false);
}

#[test]
fn the_channels_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with_site();
    let _running = folder.start();
    let mode = std::fs::metadata(folder.path().join("control.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_agent_on_a_folder_is_refused() {
    let folder = Folder::with_site();
    let running = folder.start();
    let error = folder.run(["run", "--ui-listen", "127.0.0.1:0", "--push-listen", "127.0.0.1:0"]).refused(5);
    assert!(error.contains(&format!("process {}", running.id())), "{error}");
    assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    // The first one does not mind.
    folder.run(["site", "list"]).done();
    assert!(running.stop().success());
}

#[test]
fn after_a_power_cut_commands_open_the_store_again() {
    let folder = Folder::with_site();
    folder.start().kill();
    assert!(exists(&folder.path().join("control.json")), "the file of the dead agent is still there");
    folder.run(["department", "add", "--code", "SEW", "--name", "Sewing"]).done();
    let running = folder.start();
    assert!(folder.run(["department", "list"]).done().contains("Sewing"));
    assert!(running.stop().success());
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let folder = Folder::with_site();
    let children: Vec<_> = (0..8)
        .map(|n| {
            let (code, name) = (format!("D{n}"), format!("Department {n}"));
            folder.spawn(["department", "add", "--code", &code, "--name", &name])
        })
        .collect();
    for child in children {
        ended(child.wait_with_output().unwrap()).done();
    }
    assert_eq!(folder.count("SELECT count(*) FROM rec_department"), 8);
}

#[test]
fn an_agent_without_its_port_says_which_key_to_change() {
    let folder = Folder::with_site();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = folder.run(["run", "--push-listen", &address]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains(&address) && ended.err.contains("push.listen"), "{ended:?}");
    let found = folder.run(["doctor", "--json"]).json();
    assert!(
        found["findings"].as_array().unwrap().iter().all(|finding| finding["state"] != "problem"),
        "{found}"
    );
}

#[test]
fn the_log_is_json_on_request() {
    let folder = Folder::with_site();
    let mut child = folder.spawn([
        "run",
        "--ui-listen",
        "127.0.0.1:0",
        "--push-listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ]);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(first["level"].is_string() && first["message"].is_string(), "{first}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let folder = Folder::with_site();
    assert_eq!(folder.run(["doctor"]).code, 0);
    let problem = |folder: &Folder, check: &str| {
        let ended = folder.run(["doctor", "--json"]);
        assert_eq!(ended.code, 6, "{ended:?}");
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        let found = findings.into_iter().find(|f| f["check"] == check && f["state"] == "problem");
        let found = found.unwrap_or_else(|| panic!("no problem with {check} in {report}"));
        assert!(found["fix"].is_string());
        found["found"].as_str().unwrap().to_owned()
    };
    // An address where nobody listens.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    folder.run(["device", "add", &gone, "--serial", "GATE1"]).done();
    assert!(problem(&folder, "clocks").contains("GATE1"));
    folder.run(["device", "retire", "GATE1"]).done();
    let key = folder.write("edge/muster-edge.key", "00");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(problem(&folder, "secrets").contains("muster-edge.key"));
    std::fs::remove_file(&key).unwrap();
    folder.write("edge/muster-edge.toml", "[ui]\nlisten = 1\n");
    assert!(problem(&folder, "configuration").contains("muster-edge.toml:2:10"));
}

#[test]
fn enrolling_without_a_cloud_says_why_and_keeps_the_agent_as_it_is() {
    let folder = Folder::with_site();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let error = folder.run(["enroll", "--cloud", &url, "--code", "SECRET-CODE"]).refused(4);
    assert!(error.contains("proxy") && !error.contains("SECRET-CODE"), "{error}");
    let error = folder.run(["enroll", "--cloud", "http://cloud.example", "--code", "X"]).refused(3);
    assert!(error.contains("https://"), "{error}");
    assert_eq!(folder.run(["sync", "status", "--json"]).json()["standing"], "not_enrolled");
}
