//! Overtime: what the day's rules find, and what of the sum counts and is paid.

use super::measure::Part;
use super::plan::{DayPlan, OvertimeDecision};
use crate::explain::{Fact, Figure, Rule, Trace};
use crate::interval::{Interval, shared_length};
use crate::policy::{Approval, HolidayOvertime, OffDayOvertime, OvertimeBasis, OvertimeRules, Rate, Tier};
use crate::record::{DayKind, Overtime, OvertimeState, TierKind, TierTime};
use crate::time::{Instant, Seconds};

/// The name of overtime that no tier names.
const PLAIN: &str = "overtime";

/// Overtime of the day by its own rules; the week and period come on top of it.
pub(super) fn of_day(plan: &DayPlan<'_>, parts: &[Part], worked: Seconds) -> Vec<TierTime> {
    let rules = &plan.rules.overtime;
    match (plan.kind, rules.holiday, rules.off_day) {
        (DayKind::Holiday, HolidayOvertime::AllWorked, _) => {
            whole(TierKind::Holiday, "holiday", rules.holiday_rate.unwrap_or(rules.rate), worked)
        }
        (DayKind::Holiday, HolidayOvertime::FirstThenDailyTiers, _) => {
            let first = rules.daily_tiers.first().map_or(worked, |tier| worked.min(tier.over_min.seconds()));
            let rate = rules.holiday_rate.unwrap_or(rules.rate);
            let mut tiers = whole(TierKind::Holiday, "holiday", rate, first);
            tiers.extend(by_tiers(&rules.daily_tiers, TierKind::Daily, Seconds::ZERO, worked));
            tiers
        }
        (DayKind::WeeklyOff, _, OffDayOvertime::AllWorked) => {
            whole(TierKind::OffDay, "off_day", rules.off_day_rate.unwrap_or(rules.rate), worked)
        }
        _ => by_basis(rules, parts, worked),
    }
}

/// All of a time in one tier.
pub(super) fn whole(kind: TierKind, id: &str, rate: Rate, seconds: Seconds) -> Vec<TierTime> {
    if seconds.is_zero() { Vec::new() } else { vec![TierTime { kind, id: id.into(), rate, seconds }] }
}

/// The time from `from` to `to` on a line on which tiers begin at their thresholds.
pub(super) fn by_tiers(tiers: &[Tier], kind: TierKind, from: Seconds, to: Seconds) -> Vec<TierTime> {
    let ends = tiers.iter().skip(1).map(|tier| tier.over_min.seconds()).chain([Seconds::new(i64::MAX)]);
    let timed = tiers.iter().zip(ends).filter_map(|(tier, end)| {
        let seconds = to.min(end) - from.max(tier.over_min.seconds());
        (seconds > Seconds::ZERO).then(|| TierTime { kind, id: tier.id.clone(), rate: tier.rate, seconds })
    });
    timed.collect()
}

fn by_basis(rules: &OvertimeRules, parts: &[Part], worked: Seconds) -> Vec<TierTime> {
    let over = match rules.basis {
        OvertimeBasis::None => return Vec::new(),
        OvertimeBasis::Worked => return by_tiers(&rules.daily_tiers, TierKind::Daily, Seconds::ZERO, worked),
        OvertimeBasis::WorkedOverSchedule => {
            let scheduled: Seconds =
                parts.iter().filter_map(|part| Some(part.shift.as_ref()?.expected)).sum();
            worked - scheduled
        }
        OvertimeBasis::AfterShiftEnd => outside(parts, false, true),
        OvertimeBasis::BeforeShiftStart => outside(parts, true, false),
        OvertimeBasis::OutsideSchedule => outside(parts, true, true),
    };
    let over = over.or_zero().min(worked);
    if rules.daily_tiers.is_empty() {
        whole(TierKind::Daily, PLAIN, rules.rate, over)
    } else {
        by_tiers(&rules.daily_tiers, TierKind::Daily, Seconds::ZERO, over)
    }
}

/// Time worked before the starts and after the ends of the shifts.
fn outside(parts: &[Part], before: bool, after: bool) -> Seconds {
    let (first, last) = (Instant::from_unix(i64::MIN / 4), Instant::from_unix(i64::MAX / 4));
    let of_part = |part: &Part| {
        let Some(shift) = &part.shift else { return Seconds::ZERO };
        let early = shared_length(&part.net, Interval::new(first, shift.start));
        let late = shared_length(&part.net, Interval::new(shift.end, last));
        (if before { early } else { Seconds::ZERO }) + (if after { late } else { Seconds::ZERO })
    };
    parts.iter().map(of_part).sum()
}

