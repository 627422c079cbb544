//! Protocols of attendance clocks: codecs, sessions, clients, receivers and simulated clocks.
//!
//! This crate knows nothing of companies, employees or shifts. It hands on the clock's own words:
//! the user id as the clock names it, local wall time without a zone, raw verify and state codes and the
//! raw bytes. Whoever uses it translates.
//!
//! * [`zk`] speaks to ZKTeco clocks over TCP: we ask, the clock answers.
//! * [`push`] listens to clocks that post over HTTP (ADMS, "iclock"): the clock speaks, we answer.
//! * [`driver`] is the one face both turn to the agent.
//! * [`sim`] holds simulated clocks for tests and demonstrations; the binary `muster-sim` serves them.
//!
//! Everything a clock sends is hostile until parsed: each codec states its maximum, nothing is allocated by
//! a declared length, and one bad row never costs its neighbours.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod clock;
pub mod driver;
pub mod operation;
pub mod push;
pub mod row;
pub mod serial;
pub mod sim;
pub mod text;
pub mod zk;
