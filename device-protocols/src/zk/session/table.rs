//! Reading a table: prepared and read in chunks, inline, or the old way.
//!
//! ```text
//! PREPARE_BUFFER -> ACK_OK (size) -> READ_CHUNK -> PREPARE_DATA, DATA…, ACK_OK -> … -> FREE_DATA -> ACK_OK
//!                -> DATA (whole body, perhaps in pieces)                            -> FREE_DATA -> ACK_OK
//!                -> refused -> the table's own command -> DATA | ACK_DATA | PREPARE_DATA, DATA…, ACK_OK
//! ```
//!
//! A chunk is handed out only when it is whole, so that asking for it again cannot repeat bytes. What comes without
//! being asked for chunk by chunk is handed out packet by packet. Memory is one chunk or one packet.
//!
//! A table that is only [prepared](super::Session::prepare_table) waits for its owner, who has seen its size and says
//! where to begin. A clock that refuses to prepare is not asked the old way then: that would send all of it.

mod flow;

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use flow::Flow;

use super::{Pending, SessionError, Timing};
use crate::zk::code::Code;
use crate::zk::frame::Packet;
use crate::zk::u32_at;

/// Bytes asked for at once over TCP: the most that clocks accept.
pub(super) const CHUNK: u32 = 0xFFC0;
/// Longest table read: 512 MiB, thirteen million 40-byte records.
const MAX_TABLE: u64 = 512 << 20;

/// A table of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Users.
    Users,
    /// The attendance log.
    Attendance,
    /// The operation log.
    Operations,
}

impl Table {
    fn command(self) -> Code {
        match self {
            Self::Users => Code::USERTEMP_RRQ,
            Self::Attendance => Code::ATTLOG_RRQ,
            Self::Operations => Code::OPLOG_RRQ,
        }
    }

    fn function(self) -> u8 {
        match self {
            Self::Users => 5,
            Self::Attendance | Self::Operations => 0,
        }
    }

    /// The old way of reading: the table's own command, for users with the function as its data.
    fn direct_request(self) -> (Code, Bytes) {
        let data = match self {
            Self::Users => Bytes::copy_from_slice(&[self.function()]),
            Self::Attendance | Self::Operations => Bytes::new(),
        };
        (self.command(), data)
    }

    /// The data of `PREPARE_BUFFER`: u8 1, u16 command, u32 function, u32 0.
    pub(super) fn request(self) -> Bytes {
        let mut data = BytesMut::with_capacity(11);
        data.put_u8(1);
        data.put_u16_le(self.command().0);
        data.put_u32_le(self.function().into());
        data.put_u32_le(0);
        data.freeze()
    }
}

/// How a table came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableVia {
    /// In chunks from the clock's buffer.
    Chunks,
    /// At once, in answer to `PREPARE_BUFFER`.
    Inline,
    /// In answer to the table's own command, since the clock refuses `PREPARE_BUFFER`.
    Legacy,
}

/// A table that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableEnd {
    /// How it came.
    pub via: TableVia,
    /// Bytes handed out.
    pub bytes: u64,
}

/// What a step needs to know.
pub(super) struct Context {
    pub(super) now: Instant,
    pub(super) timing: Timing,
    /// The keypad's lock runs out soon: renew it for these seconds.
    pub(super) lock_due: Option<u32>,
    /// Whether a late reply could be told from the reply to a second try.
    pub(super) may_retry: bool,
}

/// What the session is to do next.
pub(super) enum TableStep {
    Wait,
    Prepared { total: u32 },
    Chunk { bytes: Bytes, total: Option<u64> },
    Send { command: Code, data: Bytes, wait: Duration, given_up: bool, retry: bool },
    Done { end: TableEnd, given_up: bool },
    Failed { error: SessionError, given_up: bool },
}

#[derive(Debug)]
enum Phase {
    /// `PREPARE_BUFFER` is sent.
    Preparing,
    /// The table's own command is sent.
    AskingDirectly,
    /// Data comes without being asked for in chunks.
    Flowing(Flow),
    /// A packet of that was handed out.
    FlowPaused(Flow),
    /// A chunk was handed out, or none was asked for yet.
    Between { total: u32 },
    /// The keypad's lock is being renewed.
    Renewing { total: u32 },
    /// A chunk is coming.
    Chunk { total: u32, wanted: u32, got: BytesMut, second_try: bool },
    /// A chunk is whole; its `ACK_OK` should follow.
    ChunkTail { total: u32, bytes: Bytes, second_try: bool },
    /// `FREE_DATA` is sent.
    Freeing { error: Option<SessionError> },
}

