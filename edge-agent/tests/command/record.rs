//! Company, sites, shifts, rosters, policies, holidays, leave, and records of any kind.

use serde_json::json;

use crate::folder::Folder;

#[test]
fn a_factory_is_set_up_by_commands() {
    let folder = Folder::with_site();
    folder.run(["company", "set", "--name", "Karnaphuli Garments"]).done();
    folder.run(["department", "add", "--code", "SEW", "--name", "Sewing"]).done();
    folder
        .run(["department", "add", "--code", "L1", "--name", "Line 1", "--level", "line", "--parent", "SEW"])
        .done();
    let day = ["--start", "08:00", "--end", "17:00", "--break", "13:00-14:00"];
    folder.run(["shift", "add", "--code", "G", "--name", "General"].into_iter().chain(day)).done();
    folder.run(["roster", "set", "--department", "SEW", "--shift", "G", "--from", "2026-11-01"]).done();
    let rules = folder.write("rules.json", r#"{"grace":{"late_min":10}}"#);
    folder.run(["policy", "set", &rules, "--from", "2026-11-01"]).done();
    folder.run(["holiday", "add", "--date", "2026-12-16", "--name", "Victory Day"]).done();

    let shifts = folder.run(["shift", "list", "--json"]).json();
    assert_eq!(shifts[0]["definition"]["hours"]["fixed"]["breaks"][0]["start"], "13:00");
    let rosters = folder.run(["roster", "list", "--json"]).json();
    assert_eq!((&rosters[0]["scope"], &rosters[0]["shifts"]), (&json!("department SEW"), &json!(["G"])));
    let policies = folder.run(["policy", "show", "--json"]).json();
    assert_eq!(policies[0]["rules"]["grace"]["late_min"], 10);
    let departments = folder.run(["department", "list", "--json"]).json();
    assert_eq!((&departments[1]["level"], &departments[1]["parent"]), (&json!("line"), &json!("SEW")));
    assert_eq!(folder.run(["holiday", "list", "--json"]).json()[0]["date"], "2026-12-16");
    assert!(folder.run(["site", "list"]).done().contains("this agent's"));
    // Every record was written with its change row and its audit row.
    let changes = folder.count("SELECT count(*) FROM oplog");
    assert_eq!(changes, 8);
    assert_eq!(folder.count("SELECT count(*) FROM audit WHERE via = 'console'"), changes);
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let folder = Folder::with_site();
    let holiday = ["holiday", "add", "--date", "2026-12-16", "--name", "Victory Day", "--json"];
    assert_eq!(folder.run(holiday).json()["outcome"], "created");
    let before = folder.count("SELECT count(*) FROM oplog");
    assert_eq!(folder.run(holiday).json()["outcome"], "unchanged");
    let site = folder.run(["site", "set", "--code", "F1", "--name", "Factory 1", "--json"]).json();
    assert_eq!(site["outcome"], "unchanged");
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before);
    let changed = folder.run(["site", "set", "--code", "F1", "--name", "Factory One", "--json"]).json();
    assert_eq!(changed["outcome"], "updated");
    let fields = "SELECT count(*) FROM oplog WHERE fields = CAST('{\"1\":\"Factory One\"}' AS BLOB)";
    assert_eq!(folder.count(fields), 1, "the change carries the changed field alone");
}

#[test]
fn what_the_engine_cannot_read_is_refused_with_the_field_and_saves_nothing() {
    let folder = Folder::with_site();
    let before = folder.count("SELECT count(*) FROM oplog");
    let rules = folder.write("rules.json", r#"{"grace":{"late":10}}"#);
    let error = folder.run(["policy", "set", &rules, "--from", "2026-11-01"]).refused(3);
    assert!(error.contains("grace.late: unknown field `late`"), "{error}");
    let day = ["--start", "08:00", "--end", "12:00", "--break", "13:00-14:00"];
    let error = folder.run(["shift", "add", "--code", "G", "--name", "G"].into_iter().chain(day)).refused(3);
    assert!(error.contains("hours.breaks[0]"), "{error}");
    let error = folder.run(["roster", "set", "--shift", "X", "--from", "2026-11-01"]).refused(3);
    assert!(error.contains("there is no shift X"), "{error}");
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before);
}

