//! The normalised punch: what every source becomes before it enters the ledger.
//!
//! ```text
//! punch id (UUIDv8, 128 bits)
//!   48 bits   the clock's raw time as if it were UTC, milliseconds since 1970
//!    4 bits   version 8
//!   12 bits   hash, bits 0..12
//!    2 bits   variant
//!   62 bits   hash, bits 12..74
//! hash = first 10 bytes of blake3("muster punch v1" ‖ len serial ‖ serial ‖ len code ‖ code ‖ raw seconds i64 LE)
//! ```
//!
//! Only what every route reports alike goes in (sync.md 2.2): not the company, not state, verify mode or work
//! code. So a re-send, two routes, two edges on one clock and a replayed batch all meet on one key, and both
//! ledgers append in order of time.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::record::{FieldType, FieldValue};
use crate::text::{BadText, checked};
use crate::{CompanyId, EmployeeId};

/// A clock's serial number as it reports it. An identifier, never a credential.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockSerial(Box<str>);

/// The code under which a clock knows a person. Compared as written: "007" is not "7".
///
/// An 8-byte log record names only the clock's internal serial number of the user; while no user with it is
/// known, the code is `sn:N`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserCode(Box<str>);

macro_rules! clock_text {
    ($name:ident, $what:literal, $max:literal, $allowed:expr) => {
        impl $name {
            /// The longest text taken, in bytes.
            pub const MAX: usize = $max;

            /// Reads what a clock said.
            ///
            /// # Errors
            /// [`BadText`] tells what rule it breaks.
            pub fn parse(text: &str) -> Result<Self, BadText> {
                checked($what, text, $max, $allowed).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }
        impl FieldValue for $name {
            const TYPE: FieldType = FieldType::Text { max: $max };
        }
    };
}

clock_text!(ClockSerial, "clock serial", 40, |c: char| c.is_ascii_alphanumeric()
    || matches!(c, '-' | '_' | '.'));
clock_text!(UserCode, "user code", 48, |_| true);

impl ClockSerial {
    /// The serial under which approved phone punches stand in the ledger.
    pub const MOBILE: &'static str = "mobile";
    /// The serial under which approved corrections stand in the ledger.
    pub const CORRECTION: &'static str = "correction";
}

impl UserCode {
    /// The code of a person of whom a clock told only its internal serial number.
    #[must_use]
    pub fn internal(sn: u16) -> Self {
        Self(format!("sn:{sn}").into())
    }

    /// The internal serial number, where the code is one.
    #[must_use]
    pub fn internal_serial(&self) -> Option<u16> {
        self.0.strip_prefix("sn:")?.parse().ok()
    }
}

/// Wall time as a clock gave it: to the second, no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawTime(NaiveDateTime);

impl RawTime {
    /// Takes a wall time, cutting what is below the second.
    #[must_use]
    pub fn new(wall: NaiveDateTime) -> Self {
        Self::from_seconds(wall.and_utc().timestamp()).unwrap_or(Self(wall))
    }

    /// Takes the seconds since 1970-01-01 00:00:00 of the same, unnamed, wall clock.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(|at| Self(at.naive_utc()))
    }

    /// Seconds since 1970-01-01 00:00:00 of the same wall clock.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.and_utc().timestamp()
    }

    /// The wall time.
    #[must_use]
    pub fn wall(self) -> NaiveDateTime {
        self.0
    }
}

impl fmt::Display for RawTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d %H:%M:%S"))
    }
}

/// A punch's identity: the same wherever and however often the punch is met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PunchId(Uuid);

impl PunchId {
    /// The id of a clock's punch.
    #[must_use]
    pub fn of_clock(serial: &ClockSerial, code: &UserCode, raw_time: RawTime) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(b"muster punch v1");
        for part in [serial.as_str(), code.as_str()] {
            hash.update(&[u8::try_from(part.len()).unwrap_or(u8::MAX)]);
            hash.update(part.as_bytes());
        }
        hash.update(&raw_time.seconds().to_le_bytes());
        Self::assemble(raw_time, &hash.finalize())
    }

    /// The id under which an approved phone punch or correction enters the ledger.
    #[must_use]
    pub fn of_approved(company: CompanyId, source: Uuid, raw_time: RawTime) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(b"muster approved v1");
        hash.update(company.uuid().as_bytes());
        hash.update(source.as_bytes());
        Self::assemble(raw_time, &hash.finalize())
    }

    fn assemble(raw_time: RawTime, hash: &blake3::Hash) -> Self {
        // Times before 1970 do not occur on any clock; they would only lose their order.
        let ms = u64::try_from(raw_time.seconds().saturating_mul(1000)).unwrap_or(0);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&hash.as_bytes()[..10]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Takes an id from a database row or a wire message.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a UUID, for storage and the wire.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The smallest id that a punch of this raw time can have: ids of a time span are one range.
    #[must_use]
    pub fn lower_bound(raw_time: RawTime) -> Self {
        let ms = u64::try_from(raw_time.seconds().saturating_mul(1000)).unwrap_or(0);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Debug for PunchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PunchId({})", self.0)
    }
}

