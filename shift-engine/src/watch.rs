//! Limit watch: who will pass a legal or company maximum, told before it happens.
//!
//! Works on records: those of the past as they are stored, those of the days ahead as the engine gives them (they are
//! pending and hold what is expected of the person). A record of today counts with what was worked so far and what is
//! still expected.

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};
use shared_model::entity::Weekday;

use crate::civil::shifted;
use crate::pipeline::week_start;
use crate::policy::Limits;
use crate::record::{DayRecord, DayState, named};
use crate::time::Seconds;

named! {
    /// What is limited.
    LimitKind {
        /// Worked time of the day.
        DayTotal = "day_total",
        /// Overtime of the day.
        DayOvertime = "day_overtime",
        /// Worked time of the week.
        WeekTotal = "week_total",
        /// Overtime of the week.
        WeekOvertime = "week_overtime",
        /// Overtime of the calendar quarter.
        QuarterOvertime = "quarter_overtime",
        /// Days worked without one off.
        DaysWithoutOff = "days_without_off",
    }
}

named! {
    /// How a person stands to a limit.
    LimitState {
        /// Within it, and will stay so by the roster.
        Within = "within",
        /// Will pass it by the roster, or has hardly anything left.
        Near = "near",
        /// Has passed it.
        Passed = "passed",
    }
}

/// How much of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Time.
    Seconds(Seconds),
    /// Days.
    Days(i64),
}

/// One limit, and how a person stands to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What is limited.
    pub limit: LimitKind,
    /// First date that counts.
    pub from: NaiveDate,
    /// Last date that counts.
    pub to: NaiveDate,
    /// So far.
    pub used: Amount,
    /// With what is rostered until the last date.
    pub forecast: Amount,
    /// The limit.
    pub most: Amount,
    /// What follows.
    pub state: LimitState,
}

/// Every limit of a policy on a date, for a person of whom these records are known: the quarter's so far, and those of
/// the days ahead in the week.
#[must_use]
pub fn watch(limits: &Limits, week_starts_on: Weekday, days: &[DayRecord], today: NaiveDate) -> Vec<Watch> {
    let week = week_start(today, week_starts_on);
    let watching = Watching { limits, days, today };
    let day = (today, today);
    let week = (week, shifted(week, 6));
    let times = [
        (LimitKind::DayTotal, limits.day_total_max_min, day),
        (LimitKind::DayOvertime, limits.day_overtime_max_min, day),
        (LimitKind::WeekTotal, limits.week_total_max_min, week),
        (LimitKind::WeekOvertime, limits.week_overtime_max_min, week),
        (LimitKind::QuarterOvertime, limits.quarter_overtime_max_min, quarter_of(today)),
    ];
    let set = times.into_iter().filter_map(|(kind, most, span)| Some((kind, most?.seconds(), span)));
    let mut found: Vec<_> = set.map(|(kind, most, span)| watching.time(kind, most, span)).collect();
    found.extend(limits.days_without_off_max.map(|most| watching.days_without_off(i64::from(most))));
    found
}

/// First and last date of the calendar quarter of a date.
#[must_use]
pub fn quarter_of(date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let month = date.month0() / 3 * 3 + 1;
    let first = NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
    let next = first.checked_add_months(chrono::Months::new(3));
    (first, next.map_or(date, crate::civil::previous))
}

struct Watching<'a> {
    limits: &'a Limits,
    days: &'a [DayRecord],
    today: NaiveDate,
}

impl Watching<'_> {
    fn time(&self, limit: LimitKind, most: Seconds, (from, to): (NaiveDate, NaiveDate)) -> Watch {
        let within = || self.days.iter().filter(move |day| from <= day.date && day.date <= to);
        let overtime = !matches!(limit, LimitKind::DayTotal | LimitKind::WeekTotal);
        let done = |day: &DayRecord| if overtime { day.overtime.counted } else { day.figures.worked };
        let used: Seconds = within().filter(|day| day.date <= self.today).map(done).sum();
        // Nobody rosters overtime: of it only what was worked is known.
        let owed = |day: &DayRecord| (day.figures.expected - day.figures.worked).or_zero();
        let open = |day: &&DayRecord| day.state == DayState::Provisional && day.date >= self.today;
        let ahead = if overtime { Seconds::ZERO } else { within().filter(open).map(owed).sum() };
        let forecast = used + ahead;
        let hardly_left = most - used < self.limits.warn_within_min.seconds();
        let state = match () {
            () if used > most => LimitState::Passed,
            () if forecast > most || (hardly_left && !used.is_zero()) => LimitState::Near,
            () => LimitState::Within,
        };
        let amount = Amount::Seconds;
        Watch { limit, from, to, used: amount(used), forecast: amount(forecast), most: amount(most), state }
    }

    /// Days in a row, worked until today and rostered from then on.
    fn days_without_off(&self, most: i64) -> Watch {
        let on = |date: NaiveDate| self.days.iter().find(|day| day.date == date);
        let worked = |date: NaiveDate| on(date).is_some_and(|day| !day.figures.worked.is_zero());
        let rostered = |date: NaiveDate| {
            let expected =
                |day: &DayRecord| day.state == DayState::Provisional && !day.figures.expected.is_zero();
            worked(date) || on(date).is_some_and(expected)
        };
        let days = |from: NaiveDate, step: i64, counts: &dyn Fn(NaiveDate) -> bool| {
            let dates = (0..=366).map(|number| shifted(from, number * step));
            i64::try_from(dates.take_while(|date| counts(*date)).count()).unwrap_or(i64::MAX)
        };
        // Before the first punch of today the run is that of yesterday.
        let last = if worked(self.today) { self.today } else { crate::civil::previous(self.today) };
        let used = days(last, -1, &worked);
        let ahead = days(crate::civil::next(last), 1, &rostered);
        let forecast = used + ahead;
        let state = match () {
            () if used > most => LimitState::Passed,
            () if forecast > most => LimitState::Near,
            () => LimitState::Within,
        };
        Watch {
            limit: LimitKind::DaysWithoutOff,
            from: shifted(last, 1 - used.max(1)),
            to: shifted(last, ahead),
            used: Amount::Days(used),
            forecast: Amount::Days(forecast),
            most: Amount::Days(most),
            state,
        }
    }
}