/// A table being read.
#[derive(Debug)]
pub(super) struct TableRead {
    table: Table,
    /// The owner says where to begin.
    owner_begins: bool,
    via: TableVia,
    phase: Phase,
    pending: Pending,
    /// Offset in the body of the first byte handed out.
    start: u64,
    /// Bytes handed out.
    done: u64,
    /// Whether chunks of this clock end with `ACK_OK`; not waited for again once it failed to come.
    tail_expected: bool,
}

impl TableRead {
    pub(super) fn new(table: Table, owner_begins: bool, pending: Pending) -> Self {
        Self {
            table,
            owner_begins,
            via: TableVia::Chunks,
            phase: Phase::Preparing,
            pending,
            start: 0,
            done: 0,
            tail_expected: true,
        }
    }

    /// The reply id that belongs to this table now; `None` while nothing is asked.
    pub(super) fn reply(&self) -> Option<u16> {
        match self.phase {
            Phase::Between { .. } => None,
            Phase::Preparing
            | Phase::AskingDirectly
            | Phase::Flowing(_)
            | Phase::FlowPaused(_)
            | Phase::Renewing { .. }
            | Phase::Chunk { .. }
            | Phase::ChunkTail { .. }
            | Phase::Freeing { .. } => Some(self.pending.reply),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Between { .. } | Phase::FlowPaused(_) => None,
            Phase::Preparing
            | Phase::AskingDirectly
            | Phase::Flowing(_)
            | Phase::Renewing { .. }
            | Phase::Chunk { .. }
            | Phase::ChunkTail { .. }
            | Phase::Freeing { .. } => Some(self.pending.deadline),
        }
    }

    /// Notes what was sent at this table's wish.
    pub(super) fn sent(&mut self, pending: Pending) {
        self.pending = pending;
    }

    /// Begins a prepared table at an offset of its body.
    pub(super) fn begin_at(&mut self, start: u32, cx: &Context) -> TableStep {
        if matches!(self.phase, Phase::Between { .. }) && self.done == 0 {
            self.start = start.into();
        }
        self.resume(cx)
    }

    /// Releases a table of which no more is wanted; only between chunks.
    pub(super) fn release(&mut self, cx: &Context) -> TableStep {
        match self.phase {
            Phase::Between { .. } => self.free(None, cx),
            Phase::Preparing
            | Phase::AskingDirectly
            | Phase::Flowing(_)
            | Phase::FlowPaused(_)
            | Phase::Renewing { .. }
            | Phase::Chunk { .. }
            | Phase::ChunkTail { .. }
            | Phase::Freeing { .. } => TableStep::Wait,
        }
    }

    /// Goes on after a chunk was taken.
    pub(super) fn resume(&mut self, cx: &Context) -> TableStep {
        match self.phase {
            Phase::Between { total } => self.next_chunk(total, cx),
            Phase::FlowPaused(flow) => {
                self.phase = Phase::Flowing(flow);
                match flow {
                    Flow::Unannounced(_) if flow.is_reached(self.done) => return self.free(None, cx),
                    Flow::Announced(_) if flow.is_reached(self.done) => {
                        self.pending.deadline = cx.now + cx.timing.tail;
                    }
                    // The data may have been waiting in the socket while the owner was busy.
                    Flow::Announced(_) | Flow::Unannounced(_) => {
                        self.pending.deadline = cx.now + cx.timing.reply;
                    }
                }
                TableStep::Wait
            }
            Phase::Preparing
            | Phase::AskingDirectly
            | Phase::Flowing(_)
            | Phase::Renewing { .. }
            | Phase::Chunk { .. }
            | Phase::ChunkTail { .. }
            | Phase::Freeing { .. } => TableStep::Wait,
        }
    }

