//! The HTTP service that clocks push to. Nothing else is served here.
//!
//! Answers are plain text with a length and a `Date`; no redirect, no compression, no cookie. An upload is read in
//! batches of lines; each batch is kept before the next is read, and the answer counts all lines once all are kept. When
//! a batch is refused the clock is answered 503 and sends everything again, which is harmless.
//!
//! Nobody can hold the port by being slow: a body must come at a least pace and within a longest time, and one address has
//! a quarter of the connections at most.

mod gate;
mod upload;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Router};
use chrono::Days;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::command::{self, CommandId, PushCommand};
use super::handshake::{HandshakeOptions, Stamp, parse_version};
use super::request::{Endpoint, Parameters};
use super::result::CommandResult;
use super::{fact, result};
use crate::clock::Clock;
use crate::driver::{Observed, Origin, Refused, Route, Sink};
use crate::serial::Serial;
use crate::text::TextEncoding;
use gate::{Gate, Seldom};

/// Longest body of an upload.
pub const MAX_BODY: u64 = 16 << 20;
/// Longest body that is read whole: options, results.
const MAX_SMALL: usize = 256 * 1024;
/// For the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Clocks whose language is remembered between handshakes.
const MAX_LANGUAGES: usize = 4096;

/// Who comes: what it says it is, and what it cannot choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The serial number it gives.
    pub serial: Serial,
    /// Where it comes from; an IPv4 address in its own form.
    pub address: IpAddr,
}

/// What a clock says of itself in its handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Who comes.
    pub caller: Caller,
    /// Its protocol version.
    pub push_version: Option<(u16, u16, u16)>,
    /// Its language number; 83 is Chinese.
    pub language: Option<u16>,
    /// Its kind as it says: `att`, `pid`, `acc`, …
    pub device_type: Option<String>,
    /// The communication key it presents.
    pub key: Option<String>,
}

/// Whoever answers clocks for the agent.
pub trait Host: Send + Sync + 'static {
    /// A clock introduces itself. [`Refused::UnknownClock`] makes it wait and keep its data.
    fn greet(&self, hello: &Hello) -> impl Future<Output = Result<HandshakeOptions, Refused>> + Send;

    /// A clock asks for commands. Those handed out are done only when their result comes.
    fn commands(
        &self,
        caller: &Caller,
    ) -> impl Future<Output = Result<Vec<(CommandId, PushCommand)>, Refused>> + Send;

    /// A clock tells what came of commands.
    fn results(
        &self,
        caller: &Caller,
        results: Vec<CommandResult>,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// An upload that brought something was kept whole; its stamp belongs into the next handshake. What brought nothing
    /// proves nothing of where the clock is to go on.
    fn uploaded(
        &self,
        caller: &Caller,
        table: UploadTable,
        stamp: Stamp,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// An upload was not taken as it stood: the clock has something that is not here.
    fn kept_back(&self, _caller: &Caller) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Puts a command on a clock's list.
    fn enqueue(
        &self,
        serial: &Serial,
        command: PushCommand,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// How a clock writes names when it has not said so in a handshake since this program started.
    fn encoding(&self, _serial: &Serial) -> TextEncoding {
        TextEncoding::Utf8
    }
}

/// A table with a stamp of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadTable {
    /// Punches.
    Attendance,
    /// Operations and users.
    Operations,
}

/// The address a connection comes from, beside its requests.
#[derive(Debug, Clone, Copy)]
struct Source(IpAddr);

struct Service<S, H, C> {
    sink: S,
    host: Arc<H>,
    clock: C,
    languages: Mutex<Vec<(Serial, TextEncoding)>>,
    /// Uploads that were cut.
    slow: Seldom,
    /// Bodies in an encoding.
    encoded: Seldom,
    /// Uploads of tables that may hold punches and are not known.
    unknown: Seldom,
    /// Uploads without punches of which lines could not be read.
    unread: Seldom,
}

/// The service as a router; [`serve`] runs it.
pub fn router<S: Sink, H: Host, C: Clock>(sink: S, host: Arc<H>, clock: C) -> Router {
    let service = Arc::new(Service {
        sink,
        host,
        clock,
        languages: Mutex::default(),
        slow: Seldom::default(),
        encoded: Seldom::default(),
        unknown: Seldom::default(),
        unread: Seldom::default(),
    });
    // Paths come in any case and with any prefix, so they are told apart here and not by the router.
    Router::new().fallback(handle::<S, H, C>).with_state(service)
}

/// Serves clocks until stopped; requests being answered are answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> std::io::Result<()> {
    let gate = Gate::new();
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let room = tokio::select! {
            () = stop.cancelled() => break,
            room = gate.room() => room,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            // Out of descriptors: others will end; a client that left before it was taken: no matter.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Closed at once, it tries again when others of its address have ended.
        let Some(place) = gate.enter(room, address) else { continue };
        let router = router.clone().layer(Extension(Source(address)));
        let service = hyper_util::service::TowerToHyperService::new(router);
        let stop = stop.clone();
        connections.spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(hyper_util::rt::TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a clock's connection ended early");
            }
            drop(place);
        });
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

