//! Who wrote a change, and which one it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared_model::Entropy;

/// One life of one disk: a random number of 63 bits, never 0.
///
/// Minted offline at enrolment, after a failed boot-token check, on a fork verdict, and at a new feed epoch; the
/// cloud has one of its own per company and feed epoch. As JSON it is 16 hexadecimal digits, because it is a map key
/// there and beyond what other readers of JSON keep exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(i64);

/// Text or a number that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no origin: expected 16 hexadecimal digits of a positive 63-bit number")]
pub struct BadOrigin;

impl Origin {
    /// Mints a new origin.
    #[must_use]
    pub fn mint(entropy: &(impl Entropy + ?Sized)) -> Self {
        loop {
            let number = i64::from_le_bytes((entropy.next_u64() >> 1).to_le_bytes());
            if let Some(origin) = Self::from_number(number) {
                return origin;
            }
        }
    }

    /// The origin of a stored number; `None` unless it is positive.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// The number, for storage.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;
    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = i64::from_str_radix(text, 16).ok().filter(|_| digits);
        number.and_then(Self::from_number).ok_or(BadOrigin)
    }
}

impl TryFrom<String> for Origin {
    type Error = BadOrigin;
    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

/// One of an origin's two logs. Separate, so that an approval overtakes a week of punches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Records and decisions. First in order, because it is served first.
    #[serde(rename = "R")]
    Records,
    /// The ledger: punches, observations, watermarks.
    #[serde(rename = "L")]
    Ledger,
}

impl Stream {
    /// Both, in the order in which they are served.
    pub const ALL: [Self; 2] = [Self::Records, Self::Ledger];

    /// Its letter in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "R",
            Self::Ledger => "L",
        }
    }

    /// The stream of a stored letter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == text)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change's identity: the place in its origin's record log, the idempotency key and the event of a version vector
/// are the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "(Origin, i64)", try_from = "(Origin, i64)")]
pub struct Dot {
    /// The life of a disk that wrote it.
    pub origin: Origin,
    /// Its place in that origin's log, from 1.
    pub seq: i64,
}

impl Dot {
    /// The length of [`Dot::to_bytes`].
    pub const BYTES: usize = 16;

    /// A dot, from its parts.
    #[must_use]
    pub const fn new(origin: Origin, seq: i64) -> Self {
        Self { origin, seq }
    }

    /// Origin and sequence number, big-endian, for storage.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.origin.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    /// Reads what [`Dot::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (origin, seq) = bytes.split_first_chunk::<8>()?;
        let origin = Origin::from_number(i64::from_be_bytes(*origin))?;
        let seq = i64::from_be_bytes(seq.try_into().ok()?);
        (seq >= 1).then_some(Self { origin, seq })
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.origin, self.seq)
    }
}

impl From<Dot> for (Origin, i64) {
    fn from(dot: Dot) -> Self {
        (dot.origin, dot.seq)
    }
}

impl TryFrom<(Origin, i64)> for Dot {
    type Error = &'static str;
    fn try_from((origin, seq): (Origin, i64)) -> Result<Self, Self::Error> {
        if seq >= 1 { Ok(Self { origin, seq }) } else { Err("a dot's number is at least 1") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_survives_json_and_text_and_zero_is_none() {
        let origin = Origin::from_number(0x0123_4567_89ab_cdef).unwrap();
        assert_eq!(serde_json::to_string(&origin).unwrap(), r#""0123456789abcdef""#);
        assert_eq!("0123456789abcdef".parse(), Ok(origin));
        for bad in ["", "0000000000000000", "ffffffffffffffff", "+123456789abcdef", "123"] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
    }

    #[test]
    fn a_dot_survives_bytes_and_json() {
        let dot = Dot::new(Origin::from_number(7).unwrap(), 9);
        assert_eq!(Dot::from_bytes(&dot.to_bytes()), Some(dot));
        assert_eq!(Dot::from_bytes(&[0; 16]), None);
        let json = serde_json::to_string(&dot).unwrap();
        assert_eq!(json, r#"["0000000000000007",9]"#);
        assert_eq!(serde_json::from_str::<Dot>(&json).unwrap(), dot);
        assert!(serde_json::from_str::<Dot>(r#"["0000000000000007",0]"#).is_err());
    }
}
