//! What goes wrong with a simulated clock.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::record::SimPunch;

/// How a table is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Transfer {
    /// In chunks as asked, each in one packet.
    #[default]
    Chunks,
    /// In chunks as asked, each in packets of 1,024 bytes.
    Pieces,
    /// At once in answer to the request, in one packet.
    Inline,
}

/// The faults of a simulated clock; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How tables are sent.
    pub transfer: Transfer,
    /// Close the connection, once, after so many chunks of a read.
    pub drop_after_chunk: Option<u64>,
    /// Restart, once, after so many chunks of a read: all connections end, none is taken for `reboot_ms`.
    pub reboot_after_chunk: Option<u64>,
    /// How long a restart takes, in milliseconds.
    pub reboot_ms: u64,
    /// Wait so many milliseconds before each reply.
    pub delay_ms: u64,
    /// Write at most so many bytes at once.
    pub torn: Option<usize>,
    /// Write all packets of an answer, and an event behind them, at once.
    pub coalesce: bool,
    /// Rows, counted from 0, whose date is 31 February.
    pub bad_date_rows: BTreeSet<u64>,
    /// By how much the count in the sizes is wrong.
    pub count_off: i64,
    /// Refuse `PREPARE_BUFFER`.
    pub refuse_buffer: bool,
    /// Know options only by the name without a final NUL.
    pub bare_options: bool,
    /// Answer with reply id 0.
    pub zero_reply_ids: bool,
    /// Answer with another session id after the first request.
    pub change_session: bool,
    /// Stop answering after so many requests of a connection.
    pub silent_after: Option<u64>,
    /// Nine bytes of junk before this row.
    pub junk_before_row: Option<u64>,
    /// By how much the length word exceeds the body.
    pub length_word_extra: u32,
    /// Length of the sizes reply, if not 92.
    pub sizes_length: Option<usize>,
    /// Answer acknowledgements of events.
    pub answer_acks: bool,
    /// Send no `ACK_OK` after a chunk.
    pub no_chunk_ack: bool,
    /// Room in the log over TCP: once it is full, each further punch takes the place of the oldest, silently.
    pub capacity: Option<u64>,
    /// Refuse a chunk that does not begin at the start of the body or where the chunk before it ended.
    pub chunks_in_order: bool,
    /// Send too many bytes in this chunk, counted from 1, once.
    pub long_chunk: Option<u64>,
    /// Checksums that are one too small.
    pub wrong_checksums: bool,
    /// Send a live event before every reply.
    pub event_before_reply: bool,
    /// Push: answer nothing for so many milliseconds before each request.
    pub push_delay_ms: u64,
    /// Push: send each batch twice.
    pub push_twice: bool,
    /// Push: hang up after sending, before the answer, every so many batches.
    pub push_drop_every: Option<u64>,
    /// Push: batches since the last hang-up.
    #[serde(skip)]
    pub push_batches: u64,
}

impl Faults {
    /// A punch as the clock holds it.
    #[must_use]
    pub fn as_kept(&self, index: u64, punch: SimPunch) -> SimPunch {
        if self.bad_date_rows.contains(&index) { punch.on_impossible_date() } else { punch }
    }

    /// Whether the next push of a batch breaks off.
    pub(super) fn push_drops(&self) -> bool {
        self.push_drop_every.is_some_and(|every| self.push_batches + 1 >= every)
    }

    pub(super) fn count_push_drop(&mut self) {
        self.push_batches = 0;
    }

    pub(super) fn count_push_batch(&mut self) {
        self.push_batches += 1;
    }
}