/// The sum of tiers.
pub(super) fn sum(tiers: &[TierTime]) -> Seconds {
    tiers.iter().map(|tier| tier.seconds).sum()
}

/// From what was found to what counts and is paid.
pub(super) fn settle(
    plan: &DayPlan<'_>,
    tiers: Vec<TierTime>,
    worked: Seconds,
    needs_approval: bool,
    trace: &mut Trace,
) -> Overtime {
    let rules = &plan.rules.overtime;
    let found = sum(&tiers);
    for figure in [Figure::OvertimeFound, Figure::OvertimeCounted, Figure::OvertimePayable] {
        for tier in &tiers {
            let facts = || {
                [
                    ("kind", Fact::Name(tier.kind.as_str().into())),
                    ("tier", Fact::Name(tier.id.to_string().into())),
                ]
            };
            trace.effect(figure, Rule::Tier, tier.seconds, facts);
        }
    }
    let mut counted = found;
    let step = |rule: Rule, to: Seconds, limit: Seconds, counted: &mut Seconds, trace: &mut Trace| {
        for figure in [Figure::OvertimeCounted, Figure::OvertimePayable] {
            trace.effect(figure, rule, to - *counted, || [("limit", Fact::Seconds(limit))]);
        }
        *counted = to;
    };
    let minimum = rules.ignore_up_to_min.seconds();
    if counted <= minimum {
        step(Rule::Minimum, Seconds::ZERO, minimum, &mut counted, trace);
    }
    if let Some(unit) = rules.unit {
        step(Rule::Unit, unit.apply(counted), Seconds::new(unit.unit_sec.into()), &mut counted, trace);
    }
    if let Some(cap) = rules.cap_min {
        step(Rule::Cap, counted.min(cap.seconds()), cap.seconds(), &mut counted, trace);
    }
    let manual = needs_approval || rules.approval == Approval::Manual;
    let (approval, approved, payable) = approve(plan.decided.overtime, manual, counted);
    trace.effect(Figure::OvertimePayable, Rule::NotApproved, payable - counted, || []);
    let found_tiers = if counted == found { Vec::new() } else { tiers.clone() };
    Overtime {
        found,
        counted,
        approved,
        payable,
        above_limit: above_limit(plan, worked, counted),
        approval,
        tiers: fit(tiers, counted),
        found_tiers,
    }
}

fn approve(
    decision: OvertimeDecision,
    manual: bool,
    counted: Seconds,
) -> (OvertimeState, Option<Seconds>, Seconds) {
    if counted.is_zero() {
        return (OvertimeState::None, None, Seconds::ZERO);
    }
    match decision {
        OvertimeDecision::Approved(at_most) => {
            let payable = at_most.map_or(counted, |at_most| at_most.min(counted));
            (OvertimeState::Approved, Some(payable), payable)
        }
        OvertimeDecision::Rejected => (OvertimeState::Rejected, Some(Seconds::ZERO), Seconds::ZERO),
        OvertimeDecision::Nothing if manual => (OvertimeState::ToApprove, None, Seconds::ZERO),
        OvertimeDecision::Nothing => (OvertimeState::Automatic, None, counted),
    }
}

/// What of the counted overtime lies above a legal maximum of the day.
fn above_limit(plan: &DayPlan<'_>, worked: Seconds, counted: Seconds) -> Seconds {
    let limits = &plan.rules.limits;
    let by_total = limits.day_total_max_min.map(|limit| worked - limit.seconds());
    let by_overtime = limits.day_overtime_max_min.map(|limit| counted - limit.seconds());
    by_total.max(by_overtime).unwrap_or_default().or_zero().min(counted)
}

/// Tiers that sum to what counts: what does not count is taken from the last, what a unit adds goes to the last.
fn fit(mut tiers: Vec<TierTime>, counted: Seconds) -> Vec<TierTime> {
    let mut over = sum(&tiers) - counted;
    if let Some(last) = tiers.last_mut().filter(|_| over < Seconds::ZERO) {
        last.seconds -= over;
        return tiers;
    }
    for tier in tiers.iter_mut().rev() {
        let taken = over.min(tier.seconds);
        tier.seconds -= taken;
        over -= taken;
    }
    tiers.retain(|tier| !tier.seconds.is_zero());
    tiers
}
