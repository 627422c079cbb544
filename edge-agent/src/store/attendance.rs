//! Attendance in the database: who owns which punch, what the engine needs, what it gave.
//!
//! The ledger has no index led by person. Punches are distributed to people after the commit, off the hot path: the
//! delivery log is followed by a cursor, and `day_punch` is the way from a person to his punches.

mod employment;
mod intake;
mod load;
mod save;
mod site;

use chrono::NaiveDate;

use super::StoreError;

pub use intake::{Cursor, Stray};
pub use load::Settling;
pub use site::SiteSpan;

fn date_of(table: &'static str, column: &'static str, text: &str) -> Result<NaiveDate, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt(table, column, text, "no date"))
}
