//! Rules over several days: runs of days, weeks, overtime periods; and the sums of weeks, months and pay periods.

use chrono::{Datelike as _, NaiveDate};
use shared_model::entity::Weekday;

use super::overtime::{by_tiers, sum, whole};
use super::plan::DayPlan;
use crate::civil::shifted;
use crate::input::{Ask, Person};
use crate::policy::{PenaltyCost, WeeklyCounts};
use crate::record::{
    DayRecord, DayState, Figures, Flag, PeriodKind, PeriodRecord, Status, TierKind, TierTime,
};
use crate::rulebook::Rulebook;
use crate::shift::weekday_of;
use crate::time::Seconds;

/// One day on the line of days that rules over several days walk along.
#[derive(Debug)]
pub(super) struct DayLine<'a> {
    pub(super) date: NaiveDate,
    pub(super) worked: Seconds,
    pub(super) tiers: Vec<TierTime>,
    /// The plan of a day that is being computed; `None` = a stored one, which does not change.
    pub(super) plan: Option<&'a DayPlan<'a>>,
    /// Of a stored day: the time that fed its week, and its period.
    feeds: (Seconds, Seconds),
}

impl<'a> DayLine<'a> {
    pub(super) fn computed(plan: &'a DayPlan<'a>, worked: Seconds, tiers: Vec<TierTime>) -> Self {
        Self { date: plan.date, worked, tiers, plan: Some(plan), feeds: (Seconds::ZERO, Seconds::ZERO) }
    }

    pub(super) fn stored(record: &DayRecord) -> Self {
        let of = |kind| {
            let found = record.overtime.found_by_tier().iter();
            found.filter(move |tier| tier.kind == kind).map(|tier| tier.seconds)
        };
        let period: Seconds = record.figures.regular + of(TierKind::Period).sum();
        let week = period + of(TierKind::Weekly).sum();
        Self {
            date: record.date,
            worked: record.figures.worked,
            tiers: Vec::new(),
            plan: None,
            feeds: (week, period),
        }
    }

    fn feeds_week(&self) -> Seconds {
        self.plan.map_or(self.feeds.0, |_| self.worked - sum(&self.tiers))
    }

    fn feeds_period(&self) -> Seconds {
        self.plan.map_or(self.feeds.1, |_| self.worked - sum(&self.tiers))
    }
}

/// The first day of the week of a date.
pub(crate) fn week_start(date: NaiveDate, first: Weekday) -> NaiveDate {
    let number = |day: Weekday| Weekday::ALL.iter().position(|other| *other == day);
    let back =
        number(weekday_of(date)).zip(number(first)).map_or(0, |(today, first)| (7 + today - first) % 7);
    shifted(date, -i64::try_from(back).unwrap_or(0))
}

/// The first and last day of the month of a date.
pub(crate) fn month_of(date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let first = date.with_day(1).unwrap_or(date);
    let next = first.checked_add_months(chrono::Months::new(1));
    (first, next.map_or(first, crate::civil::previous))
}

