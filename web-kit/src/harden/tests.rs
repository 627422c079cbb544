use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use rstest::rstest;
use tower::ServiceExt as _;

use super::*;
use crate::app::fixture::{Permission, TestApp, browser, routes, text};

fn assert_hardened(headers: &HeaderMap, tls: bool, what: &str) {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let csp = value("content-security-policy");
    for needed in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(csp.split("; ").any(|directive| directive == needed), "{what}: {csp}");
    }
    assert!(!csp.contains("unsafe") && !csp.contains('*'), "{what}: {csp}");
    assert_eq!(value("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(value("x-frame-options"), "DENY", "{what}");
    assert_eq!(value("referrer-policy"), "same-origin", "{what}");
    assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{what}");
    assert!(value("permissions-policy").contains("geolocation=()"), "{what}");
    assert_eq!(!value("strict-transport-security").is_empty(), tls, "{what}");
    assert_eq!(value("access-control-allow-origin"), "", "{what}");
    if what.starts_with("/assets/") {
        assert!(value("cache-control").contains("immutable"), "{what}");
    } else {
        assert_eq!(value("cache-control"), "no-store", "{what}");
    }
}

#[rstest]
#[case(false)]
#[case(true)]
#[tokio::test]
async fn every_answer_carries_the_headers(#[case] tls: bool) {
    let app = TestApp::new(tls);
    let cookie = app.sign_in("Somebody", &[Permission::View, Permission::Manage]).await;
    let mut paths: Vec<(String, String)> = routes()
        .entries()
        .filter(|entry| entry.path() != "/slow")
        .map(|entry| (entry.method().to_string(), entry.path().replace("{id}", "7")))
        .collect();
    paths.push(("GET".to_owned(), "/none".to_owned()));
    paths.push(("TRACE".to_owned(), "/".to_owned()));
    paths.push(("GET".to_owned(), app.kit.assets.url("kit.css").to_owned()));
    for (method, path) in paths {
        for cookie in ["", &cookie] {
            let response =
                app.send(browser(&method, &path).header(header::COOKIE, cookie), Body::empty()).await;
            assert_hardened(response.headers(), tls, &path);
        }
    }
    let elsewhere = app.send(Request::get("/").header(header::HOST, "evil.example"), Body::empty()).await;
    assert_hardened(elsewhere.headers(), tls, "host refused");
    let foreign =
        app.send(browser("POST", "/open").header("sec-fetch-site", "cross-site"), Body::empty()).await;
    assert_hardened(foreign.headers(), tls, "cross-site refused");
}

#[rstest]
#[case("POST", &[("sec-fetch-site", "same-origin")], true)]
#[case("POST", &[("sec-fetch-site", "none")], true)]
#[case("POST", &[("sec-fetch-site", "cross-site")], false)]
#[case("POST", &[("sec-fetch-site", "same-site")], false)]
#[case("POST", &[("origin", "http://localhost:8080")], true)]
#[case("POST", &[("origin", "http://localhost:9090")], false)]
#[case("POST", &[("origin", "https://evil.example")], false)]
#[case("POST", &[("origin", "null")], false)]
#[case("PUT", &[("origin", "https://evil.example")], false)]
#[case("POST", &[], true)]
#[case("GET", &[("sec-fetch-site", "cross-site")], true)]
#[tokio::test]
async fn only_this_sites_pages_may_change_things(
    #[case] method: &str,
    #[case] headers: &[(&str, &str)],
    #[case] passes: bool,
) {
    let app = TestApp::new(false);
    let mut request = Request::builder().method(method).uri("/open").header(header::HOST, "localhost:8080");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.send(request, Body::empty()).await;
    assert_eq!(response.status() != StatusCode::FORBIDDEN, passes, "{}", response.status());
}

#[rstest]
#[case(&["localhost:8080"], StatusCode::OK)]
#[case(&["evil.example"], StatusCode::MISDIRECTED_REQUEST)]
#[case(&["localhost", "evil.example"], StatusCode::BAD_REQUEST)]
#[case(&[], StatusCode::BAD_REQUEST)]
#[tokio::test]
async fn only_named_hosts_are_answered(#[case] hosts: &[&str], #[case] expected: StatusCode) {
    let app = TestApp::new(false);
    let mut request = Request::get("/open");
    for host in hosts {
        request = request.header(header::HOST, *host);
    }
    assert_eq!(app.send(request, Body::empty()).await.status(), expected);
    let target = Request::get("http://evil.example/open").header(header::HOST, "localhost");
    assert_eq!(app.send(target, Body::empty()).await.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn the_cause_of_a_failure_stays_in_the_log() {
    let app = TestApp::new(false);
    for path in ["/broken", "/panics"] {
        for accept in ["text/html", "application/json"] {
            let request = Request::get(path).header(header::HOST, "localhost").header(header::ACCEPT, accept);
            let response = app.send(request, Body::empty()).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = text(response).await;
            assert!(!body.contains("secret") && !body.contains("fault"), "{body}");
            let expected =
                if accept == "text/html" { "Something went wrong here" } else { "{\"error\":\"internal\"}" };
            assert!(body.contains(expected), "{body}");
        }
    }
    let fragment = app.send(browser("GET", "/broken").header("hx-request", "true"), Body::empty()).await;
    assert_eq!(fragment.headers()["hx-retarget"], "#notices");
    assert!(text(fragment).await.starts_with("<div class=\"alert alert-bad\" role=\"alert\">"));
}

#[tokio::test]
async fn texts_of_extractors_do_not_reach_the_reader() {
    let app = TestApp::new(false);
    let json = browser("POST", "/open").header(header::CONTENT_TYPE, "application/json");
    let response = app.send(json, "{}").await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let body = text(response).await;
    assert!(body.contains("This request cannot be read") && !body.contains("Content-Type"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_is_given_up() {
    let app = TestApp::new(false);
    let response = app.send(browser("GET", "/slow"), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(text(response).await.contains("This took too long"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up() {
    let app = TestApp::new(false);
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("word=")]);
    let stalls = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
    let request = browser("POST", "/open").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let started = tokio::time::Instant::now();
    let response = app.send(request, Body::from_stream(stalls)).await;
    assert!(response.status().is_client_error(), "{}", response.status());
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_handler_may_ask_for_the_position_but_not_loosen_the_policy() {
    let app = TestApp::new(false);
    let router = Router::new().route(
        "/",
        axum::routing::get(async || {
            [("permissions-policy", "geolocation=(self)"), ("content-security-policy", "default-src *")]
        }),
    );
    let router = harden(router, &app.kit, Config::new(false, HostList::loopback()));
    let request = Request::get("/").header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["permissions-policy"], "geolocation=(self)");
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    assert_eq!(response.headers().get_all("content-security-policy").iter().count(), 1);
}

#[test]
fn the_policy_can_be_widened_one_source_at_a_time() {
    let csp =
        Csp::default().allow("worker-src", "'self'").allow("img-src", "blob:").allow("object-src", "'self'");
    let csp = csp.to_string();
    assert!(csp.contains("; worker-src 'self'"), "{csp}");
    assert!(csp.contains("img-src 'self' data: blob:"), "{csp}");
    assert!(csp.contains("object-src 'self'"), "{csp}");
}
