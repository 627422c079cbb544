//! `muster-edge`: collects punches from clocks, works out attendance, shows it, syncs it.

pub mod clock;
pub mod fault;
pub mod service;
pub mod store;
