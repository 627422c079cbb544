//! What a shift is: hours, breaks, punch window, other hours on some days.
//!
//! ```json
//! {
//!   "hours":    {"fixed": {"start": "08:00", "end": "17:00", "breaks": [{"start": "13:00", "end": "14:00"}]}},
//!   "window":   {"before_min": 120, "after_min": 360},
//!   "weekdays": {"saturday": {"fixed": {"start": "08:00", "end": "13:00"}}},
//!   "seasons":  [{"from": "2026-02-18", "to": "2026-03-19",
//!                 "hours": {"fixed": {"start": "08:00", "end": "15:30"}}}]
//! }
//! ```
//!
//! An `end` that is not after its `start` is on the next day. A break lies between start and end, on the next day
//! where its time has passed before the shift starts. Of a season and a weekday the season counts, its own weekdays
//! before its hours.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::entity::Weekday;

use crate::document::{BadDocument, Typed};
use crate::time::{Minutes, Seconds, TimeOfDay};

/// The document of a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftDefinition {
    /// The hours of an ordinary day.
    pub hours: Hours,
    /// How far before the start and after the end punches belong to the shift.
    #[serde(default)]
    pub window: PunchWindow,
    /// Other hours on some weekdays (a half Saturday, a long Friday break).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weekdays: BTreeMap<Weekday, Hours>,
    /// Other hours between two dates (a fasting month).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<Season>,
}

/// The hours of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    /// From a start to an end.
    Fixed(FixedHours),
    /// Several working blocks with time off between them.
    Split(SplitHours),
    /// Come and go within a range, be there in the core, work so long in total.
    Flexible(FlexibleHours),
    /// Any hours of a range.
    Open(OpenHours),
}

/// A start and an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedHours {
    /// Scheduled start.
    pub start: TimeOfDay,
    /// Scheduled end; not after the start means next day.
    pub end: TimeOfDay,
    /// Scheduled breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
    /// Paid time of the day; the scheduled time without unpaid breaks where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_min: Option<Minutes>,
}

/// Working blocks, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitHours {
    /// The blocks; each comes after the one before, over midnight where its times say so.
    pub blocks: Vec<Block>,
    /// Scheduled breaks within blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
    /// Paid time of the day; the blocks without unpaid breaks where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_min: Option<Minutes>,
}

/// A stretch of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Start.
    pub start: TimeOfDay,
    /// End; not after the start means next day.
    pub end: TimeOfDay,
}

/// Come when you like, be there in the core, work so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexibleHours {
    /// The earliest that counts.
    pub earliest: TimeOfDay,
    /// The latest that counts; not after `earliest` means next day.
    pub latest: TimeOfDay,
    /// When everybody must be there: late and early are judged against it. `None` = nobody is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<Block>,
    /// Paid time of the day.
    pub expected_min: Minutes,
    /// Scheduled breaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
}

/// Any hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenHours {
    /// First time of the work date that counts.
    #[serde(default = "midnight")]
    pub from: TimeOfDay,
    /// Last time; not after `from` means next day.
    #[serde(default = "end_of_day")]
    pub to: TimeOfDay,
    /// Paid time of the day; `None` = nothing is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_min: Option<Minutes>,
}

const fn midnight() -> TimeOfDay {
    TimeOfDay::MIDNIGHT
}

const fn end_of_day() -> TimeOfDay {
    TimeOfDay::END
}

/// A scheduled break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// Start.
    pub start: TimeOfDay,
    /// End.
    pub end: TimeOfDay,
    /// Whether it is paid.
    #[serde(default)]
    pub paid: bool,
}

/// How far around the shift punches belong to it; both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PunchWindow {
    /// Before the scheduled start.
    pub before_min: Minutes,
    /// After the scheduled end: the longest overtime that is still this shift's.
    pub after_min: Minutes,
}

impl Default for PunchWindow {
    /// Two hours before, six hours after: a ten-hour day and its longest overtime.
    fn default() -> Self {
        Self { before_min: Minutes::new(120), after_min: Minutes::new(360) }
    }
}