/// What a clock is answered.
enum Answer {
    /// 200 with this text.
    Text(Vec<u8>),
    /// 200 `OK: n`.
    Count(u64),
    /// 200 `OK`.
    Ok,
    /// 503: it keeps its data and tries again.
    Later,
    /// The body came too slowly.
    Slow,
    /// The request is none of a clock.
    Not(StatusCode),
}

impl From<Refused> for Answer {
    fn from(_: Refused) -> Self {
        Self::Later
    }
}

impl Caller {
    /// Where what it brings comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { route: Route::Push, serial: Some(self.serial.clone()), address: Some(self.address) }
    }
}

impl Answer {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Text(text) => (StatusCode::OK, text),
            Self::Count(count) => (StatusCode::OK, format!("OK: {count}").into_bytes()),
            Self::Ok => (StatusCode::OK, b"OK".to_vec()),
            Self::Later => (StatusCode::SERVICE_UNAVAILABLE, b"BUSY".to_vec()),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, b"ERROR".to_vec()),
            Self::Not(status) => (status, b"ERROR".to_vec()),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }
}

async fn handle<S: Sink, H: Host, C: Clock>(
    State(service): State<Arc<Service<S, H, C>>>,
    Extension(Source(address)): Extension<Source>,
    request: Request,
) -> Response {
    service.answer(address, request).await.unwrap_or_else(|refused| refused).into_response()
}

/// Whether a body is in an encoding, such as gzip: its bytes are no lines, and taken as such they would be acknowledged
/// and lost.
fn is_encoded(request: &Request) -> bool {
    let plain = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|text| text.trim().is_empty() || text.trim().eq_ignore_ascii_case("identity"))
    };
    !request.headers().get_all(header::CONTENT_ENCODING).iter().all(plain)
}

