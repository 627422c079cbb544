//! Clocks that push: ADMS, "iclock". The clock is the HTTP client, the agent answers.
//!
//! What a clock sends is parsed by pure functions: [`request`] (path and query), [`mod@line`] (a body cut into lines of
//! bounded length), [`attlog`] (punches), [`operlog`] (operations, users, templates), [`fact`] (options and status),
//! [`result`] (what came of commands). What it is told is built by [`handshake`] and [`command`]. [`listener`] joins them
//! into an HTTP service over two small traits: a [`Sink`](crate::driver::Sink) that keeps observations and a
//! [`Host`] that answers for the agent; [`driver`] makes a [`Driver`](crate::driver::Driver) of it.
//!
//! The rules the clocks taught others: kept first, answered then; `OK: N` counts every line accepted or deliberately
//! skipped; one bad line never holds up its neighbours; whoever cannot keep rows answers 503, and the clock keeps them.

pub mod attlog;
pub mod command;
pub mod driver;
pub mod fact;
pub mod handshake;
pub mod line;
pub mod listener;
pub mod operlog;
pub mod request;
pub mod result;

pub use command::{CommandId, PushCommand};
pub use driver::PushDriver;
pub use handshake::{HandshakeOptions, Stamp};
pub use listener::{Caller, Hello, Host, router};
pub use result::CommandResult;
