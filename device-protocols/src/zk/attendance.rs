//! The attendance log: record layouts, and a decoder that reads a log of any length in bounded memory.
//!
//! ```text
//! body:    u32 length of the records | records
//! 8  (A):  u16 sn | u8 verify | u32 time | u8 state
//! 8  (B):  u16 sn | u8 verify | u8 state | u32 time
//! 16:      u32 number | u32 time | u8 state, u8 verify (or the other way round) | 2 reserved | u32 work code
//! 40:      u16 sn | 24 user id | u8 verify | u32 time | u8 state | 8 reserved
//! 40 + x:  the same, and x bytes of newer firmware
//! ```
//!
//! Nothing on the wire says which layout a log has. [`stride`] decides from a sample, [`decoder`] applies and keeps
//! checking the decision; [`mark`] names a place in a log from which a later read goes on.

pub mod decoder;
pub mod mark;
pub mod stride;
mod summary;

pub use decoder::{LogDecoder, LogPiece};
pub use mark::{LogMark, Misfit, Shortfall};
pub use summary::{LogSummary, Unread, UnreadReason};

use chrono::NaiveDateTime;

use super::time::Parts;
use super::{u16_at, u32_at};
use crate::row::{AttendanceRow, Doubt, RawRow, UserCode, UserRef};

/// 2001-01-01 packed. Earlier times come from clocks that were never set or lost their battery, and from bytes that are no
/// times: small numbers read as the year 2000.
const FLOOR: u32 = 12 * 31 * 86_400;
/// Seconds within which one row follows another.
const NEAR: u32 = 6 * 3600;
/// Bytes of the fixed part of a long record.
const LONG: u16 = 40;

/// How the records of a log are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// 8 bytes: old firmware, internal serials.
    Short(ShortOrder),
    /// 16 bytes: black-and-white firmware, user numbers.
    Medium(MediumOrder),
    /// 40 bytes or more: colour-screen firmware, user ids as text. Holds the stride.
    Long(u16),
}

/// Order of the fields of an 8-byte record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShortOrder {
    /// Variant A: verify, time, state.
    TimeThenState,
    /// Variant B: verify, state, time.
    StateThenTime,
}

/// Order of the two code bytes of a 16-byte record, on which firmware and documents disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediumOrder {
    /// In/out state, then verify mode: what the vendor's structure says.
    StateFirst,
    /// Verify mode, then in/out state.
    VerifyFirst,
}

impl MediumOrder {
    fn other(self) -> Self {
        match self {
            Self::StateFirst => Self::VerifyFirst,
            Self::VerifyFirst => Self::StateFirst,
        }
    }
}

impl Layout {
    /// Bytes of one record.
    #[must_use]
    pub fn stride(self) -> usize {
        match self {
            Self::Short(_) => 8,
            Self::Medium(_) => 16,
            Self::Long(stride) => usize::from(stride),
        }
    }

    /// The fields of a record, unjudged; `None` when `raw` is shorter than the layout.
    fn fields(self, raw: &[u8]) -> Option<Fields> {
        let byte = |at: usize| raw.get(at).copied();
        Some(match self {
            Self::Short(order) => {
                let (state, time) = match order {
                    ShortOrder::TimeThenState => (byte(7)?, u32_at(raw, 3)?),
                    ShortOrder::StateThenTime => (byte(3)?, u32_at(raw, 4)?),
                };
                Fields {
                    user: UserRef::Internal(u16_at(raw, 0)?),
                    verify: byte(2)?,
                    state,
                    time,
                    work_code: 0,
                }
            }
            Self::Medium(order) => {
                let (state, verify) = match order {
                    MediumOrder::StateFirst => (byte(8)?, byte(9)?),
                    MediumOrder::VerifyFirst => (byte(9)?, byte(8)?),
                };
                let user = UserRef::Number(u32_at(raw, 0)?);
                Fields { user, verify, state, time: u32_at(raw, 4)?, work_code: u32_at(raw, 12)? }
            }
            Self::Long(_) => {
                let user = UserCode::from_padded(raw.get(2..26)?).map_or(UserRef::Unreadable, UserRef::Code);
                Fields { user, verify: byte(26)?, time: u32_at(raw, 27)?, state: byte(31)?, work_code: 0 }
            }
        })
    }

    /// Reads a record; `None` when `raw` is shorter than the layout. A date that does not exist is part of the row.
    #[must_use]
    pub fn read(self, raw: &[u8], position: u64, latest: NaiveDateTime) -> Option<AttendanceRow> {
        let raw = raw.get(..self.stride())?;
        let fields = self.fields(raw)?;
        let time = Parts::unpack(fields.time).checked();
        let doubt = if fields.has_shape() {
            time.as_ref().is_ok_and(|time| *time > latest).then_some(Doubt::Future)
        } else {
            Some(Doubt::Shape)
        };
        let known = match self {
            Self::Short(_) => 8,
            Self::Medium(_) => 16,
            Self::Long(_) => LONG,
        };
        Some(AttendanceRow {
            position,
            user: fields.user,
            time,
            utc_offset: None,
            verify: Some(fields.verify.into()),
            state: Some(fields.state.into()),
            work_code: (fields.work_code != 0).then(|| fields.work_code.to_string().into()),
            doubt,
            raw: RawRow::new(raw),
            known,
        })
    }
}

/// A record's fields before any judgement.
struct Fields {
    user: UserRef,
    verify: u8,
    state: u8,
    time: u32,
    work_code: u32,
}

fn is_state(code: u8) -> bool {
    code <= 5 || code == 255
}

impl Fields {
    /// Whether the fields look like a punch, the date apart.
    fn has_shape(&self) -> bool {
        let user = match self.user {
            UserRef::Code(_) => true,
            UserRef::Number(number) => number != 0,
            UserRef::Internal(sn) => sn != 0,
            UserRef::Unreadable => false,
        };
        user && is_state(self.state)
    }

    /// Whether the time can be that of a record: it exists, in 2001 or later and not after `latest`, or it lies within six
    /// hours of the row before, since a clock with a wrong date still counts on from it.
    fn is_dated(&self, latest: NaiveDateTime, previous: Option<u32>) -> bool {
        let exists = || Parts::unpack(self.time).existing().is_some_and(|time| time <= latest);
        (self.time >= FLOOR && exists()) || previous.is_some_and(|before| self.time.abs_diff(before) <= NEAR)
    }
}

/// The 9 bytes some firmware puts before a record: a stray text `255`.
const JUNK: [u8; 9] = [0xff, b'2', b'5', b'5', 0, 0, 0, 0, 0];

/// Bytes of junk at the front of `bytes`, which is junk only where a plausible record follows it.
fn junk_before(bytes: &[u8], layout: Layout, latest: NaiveDateTime) -> usize {
    let follows = || {
        let fields = bytes.get(JUNK.len()..).filter(|rest| rest.len() >= layout.stride());
        fields.and_then(|rest| layout.fields(rest)).is_some_and(|f| f.has_shape() && f.is_dated(latest, None))
    };
    if bytes.starts_with(&JUNK) && follows() { JUNK.len() } else { 0 }
}

#[cfg(test)]
mod tests;
