//! Signed requests over HTTP.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use shared_model::{Clock, EdgeId};
use sync_protocol::body::BadBody;
use sync_protocol::edge::ServerTime;
use sync_protocol::message::{self, Refusal, RefusalCode};
use sync_protocol::{limit, sign};

use super::status::Trouble;
use super::url::CloudUrl;
use crate::config::CloudConfig;

/// The longest time until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest time for a whole exchange.
const EXCHANGE: Duration = Duration::from_secs(60);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(90);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made: a proxy or a certificate file makes no sense.
    #[error("the way to the cloud is set up wrongly: {0}")]
    Setup(String),
    /// No connection, or it broke.
    #[error("the cloud cannot be reached")]
    Transport(#[source] reqwest::Error),
    /// The cloud refused.
    #[error("the cloud refused: {}", if .0.message.is_empty() { format!("{:?}", .0.error) } else { .0.message.clone() })]
    Refused(Refusal),
    /// Something that is no cloud answered (a proxy's page, another program).
    #[error("something that is not the cloud answered with status {0}")]
    Status(StatusCode),
    /// The answer is longer than any answer.
    #[error("the answer is too long")]
    TooLong,
    /// The answer cannot be read.
    #[error("the answer cannot be read")]
    Body(#[from] BadBody),
    /// The exchange ended inside the program.
    #[error("an exchange was not brought to its end")]
    Ended,
    /// A message of our own could not be written.
    #[error("a message could not be written")]
    Write(#[source] std::io::Error),
}

impl ClientError {
    /// The least pause before another try.
    #[must_use]
    pub fn least_pause(&self) -> Duration {
        match self {
            Self::Refused(refusal) => Duration::from_millis(refusal.retry_after_ms.unwrap_or(0).min(600_000)),
            Self::Setup(_)
            | Self::Transport(_)
            | Self::Status(_)
            | Self::TooLong
            | Self::Body(_)
            | Self::Ended
            | Self::Write(_) => Duration::ZERO,
        }
    }

    /// What kind of failure it is, for whoever has to do something about it.
    #[must_use]
    pub const fn trouble(&self) -> Trouble {
        match self {
            Self::Transport(_) => Trouble::Unreachable,
            Self::Status(_) | Self::TooLong | Self::Body(_) => Trouble::NotTheCloud,
            Self::Refused(Refusal { error: RefusalCode::Signature, .. }) => Trouble::Unknown,
            Self::Refused(_) | Self::Setup(_) | Self::Write(_) | Self::Ended => Trouble::Other,
        }
    }

    /// Whether the same request may be taken later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.error.is_transient(),
            Self::Transport(_)
            | Self::Status(_)
            | Self::TooLong
            | Self::Body(_)
            | Self::Setup(_)
            | Self::Ended
            | Self::Write(_) => true,
        }
    }

    /// Whether the cloud says that the enrolment was revoked.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self, Self::Refused(Refusal { error: RefusalCode::Retired, .. }))
    }
}

/// An answer with the times of its exchange.
#[derive(Debug)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// The monotonic clock when the request left, milliseconds.
    sent: u64,
    /// And when the answer was there.
    received: u64,
}

