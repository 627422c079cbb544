//! Muster's cloud: keeps many companies apart, takes what their edges send, and shows each company its factories.
//!
//! `web`, `sync` and `command` call `store`; only `store` speaks SQL, and a company's table is reached only through
//! [`store::TenantTx`].

pub mod attendance;
pub mod clock;
pub mod command;
pub mod config;
pub mod database;
pub mod first_process;
pub mod http_server;
pub mod job;
pub mod metrics;
pub mod mobile;
pub mod one_time_code;
pub mod private_postgres;
pub mod store;
pub mod sync;
pub mod wake;
pub mod web;

// Named at its places as `crate::fault_point!`.
pub use fault_point::fault_point;
