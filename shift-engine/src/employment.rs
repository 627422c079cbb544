//! Since when a person's missing days count.
//!
//! ```text
//! joining date known        the later of it and the site's beginning
//! not known, has punched    the first punch after the latest gap of more than 180 days; never before the site's beginning
//! not known, never punched  the site's beginning
//! ```
//!
//! A site begins with its first **run** of punches that lasts a month; while it has none, with its latest run. A run is
//! dates with punches that are no more than 180 days apart. One punch that a clock with a wrong date made, years before
//! all others, thus gets its own day and makes nobody absent on the thousands of days after it.
//!
//! Everything here follows from the set of dates alone, whatever the order in which they became known: edge and cloud
//! come to the same.

use chrono::NaiveDate;

use crate::civil::{previous, shifted};

/// The longest time without a punch within one run, in days.
pub const LONGEST_GAP_DAYS: i64 = 180;
/// From so many days on, first and last included, a run is more than a mistake of a clock or a trial.
const LASTING_DAYS: i64 = 30;

/// Since when a person counts, and what that was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Employment {
    /// The first date on which the person is missed.
    pub counted_from: NaiveDate,
    /// The joining date as it was then.
    pub joined: Option<NaiveDate>,
}

impl Employment {
    /// Of a person with punches on these dates, none after today, at a site that begins on a date.
    #[must_use]
    pub fn of(
        joined: Option<NaiveDate>,
        punched: impl IntoIterator<Item = NaiveDate>,
        site_begins: NaiveDate,
    ) -> Self {
        let own = joined.or_else(|| runs(punched).pop().map(|run| run.0));
        Self { counted_from: own.map_or(site_begins, |own| own.max(site_begins)), joined }
    }

    /// The dates that must be worked out again because this was known before and `now` is known.
    #[must_use]
    pub fn moved(
        before: Option<Self>,
        now: Self,
        oldest: Oldest,
        today: NaiveDate,
    ) -> Option<(NaiveDate, NaiveDate)> {
        match before {
            Some(before) if before == now => None,
            // Dates before a joining date have no record even where the person punched, and get one when it goes.
            Some(before) if before.joined != now.joined => {
                let own = [Some(before.counted_from), Some(now.counted_from), oldest.record, oldest.punch];
                own.into_iter().flatten().min().map(|first| (first, today))
            }
            Some(before) => {
                let (a, b) = (before.counted_from, now.counted_from);
                Some((a.min(b), previous(a.max(b))))
            }
            None => {
                Some((oldest.record.map_or(now.counted_from, |first| first.min(now.counted_from)), today))
            }
        }
    }
}

/// The oldest that there is of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oldest {
    /// Date of the oldest record that is stored.
    pub record: Option<NaiveDate>,
    /// Date of the oldest punch.
    pub punch: Option<NaiveDate>,
}

/// The date with which attendance of a site begins, of the dates on which its clocks have punches, none after today.
#[must_use]
pub fn site_begins(dates: impl IntoIterator<Item = NaiveDate>) -> Option<NaiveDate> {
    let runs = runs(dates);
    let lasts = |(first, last): &&(NaiveDate, NaiveDate)| (*last - *first).num_days() + 1 >= LASTING_DAYS;
    runs.iter().find(lasts).or(runs.last()).map(|run| run.0)
}

/// First and last date of each run, the oldest first.
fn runs(dates: impl IntoIterator<Item = NaiveDate>) -> Vec<(NaiveDate, NaiveDate)> {
    let mut dates: Vec<_> = dates.into_iter().collect();
    dates.sort_unstable();
    let mut runs: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for date in dates {
        match runs.last_mut() {
            Some(run) if (date - run.1).num_days() <= LONGEST_GAP_DAYS => run.1 = date,
            _ => runs.push((date, date)),
        }
    }
    runs
}

