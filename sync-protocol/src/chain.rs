//! Chain hashes: one short value that stands for a whole log up to a place.
//!
//! ```text
//! chain(0)   = blake3("muster chain v1" ‖ stream letter ‖ origin i64 BE), first 16 bytes
//! chain(n)   = blake3(chain(n-1) ‖ item n), first 16 bytes
//! item       = tag byte ‖ content; tags and contents in `ledger` (1, 2, 3) and `change` (4)
//! ```
//!
//! Both sides compute it from what they hold. Where two values at one place differ, one log has two histories.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Origin, Stream};

/// The hash of a log up to a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chain([u8; 16]);

/// A known chain value at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(i64, Chain)", from = "(i64, Chain)")]
pub struct Mark {
    /// The place: after this many rows.
    pub seq: i64,
    /// The value there.
    pub chain: Chain,
}

/// Text or bytes that are no chain value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no chain value: expected 16 bytes, or 32 hexadecimal digits")]
pub struct BadChain;

/// What one row adds to a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item(pub(crate) Vec<u8>);

impl Chain {
    /// Rows between the marks that are kept for good.
    pub const MARK_EVERY: i64 = 256;

    /// The value of an empty log.
    #[must_use]
    pub fn start(origin: Origin, stream: Stream) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(b"muster chain v1").update(stream.as_str().as_bytes());
        hash.update(&origin.number().to_be_bytes());
        Self::cut(&hash)
    }

    /// The value after one more row.
    #[must_use]
    pub fn then(self, item: &Item) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.0).update(&item.0);
        Self::cut(&hash)
    }

    /// Takes a stored value.
    ///
    /// # Errors
    /// [`BadChain`] unless there are 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadChain> {
        bytes.try_into().map(Self).map_err(|_| BadChain)
    }

    /// The bytes, for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn cut(hash: &blake3::Hasher) -> Self {
        let mut bytes = [0; 16];
        hash.finalize_xof().fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

impl TryFrom<String> for Chain {
    type Error = BadChain;
    fn try_from(text: String) -> Result<Self, BadChain> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| BadChain)?;
        Ok(Self(bytes))
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.to_string()
    }
}

impl From<Mark> for (i64, Chain) {
    fn from(mark: Mark) -> Self {
        (mark.seq, mark.chain)
    }
}

impl From<(i64, Chain)> for Mark {
    fn from((seq, chain): (i64, Chain)) -> Self {
        Self { seq, chain }
    }
}

/// The last place where both lists hold the same value; `start` (place 0) is common by definition.
#[must_use]
pub fn last_common(ours: &[Mark], theirs: &[Mark]) -> i64 {
    let same = |mark: &&Mark| theirs.contains(mark);
    ours.iter().filter(same).map(|mark| mark.seq).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_frozen() {
        let origin = Origin::from_number(1).unwrap();
        let start = Chain::start(origin, Stream::Ledger);
        let next = start.then(&Item(vec![1, 2, 3]));
        assert_eq!(
            [start.to_string(), next.to_string()],
            ["262e358d0ba0d290a862e0c3ea1b96f4".to_owned(), "d6e5afb511bb372c1b0411a48aaede67".to_owned()]
        );
        assert_ne!(start, Chain::start(origin, Stream::Records));
    }

    #[test]
    fn the_last_common_mark_is_found_and_none_means_the_start() {
        let chain = |n: u8| Chain::from_bytes(&[n; 16]).unwrap();
        let mark = |seq, n| Mark { seq, chain: chain(n) };
        let ours = [mark(256, 1), mark(512, 2), mark(700, 9)];
        let theirs = [mark(256, 1), mark(512, 2), mark(700, 8)];
        assert_eq!(last_common(&ours, &theirs), 512);
        assert_eq!(last_common(&ours, &[]), 0);
    }
}
