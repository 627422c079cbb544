//! The way from facts to records: one stage a module, in the order in which they run.
//!
//! ```text
//! plan       what each date is: shifts, kind, leave, decisions      -> DayPlan
//! mark       punches with notes applied, sorted, duplicates folded   -> Mark
//! attribute  which date and shift each belongs to (pair: in and out) -> Work
//! measure    rounding, breaks, worked; lateness, night               -> Part
//! overtime   by day, then by period                                  -> TierTime
//! finality, status, company, review                                  -> DayRecord
//! limit      maxima of weeks and of days in a row            -> exceptions
//! period     sums                                                    -> PeriodRecord
//! ```

mod attribute;
mod company;
mod finality;
mod lateness;
mod limit;
mod mark;
mod measure;
mod night;
mod overtime;
mod pair;
mod period;
mod plan;
mod review;
mod status;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use self::attribute::{Attributed, Work};
use self::finality::Finality;
use self::lateness::covered_length;
use self::mark::{Direction, Marks, day_at};
use self::measure::{Measuring, Part};
use self::period::DayLine;
pub(crate) use self::period::{month_of, week_start};
use self::plan::DayPlan;
use crate::explain::{Explanation, Fact, Figure, Rule, Trace};
use crate::input::{Ask, Person};
use crate::interval::{Interval, shared_length};
use crate::record::{
    Adjustment, DayKind, DayRecord, DayState, Figures, Flag, Flags, Overtime, PeriodRecord, PunchRole,
    PunchUse, ShiftRecord, TierTime,
};
use crate::rulebook::Rulebook;
use crate::time::Seconds;

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The days asked for that have a record, by date.
    pub days: Vec<DayRecord>,
    /// The weeks, months and pay periods that hold a date asked for, summed over the days asked for and the stored ones.
    pub periods: Vec<PeriodRecord>,
    /// Those of them in which no day has a record: there is nothing to sum.
    pub empty_periods: Vec<PeriodRecord>,
    /// What each punch was that counted for a date asked for or was made on one, by instant.
    pub punches: Vec<PunchUse>,
    /// Locked days that would now be other than they are stored.
    pub adjustments: Vec<Adjustment>,
    /// Why each day is what it is, where that was asked for.
    pub explanations: Vec<Explanation>,
}

impl Output {
    /// The punches that belong to no shift.
    pub fn unassigned(&self) -> impl Iterator<Item = &PunchUse> {
        self.punches.iter().filter(|used| used.role == PunchRole::Unassigned)
    }
}

/// Works out a person's records.
#[must_use]
pub fn compute(book: &Rulebook, person: &Person<'_>, ask: &Ask<'_>) -> Output {
    let mut plans = plan::resolve(book, person, ask);
    let marks = mark::gather(person, &plans);
    let attributed = attribute::attribute(book, &mut plans, &marks.counted);
    let uses = punch_uses(&plans, &marks, &attributed);
    let doubtful = review::doubtful(&marks, &uses);
    let computing = Computing { book, person, ask, plans: &plans, marks: &marks, doubtful };
    let mut output = computing.days(&attributed.works);
    limit::mark(book, person, &mut output.days);
    output.punches = uses;
    let asked = |date: NaiveDate| ask.from <= date && date <= ask.to;
    let made_on = |used: &PunchUse| day_at(&plans, used.at).is_some_and(|day| asked(plans[day].date));
    output.punches.retain(|used| asked(used.date) || made_on(used));
    let known = by_date(stored_around(person, ask).chain(&output.days), |day| day.date);
    let has_days = |period: &PeriodRecord| {
        let first = known.partition_point(|day| day.date < period.from);
        known.get(first).is_some_and(|day| day.date <= period.to)
    };
    (output.periods, output.empty_periods) =
        period::records(book, person, ask, &known).into_iter().partition(has_days);
    output
}

