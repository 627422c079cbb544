//! How far a log is known, so that a later read begins there instead of at its first record.
//!
//! Clocks append to their log, give the size of its body before they send it, and send any part that is asked for. So
//! a read that knows the log up to some byte asks for the last [`OVERLAP`] records before it and for all that follows:
//!
//! ```text
//! body:  length word | known records ............ | overlap | new records
//!                                                 ^ start   ^ offset
//! ```
//!
//! Only where the overlap comes back byte for byte is what follows it taken for new records. A log that was cleared,
//! rotated, sorted or written by another firmware fails that, and is read whole.
//!
//! As bytes, for keeping: `u8 1 | u8 layout | u16 stride | u8 order seen | u32 ahead | u64 rows | u64 offset | overlap`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Layout, LogSummary, MediumOrder, ShortOrder};

/// Known records that are read again and compared.
pub const OVERLAP: usize = 32;
/// Longest log a mark can lie in.
const MAX_OFFSET: u64 = 512 << 20;
/// Bytes before the overlap.
const HEADER: usize = 25;
const VERSION: u8 = 1;

/// A place in a log up to which it was read, and what stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMark {
    layout: Layout,
    order_seen: bool,
    /// Records the clock counted beyond those its log had.
    ahead: u32,
    rows: u64,
    offset: u64,
    overlap: Bytes,
}

/// Why what is known of a log is not how the log begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Fewer bytes than are known.
    #[error("the log is shorter than what was read of it before")]
    Shorter,
    /// What follows the known records is no whole number of records, or the records are to be read otherwise.
    #[error("the records are laid out otherwise than those read before")]
    Layout,
    /// The last known records are not where they were.
    #[error("the last records read before are not where they were")]
    Changed,
}

/// Why what followed the known records is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shortfall {
    /// The known records are not what they seemed.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The clock counts more records.
    #[error("the clock counts more records than came")]
    Count,
}

/// Bytes that are no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no mark in a log")]
pub struct BadMark;

impl LogMark {
    /// The mark at the end of a log that was read to its end; `None` where a later read must not rely on it.
    /// `recent` are the last record bytes.
    pub(super) fn at_end(summary: &LogSummary, recent: &[u8], ahead: u32) -> Option<Self> {
        if !summary.is_whole() || summary.excess_bytes > 0 {
            return None;
        }
        let layout = summary.layout?;
        let overlap = recent.get(recent.len().saturating_sub(OVERLAP * layout.stride())..)?;
        let mark = Self {
            layout,
            order_seen: summary.order_seen,
            ahead,
            rows: summary.known_rows(),
            offset: summary.received_bytes,
            overlap: Bytes::copy_from_slice(overlap),
        };
        mark.is_sound().then_some(mark)
    }

