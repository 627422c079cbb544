//! The rules through the engine's public face: properties that hold for every input, and tables of small examples.

#![expect(clippy::unwrap_used, reason = "a test")]

mod arbitrary;
mod complaint;
mod document;
mod property;
mod regression;
mod scene;
mod table;
mod watch;
