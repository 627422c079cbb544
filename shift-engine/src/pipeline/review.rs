//! Exceptions: what of a day a person should look at.

use shared_model::text::Code;
use shared_model::{PunchFlag, ShiftId};

use super::mark::Marks;
use super::measure::Part;
use super::plan::DayPlan;
use crate::exception::{Exception, ExceptionKind as Kind, Fix};
use crate::interval::Interval;
use crate::record::{DayKind, DayRecord, Flag, OvertimeState, PunchRole, PunchUse, Status};
use crate::time::Seconds;

/// Lists a day's exceptions, in a fixed order.
pub(super) fn of_day(
    plan: &DayPlan<'_>,
    parts: &[Part],
    day: &DayRecord,
    marks: &Marks,
    doubtful: &[&PunchUse],
) -> Vec<Exception> {
    let mut found = Vec::new();
    missing_punches(parts, day, &mut found);
    roster(plan, &mut found);
    conflicts(plan, parts, day, &mut found);
    breaks(plan, parts, &mut found);
    limits(plan, parts, day, &mut found);
    punches(day, marks, doubtful, &mut found);
    found
}

fn missing_punches(parts: &[Part], day: &DayRecord, found: &mut Vec<Exception>) {
    for part in parts {
        let shift = part.shift.as_ref();
        let id = shift.map(|shift| shift.id);
        if part.flags.contains(Flag::MissingIn) {
            let new =
                Exception::new(Kind::MissingIn).punches(part.orphans.iter().map(|mark| mark.id)).shift(id);
            found.push(match shift {
                Some(shift) => new.fix(Fix::AddIn(shift.start)),
                None => new,
            });
        }
        if part.flags.contains(Flag::MissingOut) {
            let new =
                Exception::new(Kind::MissingOut).punches(part.open.iter().map(|mark| mark.id)).shift(id);
            found.push(match shift {
                Some(shift) => new.fix(Fix::AddOut(shift.end)),
                None => new,
            });
        }
        if part.flags.contains(Flag::AutoOut) {
            let new = Exception::new(Kind::AutoOut).shift(id);
            found.push(match part.last_out {
                Some(out) => new.fix(Fix::AddOut(out)),
                None => new,
            });
        }
        if day.kind == DayKind::Working
            && !day.flags.contains(Flag::MissingIn)
            && !day.flags.contains(Flag::MissingOut)
            && part.punched
            && matches!(day.status, Status::Absent | Status::HalfDay)
            && day.leave.is_none()
        {
            found.push(Exception::new(Kind::TooShort).shift(id).seconds(part.figures.worked));
        }
    }
}

fn roster(plan: &DayPlan<'_>, found: &mut Vec<Exception>) {
    if plan.policy.is_none() {
        found.push(Exception::new(Kind::NoPolicy));
    }
    let unknown = |id: &ShiftId| Exception::new(Kind::UnknownShift).shift(Some(*id)).fix(Fix::RosterSome);
    found.extend(plan.unknown_shifts.iter().map(unknown));
    if plan.detected {
        let id = plan.shifts.first().map(|shift| shift.id);
        let new = Exception::new(Kind::ShiftDetected).shift(id);
        found.push(match id {
            Some(id) => new.fix(Fix::Roster(id)),
            None => new,
        });
    }
    let overlap = plan.shifts.windows(2).find(|two| two[1].start < two[0].end);
    found.extend(overlap.map(|two| Exception::new(Kind::ShiftsOverlap).shift(Some(two[1].id))));
}

fn conflicts(plan: &DayPlan<'_>, parts: &[Part], day: &DayRecord, found: &mut Vec<Exception>) {
    if !parts.iter().any(|part| part.punched) {
        return;
    }
    let worked = day.figures.worked;
    if day.flags.contains(Flag::Manual) {
        found.push(Exception::new(Kind::PunchesOnManualDay));
    }
    if day.status == Status::OnLeave {
        found.push(Exception::new(Kind::WorkedOnLeave).seconds(worked).fix(Fix::CancelLeave));
    }
    match plan.kind {
        DayKind::WeeklyOff => found.push(Exception::new(Kind::WorkedOnWeeklyOff).seconds(worked)),
        DayKind::Holiday => found.push(Exception::new(Kind::WorkedOnHoliday).seconds(worked)),
        DayKind::Working | DayKind::HalfHoliday | DayKind::Unrostered => {}
    }
}

