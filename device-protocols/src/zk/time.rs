//! Times as clocks write them.
//!
//! A packed time counts seconds as if every month had 31 days, so dates that do not exist can be written and, after
//! a lost battery, are. Such a date is a finding about one row, never a reason to give up the others.
//!
//! `value = ((year - 2000)·12·31 + (month - 1)·31 + (day - 1))·86400 + hour·3600 + minute·60 + second`

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use crate::row::BadTime;

const DAY: u32 = 86_400;

/// A wall time in parts, which need not exist in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Year, 2000 or later.
    pub year: u16,
    /// Month from 1.
    pub month: u8,
    /// Day of the month from 1, up to 31 in every month.
    pub day: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
}

impl Parts {
    /// The parts of a packed time; any value has some.
    #[must_use]
    pub fn unpack(value: u32) -> Self {
        // Each quotient is below the divisor, so the narrowing always holds.
        let small = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
        let days = value / DAY;
        Self {
            year: 2000 + u16::try_from(days / (12 * 31)).unwrap_or(u16::MAX - 2000),
            month: small(days / 31 % 12 + 1),
            day: small(days % 31 + 1),
            hour: small(value / 3600 % 24),
            minute: small(value / 60 % 60),
            second: small(value % 60),
        }
    }

    /// The packed time of these parts.
    #[must_use]
    pub fn pack(self) -> u32 {
        let year = u32::from(self.year.saturating_sub(2000)) % 100;
        let days = year * 12 * 31
            + u32::from(self.month.saturating_sub(1)) * 31
            + u32::from(self.day.saturating_sub(1));
        days * DAY + u32::from(self.hour) * 3600 + u32::from(self.minute) * 60 + u32::from(self.second)
    }

    /// The six bytes of a live event: year - 2000, month, day, hour, minute, second.
    #[must_use]
    pub fn from_event(bytes: [u8; 6]) -> Self {
        let [year, month, day, hour, minute, second] = bytes;
        Self { year: 2000 + u16::from(year), month, day, hour, minute, second }
    }

    /// The six bytes of a live event.
    #[must_use]
    pub fn to_event(self) -> [u8; 6] {
        let year = u8::try_from(self.year.saturating_sub(2000)).unwrap_or(u8::MAX);
        [year, self.month, self.day, self.hour, self.minute, self.second]
    }

    /// The time, if the calendar has it.
    #[must_use]
    pub fn existing(self) -> Option<NaiveDateTime> {
        NaiveDate::from_ymd_opt(i32::from(self.year), self.month.into(), self.day.into())?.and_hms_opt(
            self.hour.into(),
            self.minute.into(),
            self.second.into(),
        )
    }

    /// The time, or what the clock said instead.
    ///
    /// # Errors
    /// [`BadTime`] for a date or time that does not exist.
    pub fn checked(self) -> Result<NaiveDateTime, BadTime> {
        self.existing().ok_or_else(|| BadTime::new(&self.to_string()))
    }
}

impl std::fmt::Display for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

impl From<NaiveDateTime> for Parts {
    fn from(time: NaiveDateTime) -> Self {
        let small = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
        Self {
            year: u16::try_from(time.year()).unwrap_or(2000),
            month: small(time.month()),
            day: small(time.day()),
            hour: small(time.hour()),
            minute: small(time.minute()),
            second: small(time.second()),
        }
    }
}

/// Whether a time can be written at all: the protocol counts 100 years from 2000.
#[must_use]
pub fn is_writable(time: NaiveDateTime) -> bool {
    (2000..2100).contains(&time.year())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2000-01-01 00:00:00", 0, "00000000")]
    #[case("2018-06-25 17:41:05", 594_063_665, "31b16823")]
    #[case("2018-06-25 17:50:35", 594_064_235, "6bb36823")]
    #[case("2023-12-31 23:59:59", 771_379_199, "ff4ffa2d")]
    #[case("2024-02-29 23:59:58", 776_563_198, "fe69492e")]
    #[case("2024-03-01 00:00:00", 776_736_000, "000d4c2e")]
    #[case("2025-01-31 08:00:00", 806_140_800, "80bb0c30")]
    #[case("2025-02-01 08:00:00", 806_227_200, "000d0e30")]
    #[case("2026-11-20 09:30:15", 864_120_615, "276f8133")]
    #[case("2099-12-31 23:59:59", 3_214_079_999, "fff792bf")]
    fn times_are_packed_and_unpacked(#[case] text: &str, #[case] value: u32, #[case] bytes: &str) {
        let time: NaiveDateTime = NaiveDateTime::parse_from_str(text, "%F %T").unwrap();
        assert_eq!(Parts::from(time).pack(), value);
        assert_eq!(hex::encode(value.to_le_bytes()), bytes);
        assert_eq!(Parts::unpack(value).checked(), Ok(time));
    }

    #[rstest]
    #[case(776_649_600, "2024-02-31 00:00:00")]
    #[case(5_270_400, "2000-02-31 00:00:00")]
    fn dates_that_do_not_exist_are_told_not_bent(#[case] value: u32, #[case] said: &str) {
        assert_eq!(Parts::unpack(value).checked().unwrap_err().said(), said);
        assert_eq!(Parts::unpack(value).pack(), value);
    }

    #[test]
    fn all_ones_is_a_date_far_away() {
        assert_eq!(Parts::unpack(u32::MAX).to_string(), "2133-08-18 06:28:15");
    }

    #[test]
    fn events_write_six_bytes() {
        let parts = Parts::from_event([0x1a, 0x0b, 0x14, 0x09, 0x1e, 0x0f]);
        assert_eq!(parts.to_string(), "2026-11-20 09:30:15");
        assert_eq!(parts.to_event(), [0x1a, 0x0b, 0x14, 0x09, 0x1e, 0x0f]);
        assert!(Parts::from_event([0xff; 6]).existing().is_none());
    }

    proptest! {
        #[test]
        fn every_value_of_the_century_is_kept(value in 0..100_u32 * 12 * 31 * DAY) {
            prop_assert_eq!(Parts::unpack(value).pack(), value);
        }

        #[test]
        fn no_value_panics(value: u32) {
            let _ = Parts::unpack(value).checked();
        }
    }
}
