mod browser;
mod flow;
mod hostile;
mod listener;

use std::path::Path;
use std::sync::Arc;

use shared_model::access::{Permission, Role};
use web_kit::{Access, check};

use browser::{Browser, Site};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_text_stands_outside_the_locale_files_and_no_script_in_the_markup() {
    assert_eq!(check::templates(&here().join("templates")).unwrap(), []);
}

#[test]
fn every_text_exists_in_every_language_and_is_used() {
    let (web, templates) = (here().join("src"), here().join("templates"));
    let findings =
        check::texts(&[&web, &templates], &here().join("locales"), &[&here().join("../web-kit/locales")])
            .unwrap();
    assert_eq!(findings, []);
}

#[test]
fn every_icon_exists() {
    let sprite = std::fs::read_to_string(here().join("../web-kit/assets/image/icons.svg")).unwrap();
    let (web, templates) = (here().join("src"), here().join("templates"));
    assert_eq!(check::icons(&[&web, &templates], &sprite).unwrap(), []);
}

/// The reviewed list of routes with who may use them. A new route changes it in the same commit.
#[test]
fn the_routes_are_the_reviewed_ones() {
    let reviewed = include_str!("tests/routes.txt");
    assert_eq!(super::routes().listing(), reviewed, "review the change, then write it into routes.txt");
}

#[test]
fn only_pages_before_signing_in_are_public_and_what_changes_something_needs_a_permission_for_it() {
    let public: Vec<&str> = super::routes()
        .entries()
        .filter(|entry| entry.access() == Access::Public)
        .map(web_kit::route::Entry::path)
        .collect();
    assert_eq!(public, ["/health", "/metrics", "/set-up", "/set-up", "/sign-in", "/sign-in", "/language"]);
    for entry in super::routes().entries().filter(|entry| entry.method() == http::Method::POST) {
        let own_account = ["/sign-out", "/account/password", "/account/sign-out-others"];
        match entry.access() {
            Access::Public => {}
            Access::SignedIn => assert!(own_account.contains(&entry.path()), "{}", entry.path()),
            Access::Needs(permission) => assert!(!permission.looks(), "{}", entry.path()),
        }
    }
}

/// A path with every placeholder filled by something of the right form that does not exist.
fn filled(path: &str) -> String {
    path.replace("{id}", "0192f0c1-0000-7000-8000-000000000000").replace("{serial}", "NONE1")
}

#[tokio::test]
async fn nobody_gets_in_without_signing_in() {
    let site = Arc::new(Site::founded().await);
    let stranger = Browser::new(&site);
    for entry in super::routes().entries() {
        let answer = stranger.send(entry.method(), &filled(entry.path()), "").await;
        match entry.access() {
            Access::Public => assert!(answer.status.as_u16() < 500, "{}", entry.path()),
            Access::SignedIn | Access::Needs(_) => {
                let expected = if entry.method() == http::Method::GET { 302 } else { 303 };
                assert_eq!(answer.status.as_u16(), expected, "{} {}", entry.method(), entry.path());
                assert!(answer.location().starts_with("/sign-in"), "{}", entry.path());
            }
        }
    }
}

#[tokio::test]
async fn each_role_gets_exactly_what_its_permissions_say() {
    let site = Arc::new(Site::founded().await);
    for role in Role::ALL {
        let person = site.signed_in(*role).await;
        for entry in super::routes().entries() {
            let (Access::Needs(permission), path) = (entry.access(), filled(entry.path())) else { continue };
            let answer = person.send(entry.method(), &path, "").await;
            let forbidden = answer.status == http::StatusCode::FORBIDDEN;
            assert_eq!(
                forbidden,
                !role.may(permission),
                "{role:?} {} {path} {}",
                entry.method(),
                answer.status
            );
            assert!(
                !answer.status.is_server_error(),
                "{role:?} {} {path}: {}",
                entry.method(),
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    for entry in super::routes().entries().filter(|entry| entry.method() == http::Method::GET) {
        let path = filled(entry.path());
        let answer = owner.send(http::Method::GET, &path, "").await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
        ] {
            // A stream of events says of itself that it is never cached.
            if path == "/live" && name == "cache-control" {
                continue;
            }
            assert_eq!(answer.header(name), value, "{path}");
        }
    }
}

#[tokio::test]
async fn the_navigation_shows_what_the_person_may_open() {
    let site = Arc::new(Site::founded().await);
    let supervisor = site.signed_in(Role::Supervisor).await.get("/").await;
    assert!(supervisor.body.contains("href=\"/people\"") && !supervisor.body.contains("href=\"/rules\""));
    assert!(Role::Supervisor.may(Permission::PeopleView) && !Role::Supervisor.may(Permission::RulesView));
    let auditor = site.signed_in(Role::Auditor).await.get("/people").await;
    assert!(!auditor.body.contains("href=\"/people/new\""), "an auditor is offered no change");
}
