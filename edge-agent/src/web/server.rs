//! The listener of the pages.
//!
//! On loopback in clear, elsewhere only with a certificate. Connections are bounded in number and in the time they may
//! take to say what they want.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use super::certificate::Certificate;
use super::peer::PeerAddress;

/// Connections at the same time; a page with its live feed needs one or two.
const CONNECTIONS: usize = 256;

/// How long a TLS handshake or the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long open requests may take to finish once the program ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where and how the pages are served.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address; without a certificate only a loopback address is served.
    pub address: SocketAddr,
    /// Names and addresses people type, beside this machine's own.
    pub hosts: Vec<String>,
    /// The certificate; must be there when `App` was made with `tls`.
    pub certificate: Option<Certificate>,
}

/// A running server.
#[derive(Debug)]
pub struct Serving {
    /// The address that was bound.
    pub address: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    /// Waits until the server has ended, after its token was cancelled.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(error = %error, "the server of the pages ended badly");
        }
    }
}

/// Binds the address and serves the pages until `stop` is cancelled.
///
/// # Errors
/// When the address cannot be bound, or is not loopback and there is no certificate.
pub async fn serve(app: App, listen: Listen, stop: CancellationToken) -> io::Result<Serving> {
    if listen.certificate.is_none() && !listen.address.ip().to_canonical().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{} is not this machine alone, and the pages go to the network only with TLS",
                listen.address
            ),
        ));
    }
    let listener = TcpListener::bind(listen.address).await?;
    let address = listener.local_addr()?;
    let scheme = if listen.certificate.is_some() { "https" } else { "http" };
    let router = super::router(&app, &listen.hosts);
    let tls = listen.certificate.map(|certificate| TlsAcceptor::from(certificate.config()));
    let watching = tokio::spawn(super::live::Watcher::new(app).await.run(stop.clone()));
    let task = tokio::spawn(async move {
        accept(listener, router, tls, stop).await;
        if let Err(error) = watching.await {
            tracing::error!(error = %error, "the live feed ended badly");
        }
    });
    Ok(Serving { address, scheme, task })
}

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, say: it passes, and spinning would not help.
                tracing::warn!(error = %error, "a connection to the pages could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Whoever finds no place is turned away by closing: waiting here would stop the others.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, peer, router, tls, stop).await;
            drop(place);
        });
    }
    connections.close();
    if tokio::time::timeout(FAREWELL, connections.wait()).await.is_err() {
        tracing::info!("requests to the pages were cut off at the end");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    let Some(acceptor) = tls else { return talk(stream, peer, router, stop).await };
    match tokio::time::timeout(HEAD, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, peer, router, stop).await,
        Ok(Err(error)) => tracing::debug!(error = %error, "no TLS with a browser"),
        Err(_) => tracing::debug!("a browser did not finish its TLS handshake"),
    }
}

async fn talk<S>(stream: S, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router.layer(Extension(PeerAddress(peer))));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(64);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(32).max_header_list_size(16 * 1024);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error = %error, "a connection to the pages ended early");
    }
}
