//! `muster-edge`: collects punches from clocks, works out attendance, shows it, syncs it.

pub mod attendance;
pub mod backoff;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod device;
pub mod fault;
pub mod ingest;
pub mod reserve;
pub mod run;
pub mod store;
pub mod sync;
pub mod web;