/// The stored days outside those that are worked out.
fn stored_around<'a>(person: &Person<'a>, ask: &Ask<'_>) -> impl Iterator<Item = &'a DayRecord> {
    let (from, to) = (ask.from, ask.to);
    person.stored.iter().filter(move |day| day.date < from || to < day.date)
}

/// Days in their order; of several for one date the last counts.
fn by_date<D>(days: impl Iterator<Item = D>, date: impl Fn(&D) -> NaiveDate) -> Vec<D> {
    let mut days: Vec<D> = days.collect();
    days.sort_by_key(&date);
    days.dedup_by(|later, earlier| {
        let same = date(later) == date(earlier);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    days
}

/// A day between measuring and its record.
struct Draft<'a> {
    plan: &'a DayPlan<'a>,
    parts: Vec<Part>,
    over: Finality,
    trace: Trace,
}

struct Computing<'a> {
    book: &'a Rulebook,
    person: &'a Person<'a>,
    ask: &'a Ask<'a>,
    plans: &'a [DayPlan<'a>],
    marks: &'a Marks,
    doubtful: Vec<&'a PunchUse>,
}

impl<'a> Computing<'a> {
    fn days(&self, works: &[Work]) -> Output {
        let mut output = Output::default();
        let mut drafts = Vec::with_capacity(self.plans.len());
        for (day, plan) in self.plans.iter().enumerate().filter(|(_, plan)| plan.wanted) {
            let from = works.partition_point(|work| work.day < day);
            let to = works.partition_point(|work| work.day <= day);
            match self.draft(plan, &works[from..to]) {
                Some(draft) => drafts.push(draft),
                None => output.days.extend(self.kept(plan.date)),
            }
        }
        let stored = stored_around(self.person, self.ask).map(DayLine::stored);
        let computed = drafts.iter().map(|draft| {
            let worked = draft.worked();
            DayLine::computed(draft.plan, worked, overtime::of_day(draft.plan, &draft.parts, worked))
        });
        let mut line = by_date(stored.chain(computed), |day| day.date);
        period::apply(&mut line, self.book.week_starts_on());
        let computed = line.into_iter().filter(|day| day.plan.is_some());
        output.days.reserve(drafts.len());
        output.explanations.reserve(if self.ask.explain { drafts.len() } else { 0 });
        for (draft, day) in drafts.into_iter().zip(computed) {
            let (record, explanation) = self.record(draft, day.tiers);
            output.explanations.extend(explanation);
            let (record, adjustment) = self.locked(record);
            output.adjustments.extend(adjustment);
            output.days.push(record);
        }
        output.days.sort_by_key(|record| record.date);
        output
    }

