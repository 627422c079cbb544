//! The clocks: one supervisor for each that is polled, one listener for all that post.

pub mod address;
mod contact;
pub mod driver_clock;
pub mod fleet;
pub mod polled_sink;
mod post_time;
pub mod probe;
pub mod push_host;
pub mod push_sink;
mod push_trust;
mod reading_plan;
mod refusals;
pub mod registry;
pub mod supervisor;

pub use fleet::{Fleet, FleetHandle};
