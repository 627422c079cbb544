//! Numbers, durations, dates and times, without floating point.

use std::borrow::Borrow;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _, Weekday};
use fluent_templates::fluent_bundle::{FluentValue, types::FluentNumber};

use super::{Key, Texts};

const MONTHS: [Key; 12] = [
    Key::new("month-1"),
    Key::new("month-2"),
    Key::new("month-3"),
    Key::new("month-4"),
    Key::new("month-5"),
    Key::new("month-6"),
    Key::new("month-7"),
    Key::new("month-8"),
    Key::new("month-9"),
    Key::new("month-10"),
    Key::new("month-11"),
    Key::new("month-12"),
];

const WEEKDAYS: [Key; 7] = [
    Key::new("weekday-mon"),
    Key::new("weekday-tue"),
    Key::new("weekday-wed"),
    Key::new("weekday-thu"),
    Key::new("weekday-fri"),
    Key::new("weekday-sat"),
    Key::new("weekday-sun"),
];

const WEEKDAYS_IN_FULL: [Key; 7] = [
    Key::new("weekday-full-mon"),
    Key::new("weekday-full-tue"),
    Key::new("weekday-full-wed"),
    Key::new("weekday-full-thu"),
    Key::new("weekday-full-fri"),
    Key::new("weekday-full-sat"),
    Key::new("weekday-full-sun"),
];

/// How much of a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// `Sat 21 Nov`, for rows of one year.
    Short,
    /// `21 Nov 2026`.
    Medium,
    /// `Sat, 21 Nov 2026`, for headings.
    Long,
    /// `Nov 2026`, for the heading of a month.
    Month,
}

/// The digits and the grouping of a language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numerals {
    /// 1,234,567
    Western,
    /// ১২,৩৪,৫৬৭: the last three digits, then pairs.
    Bangla,
}

impl Numerals {
    fn digits(self, plain: &str) -> String {
        match self {
            Self::Western => plain.to_owned(),
            Self::Bangla => plain
                .chars()
                .map(|c| c.to_digit(10).and_then(|digit| char::from_u32(0x09E6 + digit)).unwrap_or(c))
                .collect(),
        }
    }

    /// Groups the digits of a plain decimal; anything that is not one is returned as it came.
    fn group(self, plain: &str) -> String {
        let (sign, rest) = plain.strip_prefix('-').map_or(("", plain), |rest| ("\u{2212}", rest));
        let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
        if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return plain.to_owned();
        }
        let mut grouped = String::with_capacity(plain.len() + 8);
        grouped.push_str(sign);
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            let boundary = match self {
                Self::Western => left.is_multiple_of(3),
                Self::Bangla => left == 3 || (left > 3 && !left.is_multiple_of(2)),
            };
            if index > 0 && boundary {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        if let Some(fraction) = fraction {
            grouped.push('.');
            grouped.push_str(fraction);
        }
        self.digits(&grouped)
    }
}

fn fluent_number(value: &FluentValue<'_>, numerals: Numerals) -> Option<String> {
    if let FluentValue::Number(number) = value {
        Some(numerals.group(&FluentNumber::as_string(number)))
    } else {
        None
    }
}

pub(super) fn fluent_western<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    fluent_number(value, Numerals::Western)
}

pub(super) fn fluent_bangla<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    fluent_number(value, Numerals::Bangla)
}

/// A whole number of any width. Templates pass references, handlers pass values: both are taken.
pub trait WholeNumber {
    /// The number itself.
    fn widened(self) -> i128;
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl WholeNumber for $number {
            fn widened(self) -> i128 {
                self.into()
            }
        }

        impl WholeNumber for &$number {
            fn widened(self) -> i128 {
                (*self).into()
            }
        }
    )*};
}

whole_numbers!(i16, i32, i64, u8, u16, u32, u64);

impl WholeNumber for usize {
    fn widened(self) -> i128 {
        i128::try_from(self).unwrap_or(i128::MAX)
    }
}

impl WholeNumber for &usize {
    fn widened(self) -> i128 {
        (*self).widened()
    }
}

impl Texts {
    fn numerals(&self) -> Numerals {
        if self.language.language.as_str() == "bn" { Numerals::Bangla } else { Numerals::Western }
    }

    /// A whole number, grouped: `12,345`.
    #[must_use]
    pub fn int(&self, number: impl WholeNumber) -> String {
        self.numerals().group(&number.widened().to_string())
    }

    /// An amount given in hundredths: `1,234.50`.
    #[must_use]
    pub fn hundredths(&self, amount: impl Borrow<i64>) -> String {
        let amount = *amount.borrow();
        let sign = if amount < 0 { "-" } else { "" };
        let amount = amount.unsigned_abs();
        self.numerals().group(&format!("{sign}{}.{:02}", amount / 100, amount % 100))
    }