/// The last date that can be in one stretch with a first one.
///
/// First and last date of each stretch no longer than [`LONGEST_GAP_DAYS`] tell all that this module asks: what lies
/// between them neither begins nor ends a run. So that nobody's history is read whole, a store hands over these two of
/// each: the first date there is, the last up to here, then the first after that one, and so on.
#[must_use]
pub fn stretch_end(first: NaiveDate) -> NaiveDate {
    shifted(first, LONGEST_GAP_DAYS)
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn dates(texts: &[&str]) -> Vec<NaiveDate> {
        texts.iter().map(|text| date(text)).collect()
    }

    fn from(joined: Option<&str>, punched: &[&str]) -> NaiveDate {
        Employment::of(joined.map(date), dates(punched), date("2026-11-01")).counted_from
    }

    #[test]
    fn a_joining_date_rules_whatever_was_punched() {
        assert_eq!(from(Some("2026-11-10"), &["2012-01-01", "2026-11-15"]), date("2026-11-10"));
        assert_eq!(from(Some("2005-01-01"), &["2012-01-01", "2026-11-15"]), date("2026-11-01"));
    }

    #[test]
    fn without_one_the_first_punch_after_the_latest_gap_counts() {
        assert_eq!(from(None, &["2026-11-16", "2012-01-01", "2026-11-15"]), date("2026-11-15"));
        assert_eq!(from(None, &["2026-11-15"]), date("2026-11-15"));
    }

    #[test]
    fn nobody_is_missed_before_the_site_begins() {
        assert_eq!(from(None, &[]), date("2026-11-01"));
        assert_eq!(from(None, &["2012-01-01"]), date("2026-11-01"));
    }

    #[test]
    fn a_gap_is_more_than_180_days() {
        let begins = date("2000-01-01");
        let of = |days: u64| {
            let first = date("2026-01-01");
            Employment::of(None, [first, first + Days::new(days)], begins).counted_from
        };
        assert_eq!((of(180), of(181)), (date("2026-01-01"), date("2026-07-01")));
    }

    #[test]
    fn a_site_begins_with_its_first_run_that_lasts() {
        let month = ["2025-01-01", "2025-01-30"];
        assert_eq!(site_begins(dates(&["2012-01-01", "2026-11-16"])), Some(date("2026-11-16")));
        // A season, half a year of rest, the next one.
        assert_eq!(site_begins(dates(&[month[0], month[1], "2025-11-01"])), Some(date("2025-01-01")));
        assert_eq!(site_begins(dates(&["2025-01-01", "2025-01-29", "2025-11-01"])), Some(date("2025-11-01")));
        assert_eq!(site_begins([]), None);
    }

    #[test]
    fn what_is_asked_again_covers_every_day_that_changes() {
        let at = |from: &str, joined: Option<&str>| Employment {
            counted_from: date(from),
            joined: joined.map(date),
        };
        let oldest = Oldest { record: Some(date("2013-01-01")), punch: Some(date("2012-01-01")) };
        let moved = |before, now| Employment::moved(before, now, oldest, date("2026-11-21"));
        let span = |from: &str, to: &str| Some((date(from), date(to)));
        let (old, new) = (at("2026-11-01", None), at("2026-11-16", None));
        assert_eq!(moved(Some(old), old), None);
        assert_eq!(moved(Some(old), new), span("2026-11-01", "2026-11-15"));
        assert_eq!(moved(Some(new), old), span("2026-11-01", "2026-11-15"));
        assert_eq!(moved(None, new), span("2013-01-01", "2026-11-21"));
        let known = at("2026-11-16", Some("2026-11-16"));
        assert_eq!(moved(Some(new), known), span("2012-01-01", "2026-11-21"));
    }

    /// What a store hands over of dates.
    fn thinned(dates: &[NaiveDate]) -> Vec<NaiveDate> {
        let (mut found, mut after) = (Vec::new(), None);
        while let Some(first) = dates.iter().copied().filter(|date| after < Some(*date)).min() {
            let last = dates.iter().copied().filter(|date| *date <= stretch_end(first)).max().unwrap();
            found.extend([first, last]);
            after = Some(last);
        }
        found
    }

    fn history() -> impl Strategy<Value = Vec<NaiveDate>> {
        let day = |day: u64| date("2010-01-01") + Days::new(day);
        let near = (0..2000u64, prop::collection::vec(0..400u64, 0..12)).prop_map(move |(start, days)| {
            days.into_iter().map(|more| day(start + more)).collect::<Vec<_>>()
        });
        let far = prop::collection::vec((0..6000u64).prop_map(day), 0..6);
        (near, far).prop_map(|(near, far)| [near, far].concat())
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_nor_thinning_changes_anything(
            (dates, turned) in history().prop_flat_map(|dates| (Just(dates.clone()), Just(dates).prop_shuffle())),
            joined in prop::option::of(0..6000u64),
        ) {
            let joined = joined.map(|day| date("2010-01-01") + Days::new(day));
            let begins = |dates: &[NaiveDate]| site_begins(dates.iter().copied());
            let of = |dates: &[NaiveDate]| Employment::of(joined, dates.iter().copied(), date("2010-01-01"));
            let twice = [&turned[..], &turned[..]].concat();
            prop_assert_eq!((of(&dates), begins(&dates)), (of(&twice), begins(&twice)));
            let thin = thinned(&dates);
            prop_assert_eq!((of(&dates), begins(&dates)), (of(&thin), begins(&thin)));
        }

        #[test]
        fn a_day_between_what_was_and_what_is_known_is_asked_again(
            (before, now) in (history(), history()),
            joined in prop::option::of(0..6000u64),
        ) {
            let joined = joined.map(|day| date("2010-01-01") + Days::new(day));
            let (begins, today) = (date("2010-01-01"), date("2030-01-01"));
            let (before, now) =
                (Employment::of(joined, before, begins), Employment::of(joined, now, begins));
            let moved = Employment::moved(Some(before), now, Oldest::default(), today);
            for day in begins.iter_days().take(6500) {
                let changes = (before.counted_from <= day) != (now.counted_from <= day);
                let asked = moved.is_some_and(|(from, to)| from <= day && day <= to);
                prop_assert!(!changes || asked);
            }
        }
    }
}
