//! Whole seconds: on the line of instants, as durations, and within a day.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A duration in whole seconds; negative where it is an effect that takes away. Arithmetic stops at the ends of what it
/// can hold, which no real time comes near: a broken row must not stop a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(i64);

impl Seconds {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// 24 hours.
    pub const DAY: Self = Self(86_400);

    /// So many seconds.
    #[must_use]
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: i64) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole minutes, cut towards the smaller number: what reports print.
    #[must_use]
    pub const fn whole_minutes(self) -> i64 {
        self.0.div_euclid(60)
    }

    /// This, or nothing where it is negative.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// Whether there is any time.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Seconds {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Seconds {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Seconds {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Seconds {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Seconds {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Seconds {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

/// A point on the line of time: whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

impl Instant {
    /// The instant of a Unix time.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// As chrono's type; the earliest or latest it can hold where out of its range.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        let out_of_range = if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp(self.0, 0).unwrap_or(out_of_range)
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp())
    }
}

impl Sub for Instant {
    type Output = Seconds;
    fn sub(self, other: Self) -> Seconds {
        Seconds(self.0.saturating_sub(other.0))
    }
}

impl Add<Seconds> for Instant {
    type Output = Self;
    fn add(self, seconds: Seconds) -> Self {
        Self(self.0.saturating_add(seconds.0))
    }
}

impl Sub<Seconds> for Instant {
    type Output = Self;
    fn sub(self, seconds: Seconds) -> Self {
        Self(self.0.saturating_sub(seconds.0))
    }
}

/// A length in a document, in whole minutes; at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Minutes(u32);

impl Minutes {
    /// The longest length taken.
    pub const MAX: u32 = 366 * 24 * 60;

    /// So many minutes, at most [`Self::MAX`].
    #[must_use]
    pub const fn new(minutes: u32) -> Self {
        Self(if minutes > Self::MAX { Self::MAX } else { minutes })
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> Seconds {
        Seconds::minutes(self.0.into())
    }

    /// The number of minutes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Minutes {
    type Error = String;
    fn try_from(minutes: u32) -> Result<Self, String> {
        if minutes > Self::MAX {
            return Err(format!("{minutes} minutes is more than a year"));
        }
        Ok(Self(minutes))
    }
}

impl From<Minutes> for u32 {
    fn from(minutes: Minutes) -> Self {
        minutes.0
    }
}

/// A time on the wall, `00:00` to `24:00`, written `HH:MM` or `HH:MM:SS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u32);

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day: expected HH:MM or HH:MM:SS between 00:00 and 24:00")]
pub struct BadTimeOfDay(String);

impl TimeOfDay {
    /// The beginning of the day.
    pub const MIDNIGHT: Self = Self(0);
    /// The end of the day.
    pub const END: Self = Self(86_400);

    /// Seconds since midnight, 0 to 86,400.
    #[must_use]
    pub fn seconds(self) -> Seconds {
        Seconds(self.0.into())
    }

    /// Seconds from midnight of a day to this time on that day or, where it does not come after `start`, on the next:
    /// `end <= start` means next day.
    #[must_use]
    pub fn after(self, start: Self) -> Seconds {
        if self > start { self.seconds() } else { self.seconds() + Seconds::DAY }
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;
    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let bad = || BadTimeOfDay(text.chars().take(32).collect());
        let mut parts = text.split(':').map(|part| {
            let two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            two_digits.then(|| part.parse::<u32>().ok()).flatten().ok_or_else(bad)
        });
        let (Some(hours), Some(minutes)) = (parts.next(), parts.next()) else { return Err(bad()) };
        let (hours, minutes, seconds) = (hours?, minutes?, parts.next().unwrap_or(Ok(0))?);
        if parts.next().is_some() || minutes > 59 || seconds > 59 {
            return Err(bad());
        }
        let time = hours * 3600 + minutes * 60 + seconds;
        if time > 86_400 { Err(bad()) } else { Ok(Self(time)) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60)?;
        if self.0.is_multiple_of(60) { Ok(()) } else { write!(f, ":{:02}", self.0 % 60) }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = BadTimeOfDay;
    fn try_from(text: String) -> Result<Self, BadTimeOfDay> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_and_written_alike() {
        for text in ["00:00", "07:30", "23:59:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in ["7:30", "24:01", "12:60", "12", "12:00:00:00", "+1:00", "", "12:0x"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_that_is_not_after_the_start_is_on_the_next_day() {
        let time = |text: &str| text.parse::<TimeOfDay>().unwrap();
        assert_eq!(time("06:00").after(time("22:00")), Seconds::minutes(30 * 60));
        assert_eq!(time("22:00").after(time("22:00")), Seconds::minutes(46 * 60));
        assert_eq!(time("17:00").after(time("08:00")), Seconds::minutes(17 * 60));
    }

    #[test]
    fn minutes_of_a_report_are_cut_towards_the_smaller_number() {
        assert_eq!(Seconds::new(59).whole_minutes(), 0);
        assert_eq!(Seconds::new(-1).whole_minutes(), -1);
    }
}
