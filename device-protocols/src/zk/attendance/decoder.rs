//! Reads a log from its bytes as they come, in bounded memory.
//!
//! The layout is chosen from the first [`SAMPLE`] bytes (or the whole log, if shorter) and the clock's count. From then
//! on rows are handed out in batches of at most [`BATCH`], so a log of a million records is never whole in memory.
//!
//! The choice is checked row by row, since a sample proves nothing about what follows it. A row that does not look like a
//! punch is held back; if a good row follows, both are handed out, the first with its [doubt](crate::row::Doubt). If
//! [`RUN`] such rows come in succession, the log has stopped being what it seemed: those rows and all that follow are
//! handed out as [raw bytes](LogPiece::Raw) with their offset, nothing of them as punches, and the summary says so.
//! "Looks like a punch" means: the user id and the in/out key are possible, and, for short records, where those prove
//! little, the date exists, from 2001 on and not ahead, or lies within six hours of the row before (a clock that lost its
//! battery counts on from a wrong date, and its rows are wrong only in that).
//!
//! A decoder made [after a mark](LogDecoder::after) begins behind the records that are known, in their layout.

use bytes::{Buf, Bytes, BytesMut};
use chrono::NaiveDateTime;

use super::mark::OVERLAP;
use super::stride::{self, Choice, Evidence};
use super::{Fields, JUNK, Layout, LogMark, LogSummary, MediumOrder, Unread, UnreadReason, junk_before};
use crate::row::AttendanceRow;
use crate::zk::u32_at;

