//! What a person should look at: typed, with a severity and a proposed fix.

use serde::{Deserialize, Serialize};
use shared_model::{PunchId, ShiftId};

use crate::time::{Instant, Seconds};

/// Something about a day that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// What it is.
    pub kind: ExceptionKind,
    /// The punches it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub punches: Vec<PunchId>,
    /// The shift it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftId>,
    /// By how much: the time above a limit, the length of a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Seconds>,
    /// What would settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// How much an exception matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Wants a look before the month is closed.
    Warning,
    /// Wages are wrong until it is settled.
    Error,
}

macro_rules! exceptions {
    ($($(#[$doc:meta])* $name:ident = $text:literal $severity:ident,)+) => {
        /// The kinds of exceptions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ExceptionKind { $($(#[$doc])* #[serde(rename = $text)] $name,)+ }

        impl ExceptionKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in storage, the API and locale keys.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// How much it matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }
        }
    };
}

exceptions! {
    /// An out without an in.
    MissingIn = "missing_in" Error,
    /// An in without an out, and the time for it is over.
    MissingOut = "missing_out" Error,
    /// The missing out was set by rule.
    AutoOut = "auto_out" Warning,
    /// A punch that belongs to no shift.
    PunchWithoutShift = "punch_without_shift" Error,
    /// A punch on a date on which the person was not employed.
    PunchNotEmployed = "punch_not_employed" Error,
    /// The shift was found from the punches, because none was rostered.
    ShiftDetected = "shift_detected" Info,
    /// A roster names a shift that does not exist or cannot be read.
    UnknownShift = "unknown_shift" Error,
    /// Two shifts of the day overlap.
    ShiftsOverlap = "shifts_overlap" Error,
    /// No policy is in force; the built-in defaults were used.
    NoPolicy = "no_policy" Warning,
    /// Worked less than the thresholds want.
    TooShort = "too_short" Warning,
    /// From first in to last out is longer than the law allows.
    TooLong = "too_long" Warning,
    /// Worked on a day of full leave.
    WorkedOnLeave = "worked_on_leave" Warning,
    /// Worked on a weekly off.
    WorkedOnWeeklyOff = "worked_on_weekly_off" Info,
    /// Worked on a public holiday.
    WorkedOnHoliday = "worked_on_holiday" Info,
    /// Punches were there although the day was set by hand.
    PunchesOnManualDay = "punches_on_manual_day" Info,
    /// A break longer than the policy allows.
    LongBreak = "long_break" Warning,
    /// No break although the policy requires one.
    MissingBreak = "missing_break" Warning,
    /// Overtime waits for approval.
    OvertimeToApprove = "overtime_to_approve" Warning,
    /// More overtime than the cap; the rest is not paid.
    OvertimeAboveCap = "overtime_above_cap" Info,
    /// Above a legal maximum of the day.
    AboveDayLimit = "above_day_limit" Warning,
    /// Above a legal maximum of the week.
    AboveWeekLimit = "above_week_limit" Warning,
    /// Too many days worked without a weekly off.
    NoWeeklyOff = "no_weekly_off" Warning,
    /// The clock's time was wrong when a punch was made.
    ClockWrong = "clock_wrong" Error,
    /// A phone punch outside the site.
    OutsideGeofence = "outside_geofence" Warning,
    /// A punch marked for review for another reason.
    PunchFlagged = "punch_flagged" Warning,
    /// A company rule could not be worked out for the day.
    CompanyRuleFailed = "company_rule_failed" Warning,
}

/// What would settle an exception. A proposal: somebody decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Add an in at this instant.
    AddIn(Instant),
    /// Add an out at this instant.
    AddOut(Instant),
    /// Roster this shift for the day.
    Roster(ShiftId),
    /// Roster some shift for the day.
    RosterSome,
    /// Approve so much overtime.
    ApproveOvertime(Seconds),
    /// Void the punches.
    VoidPunches,
    /// Take the leave back.
    CancelLeave,
}

impl Exception {
    pub(crate) fn new(kind: ExceptionKind) -> Self {
        Self { kind, punches: Vec::new(), shift: None, seconds: None, fix: None }
    }

    pub(crate) fn punches(mut self, punches: impl IntoIterator<Item = PunchId>) -> Self {
        self.punches.extend(punches);
        self
    }

    pub(crate) fn shift(mut self, shift: Option<ShiftId>) -> Self {
        self.shift = shift;
        self
    }

    pub(crate) fn seconds(mut self, seconds: Seconds) -> Self {
        self.seconds = Some(seconds);
        self
    }

    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