impl<S: Sink, H: Host, C: Clock> Service<S, H, C> {
    /// Answers a request; both sides of the result are answers.
    async fn answer(&self, address: IpAddr, request: Request) -> Result<Answer, Answer> {
        let endpoint = Endpoint::parse(request.uri().path()).ok_or(Answer::Not(StatusCode::NOT_FOUND))?;
        let query = Parameters::parse(request.uri().query().unwrap_or_default());
        let serial = query.serial().ok_or(Answer::Not(StatusCode::BAD_REQUEST))?;
        let caller = Caller { serial, address };
        if is_encoded(&request) {
            if let Some(times) = self.encoded.now() {
                tracing::warn!(
                    clock.serial = %caller.serial.as_str(),
                    %address,
                    times,
                    "a post in a content encoding was refused: clocks post plain text"
                );
            }
            self.host.kept_back(&caller).await;
            return Err(Answer::Not(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let answered = self.answer_clock(caller, endpoint, &query, request).await;
        if matches!(answered, Err(Answer::Slow))
            && let Some(times) = self.slow.now()
        {
            tracing::warn!(%address, times, "an upload came too slowly and was cut; a clock sends it again");
        }
        answered
    }

    async fn answer_clock(
        &self,
        caller: Caller,
        endpoint: Endpoint,
        query: &Parameters,
        request: Request,
    ) -> Result<Answer, Answer> {
        let origin = caller.origin();
        match (request.method(), endpoint) {
            (&Method::GET, Endpoint::Cdata) => self.introduced(caller, query).await,
            (&Method::POST, Endpoint::Cdata) => {
                self.upload(&origin, &caller, query, request.into_body()).await
            }
            (&Method::POST, Endpoint::Fdata) => {
                // A picture, not asked for: passed over, but only for a clock that may speak.
                self.sink.accept(&origin, Observed::Heard).await?;
                upload::drain(request.into_body()).await?;
                Ok(Answer::Ok)
            }
            (&Method::GET, Endpoint::GetRequest) => {
                let seen =
                    query.get("info").map_or(Observed::Heard, |info| Observed::Facts(fact::of_info(info)));
                self.sink.accept(&origin, seen).await?;
                let commands = self.host.commands(&caller).await?;
                Ok(Answer::Text(command::answer(&commands, self.encoding(&caller.serial)).0))
            }
            (&Method::POST, Endpoint::DeviceCmd) => {
                let body = upload::whole(request.into_body(), MAX_SMALL).await?;
                let results = result::parse(&String::from_utf8_lossy(&body));
                self.host.results(&caller, results).await?;
                Ok(Answer::Ok)
            }
            (&Method::GET | &Method::POST, Endpoint::Ping) => {
                self.sink.accept(&origin, Observed::Heard).await?;
                Ok(Answer::Ok)
            }
            _ => Err(Answer::Not(StatusCode::METHOD_NOT_ALLOWED)),
        }
    }

    async fn introduced(&self, caller: Caller, query: &Parameters) -> Result<Answer, Answer> {
        if query.get("type") == Some("time") {
            return Ok(Answer::Text(
                self.clock.now().format("Time=%Y-%m-%dT%H:%M:%S+00:00").to_string().into(),
            ));
        }
        if query.get("table").is_some_and(|table| table.eq_ignore_ascii_case("RemoteAtt")) {
            // A clock that asks for a person from elsewhere: nobody is known here.
            return Ok(Answer::Text(Vec::new()));
        }
        let short = |text: &str| text.chars().take(64).collect::<String>();
        let hello = Hello {
            push_version: query.get("pushver").and_then(parse_version),
            language: query.get("language").and_then(|text| text.parse().ok()),
            device_type: query.get("devicetype").map(short),
            key: query.get("pushcommkey").map(short),
            caller,
        };
        let mut options = self.host.greet(&hello).await?;
        options.push_version = hello.push_version;
        let block = options.block(&hello.caller.serial);
        self.remember(hello.caller.serial, hello.language);
        Ok(Answer::Text(block.into()))
    }

    fn remember(&self, serial: Serial, language: Option<u16>) {
        let Some(language) = language else { return };
        let encoding = TextEncoding::of_push_language(Some(language));
        let mut known = self.languages.lock();
        known.retain(|(other, _)| *other != serial);
        if known.len() == MAX_LANGUAGES {
            known.remove(0);
        }
        known.push((serial, encoding));
    }

    fn encoding(&self, serial: &Serial) -> TextEncoding {
        let said =
            self.languages.lock().iter().find(|(known, _)| known == serial).map(|(_, encoding)| *encoding);
        said.unwrap_or_else(|| self.host.encoding(serial))
    }

    /// Times after this are doubted: a day ahead covers every zone.
    fn latest(&self) -> chrono::NaiveDateTime {
        let now = self.clock.now().naive_utc();
        now.checked_add_days(Days::new(1)).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests;
