//! Who works which shift when: patterns of assignments, and edited cells.
//!
//! ```json
//! {"fixed":  {"shifts": ["<shift id>"], "weekdays": ["monday", "tuesday"]}}
//! {"cycle":  {"anchor": "2026-01-03", "runs": [{"days": 6, "shifts": ["<A>"]}, {"days": 1, "shifts": []}]}}
//! {"weekly": {"anchor": "2026-01-03", "weeks": [{"saturday": ["<A>"], "sunday": ["<A>"]}]}}
//! ```
//!
//! `fixed` is every day (or the weekdays it names) and leaves weekly offs to the policy. `cycle` and `weekly` say
//! themselves which days are off: a day of theirs without a shift is a weekly off, and a day with one is a working day
//! whatever the policy's weekly off is. An edited cell does the same for one date.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::ShiftId;
use shared_model::entity::Weekday;

use crate::document::{BadDocument, Typed};
use crate::shift::weekday_of;

/// The document of a roster assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RosterPattern {
    /// The same shifts every day, or on some weekdays.
    Fixed(FixedPattern),
    /// Runs of days that repeat: six A, six B, one off.
    Cycle(CyclePattern),
    /// Weeks that repeat.
    Weekly(WeeklyPattern),
}

/// The same shifts every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedPattern {
    /// The shifts of each day.
    pub shifts: Vec<ShiftId>,
    /// The weekdays it counts for; `None` = all. Other days are left to broader assignments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekdays: Option<BTreeSet<Weekday>>,
}

/// Runs of days, repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CyclePattern {
    /// A date on which the first run begins; the cycle goes on before and after it.
    pub anchor: NaiveDate,
    /// The runs.
    pub runs: Vec<Run>,
}

/// So many days alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// How many days; at least one.
    pub days: u16,
    /// The shifts of each of them; empty = weekly off.
    pub shifts: Vec<ShiftId>,
}

/// Weeks, repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeeklyPattern {
    /// The first day of a first week; the weeks go on before and after it.
    pub anchor: NaiveDate,
    /// The shifts of each weekday; a weekday that is not named is off.
    pub weeks: Vec<BTreeMap<Weekday, Vec<ShiftId>>>,
}

/// The document of an edited roster cell: the shifts of the day; empty = off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RosterDayShifts(pub Vec<ShiftId>);

/// What a pattern says of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternDay<'a> {
    /// Nothing: another assignment may count.
    Silent,
    /// These shifts, unless the policy has a weekly off.
    Usual(&'a [ShiftId]),
    /// These shifts, weekly off or not; none = off.
    Explicit(&'a [ShiftId]),
}

impl RosterPattern {
    /// The longest cycle taken, in days.
    pub const MAX_DAYS: u32 = 366;
    /// The most shifts of one day.
    pub const MAX_SHIFTS: usize = 6;

    /// One shift, every day.
    #[must_use]
    pub fn every_day(shift: ShiftId) -> Self {
        Self::Fixed(FixedPattern { shifts: vec![shift], weekdays: None })
    }

    pub(crate) fn on(&self, date: NaiveDate) -> PatternDay<'_> {
        match self {
            Self::Fixed(fixed) => {
                let counts = fixed.weekdays.as_ref().is_none_or(|days| days.contains(&weekday_of(date)));
                if counts { PatternDay::Usual(&fixed.shifts) } else { PatternDay::Silent }
            }
            Self::Cycle(cycle) => PatternDay::Explicit(cycle.shifts_on(date)),
            Self::Weekly(weekly) => PatternDay::Explicit(weekly.shifts_on(date)),
        }
    }

    /// Every shift it names.
    pub fn shifts(&self) -> impl Iterator<Item = ShiftId> {
        let lists: Vec<&Vec<ShiftId>> = match self {
            Self::Fixed(fixed) => vec![&fixed.shifts],
            Self::Cycle(cycle) => cycle.runs.iter().map(|run| &run.shifts).collect(),
            Self::Weekly(weekly) => weekly.weeks.iter().flat_map(BTreeMap::values).collect(),
        };
        lists.into_iter().flatten().copied()
    }
}

impl CyclePattern {
    fn length(&self) -> i64 {
        self.runs.iter().map(|run| i64::from(run.days)).sum()
    }

    fn shifts_on(&self, date: NaiveDate) -> &[ShiftId] {
        let mut day = (date - self.anchor).num_days().rem_euclid(self.length().max(1));
        for run in &self.runs {
            if day < i64::from(run.days) {
                return &run.shifts;
            }
            day -= i64::from(run.days);
        }
        &[]
    }
}

impl WeeklyPattern {
    fn shifts_on(&self, date: NaiveDate) -> &[ShiftId] {
        let Ok(count) = i64::try_from(self.weeks.len()) else { return &[] };
        let week = (date - self.anchor).num_days().div_euclid(7).rem_euclid(count.max(1));
        let week = usize::try_from(week).ok().and_then(|week| self.weeks.get(week));
        week.and_then(|week| week.get(&weekday_of(date))).map_or(&[], Vec::as_slice)
    }
}

