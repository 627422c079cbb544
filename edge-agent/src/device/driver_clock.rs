//! The agent's clock as the protocol crate asks for it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_model::Clock;

/// Passes on the agent's clock.
#[derive(Clone)]
pub struct DriverClock(pub Arc<dyn Clock>);

impl std::fmt::Debug for DriverClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DriverClock")
    }
}

impl device_protocols::clock::Clock for DriverClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}
