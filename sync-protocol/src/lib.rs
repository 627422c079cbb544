//! Edge and cloud reconciliation: change rows, version vectors, merge, frames, messages and both sides' sessions.
//!
//! Pure: no I/O, no clock and no randomness of its own. Sessions ask a store (one trait a side) and hand out bytes;
//! who moves the bytes is not known here, so the same code runs in the binaries, in a simulation with a seeded
//! scheduler, and against real databases in conformance tests. Section numbers in the docs (2.8, 2.9 …) are those
//! of the design text on synchronisation.

pub mod authority;
pub mod body;
pub mod chain;
pub mod change;
pub mod cloud;
pub mod compress;
pub mod conflict;
pub mod digest;
pub mod edge;
pub mod frame;
pub mod hlc;
pub mod ledger;
pub mod limit;
pub mod memory;
pub mod merge;
pub mod message;
pub mod mutation;
pub mod origin;
pub mod record;
pub mod scope;
pub mod sign;
mod varint;
pub mod vv;

pub use chain::{Chain, Mark};
pub use change::{Change, ChangeHash, ConflictId, Op};
pub use hlc::Hlc;
pub use ledger::{LedgerEntry, Observation, Watermark};
pub use limit::Limits;
pub use merge::{Conflict, Effect, Merged, merge};
pub use origin::{Dot, Origin, Stream};
pub use record::{Dots, Record, Slot};
pub use vv::VersionVector;