/// Other hours between two dates, both inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// First work date.
    pub from: NaiveDate,
    /// Last work date.
    pub to: NaiveDate,
    /// The hours of the season.
    pub hours: Hours,
    /// Other hours of the season on some weekdays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weekdays: BTreeMap<Weekday, Hours>,
}

/// The weekday of a date.
#[must_use]
pub fn weekday_of(date: NaiveDate) -> Weekday {
    use chrono::Datelike as _;
    match date.weekday() {
        chrono::Weekday::Mon => Weekday::Monday,
        chrono::Weekday::Tue => Weekday::Tuesday,
        chrono::Weekday::Wed => Weekday::Wednesday,
        chrono::Weekday::Thu => Weekday::Thursday,
        chrono::Weekday::Fri => Weekday::Friday,
        chrono::Weekday::Sat => Weekday::Saturday,
        chrono::Weekday::Sun => Weekday::Sunday,
    }
}

impl ShiftDefinition {
    /// A fixed shift with everything else as it is by default.
    #[must_use]
    pub fn fixed(start: TimeOfDay, end: TimeOfDay) -> Self {
        let hours = Hours::Fixed(FixedHours { start, end, breaks: Vec::new(), expected_min: None });
        Self { hours, window: PunchWindow::default(), weekdays: BTreeMap::new(), seasons: Vec::new() }
    }

    /// The hours that count on a work date.
    #[must_use]
    pub fn hours_on(&self, date: NaiveDate) -> &Hours {
        let day = weekday_of(date);
        match self.seasons.iter().find(|season| season.from <= date && date <= season.to) {
            Some(season) => season.weekdays.get(&day).unwrap_or(&season.hours),
            None => self.weekdays.get(&day).unwrap_or(&self.hours),
        }
    }
}

impl Hours {
    /// The working blocks as seconds from midnight of the work date, each as start and end, in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<(Seconds, Seconds)> {
        match self {
            Self::Fixed(fixed) => vec![(fixed.start.seconds(), fixed.end.after(fixed.start))],
            Self::Flexible(flex) => vec![(flex.earliest.seconds(), flex.latest.after(flex.earliest))],
            Self::Open(open) => vec![(open.from.seconds(), open.to.after(open.from))],
            Self::Split(split) => {
                let mut last = Seconds::ZERO;
                let place = |block: &Block| {
                    let (mut start, mut end) = (block.start.seconds(), block.end.after(block.start));
                    while start < last {
                        start += Seconds::DAY;
                        end += Seconds::DAY;
                    }
                    last = end;
                    (start, end)
                };
                split.blocks.iter().map(place).collect()
            }
        }
    }

    /// Whether two shifts of one work date overlap; touching is no overlap.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> bool {
        let other = other.blocks();
        self.blocks().iter().any(|a| other.iter().any(|b| a.0 < b.1 && b.0 < a.1))
    }

    /// The scheduled breaks.
    #[must_use]
    pub fn breaks(&self) -> &[Break] {
        match self {
            Self::Fixed(fixed) => &fixed.breaks,
            Self::Split(split) => &split.breaks,
            Self::Flexible(flex) => &flex.breaks,
            Self::Open(_) => &[],
        }
    }

    /// The paid time that the definition names; `None` where it follows from the blocks.
    #[must_use]
    pub fn expected(&self) -> Option<Seconds> {
        match self {
            Self::Fixed(fixed) => fixed.expected_min.map(Minutes::seconds),
            Self::Split(split) => split.expected_min.map(Minutes::seconds),
            Self::Flexible(flex) => Some(flex.expected_min.seconds()),
            Self::Open(open) => Some(open.expected_min.unwrap_or_default().seconds()),
        }
    }

    fn check(&self, at: &str) -> Result<(), BadDocument> {
        let blocks = self.blocks();
        let (Some((start, _)), Some((_, end))) = (blocks.first(), blocks.last()) else {
            return Err(BadDocument::new(
                format!("{at}.split.blocks"),
                "a split shift needs at least one block",
            ));
        };
        if *end - *start > Seconds::minutes(48 * 60) {
            return Err(BadDocument::new(at, "a shift cannot last longer than 48 hours"));
        }
        for (index, pause) in self.breaks().iter().enumerate() {
            let (from, to) = place_break(*pause, *start);
            if from < *start || to > *end {
                let field = format!("{at}.breaks[{index}]");
                return Err(BadDocument::new(field, "a break must lie between the shift's start and end"));
            }
        }
        Ok(())
    }
}

