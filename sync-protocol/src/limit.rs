//! What a peer may send at most (sync.md 2.8, 2.15). The cloud names the ones in [`Limits`] in its hello reply;
//! the constants are the ceiling that nobody exceeds.

use serde::{Deserialize, Serialize};

/// Rows in one push or page.
pub const BATCH_ROWS: usize = 1000;
/// Bytes of one compressed body.
pub const BODY_COMPRESSED: usize = 256 * 1024;
/// Bytes of one body after decompression.
pub const BODY_RAW: usize = 1024 * 1024;
/// Bytes of the line that opens a body.
pub const HEAD: usize = 4 * 1024;
/// Bytes of one record change as JSON.
pub const ROW: usize = 64 * 1024;
/// Bytes of one item of a page as JSON: a record with all its fields and dots.
pub const ITEM: usize = 256 * 1024;
/// Days for which a tombstone is kept at least.
pub const TOMBSTONE_DAYS: u32 = 30;
/// Days of silence after which tombstones no longer wait for an origin.
pub const EXPIRY_DAYS: u32 = 90;
/// Fields in one record change.
pub const FIELDS: usize = 256;
/// Record changes of one transaction, which are applied all or nothing.
pub const GROUP_ROWS: usize = 500;
/// Bytes of a hello or an enrolment, and of their replies, after decompression.
pub const MESSAGE: usize = 64 * 1024;
/// Bytes of a bundle of people and grants.
pub const BUNDLE: usize = BODY_RAW - HEAD;
/// Marks of one stream in a hello.
pub const MARKS: usize = 64;
/// Closed segments in a hello.
pub const SEGMENTS: usize = 64;

/// How the cloud wants to be talked to. Unknown to older peers or absent: the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Rows in one push or page, at most [`BATCH_ROWS`].
    pub batch_rows: u32,
    /// Bytes of a push's payload before compression, at most [`BODY_RAW`] less [`HEAD`].
    pub batch_bytes: u32,
    /// How long ledger rows may wait for company before they are pushed, milliseconds.
    pub linger_ms: u32,
    /// The same for record changes, milliseconds.
    pub record_linger_ms: u32,
    /// Ledger rows that are pushed without waiting longer.
    pub linger_rows: u32,
    /// How long the cloud holds a pull that has nothing to say, seconds.
    pub poll_wait_s: u32,
    /// Time between exchanges when nothing waits, seconds.
    pub idle_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_rows: 1000,
            batch_bytes: 512 * 1024,
            linger_ms: 1000,
            record_linger_ms: 100,
            linger_rows: 200,
            poll_wait_s: 25,
            idle_s: 60,
        }
    }
}

impl Limits {
    /// The same within what any peer may do: a zero or a huge number from the other side cannot stop or flood us.
    #[must_use]
    pub fn bounded(self) -> Self {
        let raw = u32::try_from(BODY_RAW - HEAD).unwrap_or(u32::MAX);
        Self {
            batch_rows: self.batch_rows.clamp(1, u32::try_from(BATCH_ROWS).unwrap_or(u32::MAX)),
            // One row of the greatest size must fit, or it would block its log.
            batch_bytes: self.batch_bytes.clamp(u32::try_from(ROW).unwrap_or(raw) + 1, raw),
            linger_ms: self.linger_ms.min(60_000),
            record_linger_ms: self.record_linger_ms.min(10_000),
            linger_rows: self.linger_rows.max(1),
            poll_wait_s: self.poll_wait_s.min(55),
            idle_s: self.idle_s.clamp(1, 600),
        }
    }
}