/// Speaks to one cloud as one edge.
pub struct Client {
    http: reqwest::Client,
    url: CloudUrl,
    key: SigningKey,
    edge: Option<EdgeId>,
    clock: Arc<dyn Clock>,
    time: Mutex<ServerTime>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url).field("edge", &self.edge).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for a cloud; `edge` is `None` only for an enrolment.
    ///
    /// # Errors
    /// [`ClientError::Setup`] for a proxy or certificate file that makes no sense.
    pub fn new(
        url: CloudUrl,
        config: &CloudConfig,
        key: SigningKey,
        edge: Option<EdgeId>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClientError> {
        let setup = |cause: &dyn std::fmt::Display| ClientError::Setup(cause.to_string());
        // Somebody else may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(8)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("muster-edge/", env!("CARGO_PKG_VERSION")));
        if url.is_loopback() {
            // A proxy of the environment would look for this machine in the wrong place.
            http = http.no_proxy();
        } else if let Some(proxy) = &config.proxy {
            http = http.proxy(reqwest::Proxy::all(proxy.reveal()).map_err(|e| setup(&e))?);
        }
        if let Some(path) = &config.ca_file {
            let pem = std::fs::read(path).map_err(|e| setup(&format_args!("{}: {e}", path.display())))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| setup(&e))?;
            http = http.tls_certs_merge(certificates);
        }
        let http = http.build().map_err(|e| setup(&e))?;
        Ok(Self { http, url, key, edge, clock, time: Mutex::default() })
    }

    /// Posts a body and waits for the answer. An answer with status 409 is an answer.
    ///
    /// # Errors
    /// [`ClientError`]; only the wrong time of a request is set right and tried again.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, Bytes::from(body)).await
    }

    /// Fetches a path with its query. An answer with status 409 is an answer.
    ///
    /// # Errors
    /// [`ClientError`]; only the wrong time of a request is set right and tried again.
    pub async fn get(&self, path_and_query: &str) -> Result<Answer, ClientError> {
        self.ask(Method::GET, path_and_query, Bytes::new()).await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, ClientError> {
        match self.ask_once(&method, path, body.clone()).await {
            Err((ClientError::Refused(refusal), trip)) if refusal.error == RefusalCode::Time => {
                self.time().forget();
                self.learn(&trip, refusal.server_time);
                tracing::info!("sync: this machine's clock is wrong; the cloud's time is used");
                self.ask_once(&method, path, body).await.map_err(|(error, _)| error)
            }
            outcome => outcome.map_err(|(error, _)| error),
        }
    }

    /// Learns the cloud's time from an answer that carries it.
    pub fn learn(&self, answer: &Answer, server_ms: i64) {
        self.time().learn(answer.sent, answer.received, server_ms);
    }

    /// The cloud's time now, milliseconds since 1970; this machine's before the first answer.
    #[must_use]
    pub fn cloud_ms(&self) -> i64 {
        let known = self.time().at(self.clock.monotonic_ms());
        known.unwrap_or_else(|| self.clock.now().timestamp_millis())
    }

    fn time(&self) -> std::sync::MutexGuard<'_, ServerTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_once(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, (ClientError, Answer)> {
        let sent = self.clock.monotonic_ms();
        let outcome = self.exchange(method, path, body).await;
        let received = self.clock.monotonic_ms();
        match outcome {
            Ok(body) => Ok(Answer { body, sent, received }),
            Err(error) => Err((error, Answer { body: Vec::new(), sent, received })),
        }
    }

    async fn exchange(&self, method: &Method, path: &str, body: Bytes) -> Result<Vec<u8>, ClientError> {
        let time_ms = self.cloud_ms();
        let request = sign::Request {
            method: method.as_str(),
            path_and_query: path,
            edge: self.edge,
            time_ms,
            body: &body,
        };
        let signature = request.sign(&self.key);
        let mut builder = self
            .http
            .request(method.clone(), self.url.at(path))
            .header(CONTENT_TYPE, message::CONTENT_TYPE)
            .header(sign::HEADER_TIME, time_ms)
            .header(sign::HEADER_SIGNATURE, signature);
        if let Some(edge) = self.edge {
            builder = builder.header(sign::HEADER_EDGE, edge.to_string());
        }
        let response = builder.body(body).send().await.map_err(ClientError::Transport)?;
        let status = response.status();
        let body = read(response).await?;
        match status {
            StatusCode::OK | StatusCode::CONFLICT => Ok(body),
            status => Err(refusal(status, &body)),
        }
    }
}

/// Reads an answer of bounded length.
async fn read(response: reqwest::Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(ClientError::Transport)?;
        if body.len() + piece.len() > limit::BODY_COMPRESSED {
            return Err(ClientError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(mut refusal) => {
            // It is shown to people and kept: short and of one line.
            refusal.message = refusal.message.chars().filter(|c| !c.is_control()).take(300).collect();
            ClientError::Refused(refusal)
        }
        Err(_) => ClientError::Status(status),
    }
}