    /// Takes a reply that belongs to this table.
    pub(super) fn take(&mut self, packet: &Packet, cx: &Context) -> TableStep {
        match std::mem::replace(&mut self.phase, Phase::Preparing) {
            Phase::Preparing => self.prepared(packet, cx),
            Phase::AskingDirectly => self.answered_directly(packet, cx),
            Phase::Flowing(flow) | Phase::FlowPaused(flow) => self.flow(packet, flow, cx),
            Phase::Between { total } => {
                self.phase = Phase::Between { total };
                TableStep::Wait
            }
            Phase::Renewing { total } => self.ask_chunk(total, false, false, cx),
            Phase::Chunk { total, wanted, got, second_try } => {
                self.chunk(packet, total, wanted, got, second_try, cx)
            }
            Phase::ChunkTail { total, bytes, second_try } => match packet.command {
                Code::ACK_OK => self.hand_out(total, bytes),
                // More data than asked for: the chunk cannot be trusted.
                _ => self.bad_chunk(total, length(&bytes) + length(&packet.data), second_try, cx),
            },
            Phase::Freeing { error } => self.freed(error, false),
        }
    }

    /// Notices that nothing came in time.
    pub(super) fn time_out(&mut self, cx: &Context) -> TableStep {
        let command = self.pending.command;
        match std::mem::replace(&mut self.phase, Phase::Preparing) {
            Phase::Preparing | Phase::AskingDirectly => self.free_after(SessionError::TimedOut(command), cx),
            Phase::Flowing(flow) | Phase::FlowPaused(flow) => match flow {
                Flow::Announced(_) if !flow.is_reached(self.done) => {
                    self.free_after(SessionError::TimedOut(command), cx)
                }
                Flow::Announced(_) | Flow::Unannounced(_) => self.free(None, cx),
            },
            Phase::Between { total } => {
                self.phase = Phase::Between { total };
                TableStep::Wait
            }
            Phase::Renewing { total } => self.ask_chunk(total, true, false, cx),
            Phase::Chunk { total, second_try, .. } => {
                if second_try || !cx.may_retry {
                    self.free_after(SessionError::TimedOut(command), cx)
                } else {
                    self.ask_chunk(total, true, true, cx)
                }
            }
            Phase::ChunkTail { total, bytes, .. } => {
                self.tail_expected = false;
                self.hand_out(total, bytes)
            }
            Phase::Freeing { error } => self.freed(error, true),
        }
    }

    fn prepared(&mut self, packet: &Packet, cx: &Context) -> TableStep {
        match packet.command {
            Code::DATA | Code::ACK_DATA | Code::PREPARE_DATA => {
                self.via = TableVia::Inline;
                self.flow(packet, Flow::of(packet), cx)
            }
            Code::ACK_OK => match u32_at(&packet.data, 1) {
                // An empty table may be announced without a size.
                None => self.free(None, cx),
                Some(total) if u64::from(total) > MAX_TABLE => {
                    self.free_after(SessionError::TableLength(total.into()), cx)
                }
                Some(total) if self.owner_begins => {
                    self.phase = Phase::Between { total };
                    TableStep::Prepared { total }
                }
                Some(total) => self.next_chunk(total, cx),
            },
            code if self.owner_begins => {
                let error = SessionError::Refused { command: Code::PREPARE_BUFFER, code };
                self.free_after(error, cx)
            }
            _ => {
                self.via = TableVia::Legacy;
                self.phase = Phase::AskingDirectly;
                let (command, data) = self.table.direct_request();
                TableStep::Send { command, data, wait: cx.timing.prepare, given_up: false, retry: false }
            }
        }
    }

    fn answered_directly(&mut self, packet: &Packet, cx: &Context) -> TableStep {
        match packet.command {
            Code::DATA | Code::ACK_DATA | Code::PREPARE_DATA => self.flow(packet, Flow::of(packet), cx),
            Code::ACK_OK => self.free(None, cx),
            code => {
                let error = SessionError::Refused { command: self.table.command(), code };
                self.free_after(error, cx)
            }
        }
    }

    /// Data that comes without being asked for in chunks.
    fn flow(&mut self, packet: &Packet, flow: Flow, cx: &Context) -> TableStep {
        self.pending.deadline = cx.now + cx.timing.reply;
        match packet.command {
            Code::PREPARE_DATA => {
                let flow = Flow::of(packet);
                if let Some(length) = flow.total().filter(|length| *length > MAX_TABLE) {
                    return self.free_after(SessionError::TableLength(length), cx);
                }
                self.phase = Phase::Flowing(flow);
                TableStep::Wait
            }
            Code::DATA | Code::ACK_DATA => {
                self.done += length(&packet.data);
                if self.done > MAX_TABLE {
                    return self.free_after(SessionError::TableLength(self.done), cx);
                }
                self.phase = Phase::FlowPaused(flow);
                TableStep::Chunk { bytes: packet.data.clone(), total: flow.total() }
            }
            Code::ACK_OK => self.free(None, cx),
            code => self.free_after(SessionError::Refused { command: self.table.command(), code }, cx),
        }
    }

