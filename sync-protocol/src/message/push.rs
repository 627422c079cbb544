//! Push: rows of one log, upward.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared_model::Entropy;

use crate::{Chain, Origin, Stream};

/// A session's random number. It is never stored: a restored disk counts through old lease numbers, but cannot repeat
/// this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(u64);

impl Nonce {
    /// Draws a number.
    #[must_use]
    pub fn draw(entropy: &(impl Entropy + ?Sized)) -> Self {
        Self(entropy.next_u64())
    }

    /// Takes a stored number (the cloud keeps the nonce of the session that holds the lease).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// The number, for the cloud's storage.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({:016x})", self.0)
    }
}

impl TryFrom<String> for Nonce {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| "a nonce is 16 hexadecimal digits")?;
        Ok(Self::from_bytes(bytes))
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        format!("{:016x}", nonce.0)
    }
}

/// The right to speak for an origin: the newest session has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Rises by one each session, stored before use.
    pub no: i64,
    /// Lives in memory only.
    pub nonce: Nonce,
}

/// The head of a push; the payload holds the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushHead {
    /// The session.
    pub lease: Lease,
    /// Whose log.
    pub origin: Origin,
    /// Which of its logs.
    pub stream: Stream,
    /// The feed epoch the session was opened in.
    pub feed_epoch: u32,
    /// The place of the first row.
    pub from_seq: i64,
    /// The chain before it.
    pub prev_chain: Chain,
    /// The number of rows.
    pub rows: u32,
    /// The origin that the session is for, where `origin` is a former one of the same edge: its closed segment goes to a
    /// cloud that lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Origin>,
}

impl PushHead {
    /// The origin that the session is for.
    #[must_use]
    pub fn leader(&self) -> Origin {
        self.session.unwrap_or(self.origin)
    }
}

/// Answers a push. `Gap` and `Hello` go with HTTP status 409.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PushReply {
    /// Committed.
    Ok {
        /// The last row applied.
        applied: i64,
        /// The last row that survives the loss of the cloud's host.
        durable: i64,
        /// The last place given out in the company's feed.
        #[serde(default)]
        feed_head: i64,
        /// The server's time, milliseconds since 1970.
        #[serde(default)]
        server_time: i64,
    },
    /// Rows are missing before the first.
    Gap {
        /// The last row applied.
        applied: i64,
    },
    /// The session, the epoch or the log's history is not the one the cloud knows: say hello.
    Hello,
}
