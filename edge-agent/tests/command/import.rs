//! `employee import`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::folder::Folder;

const PEOPLE: &str = "\
Emp ID;Employee Name;Dept;Designation;Date of Joining;Clock code;Blood group
1001;Rahima Khatun;Sewing;Operator;15/01/2024;;A
1002;Karim Uddin;sewing;Helper;2024-02-15;52;B
1003;Salma Begum;Finishing;;;;
";

fn employees(folder: &Folder) -> Value {
    folder.run(["employee", "list", "--json"]).json()
}

#[test]
fn people_get_their_departments_and_their_codes_on_every_clock() {
    let folder = Folder::with_site();
    let file = folder.write("people.csv", PEOPLE);
    let ended = folder.run(["employee", "import", &file, "--json"]);
    assert!(ended.err.contains("Blood group"), "{ended:?}");
    let report = ended.json();
    assert_eq!((&report["created"], &report["clock_codes"]), (&json!(3), &json!(3)));
    assert_eq!(report["departments"], json!(["Sewing", "Finishing"]));
    let people = employees(&folder);
    assert_eq!(people[0]["joined"], "2024-01-15");
    assert_eq!((&people[1]["department"], &people[1]["clock_codes"]), (&json!("Sewing"), &json!(["52"])));
    assert_eq!((&people[2]["designation"], &people[2]["clock_codes"]), (&Value::Null, &json!(["1003"])));
}

#[test]
fn the_same_file_again_writes_nothing_and_a_changed_cell_writes_itself() {
    let folder = Folder::with_site();
    let file = folder.write("people.csv", PEOPLE);
    folder.run(["employee", "import", &file]).done();
    let before = folder.count("SELECT count(*) FROM oplog");
    let report = folder.run(["employee", "import", &file, "--json"]).json();
    assert_eq!(
        (&report["created"], &report["updated"], &report["unchanged"]),
        (&json!(0), &json!(0), &json!(3))
    );
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before);

    let file = folder.write("people.csv", &PEOPLE.replace("Helper", "Operator"));
    let report = folder.run(["employee", "import", &file, "--json"]).json();
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(1), &json!(2)));
    let fields = "SELECT count(*) FROM oplog WHERE fields = CAST('{\"5\":\"Operator\"}' AS BLOB)";
    assert_eq!(folder.count(fields), 1);
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before + 1);
}

#[test]
fn an_empty_cell_leaves_what_is_stored() {
    let folder = Folder::with_site();
    let file = folder.write("people.csv", PEOPLE);
    folder.run(["employee", "import", &file]).done();
    let report =
        folder.run_reading("code,designation,joined\n1001,,\n", ["employee", "import", "-", "--json"]).json();
    assert_eq!(report["unchanged"], 1);
    assert_eq!(employees(&folder)[0]["designation"], "Operator");
}

#[test]
fn one_bad_line_holds_back_the_whole_file_unless_it_is_skipped() {
    let folder = Folder::with_site();
    folder.run(["employee", "add", "--code", "900", "--name", "Has 77", "--clock-code", "77"]).done();
    let bad = "code,name,joined,clock code\n\
        1,Rahima,2026-01-01,\n\
        2,Karim,31/02/2026,\n\
        1,Rahima again,,\n\
        4,,,\n\
        5,Takes a code,,77\n";
    let before = folder.count("SELECT count(*) FROM oplog");
    let error = folder.run_reading(bad, ["employee", "import", "-"]).refused(3);
    for told in [
        "4 of 5 lines are wrong, so nothing was imported",
        "line 3, joined: \"31/02/2026\" is no date",
        "line 4, code: employee code 1 is on line 2 already",
        "line 5, name: employee 4 is new and needs a name",
        "line 6, clock_code: the clock code 77 is already employee 900's",
    ] {
        assert!(error.contains(told), "{told:?} is not in {error}");
    }
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before);

    let dry = folder.run_reading(bad, ["employee", "import", "-", "--dry-run", "--json"]);
    assert_eq!(dry.code, 3, "{dry:?}");
    let dry: Value = serde_json::from_str(&dry.out).unwrap();
    assert_eq!((&dry["created"], dry["errors"].as_array().unwrap().len()), (&json!(1), 4));
    assert_eq!(folder.count("SELECT count(*) FROM oplog"), before);

    let report = folder.run_reading(bad, ["employee", "import", "-", "--skip-bad", "--json"]).json();
    assert_eq!((&report["created"], &report["skipped"]), (&json!(1), &json!(4)));
    assert_eq!(folder.count("SELECT count(*) FROM rec_employee"), 2);
}

