//! Between wall time of the site and instants.

use chrono::{
    DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Timelike as _,
};
use shared_model::ZoneHistory;

use crate::interval::Interval;
use crate::time::{Instant, Seconds, TimeOfDay};

/// The wall clock of a site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Civil<'a> {
    zones: &'a ZoneHistory,
}

impl<'a> Civil<'a> {
    pub(crate) const fn new(zones: &'a ZoneHistory) -> Self {
        Self { zones }
    }

    /// The instant of a wall time so many wall seconds after a date's midnight. A repeated wall time gives its first
    /// instant, a skipped one is read with the offset before the change.
    pub(crate) fn instant(self, date: NaiveDate, seconds: Seconds) -> Instant {
        let midnight = date.and_time(NaiveTime::MIN);
        let wall = midnight.checked_add_signed(TimeDelta::seconds(seconds.get())).unwrap_or(midnight);
        self.zones.resolve(wall).0.into()
    }

    /// The zone in force on a date.
    pub(crate) fn zone_on(self, date: NaiveDate) -> chrono_tz::Tz {
        self.zones.zone_on(date)
    }

    /// The first instant of a date.
    fn midnight(self, date: NaiveDate) -> Instant {
        self.instant(date, Seconds::ZERO)
    }

    /// A date from midnight to midnight: 23 to 25 hours.
    pub(crate) fn day(self, date: NaiveDate) -> Interval {
        Interval::new(self.midnight(date), self.midnight(next(date)))
    }

    /// What the wall clock shows at an instant.
    pub(crate) fn wall(self, at: Instant) -> NaiveDateTime {
        let utc = at.to_utc().naive_utc();
        let shown = self.zones.spans().iter().rev().find_map(|span| {
            let offset = span.zone.offset_from_utc_datetime(&utc).fix();
            let local = utc.checked_add_offset(offset).unwrap_or(utc);
            span.from.is_none_or(|from| from <= local.date()).then_some(local)
        });
        shown.unwrap_or(utc)
    }

    /// The local date of an instant.
    pub(crate) fn date(self, at: Instant) -> NaiveDate {
        self.wall(at).date()
    }

    /// Wall seconds since local midnight.
    pub(crate) fn second_of_day(self, at: Instant) -> Seconds {
        Seconds::new(self.wall(at).num_seconds_from_midnight().into())
    }

    /// A stretch of wall time that starts on a date.
    pub(crate) fn window(self, date: NaiveDate, start: TimeOfDay, end: TimeOfDay) -> Interval {
        Interval::new(self.instant(date, start.seconds()), self.instant(date, end.after(start)))
    }
}

/// The wall clock of a row of dates, whose midnights are looked up once.
///
/// In one zone a date of 24 hours has no change of the clock in it, so its wall times lie as far from its midnight as the
/// wall says. All others are looked up one by one.
#[derive(Debug)]
pub(crate) struct Almanac<'a> {
    civil: Civil<'a>,
    first: NaiveDate,
    /// Of each date, and of the dates that a shift which starts on the last one may reach.
    midnights: Vec<Instant>,
}

impl<'a> Almanac<'a> {
    /// Dates after the last on which a shift that starts on it may still go on.
    const REACH: i64 = 3;

    pub(crate) fn new(civil: Civil<'a>, first: NaiveDate, last: NaiveDate) -> Self {
        let midnights = dates(first, shifted(last, Self::REACH)).map(|date| civil.midnight(date)).collect();
        Self { civil, first, midnights }
    }

    /// A date from midnight to midnight, if it is one of the row.
    fn known(&self, date: NaiveDate) -> Option<Interval> {
        let at = usize::try_from((date - self.first).num_days()).ok()?;
        let [start, end] = *self.midnights.get(at..at + 2)? else { return None };
        Some(Interval::new(start, end))
    }

    /// As [`Civil::day`].
    pub(crate) fn day(&self, date: NaiveDate) -> Interval {
        self.known(date).unwrap_or_else(|| self.civil.day(date))
    }

