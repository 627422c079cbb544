//! Muster's cloud: keeps many companies apart, takes what their edges send, and shows each company its factories.
//!
//! `web`, `sync` and `command` call `store`; only `store` speaks SQL, and a company's table is reached only through
//! [`store::TenantTx`].

pub mod clock;
pub mod fault;
pub mod one_time_code;
pub mod private_postgres;
pub mod store;
