//! One attendance row in the clock's own words, whichever way it came.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a row kept without an allocation.
const INLINE: usize = 55;

/// One punch as the clock told it: nothing translated, nothing corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttendanceRow {
    /// Place of the row in what was read: index in the log's body, or line of the upload, from 0.
    pub position: u64,
    /// Whom the clock means.
    pub user: UserRef,
    /// The clock's wall time to the second, or what it said instead of a time.
    pub time: Result<NaiveDateTime, BadTime>,
    /// Seconds east of UTC, where the clock itself states its offset.
    pub utc_offset: Option<i32>,
    /// How the person was verified, in the numbering of this clock and route.
    pub verify: Option<u16>,
    /// In/out key, raw: 0 in, 1 out, 2 break out, 3 break in, 4 overtime in, 5 overtime out, 255 none.
    pub state: Option<u16>,
    /// Work code, where the record has one.
    pub work_code: Option<Box<str>>,
    /// Why the row may not mean what it says, although it could be read.
    pub doubt: Option<Doubt>,
    /// The row as it came.
    pub raw: RawRow,
    /// Where the fields known to this crate end in `raw`; what follows is the [tail](Self::tail).
    pub known: u16,
}

impl AttendanceRow {
    /// Bytes beyond the fields this crate knows (temperature, mask and other additions of newer firmware).
    #[must_use]
    pub fn tail(&self) -> &[u8] {
        self.raw.get(usize::from(self.known)..).unwrap_or_default()
    }
}

/// Why a row that could be read may not mean what it says: a matter for quarantine, not for a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The time exists but lies more than a day ahead of the reader's.
    Future,
    /// The fields do not look like a punch: the user id is no text or zero, or the in/out key is none there is.
    Shape,
}

/// Whom a clock means by a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserRef {
    /// The user id as text, exactly as stored ("007" is not "7").
    Code(UserCode),
    /// The user id as a number, on clocks that only know numbers.
    Number(u32),
    /// The clock's internal serial of the user record, to be looked up in its user table. It is reused after a
    /// deletion and is never a user id.
    Internal(u16),
    /// The id bytes are no text; they are in the raw row.
    Unreadable,
}

impl fmt::Display for UserRef {
    /// The name under which punches of this user are known: the code, the number, or `sn:N`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => f.write_str(code.as_str()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Internal(sn) => write!(f, "sn:{sn}"),
            Self::Unreadable => f.write_str("?"),
        }
    }
}

/// A user id as text: 1 to 24 bytes of UTF-8 without control characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl UserCode {
    /// Longest user id in bytes: the width of the field in 72-byte users and 40-byte records.
    pub const MAX: usize = 24;

    /// Takes a user id as it stands: nothing is trimmed or folded.
    ///
    /// # Errors
    /// [`BadUserCode`] for an empty or longer text and for control characters.
    pub fn parse(text: &str) -> Result<Self, BadUserCode> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(BadUserCode::Length(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(BadUserCode::Control);
        }
        let mut bytes = [0; Self::MAX];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        let len = u8::try_from(text.len()).map_err(|_| BadUserCode::Length(text.len()))?;
        Ok(Self { len, bytes })
    }

    /// Takes the user id out of a NUL-padded field; `None` when the bytes are no printable text or anything
    /// follows the first NUL.
    #[must_use]
    pub fn from_padded(field: &[u8]) -> Option<Self> {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        let (text, padding) = field.split_at(end);
        if padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        Self::parse(std::str::from_utf8(text).ok()?).ok()
    }

    /// The id as text.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the bytes were copied from a str of this length and never change"
    )]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).expect("len is at most MAX");
        std::str::from_utf8(text).expect("made from a str")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for UserCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for UserCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a text is no user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUserCode {
    /// Empty, or more than [`UserCode::MAX`] bytes.
    #[error("a user id has 1 to 24 bytes, not {0}")]
    Length(usize),
    /// A tab, line break or other control character.
    #[error("a user id has no control characters")]
    Control,
}

/// What a clock said where a time belongs.
///
/// Clocks count every month as 31 days and lose their battery, so dates such as 31 February do occur.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such time: {said}")]
pub struct BadTime {
    said: Box<str>,
}

impl BadTime {
    /// Longest text kept of what the clock said.
    pub const MAX: usize = 40;

    /// Keeps (the first [`MAX`](Self::MAX) bytes of) what the clock said.
    #[must_use]
    pub fn new(said: &str) -> Self {
        let mut end = said.len().min(Self::MAX);
        while !said.is_char_boundary(end) {
            end -= 1;
        }
        Self { said: said.get(..end).unwrap_or_default().into() }
    }

    /// What the clock said, as `YYYY-MM-DD hh:mm:ss` where it spoke in numbers.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }
}

/// The bytes of a row, inline while they are few.
#[derive(Clone, PartialEq, Eq)]
pub struct RawRow(Storage);

#[derive(Clone)]
enum Storage {
    Inline { len: u8, bytes: [u8; INLINE] },
    Boxed(Box<[u8]>),
}

impl Storage {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Boxed(bytes) => bytes,
        }
    }
}

impl PartialEq for Storage {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Storage {}

impl RawRow {
    /// Copies the bytes of a row.
    #[must_use]
    pub fn new(raw: &[u8]) -> Self {
        let inline = u8::try_from(raw.len()).ok().filter(|len| usize::from(*len) <= INLINE);
        let Some(len) = inline else { return Self(Storage::Boxed(raw.into())) };
        let mut bytes = [0; INLINE];
        for (to, from) in bytes.iter_mut().zip(raw) {
            *to = *from;
        }
        Self(Storage::Inline { len, bytes })
    }
}

impl std::ops::Deref for RawRow {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for RawRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_kept_as_it_stands() {
        for text in ["7", "007", "A-12", "987654321", "কর্মী১"] {
            assert_eq!(UserCode::parse(text).unwrap().as_str(), text);
        }
        assert_ne!(UserCode::parse("007").unwrap(), UserCode::parse("7").unwrap());
        assert_eq!(UserCode::parse(""), Err(BadUserCode::Length(0)));
        assert_eq!(UserCode::parse("a\tb"), Err(BadUserCode::Control));
        assert_eq!(UserCode::parse(&"9".repeat(25)), Err(BadUserCode::Length(25)));
    }

    #[test]
    fn padding_must_be_nul_to_the_end() {
        assert_eq!(UserCode::from_padded(b"12\0\0").unwrap().as_str(), "12");
        assert_eq!(UserCode::from_padded(b"1234").unwrap().as_str(), "1234");
        assert!(UserCode::from_padded(b"12\0x").is_none());
        assert!(UserCode::from_padded(b"\0\0\0\0").is_none());
        assert!(UserCode::from_padded(b"\xff\xfe\0\0").is_none());
    }

    #[test]
    fn raw_rows_of_any_length_keep_their_bytes() {
        for len in [0, 8, 16, 40, 49, INLINE, INLINE + 1, 300] {
            let bytes = vec![7; len];
            assert_eq!(&*RawRow::new(&bytes), bytes.as_slice());
        }
    }
}
