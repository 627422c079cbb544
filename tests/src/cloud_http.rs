//! The cloud's endpoints and pages on a test database, in this process: signed requests of edges, browsers' requests.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono_tz::Tz;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::config::Config;
use cloud_server::http_server;
use cloud_server::mobile::Mobile;
use cloud_server::store::audit::{Author, Via};
use cloud_server::store::{CompanyAccess, Store, company, edge};
use cloud_server::sync::Endpoints;
use cloud_server::wake::Wake;
use cloud_server::web::{self, App};
use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_model::text::{Code, Name};
use shared_model::{ActorId, Clock as _, CompanyId, EdgeId, Entropy as _, SiteId};
use sync_protocol::message::{self, Capabilities, EnrollReply, EnrollRequest, PROTOCOL};
use sync_protocol::{body, sign};
use tokio_util::sync::CancellationToken;

use crate::postgres::TestDatabase;

/// The endpoints and the pages, served on loopback until dropped.
pub struct CloudHttp {
    /// The store behind them.
    pub store: Store,
    /// Its database.
    pub database: TestDatabase,
    url: String,
    stop: CancellationToken,
}

/// A company with one site.
#[derive(Debug, Clone, Copy)]
pub struct Factory {
    /// The company.
    pub company: CompanyId,
    /// The site.
    pub site: SiteId,
}

/// An edge's credentials.
#[derive(Debug, Clone)]
pub struct EdgeKey {
    /// Its key.
    pub key: SigningKey,
    /// Its id, once enrolled.
    pub id: Option<EdgeId>,
}

/// What the console writes under.
#[must_use]
pub fn author() -> Author {
    Author { actor: ActorId::SYSTEM, via: Via::Console, at: SystemClock.now() }
}

impl CloudHttp {
    /// Serves the endpoints on a new database.
    ///
    /// # Errors
    /// When there is no PostgreSQL.
    pub async fn start() -> Result<Self> {
        let database = TestDatabase::migrated().await?;
        let store = database.store().await?;
        let endpoints = Endpoints::new(
            store.clone(),
            Arc::new(SystemClock),
            Arc::new(OsEntropy),
            8,
            Arc::new(Wake::default()),
        );
        let app = App::new(store.clone(), Arc::new(SystemClock), Arc::new(OsEntropy), false)?;
        let phones =
            Mobile::new(store.clone(), Arc::new(SystemClock), Arc::new(OsEntropy), Arc::new(Wake::default()));
        let router = endpoints.router().merge(phones.router()).merge(web::router(&app, &Config::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        // A test on this machine may say for whom it asks, as a reverse proxy does.
        let proxies = Arc::from([std::net::Ipv4Addr::LOCALHOST.into()]);
        tokio::spawn(http_server::serve(listener, router, proxies, stop.clone()));
        Ok(Self { store, database, url, stop })
    }

    /// Where the endpoints are.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a company with a site.
    ///
    /// # Errors
    /// The database's.
    pub async fn factory(&self, name: &str) -> Result<Factory> {
        let company = CompanyId::mint(&SystemClock, &OsEntropy);
        let (name, code) = (Name::parse(name)?, Code::parse("F1")?);
        self.store.add_company(company, &name, &Code::parse("en")?, author(), &OsEntropy).await?;
        let site = SiteId::mint(&SystemClock, &OsEntropy);
        let mut tx = self.store.begin(&CompanyAccess::of_system(company)).await?;
        company::add_site(&mut tx, site, &name, &code, Tz::Asia__Dhaka, author()).await?;
        tx.commit().await?;
        Ok(Factory { company, site })
    }

    /// Makes a one-time enrolment code.
    ///
    /// # Errors
    /// The database's.
    pub async fn code(&self, factory: Factory) -> Result<String> {
        let mut tx = self.store.begin(&CompanyAccess::of_system(factory.company)).await?;
        let new = edge::make_code(&mut tx, factory.site, author(), &OsEntropy).await?;
        tx.commit().await?;
        Ok(new.code.to_string())
    }

    /// Enrols a new edge.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn enrol(&self, factory: Factory) -> Result<EdgeKey> {
        let mut edge = EdgeKey::new();
        let (status, reply) = self.try_enrol(&edge, &self.code(factory).await?).await?;
        anyhow::ensure!(status == 200, "enrolment answered {status}");
        edge.id = Some(reply.context("an enrolled edge gets an answer")?.edge_id);
        Ok(edge)
    }

    /// Posts an enrolment.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn try_enrol(&self, edge: &EdgeKey, code: &str) -> Result<(u16, Option<EnrollReply>)> {
        let request = EnrollRequest {
            code: code.to_owned(),
            public_key: sign::public_key_text(&edge.key.verifying_key()),
            name: "server room".to_owned(),
            app_version: "0.1.0".to_owned(),
            protocol: PROTOCOL,
            capabilities: Capabilities::default(),
        };
        self.post_message(edge, message::ENROLL, &request).await
    }