    /// As [`Civil::instant`].
    pub(crate) fn instant(&self, date: NaiveDate, seconds: Seconds) -> Instant {
        let (days, rest) = (seconds.get().div_euclid(86_400), seconds.get().rem_euclid(86_400));
        let even = |day: &Interval| day.length() == Seconds::DAY && self.civil.zones.spans().len() == 1;
        match self.known(shifted(date, days)).filter(even) {
            Some(day) => day.start + Seconds::new(rest),
            None => self.civil.instant(date, seconds),
        }
    }
}

/// The instant of a wall time in one zone.
pub(crate) fn instant_in(zone: chrono_tz::Tz, wall: NaiveDateTime) -> Instant {
    shared_model::zone::resolve_in(zone, wall).0.into()
}

/// The zone data this build knows, such as `2025b`: a part of every comparison of digests.
pub const ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;

/// The next date; the last one there is has itself.
pub(crate) fn next(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}

/// The date before; the first one there is has itself.
pub(crate) fn previous(date: NaiveDate) -> NaiveDate {
    date.pred_opt().unwrap_or(date)
}

/// So many days on (or back), within what a date can be.
pub(crate) fn shifted(date: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    if days < 0 { date.checked_sub_days(by) } else { date.checked_add_days(by) }.unwrap_or(date)
}

/// The dates from one to another, both inclusive.
pub(crate) fn dates(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let count = usize::try_from((to - from).num_days() + 1).unwrap_or(0);
    from.iter_days().take(count)
}

/// The instant of a Unix time as chrono's type in a zone, for messages and tests.
#[must_use]
pub fn local_time(zone: chrono_tz::Tz, at: Instant) -> DateTime<chrono_tz::Tz> {
    zone.from_utc_datetime(&at.to_utc().naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike as _;
    use chrono_tz::Tz;

    #[test]
    fn a_day_has_23_24_or_25_hours() {
        let zones = ZoneHistory::single(Tz::Europe__Berlin);
        let hours = |date: &str| Civil::new(&zones).day(date.parse().unwrap()).length().get() / 3600;
        assert_eq!((hours("2026-03-29"), hours("2026-10-25"), hours("2026-11-21")), (23, 25, 24));
    }

    #[test]
    fn an_almanac_says_what_the_zone_data_say() {
        let (first, last) = ("2019-01-01".parse().unwrap(), "2030-12-31".parse().unwrap());
        for zone in chrono_tz::TZ_VARIANTS {
            let zones = ZoneHistory::single(zone);
            let civil = Civil::new(&zones);
            let almanac = Almanac::new(civil, first, last);
            for date in dates(first, last) {
                // The hours turn with the dates.
                let hour = i64::from(date.num_days_from_ce().rem_euclid(53));
                let seconds = Seconds::minutes(60 * hour + 30);
                assert_eq!(almanac.instant(date, seconds), civil.instant(date, seconds), "{zone} {date}");
            }
        }
    }

    #[test]
    fn an_almanac_heeds_a_change_of_zones() {
        let text = r#"[{"from":null,"zone":"Asia/Kolkata"},{"from":"2026-06-01","zone":"Asia/Dhaka"}]"#;
        let zones: ZoneHistory = serde_json::from_str(text).unwrap();
        let civil = Civil::new(&zones);
        let (first, last) = ("2026-05-30".parse().unwrap(), "2026-06-02".parse().unwrap());
        let almanac = Almanac::new(civil, first, last);
        for (date, hour) in dates(first, last).flat_map(|date| (0..48).map(move |hour| (date, hour))) {
            assert_eq!(almanac.day(date), civil.day(date));
            let seconds = Seconds::minutes(60 * hour);
            assert_eq!(almanac.instant(date, seconds), civil.instant(date, seconds), "{date} {hour}");
        }
    }

    #[test]
    fn the_wall_shows_the_zone_that_counts_on_its_date() {
        let text = r#"[{"from":null,"zone":"Asia/Kolkata"},{"from":"2026-06-01","zone":"Asia/Dhaka"}]"#;
        let zones: ZoneHistory = serde_json::from_str(text).unwrap();
        let civil = Civil::new(&zones);
        for date in ["2026-05-31", "2026-06-01"] {
            let noon = civil.instant(date.parse().unwrap(), Seconds::minutes(720));
            assert_eq!(civil.wall(noon).to_string(), format!("{date} 12:00:00"));
        }
    }
}
