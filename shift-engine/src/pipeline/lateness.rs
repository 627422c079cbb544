//! Late, early, and short hours.

use super::measure::Part;
use super::plan::DayPlan;
use crate::explain::{Fact, Figure, Rule, Trace};
use crate::interval::{Interval, shared_length};
use crate::policy::LateOn;
use crate::record::{DayKind, Flag};
use crate::time::{Instant, Minutes, Seconds};

/// Judges late and early of one shift. `closed` tells whether an out can still come.
pub(super) fn judge(plan: &DayPlan<'_>, part: &mut Part, closed: bool, as_of: Instant, trace: &mut Trace) {
    if !plan.is_working() || plan.decided.on_duty {
        return;
    }
    let Some(schedule) = part.shift.as_ref().and_then(|shift| shift.judged) else { return };
    let (came, left) = match plan.rules.late_on {
        LateOn::Raw => (part.first_in, part.last_out),
        LateOn::Rounded => (part.in_rounded, part.out_rounded),
    };
    let has_in = part.first_in.is_some();
    if let Some(came) = came.filter(|_| has_in) {
        let missed = Interval::new(schedule.start, came.min(schedule.end).max(schedule.start));
        let late =
            Span { figure: Figure::Late, rule: Rule::AfterStart, missed, grace: plan.rules.grace.late_min };
        part.figures.late = late.judge(plan, trace);
    }
    // Somebody who is out before the end may come back, until the window is closed.
    let gone = closed && part.open.is_empty() && as_of >= schedule.end;
    // Which half of a half-day holiday is free is not known: nobody leaves early on it.
    if let Some(left) = left.filter(|_| gone && plan.kind != DayKind::HalfHoliday && part.last_out.is_some())
    {
        let missed = Interval::new(left.max(schedule.start).min(schedule.end), schedule.end);
        let early =
            Span { figure: Figure::Early, rule: Rule::BeforeEnd, missed, grace: plan.rules.grace.early_min };
        part.figures.early = early.judge(plan, trace);
    }
    if !part.figures.late.is_zero() {
        part.flags.insert(Flag::Late);
    } else if plan.decided.late_waived && has_in {
        part.flags.insert(Flag::LateWaived);
    }
    if !part.figures.early.is_zero() {
        part.flags.insert(Flag::EarlyExit);
    }
}

/// Scheduled time that somebody missed at one end of the shift.
#[derive(Debug, Clone, Copy)]
struct Span {
    figure: Figure,
    rule: Rule,
    missed: Interval,
    grace: Minutes,
}

impl Span {
    /// Missed time without what leave covers: nothing within grace, all of it beyond.
    fn judge(self, plan: &DayPlan<'_>, trace: &mut Trace) -> Seconds {
        let (missed, figure) = (self.missed, self.figure);
        let facts = || [("from", Fact::At(missed.start)), ("to", Fact::At(missed.end))];
        trace.effect(figure, self.rule, missed.length(), facts);
        let covered = covered_length(&plan.decided.covered, missed);
        trace.effect(figure, Rule::Covered, -covered, || [("covered", Fact::Seconds(covered))]);
        let mut left = missed.length() - covered;
        let grace = self.grace.seconds();
        if left <= grace {
            trace.effect(figure, Rule::Grace, -left, || [("grace", Fact::Seconds(grace))]);
            left = Seconds::ZERO;
        }
        if figure == Figure::Late && plan.decided.late_waived {
            trace.effect(figure, Rule::Waived, -left, || []);
            left = Seconds::ZERO;
        }
        left
    }
}

/// How long covers, which may overlap one another, share with a stretch.
pub(super) fn covered_length(covers: &[Interval], with: Interval) -> Seconds {
    if covers.is_empty() {
        return Seconds::ZERO;
    }
    let mut left = vec![with];
    for cover in covers {
        left = crate::interval::without(&left, *cover);
    }
    with.length() - crate::interval::total(&left)
}

/// Time owed for one shift of the day: less on half holidays and part-day leave, none on days nobody is expected.
pub(super) fn owed(plan: &DayPlan<'_>, part: &Part) -> Seconds {
    let Some(shift) = &part.shift else { return Seconds::ZERO };
    if !plan.is_working() || plan.decided.on_duty {
        return Seconds::ZERO;
    }
    let full = match plan.kind {
        DayKind::HalfHoliday => Seconds::new(shift.expected.get() / 2),
        DayKind::Working | DayKind::WeeklyOff | DayKind::Holiday | DayKind::Unrostered => shift.expected,
    };
    use shared_model::entity::LeavePortion;
    match plan.decided.leave.as_ref().map(|leave| leave.portion) {
        Some(LeavePortion::Full) => Seconds::ZERO,
        Some(LeavePortion::FirstHalf | LeavePortion::SecondHalf) => Seconds::new(full.get() / 2),
        Some(LeavePortion::Hours) | None if plan.decided.covered.is_empty() => full.or_zero(),
        Some(LeavePortion::Hours) | None => {
            let scheduled = Interval::new(shift.start, shift.end);
            let breaks: Vec<_> =
                shift.breaks.iter().filter(|pause| !pause.paid).map(|pause| pause.interval).collect();
            let covered: Seconds = plan
                .decided
                .covered
                .iter()
                .filter_map(|cover| cover.shared(scheduled))
                .map(|cover| cover.length() - shared_length(&breaks, cover))
                .sum();
            (full - covered).or_zero()
        }
    }
}

/// Judges short hours of one shift once the day is final.
pub(super) fn undertime(plan: &DayPlan<'_>, part: &mut Part, trace: &mut Trace) {
    let (owed, done) = (part.figures.expected, part.figures.worked);
    let short = (owed - done).or_zero();
    if short.is_zero() {
        return;
    }
    trace.effect(Figure::Undertime, Rule::Owed, owed, || [("expected", Fact::Seconds(owed))]);
    trace.effect(Figure::Undertime, Rule::Done, -done, || [("worked", Fact::Seconds(done))]);
    let forgiven = plan.rules.undertime.ignore_up_to_min.seconds();
    if short <= forgiven {
        trace.effect(Figure::Undertime, Rule::Forgiven, -short, || [("up_to", Fact::Seconds(forgiven))]);
    } else {
        part.figures.undertime = short;
    }
}