impl fmt::Display for PunchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for PunchId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl FieldValue for PunchId {
    const TYPE: FieldType = FieldType::Id;
}

#[cfg(feature = "rusqlite")]
impl rusqlite::ToSql for PunchId {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Blob(self.0.as_bytes())))
    }
}

#[cfg(feature = "rusqlite")]
impl rusqlite::types::FromSql for PunchId {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        crate::id::uuid_from_sql(value).map(Self)
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The number under which it is stored and sent. Never reused.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The value of a number; `None` for one that this version does not know.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// Its name in the API and the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// The way a punch came to us. The number is stored and sent.
    ///
    /// The rank for readings of the same punch by several routes is [`Route::rank`].
    Route {
        /// Read from the log of a polled clock.
        Pull = 1 "pull",
        /// Posted by a clock (ADMS).
        Push = 2 "push",
        /// Shown by a live event before the log confirmed it.
        Live = 3 "live",
        /// Imported from a file.
        File = 4 "file",
        /// An approved phone punch.
        Mobile = 5 "mobile",
        /// An approved correction.
        Correction = 6 "correction",
        /// The normalised JSON gateway.
        Gateway = 7 "gateway",
        /// A Hikvision clock.
        Hikvision = 8 "hikvision",
        /// A Suprema server.
        Suprema = 9 "suprema",
    }
}

impl Route {
    /// How much a route's reading of state, verify mode and work code is trusted: the highest counts.
    ///
    /// A pushed line carries all attributes as text; a pulled record has them in fixed places that some firmware
    /// swaps; a live event is a hint; a file passed through hands.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Correction => 9,
            Self::Mobile => 8,
            Self::Push => 7,
            Self::Hikvision | Self::Suprema => 6,
            Self::Pull => 5,
            Self::Gateway => 4,
            Self::Live => 3,
            Self::File => 2,
        }
    }
}

numbered! {
    /// The in/out state that a person keyed (protocols.md 1.12). Many sites never set it.
    PunchState {
        /// Check-in.
        In = 0 "in",
        /// Check-out.
        Out = 1 "out",
        /// Leaving for a break.
        BreakOut = 2 "break_out",
        /// Back from a break.
        BreakIn = 3 "break_in",
        /// Overtime begins.
        OvertimeIn = 4 "overtime_in",
        /// Overtime ends.
        OvertimeOut = 5 "overtime_out",
    }
}

/// What a route says about a punch beside its identity. Routes and firmware disagree on these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The clock's raw in/out number; 255 = none.
    pub state: Option<u8>,
    /// The clock's raw verify number (its meaning depends on route and firmware).
    pub verify: Option<u8>,
    /// The work code as text; empty = none.
    pub work_code: Box<str>,
}

impl Reading {
    /// The in/out state, where the raw number names one.
    #[must_use]
    pub fn punch_state(&self) -> Option<PunchState> {
        self.state.and_then(PunchState::from_number)
    }
}

/// A fact: somebody was at a clock. Never changed once stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Punch {
    /// Identity, from serial, code and raw time.
    pub id: PunchId,
    /// The clock, or [`ClockSerial::MOBILE`] / [`ClockSerial::CORRECTION`].
    pub serial: ClockSerial,
    /// The person as the clock names him.
    pub user_code: UserCode,
    /// Wall time as the clock gave it.
    pub raw_time: RawTime,
    /// The zone used to find the instant.
    pub zone: Tz,
    /// The instant, UTC, whole seconds.
    pub instant: DateTime<Utc>,
    /// State, verify mode and work code as the first route to arrive read them.
    pub reading: Reading,
    /// The way it came.
    pub route: Route,
    /// When this store first received it, UTC, milliseconds.
    pub received_at: DateTime<Utc>,
    /// The bytes it was read from; empty where another store received it. At most 4 KiB.
    pub raw: Box<[u8]>,
}

impl Punch {
    /// The longest raw bytes kept with a punch.
    pub const RAW_MAX: usize = 4096;
}

/// Whose punch it is, for those that name an employee directly (phone, correction).
#[must_use]
pub fn direct_employee(serial: &ClockSerial, code: &UserCode) -> Option<EmployeeId> {
    matches!(serial.as_str(), ClockSerial::MOBILE | ClockSerial::CORRECTION)
        .then(|| code.as_str().parse().ok())?
}

#[cfg(test)]
mod tests;
