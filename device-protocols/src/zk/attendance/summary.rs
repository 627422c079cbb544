//! What came of reading a log.

use super::decoder::RUN;
use super::{Layout, LogMark};

/// What came of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogSummary {
    /// The clock's own count before the read.
    pub counted: Option<u32>,
    /// Bytes of records the body declared.
    pub declared_bytes: Option<u32>,
    /// Bytes of records that came, and those before them where the read did not begin at the first.
    pub received_bytes: u64,
    /// How the records were read; `None` for an empty log and for one that could not be read.
    pub layout: Option<Layout>,
    /// For 16-byte records: whether the order of their codes was seen, not assumed.
    pub order_seen: bool,
    /// The row from which the codes of 16-byte records were read in the other order than assumed before.
    pub order_changed_at: Option<u64>,
    /// The place of the first row in the log: 0, or more where the read began behind rows that were known.
    pub first_row: u64,
    /// Rows handed out.
    pub rows: u64,
    /// Of these, rows whose date does not exist.
    pub bad_times: u64,
    /// Of these, rows with a doubt.
    pub doubtful: u64,
    /// Junk blocks skipped between records.
    pub junk_blocks: u64,
    /// Bytes after the last whole record.
    pub trailing_bytes: u64,
    /// Bytes declared that never came.
    pub missing_bytes: u64,
    /// Bytes that came beyond those declared.
    pub excess_bytes: u64,
    /// What could not be read.
    pub unread: Option<Unread>,
    /// Where a later read may go on.
    pub mark: Option<LogMark>,
}

impl LogSummary {
    /// Rows known of the log now, from its first: those handed out and those before them.
    #[must_use]
    pub fn known_rows(&self) -> u64 {
        self.first_row + self.rows
    }

    /// Whether all bytes declared came and all were read as rows. Says nothing about the clock's count, which a punch
    /// during the read may have overtaken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unread.is_none() && self.missing_bytes == 0 && self.trailing_bytes == 0
    }
}

/// Records that were handed out raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Why.
    pub reason: UnreadReason,
    /// Offset of the first such byte among the log's record bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Why records were handed out raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadReason {
    /// No layout makes enough of the records plausible.
    #[error("the records have no layout this program knows")]
    NoLayout,
    /// The records stopped being plausible.
    #[error("{run} records in succession do not look like punches", run = RUN)]
    StoppedMakingSense,
}
