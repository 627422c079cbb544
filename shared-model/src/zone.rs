//! From a clock's wall time to an instant.
//!
//! A clock knows no zone. A site has one from a date on; the zone in force at a wall time turns it into an
//! instant. The raw time is kept for good, so a wrong zone can be corrected later without a punch changing.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::record::{FieldType, FieldValue};

/// The zones of a place, each from a local date on. Never empty; sorted; the first has no beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ZoneSpan>", into = "Vec<ZoneSpan>")]
pub struct ZoneHistory(Vec<ZoneSpan>);

/// A zone and the local date from which it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSpan {
    /// First local date; `None` = since always.
    pub from: Option<NaiveDate>,
    /// The IANA zone.
    pub zone: Tz,
}

/// A list of zones that is no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadZoneHistory {
    /// No zone at all.
    #[error("a zone history needs at least one zone")]
    Empty,
    /// Only the first may lack a date.
    #[error("only the first zone of a history may lack its first date")]
    FromMissing,
    /// Dates must rise.
    #[error("the zones of a history must be in the order of their first dates")]
    Order,
}

/// How a wall time became an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The wall time happened once.
    Exact,
    /// The hour was repeated when clocks went back; the first of the two instants was taken.
    Repeated,
    /// The wall time was skipped when clocks went forward; read with the offset before the change.
    Skipped,
}

impl ZoneHistory {
    /// A place that always had one zone.
    #[must_use]
    pub fn single(zone: Tz) -> Self {
        Self(vec![ZoneSpan { from: None, zone }])
    }

    /// The spans, in order.
    #[must_use]
    pub fn spans(&self) -> &[ZoneSpan] {
        &self.0
    }

    /// The zone in force on a local date.
    #[must_use]
    pub fn zone_on(&self, date: NaiveDate) -> Tz {
        let at = self.0.partition_point(|span| span.from.is_none_or(|from| from <= date));
        self.0[at.saturating_sub(1)].zone
    }

    /// The zone in force now or last.
    #[must_use]
    pub fn latest(&self) -> Tz {
        self.0[self.0.len() - 1].zone
    }

    /// The instant of a wall time, the zone used, and how it was found.
    #[must_use]
    pub fn resolve(&self, wall: NaiveDateTime) -> (DateTime<Utc>, Tz, Resolution) {
        let zone = self.zone_on(wall.date());
        let (instant, how) = resolve_in(zone, wall);
        (instant, zone, how)
    }
}

/// The instant of a wall time in one zone. A repeated hour gives its first instant; a skipped one is read with
/// the offset that was in force before the change, so it lands just after it.
#[must_use]
pub fn resolve_in(zone: Tz, wall: NaiveDateTime) -> (DateTime<Utc>, Resolution) {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => (at.to_utc(), Resolution::Exact),
        LocalResult::Ambiguous(first, _) => (first.to_utc(), Resolution::Repeated),
        LocalResult::None => {
            // Gaps are at most a day long (a zone that skipped a date); the wall time a day earlier has the
            // offset from before the change, or is itself exact.
            let day_before = wall.checked_sub_signed(Duration::days(1));
            let before = day_before.and_then(|wall| zone.from_local_datetime(&wall).earliest());
            let instant = before.and_then(|at| at.to_utc().checked_add_signed(Duration::days(1)));
            (instant.unwrap_or_else(|| wall.and_utc()), Resolution::Skipped)
        }
    }
}

impl TryFrom<Vec<ZoneSpan>> for ZoneHistory {
    type Error = BadZoneHistory;
    fn try_from(spans: Vec<ZoneSpan>) -> Result<Self, BadZoneHistory> {
        if spans.is_empty() {
            return Err(BadZoneHistory::Empty);
        }
        if spans[1..].iter().any(|span| span.from.is_none()) {
            return Err(BadZoneHistory::FromMissing);
        }
        if spans.windows(2).any(|pair| pair[0].from >= pair[1].from) {
            return Err(BadZoneHistory::Order);
        }
        Ok(Self(spans))
    }
}

impl From<ZoneHistory> for Vec<ZoneSpan> {
    fn from(history: ZoneHistory) -> Self {
        history.0
    }
}

impl FieldValue for ZoneHistory {
    const TYPE: FieldType = FieldType::Json { max: 4096 };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_wall_time_without_clock_change_is_exact() {
        let (instant, zone, how) = ZoneHistory::single(Tz::Asia__Dhaka).resolve(wall("2026-11-20T09:30:15"));
        assert_eq!(
            (instant.to_rfc3339().as_str(), zone, how),
            ("2026-11-20T03:30:15+00:00", Tz::Asia__Dhaka, Resolution::Exact)
        );
    }

    #[test]
    fn a_repeated_hour_gives_its_first_instant_and_a_skipped_one_the_old_offset() {
        let (first, how) = resolve_in(Tz::Europe__Berlin, wall("2026-10-25T02:30:00"));
        assert_eq!((first.to_rfc3339().as_str(), how), ("2026-10-25T00:30:00+00:00", Resolution::Repeated));
        let (skipped, how) = resolve_in(Tz::Europe__Berlin, wall("2026-03-29T02:30:00"));
        assert_eq!((skipped.to_rfc3339().as_str(), how), ("2026-03-29T01:30:00+00:00", Resolution::Skipped));
    }

    #[test]
    fn the_ends_of_the_calendar_have_an_instant_in_every_zone() {
        for zone in [Tz::Pacific__Kiritimati, Tz::Etc__GMTPlus12, Tz::America__New_York] {
            for wall in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
                let apart = resolve_in(zone, wall).0 - wall.and_utc();
                assert!(apart.abs() < Duration::days(1), "{zone}: {apart}");
            }
        }
    }

    #[test]
    fn a_zone_counts_from_its_date_on() {
        let history: ZoneHistory = serde_json::from_str(
            r#"[{"from":null,"zone":"Asia/Kolkata"},{"from":"2026-06-01","zone":"Asia/Dhaka"}]"#,
        )
        .unwrap();
        assert_eq!(history.zone_on("2026-05-31".parse().unwrap()), Tz::Asia__Kolkata);
        assert_eq!(history.zone_on("2026-06-01".parse().unwrap()), Tz::Asia__Dhaka);
        assert_eq!(history.latest(), Tz::Asia__Dhaka);
    }

    #[test]
    fn lists_that_are_no_history_are_refused() {
        let parse = |text: &str| serde_json::from_str::<ZoneHistory>(text).unwrap_err().to_string();
        assert!(parse("[]").contains("at least one"));
        assert!(parse(r#"[{"from":null,"zone":"UTC"},{"from":null,"zone":"UTC"}]"#).contains("first date"));
        assert!(
            parse(r#"[{"from":"2026-02-01","zone":"UTC"},{"from":"2026-01-01","zone":"UTC"}]"#)
                .contains("order")
        );
    }
}
