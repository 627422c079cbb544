//! A site and the browsers that look at it, without a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use http::{Method, Request, Response, StatusCode, header};
use shared_model::access::Role;
use shared_model::text::{Code, Name};
use shared_model::{Clock, Entropy, UserId};
use tempfile::TempDir;
use tower::ServiceExt as _;
use web_kit::password::NewPassword;

use crate::config::CloudConfig;
use crate::control::founding::{Founding, found};
use crate::store::{Author, LocalUser, Store};
use crate::sync::Sync;
use crate::web::App;
use crate::web::peer::PeerAddress;

pub(super) const PASSWORD: &str = "orange tractor window";

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(super) struct StandingClock(Mutex<DateTime<Utc>>);

impl StandingClock {
    pub(super) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for StandingClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

#[derive(Debug, Default)]
struct Bytes(Mutex<u64>);

impl Entropy for Bytes {
    fn fill(&self, target: &mut [u8]) {
        let mut seed = self.0.lock().unwrap();
        *seed += 1;
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(target);
    }
}

/// The pages over a store of their own.
pub(super) struct Site {
    pub(super) app: App,
    pub(super) store: Store,
    pub(super) clock: Arc<StandingClock>,
    pub(super) entropy: Arc<dyn Entropy>,
    router: Router,
    _folder: TempDir,
}

impl Site {
    /// Just installed.
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let now = "2026-11-20T06:00:00Z".parse().unwrap();
        let clock = Arc::new(StandingClock(Mutex::new(now)));
        let entropy: Arc<dyn Entropy> = Arc::new(Bytes::default());
        let store = Store::open(folder.path(), clock.clone(), Arc::clone(&entropy)).unwrap();
        let sync = Sync {
            folder: folder.path().to_owned(),
            store: store.clone(),
            cloud: CloudConfig::default(),
            clock: clock.clone(),
            entropy: Arc::clone(&entropy),
        };
        let app = App::new(sync, None, false).unwrap();
        let router = crate::web::router(&app, &[]);
        Self { app, store, clock, entropy, router, _folder: folder }
    }

    /// With a company, a site and an owner.
    pub(super) async fn founded() -> Self {
        let site = Self::new();
        let founding = Founding {
            company: Name::parse("Company").unwrap(),
            site: Name::parse("Unit 2").unwrap(),
            code: Code::parse("U2").unwrap(),
            zone: Tz::Asia__Dhaka,
            hours: None,
        };
        site.store.write(move |tx| found(tx, &Author::CONSOLE, &founding).map(drop)).await.unwrap();
        site.account(Role::LocalOwner).await;
        site
    }

    /// Makes an account named after its role, if there is none.
    async fn account(&self, role: Role) {
        let name = role.as_str().to_owned();
        let wanted = name.clone();
        if self.store.read(move |tx| tx.local_user_named(&wanted)).await.unwrap().is_some() {
            return;
        }
        let password = NewPassword::parse(PASSWORD, &[]).unwrap();
        let user = LocalUser {
            id: UserId::mint(&*self.clock, &*self.entropy),
            name,
            full_name: String::new(),
            role,
            password_hash: self.app.passwords().hash(password, [7; 16]).await.unwrap(),
            active: true,
            last_sign_in: None,
        };
        self.store.write(move |tx| tx.add_local_user(&Author::CONSOLE, &user)).await.unwrap();
    }

    /// A browser in which somebody with a role is signed in.
    pub(super) async fn signed_in(self: &Arc<Self>, role: Role) -> Browser {
        self.account(role).await;
        let browser = Browser::new(self);
        let answer = browser.sign_in(role.as_str(), PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }
}

/// A browser: its cookies and where it stands.
pub(super) struct Browser {
    router: Router,
    peer: SocketAddr,
    cookies: Mutex<BTreeMap<String, String>>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) head: http::HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn location(&self) -> &str {
        self.header("location")
    }
}

impl Browser {
    /// A browser on the machine itself.
    pub(super) fn new(site: &Site) -> Self {
        Self::at(site, "127.0.0.1:50000")
    }

    /// A browser elsewhere.
    pub(super) fn at(site: &Site, peer: &str) -> Self {
        Self { router: site.router.clone(), peer: peer.parse().unwrap(), cookies: Mutex::default() }
    }

    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Request<Body> {
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8470")
            .header(header::ACCEPT, "text/html")
            .header("sec-fetch-site", "same-origin")
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, kind)
            .extension(PeerAddress(self.peer))
            .body(body.into())
            .unwrap()
    }

    /// Sends a request and keeps the cookies of the answer. Of a stream of events only the head is waited for.
    pub(super) async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        self.take(self.request(method, path, kind, body.to_owned())).await
    }

    pub(super) async fn open(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn take(&self, request: Request<Body>) -> Answer {
        let answer = self.open(request).await;
        let (head, body) = answer.into_parts();
        for cookie in head.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap_or_default();
            let mut cookies = self.cookies.lock().unwrap();
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let streams = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body =
            if streams { Vec::new() } else { axum::body::to_bytes(body, 16 << 20).await.unwrap().to_vec() };
        Answer { status: head.status, head: head.headers, body: String::from_utf8(body).unwrap() }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = web_kit::path::encode_query_value;
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.send(Method::POST, path, &body.join("&")).await
    }

    pub(super) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password)]).await
    }
}