/// Bytes the layout is chosen from.
pub const SAMPLE: usize = 64 * 1024;
/// Most rows handed out at once.
pub const BATCH: usize = 2048;
/// Rows in succession that do not look like punches before the rest is kept raw.
pub const RUN: usize = 16;
/// Most raw bytes handed out at once.
const RAW_PIECE: usize = 64 * 1024;

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPiece {
    /// Rows in the log's order. Those with an impossible date or a doubt are among them.
    Rows(Vec<AttendanceRow>),
    /// Records that could not be told apart, for keeping as they are.
    Raw {
        /// Offset of the bytes among the log's record bytes.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
}

/// What a decoder is told about the clock.
#[derive(Debug, Clone, Copy)]
pub struct LogContext {
    /// The clock's own count of its records, read just before.
    pub count: Option<u32>,
    /// Length of the body including its length word, where the clock stated it beside the body.
    pub body_bytes: Option<u64>,
    /// The present, as wall time anywhere: more than a day after this is implausible.
    pub now: NaiveDateTime,
    /// Order of the codes of 16-byte records, where known for this clock.
    pub order: Option<MediumOrder>,
}

#[derive(Debug)]
enum State {
    Length,
    Sampling,
    Rows { layout: Layout, order_seen: bool },
    Raw,
}

/// Reads a log from its bytes.
#[derive(Debug)]
pub struct LogDecoder {
    context: LogContext,
    latest: NaiveDateTime,
    state: State,
    buffer: BytesMut,
    /// Record bytes still to come or to read.
    left: u64,
    ended: bool,
    /// Rows that do not look like punches, waiting for what follows.
    held: Vec<AttendanceRow>,
    /// Packed time of the row before.
    previous: Option<u32>,
    position: u64,
    /// Offset of the buffer's first byte among the record bytes.
    offset: u64,
    /// The record bytes before it: at least those that a mark needs.
    recent: BytesMut,
    /// By how much the clock's count was ahead of its log, where the read goes on after a mark.
    ahead: Option<u32>,
    summary: LogSummary,
}

impl LogDecoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new(context: LogContext) -> Self {
        let latest = context.now.checked_add_days(chrono::Days::new(1)).unwrap_or(NaiveDateTime::MAX);
        Self {
            context,
            latest,
            state: State::Length,
            buffer: BytesMut::new(),
            left: 0,
            ended: false,
            held: Vec::new(),
            previous: None,
            position: 0,
            offset: 0,
            recent: BytesMut::new(),
            ahead: None,
            summary: LogSummary { counted: context.count, ..LogSummary::default() },
        }
    }

    /// A decoder of the records behind a mark, in a body of `total` bytes.
    #[must_use]
    pub fn after(context: LogContext, mark: &LogMark, total: u32) -> Self {
        let (layout, order_seen) = (mark.layout(), mark.order_seen());
        let last = mark.overlap().len().checked_sub(layout.stride()).and_then(|at| mark.overlap().get(at..));
        let mut decoder = Self::new(context);
        decoder.state = State::Rows { layout, order_seen };
        decoder.left = u64::from(total).saturating_sub(4).saturating_sub(mark.offset());
        decoder.previous = last.and_then(|raw| layout.fields(raw)).map(|fields| fields.time);
        decoder.position = mark.rows();
        decoder.offset = mark.offset();
        decoder.recent.extend_from_slice(mark.overlap());
        decoder.ahead = Some(mark.ahead());
        decoder.summary.first_row = mark.rows();
        decoder.summary.layout = Some(layout);
        decoder.summary.order_seen = order_seen;
        decoder
    }

    /// Tells the length of the body, where the clock states it beside the body.
    pub fn set_body_bytes(&mut self, bytes: u64) {
        self.context.body_bytes = Some(bytes);
    }

    /// Takes the next bytes of the body. Hand out what they hold with [`next_piece`](Self::next_piece) before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held that were not handed out yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Says that no more bytes come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next part of the log, as far as the bytes so far allow.
    pub fn next_piece(&mut self) -> Option<LogPiece> {
        loop {
            match self.state {
                State::Length => {
                    if !self.read_length() {
                        return None;
                    }
                }
                State::Sampling => {
                    if !self.choose() {
                        return None;
                    }
                }
                State::Rows { layout, order_seen } => {
                    let rows = self.read_rows(layout, order_seen);
                    if !rows.is_empty() {
                        return Some(LogPiece::Rows(rows));
                    }
                    if !matches!(self.state, State::Raw) {
                        return None;
                    }
                }
                State::Raw => return self.read_raw(),
            }
        }
    }

    /// What came of the log; to be asked after the last piece.
    #[must_use]
    pub fn into_summary(mut self) -> LogSummary {
        let here = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        match self.state {
            State::Length => self.summary.trailing_bytes = here,
            State::Sampling | State::Rows { .. } | State::Raw => {
                self.summary.trailing_bytes = here.min(self.left);
                self.summary.excess_bytes = here - here.min(self.left);
                self.summary.missing_bytes = self.left - here.min(self.left);
                self.summary.received_bytes = self.offset + here.min(self.left);
            }
        }
        let counted = self.summary.counted.map_or(0, u64::from);
        let ahead = counted.saturating_sub(self.summary.known_rows());
        let ahead = self.ahead.unwrap_or(u32::try_from(ahead).unwrap_or(u32::MAX));
        self.summary.mark = LogMark::at_end(&self.summary, &self.recent, ahead);
        self.summary
    }

    fn read_length(&mut self) -> bool {
        let Some(declared) = u32_at(&self.buffer, 0) else {
            return false;
        };
        self.buffer.advance(4);
        self.summary.declared_bytes = Some(declared);
        self.left = u64::from(declared);
        self.state = State::Sampling;
        true
    }

    /// Bytes of records in the buffer.
    fn here(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(self.buffer.len())
    }

    /// Bytes of records of the whole log, as far as can be told: what came, once it ended; otherwise the smaller of what
    /// the body and the clock declare.
    fn total(&self) -> u64 {
        if self.ended {
            return u64::try_from(self.here()).unwrap_or(u64::MAX);
        }
        self.context.body_bytes.map_or(self.left, |body| self.left.min(body.saturating_sub(4)))
    }

    fn choose(&mut self) -> bool {
        let total = self.total();
        if total == 0 {
            return false;
        }
        let wanted = usize::try_from(total).unwrap_or(usize::MAX).min(SAMPLE);
        if self.here() < wanted && !self.ended {
            return false;
        }
        let sample = self.buffer.get(..self.here().min(SAMPLE)).unwrap_or_default();
        let evidence = Evidence {
            sample,
            total,
            count: self.context.count,
            latest: self.latest,
            order: self.context.order,
        };
        match evidence.choose() {
            Some(Choice { layout, order_seen }) => {
                self.summary.layout = Some(layout);
                self.summary.order_seen = order_seen;
                self.state = State::Rows { layout, order_seen };
            }
            None => self.give_up(UnreadReason::NoLayout),
        }
        true
    }

    fn give_up(&mut self, reason: UnreadReason) {
        let held: usize = self.held.iter().map(|row| row.raw.len()).sum();
        let held = u64::try_from(held).unwrap_or(u64::MAX);
        self.offset -= held;
        self.left += held;
        let mut rest = BytesMut::new();
        for row in self.held.drain(..) {
            rest.extend_from_slice(&row.raw);
        }
        rest.extend_from_slice(&self.buffer);
        self.buffer = rest;
        self.summary.unread = Some(Unread { reason, offset: self.offset, bytes: 0 });
        self.state = State::Raw;
    }

    fn read_raw(&mut self) -> Option<LogPiece> {
        let length = self.here().min(RAW_PIECE);
        if length == 0 {
            return None;
        }
        let offset = self.offset;
        let bytes = self.take(length).freeze();
        if let Some(unread) = &mut self.summary.unread {
            unread.bytes += u64::try_from(length).unwrap_or(u64::MAX);
        }
        Some(LogPiece::Raw { offset, bytes })
    }

    fn take(&mut self, length: usize) -> BytesMut {
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.left -= bytes;
        self.offset += bytes;
        let taken = self.buffer.split_to(length);
        if let State::Rows { layout, .. } = self.state {
            self.remember(&taken, layout.stride());
        }
        taken
    }

    /// Keeps the last record bytes, which a later read compares; seldom moved, so that a row costs one copy.
    fn remember(&mut self, taken: &[u8], stride: usize) {
        self.recent.extend_from_slice(taken);
        let wanted = OVERLAP * stride;
        if self.recent.len() > 8 * wanted {
            self.recent = BytesMut::from(self.recent.get(self.recent.len() - wanted..).unwrap_or_default());
        }
    }

    fn read_rows(&mut self, mut layout: Layout, mut order_seen: bool) -> Vec<AttendanceRow> {
        let mut rows = Vec::new();
        while rows.len() + self.held.len() < BATCH {
            if self.skip_junk(layout).is_none() || self.here() < layout.stride() {
                break;
            }
            let raw = self.take(layout.stride());
            if let (Layout::Medium(assumed), false, None) = (layout, order_seen, self.context.order)
                && let Some(order) = stride::order_of(&raw, assumed)
            {
                (layout, order_seen) = (Layout::Medium(order), true);
                self.learn_order(layout, order != assumed);
            }
            let (Some(fields), Some(row)) =
                (layout.fields(&raw), layout.read(&raw, self.position, self.latest))
            else {
                break;
            };
            self.position += 1;
            let good = self.looks_like_a_punch(layout, &fields);
            self.previous = Some(fields.time);
            if good {
                rows.append(&mut self.held);
                rows.push(row);
                continue;
            }
            self.held.push(row);
            if self.held.len() == RUN {
                self.position -= u64::try_from(RUN).unwrap_or(0);
                self.give_up(UnreadReason::StoppedMakingSense);
                return self.count(rows);
            }
        }
        // At the very end nothing can follow any more: a short run goes out with its doubts.
        if self.ended && self.here() < layout.stride() {
            rows.append(&mut self.held);
        }
        self.count(rows)
    }

    /// A row has shown which of the two code bytes is the verify mode.
    fn learn_order(&mut self, layout: Layout, changed: bool) {
        self.state = State::Rows { layout, order_seen: true };
        self.summary.layout = Some(layout);
        self.summary.order_seen = true;
        if changed {
            self.summary.order_changed_at = Some(self.position);
        }
    }

    /// Skips junk before a record; `None` when more bytes are needed to tell.
    fn skip_junk(&mut self, layout: Layout) -> Option<()> {
        let here = self.here();
        let bytes = self.buffer.get(..here).unwrap_or_default();
        let seen = here.min(JUNK.len());
        if bytes.get(..seen) != JUNK.get(..seen) || seen == 0 {
            return Some(());
        }
        if here < JUNK.len() + layout.stride() && !self.ended && u64::try_from(here).ok() < Some(self.left) {
            return None;
        }
        let junk = junk_before(bytes, layout, self.latest);
        if junk > 0 {
            self.take(junk);
            self.summary.junk_blocks += 1;
        }
        Some(())
    }

    fn looks_like_a_punch(&self, layout: Layout, fields: &Fields) -> bool {
        match layout {
            Layout::Long(_) => fields.has_shape(),
            Layout::Short(_) | Layout::Medium(_) => {
                fields.has_shape() && fields.is_dated(self.latest, self.previous)
            }
        }
    }

    fn count(&mut self, rows: Vec<AttendanceRow>) -> Vec<AttendanceRow> {
        for row in &rows {
            self.summary.rows += 1;
            self.summary.bad_times += u64::from(row.time.is_err());
            self.summary.doubtful += u64::from(row.doubt.is_some());
        }
        rows
    }
}
