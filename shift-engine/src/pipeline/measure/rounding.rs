//! Rounding of ins, outs, breaks and the total.

use super::Measuring;
use crate::explain::{Fact, Figure, Rule, Trace};
use crate::interval::Interval;
use crate::pipeline::pair::Pair;
use crate::pipeline::plan::PlannedShift;
use crate::policy::{Near, PunchRounding};
use crate::time::{Instant, Seconds};

impl Measuring<'_> {
    /// The pairs with their rounded ends, never overlapping.
    pub(super) fn rounded(
        self,
        raw: &[Pair],
        shift: Option<&PlannedShift>,
        trace: &mut Trace,
    ) -> Vec<Interval> {
        let rounding = &self.plan.rules.rounding;
        let mut done: Vec<Interval> = Vec::with_capacity(raw.len());
        for pair in raw {
            let scheduled = shift.map(|shift| shift.start);
            let mut start = self.punch(pair.interval.start, rounding.punch_in, scheduled);
            let scheduled = shift.map(|shift| shift.end);
            let rule = rounding.punch_out.filter(|_| !pair.auto_out);
            let end = self.punch(pair.interval.end, rule, scheduled);
            start = done.last().map_or(start, |before| start.max(before.end));
            let end = end.max(start);
            let facts = |from, to| move || [("punch", Fact::At(from)), ("rounded", Fact::At(to))];
            let (from, to) = (pair.interval.start, pair.interval.end);
            trace.effect(Figure::Worked, Rule::RoundIn, from - start, facts(from, start));
            trace.effect(Figure::Worked, Rule::RoundOut, end - to, facts(to, end));
            done.push(Interval { start, end });
        }
        if let Some(round) = rounding.break_duration {
            for at in 1..done.len() {
                let gap = done[at].start - done[at - 1].end;
                let start = (done[at - 1].end + round.apply(gap)).min(done[at].end);
                let effect = done[at].start - start;
                done[at].start = start;
                trace.effect(Figure::Worked, Rule::RoundBreak, effect, || [("punched", Fact::Seconds(gap))]);
            }
        }
        done
    }

    /// One punch, by marks counted from local midnight.
    fn punch(self, at: Instant, rule: Option<PunchRounding>, scheduled: Option<Instant>) -> Instant {
        let Some(rule) = rule else { return at };
        let second = self.civil.second_of_day(at);
        let near = match rule.only_near {
            None => true,
            Some(Near::Time { time, within_min }) => {
                let apart = (second - time.seconds()).get().rem_euclid(86_400);
                apart.min(86_400 - apart) <= within_min.seconds().get()
            }
            Some(Near::Schedule { within_min }) => {
                scheduled.is_some_and(|time| (at - time).get().abs() <= within_min.seconds().get())
            }
        };
        if near { at + (rule.round.apply(second) - second) } else { at }
    }

    pub(super) fn round_total(self, worked: Seconds) -> Seconds {
        let Some(rule) = self.plan.rules.rounding.total else { return worked };
        let near = rule.only_near_total_min.is_none_or(|near| {
            (worked - near.total_min.seconds()).get().abs() <= near.within_min.seconds().get()
        });
        if near { rule.round.apply(worked) } else { worked }
    }
}
