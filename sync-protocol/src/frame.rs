//! The columnar frame in which ledger entries travel: about six bytes a punch after zstd.
//!
//! ```text
//! byte                format, 1
//! varint n            entries
//! dictionary ×4       serials, user codes, zones, work codes: varint k, then k sorted texts, each
//!                     varint bytes shared with the text before, varint further bytes, those bytes
//! n bytes             what each entry is: 1 punch, 2 observation, 3 watermark
//!
//! punches and observations, in the order of the entries, one column after the other:
//!   serial            varint, place in the dictionary
//!   user code         varint, place in the dictionary
//!   raw time          signed varint, seconds since the row before
//!   explicit id       16 bytes, only where the serial is `mobile` or `correction`; elsewhere the reader recomputes it
//!   route             byte
//!   state, verify     varint, 0 = none, else the value + 1
//!   work code         varint, 0 = none, else place in the dictionary + 1
//!   received at       signed varint, milliseconds since the row before
//! punches only:
//!   zone              varint, place in the dictionary
//!   offset            signed varint, (raw time - instant) in seconds, less the row before
//! watermarks only:
//!   serial            varint
//!   position          signed varint, less the row before
//!   raw time          varint 0 = none; 1, then signed varint seconds less `through`
//!   through           signed varint, seconds since the row before
//!   observed at       signed varint, milliseconds since `through`
//! ```
//!
//! "The row before" of a first row is 0. A frame that breaks the layout is refused whole; an entry with a route or a
//! zone that this version does not know keeps its identity (its log's chain needs it) and comes out as [`BadEntry`].

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;

use crate::LedgerEntry;
use crate::chain::Item;

const FORMAT: u8 = 1;
const PUNCH: u8 = 1;
const OBSERVATION: u8 = 2;
const WATERMARK: u8 = 3;

/// A frame that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The first byte names no format that this version reads.
    #[error("frame of an unknown format")]
    Format,
    /// More entries than the reader allows.
    #[error("frame of {found} entries, at most {max} are taken")]
    TooMany {
        /// What the frame declares.
        found: u64,
        /// The limit.
        max: usize,
    },
    /// Cut off, left over, or a value out of range.
    #[error("malformed frame: {0}")]
    Malformed(&'static str),
}

/// An entry whose identity is known but whose content this version cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// A short fixed name of the cause.
    pub code: &'static str,
    /// What was found.
    pub detail: String,
    /// The entry's columns, readable, to be kept until somebody can take it.
    pub raw: String,
}

/// One entry of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it adds to its log's chain.
    pub item: Item,
    /// The entry, where it can be taken.
    pub entry: Result<LedgerEntry, BadEntry>,
}

/// Whether ids under this serial come from the cloud and are sent as they are.
fn has_explicit_id(serial: &str) -> bool {
    use shared_model::ClockSerial;
    matches!(serial, ClockSerial::MOBILE | ClockSerial::CORRECTION)
}

#[cfg(test)]
mod tests;
