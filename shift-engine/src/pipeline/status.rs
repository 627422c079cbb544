//! What the day is. The order of precedence: not employed, manual record, full leave, half leave, public holiday,
//! weekly off, duty elsewhere, punches with thresholds, absent when final.

use shared_model::entity::LeavePortion;

use super::measure::Part;
use super::plan::DayPlan;
use crate::explain::{Fact, Rule, Trace};
use crate::policy::{HolidayPunches, MissingPunch};
use crate::record::{DayKind, Status};
use crate::time::Seconds;

/// What the day is, what the other half of a half-day leave is, and what each shift is on its own.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) status: Status,
    pub(super) other_half: Option<Status>,
    pub(super) parts: Vec<Status>,
}

/// Judges an employed person's day.
pub(super) fn judge(plan: &DayPlan<'_>, parts: &[Part], is_final: bool, trace: &mut Trace) -> Judgement {
    let punched = parts.iter().any(|part| part.punched);
    let by_part: Vec<_> = parts.iter().map(|part| by_punches(plan, part, is_final)).collect();
    let decided = |status, rule, trace: &mut Trace| {
        trace.decided(rule, || []);
        Judgement { status, other_half: None, parts: parts.iter().map(|_| status).collect() }
    };
    if let Some((status, _)) = &plan.decided.manual {
        return decided(*status, Rule::Manual, trace);
    }
    match plan.decided.leave.as_ref().map(|leave| leave.portion) {
        Some(LeavePortion::Full) => return decided(Status::OnLeave, Rule::FullLeave, trace),
        Some(LeavePortion::FirstHalf | LeavePortion::SecondHalf) => {
            let other_half = other_half(plan, parts, punched, is_final);
            return Judgement { other_half, ..decided(Status::HalfDay, Rule::HalfLeave, trace) };
        }
        Some(LeavePortion::Hours) | None => {}
    }
    if plan.kind == DayKind::Holiday && (!punched || plan.rules.holiday_punches == HolidayPunches::Ignore) {
        return decided(Status::Holiday, Rule::Holiday, trace);
    }
    if plan.kind == DayKind::WeeklyOff && !punched {
        return decided(Status::WeeklyOff, Rule::WeeklyOff, trace);
    }
    if plan.decided.on_duty {
        return decided(Status::Present, Rule::OnDuty, trace);
    }
    let status = together(&by_part);
    let rule = match (punched, is_final) {
        (true, _) => Rule::Thresholds,
        (false, true) => Rule::NoPunch,
        (false, false) => Rule::Waiting,
    };
    trace.decided(rule, || [("shifts", Fact::Count(i64::try_from(parts.len()).unwrap_or(i64::MAX)))]);
    Judgement { status, other_half: None, parts: by_part }
}

/// One shift by its punches and the thresholds.
fn by_punches(plan: &DayPlan<'_>, part: &Part, is_final: bool) -> Status {
    if !part.punched {
        return match (plan.kind, is_final) {
            (DayKind::Holiday, _) => Status::Holiday,
            (DayKind::WeeklyOff, _) => Status::WeeklyOff,
            (DayKind::Working | DayKind::HalfHoliday | DayKind::Unrostered, true) => Status::Absent,
            (DayKind::Working | DayKind::HalfHoliday | DayKind::Unrostered, false) => Status::Pending,
        };
    }
    // Before the day is final more may come; on days off nobody is held to the thresholds.
    let forgiving = plan.rules.missing_punch == MissingPunch::Present && part.lacks_a_punch();
    if !is_final || forgiving || matches!(plan.kind, DayKind::Holiday | DayKind::WeeklyOff) {
        return Status::Present;
    }
    by_thresholds(plan, part.figures.worked + part.figures.credited)
}

fn by_thresholds(plan: &DayPlan<'_>, worked: Seconds) -> Status {
    let thresholds = plan.rules.thresholds;
    let halved = thresholds.halve_on_half_holiday && plan.kind == DayKind::HalfHoliday;
    let below = |limit: Seconds| if halved { worked + worked < limit } else { worked < limit };
    if below(thresholds.absent_below_min.seconds()) {
        Status::Absent
    } else if below(thresholds.half_day_below_min.seconds()) {
        Status::HalfDay
    } else {
        Status::Present
    }
}

/// The half of a half-day leave on which the person should have worked.
fn other_half(plan: &DayPlan<'_>, parts: &[Part], punched: bool, is_final: bool) -> Option<Status> {
    let worked = parts.iter().map(|part| part.figures.worked).sum();
    match (punched, is_final) {
        (true, true) if by_thresholds(plan, worked) == Status::Absent => Some(Status::Absent),
        (true, _) => Some(Status::Present),
        (false, true) => Some(Status::Absent),
        (false, false) => None,
    }
}

/// Several shifts of a day together.
fn together(parts: &[Status]) -> Status {
    let any = |status| parts.contains(&status);
    let all = |status| parts.iter().all(|part| *part == status);
    match parts {
        [] => Status::Pending,
        [only] => *only,
        _ if all(Status::Present) => Status::Present,
        _ if any(Status::Present) || any(Status::HalfDay) => {
            if any(Status::Absent) || any(Status::HalfDay) {
                Status::HalfDay
            } else {
                Status::Present
            }
        }
        _ if any(Status::Pending) => Status::Pending,
        [first, ..] if all(*first) => *first,
        _ => Status::Absent,
    }
}
