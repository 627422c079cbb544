//! Rounding of punches, breaks and totals.

use serde::{Deserialize, Serialize};

use crate::document::BadDocument;
use crate::time::{Minutes, Seconds, TimeOfDay};

/// Rounding rules of a policy; what is `None` stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rounding {
    /// Of every in.
    #[serde(rename = "in")]
    pub punch_in: Option<PunchRounding>,
    /// Of every out.
    #[serde(rename = "out")]
    pub punch_out: Option<PunchRounding>,
    /// Of each stretch between an out and the next in.
    pub break_duration: Option<Round>,
    /// Of the worked time of the day.
    pub total: Option<TotalRounding>,
}

/// How a number of seconds is rounded to marks `unit_sec` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// The direction.
    pub mode: RoundMode,
    /// From mark to mark.
    pub unit_sec: u32,
    /// Down: so close before the next mark counts as that mark. Up: so close after a mark counts as that mark.
    #[serde(default)]
    pub grace_sec: u32,
}

/// The direction of rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundMode {
    /// To the mark after.
    Up,
    /// To the mark before.
    Down,
    /// To the nearer mark; from the middle up.
    Nearest,
}

/// Rounding of a punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PunchRounding {
    /// The marks, counted from local midnight.
    pub round: Round,
    /// Only punches near a time are rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_near: Option<Near>,
}

/// Near which time a punch is rounded; so far before or after, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Near {
    /// A time on the wall.
    Time {
        /// The time.
        time: TimeOfDay,
        /// How far from it.
        within_min: Minutes,
    },
    /// The scheduled start for an in, the scheduled end for an out.
    Schedule {
        /// How far from it.
        within_min: Minutes,
    },
}

/// Rounding of the day's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalRounding {
    /// The marks, counted from zero.
    pub round: Round,
    /// Only totals near this are rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_near_total_min: Option<NearTotal>,
}

/// Near which total it is rounded; so far below or above, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearTotal {
    /// The total.
    pub total_min: Minutes,
    /// How far from it.
    pub within_min: Minutes,
}

impl Round {
    /// The rounded number of seconds.
    #[must_use]
    pub fn apply(self, seconds: Seconds) -> Seconds {
        let (unit, grace) = (i64::from(self.unit_sec.max(1)), i64::from(self.grace_sec));
        let past = seconds.get().rem_euclid(unit);
        let (below, above) = (seconds.get() - past, seconds.get() - past + unit);
        let up = match self.mode {
            RoundMode::Down => past > 0 && unit - past <= grace,
            RoundMode::Up => past > grace,
            RoundMode::Nearest => past * 2 >= unit,
        };
        Seconds::new(if up { above } else { below })
    }

    fn check(self, field: &str) -> Result<(), BadDocument> {
        if !(1..=86_400).contains(&self.unit_sec) {
            return Err(BadDocument::new(format!("{field}.unit_sec"), "from 1 to 86400 seconds are taken"));
        }
        if self.grace_sec >= self.unit_sec {
            return Err(BadDocument::new(format!("{field}.grace_sec"), "must be less than unit_sec"));
        }
        Ok(())
    }
}

impl Rounding {
    pub(super) fn check(&self) -> Result<(), BadDocument> {
        let rules = [
            ("rounding.in.round", self.punch_in.map(|rule| rule.round)),
            ("rounding.out.round", self.punch_out.map(|rule| rule.round)),
            ("rounding.break_duration", self.break_duration),
            ("rounding.total.round", self.total.map(|rule| rule.round)),
        ];
        rules.iter().try_for_each(|(field, rule)| rule.map_or(Ok(()), |rule| rule.check(field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn at(text: &str) -> Seconds {
        text.parse::<TimeOfDay>().unwrap().seconds()
    }

    #[rstest]
    #[case(RoundMode::Down, 900, 0, "09:21", "09:15")]
    #[case(RoundMode::Down, 900, 180, "09:12", "09:15")]
    #[case(RoundMode::Down, 900, 180, "09:11:59", "09:00")]
    #[case(RoundMode::Up, 900, 0, "09:00:01", "09:15")]
    #[case(RoundMode::Up, 900, 180, "09:03", "09:00")]
    #[case(RoundMode::Up, 900, 180, "09:03:01", "09:15")]
    #[case(RoundMode::Nearest, 600, 0, "09:05", "09:10")]
    #[case(RoundMode::Nearest, 600, 0, "09:04:59", "09:00")]
    #[case(RoundMode::Down, 900, 180, "09:00", "09:00")]
    fn rounding(
        #[case] mode: RoundMode,
        #[case] unit_sec: u32,
        #[case] grace_sec: u32,
        #[case] punch: &str,
        #[case] rounded: &str,
    ) {
        assert_eq!(Round { mode, unit_sec, grace_sec }.apply(at(punch)), at(rounded));
    }

    proptest! {
        #[test]
        fn a_rounded_time_is_a_mark_less_than_a_unit_away_and_stays(
            mode in prop_oneof![Just(RoundMode::Up), Just(RoundMode::Down), Just(RoundMode::Nearest)],
            unit_sec in 1..4000u32, grace in 0..100u32, seconds in 0..86_400i64,
        ) {
            let round = Round { mode, unit_sec, grace_sec: grace * unit_sec / 101 };
            let rounded = round.apply(Seconds::new(seconds));
            prop_assert_eq!(rounded.get() % i64::from(unit_sec), 0);
            prop_assert!((rounded.get() - seconds).abs() < i64::from(unit_sec));
            prop_assert_eq!(round.apply(rounded), rounded);
        }
    }
}
