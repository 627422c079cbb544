use axum::body::Body;
use http::{Request, StatusCode, header};
use rstest::rstest;

use super::*;
use crate::app::fixture::{Permission, TestApp, browser, routes, text};

/// A path that fits the pattern.
fn example(path: &str) -> String {
    path.replace("{id}", "7")
}

#[tokio::test]
async fn every_route_that_is_not_public_turns_strangers_away() {
    let app = TestApp::new(false);
    let table = routes();
    let mut guarded = 0;
    for entry in table.entries() {
        if entry.access() == Access::Public {
            continue;
        }
        guarded += 1;
        let path = example(entry.path());
        for cookie in ["", "sample=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sample=x"] {
            let request = browser(entry.method().as_str(), &path).header(header::COOKIE, cookie);
            let response = app.send(request, Body::empty()).await;
            let redirect =
                if entry.method() == Method::GET { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
            assert_eq!(response.status(), redirect, "{entry:?}");
            assert!(
                response.headers()[header::LOCATION].to_str().unwrap().starts_with("/sign-in"),
                "{entry:?}"
            );
        }
        let request = Request::builder().method(entry.method()).uri(&path).header(header::HOST, "localhost");
        let response = app.send(request, Body::empty()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{entry:?}");
        assert_eq!(text(response).await, "{\"error\":\"not_signed_in\"}");
    }
    assert_eq!(guarded, 5);
}

#[tokio::test]
async fn every_route_that_needs_a_permission_refuses_those_without() {
    let app = TestApp::new(false);
    let nothing = app.sign_in("Nobody", &[]).await;
    let everything = app.sign_in("Somebody", &[Permission::View, Permission::Manage]).await;
    let table = routes();
    let mut checked = 0;
    for entry in table.entries() {
        let Access::Needs(_) = entry.access() else { continue };
        checked += 1;
        let path = example(entry.path());
        let request = || browser(entry.method().as_str(), &path);
        let refused = app.send(request().header(header::COOKIE, &nothing), Body::empty()).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{entry:?}");
        assert!(text(refused).await.contains("You may not do this"));
        let allowed = app.send(request().header(header::COOKIE, &everything), Body::empty()).await;
        assert!(allowed.status().is_success() || allowed.status().is_redirection(), "{entry:?}");
    }
    assert_eq!(checked, 3);
}

#[rstest]
#[case("/view?x=1&y=2", "/sign-in?next=/view%3Fx%3D1%26y%3D2")]
#[case("/", "/sign-in")]
#[tokio::test]
async fn a_stranger_comes_back_to_the_page_asked_for(#[case] path: &str, #[case] expected: &str) {
    let response = TestApp::new(false).get(path, "").await;
    assert_eq!(response.headers()[header::LOCATION], expected);
}

#[tokio::test]
async fn htmx_is_sent_to_the_sign_in_page_from_the_page_it_is_on() {
    let app = TestApp::new(false);
    for (url, expected) in [
        ("http://localhost:8080/view?x=1", "/sign-in?next=/view%3Fx%3D1"),
        ("http://localhost:8080//evil.example/", "/sign-in"),
        ("nonsense url", "/sign-in"),
    ] {
        let request = browser("GET", "/view").header("hx-request", "true").header("hx-current-url", url);
        let response = app.send(request, Body::empty()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["hx-redirect"], expected, "{url}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_the_form_asked_for() {
    let app = TestApp::new(false);
    let page = app.get("/none", "").await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(text(page).await.contains("There is no such page"));
    let data = app.send(Request::get("/none").header(header::HOST, "localhost"), Body::empty()).await;
    assert_eq!(text(data).await, "{\"error\":\"not_found\"}");
    let method = app.send(browser("DELETE", "/view"), Body::empty()).await;
    assert_eq!(method.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.headers()[header::ALLOW], "GET,HEAD");
}

#[tokio::test]
async fn a_body_beyond_the_routes_limit_is_refused() {
    let app = TestApp::new(false);
    let form =
        |path: &str| browser("POST", path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = app.send(form("/small"), "word=short").await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = app.send(form("/small"), "word=much-too-long-for-it").await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(response).await.contains("This is too large"));
    let streamed = Body::from_stream(futures_util::stream::iter(
        (0..1024).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1024])),
    ));
    let response = app.send(form("/open"), streamed).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let response = app.send(form("/open").header(header::CONTENT_LENGTH, u64::MAX), "word=a").await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_flash_is_shown_once_and_escaped() {
    let app = TestApp::new(false);
    let cookie = app.sign_in("Somebody", &[Permission::Manage]).await;
    let response = app.send(browser("POST", "/manage").header(header::COOKIE, &cookie), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let flash = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(flash.contains("HttpOnly") && flash.contains("SameSite=Strict"), "{flash}");
    let both = format!("{cookie}; {}", flash.split(';').next().unwrap());
    let shown = app.get("/", &both).await;
    assert!(shown.headers()[header::SET_COOKIE].to_str().unwrap().starts_with("flash=; Path=/; Max-Age=0"));
    let body = text(shown).await;
    assert!(body.contains("<p>Sign out</p>"), "{body}");
    assert!(!body.contains("<script>"), "{body}");
}

#[test]
fn the_listing_is_a_line_a_route() {
    let expected = "\
GET    /  SignedIn
PUT    /api/thing/{id}  Needs(Manage)
GET    /broken  Public
GET    /live  SignedIn
POST   /manage  Needs(Manage)
GET    /open  Public
POST   /open  Public
GET    /panics  Public
GET    /slow  Public
POST   /small  Public
GET    /view  Needs(View)
";
    assert_eq!(routes().listing(), expected);
}
