//! `config`, and what is told of wrong usage.

use crate::folder::{Folder, exists};

#[test]
fn the_default_can_be_put_in_place_and_changes_nothing() {
    let folder = Folder::new();
    let text = folder.run(["config", "default"]).done();
    std::fs::create_dir(folder.path()).unwrap();
    let before = folder.run(["config", "check", "--json"]).json();
    folder.write("edge/muster-edge.toml", &text);
    let after = folder.run(["config", "check", "--json"]).json();
    assert_eq!(before["config"], after["config"]);
    assert!(before["file"].is_null() && after["file"].is_string());
}

#[test]
fn an_unknown_key_is_wrong_usage_with_its_place() {
    let folder = Folder::with_site();
    let path = folder.write("edge/muster-edge.toml", "[ui]\nlisten = \"127.0.0.1:0\"\nport = 8470\n");
    let error = folder.run(["config", "check"]).refused(2);
    assert!(error.contains(&format!("{path}:3:1: unknown field `port`")), "{error}");
    assert!(error.contains("3 | port = 8470\n"), "{error}");
    // An agent does not start with half a configuration.
    folder.run(["run"]).refused(2);
}

#[test]
fn secrets_are_used_and_not_shown() {
    let folder = Folder::with_site();
    let proxy = ("MUSTER_CLOUD_PROXY", "http://agent:hunter2@proxy.example:3128");
    let shown = folder.run_with(proxy, ["config", "check"]);
    assert!(shown.out.contains("(hidden)") && shown.out.contains("MUSTER_CLOUD_PROXY"), "{shown:?}");
    assert!(!format!("{shown:?}").contains("hunter2"));
}

#[test]
fn flags_go_before_the_file() {
    let folder = Folder::with_site();
    let shown = folder.run(["config", "check", "--push-listen", "127.0.0.1:9", "--json"]).json();
    assert_eq!(shown["config"]["push"]["listen"], "127.0.0.1:9");
    assert_eq!(shown["config"]["ui"]["listen"], "127.0.0.1:0");
}

#[test]
fn wrong_usage_is_told_and_makes_nothing() {
    let folder = Folder::new();
    for arguments in [&["nonsense"][..], &["site", "set"], &["shift", "add", "--code", "G", "--name", "G"]] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments:?}");
    }
    let error = folder.run(["site", "set", "--code", "F1", "--name", "F", "--zone", "Dhaka"]);
    assert_eq!(error.code, 2);
    assert!(error.err.contains("Asia/Dhaka"), "{error:?}");
    assert!(!exists(&folder.path()));
}

#[test]
fn looking_at_an_agent_that_is_not_there_makes_none() {
    let folder = Folder::new();
    for arguments in [&["status"][..], &["site", "list"], &["device", "list"], &["sync", "status"]] {
        let error = folder.run(arguments).refused(3);
        assert!(error.contains("there is no agent in"), "{error}");
    }
    assert!(!exists(&folder.path()));
}