    /// Measures a day; `None` where it has no record.
    fn draft(&self, plan: &'a DayPlan<'a>, works: &[Work]) -> Option<Draft<'a>> {
        let punched = works.iter().any(|work| !work.sessions.is_empty());
        let decided = plan.decided.manual.is_some() || plan.decided.leave.is_some() || plan.decided.on_duty;
        let counts = self.person.record.active && self.person.counted_from <= plan.date;
        let expected = counts && plan.kind != DayKind::Unrostered;
        if !plan.employed || !(punched || decided || expected) {
            return None;
        }
        let mut trace = Trace::new(self.ask.explain);
        let measuring = Measuring { civil: self.book.civil(), plan, as_of: self.ask.as_of };
        let mut parts = Vec::with_capacity(works.len());
        for (index, work) in works.iter().enumerate() {
            trace.on_part(Some(index));
            parts.push(measuring.part(work, &mut trace));
        }
        trace.on_part(None);
        if plan.source != crate::rulebook::ShiftSource::Nothing || plan.detected {
            let source = if plan.detected { "punches" } else { plan.source.as_str() };
            trace.decided(Rule::ShiftFrom, || [("source", Fact::Name(source.into()))]);
        }
        let over = finality::judge(plan, &parts, self.ask, &mut trace);
        let is_final = over.is_final;
        for (index, part) in parts.iter_mut().enumerate() {
            trace.on_part(Some(index));
            lateness::judge(plan, part, is_final, self.ask.as_of, &mut trace);
            night::measure(self.book.civil(), plan, part, &mut trace);
            part.figures.expected = lateness::owed(plan, part);
            part.figures.credited = credited(plan, part);
            if is_final {
                lateness::undertime(plan, part, &mut trace);
                if !part.open.is_empty() {
                    part.flags.insert(Flag::MissingOut);
                }
                if !part.orphans.is_empty() {
                    part.flags.insert(Flag::MissingIn);
                }
            }
        }
        trace.on_part(None);
        Some(Draft { plan, parts, over, trace })
    }

    fn record(&self, draft: Draft<'_>, tiers: Vec<TierTime>) -> (DayRecord, Option<Explanation>) {
        let Draft { plan, parts, over, mut trace } = draft;
        let judged = status::judge(plan, &parts, over.is_final, &mut trace);
        let mut figures = Figures::default();
        parts.iter().for_each(|part| figures += part.figures);
        let found = overtime::sum(&tiers);
        figures.regular = figures.worked - found;
        let worked = figures.worked;
        trace.effect(Figure::Regular, Rule::Done, worked, || [("worked", Fact::Seconds(worked))]);
        trace.effect(Figure::Regular, Rule::Tier, -found, || [("overtime", Fact::Seconds(found))]);
        let flags = day_flags(plan, &parts);
        let statuses = judged.parts;
        let mut record = DayRecord {
            date: plan.date,
            status: judged.status,
            state: if over.is_final { DayState::Final } else { DayState::Provisional },
            closes: over.closes,
            settles: over.settles,
            kind: plan.kind,
            locked: self.book.is_locked(plan.date),
            policy: plan.policy,
            leave: plan.decided.leave.clone(),
            other_half: judged.other_half,
            first_in: parts.iter().filter_map(|part| part.first_in).min(),
            last_out: parts.iter().filter_map(|part| part.last_out).max(),
            figures,
            overtime: Overtime::default(),
            shifts: parts.iter().zip(statuses).map(|(part, status)| shift_record(part, status)).collect(),
            flags,
            company_flags: BTreeSet::new(),
            allowances: Vec::new(),
            exceptions: Vec::new(),
        };
        let mut needs_approval = false;
        if company::may_require_approval(self.book) {
            // A rule sees the overtime as it would be without it.
            record.overtime = overtime::settle(plan, tiers.clone(), worked, false, &mut Trace::default());
            needs_approval = company::requires_approval(self.book, self.person, &record, plan);
        }
        record.overtime = overtime::settle(plan, tiers, worked, needs_approval, &mut trace);
        if record.overtime.above_limit > Seconds::ZERO {
            record.flags.insert(Flag::AboveLimit);
        }
        record.exceptions = review::of_day(plan, &parts, &record, self.marks, &self.doubtful);
        company::apply(self.book, self.person, &mut record, plan);
        (record, trace.into_explanation(plan.date))
    }

    /// The stored record of a locked day that would have none now.
    fn kept(&self, date: NaiveDate) -> Option<DayRecord> {
        let stored = self.person.stored.iter().find(|stored| stored.date == date)?;
        self.book.is_locked(date).then(|| DayRecord { locked: true, ..stored.clone() })
    }

    /// A locked day stays as it is stored; what it would be now becomes an adjustment.
    fn locked(&self, computed: DayRecord) -> (DayRecord, Option<Adjustment>) {
        let stored = self.person.stored.iter().find(|stored| stored.date == computed.date && computed.locked);
        let Some(stored) = stored else { return (computed, None) };
        let frozen = DayRecord { locked: true, ..stored.clone() };
        let adjustment = Adjustment {
            date: frozen.date,
            status: (frozen.status, computed.status),
            worked: computed.figures.worked - frozen.figures.worked,
            payable_overtime: computed.overtime.payable - frozen.overtime.payable,
        };
        let same = frozen.status == computed.status
            && adjustment.worked.is_zero()
            && adjustment.payable_overtime.is_zero();
        (frozen, (!same).then_some(adjustment))
    }
}