    /// A share of a whole in per cent, rounded down, never showing 100 for less than all: `97%`.
    #[must_use]
    pub fn percent(&self, part: impl Borrow<u64>, whole: impl Borrow<u64>) -> String {
        let percent =
            (u128::from(*part.borrow()) * 100).checked_div(u128::from(*whole.borrow())).unwrap_or(0);
        self.t("number-percent").with("number", self.numerals().digits(&percent.to_string())).to_string()
    }

    /// Seconds as hours and minutes, rounded down to the minute: `8:05`.
    #[must_use]
    pub fn hours_minutes(&self, seconds: impl Borrow<i64>) -> String {
        let seconds = *seconds.borrow();
        let minutes = seconds.unsigned_abs() / 60;
        let sign = if seconds < 0 && minutes > 0 { "\u{2212}" } else { "" };
        self.numerals().digits(&format!("{sign}{}:{:02}", minutes / 60, minutes % 60))
    }

    /// Seconds in the largest fitting unit: `45 s`, `12 min`, `3 h`, `5 d`.
    #[must_use]
    pub fn span(&self, duration: impl Borrow<TimeDelta>) -> String {
        let seconds = duration.borrow().num_seconds().unsigned_abs();
        let (key, number) = match seconds {
            0..60 => (Key::new("span-seconds"), seconds),
            60..3_600 => (Key::new("span-minutes"), seconds / 60),
            3_600..86_400 => (Key::new("span-hours"), seconds / 3_600),
            _ => (Key::new("span-days"), seconds / 86_400),
        };
        self.t(key).with("number", number).to_string()
    }

    /// How long ago something was: `just now`, `12 min ago`; the future counts as now.
    #[must_use]
    pub fn ago(&self, elapsed: impl Borrow<TimeDelta>) -> String {
        let elapsed = *elapsed.borrow();
        if elapsed < TimeDelta::seconds(10) {
            self.t("ago-now").to_string()
        } else {
            self.t("ago").with("span", self.span(elapsed)).to_string()
        }
    }

    /// A calendar date.
    #[must_use]
    pub fn date(&self, date: impl Borrow<NaiveDate>) -> String {
        self.date_as(date, DateStyle::Medium)
    }

    /// A calendar date, as short or long as asked.
    #[must_use]
    pub fn date_as(&self, date: impl Borrow<NaiveDate>, style: DateStyle) -> String {
        let date = *date.borrow();
        let numerals = self.numerals();
        let month = usize::try_from(date.month0()).ok().and_then(|index| MONTHS.get(index)).copied();
        let key = match style {
            DateStyle::Short => Key::new("date-short"),
            DateStyle::Medium => Key::new("date-medium"),
            DateStyle::Long => Key::new("date-long"),
            DateStyle::Month => Key::new("date-month"),
        };
        self.t(key)
            .with("day", numerals.digits(&date.day().to_string()))
            .with("month", month.map(|key| self.t(key).to_string()).unwrap_or_default())
            .with("year", numerals.digits(&date.year().to_string()))
            .with("weekday", self.weekday(date.weekday()))
            .to_string()
    }

    /// A calendar date for rows of one year: `Sat 21 Nov`.
    #[must_use]
    pub fn date_short(&self, date: impl Borrow<NaiveDate>) -> String {
        self.date_as(date, DateStyle::Short)
    }

    /// A calendar date for headings: `Sat, 21 Nov 2026`.
    #[must_use]
    pub fn date_long(&self, date: impl Borrow<NaiveDate>) -> String {
        self.date_as(date, DateStyle::Long)
    }

    /// The short name of a day of the week, for dates.
    #[must_use]
    pub fn weekday(&self, day: impl Borrow<Weekday>) -> String {
        self.weekday_of(&WEEKDAYS, *day.borrow())
    }

    /// The name of a day of the week in full, for choices and sentences.
    #[must_use]
    pub fn weekday_in_full(&self, day: impl Borrow<Weekday>) -> String {
        self.weekday_of(&WEEKDAYS_IN_FULL, *day.borrow())
    }

    fn weekday_of(&self, names: &[Key; 7], day: Weekday) -> String {
        let index = usize::try_from(day.num_days_from_monday()).unwrap_or_default();
        names.get(index).map(|key| self.t(*key).to_string()).unwrap_or_default()
    }

    /// A wall-clock time on the 24-hour clock, to the minute: `08:05`.
    #[must_use]
    pub fn time(&self, time: impl Borrow<NaiveTime>) -> String {
        let time = time.borrow();
        self.numerals().digits(&format!("{:02}:{:02}", time.hour(), time.minute()))
    }

    /// A wall-clock time to the second: `08:05:09`.
    #[must_use]
    pub fn time_seconds(&self, time: impl Borrow<NaiveTime>) -> String {
        let time = time.borrow();
        self.numerals().digits(&format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()))
    }

    /// A date and a time to the minute: `21 Nov 2026, 08:05`.
    #[must_use]
    pub fn date_time(&self, at: impl Borrow<NaiveDateTime>) -> String {
        let at = at.borrow();
        self.t("date-time").with("date", self.date(at.date())).with("time", self.time(at.time())).to_string()
    }
}
