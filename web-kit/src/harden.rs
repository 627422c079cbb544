//! Everything between the network and the routes: one function that every router passes through.
//!
//! From the outside in: security headers on every answer, error pages in the reader's language, compression, panics
//! turned into answers, the list of host names, the cross-site check, deadlines, the ceiling for bodies.
//! What it cannot do is limit the time a client takes for its request *head*: the binary sets
//! `header_read_timeout` on its HTTP server.

mod error_page;
mod header;
mod host;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::app::Kit;
use crate::failure::Refusal;

pub use header::{Csp, PERMISSIONS_POLICY};
pub use host::HostList;

/// How a router is hardened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Served over TLS: `Strict-Transport-Security` is sent.
    pub tls: bool,
    /// The names this site is reached by.
    pub hosts: HostList,
    /// The content security policy.
    pub csp: Csp,
    /// No body is larger than this, whatever its route allows, in bytes.
    pub body_ceiling: usize,
    /// Longest wait for a response to begin.
    pub response_timeout: Duration,
    /// Longest pause inside a request's body.
    pub body_pause: Duration,
}

impl Config {
    /// The strict settings: 16 MiB, 30 s for an answer, 10 s between two pieces of a body.
    #[must_use]
    pub fn new(tls: bool, hosts: HostList) -> Self {
        Self {
            tls,
            hosts,
            csp: Csp::default(),
            body_ceiling: 16 * 1024 * 1024,
            response_timeout: Duration::from_secs(30),
            body_pause: Duration::from_secs(10),
        }
    }
}

/// Puts a router behind all of the kit's protections.
pub fn harden(router: Router, kit: &Arc<Kit>, config: Config) -> Router {
    let csrf =
        CsrfLayer::new().with_rejection_response(|_: ProtectionError| Refusal::CrossSite.into_response());
    let panicked = |_: Box<dyn std::any::Any + Send>| {
        tracing::error!("a handler panicked");
        Refusal::Internal.into_response()
    };
    let headers = Arc::new(header::Headers::new(config.tls, &config.csp));
    // Later layers are further out.
    router
        .layer(RequestBodyLimitLayer::new(config.body_ceiling))
        .layer(RequestBodyTimeoutLayer::new(config.body_pause))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, config.response_timeout))
        .layer(csrf)
        .layer(axum::middleware::from_fn_with_state(Arc::new(config.hosts), host::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(kit), error_page::render))
        .layer(axum::middleware::from_fn_with_state(headers, header::add))
}

#[cfg(test)]
mod tests;