impl Draft<'_> {
    fn worked(&self) -> Seconds {
        self.parts.iter().map(|part| part.figures.worked).sum()
    }
}

/// Time that counts although nobody was at a clock: duty elsewhere and paid hours of leave within the shift.
fn credited(plan: &DayPlan<'_>, part: &Part) -> Seconds {
    let Some(shift) = &part.shift else { return Seconds::ZERO };
    if plan.decided.on_duty {
        return (shift.expected - part.figures.worked).or_zero();
    }
    if plan.decided.paid_cover.is_empty() {
        return Seconds::ZERO;
    }
    let scheduled = Interval::new(shift.start, shift.end);
    let unpaid: Vec<_> =
        shift.breaks.iter().filter(|pause| !pause.paid).map(|pause| pause.interval).collect();
    let covers = plan.decided.paid_cover.iter().filter_map(|cover| cover.shared(scheduled));
    let left = |cover: Interval| {
        let there = covered_length(&part.net, cover);
        (cover.length() - there - shared_length(&unpaid, cover)).or_zero()
    };
    covers.map(left).sum()
}

fn day_flags(plan: &DayPlan<'_>, parts: &[Part]) -> Flags {
    let mut flags = parts.iter().fold(Flags::default(), |flags, part| flags.union(part.flags));
    if let Some((_, marks)) = &plan.decided.manual {
        flags.insert(Flag::Manual);
        flags = flags.union(*marks);
    }
    if plan.decided.on_duty {
        flags.insert(Flag::OnDuty);
    }
    if plan.detected {
        flags.insert(Flag::ShiftDetected);
    }
    flags
}

fn shift_record(part: &Part, status: crate::record::Status) -> ShiftRecord {
    ShiftRecord {
        shift: part.shift.as_ref().map(|shift| shift.id),
        scheduled_start: part.shift.as_ref().map(|shift| shift.start),
        scheduled_end: part.shift.as_ref().map(|shift| shift.end),
        status,
        first_in: part.first_in,
        last_out: part.last_out,
        in_rounded: part.in_rounded,
        out_rounded: part.out_rounded,
        sessions: part.sessions,
        figures: part.figures,
        flags: part.flags,
    }
}

/// What each punch was, in order.
fn punch_uses(plans: &[DayPlan<'_>], marks: &Marks, attributed: &Attributed) -> Vec<PunchUse> {
    let all = marks.counted.len() + marks.settled.len() + marks.folded.len();
    let mut uses = Vec::with_capacity(all);
    uses.extend_from_slice(&marks.settled);
    for work in &attributed.works {
        let plan = &plans[work.day];
        let shift = work.shift.map(|index| plan.shifts[index].id);
        let all = work.sessions.iter().flat_map(|session| &session.marks);
        uses.extend(all.map(|(mark, way)| {
            let role = match way {
                Some(Direction::In) => PunchRole::In,
                Some(Direction::Out) => PunchRole::Out,
                None => PunchRole::Between,
            };
            PunchUse { punch: mark.id, at: mark.at, date: plan.date, shift, role }
        }));
    }
    for mark in &attributed.unassigned {
        let Some(plan) = day_at(plans, mark.at).map(|day| &plans[day]) else { continue };
        let role = if plan.employed { PunchRole::Unassigned } else { PunchRole::NotEmployed };
        uses.push(PunchUse { punch: mark.id, at: mark.at, date: plan.date, shift: None, role });
    }
    for (punch, onto) in &marks.folded {
        let to = uses.iter().find(|used| used.punch == onto.id).copied();
        uses.extend(to.map(|to| {
            let role = if to.role.counts() { PunchRole::Folded } else { to.role };
            PunchUse { punch: *punch, role, ..to }
        }));
    }
    uses.sort_by_key(|used| (used.at, used.punch, used.role));
    uses
}
