//! Names that are markup, requests from other sites, streams that nobody reads.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use chrono_tz::Tz;
use futures_util::StreamExt as _;
use http::{Method, Request, StatusCode, header};
use shared_model::access::Role;
use shared_model::punch::Reading;
use shared_model::zone::resolve_in;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};
use tokio_util::sync::CancellationToken;

use super::browser::{Browser, Site};
use crate::control::import::{ImportEmployees, Sheet};
use crate::control::{Progress, call};
use crate::store::{Author, Delivered, Delivery};

const MARKUP: &str = "<img src=x onerror=alert(1)>";

async fn take_punch(site: &Site, code: &str, wall: &str) {
    let (serial, user_code) = (ClockSerial::parse("C1").unwrap(), UserCode::parse(code).unwrap());
    let raw_time = RawTime::new(wall.parse().unwrap());
    let punch = Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial: serial.clone(),
        user_code,
        raw_time,
        zone: Tz::Asia__Dhaka,
        instant: resolve_in(Tz::Asia__Dhaka, raw_time.wall()).0,
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: "2026-11-20T06:00:00Z".parse().unwrap(),
        raw: Box::default(),
    };
    let delivery = Delivery { serial, route: Route::Pull, after: None, rows: vec![Delivered::Punch(punch)] };
    site.store.write(move |tx| tx.take(&delivery)).await.unwrap();
}

async fn hostile_site() -> Arc<Site> {
    let site = Arc::new(Site::founded().await);
    let csv = format!("code,name,department,designation\n7,{MARKUP},{MARKUP},{MARKUP}\n");
    let sheet = Sheet::read(csv.as_bytes(), &[]).unwrap();
    let request = ImportEmployees { lines: sheet.lines, bad: sheet.bad, ..ImportEmployees::default() };
    call(&site.app.asked_by(Author::CONSOLE), request, &Progress::silent()).await.unwrap();
    take_punch(&site, "7", "2026-11-20T08:00:00").await;
    take_punch(&site, MARKUP, "2026-11-20T08:01:00").await;
    site.store
        .write(|tx| {
            let serial = ClockSerial::parse("PENDING").unwrap();
            tx.remember_pending(&serial, MARKUP, MARKUP, MARKUP, &[MARKUP.to_owned()])
        })
        .await
        .unwrap();
    site
}

#[tokio::test]
async fn names_that_are_markup_stay_text_on_every_page() {
    let site = hostile_site().await;
    let owner = site.signed_in(Role::LocalOwner).await;
    let mut seen = 0;
    for path in ["/", "/people", "/people/unknown", "/clocks", "/clocks/waiting/PENDING", "/rules", "/sync"] {
        let body = owner.get(path).await.body;
        assert!(!body.contains(MARKUP), "{path}");
        seen += usize::from(body.contains("&#60;img src=x") || body.contains("&lt;img src=x"));
    }
    assert!(seen >= 4, "the names are there, as text: {seen}");
    let search =
        owner.get(&format!("/people?q={}", web_kit::path::encode_query_value("\"><script>alert(1)"))).await;
    assert!(!search.body.contains("<script>alert"), "a search comes back as text");
}

#[tokio::test]
async fn the_feed_tells_new_punches_as_text_and_only_to_so_many() {
    let site = hostile_site().await;
    let owner = site.signed_in(Role::LocalOwner).await;
    let stop = CancellationToken::new();
    let watcher = crate::web::live::Watcher::new(site.app.clone()).await;
    let watching = tokio::spawn(watcher.run(stop.clone()));
    let open = || owner.open(owner.request(Method::GET, "/live", "", Body::empty()));
    let mut first = open().await.into_body().into_data_stream();
    // The counts come at once; then the stream is open, and what arrives now is news.
    let counts = String::from_utf8(first.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(counts.contains("event: counts"), "{counts}");
    take_punch(&site, "<b>8</b>", "2026-11-20T08:02:00").await;
    let mut told = String::new();
    while !told.contains("event: punch") {
        told.push_str(std::str::from_utf8(&first.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(told.contains("08:02:00") && !told.contains("<b>8"), "{told}");

    let mut streams = Vec::new();
    let mut refused = None;
    for _ in 0..64 {
        let answer = open().await;
        if answer.status() != StatusCode::OK {
            refused = Some(answer.status());
            break;
        }
        streams.push(answer);
    }
    assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(streams.iter().all(|stream| !stream.body().is_end_stream()));
    drop(streams);
    assert_eq!(open().await.status(), StatusCode::OK, "a closed page makes room");
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn another_sites_page_cannot_change_anything() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let mut request = owner.request(Method::POST, "/sign-out", "application/x-www-form-urlencoded", "");
        request.headers_mut().remove("sec-fetch-site");
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(owner.take(request).await.status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(owner.get("/account").await.status, StatusCode::OK, "nobody was signed out");
}

#[tokio::test]
async fn a_name_that_points_here_from_elsewhere_gets_nothing() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let mut request: Request<Body> = owner.request(Method::GET, "/", "", Body::empty());
    request.headers_mut().insert(header::HOST, "evil.example:8470".parse().unwrap());
    assert_eq!(owner.take(request).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn nonsense_in_a_query_is_answered_by_a_page() {
    let site = hostile_site().await;
    let owner = site.signed_in(Role::LocalOwner).await;
    for query in [
        "?after=1' OR 1=1",
        "?before=%00",
        "?date=9999-99-99",
        "?date=9999-12-31",
        "?date=0001-01-01",
        "?sort=<script>",
        "?department=x&show=y",
        "?q=%25%25%25",
        "?q=%F0%9F%92%A9",
    ] {
        let path = query.replace(' ', "%20").replace('\'', "%27").replace('<', "%3C").replace('>', "%3E");
        for page in ["/", "/people"] {
            let answer = owner.get(&format!("{page}{path}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{page}{path}");
        }
    }
    let person = owner.get("/people?q=7").await.body;
    let id = person.split("class=\"row-link\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for month in ["0000-00", "1999-12", "2200-01", "2026-13", "x"] {
        assert_eq!(owner.get(&format!("{id}?month={month}")).await.status, StatusCode::OK, "{month}");
    }
    assert!(Browser::new(&site).get("/nowhere").await.status == StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn figures_are_for_programs_on_this_machine_only() {
    let site = Site::founded().await;
    let answer = Browser::new(&site).get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "muster_edge_enrolled 0",
        "muster_edge_backlog_rows{stream=\"ledger\"} 0",
        "# TYPE muster_edge_jobs_due gauge",
    ] {
        assert!(answer.body.lines().any(|known| known == line), "{line}: {}", answer.body);
    }
    let again = Browser::new(&site).get("/metrics").await;
    assert!(again.body.contains("muster_edge_http_requests_total{status=\"2xx\"} 1"), "{}", again.body);
    for peer in ["192.168.1.20:50000", "[fe80::2]:50000"] {
        assert_eq!(Browser::at(&site, peer).get("/metrics").await.status, StatusCode::NOT_FOUND, "{peer}");
    }
}
