//! The rules a factory pays by, as the document of a policy version.
//!
//! Each field is one named rule; `docs/shift-rules.md` shows each with an example. What a document leaves out has the
//! default given here, which suits a garments factory: windows around rostered shifts, first and last punch, five
//! minutes' grace, scheduled breaks unpaid, overtime after the shift's end at twice the rate, Friday off.

mod breaks;
mod overtime;
mod rate;
mod rounding;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared_model::ShiftId;
use shared_model::entity::Weekday;

pub use breaks::{AutoDeduction, BreakRules};
pub use overtime::{
    Approval, ConsecutiveDays, HolidayOvertime, OffDayOvertime, OvertimeBasis, OvertimeRules, PeriodOvertime,
    Tier, WeeklyCounts, WeeklyOvertime,
};
pub use rate::{BadRate, Rate};
pub use rounding::{Near, NearTotal, PunchRounding, Round, RoundMode, Rounding, TotalRounding};

use crate::document::{BadDocument, Typed};
use crate::time::{Minutes, TimeOfDay};

/// The document of a policy version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyRules {
    /// How a punch finds its work date.
    pub attribution: Attribution,
    /// How punches become pairs of in and out.
    pub pairing: Pairing,
    /// A punch within so many seconds of the one before is the same act done twice; 0 = none is.
    pub fold_within_sec: u32,
    /// What a day's only punch is, where its direction is not known.
    pub single_punch: SinglePunch,
    /// What a day without its in or out is worth.
    pub missing_punch: MissingPunch,
    /// Where one session ends and the next begins; `None` = each pair is a session of any length.
    pub sessions: Option<SessionRule>,
    /// What becomes of punches on a day without a shift.
    pub unrostered: Unrostered,
    /// Weekly offs of people whose roster does not say.
    pub weekly_off: BTreeSet<Weekday>,
    /// Whether punches on a public holiday count.
    pub holiday_punches: HolidayPunches,
    /// Minutes to wait after the punch window closed before a day is final.
    pub absent_final_after_min: Minutes,
    /// Lateness and leaving early that are forgiven.
    pub grace: Grace,
    /// Whether late and early are judged on the punch or on its rounded time.
    pub late_on: LateOn,
    /// Worked time below which a day is half or absent.
    pub thresholds: Thresholds,
    /// Rounding of punches and totals.
    pub rounding: Rounding,
    /// What of the time between first in and last out is not worked.
    pub breaks: BreakRules,
    /// What of the worked time is overtime.
    pub overtime: OvertimeRules,
    /// Short hours that are forgiven.
    pub undertime: UndertimeRule,
    /// The hours that count as night work.
    pub night_window: Option<DailyWindow>,
    /// Closing a session whose out is missing.
    pub auto_out: Option<AutoOut>,
    /// What so many lates of a month cost.
    pub late_penalty: Option<LatePenalty>,
    /// Legal maxima: they flag and split, they never change a figure.
    pub limits: Limits,
}

impl Default for PolicyRules {
    fn default() -> Self {
        Self {
            attribution: Attribution::ShiftStart,
            pairing: Pairing::FirstLast,
            fold_within_sec: 60,
            single_punch: SinglePunch::Nearest,
            missing_punch: MissingPunch::Present,
            sessions: None,
            unrostered: Unrostered::Detect { among: Vec::new() },
            weekly_off: BTreeSet::from([Weekday::Friday]),
            holiday_punches: HolidayPunches::Count,
            absent_final_after_min: Minutes::new(30),
            grace: Grace { late_min: Minutes::new(5), early_min: Minutes::new(5) },
            late_on: LateOn::Raw,
            thresholds: Thresholds::default(),
            rounding: Rounding::default(),
            breaks: BreakRules::default(),
            overtime: OvertimeRules::default(),
            undertime: UndertimeRule::default(),
            night_window: None,
            auto_out: None,
            late_penalty: None,
            limits: Limits::default(),
        }
    }
}

/// How a punch finds its work date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// Punches belong to the shift in whose window they fall; the work date is that of its scheduled start.
    ShiftStart,
    /// Punches become sessions; a session's work date is that of its first punch.
    FirstPunch,
    /// The date of its last punch.
    LastPunch,
    /// The date that holds most of it; the earlier of two that hold alike.
    Majority,
    /// Each part of it on its own date.
    SplitMidnight,
}

/// How punches become pairs of in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// The first punch is the in, the last the out; directions are not looked at.
    FirstLast,
    /// In, out, in, out …; directions are not looked at; an odd last one adds nothing.
    Alternate,
    /// The first in and the last out.
    DirectedFirstLast,
    /// Each in and the next out; a repeated in keeps the first.
    DirectedPairs,
}

impl Pairing {
    /// Whether the in/out keys of the clocks count.
    #[must_use]
    pub const fn uses_directions(self) -> bool {
        matches!(self, Self::DirectedFirstLast | Self::DirectedPairs)
    }
}

/// What a day's only punch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinglePunch {
    /// The in.
    In,
    /// The out where it is nearer to the scheduled end than to the start.
    Nearest,
}

/// What a day without its in or out is worth, once it is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPunch {
    /// Present; the exception waits for a correction.
    Present,
    /// What the thresholds make of the time that is known.
    ByThresholds,
}

