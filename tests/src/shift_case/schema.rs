//! The shape of a case file. Keys that are asserted or change a result are strict: an unknown one makes the case not
//! supported instead of silently passed.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use shared_model::entity::Weekday;
use shift_engine::TimeOfDay;
use std::collections::BTreeMap;

/// A file of cases.
#[derive(Debug, Deserialize)]
pub struct File {
    /// The cases, read one by one.
    pub cases: Vec<Value>,
}

/// A case. What tells of its origin is not read.
#[derive(Debug, Deserialize)]
pub struct Case {
    pub(super) timezone: chrono_tz::Tz,
    pub(super) week_starts_on: Weekday,
    pub(super) as_of: Option<NaiveDateTime>,
    #[serde(default)]
    pub(super) employee: CaseEmployee,
    #[serde(default)]
    pub(super) shifts: Vec<CaseShift>,
    #[serde(default)]
    pub(super) assignments: Vec<CaseAssignment>,
    #[serde(default)]
    pub(super) policy: CasePolicy,
    #[serde(default)]
    pub(super) calendar: CaseCalendar,
    #[serde(default)]
    pub(super) punches: Vec<CasePunch>,
    pub(super) expected: Expected,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseEmployee {
    pub(super) active: Option<bool>,
    pub(super) joined: Option<NaiveDate>,
    pub(super) left: Option<NaiveDate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseShift {
    pub(super) id: String,
    pub(super) start: TimeOfDay,
    pub(super) end: TimeOfDay,
    #[serde(default)]
    pub(super) punch_window: CaseWindow,
    #[serde(default)]
    pub(super) breaks: Vec<CaseBreak>,
    pub(super) expected_min: Option<u32>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseWindow {
    pub(super) before_min: u32,
    pub(super) after_min: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseBreak {
    pub(super) start: TimeOfDay,
    pub(super) end: TimeOfDay,
    #[serde(default)]
    pub(super) paid: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseAssignment {
    pub(super) shift: String,
    pub(super) from: NaiveDate,
    pub(super) to: Option<NaiveDate>,
    pub(super) kind: AssignmentKind,
    pub(super) weekdays: Option<Vec<Weekday>>,
}

#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum AssignmentKind {
    Roster,
    Default,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseCalendar {
    pub(super) weekly_off: Vec<Weekday>,
    pub(super) holidays: Vec<CaseHoliday>,
    pub(super) leaves: Vec<CaseLeave>,
    pub(super) corrections: Vec<CaseCorrection>,
    pub(super) manual: Vec<CaseManual>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseHoliday {
    pub(super) date: NaiveDate,
    #[serde(rename = "type")]
    pub(super) kind: shared_model::entity::HolidayType,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseLeave {
    pub(super) date: NaiveDate,
    pub(super) portion: CasePortion,
    #[serde(default)]
    pub(super) paid: bool,
}

#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum CasePortion {
    Full,
    Half,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseCorrection {
    #[serde(rename = "type")]
    pub(super) kind: CorrectionKind,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) state: shared_model::entity::RequestState,
}

#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum CorrectionKind {
    OnDuty,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseManual {
    pub(super) date: NaiveDate,
    pub(super) status: String,
    #[serde(default)]
    pub(super) late: bool,
    #[serde(default)]
    pub(super) early_exit: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasePunch {
    pub(super) at: NaiveDateTime,
    #[serde(deserialize_with = "offset")]
    pub(super) offset: FixedOffset,
    pub(super) dir: Option<CaseDirection>,
}

#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum CaseDirection {
    In,
    Out,
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FixedOffset, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no offset from UTC")))
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CasePolicy {
    pub(super) attribution: Option<shift_engine::policy::Attribution>,
    pub(super) pairing: Option<shift_engine::policy::Pairing>,
    pub(super) sessions: Option<shift_engine::policy::SessionRule>,
    pub(super) grace: Option<shift_engine::policy::Grace>,
    pub(super) late_on: Option<shift_engine::policy::LateOn>,
    pub(super) thresholds: CaseThresholds,
    pub(super) halve_thresholds_on_half_holiday: bool,
    pub(super) rounding: BTreeMap<String, CaseRound>,
    pub(super) breaks: CaseBreaks,
    pub(super) overtime: Option<CaseOvertime>,
    pub(super) undertime: Option<shift_engine::policy::UndertimeRule>,
    pub(super) night_window: Option<shift_engine::policy::DailyWindow>,
    pub(super) holiday_punches: Option<shift_engine::policy::HolidayPunches>,
    pub(super) absent_final_after_min: u32,
    pub(super) auto_out: Option<shift_engine::policy::AutoOut>,
    pub(super) limits: shift_engine::policy::Limits,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseThresholds {
    pub(super) absent_below_min: u32,
    pub(super) half_day_below_min: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseRound {
    pub(super) mode: shift_engine::policy::RoundMode,
    pub(super) unit_sec: u32,
    #[serde(default)]
    pub(super) grace_sec: u32,
    pub(super) only_near: Option<CaseNear>,
    pub(super) only_near_total_min: Option<shift_engine::policy::NearTotal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseNear {
    pub(super) time: TimeOfDay,
    pub(super) within_min: u32,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseBreaks {
    pub(super) deduct_scheduled: bool,
    pub(super) auto_deduct: Vec<shift_engine::policy::AutoDeduction>,
    pub(super) paid_punched_break_min: u32,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaseOvertime {
    pub(super) basis: Option<shift_engine::policy::OvertimeBasis>,
    pub(super) daily_tiers: Vec<CaseTier>,
    pub(super) weekly_tiers: Vec<CaseTier>,
    pub(super) weekly_counts: Option<shift_engine::policy::WeeklyCounts>,
    pub(super) period: Option<CasePeriod>,
    pub(super) consecutive_days: Option<CaseConsecutive>,
    pub(super) off_day: Option<shift_engine::policy::OffDayOvertime>,
    pub(super) holiday: Option<shift_engine::policy::HolidayOvertime>,
    pub(super) ignore_up_to_min: u32,
    pub(super) cap_min: Option<u32>,
    pub(super) approval: Option<shift_engine::policy::Approval>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseTier {
    pub(super) id: String,
    pub(super) over_min: u32,
    pub(super) rate: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasePeriod {
    pub(super) start: NaiveDate,
    pub(super) days: u16,
    pub(super) tiers: Vec<CaseTier>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseConsecutive {
    pub(super) from_day: u16,
    pub(super) rate: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    #[serde(default)]
    pub(super) days: Vec<ExpectedDay>,
    pub(super) unassigned: Option<Vec<NaiveDateTime>>,
    #[serde(default)]
    pub(super) punch_shift: Vec<ExpectedPunch>,
    #[serde(default)]
    pub(super) scheduled: Vec<ExpectedSchedule>,
    #[serde(default)]
    pub(super) rounding_table: Vec<ExpectedRounding>,
    #[serde(default)]
    pub(super) overlap_pairs: Vec<ExpectedOverlap>,
    #[serde(default)]
    pub(super) geofence: Vec<ExpectedFence>,
    #[serde(default)]
    pub(super) insert_checks: Vec<ExpectedInsert>,
    #[serde(default)]
    pub(super) week_totals: Vec<ExpectedWeek>,
    pub(super) after_approval: Option<ExpectedApproval>,
    pub(super) recalculate_times: Option<u16>,
}

/// A day's keys stay JSON, because absent and `null` mean different things.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct ExpectedDay(pub(super) Map<String, Value>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedPunch {
    pub(super) at: NaiveDateTime,
    pub(super) shift: Option<String>,
    pub(super) date: Option<NaiveDate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedSchedule {
    pub(super) date: NaiveDate,
    pub(super) shift: String,
    pub(super) scheduled_min: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedRounding {
    #[serde(rename = "in")]
    pub(super) before: NaiveDateTime,
    #[serde(rename = "out")]
    pub(super) after: NaiveDateTime,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedOverlap {
    pub(super) a: (TimeOfDay, TimeOfDay),
    pub(super) b: (TimeOfDay, TimeOfDay),
    pub(super) overlap: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedFence {
    pub(super) site: FenceSite,
    pub(super) point: FencePoint,
    pub(super) inside: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FenceSite {
    pub(super) lat: Number,
    pub(super) lon: Number,
    pub(super) radius_m: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FencePoint {
    pub(super) lat: Number,
    pub(super) lon: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedInsert {
    pub(super) open_in: NaiveDateTime,
    pub(super) existing: Vec<(NaiveDateTime, NaiveDateTime)>,
    pub(super) new_out: NaiveDateTime,
    pub(super) accepted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedWeek {
    pub(super) week_of: NaiveDate,
    pub(super) worked_min: Option<i64>,
    pub(super) ot_min: Option<i64>,
    pub(super) limit_breached: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedApproval {
    pub(super) date: NaiveDate,
    pub(super) ot_status: Option<String>,
    pub(super) ot_payable_min: Option<i64>,
}
