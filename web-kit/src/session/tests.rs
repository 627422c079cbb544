use axum::body::Body;
use chrono::TimeDelta;
use http::{HeaderMap, StatusCode, header};
use rstest::rstest;

use super::*;
use crate::app::fixture::{Permission, TestApp, User, browser};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(1_000_000 + minutes)
}

#[rstest]
#[case::just_signed_in(0, 0, 0, Verdict::Live { touch: false })]
#[case::written_at_most_once_a_minute(0, 10, 11, Verdict::Live { touch: true })]
#[case::last_minute_of_idle(0, 10, 39, Verdict::Live { touch: true })]
#[case::idle(0, 10, 40, Verdict::Idle)]
#[case::last_minute_of_all(0, 719, 719, Verdict::Live { touch: false })]
#[case::too_old_though_active(0, 719, 720, Verdict::TooOld)]
#[case::small_step_back(0, 10, 8, Verdict::Live { touch: false })]
#[case::clock_set_back(0, 10, 7, Verdict::ClockWentBack)]
#[case::damaged_row(10, 0, 10, Verdict::ClockWentBack)]
fn a_session_lives_30_minutes_idle_and_12_hours_in_all(
    #[case] signed_in: i64,
    #[case] seen: i64,
    #[case] now: i64,
    #[case] expected: Verdict,
) {
    assert_eq!(Lifetime::default().judge(at(signed_in), at(seen), at(now)), expected);
}

#[test]
fn a_token_is_43_characters_and_only_its_hash_is_kept() {
    let token = SessionToken::from_random([7; 32]);
    let text = token.text();
    assert_eq!(text.len(), 43);
    assert_eq!(SessionToken::parse(&text).unwrap().hash(), token.hash());
    assert_ne!(token.hash().as_bytes(), &[7; 32]);
    assert_ne!(token.hash(), SessionToken::from_random([8; 32]).hash());
    assert!(!format!("{token:?}").contains(&text));
    assert_eq!(TokenHash::from_bytes(*token.hash().as_bytes()), token.hash());
}

#[rstest]
#[case("")]
#[case("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw")]
#[case("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH")]
#[case("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw+")]
#[case("=======================================BwcH")]
fn anything_else_is_no_token(#[case] text: &str) {
    assert!(SessionToken::parse(text).is_none());
}

#[test]
fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let token = SessionToken::from_random([7; 32]);
    let plain = CookieRules::new("edge", false).set(&token, Lifetime::default());
    let plain = plain.to_str().unwrap();
    assert!(
        plain.starts_with("edge=") && plain.contains("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
    );
    assert!(!plain.contains("Secure") && !plain.contains("Domain"));
    let tls = CookieRules::new("edge", true).set(&token, Lifetime::default());
    let tls = tls.to_str().unwrap();
    assert!(tls.starts_with("__Host-edge=") && tls.ends_with("; Secure"), "{tls}");
}

#[rstest]
#[case(&["a=1; edge=x; b=2"], Some("x"))]
#[case(&["a=1", "edge=x"], Some("x"))]
#[case(&["edge=x; edge=y"], None)]
#[case(&["edge=x", "edge=y"], None)]
#[case(&["xedge=x; edgex=y"], None)]
fn a_cookie_sent_twice_is_not_believed(#[case] lines: &[&'static str], #[case] expected: Option<&str>) {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::COOKIE, http::HeaderValue::from_static(line));
    }
    assert_eq!(cookie::value(&headers, "edge"), expected);
}

#[tokio::test]
async fn signing_in_makes_a_new_session_and_ends_the_old_one() {
    let app = TestApp::new(false);
    let first = app.sign_in("First", &[]).await;
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, first.parse().unwrap());
    let user = User { name: "Second", may: vec![] };
    let second = begin(&app, &headers, &user).await.unwrap();
    let second = second.to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(app.get("/", &first).await.status(), StatusCode::FOUND);
    assert_eq!(app.get("/", &second).await.status(), StatusCode::OK);
    assert_eq!(app.rows.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let app = TestApp::new(false);
    let cookie = app.sign_in("Somebody", &[]).await;
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, cookie.parse().unwrap());
    let cleared = end(&app, &headers).await.unwrap();
    assert!(cleared.to_str().unwrap().starts_with("sample=; Path=/; Max-Age=0"));
    assert_eq!(app.get("/", &cookie).await.status(), StatusCode::FOUND);
    assert!(app.rows.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_expired_session_is_removed_and_its_cookie_cleared() {
    let app = TestApp::new(false);
    let cookie = app.sign_in("Somebody", &[]).await;
    app.advance(TimeDelta::minutes(30));
    let response = app.get("/", &cookie).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert!(app.rows.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn activity_prolongs_a_session_but_a_page_left_open_does_not() {
    let app = TestApp::new(false);
    let active = app.sign_in("Active", &[]).await;
    let left = app.sign_in("Left", &[]).await;
    for _ in 0..4 {
        app.advance(TimeDelta::minutes(7));
        assert_eq!(app.get("/", &active).await.status(), StatusCode::OK);
        assert_eq!(app.get("/live", &left).await.status(), StatusCode::OK);
        let asked = app.send(browser("HEAD", "/").header(header::COOKIE, &left), Body::empty()).await;
        assert_eq!(asked.status(), StatusCode::OK);
    }
    app.advance(TimeDelta::minutes(7));
    assert_eq!(app.get("/", &active).await.status(), StatusCode::OK);
    assert_eq!(app.get("/live", &left).await.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_person_the_store_no_longer_returns_is_signed_out_at_once() {
    let app = TestApp::new(false);
    let cookie = app.sign_in("Somebody", &[Permission::View]).await;
    assert_eq!(app.get("/view", &cookie).await.status(), StatusCode::OK);
    app.rows.0.lock().unwrap().values_mut().for_each(|row| row.user.may.clear());
    assert_eq!(app.get("/view", &cookie).await.status(), StatusCode::FORBIDDEN);
    app.rows.0.lock().unwrap().clear();
    assert_eq!(app.get("/view", &cookie).await.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_public_page_knows_who_is_signed_in_without_demanding_it() {
    let app = TestApp::new(false);
    let cookie = app.sign_in("Somebody", &[]).await;
    let named = app.send(browser("GET", "/open").header(header::COOKIE, cookie), Body::empty()).await;
    assert!(crate::app::fixture::text(named).await.contains("<b>Somebody</b>"));
    assert!(crate::app::fixture::text(app.get("/open", "").await).await.contains("<b>open</b>"));
}

#[test]
fn a_password_typed_long_ago_is_asked_for_again() {
    let current = Current { user: (), session: TokenHash::from_bytes([0; 32]), signed_in_at: at(0) };
    assert!(current.signed_in_within(TimeDelta::minutes(10), at(10)));
    assert!(!current.signed_in_within(TimeDelta::minutes(10), at(11)));
    assert!(!current.signed_in_within(TimeDelta::minutes(10), at(-1)));
}
