//! A small web UI for tests: two permissions, a clock that is set by hand, sessions in memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{Kit, WebApp};
use crate::harden::{Config, HostList};
use crate::session::{CookieRules, StoredSession, TokenHash};
use crate::{
    Access, Assets, Current, Flash, FormState, Frame, Locales, Page, Refusal, Route, RouteTable,
    SessionStore, Texts, View, harden,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    View,
    Manage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) may: Vec<Permission>,
}

#[derive(Clone, Default)]
pub(crate) struct Rows(pub(crate) Arc<Mutex<HashMap<TokenHash, StoredSession<User>>>>);

impl SessionStore for Rows {
    type User = User;
    type Error = Infallible;

    async fn find(&self, key: &TokenHash) -> Result<Option<StoredSession<User>>, Infallible> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn insert(&self, key: &TokenHash, user: &User, now: DateTime<Utc>) -> Result<(), Infallible> {
        let row = StoredSession { user: user.clone(), signed_in_at: now, last_seen_at: now };
        self.0.lock().unwrap().insert(*key, row);
        Ok(())
    }

    async fn touch(&self, key: &TokenHash, now: DateTime<Utc>) -> Result<(), Infallible> {
        if let Some(row) = self.0.lock().unwrap().get_mut(key) {
            row.last_seen_at = now;
        }
        Ok(())
    }

    async fn delete(&self, key: &TokenHash) -> Result<(), Infallible> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

#[derive(Clone)]
pub(crate) struct TestApp {
    pub(crate) kit: Arc<Kit>,
    pub(crate) rows: Rows,
    pub(crate) clock: Arc<Mutex<DateTime<Utc>>>,
    tokens: Arc<Mutex<u8>>,
}

impl TestApp {
    pub(crate) fn new(tls: bool) -> Self {
        let kit = Kit::new("Sample", Locales::kit(), Assets::kit(), CookieRules::new("sample", tls));
        Self {
            kit: Arc::new(kit),
            rows: Rows::default(),
            clock: Arc::new(Mutex::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000))),
            tokens: Arc::default(),
        }
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.clock.lock().unwrap() += by;
    }

    /// Signs a person in and returns the cookie pair a browser would send.
    pub(crate) async fn sign_in(&self, name: &'static str, may: &[Permission]) -> String {
        let user = User { name, may: may.to_vec() };
        let set = crate::session::begin(self, &http::HeaderMap::new(), &user).await.unwrap();
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    pub(crate) fn router(&self) -> Router {
        let config = Config::new(self.kit.cookies.secure(), HostList::loopback());
        harden(routes().build(self.clone()), &self.kit, config)
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Response {
        self.router().oneshot(request.body(body.into()).unwrap()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response {
        self.send(browser("GET", path).header(header::COOKIE, cookie), Body::empty()).await
    }
}

/// A request as a browser makes it when a person goes to a page or sends a form of this site.
pub(crate) fn browser(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8080")
        .header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        .header("sec-fetch-site", "same-origin")
}

pub(crate) async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

impl WebApp for TestApp {
    type User = User;
    type Permission = Permission;
    type Sessions = Rows;

    fn kit(&self) -> &Arc<Kit> {
        &self.kit
    }

    fn sessions(&self) -> &Rows {
        &self.rows
    }

    fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    fn random(&self) -> [u8; 32] {
        let mut tokens = self.tokens.lock().unwrap();
        *tokens += 1;
        [*tokens; 32]
    }

    fn allows(&self, user: &User, permission: Permission) -> bool {
        user.may.contains(&permission)
    }

    async fn frame(&self, user: Option<&User>, _: &Texts) -> Frame {
        Frame { site: user.map_or("nobody", |user| user.name).to_owned(), ..Frame::default() }
    }
}

#[derive(Template)]
#[template(
    source = "{% extends \"kit/shell.html\" %}{% block title %}x{% endblock %}{% block content %}<b>{{ word }}</b>{% endblock %}",
    ext = "html"
)]
struct WordPage {
    page: Page,
    word: String,
}

async fn home(page: Page, who: Current<User>) -> View<WordPage> {
    View(WordPage { page, word: who.user.name.to_owned() })
}

async fn open(page: Page, who: Option<Current<User>>) -> View<WordPage> {
    View(WordPage { page, word: who.map_or("open", |who| who.user.name).to_owned() })
}

async fn echo(page: Page, mut form: FormState) -> Response {
    match form.required(&page.texts, "word") {
        Some(word) => View(WordPage { page, word }).into_response(),
        None => FormState::again(View(WordPage { page, word: form.error("word").unwrap_or("").to_owned() })),
    }
}

async fn done() -> (Flash, Redirect) {
    (Flash::good("sign-out").with("name", "<script>"), Redirect::to("/"))
}

async fn broken() -> Result<(), crate::Failure> {
    Err(std::io::Error::other("disk on fire at /secret/path").into())
}

async fn panics() -> Refusal {
    panic!("a handler's own fault")
}

async fn slow() -> &'static str {
    std::future::pending::<()>().await;
    ""
}

pub(crate) fn routes() -> RouteTable<TestApp> {
    RouteTable::new()
        .get("/", Access::SignedIn, home)
        .get("/open", Access::Public, open)
        .post("/open", Access::Public, echo)
        .get("/view", Access::Needs(Permission::View), home)
        .post("/manage", Access::Needs(Permission::Manage), done)
        .get("/broken", Access::Public, broken)
        .get("/panics", Access::Public, panics)
        .get("/slow", Access::Public, slow)
        .route(Route::get("/live", Access::SignedIn, home).passive())
        .route(Route::post("/small", Access::Public, echo).body_limit(16))
        .route(Route::put("/api/thing/{id}", Access::Needs(Permission::Manage), async || {
            StatusCode::NO_CONTENT
        }))
}
