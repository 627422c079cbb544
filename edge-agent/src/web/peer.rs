//! Who is at the other end of the connection.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use web_kit::throttle::Source;

use crate::store::SessionOrigin;

/// The longest name of a browser that is kept, in characters.
const AGENT: usize = 120;

/// The other end of a connection, put on each request by the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerAddress(pub(super) SocketAddr);

/// The other end of the connection, never what a header says.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    address: IpAddr,
    agent: String,
}

impl Peer {
    /// Whether the browser runs on this very machine.
    pub(super) fn is_console(&self) -> bool {
        self.address.to_canonical().is_loopback()
    }

    pub(super) fn source(&self) -> Source {
        Source::of_peer(self.address)
    }

    pub(super) fn origin(&self) -> SessionOrigin {
        SessionOrigin { address: self.address.to_canonical().to_string(), agent: self.agent.clone() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A request that no server of ours has accepted comes from nowhere: it is never the console.
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let address = parts.extensions.get::<PeerAddress>().map_or(unknown, |peer| peer.0.ip());
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Self { address, agent: agent.chars().take(AGENT).collect() })
    }
}
