//! The edges' endpoints under `/sync/v1`.
//!
//! A request is believed for its signature only; company and sites come from the enrolment, never from a body. What a request
//! does is in one transaction, and the reply is sent after its commit. Memory is bounded: a body by its limits, the bodies that
//! are worked on at once by the number of permits.

mod bundle;
mod enroll;
mod gather;
mod hello;
mod pull;
mod push;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use parking_lot::Mutex;
use shared_model::{Clock, Entropy};
use sync_protocol::{Limits, message};
use tokio::sync::Semaphore;
use web_kit::throttle::Throttle;

use crate::store::Store;
use crate::wake::Wake;

/// How long a request waits for its turn before the edge is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a request that was not taken may be made again, milliseconds; edges add jitter of their own.
const RETRY_AFTER_MS: u64 = 2_000;

/// What the endpoints need. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    turns: Arc<Semaphore>,
    gathering: Arc<gather::Gathering>,
    enrolments: Arc<Mutex<Throttle>>,
    wake: Arc<Wake>,
}

impl Endpoints {
    /// Endpoints on a store that work on at most `at_once` requests.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        at_once: usize,
        wake: Arc<Wake>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            limits: Limits::default(),
            turns: Arc::new(Semaphore::new(at_once)),
            gathering: Arc::default(),
            enrolments: Arc::default(),
            wake,
        }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route(message::ENROLL, post(enroll::enroll))
            .route(message::HELLO, post(hello::hello))
            .route(message::PUSH, post(push::push))
            .route(message::PULL, get(pull::pull))
            .route(message::SNAPSHOT, get(pull::snapshot))
            .route(message::BUNDLE, get(bundle::bundle))
            // Each handler reads its body itself, within the protocol's limits.
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self)
    }
}
