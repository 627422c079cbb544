//! What employees' phones talk to, under `/api/v1/mobile`: JSON, a token of their own, no cookies.
//!
//! ```text
//! POST /api/v1/mobile/sessions   {"code": "…", "phone": "…"}             -> 201 {"token": "…"}
//! POST /api/v1/mobile/punches    Authorization: Bearer …, the punch      -> 201, or 200 for one that was sent before
//! ```
//!
//! Who punches is who signed in, never what a body says. What is taken waits for a decision.

mod answer;
mod punch;
mod rate;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use parking_lot::Mutex;
use shared_model::{Clock, Entropy};
use web_kit::throttle::Throttle;

use crate::store::Store;
use crate::wake::Wake;

use rate::Rates;

/// The longest body that is read, bytes.
const BODY: usize = 4 * 1024;

/// What the endpoints need. Cheap to clone.
#[derive(Clone)]
pub struct Mobile {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    guesses: Arc<Mutex<Throttle>>,
    rates: Arc<Mutex<Rates>>,
    wake: Arc<Wake>,
}

impl std::fmt::Debug for Mobile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mobile").finish_non_exhaustive()
    }
}

impl Mobile {
    /// Endpoints on a store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, wake: Arc<Wake>) -> Self {
        Self { store, clock, entropy, guesses: Arc::default(), rates: Arc::default(), wake }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/v1/mobile/sessions", post(sign_in::sign_in))
            .route("/api/v1/mobile/punches", post(punch::punch))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self)
    }
}
