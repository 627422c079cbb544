//! `muster-edge`: collects punches from clocks, works out attendance, shows it, syncs it.

pub mod attendance;
pub mod backoff;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod device;
pub mod ingest;
mod private_file;
pub mod reserve;
pub mod run;
pub mod store;
pub mod sync;
pub mod web;

// Named at its places as `crate::fault_point!`.
pub use fault_point::fault_point;