fn breaks(plan: &DayPlan<'_>, parts: &[Part], found: &mut Vec<Exception>) {
    let rules = &plan.rules.breaks;
    for part in parts {
        let id = part.shift.as_ref().map(|shift| shift.id);
        let longest = part.gaps.iter().copied().map(Interval::length).max().unwrap_or_default();
        if rules.longest_min.is_some_and(|limit| longest > limit.seconds()) {
            found.push(Exception::new(Kind::LongBreak).shift(id).seconds(longest));
        }
        let taken = longest + part.figures.breaks;
        let missing = |limit: Seconds| taken.is_zero() && part.figures.worked > limit;
        if rules.required_after_min.is_some_and(|limit| missing(limit.seconds())) {
            found.push(Exception::new(Kind::MissingBreak).shift(id));
        }
    }
}

fn limits(plan: &DayPlan<'_>, parts: &[Part], day: &DayRecord, found: &mut Vec<Exception>) {
    let overtime = &day.overtime;
    if overtime.approval == OvertimeState::ToApprove {
        let new = Exception::new(Kind::OvertimeToApprove).seconds(overtime.counted);
        found.push(new.fix(Fix::ApproveOvertime(overtime.counted)));
    }
    let cap = plan.rules.overtime.cap_min.map(|cap| overtime.found - cap.seconds());
    if let Some(over) = cap.filter(|over| *over > Seconds::ZERO) {
        found.push(Exception::new(Kind::OvertimeAboveCap).seconds(over));
    }
    let limits = &plan.rules.limits;
    let total = limits.day_total_max_min.map(|limit| day.figures.worked - limit.seconds());
    let over = total.max(limits.day_overtime_max_min.map(|limit| overtime.counted - limit.seconds()));
    if let Some(over) = over.filter(|over| *over > Seconds::ZERO) {
        found.push(Exception::new(Kind::AboveDayLimit).seconds(over));
    }
    let first = parts.iter().filter_map(|part| part.first_in).min();
    let last = parts.iter().filter_map(|part| part.last_out).max();
    if let (Some(limit), Some(first), Some(last)) = (limits.spread_over_max_min, first, last)
        && last - first > limit.seconds()
    {
        found.push(Exception::new(Kind::TooLong).seconds(last - first - limit.seconds()));
    }
}

/// Codes of punch flags that people or the cloud set and that have an exception of their own.
const CLOCK_WRONG: &str = "clock_wrong";
const OUTSIDE_GEOFENCE: &str = "outside_geofence";

/// The punches that somebody should look at: they belong to no shift, or are flagged.
pub(super) fn doubtful<'a>(marks: &Marks, uses: &'a [PunchUse]) -> Vec<&'a PunchUse> {
    let homeless = |used: &&PunchUse| matches!(used.role, PunchRole::Unassigned | PunchRole::NotEmployed);
    let flagged = |used: &&PunchUse| marks.flagged.iter().any(|(punch, _)| *punch == used.punch);
    uses.iter().filter(|used| homeless(used) || flagged(used)).collect()
}

fn punches(day: &DayRecord, marks: &Marks, doubtful: &[&PunchUse], found: &mut Vec<Exception>) {
    for used in doubtful.iter().filter(|used| used.date == day.date) {
        match used.role {
            PunchRole::Unassigned => {
                let new = Exception::new(Kind::PunchWithoutShift).punches([used.punch]);
                found.push(new.fix(Fix::RosterSome));
            }
            PunchRole::NotEmployed => {
                found
                    .push(Exception::new(Kind::PunchNotEmployed).punches([used.punch]).fix(Fix::VoidPunches));
            }
            PunchRole::In
            | PunchRole::Out
            | PunchRole::Between
            | PunchRole::Folded
            | PunchRole::Same
            | PunchRole::Void => {}
        }
        let flags = marks.flagged.iter().filter(|(punch, _)| *punch == used.punch);
        found.extend(flags.map(|(punch, flag)| Exception::new(kind_of(flag)).punches([*punch])));
    }
}

fn kind_of(flag: &Code) -> Kind {
    match flag.as_str() {
        CLOCK_WRONG => Kind::ClockWrong,
        OUTSIDE_GEOFENCE => Kind::OutsideGeofence,
        other if PunchFlag::parse(other).is_some_and(PunchFlag::is_about_the_clock) => Kind::ClockWrong,
        _ => Kind::PunchFlagged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_on_the_clock_s_time_is_an_error_and_one_on_the_edge_s_a_warning() {
        let kind = |flag: &str| kind_of(&Code::parse(flag).unwrap());
        for flag in PunchFlag::ALL {
            let wanted = if flag.is_about_the_clock() { Kind::ClockWrong } else { Kind::PunchFlagged };
            assert_eq!(kind(flag.as_str()), wanted);
        }
        assert_eq!((kind(OUTSIDE_GEOFENCE), kind("other")), (Kind::OutsideGeofence, Kind::PunchFlagged));
    }
}
