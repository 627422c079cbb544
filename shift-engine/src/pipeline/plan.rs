//! Shift resolution: what each date of the window and its margins is for the person.

use std::rc::Rc;

use chrono::NaiveDate;
use shared_model::entity::{
    DayDecision, DayDecisionType, HolidayType, Leave, LeavePortion, RequestState, RosterDay,
};
use shared_model::{PolicyId, ShiftId};

use crate::civil::{Almanac, Civil, dates, previous, shifted};
use crate::document::Typed as _;
use crate::input::{Ask, Keyed, LOOKBACK_DAYS, MARGIN_DAYS, Person};
use crate::interval::{Interval, total};
use crate::policy::{Attribution, PolicyRules, Unrostered};
use crate::record::{DayKind, Flag, Flags, LeaveMark, Status};
use crate::roster::RosterDayShifts;
use crate::rulebook::{Assigned, Memberships, Rulebook, ShiftSource};
use crate::shift::{Hours, ShiftDefinition, place_break, weekday_of};
use crate::time::{Instant, Seconds};

/// A date as it is before any punch is looked at.
#[derive(Debug)]
pub(super) struct DayPlan<'a> {
    pub(super) date: NaiveDate,
    /// From midnight to midnight.
    pub(super) day: Interval,
    pub(super) wanted: bool,
    pub(super) employed: bool,
    pub(super) policy: Option<PolicyId>,
    pub(super) rules: &'a PolicyRules,
    pub(super) kind: DayKind,
    pub(super) source: ShiftSource,
    pub(super) detected: bool,
    /// By scheduled start.
    pub(super) shifts: Vec<Rc<PlannedShift>>,
    pub(super) unknown_shifts: Vec<ShiftId>,
    pub(super) decided: Decided,
}

/// What people decided about a date.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) manual: Option<(Status, Flags)>,
    pub(super) leave: Option<LeaveMark>,
    /// Hours of leave or of duty elsewhere: nobody is late or early there.
    pub(super) covered: Vec<Interval>,
    /// The paid part of them.
    pub(super) paid_cover: Vec<Interval>,
    /// Duty elsewhere for the whole day.
    pub(super) on_duty: bool,
    pub(super) late_waived: bool,
    pub(super) overtime: OvertimeDecision,
}

/// What was decided about a day's overtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OvertimeDecision {
    #[default]
    Nothing,
    /// So much at most; `None` = all of it.
    Approved(Option<Seconds>),
    Rejected,
}

/// A shift on a date, as instants.
#[derive(Debug, Clone)]
pub(super) struct PlannedShift {
    pub(super) id: ShiftId,
    pub(super) start: Instant,
    pub(super) end: Instant,
    /// First and last instant whose punches are the shift's.
    pub(super) window: (Instant, Instant),
    /// Against what late and early are judged; `None` = nobody is.
    pub(super) judged: Option<Interval>,
    pub(super) breaks: Vec<PlannedBreak>,
    /// Paid time of the day.
    pub(super) expected: Seconds,
}

/// A scheduled break, or the time between two blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlannedBreak {
    pub(super) interval: Interval,
    pub(super) paid: bool,
    pub(super) between_blocks: bool,
}

impl PlannedShift {
    pub(super) fn new(
        almanac: &Almanac<'_>,
        date: NaiveDate,
        id: ShiftId,
        definition: &ShiftDefinition,
    ) -> Option<Self> {
        let hours = definition.hours_on(date);
        let blocks = hours.blocks();
        let first = blocks.first()?.0;
        let stretch = |from, to| Interval::new(almanac.instant(date, from), almanac.instant(date, to));
        let blocks: Vec<_> = blocks.into_iter().map(|(start, end)| stretch(start, end)).collect();
        let (start, end) = (blocks.first()?.start, blocks.last()?.end);
        let mut breaks: Vec<_> = hours
            .breaks()
            .iter()
            .map(|pause| {
                let (from, to) = place_break(*pause, first);
                PlannedBreak { interval: stretch(from, to), paid: pause.paid, between_blocks: false }
            })
            .collect();
        breaks.extend(blocks.windows(2).map(|pair| PlannedBreak {
            interval: Interval::new(pair[0].end, pair[1].start),
            paid: false,
            between_blocks: true,
        }));
        let judged = match hours {
            Hours::Fixed(_) | Hours::Split(_) => Some(Interval::new(start, end)),
            Hours::Flexible(flex) => {
                flex.core.map(|core| stretch(core.start.seconds(), core.end.after(core.start)))
            }
            Hours::Open(_) => None,
        };
        let unpaid = breaks.iter().filter(|pause| !pause.paid && !pause.between_blocks);
        let unpaid: Seconds = unpaid.map(|pause| pause.interval.length()).sum();
        let expected = hours.expected().unwrap_or_else(|| (total(&blocks) - unpaid).or_zero());
        let window = definition.window;
        let window = (start - window.before_min.seconds(), end + window.after_min.seconds());
        Some(Self { id, start, end, window, judged, breaks, expected })
    }

