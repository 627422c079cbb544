//! `user`.

use serde_json::Value;

use crate::folder::Folder;

#[test]
fn an_account_is_made_with_a_password_that_is_shown_once() {
    let folder = Folder::with_site();
    let made = folder.run(["user", "add", "rahim", "--full-name", "Abdur Rahim", "--json"]).json();
    let password = made["password"].as_str().unwrap();
    assert!(password.len() >= 20);
    let users = folder.run(["user", "list", "--json"]).json();
    assert_eq!((&users[0]["name"], &users[0]["role"]), (&Value::from("rahim"), &Value::from("local_owner")));
    assert!(!users.to_string().contains(password));
    let argon = "SELECT count(*) FROM local_user WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(folder.count(argon), 1);
    folder.run(["user", "add", "Rahim"]).refused(3);
    assert_eq!(folder.run(["status", "--json"]).json()["accounts"], 1);
}

#[test]
fn a_password_is_reset_from_standard_input_by_the_usual_rules() {
    let folder = Folder::with_site();
    folder.run(["user", "add", "rahim"]).done();
    let hash = |folder: &Folder| folder.count("SELECT length(group_concat(password_hash)) FROM local_user");
    let reset = ["user", "reset-password", "rahim", "--password-stdin", "--json"];
    for (bad, told) in [("short\n", "too short"), ("password1\n", "too easy"), ("rahim12345\n", "too easy")] {
        let error = folder.run_reading(bad, reset);
        assert_eq!(error.code, 3, "{error:?}");
        assert!(error.err.contains(told), "{error:?}");
    }
    assert!(hash(&folder) > 0);
    let answer = folder.run_reading("three blue buckets\n", reset).json();
    assert!(answer["password"].is_null(), "a given password is not repeated");
    folder
        .run_reading("three blue buckets\n", ["user", "reset-password", "nobody", "--password-stdin"])
        .refused(3);
}

#[test]
fn no_account_that_decides_is_made_at_the_console() {
    let folder = Folder::with_site();
    for role in ["supervisor", "hr_admin", "owner", "operator"] {
        assert_eq!(folder.run(["user", "add", "x", "--role", role]).code, 2, "{role}");
    }
    folder.run(["user", "add", "auditor", "--role", "auditor"]).done();
    folder.run(["user", "disable", "auditor"]).refused(3);
}

#[test]
fn a_fresh_set_up_token_is_printed_until_somebody_has_an_account() {
    let folder = Folder::with_site();
    let error = folder.run(["setup-token"]).refused(3);
    assert!(error.contains("muster-edge run"), "{error}");
    let running = folder.start();
    let first = folder.run(["setup-token", "--json"]).json();
    let second = folder.run(["setup-token", "--json"]).json();
    assert_ne!(first["token"], second["token"]);
    let (url, token) = (second["url"].as_str().unwrap(), second["token"].as_str().unwrap());
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with(&format!("/set-up?token={token}")),
        "{url}"
    );
    assert_eq!(
        folder.count("SELECT count(*) FROM setup_token WHERE used_at IS NULL"),
        1,
        "the first one is void"
    );
    folder.run(["user", "add", "rahim"]).done();
    let error = folder.run(["setup-token"]).refused(3);
    assert!(error.contains("reset-password"), "{error}");
    assert!(running.stop().success());
}
