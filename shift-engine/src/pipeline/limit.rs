//! Legal and company maxima over several days: which day takes the week above, which is one too many in a row.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::period::week_start;
use crate::exception::{Exception, ExceptionKind};
use crate::input::Person;
use crate::record::DayRecord;
use crate::rulebook::Rulebook;
use crate::time::Seconds;

/// What a day adds to the totals that limits look at.
#[derive(Debug, Clone, Copy)]
struct Share {
    worked: Seconds,
    overtime: Seconds,
}

impl Share {
    fn of(day: &DayRecord) -> Self {
        Self { worked: day.figures.worked, overtime: day.overtime.counted }
    }
}

/// Adds exceptions to the days on which a limit of the week or of days in a row is passed.
pub(super) fn mark(book: &Rulebook, person: &Person<'_>, days: &mut [DayRecord]) {
    let who = book.memberships(person.id, person.record);
    let limited = |date: NaiveDate| {
        let limits = &book.policy(&who, date).1.limits;
        let week = limits.week_total_max_min.or(limits.week_overtime_max_min).is_some();
        week || limits.days_without_off_max.is_some()
    };
    if !days.iter().any(|day| limited(day.date)) {
        return;
    }
    let mut line: BTreeMap<NaiveDate, Share> =
        person.stored.iter().map(|day| (day.date, Share::of(day))).collect();
    if let (Some(first), Some(last)) = (days.first(), days.last()) {
        line.retain(|date, _| *date < first.date || last.date < *date);
    }
    line.extend(days.iter().map(|day| (day.date, Share::of(day))));
    for day in days.iter_mut().filter(|day| !day.locked) {
        let limits = &book.policy(&who, day.date).1.limits;
        let week = line.range(week_start(day.date, book.week_starts_on())..=day.date);
        let (mut worked, mut overtime) = (Seconds::ZERO, Seconds::ZERO);
        week.for_each(|(_, share)| {
            worked += share.worked;
            overtime += share.overtime;
        });
        let own = Share::of(day);
        let over = |limit: Option<crate::Minutes>, all: Seconds, own: Seconds| {
            let above = (all - limit?.seconds()).or_zero();
            (!above.is_zero() && !own.is_zero()).then_some(above)
        };
        let above = over(limits.week_total_max_min, worked, own.worked).max(over(
            limits.week_overtime_max_min,
            overtime,
            own.overtime,
        ));
        day.exceptions
            .extend(above.map(|above| Exception::new(ExceptionKind::AboveWeekLimit).seconds(above)));
        if limits.days_without_off_max.is_some_and(|most| run_until(&line, day.date) > u32::from(most)) {
            day.exceptions.push(Exception::new(ExceptionKind::NoWeeklyOff));
        }
    }
}

/// How many days in a row were worked up to a date, that date included.
fn run_until(line: &BTreeMap<NaiveDate, Share>, last: NaiveDate) -> u32 {
    let mut expected = Some(last);
    let mut run = 0;
    for (date, share) in line.range(..=last).rev() {
        if Some(*date) != expected || share.worked.is_zero() {
            break;
        }
        run += 1;
        expected = date.pred_opt();
    }
    run
}
