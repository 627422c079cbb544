//! Worked time: from raw pairs through rounding and breaks to the net figure, each step explained.

mod rounding;

use std::rc::Rc;

use super::attribute::Work;
use super::pair::{Pair, Session};
use super::plan::{DayPlan, PlannedShift};
use crate::civil::Civil;
use crate::explain::{Fact, Figure, Rule, Trace};
use crate::interval::{Interval, shared_length, total, without};
use crate::policy::HolidayOvertime;
use crate::record::{DayKind, Figures, Flag, Flags};
use crate::time::{Instant, Seconds};

/// One shift of a day, measured.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) shift: Option<Rc<PlannedShift>>,
    pub(super) sessions: u16,
    pub(super) punched: bool,
    pub(super) open: Vec<super::mark::Mark>,
    pub(super) orphans: Vec<super::mark::Mark>,
    pub(super) gaps: Vec<Interval>,
    pub(super) first_in: Option<Instant>,
    pub(super) last_out: Option<Instant>,
    /// When a rule closes the last session, or will.
    pub(super) auto_out: Option<Instant>,
    pub(super) in_rounded: Option<Instant>,
    pub(super) out_rounded: Option<Instant>,
    /// Rounded, without scheduled breaks: what night and overtime are measured on.
    pub(super) net: Vec<Interval>,
    pub(super) figures: Figures,
    pub(super) flags: Flags,
}

/// What measuring needs to know beside the work itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measuring<'a> {
    pub(super) civil: Civil<'a>,
    pub(super) plan: &'a DayPlan<'a>,
    pub(super) as_of: Instant,
}

