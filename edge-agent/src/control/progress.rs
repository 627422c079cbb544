//! How far a long request has come.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A stage of a long request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is being done.
    pub what: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where that is known.
    pub total: Option<u64>,
}

/// Where progress is told. Telling never waits and never fails: who does not look misses it.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Step) + Send + Sync>);

impl Progress {
    /// Tells a function.
    #[must_use]
    pub fn to(tell: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::to(|_| ())
    }

    /// Tells a stage.
    pub fn tell(&self, what: &str, done: u64, total: Option<u64>) {
        (self.0)(Step { what: what.to_owned(), done, total });
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}
