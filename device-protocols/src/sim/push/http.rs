//! A clock's HTTP: one connection, plain, kept while it lasts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::PushTarget;

/// Longest answer read.
const MAX_ANSWER: usize = 1 << 20;

/// Why the server did not take something.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No connection, or it ended.
    #[error("the connection failed")]
    Closed,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// Another status than 200.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// 200, but not with what the protocol has there.
    #[error("the server's answer is none of this protocol")]
    Answer,
}

pub(super) struct Line {
    server: Uri,
    timeout: Duration,
    from: Option<Ipv4Addr>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    pub(super) fn new(target: &PushTarget) -> Self {
        Self { server: target.server.clone(), timeout: target.timeout, from: target.from, sender: None }
    }

    pub(super) fn close(&mut self) {
        self.sender = None;
    }

    pub(super) async fn get(&mut self, query: &str) -> Result<String, PushError> {
        self.send(Method::GET, query, String::new()).await
    }

    pub(super) async fn post(&mut self, query: &str, body: String) -> Result<String, PushError> {
        self.send(Method::POST, query, body).await
    }

    /// Sends a post whole and leaves without reading the answer.
    pub(super) async fn post_and_hang_up(&mut self, query: &str, body: &str) -> Result<(), PushError> {
        let mut stream = self.connect().await?;
        let prefix = self.server.path().trim_end_matches('/');
        let head = format!(
            "POST {prefix}/iclock/{query} HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let sent = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            stream.shutdown().await
        };
        sent.await.map_err(|_| PushError::Closed)
    }

    async fn send(&mut self, method: Method, query: &str, body: String) -> Result<String, PushError> {
        let (request, timeout) = (self.request(method, query, body)?, self.timeout);
        let exchange = async {
            let mut sender = match self.sender.take() {
                Some(sender) if !sender.is_closed() => sender,
                _ => self.open().await?,
            };
            sender.ready().await.map_err(|_| PushError::Closed)?;
            let response = sender.send_request(request).await.map_err(|_| PushError::Closed)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|_| PushError::Closed)?.to_bytes();
            if status != StatusCode::OK {
                return Err(PushError::Status(status));
            }
            self.sender = Some(sender);
            Ok(String::from_utf8_lossy(&body).into_owned())
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_| PushError::Timeout)?
    }

    fn request(&self, method: Method, query: &str, body: String) -> Result<Request<Full<Bytes>>, PushError> {
        let prefix = self.server.path().trim_end_matches('/');
        let host = self.server.authority().map(ToString::to_string).unwrap_or_default();
        Request::builder()
            .method(method)
            .uri(format!("{prefix}/iclock/{query}"))
            .header("Host", host)
            .header("User-Agent", "iClock Proxy/1.09")
            .header("Content-Type", "text/plain")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| PushError::Answer)
    }

    async fn connect(&self) -> Result<TcpStream, PushError> {
        let host = self.server.host().unwrap_or("127.0.0.1");
        let port = self.server.port_u16().unwrap_or(80);
        let connected = async {
            let Some(from) = self.from else { return TcpStream::connect((host, port)).await };
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((from, 0)))?;
            let found = tokio::net::lookup_host((host, port)).await?.find(SocketAddr::is_ipv4);
            socket.connect(found.ok_or(std::io::ErrorKind::NotFound)?).await
        };
        let stream = connected.await.map_err(|_| PushError::Closed)?;
        stream.set_nodelay(true).map_err(|_| PushError::Closed)?;
        Ok(stream)
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, PushError> {
        let stream = self.connect().await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| PushError::Closed)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