impl Measuring<'_> {
    /// Measures one shift's sessions.
    pub(super) fn part(self, work: &Work, trace: &mut Trace) -> Part {
        let shift = work.shift.map(|index| Rc::clone(&self.plan.shifts[index]));
        let mut raw: Vec<Pair> =
            work.sessions.iter().flat_map(|session| session.pairs.iter().copied()).collect();
        let mut open: Vec<_> =
            work.sessions.iter().flat_map(|session| session.open.iter().copied()).collect();
        let orphans: Vec<_> =
            work.sessions.iter().flat_map(|session| session.orphans.iter().copied()).collect();
        let mut flags = Flags::default();
        let mut auto_out = None;
        raw.sort_by_key(|pair| pair.interval);
        if let (Some(last), Some(shift)) = (open.last().copied(), shift.as_ref())
            && raw.last().is_none_or(|pair| pair.interval.end <= last.at)
        {
            auto_out = self.auto_out(&raw, last.at, shift);
            if let Some(closed) = auto_out.filter(|closed| *closed <= self.as_of) {
                open.pop();
                raw.push(Pair { interval: Interval::new(last.at, closed), auto_out: true });
                flags.insert(Flag::AutoOut);
                trace.decided(Rule::AutoOut, || [("out", Fact::At(closed))]);
            }
        }
        let gaps: Vec<_> =
            raw.windows(2).map(|two| Interval::new(two[0].interval.end, two[1].interval.start)).collect();
        let first_in = raw.first().map(|pair| pair.interval.start).into_iter();
        let first_in = first_in.chain(open.iter().map(|mark| mark.at)).min();
        let last_out = raw.last().map(|pair| pair.interval.end).into_iter();
        let last_out = last_out.chain(orphans.iter().map(|mark| mark.at)).max();
        let rounded = self.rounded(&raw, shift.as_deref(), trace);
        let mut part = Part {
            sessions: count_sessions(&work.sessions),
            punched: work.sessions.iter().any(|session| !session.marks.is_empty()),
            in_rounded: rounded.first().map(|interval| interval.start).or(first_in),
            out_rounded: rounded.last().map(|interval| interval.end).or(last_out),
            net: Vec::new(),
            figures: Figures { gaps: total(&gaps), ..Figures::default() },
            shift,
            open,
            orphans,
            gaps,
            first_in,
            last_out,
            auto_out,
            flags,
        };
        self.explain_span(&raw, &part, trace);
        self.worked(rounded, &mut part, trace);
        part
    }

    fn explain_span(self, raw: &[Pair], part: &Part, trace: &mut Trace) {
        if let (Some(first), Some(last)) = (raw.first(), raw.last()) {
            let (start, end) = (first.interval.start, last.interval.end);
            trace.effect(Figure::Worked, Rule::Span, end - start, || {
                [("in", Fact::At(start)), ("out", Fact::At(end))]
            });
            for gap in &part.gaps {
                let facts = || [("out", Fact::At(gap.start)), ("in", Fact::At(gap.end))];
                trace.effect(Figure::Worked, Rule::Gap, -gap.length(), facts);
            }
        }
    }

    /// Takes breaks off the rounded pairs and rounds the total.
    fn worked(self, rounded: Vec<Interval>, part: &mut Part, trace: &mut Trace) {
        let rules = self.plan.rules;
        let gross = total(&rounded);
        let gaps: Seconds = rounded.windows(2).map(|two| two[1].start - two[0].end).sum();
        let mut net = rounded;
        for (pause, rule) in self.unpaid_breaks(part.shift.as_deref()) {
            let taken = shared_length(&net, pause);
            if taken.is_zero() {
                continue;
            }
            net = without(&net, pause);
            part.figures.breaks += taken;
            let facts = || [("from", Fact::At(pause.start)), ("to", Fact::At(pause.end))];
            trace.effect(Figure::Worked, rule, -taken, facts);
        }
        let mut worked = total(&net);
        part.net = net;
        for deduction in &rules.breaks.auto_deduct {
            if gross > deduction.after_min.seconds() {
                let taken = deduction.deduct_min.seconds().min(worked);
                worked -= taken;
                part.figures.breaks += taken;
                let after = Fact::Seconds(deduction.after_min.seconds());
                let facts = || [("worked", Fact::Seconds(gross)), ("after", after)];
                trace.effect(Figure::Worked, Rule::AutoDeduct, -taken, facts);
            }
        }
        let limit = rules.breaks.paid_punched_break_min.seconds();
        let paid = gaps.or_zero().min(limit);
        worked += paid;
        let facts = || [("punched", Fact::Seconds(gaps)), ("limit", Fact::Seconds(limit))];
        trace.effect(Figure::Worked, Rule::PaidBreak, paid, facts);
        let total = self.round_total(worked);
        trace.effect(Figure::Worked, Rule::RoundTotal, total - worked, || [("total", Fact::Seconds(worked))]);
        part.figures.worked = total;
    }

    /// Scheduled time that is not worked, with the rule that says so.
    fn unpaid_breaks(self, shift: Option<&PlannedShift>) -> Vec<(Interval, Rule)> {
        let rules = self.plan.rules;
        let all_overtime = match self.plan.kind {
            DayKind::WeeklyOff => true,
            DayKind::Holiday => rules.overtime.holiday != HolidayOvertime::AsUsual,
            DayKind::Working | DayKind::HalfHoliday | DayKind::Unrostered => false,
        };
        let Some(shift) = shift.filter(|_| !all_overtime) else { return Vec::new() };
        let unpaid = shift.breaks.iter().filter_map(|pause| match (pause.between_blocks, pause.paid) {
            (true, _) => Some((pause.interval, Rule::BlockGap)),
            (false, false) if rules.breaks.deduct_scheduled => Some((pause.interval, Rule::ScheduledBreak)),
            (false, _) => None,
        });
        unpaid.collect()
    }

    /// When a session whose out is missing is closed: at the moment its net worked time reaches the expected time and
    /// what the policy adds. `None` = there is no such rule, or that moment never comes.
    fn auto_out(self, raw: &[Pair], from: Instant, shift: &Rc<PlannedShift>) -> Option<Instant> {
        let target = shift.expected + self.plan.rules.auto_out?.after_expected_plus_min.seconds();
        let net_until = |out: Instant| {
            let mut pairs: Vec<Interval> = raw.iter().map(|pair| pair.interval).collect();
            pairs.push(Interval::new(from, out));
            let mut probe = Part::empty(shift);
            self.worked(pairs, &mut probe, &mut Trace::default());
            probe.figures.worked
        };
        // Found by halving: an out at which the target is reached and a second before which it is not.
        let (mut low, mut high) = (0, 2 * 86_400);
        if net_until(from + Seconds::new(high)) < target {
            return None;
        }
        while low < high {
            let middle = (low + high) / 2;
            if net_until(from + Seconds::new(middle)) < target { low = middle + 1 } else { high = middle }
        }
        Some(from + Seconds::new(low))
    }
}

impl Part {
    /// Whether an in or an out is missing.
    pub(super) fn lacks_a_punch(&self) -> bool {
        !self.open.is_empty() || !self.orphans.is_empty()
    }

    fn empty(shift: &Rc<PlannedShift>) -> Self {
        Self {
            shift: Some(Rc::clone(shift)),
            sessions: 0,
            punched: false,
            open: Vec::new(),
            orphans: Vec::new(),
            gaps: Vec::new(),
            first_in: None,
            last_out: None,
            auto_out: None,
            in_rounded: None,
            out_rounded: None,
            net: Vec::new(),
            figures: Figures::default(),
            flags: Flags::default(),
        }
    }
}

fn count_sessions(sessions: &[Session]) -> u16 {
    let with_pairs = sessions.iter().filter(|session| !session.pairs.is_empty() || !session.open.is_empty());
    u16::try_from(with_pairs.count()).unwrap_or(u16::MAX)
}
