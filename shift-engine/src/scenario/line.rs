//! A punch on one line: `DATE TIME [OFFSET] [in|out] [void]`.

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, NaiveDateTime};
use serde::{Deserialize, Serialize};

/// A punch: `2026-11-16 08:06`, `2026-11-16 22:03:20 in`, `2026-10-25 02:30 +01:00 out`, `2026-11-16 08:07 void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PunchLine {
    /// What the clock showed.
    pub at: NaiveDateTime,
    /// The offset from UTC in seconds, where the wall time alone does not tell the instant.
    pub offset: Option<i32>,
    /// Whether the person keyed in (true) or out.
    pub is_in: Option<bool>,
    /// Whether a note says that it does not count.
    pub void: bool,
}

/// A line that is no punch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no punch: expected DATE TIME [OFFSET] [in|out] [void], such as \"2026-11-16 08:06 in\"")]
pub struct BadPunchLine(String);

impl FromStr for PunchLine {
    type Err = BadPunchLine;
    fn from_str(text: &str) -> Result<Self, BadPunchLine> {
        let bad = || BadPunchLine(text.chars().take(64).collect());
        let mut words = text.split_ascii_whitespace();
        let (date, time) = words.next().zip(words.next()).ok_or_else(bad)?;
        let date = date.parse::<chrono::NaiveDate>().map_err(|_| bad())?;
        let time = time.parse::<crate::time::TimeOfDay>().map_err(|_| bad())?;
        let at = date.and_time(chrono::NaiveTime::MIN);
        let at = at.checked_add_signed(chrono::TimeDelta::seconds(time.seconds().get())).ok_or_else(bad)?;
        let mut line = Self { at, offset: None, is_in: None, void: false };
        for word in words {
            match word {
                "in" | "out" if line.is_in.is_none() => line.is_in = Some(word == "in"),
                "void" if !line.void => line.void = true,
                _ if line.offset.is_none() => {
                    let offset = word.parse::<FixedOffset>().map_err(|_| bad())?;
                    line.offset = Some(offset.local_minus_utc());
                }
                _ => return Err(bad()),
            }
        }
        Ok(line)
    }
}

impl fmt::Display for PunchLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at.format("%Y-%m-%d %H:%M:%S"))?;
        if let Some(offset) = self.offset.and_then(FixedOffset::east_opt) {
            write!(f, " {offset}")?;
        }
        match self.is_in {
            Some(true) => f.write_str(" in")?,
            Some(false) => f.write_str(" out")?,
            None => {}
        }
        if self.void { f.write_str(" void") } else { Ok(()) }
    }
}

impl TryFrom<String> for PunchLine {
    type Error = BadPunchLine;
    fn try_from(text: String) -> Result<Self, BadPunchLine> {
        text.parse()
    }
}

impl From<PunchLine> for String {
    fn from(line: PunchLine) -> Self {
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-11-16 08:06", "2026-11-16 08:06:00")]
    #[case("2026-11-16  22:03:20 in", "2026-11-16 22:03:20 in")]
    #[case("2026-10-25 02:30 +01:00 out void", "2026-10-25 02:30:00 +01:00 out void")]
    #[case("2026-11-16 24:00", "2026-11-17 00:00:00")]
    fn a_punch_is_read_from_a_line(#[case] line: &str, #[case] written: &str) {
        let punch: PunchLine = line.parse().unwrap();
        assert_eq!(punch.to_string(), written);
        assert_eq!(written.parse::<PunchLine>().unwrap(), punch);
    }

    #[rstest]
    #[case("")]
    #[case("2026-11-16")]
    #[case("2026-11-16 8:06")]
    #[case("2026-13-16 08:06")]
    #[case("2026-11-16 08:06 in out")]
    #[case("2026-11-16 08:06 maybe")]
    #[case("2026-11-16 08:06 +01:00 +02:00")]
    fn what_is_no_punch_is_refused(#[case] line: &str) {
        assert!(line.parse::<PunchLine>().is_err());
    }
}
