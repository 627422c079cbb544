//! What comes out: the attendance records.
//!
//! A record's canonical bytes are its compact JSON behind [`RECORD_VERSION`]: fields in the order of the types, sets
//! sorted, whole numbers only, what is nothing left out. The same inputs give the same bytes on every machine.

mod flags;
mod overtime;
mod period;
mod punch_use;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use shared_model::entity::LeavePortion;
use shared_model::text::Code;
use shared_model::{CompanyRuleId, LeaveId, PolicyId, ShiftId};

use crate::exception::Exception;
use crate::time::{Instant, Seconds};

pub use flags::Flags;
pub use overtime::{Overtime, OvertimeState, TierKind, TierTime};
pub use period::{PeriodKind, PeriodRecord};
pub use punch_use::{PunchRole, PunchUse};

/// The version of the records' shape; part of every digest.
pub const RECORD_VERSION: u8 = 1;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in storage, the API and locale keys.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of a name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What a day is, or one shift of it.
    Status {
        /// Nothing can be said yet.
        Pending = "pending",
        /// Present.
        Present = "present",
        /// Half a day.
        HalfDay = "half_day",
        /// Absent.
        Absent = "absent",
        /// Weekly off.
        WeeklyOff = "weekly_off",
        /// Public holiday.
        Holiday = "holiday",
        /// Full leave.
        OnLeave = "on_leave",
    }
}

named! {
    /// Whether a day can still change without anybody changing its inputs.
    DayState {
        /// A clock of the site has not reported past the end of the day's windows, or they are still open.
        Provisional = "provisional",
        /// Every clock has, and the policy's wait is over.
        Final = "final",
    }
}

named! {
    /// What the calendar and roster make of a date.
    DayKind {
        /// A day on which somebody is expected.
        Working = "working",
        /// A weekly off.
        WeeklyOff = "weekly_off",
        /// A public holiday.
        Holiday = "holiday",
        /// A half-day holiday.
        HalfHoliday = "half_holiday",
        /// Nothing is rostered.
        Unrostered = "unrostered",
    }
}

named! {
    /// A mark on a day.
    Flag {
        /// Came late, beyond grace.
        Late = "late",
        /// Left early, beyond grace.
        EarlyExit = "early_exit",
        /// The in is missing.
        MissingIn = "missing_in",
        /// The out is missing.
        MissingOut = "missing_out",
        /// The out was set by rule.
        AutoOut = "auto_out",
        /// A late was waived.
        LateWaived = "late_waived",
        /// On duty elsewhere.
        OnDuty = "on_duty",
        /// Set by hand.
        Manual = "manual",
        /// The shift was found from the punches.
        ShiftDetected = "shift_detected",
        /// Above a legal maximum.
        AboveLimit = "above_limit",
    }
}

/// The record of one employee and one work date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayRecord {
    /// Work date.
    pub date: NaiveDate,
    /// What the day is.
    pub status: Status,
    /// Whether it can still change by itself.
    pub state: DayState,
    /// The last instant of which a punch can still count for the day.
    pub closes: Instant,
    /// When it may be final at the earliest: the policy's wait after that.
    pub settles: Instant,
    /// What calendar and roster make of it.
    pub kind: DayKind,
    /// Whether it lies in a locked period.
    #[serde(default, skip_serializing_if = "is_default")]
    pub locked: bool,
    /// The policy version it was worked out by; `None` = the built-in defaults.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: Option<PolicyId>,
    /// The leave of the day.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leave: Option<LeaveMark>,
    /// With half a day's leave: what the other half is, once it is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other_half: Option<Status>,
    /// First in, as punched.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_in: Option<Instant>,
    /// Last out, as punched or set by rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_out: Option<Instant>,
    /// The day's figures: those of its shifts together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub figures: Figures,
    /// The day's overtime.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overtime: Overtime,
    /// Its shifts, by scheduled start.
    pub shifts: Vec<ShiftRecord>,
    /// Marks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: Flags,
    /// Marks set by company rules.
    #[serde(default, skip_serializing_if = "is_default")]
    pub company_flags: BTreeSet<Code>,
    /// Allowances given by company rules.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowances: Vec<Allowance>,
    /// What a person should look at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exceptions: Vec<Exception>,
}

