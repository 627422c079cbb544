//! Attendance in the database: who owns which punch, what the engine needs, what it gave.
//!
//! The ledger has no index led by person. Punches are distributed to people after the commit, off the hot path: the
//! delivery log is followed by a cursor, and `day_punch` is the way from a person to his punches.

mod intake;
mod load;
mod save;
mod site;

pub use intake::{Cursor, Stray};
pub use load::Settling;
pub use site::SiteSpan;