/// A break as seconds from midnight of the work date of a shift that starts at `start`.
pub(crate) fn place_break(pause: Break, start: Seconds) -> (Seconds, Seconds) {
    let (mut from, mut to) = (pause.start.seconds(), pause.end.after(pause.start));
    while from < start {
        from += Seconds::DAY;
        to += Seconds::DAY;
    }
    (from, to)
}

impl Typed for ShiftDefinition {
    fn check(&self) -> Result<(), BadDocument> {
        self.hours.check("hours")?;
        for (day, hours) in &self.weekdays {
            hours.check(&format!("weekdays.{day}"))?;
        }
        for (index, season) in self.seasons.iter().enumerate() {
            let at = format!("seasons[{index}]");
            if season.to < season.from {
                return Err(BadDocument::new(format!("{at}.to"), "a season cannot end before it begins"));
            }
            season.hours.check(&format!("{at}.hours"))?;
            for (day, hours) in &season.weekdays {
                hours.check(&format!("{at}.weekdays.{day}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = r#"{"hours":{"fixed":{"start":"08:00","end":"17:00","breaks":[{"start":"13:00","end":"14:00"}]}},
        "weekdays":{"saturday":{"fixed":{"start":"08:00","end":"13:00"}}},
        "seasons":[{"from":"2026-02-18","to":"2026-03-19","hours":{"fixed":{"start":"08:00","end":"15:30"}}}]}"#;

    fn end_on(date: &str) -> i64 {
        let shift = ShiftDefinition::parse_text(DAY).unwrap();
        shift.hours_on(date.parse().unwrap()).blocks()[0].1.get() / 60
    }

    #[test]
    fn weekdays_and_seasons_have_their_own_hours() {
        assert_eq!(end_on("2026-01-15"), 17 * 60);
        assert_eq!(end_on("2026-01-17"), 13 * 60);
        assert_eq!(end_on("2026-02-21"), 15 * 60 + 30, "a season goes before an ordinary Saturday");
    }

    #[test]
    fn errors_name_the_field_and_the_cause() {
        let error = |text: &str| ShiftDefinition::parse_text(text).unwrap_err().to_string();
        let unknown = error(r#"{"hours":{"fixed":{"start":"08:00","end":"17:00","brakes":[]}}}"#);
        assert!(unknown.starts_with("hours.fixed.brakes: unknown field"), "{unknown}");
        let time = error(r#"{"hours":{"fixed":{"start":"08:00","end":"25:00"}}}"#);
        assert!(time.starts_with("hours.fixed.end: ") && time.contains("no time of day"), "{time}");
        let outside = r#"{"hours":{"fixed":{"start":"08:00","end":"12:00","breaks":[{"start":"13:00","end":"14:00"}]}}}"#;
        assert!(error(outside).starts_with("hours.breaks[0]: "), "{}", error(outside));
        assert!(error(r#"{"hours":{"split":{"blocks":[]}}}"#).contains("at least one block"));
    }

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let shift = ShiftDefinition::parse_text(DAY).unwrap();
        assert_eq!(ShiftDefinition::parse(&shift.to_document()).unwrap(), shift);
    }

    #[test]
    fn the_blocks_of_a_split_shift_go_on_over_midnight() {
        let text = r#"{"hours":{"split":{"blocks":[{"start":"18:00","end":"22:00"},{"start":"00:30","end":"04:30"}]}}}"#;
        let blocks = ShiftDefinition::parse_text(text).unwrap().hours.blocks();
        assert_eq!(blocks[1], (Seconds::minutes(24 * 60 + 30), Seconds::minutes(28 * 60 + 30)));
    }
}