    fn next_chunk(&mut self, total: u32, cx: &Context) -> TableStep {
        if self.next_start() >= total {
            return self.free(None, cx);
        }
        if let Some(seconds) = cx.lock_due {
            self.phase = Phase::Renewing { total };
            let data = Bytes::copy_from_slice(&seconds.to_le_bytes());
            let wait = cx.timing.reply;
            return TableStep::Send {
                command: Code::DISABLE_DEVICE,
                data,
                wait,
                given_up: false,
                retry: false,
            };
        }
        self.ask_chunk(total, false, false, cx)
    }

    /// Offset in the body of the next byte to be handed out.
    fn next_start(&self) -> u32 {
        u32::try_from(self.start + self.done).unwrap_or(u32::MAX)
    }

    fn ask_chunk(&mut self, total: u32, given_up: bool, second_try: bool, cx: &Context) -> TableStep {
        let start = self.next_start();
        let wanted = total.saturating_sub(start).min(CHUNK);
        self.phase = Phase::Chunk { total, wanted, got: BytesMut::new(), second_try };
        let mut data = BytesMut::with_capacity(8);
        data.put_u32_le(start);
        data.put_u32_le(wanted);
        let wait = cx.timing.reply;
        TableStep::Send { command: Code::READ_CHUNK, data: data.freeze(), wait, given_up, retry: second_try }
    }

    fn chunk(
        &mut self,
        packet: &Packet,
        total: u32,
        wanted: u32,
        mut got: BytesMut,
        second_try: bool,
        cx: &Context,
    ) -> TableStep {
        self.pending.deadline = cx.now + cx.timing.reply;
        match packet.command {
            Code::PREPARE_DATA => {
                self.phase = Phase::Chunk { total, wanted, got, second_try };
                TableStep::Wait
            }
            Code::DATA | Code::ACK_DATA => {
                let sum = length(&got) + length(&packet.data);
                if sum > u64::from(wanted) {
                    return self.bad_chunk(total, sum, second_try, cx);
                }
                got.extend_from_slice(&packet.data);
                if sum < u64::from(wanted) {
                    self.phase = Phase::Chunk { total, wanted, got, second_try };
                    return TableStep::Wait;
                }
                if self.tail_expected {
                    self.pending.deadline = cx.now + cx.timing.tail;
                    self.phase = Phase::ChunkTail { total, bytes: got.freeze(), second_try };
                    return TableStep::Wait;
                }
                self.hand_out(total, got.freeze())
            }
            _ => {
                let sum = length(&got);
                self.bad_chunk(total, sum, second_try, cx)
            }
        }
    }

    /// A chunk of the wrong length: asked for once more, then the table is given up.
    fn bad_chunk(&mut self, total: u32, got: u64, second_try: bool, cx: &Context) -> TableStep {
        let start = self.next_start();
        let wanted = total.saturating_sub(start).min(CHUNK);
        if second_try || !cx.may_retry {
            return self.free_after(SessionError::ChunkLength { start, wanted, got }, cx);
        }
        self.ask_chunk(total, true, true, cx)
    }

    fn hand_out(&mut self, total: u32, bytes: Bytes) -> TableStep {
        self.done += length(&bytes);
        self.phase = Phase::Between { total };
        TableStep::Chunk { bytes, total: Some(total.into()) }
    }

    fn free_after(&mut self, error: SessionError, cx: &Context) -> TableStep {
        self.free(Some(error), cx)
    }

    fn free(&mut self, error: Option<SessionError>, cx: &Context) -> TableStep {
        self.phase = Phase::Freeing { error };
        let given_up = error.is_some();
        TableStep::Send {
            command: Code::FREE_DATA,
            data: Bytes::new(),
            wait: cx.timing.tail,
            given_up,
            retry: false,
        }
    }

    fn freed(&self, error: Option<SessionError>, given_up: bool) -> TableStep {
        match error {
            Some(error) => TableStep::Failed { error, given_up },
            // The bytes are whole whether or not the clock confirms that it released its buffer.
            None => TableStep::Done { end: TableEnd { via: self.via, bytes: self.done }, given_up },
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