fn check_shifts(field: &str, shifts: &[ShiftId]) -> Result<(), BadDocument> {
    let twice = shifts.iter().enumerate().any(|(at, shift)| shifts[..at].contains(shift));
    if twice {
        return Err(BadDocument::new(field, "a shift is named twice for one day"));
    }
    if shifts.len() > RosterPattern::MAX_SHIFTS {
        let cause =
            format!("{} shifts on one day, at most {} are taken", shifts.len(), RosterPattern::MAX_SHIFTS);
        return Err(BadDocument::new(field, cause));
    }
    Ok(())
}

impl Typed for RosterPattern {
    fn check(&self) -> Result<(), BadDocument> {
        match self {
            Self::Fixed(fixed) => {
                check_shifts("fixed.shifts", &fixed.shifts)?;
                if fixed.shifts.is_empty() {
                    return Err(BadDocument::new("fixed.shifts", "a fixed pattern needs a shift"));
                }
                if fixed.weekdays.as_ref().is_some_and(BTreeSet::is_empty) {
                    return Err(BadDocument::new(
                        "fixed.weekdays",
                        "a pattern without a weekday never counts",
                    ));
                }
            }
            Self::Cycle(cycle) => {
                for (index, run) in cycle.runs.iter().enumerate() {
                    check_shifts(&format!("cycle.runs[{index}].shifts"), &run.shifts)?;
                    if run.days == 0 {
                        let field = format!("cycle.runs[{index}].days");
                        return Err(BadDocument::new(field, "a run lasts at least one day"));
                    }
                }
                if !(1..=i64::from(Self::MAX_DAYS)).contains(&cycle.length()) {
                    let cause = format!("a cycle lasts from 1 to {} days", Self::MAX_DAYS);
                    return Err(BadDocument::new("cycle.runs", cause));
                }
            }
            Self::Weekly(weekly) => {
                if weekly.weeks.is_empty() || weekly.weeks.len() > 52 {
                    return Err(BadDocument::new("weekly.weeks", "from 1 to 52 weeks are taken"));
                }
                for (index, week) in weekly.weeks.iter().enumerate() {
                    for (day, shifts) in week {
                        check_shifts(&format!("weekly.weeks[{index}].{day}"), shifts)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Typed for RosterDayShifts {
    fn check(&self) -> Result<(), BadDocument> {
        check_shifts(".", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(n: u128) -> ShiftId {
        ShiftId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_cycle_goes_on_before_and_after_its_anchor() {
        let run = |days, shifts: &[ShiftId]| Run { days, shifts: shifts.to_vec() };
        let runs = vec![run(2, &[shift(1)]), run(2, &[shift(2)]), run(1, &[])];
        let cycle = RosterPattern::Cycle(CyclePattern { anchor: date("2026-01-10"), runs });
        cycle.check().unwrap();
        assert_eq!(cycle.on(date("2026-01-11")), PatternDay::Explicit(&[shift(1)]));
        assert_eq!(cycle.on(date("2026-01-13")), PatternDay::Explicit(&[shift(2)]));
        assert_eq!(cycle.on(date("2026-01-09")), PatternDay::Explicit(&[]));
        assert_eq!(cycle.on(date("2026-01-15")), PatternDay::Explicit(&[shift(1)]));
    }

    #[test]
    fn weeks_repeat_and_a_day_they_do_not_name_is_off() {
        let weeks = vec![
            BTreeMap::from([(Weekday::Monday, vec![shift(1)])]),
            BTreeMap::from([(Weekday::Monday, vec![shift(2)])]),
        ];
        let weekly = RosterPattern::Weekly(WeeklyPattern { anchor: date("2026-01-05"), weeks });
        assert_eq!(weekly.on(date("2026-01-05")), PatternDay::Explicit(&[shift(1)]));
        assert_eq!(weekly.on(date("2026-01-12")), PatternDay::Explicit(&[shift(2)]));
        assert_eq!(weekly.on(date("2025-12-29")), PatternDay::Explicit(&[shift(2)]));
        assert_eq!(weekly.on(date("2026-01-06")), PatternDay::Explicit(&[]));
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        let error = |text: &str| RosterPattern::parse_text(text).unwrap_err().to_string();
        assert!(error(r#"{"fixed":{"shifts":[]}}"#).starts_with("fixed.shifts: "));
        assert!(error(r#"{"cycle":{"anchor":"2026-01-01","runs":[]}}"#).starts_with("cycle.runs: "));
        assert!(error(r#"{"weekly":{"anchor":"2026-01-01","weeks":[]}}"#).starts_with("weekly.weeks: "));
        assert!(error(r#"{"fixed":{"shifts":["x"]}}"#).starts_with("fixed.shifts[0]: "));
    }
}