#[test]
fn a_rotation_names_its_shifts_by_code() {
    let folder = Folder::with_site();
    for (code, start, end) in [("A", "06:00", "14:00"), ("B", "14:00", "22:00")] {
        folder.run(["shift", "add", "--code", code, "--name", code, "--start", start, "--end", end]).done();
    }
    let pattern = json!({"cycle": {"anchor": "2026-11-01", "runs": [
        {"days": 6, "shifts": ["A"]}, {"days": 1, "shifts": []}, {"days": 6, "shifts": ["B"]}, {"days": 1, "shifts": []}]}});
    let pattern = folder.write("pattern.json", &pattern.to_string());
    folder.run(["roster", "set", "--pattern", &pattern, "--from", "2026-11-01", "--planned"]).done();
    let rosters = folder.run(["roster", "list", "--json"]).json();
    assert_eq!((&rosters[0]["shifts"], &rosters[0]["basis"]), (&json!(["A", "B"]), &json!("roster")));
}

#[test]
fn leave_is_checked_and_waits_unless_it_is_granted() {
    let folder = Folder::with_site();
    folder.run(["employee", "add", "--code", "7", "--name", "Salma Begum"]).done();
    let leave = ["leave", "add", "--employee", "7", "--from", "2026-11-10", "--type", "CL"];
    folder.run(leave).done();
    assert_eq!(folder.run(["leave", "list", "--json"]).json()[0]["state"], "pending");
    folder.run(leave.into_iter().chain(["--approved"])).done();
    let leaves = folder.run(["leave", "list", "--employee", "7", "--json"]).json();
    assert_eq!((leaves.as_array().unwrap().len(), &leaves[0]["state"]), (1, &json!("approved")));
    folder.run(leave.into_iter().chain(["--to", "2026-11-09"])).refused(3);
    folder.run(["leave", "add", "--employee", "8", "--from", "2026-11-10", "--type", "CL"]).refused(3);
    folder.run(leave.into_iter().chain(["--portion", "hours"])).refused(3);
}

#[test]
fn records_of_any_kind_go_out_and_in_again() {
    let folder = Folder::with_site();
    folder.run(["holiday", "add", "--date", "2026-12-16", "--name", "Victory Day"]).done();
    folder
        .run(["shift", "add", "--code", "G", "--name", "General", "--start", "08:00", "--end", "17:00"])
        .done();
    let lines: Vec<String> =
        ["site", "holiday", "shift"].map(|kind| folder.run(["record", "list", kind]).done()).into();
    let text = lines.join("\n");

    let report = folder.run_reading(&text, ["record", "import", "-", "--json"]).json();
    assert_eq!((&report["read"], &report["unchanged"]), (&json!(3), &json!(3)));
    let other = Folder::new();
    let report = other.run_reading(&text, ["record", "import", "-", "--json"]).json();
    assert_eq!(report["created"], 3);
    for kind in ["site", "holiday", "shift"] {
        let (here, there) =
            (folder.run(["record", "list", kind]).done(), other.run(["record", "list", kind]).done());
        assert_eq!(here, there);
    }

    let bad = "{\"kind\":\"holiday\",\"fields\":{\"day\":1}}\n{\"kind\":\"shift\",\"fields\":{\"definition\":{}}}\n{\n";
    let error = folder.run_reading(bad, ["record", "import", "-"]).refused(3);
    assert!(error.contains("line 3: "), "{error}");
    let error = folder.run_reading(&bad[..bad.len() - 2], ["record", "import", "-"]).refused(3);
    assert!(error.contains("line 1, day: a holiday has no such field"), "{error}");
    assert!(error.contains("line 2, fields: shift.definition: "), "{error}");
}

#[test]
fn no_marked_punch_is_an_empty_list() {
    let folder = Folder::with_site();
    assert_eq!(folder.run(["punch", "flags", "--from", "2026-11-01", "--json"]).json(), json!([]));
    assert!(folder.run(["punch", "flags"]).done().contains("No punch is marked."));
}

#[test]
fn wrong_usage_is_told_in_json_where_that_was_asked_for() {
    let folder = crate::folder::Folder::new();
    for arguments in [&["--json", "employee", "add"][..], &["employee", "nothing", "--json"]] {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, 2, "{ended:?}");
        let said: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(said["error"]["kind"], "usage", "{ended:?}");
        assert!(
            !said["error"]["message"].as_str().unwrap().is_empty() && ended.err.contains("Usage"),
            "{ended:?}"
        );
    }
    assert_eq!(folder.run(["employee", "nothing"]).out, "");
}