/// Where sessions begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRule {
    /// So long out, or longer, and the next in begins a new session.
    pub new_session_gap_min: Minutes,
    /// An out later than this after its in does not close it.
    pub max_session_min: Minutes,
}

/// What becomes of punches on a day without a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Unrostered {
    /// They stay unassigned until somebody rosters the day.
    Unassigned,
    /// The shift whose start is nearest to the first punch counts: of these, or of all active ones where none is
    /// named. Of two starts equally near, the earlier; of equal starts, the lower shift code.
    Detect {
        /// The candidates.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        among: Vec<ShiftId>,
    },
}

/// Whether punches on a public holiday count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayPunches {
    /// The day is judged by its punches.
    Count,
    /// The day stays a holiday.
    Ignore,
}

/// Lateness that is forgiven: within grace none, beyond it all from the scheduled time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grace {
    /// After the scheduled start.
    pub late_min: Minutes,
    /// Before the scheduled end.
    pub early_min: Minutes,
}

/// What late and early are judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateOn {
    /// The punch.
    Raw,
    /// Its rounded time.
    Rounded,
}

/// Worked time below which a day is half or absent; exactly the threshold is not below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Worked less: absent.
    pub absent_below_min: Minutes,
    /// Worked less: half a day.
    pub half_day_below_min: Minutes,
    /// On a half-day holiday both are halved.
    pub halve_on_half_holiday: bool,
}

/// Short hours that are forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UndertimeRule {
    /// A shortfall of at most this is none; a longer one counts in full.
    pub ignore_up_to_min: Minutes,
}

/// A stretch of wall time that comes again every day, or on some weekdays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DailyWindow {
    /// Start.
    pub start: TimeOfDay,
    /// End; not after the start means next day.
    pub end: TimeOfDay,
    /// The weekdays on which it starts; `None` = every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<BTreeSet<Weekday>>,
}

/// Closing a session whose out is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoOut {
    /// It is closed when the net worked time reaches the expected time and this.
    pub after_expected_plus_min: Minutes,
}

/// What so many lates of a month cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatePenalty {
    /// Each time so many lates come together …
    pub every: u16,
    /// … this is taken.
    pub costs: PenaltyCost,
}

/// What a penalty takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyCost {
    /// Half a day.
    HalfDay,
    /// A whole day.
    FullDay,
}

/// Legal maxima.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Worked time of a day, overtime included.
    pub day_total_max_min: Option<Minutes>,
    /// Worked time of a week, overtime included.
    pub week_total_max_min: Option<Minutes>,
    /// Overtime of a day.
    pub day_overtime_max_min: Option<Minutes>,
    /// Overtime of a week.
    pub week_overtime_max_min: Option<Minutes>,
    /// Overtime of a calendar quarter.
    pub quarter_overtime_max_min: Option<Minutes>,
    /// From first in to last out of a day.
    pub spread_over_max_min: Option<Minutes>,
    /// Days worked without a weekly off between them.
    pub days_without_off_max: Option<u16>,
    /// Less than this left of a maximum is worth a warning.
    pub warn_within_min: Minutes,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            day_total_max_min: None,
            week_total_max_min: None,
            day_overtime_max_min: None,
            week_overtime_max_min: None,
            quarter_overtime_max_min: None,
            spread_over_max_min: None,
            days_without_off_max: None,
            warn_within_min: Minutes::new(60),
        }
    }
}

impl Typed for PolicyRules {
    fn check(&self) -> Result<(), BadDocument> {
        if self.weekly_off.len() > 6 {
            return Err(BadDocument::new("weekly_off", "at least one weekday must be a working day"));
        }
        if self.fold_within_sec > 3600 {
            return Err(BadDocument::new("fold_within_sec", "at most an hour (3600) is taken"));
        }
        if self.late_penalty.is_some_and(|penalty| penalty.every == 0) {
            return Err(BadDocument::new("late_penalty.every", "at least one late makes a penalty"));
        }
        let (absent, half) = (self.thresholds.absent_below_min, self.thresholds.half_day_below_min);
        if half.get() > 0 && absent > half {
            let cause = "cannot be above half_day_below_min: a half day would never be reached";
            return Err(BadDocument::new("thresholds.absent_below_min", cause));
        }
        if self.sessions.is_some_and(|rule| rule.max_session_min.get() == 0) {
            return Err(BadDocument::new("sessions.max_session_min", "a session of no length holds nothing"));
        }
        self.rounding.check()?;
        self.overtime.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_default_policy() {
        assert_eq!(PolicyRules::parse_text("{}").unwrap(), PolicyRules::default());
    }

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let rules = PolicyRules { night_window: None, ..PolicyRules::default() };
        assert_eq!(PolicyRules::parse(&rules.to_document()).unwrap(), rules);
    }

    #[test]
    fn errors_name_the_field_and_the_cause() {
        let error = |text: &str| PolicyRules::parse_text(text).unwrap_err().to_string();
        assert!(error(r#"{"grace":{"late_minutes":5}}"#).starts_with("grace.late_minutes: unknown field"));
        assert!(error(r#"{"grace":{"late_min":-5}}"#).starts_with("grace.late_min: "));
        assert!(
            error(r#"{"thresholds":{"absent_below_min":300,"half_day_below_min":200}}"#).contains("half day")
        );
        assert!(error(r#"{"overtime":{"rate":"2/0"}}"#).starts_with("overtime.rate: "));
    }
}