    /// Rows known, from the log's first.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Record bytes known, from the log's first.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How the records are laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn order_seen(&self) -> bool {
        self.order_seen
    }

    pub(super) fn ahead(&self) -> u32 {
        self.ahead
    }

    /// The known record bytes right before the mark.
    #[must_use]
    pub fn overlap(&self) -> &[u8] {
        &self.overlap
    }

    /// Where in the log's body to begin: at the first byte of the overlap.
    #[must_use]
    pub fn start(&self) -> u32 {
        let overlap = u64::try_from(self.overlap.len()).unwrap_or(u64::MAX);
        u32::try_from(4 + self.offset.saturating_sub(overlap)).unwrap_or(u32::MAX)
    }

    /// Compares with a body of `total` bytes, whose records' codes have this order, where it is known.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn check_size(&self, total: u32, order: Option<MediumOrder>) -> Result<(), Misfit> {
        let records = u64::from(total).saturating_sub(4);
        let new = records.checked_sub(self.offset).ok_or(Misfit::Shorter)?;
        let same_order = match (self.layout, order) {
            (Layout::Medium(known), Some(order)) => known == order,
            (Layout::Short(_) | Layout::Medium(_) | Layout::Long(_), _) => true,
        };
        let whole_rows = u64::try_from(self.layout.stride()).is_ok_and(|stride| new.is_multiple_of(stride));
        if same_order && whole_rows { Ok(()) } else { Err(Misfit::Layout) }
    }

    /// Compares with the first bytes from [`start`](Self::start) on; gives those after the overlap.
    ///
    /// # Errors
    /// [`Misfit::Changed`].
    pub fn strip_overlap(&self, mut bytes: Bytes) -> Result<Bytes, Misfit> {
        if !bytes.starts_with(&self.overlap) {
            return Err(Misfit::Changed);
        }
        bytes.advance(self.overlap.len());
        Ok(bytes)
    }

    /// Judges a read that began behind this mark. A clock whose count was ahead of its log before may be so again.
    ///
    /// # Errors
    /// [`Shortfall`]: the whole log must be read.
    pub fn check_summary(&self, summary: &LogSummary) -> Result<(), Shortfall> {
        // A changed order means that the known records' codes were read wrongly.
        if summary.order_changed_at.is_some() || !summary.is_whole() {
            return Err(Misfit::Layout.into());
        }
        let counted = summary.counted.map_or(0, u64::from);
        let ahead = counted.saturating_sub(summary.known_rows());
        if ahead > u64::from(self.ahead) { Err(Shortfall::Count) } else { Ok(()) }
    }

    /// The mark as bytes, for keeping.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (layout, stride) = match self.layout {
            Layout::Short(ShortOrder::TimeThenState) => (1, 8),
            Layout::Short(ShortOrder::StateThenTime) => (2, 8),
            Layout::Medium(MediumOrder::StateFirst) => (3, 16),
            Layout::Medium(MediumOrder::VerifyFirst) => (4, 16),
            Layout::Long(stride) => (5, stride),
        };
        let mut out = BytesMut::with_capacity(HEADER + self.overlap.len());
        out.put_u8(VERSION);
        out.put_u8(layout);
        out.put_u16_le(stride);
        out.put_u8(self.order_seen.into());
        out.put_u32_le(self.ahead);
        out.put_u64_le(self.rows);
        out.put_u64_le(self.offset);
        out.put_slice(&self.overlap);
        out.into()
    }

    /// Reads a mark that was kept.
    ///
    /// # Errors
    /// [`BadMark`] for anything that [`to_bytes`](Self::to_bytes) cannot have written.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, BadMark> {
        if bytes.len() < HEADER || bytes.get_u8() != VERSION {
            return Err(BadMark);
        }
        let layout = match (bytes.get_u8(), bytes.get_u16_le()) {
            (1, 8) => Layout::Short(ShortOrder::TimeThenState),
            (2, 8) => Layout::Short(ShortOrder::StateThenTime),
            (3, 16) => Layout::Medium(MediumOrder::StateFirst),
            (4, 16) => Layout::Medium(MediumOrder::VerifyFirst),
            (5, stride @ 40..=256) => Layout::Long(stride),
            _ => return Err(BadMark),
        };
        let order_seen = match bytes.get_u8() {
            0 => false,
            1 => true,
            _ => return Err(BadMark),
        };
        let (ahead, rows, offset) = (bytes.get_u32_le(), bytes.get_u64_le(), bytes.get_u64_le());
        let mark = Self { layout, order_seen, ahead, rows, offset, overlap: Bytes::copy_from_slice(bytes) };
        if mark.is_sound() { Ok(mark) } else { Err(BadMark) }
    }

    fn is_sound(&self) -> bool {
        let Ok(stride) = u64::try_from(self.layout.stride()) else { return false };
        let most = u64::try_from(OVERLAP).unwrap_or(u64::MAX) * stride;
        self.rows > 0
            && self.offset <= MAX_OFFSET
            && self.rows.checked_mul(stride).is_some_and(|least| least <= self.offset)
            && u64::try_from(self.overlap.len()).is_ok_and(|overlap| overlap == self.offset.min(most))
    }
}

#[cfg(test)]
mod tests;