/// Applies the rules over several days to the computed days of the line, which is in the order of dates.
pub(super) fn apply(line: &mut [DayLine<'_>], week_starts_on: Weekday) {
    consecutive_days(line);
    weeks(line, week_starts_on);
    periods(line);
}

fn consecutive_days(line: &mut [DayLine<'_>]) {
    let mut run = 0_u16;
    let mut before: Option<NaiveDate> = None;
    for day in line.iter_mut() {
        let follows = before.is_some_and(|before| crate::civil::next(before) == day.date);
        run = match (day.worked > Seconds::ZERO, follows) {
            (true, true) => run.saturating_add(1),
            (true, false) => 1,
            (false, _) => 0,
        };
        before = Some(day.date);
        let rule = day.plan.and_then(|plan| plan.rules.overtime.consecutive_days.as_ref());
        let by_calendar =
            day.tiers.iter().any(|tier| matches!(tier.kind, TierKind::Holiday | TierKind::OffDay));
        if let Some(rule) = rule.filter(|rule| run >= rule.from_day && !by_calendar) {
            day.tiers = whole(TierKind::Consecutive, TierKind::Consecutive.as_str(), rule.rate, day.worked);
        }
    }
}

fn weeks(line: &mut [DayLine<'_>], week_starts_on: Weekday) {
    let (mut week, mut fed, mut worked) = (NaiveDate::MIN, Seconds::ZERO, Seconds::ZERO);
    for day in line.iter_mut() {
        let this = week_start(day.date, week_starts_on);
        if this != week {
            (week, fed, worked) = (this, Seconds::ZERO, Seconds::ZERO);
        }
        let feeds = day.feeds_week();
        if let Some(rule) = day.plan.and_then(|plan| plan.rules.overtime.weekly.as_ref()) {
            match rule.counts {
                WeeklyCounts::NotDailyOt => {
                    day.tiers.extend(by_tiers(&rule.tiers, TierKind::Weekly, fed, fed + feeds));
                }
                WeeklyCounts::AllWorkedUnion => {
                    let tail = by_tiers(&rule.tiers, TierKind::Weekly, worked, worked + day.worked);
                    day.tiers = united(std::mem::take(&mut day.tiers), tail);
                }
            }
        }
        fed += feeds;
        worked += day.worked;
    }
}

/// Two lists of tiers that both lie at the end of the same day's work: a minute of both counts once, at the better
/// rate, the day's own where the rates are equal.
fn united(daily: Vec<TierTime>, weekly: Vec<TierTime>) -> Vec<TierTime> {
    let mut all: Vec<TierTime> = Vec::new();
    let (mut daily, mut weekly) = (daily, weekly);
    // Both are walked from the end of the day backwards.
    loop {
        let (own, other) = (daily.last_mut(), weekly.last_mut());
        let length = match (&own, &other) {
            (Some(own), Some(other)) => own.seconds.min(other.seconds),
            (Some(one), None) | (None, Some(one)) => one.seconds,
            (None, None) => break,
        };
        let mut taken = match (&own, &other) {
            (Some(own), Some(other)) if other.rate > own.rate => (*other).clone(),
            (Some(one), _) | (None, Some(one)) => (*one).clone(),
            (None, None) => break,
        };
        taken.seconds = length;
        for tier in [own, other].into_iter().flatten() {
            tier.seconds -= length;
        }
        daily.retain(|tier| !tier.seconds.is_zero());
        weekly.retain(|tier| !tier.seconds.is_zero());
        match all.iter_mut().find(|tier| tier.kind == taken.kind && tier.id == taken.id) {
            Some(tier) => tier.seconds += length,
            None => all.push(taken),
        }
    }
    all.reverse();
    all
}

fn periods(line: &mut [DayLine<'_>]) {
    let (mut period, mut fed) = (None, Seconds::ZERO);
    for day in line.iter_mut() {
        let rule = day.plan.and_then(|plan| plan.rules.overtime.period.as_ref());
        let this =
            rule.map(|rule| (day.date - rule.start).num_days().div_euclid(i64::from(rule.days.max(1))));
        if this.is_some() && this != period {
            (period, fed) = (this, Seconds::ZERO);
        }
        let feeds = day.feeds_period();
        if let Some(rule) = rule {
            day.tiers.extend(by_tiers(&rule.tiers, TierKind::Period, fed, fed + feeds));
        }
        fed += feeds;
    }
}

/// Sums up the weeks, months and pay periods that hold a date asked for; `days` are in the order of dates.
pub(super) fn records(
    book: &Rulebook,
    person: &Person<'_>,
    ask: &Ask<'_>,
    days: &[&DayRecord],
) -> Vec<PeriodRecord> {
    let mut spans = Vec::new();
    let mut week = week_start(ask.from, book.week_starts_on());
    while week <= ask.to {
        let next = shifted(week, 7);
        spans.push((PeriodKind::Week, week, shifted(week, 6)));
        if next <= week {
            break;
        }
        week = next;
    }
    let mut month = month_of(ask.from);
    while month.0 <= ask.to && month.0 < month.1 {
        spans.push((PeriodKind::Month, month.0, month.1));
        month = month_of(crate::civil::next(month.1));
    }
    let touched = book.pay_periods().iter().filter(|period| period.from <= ask.to && ask.from <= period.to);
    spans.extend(touched.map(|period| (PeriodKind::PayPeriod, period.from, period.to)));
    let who = book.memberships(person.id, person.record);
    let today = book.civil().date(ask.as_of);
    let record = |(kind, from, to): (PeriodKind, NaiveDate, NaiveDate)| {
        let (_, rules) = book.policy(&who, to.min(ask.to));
        let mut period = PeriodRecord::empty(kind, from, to);
        let days = &days[days.partition_point(|day| day.date < from)..];
        days.iter().take_while(|day| day.date <= to).for_each(|day| period.add(day));
        if to >= today {
            period.state = DayState::Provisional;
        }
        let lates = rules.late_penalty.filter(|_| kind != PeriodKind::Week);
        period.penalty_half_days = lates.map_or(0, |rule| {
            let times = period.late_count / rule.every.max(1);
            match rule.costs {
                PenaltyCost::HalfDay => times,
                PenaltyCost::FullDay => times.saturating_mul(2),
            }
        });
        if kind == PeriodKind::Week {
            let worked = rules.limits.week_total_max_min.map(|limit| period.figures.worked - limit.seconds());
            let overtime = rules.limits.week_overtime_max_min.map(|limit| period.overtime - limit.seconds());
            let above = worked.max(overtime).unwrap_or_default().or_zero();
            period.limit_breached = above > Seconds::ZERO;
            period.overtime_above_limit = period.overtime_above_limit.max(above.min(period.overtime));
        }
        period
    };
    spans.into_iter().map(record).collect()
}

impl PeriodRecord {
    fn empty(kind: PeriodKind, from: NaiveDate, to: NaiveDate) -> Self {
        Self {
            kind,
            from,
            to,
            state: DayState::Final,
            present: 0,
            absent: 0,
            half_days: 0,
            weekly_offs: 0,
            holidays: 0,
            leaves: 0,
            late_count: 0,
            early_count: 0,
            penalty_half_days: 0,
            figures: Figures::default(),
            overtime: Seconds::ZERO,
            payable_overtime: Seconds::ZERO,
            overtime_above_limit: Seconds::ZERO,
            limit_breached: false,
        }
    }

    fn add(&mut self, day: &DayRecord) {
        match day.status {
            Status::Pending => {}
            Status::Present => self.present += 1,
            Status::HalfDay => self.half_days += 1,
            Status::Absent => self.absent += 1,
            Status::WeeklyOff => self.weekly_offs += 1,
            Status::Holiday => self.holidays += 1,
            Status::OnLeave => self.leaves += 1,
        }
        self.late_count += u16::from(day.flags.contains(Flag::Late));
        self.early_count += u16::from(day.flags.contains(Flag::EarlyExit));
        self.figures += day.figures;
        self.overtime += day.overtime.counted;
        self.payable_overtime += day.overtime.payable;
        self.overtime_above_limit += day.overtime.above_limit;
        if day.state == DayState::Provisional {
            self.state = DayState::Provisional;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Rate;

    fn tier(kind: TierKind, rate: Rate, seconds: i64) -> TierTime {
        TierTime { kind, id: kind.as_str().into(), rate, seconds: Seconds::new(seconds) }
    }

    #[test]
    fn the_week_of_a_date_starts_on_the_companys_day() {
        let start = |date: &str, first| week_start(date.parse().unwrap(), first).to_string();
        assert_eq!(start("2026-11-21", Weekday::Saturday), "2026-11-21");
        assert_eq!(start("2026-11-20", Weekday::Saturday), "2026-11-14");
        assert_eq!(start("2026-11-21", Weekday::Monday), "2026-11-16");
    }

    #[test]
    fn a_minute_of_day_and_week_counts_once_at_the_better_rate() {
        let day = vec![tier(TierKind::Daily, Rate::SINGLE, 100)];
        let week = vec![tier(TierKind::Weekly, Rate::DOUBLE, 60)];
        let both = united(day.clone(), week);
        assert_eq!(both, [tier(TierKind::Daily, Rate::SINGLE, 40), tier(TierKind::Weekly, Rate::DOUBLE, 60)]);
        let longer = united(day, vec![tier(TierKind::Weekly, Rate::SINGLE, 150)]);
        assert_eq!(
            longer,
            [tier(TierKind::Weekly, Rate::SINGLE, 50), tier(TierKind::Daily, Rate::SINGLE, 100)]
        );
    }
}