/// Times of a day or of one of its shifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Paid time that is owed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expected: Seconds,
    /// Net worked time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub worked: Seconds,
    /// Worked time that is no overtime.
    #[serde(default, skip_serializing_if = "is_default")]
    pub regular: Seconds,
    /// Time credited for duty elsewhere and paid hourly leave.
    #[serde(default, skip_serializing_if = "is_default")]
    pub credited: Seconds,
    /// Late, beyond grace.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: Seconds,
    /// Left early, beyond grace.
    #[serde(default, skip_serializing_if = "is_default")]
    pub early: Seconds,
    /// Short of what is owed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub undertime: Seconds,
    /// Worked in the night window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub night: Seconds,
    /// Scheduled and automatic breaks taken off.
    #[serde(default, skip_serializing_if = "is_default")]
    pub breaks: Seconds,
    /// Punched out between first in and last out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gaps: Seconds,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.expected += other.expected;
        self.worked += other.worked;
        self.regular += other.regular;
        self.credited += other.credited;
        self.late += other.late;
        self.early += other.early;
        self.undertime += other.undertime;
        self.night += other.night;
        self.breaks += other.breaks;
        self.gaps += other.gaps;
    }
}

/// The part of a day that belongs to one shift, or to none where sessions are dated without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftRecord {
    /// The shift.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shift: Option<ShiftId>,
    /// Scheduled start.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scheduled_start: Option<Instant>,
    /// Scheduled end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scheduled_end: Option<Instant>,
    /// What the shift is on its own.
    pub status: Status,
    /// First in, as punched.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_in: Option<Instant>,
    /// Last out, as punched or set by rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_out: Option<Instant>,
    /// First in, rounded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_rounded: Option<Instant>,
    /// Last out, rounded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub out_rounded: Option<Instant>,
    /// How many sessions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: u16,
    /// Its figures.
    #[serde(default, skip_serializing_if = "is_default")]
    pub figures: Figures,
    /// Its marks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: Flags,
}

/// A leave as it shows on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveMark {
    /// The leave.
    pub id: LeaveId,
    /// Its type.
    pub leave_type: Code,
    /// How much of the day.
    pub portion: LeavePortion,
    /// Whether it is paid.
    pub paid: bool,
}

/// An allowance that a company rule gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The rule.
    pub rule: CompanyRuleId,
    /// Its name on reports.
    pub code: Code,
    /// Time paid on top.
    pub seconds: Seconds,
    /// Money paid on top, in minor units.
    pub minor_units: i64,
}

/// A figure of a locked day that would now be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The locked day.
    pub date: NaiveDate,
    /// Status then and now.
    pub status: (Status, Status),
    /// Worked time to add (or take).
    pub worked: Seconds,
    /// Payable overtime to add (or take).
    pub payable_overtime: Seconds,
}

/// What a record's bytes hash to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn of(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Whether a field says nothing and is left out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn canonical<T: Serialize>(record: &T) -> Vec<u8> {
    let mut bytes = vec![RECORD_VERSION];
    // Records hold texts, whole numbers and lists, and are written to memory: nothing here can fail.
    let written = serde_json::to_writer(&mut bytes, record);
    debug_assert!(written.is_ok());
    bytes
}

fn from_canonical<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match bytes.split_first() {
        Some((&RECORD_VERSION, json)) => serde_json::from_slice(json),
        _ => Err(serde_json::Error::custom("the bytes are of another record version")),
    }
}

impl DayRecord {
    /// The canonical bytes: [`RECORD_VERSION`], then compact JSON.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// Bytes of another version or of no record.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        from_canonical(bytes)
    }

    /// The hash of its canonical bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(blake3::Hasher::new().update(&self.canonical()))
    }
}
