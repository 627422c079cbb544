//! Hybrid logical time: wall milliseconds with a counter, never going back on one disk.
//!
//! It orders audit views and breaks ties in lists. It decides no winner and refuses no data.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// 48 bits of milliseconds since 1970 UTC, then a 16-bit counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hlc(i64);

/// What a foreign time was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Plausible; the own clock follows it.
    Followed,
    /// More than [`Hlc::FOREIGN_LEAD_MS`] ahead: kept as given, flagged, and the own clock stays.
    Suspect,
}

impl Hlc {
    /// How far ahead a foreign time may be before it no longer moves the own clock: five minutes, in milliseconds.
    pub const FOREIGN_LEAD_MS: i64 = 5 * 60 * 1000;

    /// The time of a stored number. Any number is taken: time never refuses data.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number, for storage.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The wall part, milliseconds since 1970 UTC.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0 >> 16
    }

    /// The wall part as an instant; `None` where it is out of the calendar's range.
    #[must_use]
    pub fn instant(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.ms())
    }

    /// The first time of a millisecond.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        // 47 bits of milliseconds last until the year 6429.
        Self(now.timestamp_millis().clamp(0, (1 << 47) - 1) << 16)
    }

    /// The time of the next event after `self`, the estimated true time being `now`: later than both.
    #[must_use]
    pub fn next(self, now: DateTime<Utc>) -> Self {
        Self(self.max(Self::at(now)).0.saturating_add(1))
    }

    /// Takes note of a foreign time: later own events come after it, unless it is suspect.
    pub fn follow(&mut self, foreign: Self, now: DateTime<Utc>) -> Foreign {
        if foreign.ms().saturating_sub(now.timestamp_millis()) > Self::FOREIGN_LEAD_MS {
            return Foreign::Suspect;
        }
        *self = (*self).max(foreign);
        Foreign::Followed
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms+{}", self.ms(), self.0 & 0xffff)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    proptest! {
        #[test]
        fn it_never_goes_back_whatever_the_wall_clock_does(walls in proptest::collection::vec(0..8_000_000_000_000i64, 1..50)) {
            let mut last = Hlc::default();
            for wall in walls {
                let next = last.next(at(wall));
                prop_assert!(next > last && next >= Hlc::at(at(wall)));
                last = next;
            }
        }

        #[test]
        fn a_foreign_time_is_followed_only_within_five_minutes(own in 0..1i64 << 40, foreign in any::<i64>(), now in 0..1i64 << 41) {
            let mut clock = Hlc::at(at(own));
            let before = clock;
            match clock.follow(Hlc::from_number(foreign), at(now)) {
                Foreign::Suspect => prop_assert_eq!(clock, before),
                Foreign::Followed => {
                    prop_assert!(clock >= before && clock >= Hlc::from_number(foreign));
                    prop_assert!(clock == before || clock.ms() <= now + Hlc::FOREIGN_LEAD_MS);
                }
            }
        }
    }

    #[test]
    fn the_counter_spills_into_the_milliseconds_instead_of_stopping() {
        let mut last = Hlc::at(at(5));
        for _ in 0..70_000 {
            last = last.next(at(5));
        }
        assert_eq!(last.ms(), 6);
        assert_eq!(last.instant(), Some(at(6)));
    }
}