#[test]
fn many_people_go_through_a_running_agent_in_groups_that_the_cloud_takes() {
    let folder = Folder::with_site();
    let running = folder.start();
    let mut text = "code,name,department\n".to_owned();
    for code in 1..=1200 {
        writeln!(text, "{code},Person {code},Line {}", code % 7).unwrap();
    }
    let report = folder.run_reading(&text, ["employee", "import", "-", "--json"]).json();
    assert_eq!((&report["created"], &report["clock_codes"]), (&json!(1200), &json!(1200)));
    assert_eq!(employees(&folder).as_array().unwrap().len(), 1200);
    let largest = folder.count("SELECT max(n) FROM (SELECT count(*) AS n FROM oplog GROUP BY origin, grp)");
    let most = i64::try_from(sync_protocol::limit::GROUP_ROWS).unwrap();
    assert!((2..=most).contains(&largest), "{largest}");
    assert!(running.stop().success());
}

#[test]
fn a_heading_that_is_not_understood_can_be_named() {
    let folder = Folder::with_site();
    let text = "Who,Number\nRahima,7\n";
    let error = folder.run_reading(text, ["employee", "import", "-"]).refused(3);
    assert!(error.contains("--column code=HEADING"), "{error}");
    let named = ["employee", "import", "-", "--column", "code=Number", "--column", "name=Who"];
    folder.run_reading(text, named).done();
    assert_eq!(employees(&folder)[0]["name"], "Rahima");
}

#[test]
fn who_has_left_before_today_counts_no_longer_unless_the_file_says_so() {
    let folder = Folder::with_site();
    let text = "code,name,left,active\n1,Gone,2020-01-31,\n2,Leaves,2199-01-31,\n3,Settling,2020-01-31,yes\n";
    folder.run_reading(text, ["employee", "import", "-"]).done();
    let people = employees(&folder);
    let codes: Vec<&str> =
        people.as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["2", "3"]);
}

#[test]
fn an_import_that_is_killed_goes_on_with_the_same_file() {
    const PEOPLE: i64 = 12_000;
    let folder = Folder::with_site();
    let mut list = "code,name,department\n".to_owned();
    for code in 1..=PEOPLE {
        writeln!(list, "{code},Person {code},D{}", code % 7).unwrap();
    }
    let file = folder.write("people.csv", &list);
    let stored = |folder: &Folder| folder.count("SELECT count(*) FROM rec_employee");
    let mut kills = 0;
    let mut import = folder.spawn(["employee", "import", &file]);
    // As a power cut: in the midst of the work, again and again.
    for wanted in [200, 3000, 7000] {
        while stored(&folder) < wanted {
            assert!(import.try_wait().unwrap().is_none(), "it ended before {wanted} were there");
            std::thread::yield_now();
        }
        import.kill().unwrap();
        import.wait().unwrap();
        kills += i64::from(stored(&folder) < PEOPLE);
        assert_eq!(stored(&folder) % 200, 0, "groups are whole or not there");
        import = folder.spawn(["employee", "import", &file]);
    }
    assert!(kills > 0, "it was never ended in the midst of its work");
    let ended = crate::folder::ended(import.wait_with_output().unwrap());
    assert!(ended.err.contains("import the same file again"), "{ended:?}");
    ended.done();
    assert_eq!(stored(&folder), PEOPLE);
    assert_eq!(folder.count("SELECT count(DISTINCT user_code) FROM rec_identity"), PEOPLE);
    assert_eq!(folder.count("SELECT count(*) FROM rec_identity"), PEOPLE);
    assert_eq!(folder.count("SELECT count(*) FROM rec_department"), 7);
    let again = folder.run(["employee", "import", &file, "--json"]).json();
    assert_eq!(again["unchanged"], PEOPLE);
}
