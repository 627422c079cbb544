//! The HTTP server: bounded connections, a limit on the time for a request's head, an end that lets requests finish.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS: usize = 2048;
/// A client that takes longer to send a request's head is cut.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long requests may go on after the end was asked for.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The address a request came from, with a trusted proxy's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Serves until `stop`, then lets running requests finish.
pub async fn serve(listener: TcpListener, router: Router, proxies: Arc<[IpAddr]>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: what is open must end first.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (router, proxies, stop) = (router.clone(), Arc::clone(&proxies), stop.clone());
        tasks.spawn(async move {
            let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
                let address = client_address(peer, request.headers(), &proxies);
                request.extensions_mut().insert(ClientAddress(address));
                request.map(axum::body::Body::new)
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
            builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
            let connection = builder
                .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended");
            }
            drop(place);
        });
    }
    tasks.close();
    if tokio::time::timeout(LAST_WORDS, tasks.wait()).await.is_err() {
        tracing::warn!("requests were cut at the end");
    }
}

/// The peer's address, or what the nearest trusted proxies say: the last address in `X-Forwarded-For` that is none of them.
fn client_address(peer: SocketAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut address = peer.ip().to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let mut said: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    while proxies.contains(&address) {
        let Some(Ok(before)) = said.pop().map(str::parse::<IpAddr>) else { break };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let address = |peer: &str, said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", http::HeaderValue::from_static(said));
            let proxies: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
            client_address(SocketAddr::new(peer.parse().unwrap(), 1), &headers, &proxies).to_string()
        };
        assert_eq!(address("192.0.2.9", "198.51.100.1"), "192.0.2.9");
        assert_eq!(address("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(address("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(address("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
