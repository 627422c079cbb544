//! How far a change reaches: which days must be worked out again together, and which stored ones they build on.

use chrono::NaiveDate;
use shared_model::EmployeeId;
use shared_model::entity::Employee;

use crate::civil::{previous, shifted};
use crate::input::MARGIN_DAYS;
use crate::pipeline::week_start;
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
    let (mut first, mut last) = (shifted(from, -MARGIN_DAYS), shifted(to, MARGIN_DAYS));
    let mut context = first;
    let rules = [first, last].map(|date| &book.policy(&who, date).1.overtime);
    for overtime in rules {
        if overtime.weekly.is_some() {
            first = first.min(week_start(first, book.week_starts_on()));
            last = last.max(shifted(week_start(last, book.week_starts_on()), 6));
        }
        if let Some(period) = &overtime.period {
            let days = i64::from(period.days.max(1));
            let start_of =
                |date: NaiveDate| shifted(date, -(date - period.start).num_days().rem_euclid(days));
            first = first.min(start_of(first));
            last = last.max(shifted(start_of(last), days - 1));
        }
        if let Some(run) = &overtime.consecutive_days {
            last = shifted(last, i64::from(run.from_day));
            context = context.min(shifted(first, -i64::from(run.from_day)));
        }
    }
    let month = |date: NaiveDate| crate::pipeline::month_of(date);
    let sums_from = month(first).0.min(week_start(first, book.week_starts_on()));
    let sums_to = month(last).1.max(shifted(week_start(last, book.week_starts_on()), 6));
    Reach {
        ask: (first, last),
        punches: (shifted(first, -MARGIN_DAYS), shifted(last, MARGIN_DAYS)),
        stored: (sums_from.min(previous(context)), sums_to),
    }
}