    /// Posts a message and reads the answer, where there is one.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn post_message<M: Serialize, R: DeserializeOwned>(
        &self,
        edge: &EdgeKey,
        path: &str,
        message: &M,
    ) -> Result<(u16, Option<R>)> {
        self.post(edge, path, body::pack_message(message)?).await
    }

    /// Posts a packed body, signed.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn post<R: DeserializeOwned>(
        &self,
        edge: &EdgeKey,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Option<R>)> {
        let time_ms = SystemClock.now().timestamp_millis();
        let request =
            sign::Request { method: "POST", path_and_query: path, edge: edge.id, time_ms, body: &body };
        let signature = request.sign(&edge.key);
        let (status, answer) = self.post_raw(path, edge.id, time_ms, &signature, body).await?;
        Ok((status, body::unpack_message(&answer).ok()))
    }

    /// Fetches what a path and query lead to, signed.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn get_signed(&self, edge: &EdgeKey, path_and_query: &str) -> Result<(u16, Vec<u8>)> {
        let time_ms = SystemClock.now().timestamp_millis();
        let request = sign::Request { method: "GET", path_and_query, edge: edge.id, time_ms, body: &[] };
        let mut fetch = crate::http::client()?
            .get(format!("{}{path_and_query}", self.url))
            .header(sign::HEADER_TIME, time_ms.to_string())
            .header(sign::HEADER_SIGNATURE, request.sign(&edge.key));
        if let Some(id) = edge.id {
            fetch = fetch.header(sign::HEADER_EDGE, id.to_string());
        }
        let response = fetch.send().await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    }

    /// Posts a body under any headers.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn post_raw(
        &self,
        path: &str,
        edge: Option<EdgeId>,
        time_ms: i64,
        signature: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>)> {
        let mut request = crate::http::client()?
            .post(format!("{}{path}", self.url))
            .header(sign::HEADER_TIME, time_ms.to_string())
            .header(sign::HEADER_SIGNATURE, signature);
        if let Some(edge) = edge {
            request = request.header(sign::HEADER_EDGE, edge.to_string());
        }
        let response = request.body(body).send().await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    }
}

/// A browser without scripts: keeps one session cookie, follows nothing by itself.
#[derive(Debug)]
pub struct Browser {
    url: String,
    session: Option<String>,
}

/// A page as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it redirects to.
    pub location: Option<String>,
    /// Its headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl CloudHttp {
    /// A browser that nobody is signed in with.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::at(&self.url)
    }
}

impl Browser {
    /// A browser at a cloud's address that nobody is signed in with.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), session: None }
    }

    /// Fetches a page.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(crate::http::client()?.get(format!("{}{path}", self.url))).await
    }

    /// Posts a form as a page of the same site would.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let encode = |(name, value): &(&str, &str)| format!("{name}={}", percent_encoded(value));
        let body = form.iter().map(encode).collect::<Vec<_>>().join("&");
        let request = crate::http::client()?
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.send(request).await
    }

    /// The session cookie, as `name=value`.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Goes on with another session cookie.
    pub fn set_session(&mut self, cookie: Option<String>) {
        self.session = cookie;
    }

    /// Sends any request to a path, with the session's cookie.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn request(
        &mut self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let mut request = crate::http::client()?.request(method, format!("{}{path}", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Result<Answer> {
        if let Some(session) = &self.session {
            request = request.header("cookie", session);
        }
        let response = request.send().await?;
        for line in response.headers().get_all("set-cookie") {
            let pair = line.to_str()?.split(';').next().unwrap_or_default();
            if let Some(value) = pair.strip_prefix("muster-cloud=") {
                self.session = (!value.is_empty()).then(|| pair.to_owned());
            }
        }
        let named = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers: Vec<(String, String)> = response.headers().iter().map(named).collect();
        let location = headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.clone());
        Ok(Answer { status: response.status().as_u16(), location, headers, text: response.text().await? })
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl EdgeKey {
    /// A new key, not yet enrolled.
    #[must_use]
    pub fn new() -> Self {
        let mut seed = [0; 32];
        OsEntropy.fill(&mut seed);
        Self { key: SigningKey::from_bytes(&seed), id: None }
    }
}

impl Default for EdgeKey {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CloudHttp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
