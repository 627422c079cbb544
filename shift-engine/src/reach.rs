//! How far a change reaches: which days must be worked out again together, and which stored ones they build on.

use chrono::NaiveDate;
use shared_model::EmployeeId;
use shared_model::entity::Employee;

use crate::civil::{previous, shifted};
use crate::input::{LOOKBACK_DAYS, MARGIN_DAYS};
use crate::pipeline::week_start;
use crate::policy::{Attribution, Limits, Unrostered};
use crate::rulebook::Rulebook;

/// The dates that one computation must cover, and what it must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// First and last work date to ask for.
    pub ask: (NaiveDate, NaiveDate),
    /// First and last local date of the punches to hand over.
    pub punches: (NaiveDate, NaiveDate),
    /// First and last date of the stored records to hand over; those of the dates asked for count only where locked.
    pub stored: (NaiveDate, NaiveDate),
}

/// The reach of a change to what a person has between two dates.
///
/// A punch may belong to the shift of the day before or after, and may move the border between shifts; overtime of a
/// week or period depends on all its earlier days; a run of days on the days before it; a sum on the whole month.
#[must_use]
pub fn reach(
    book: &Rulebook,
    employee: EmployeeId,
    record: &Employee,
    from: NaiveDate,
    to: NaiveDate,
) -> Reach {
    let who = book.memberships(employee, record);
    let by_punches = |rules: &crate::PolicyRules| {
        rules.attribution != Attribution::ShiftStart || matches!(rules.unrostered, Unrostered::Detect { .. })
    };
    let before = if book.policies(&who).any(by_punches) { LOOKBACK_DAYS } else { MARGIN_DAYS };
    let rules: Vec<_> = book.policies(&who).map(|rules| &rules.overtime).collect();
    let limits: Vec<_> = book.policies(&who).map(|rules| &rules.limits).collect();
    let (mut first, mut last) = (shifted(from, -MARGIN_DAYS), shifted(to, MARGIN_DAYS));
    // A policy of any time counts: one that begins within a week looks back to the week's beginning.
    let paid_runs = rules.iter().filter_map(|overtime| Some(overtime.consecutive_days.as_ref()?.from_day));
    let limited_runs =
        limits.iter().filter_map(|limits| Some(limits.days_without_off_max?.saturating_add(1)));
    let longest_run = paid_runs.chain(limited_runs).max();
    last = shifted(last, longest_run.map_or(0, i64::from));
    let week_limits =
        |limits: &&Limits| limits.week_total_max_min.is_some() || limits.week_overtime_max_min.is_some();
    if rules.iter().any(|overtime| overtime.weekly.is_some()) || limits.iter().any(week_limits) {
        first = week_start(first, book.week_starts_on());
        last = shifted(week_start(last, book.week_starts_on()), 6);
    }
    for period in rules.iter().filter_map(|overtime| overtime.period.as_ref()) {
        let days = i64::from(period.days.max(1));
        let start_of = |date: NaiveDate| shifted(date, -(date - period.start).num_days().rem_euclid(days));
        (first, last) = (start_of(first), shifted(start_of(last), days - 1));
    }
    let context = shifted(first, -longest_run.map_or(0, i64::from));
    let month = |date: NaiveDate| crate::pipeline::month_of(date);
    let mut sums_from = month(first).0.min(week_start(first, book.week_starts_on()));
    let mut sums_to = month(last).1.max(shifted(week_start(last, book.week_starts_on()), 6));
    // A pay period may begin and end within months, and be longer than one.
    for period in book.pay_periods().iter().filter(|period| period.from <= last && first <= period.to) {
        (sums_from, sums_to) = (sums_from.min(period.from), sums_to.max(period.to));
    }
    Reach {
        ask: (first, last),
        punches: (shifted(first, -before), shifted(last, MARGIN_DAYS)),
        stored: (sums_from.min(previous(context)), sums_to),
    }
}