    pub(super) fn holds(&self, at: Instant) -> bool {
        self.window.0 <= at && at <= self.window.1
    }
}

impl DayPlan<'_> {
    /// Whether somebody is expected: late, early and short hours are judged.
    pub(super) fn is_working(&self) -> bool {
        matches!(self.kind, DayKind::Working | DayKind::HalfHoliday)
    }

    /// Whether a shift may be found from the punches.
    pub(super) fn is_free(&self) -> bool {
        let detects = matches!(self.rules.unrostered, Unrostered::Detect { .. });
        let windowed = self.rules.attribution == Attribution::ShiftStart;
        detects && windowed && self.employed && self.shifts.is_empty() && self.unknown_shifts.is_empty()
    }

    /// Whether what belongs to the date depends on the punches before it, not on the schedule alone.
    fn follows_punches(&self) -> bool {
        self.is_free() || self.rules.attribution != Attribution::ShiftStart
    }
}

/// Resolves every date of the window and its margins.
pub(super) fn resolve<'a>(book: &'a Rulebook, person: &Person<'_>, ask: &Ask<'_>) -> Vec<DayPlan<'a>> {
    let mut cells: Vec<_> = person.cells.iter().filter(|(_, cell)| cell.employee == person.id).collect();
    // Of two cells for one date (made on two sides at once) the later id counts.
    cells.sort_by_key(|(id, cell)| (cell.date, *id));
    let who = book.memberships(person.id, person.record);
    let (near, last) = (shifted(ask.from, -MARGIN_DAYS), shifted(ask.to, MARGIN_DAYS));
    let almanac = Almanac::new(book.civil(), near, last);
    let mut planning = Planning { book, person, ask, who, cells, almanac };
    let mut days = planning.days(near, last);
    if days.iter().any(DayPlan::follows_punches) {
        let (far, last) = (shifted(ask.from, -LOOKBACK_DAYS), previous(near));
        planning.almanac = Almanac::new(book.civil(), far, last);
        let mut all = planning.days(far, last);
        all.append(&mut days);
        days = all;
    }
    days
}

struct Planning<'a, 'p> {
    book: &'a Rulebook,
    person: &'p Person<'p>,
    ask: &'p Ask<'p>,
    who: Memberships<'a>,
    cells: Vec<&'p Keyed<RosterDay>>,
    almanac: Almanac<'a>,
}

impl<'a> Planning<'a, '_> {
    fn days(&self, first: NaiveDate, last: NaiveDate) -> Vec<DayPlan<'a>> {
        dates(first, last).map(|date| self.day(date, self.almanac.day(date))).collect()
    }

    fn day(&self, date: NaiveDate, day: Interval) -> DayPlan<'a> {
        let (book, person, ask) = (self.book, self.person, self.ask);
        let (policy, rules) = book.policy(&self.who, date);
        let employed = person.record.joined.is_none_or(|joined| joined <= date)
            && person.record.left.is_none_or(|left| date <= left);
        let mut plan = DayPlan {
            date,
            day,
            wanted: ask.from <= date && date <= ask.to,
            employed,
            policy,
            rules,
            kind: DayKind::Unrostered,
            source: ShiftSource::Nothing,
            detected: false,
            shifts: Vec::new(),
            unknown_shifts: Vec::new(),
            decided: Decided::default(),
        };
        if employed {
            let cell = self.cells.iter().rev().find(|(_, cell)| cell.date == date);
            let assigned = cell
                .and_then(|(_, cell)| from_cell(cell))
                .unwrap_or_else(|| Rulebook::assigned(&self.who, date));
            place_shifts(&mut plan, book, &self.almanac, &assigned);
            plan.kind = kind_of(&plan, &assigned, book.holiday(date, &[]));
            plan.decided = decided(person, &plan, book.civil());
        }
        plan
    }
}

fn from_cell(cell: &RosterDay) -> Option<Assigned<'static>> {
    let shifts = RosterDayShifts::parse(&cell.shifts).ok()?.0;
    Some(Assigned { shifts: shifts.into(), explicit: true, source: ShiftSource::Cell })
}

fn place_shifts(plan: &mut DayPlan<'_>, book: &Rulebook, almanac: &Almanac<'_>, assigned: &Assigned<'_>) {
    plan.source = assigned.source;
    for id in assigned.shifts.iter() {
        let known = book.shift(*id);
        match known.and_then(|known| PlannedShift::new(almanac, plan.date, *id, &known.definition)) {
            Some(shift) => plan.shifts.push(Rc::new(shift)),
            None => plan.unknown_shifts.push(*id),
        }
    }
    plan.shifts.sort_by_key(|shift| (shift.start, shift.end, shift.id));
}

