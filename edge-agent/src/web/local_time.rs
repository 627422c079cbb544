//! Instants as the wall of the site shows them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shared_model::ZoneHistory;

/// A moment at a site, for writing other moments beside it.
#[derive(Debug, Clone)]
pub(super) struct LocalTime {
    now: DateTime<Utc>,
    zones: ZoneHistory,
}

impl LocalTime {
    /// `None` = no site yet: UTC.
    pub(super) fn new(now: DateTime<Utc>, zones: Option<ZoneHistory>) -> Self {
        Self { now, zones: zones.unwrap_or_else(|| ZoneHistory::single(Tz::UTC)) }
    }

    pub(super) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(super) fn today(&self) -> NaiveDate {
        self.wall_now().date()
    }

    pub(super) fn wall_now(&self) -> NaiveDateTime {
        self.wall(self.now)
    }

    /// The wall time of an instant. On the day a site changes its zone the zone of the UTC date is taken.
    pub(super) fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zones.zone_on(at.date_naive())).naive_local()
    }

    pub(super) fn time(&self, at: DateTime<Utc>) -> NaiveTime {
        self.wall(at).time()
    }

    pub(super) fn since(&self, at: DateTime<Utc>) -> TimeDelta {
        self.now.signed_duration_since(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_at_the_site_is_not_the_date_of_utc() {
        let now = "2026-11-20T19:30:00Z".parse().unwrap();
        let dhaka = LocalTime::new(now, Some(ZoneHistory::single(Tz::Asia__Dhaka)));
        assert_eq!(dhaka.today(), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
        assert_eq!(dhaka.time(now), NaiveTime::from_hms_opt(1, 30, 0).unwrap());
        assert_eq!(LocalTime::new(now, None).today(), NaiveDate::from_ymd_opt(2026, 11, 20).unwrap());
    }
}
