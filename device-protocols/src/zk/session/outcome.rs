//! What a session waits for, notices, and gives.

use std::time::Duration;

use bytes::Bytes;

use super::table::TableEnd;
use crate::zk::code::Code;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For the reply to a request, and between packets of a table.
    pub reply: Duration,
    /// For the clock to prepare a table; large logs take long.
    pub prepare: Duration,
    /// For an `ACK_OK` that should follow a chunk or a release and that some firmware omits.
    pub tail: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            reply: Duration::from_secs(10),
            prepare: Duration::from_secs(60),
            tail: Duration::from_secs(1),
        }
    }
}

/// What the session has noticed about the peer, for diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Packets with a wrong checksum.
    pub checksums: u64,
    /// Replies that belonged to no open request.
    pub strays: u64,
    /// Packets that are neither reply nor event.
    pub unexpected: u64,
    /// Replies with another session id.
    pub foreign_sessions: u64,
    /// Events dropped because nobody took them.
    pub lost_events: u64,
    /// Chunks asked for again.
    pub chunk_retries: u64,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The session is open.
    Connected,
    /// The clock answered; a refusal is an answer.
    Reply(Reply),
    /// A table waits at the clock for its owner to say where to begin.
    Prepared {
        /// Length of the whole body.
        total: u32,
    },
    /// A part of a table. The next comes after [`Session::resume`](super::Session::resume).
    Chunk {
        /// The bytes.
        bytes: Bytes,
        /// Length of the whole body, where the clock stated it.
        total: Option<u64>,
    },
    /// The table is complete and its buffer released.
    TableEnd(TableEnd),
    /// The request failed.
    Failed(SessionError),
}

/// A clock's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply code.
    pub code: Code,
    /// The session field, in which some replies carry a value.
    pub field: u16,
    /// What came with it.
    pub data: Bytes,
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// No answer came in time.
    #[error("no answer to {0} in time")]
    TimedOut(Code),
    /// The clock wants a communication key and none was given.
    #[error("the clock wants a communication key")]
    KeyNeeded,
    /// The communication key is wrong. It is not tried again.
    #[error("the clock refused the communication key")]
    KeyRefused,
    /// The clock refused.
    #[error("the clock refused {command}: {code}")]
    Refused {
        /// What was asked.
        command: Code,
        /// What it answered.
        code: Code,
    },
    /// A chunk came twice with a wrong length.
    #[error("a chunk of {wanted} bytes at {start} came with {got}")]
    ChunkLength {
        /// Where the chunk starts in the body.
        start: u32,
        /// Bytes asked for.
        wanted: u32,
        /// Bytes that came.
        got: u64,
    },
    /// A table longer than this program reads.
    #[error("a table of {0} bytes is announced")]
    TableLength(u64),
    /// Replies can no longer be told from late ones: connect again.
    #[error("the session lost track of the clock's replies")]
    Broken,
}