fn kind_of(plan: &DayPlan<'_>, assigned: &Assigned<'_>, holiday: Option<HolidayType>) -> DayKind {
    let off = if assigned.explicit {
        assigned.shifts.is_empty()
    } else {
        plan.rules.weekly_off.contains(&weekday_of(plan.date))
    };
    match holiday {
        Some(HolidayType::Public) => DayKind::Holiday,
        _ if off => DayKind::WeeklyOff,
        Some(HolidayType::HalfDay) => DayKind::HalfHoliday,
        None if assigned.shifts.is_empty() => DayKind::Unrostered,
        None => DayKind::Working,
    }
}

fn decided(person: &Person<'_>, plan: &DayPlan<'_>, civil: Civil<'_>) -> Decided {
    let mut decided = Decided::default();
    leaves(&mut decided, person.leaves, person, plan, civil);
    let own =
        |(_, decision): &&Keyed<DayDecision>| decision.employee == person.id && decision.date == plan.date;
    let mut decisions: Vec<_> = person.decisions.iter().filter(own).collect();
    decisions.sort_by_key(|(id, _)| *id);
    for (_, decision) in decisions {
        let approved = decision.state == RequestState::Approved;
        match decision.decision_type {
            DayDecisionType::Overtime if approved => {
                let seconds = decision.seconds.map(|seconds| Seconds::new(seconds).or_zero());
                decided.overtime = OvertimeDecision::Approved(seconds);
            }
            DayDecisionType::Overtime if decision.state == RequestState::Rejected => {
                decided.overtime = OvertimeDecision::Rejected;
            }
            DayDecisionType::OnDuty if approved => match (decision.start, decision.end) {
                (Some(start), Some(end)) => {
                    let zone = civil.zone_on(plan.date);
                    let at = |time: shared_model::RawTime| crate::civil::instant_in(zone, time.wall());
                    let cover = Interval::new(at(start), at(end));
                    decided.covered.push(cover);
                    decided.paid_cover.push(cover);
                }
                _ => decided.on_duty = true,
            },
            DayDecisionType::ManualStatus if approved => {
                decided.manual = decision.status.as_ref().and_then(|status| manual_status(status.as_str()));
            }
            DayDecisionType::WaiveLate if approved => decided.late_waived = true,
            DayDecisionType::Overtime
            | DayDecisionType::OnDuty
            | DayDecisionType::ManualStatus
            | DayDecisionType::WaiveLate => {}
        }
    }
    decided
}

/// A status set by hand: its name, then marks such as `present+late`.
fn manual_status(text: &str) -> Option<(Status, Flags)> {
    let mut parts = text.split('+');
    let status = Status::parse(parts.next()?)?;
    Some((status, parts.filter_map(Flag::parse).collect()))
}

fn leaves(
    decided: &mut Decided,
    leaves: &[Keyed<Leave>],
    person: &Person<'_>,
    plan: &DayPlan<'_>,
    civil: Civil<'_>,
) {
    let counts = |(_, leave): &&Keyed<Leave>| {
        leave.employee == person.id
            && leave.state == RequestState::Approved
            && leave.from <= plan.date
            && plan.date <= leave.to
    };
    let mut own: Vec<_> = leaves.iter().filter(counts).collect();
    // A full leave before halves before hours; of equals the earlier id.
    own.sort_by_key(|(id, leave)| (leave.portion, *id));
    for (id, leave) in own {
        let cover = cover_of(leave, plan, civil);
        if let Some(cover) = cover {
            decided.covered.push(cover);
            if leave.paid {
                decided.paid_cover.push(cover);
            }
        }
        match &mut decided.leave {
            None => {
                let leave_type = leave.leave_type.clone();
                decided.leave =
                    Some(LeaveMark { id: *id, leave_type, portion: leave.portion, paid: leave.paid });
            }
            Some(mark) => {
                let halves = (mark.portion, leave.portion);
                if halves == (LeavePortion::FirstHalf, LeavePortion::SecondHalf) {
                    mark.portion = LeavePortion::Full;
                }
            }
        }
    }
}

/// The stretch of the day that a part-day leave covers.
fn cover_of(leave: &Leave, plan: &DayPlan<'_>, civil: Civil<'_>) -> Option<Interval> {
    let (start, end) = match (plan.shifts.first(), plan.shifts.last()) {
        (Some(first), Some(last)) => (first.start, last.end),
        _ => (plan.day.start, plan.day.end),
    };
    let middle = start + Seconds::new((end - start).get() / 2);
    match leave.portion {
        LeavePortion::Full => None,
        LeavePortion::FirstHalf => Some(Interval::new(start, middle)),
        LeavePortion::SecondHalf => Some(Interval::new(middle, end)),
        LeavePortion::Hours => {
            let zone = civil.zone_on(plan.date);
            let at = |wall| crate::civil::instant_in(zone, wall);
            Some(Interval::new(at(leave.start?), at(leave.end?)))
        }
    }
}
