//! What of the worked time is overtime.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::rate::Rate;
use super::rounding::Round;
use crate::document::BadDocument;
use crate::time::Minutes;

/// Overtime rules of a policy. They apply in this order: holiday and weekly off, consecutive days, the day by its
/// basis and tiers, the week, the period; then minimum, unit, cap and approval on the sum of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OvertimeRules {
    /// Which worked time of a day is over.
    pub basis: OvertimeBasis,
    /// What overtime is worth where no tier says.
    pub rate: Rate,
    /// Tiers of a day. With basis `worked` a tier begins at so much worked time; with every other at so much overtime.
    pub daily_tiers: Vec<Tier>,
    /// Overtime of the week.
    pub weekly: Option<WeeklyOvertime>,
    /// Overtime of a period of so many days.
    pub period: Option<PeriodOvertime>,
    /// Work on the n-th day in a row.
    pub consecutive_days: Option<ConsecutiveDays>,
    /// Work on a weekly off.
    pub off_day: OffDayOvertime,
    /// What it is worth; `None` = as other overtime.
    pub off_day_rate: Option<Rate>,
    /// Work on a public holiday.
    pub holiday: HolidayOvertime,
    /// What it is worth; `None` = as other overtime.
    pub holiday_rate: Option<Rate>,
    /// A day's overtime of at most this is none; more counts in full.
    pub ignore_up_to_min: Minutes,
    /// The unit in which a day's overtime counts.
    pub unit: Option<Round>,
    /// The most of a day that counts; what is above is shown, not paid.
    pub cap_min: Option<Minutes>,
    /// Whether somebody must approve before it is payable.
    pub approval: Approval,
}

impl Default for OvertimeRules {
    fn default() -> Self {
        Self {
            basis: OvertimeBasis::AfterShiftEnd,
            rate: Rate::DOUBLE,
            daily_tiers: Vec::new(),
            weekly: None,
            period: None,
            consecutive_days: None,
            off_day: OffDayOvertime::AllWorked,
            off_day_rate: None,
            holiday: HolidayOvertime::AllWorked,
            holiday_rate: None,
            ignore_up_to_min: Minutes::new(0),
            unit: None,
            cap_min: None,
            approval: Approval::Automatic,
        }
    }
}

/// Which worked time of a day is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OvertimeBasis {
    /// None.
    None,
    /// What the tiers make of the worked time, whatever the schedule.
    Worked,
    /// What is worked beyond the expected time.
    WorkedOverSchedule,
    /// What is worked after the scheduled end.
    AfterShiftEnd,
    /// What is worked before the scheduled start.
    BeforeShiftStart,
    /// What is worked before the start and after the end.
    OutsideSchedule,
}

/// A step of overtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its name on reports.
    pub id: Box<str>,
    /// Where it begins.
    pub over_min: Minutes,
    /// What it is worth.
    pub rate: Rate,
}

/// Overtime of a week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeeklyOvertime {
    /// Its tiers, each beginning at so much time of the week.
    pub tiers: Vec<Tier>,
    /// Which hours feed the week.
    pub counts: WeeklyCounts,
}

/// Which hours feed the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeeklyCounts {
    /// Hours that are not overtime of their day already.
    NotDailyOt,
    /// All hours; the week's overtime is its tail, and a minute that is overtime of its day too counts once, at the
    /// better rate.
    AllWorkedUnion,
}

/// Overtime of a period of so many days, counted like [`WeeklyCounts::NotDailyOt`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodOvertime {
    /// First day of a first period; periods go on before and after it.
    pub start: NaiveDate,
    /// How many days a period lasts.
    pub days: u16,
    /// Its tiers, each beginning at so much time of the period.
    pub tiers: Vec<Tier>,
}

/// Work on the n-th day in a row, over the week's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsecutiveDays {
    /// From this day of the run on everything worked is overtime.
    pub from_day: u16,
    /// What it is worth.
    pub rate: Rate,
}

/// Work on a weekly off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffDayOvertime {
    /// As on any day.
    AsUsual,
    /// All of it is overtime.
    AllWorked,
}

/// Work on a public holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayOvertime {
    /// As on any day.
    AsUsual,
    /// All of it is overtime.
    AllWorked,
    /// All of it is overtime: up to the first daily tier as holiday work, beyond it by the daily tiers.
    FirstThenDailyTiers,
}

/// Whether somebody must approve overtime before it is payable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// What counts is payable.
    Automatic,
    /// Nothing is payable until it is approved, and never more than was.
    Manual,
}

impl OvertimeRules {
    pub(super) fn check(&self) -> Result<(), BadDocument> {
        check_tiers("overtime.daily_tiers", &self.daily_tiers)?;
        if let Some(weekly) = &self.weekly {
            check_tiers("overtime.weekly.tiers", &weekly.tiers)?;
        }
        if let Some(period) = &self.period {
            check_tiers("overtime.period.tiers", &period.tiers)?;
            if !(1..=366).contains(&period.days) {
                return Err(BadDocument::new("overtime.period.days", "a period lasts from 1 to 366 days"));
            }
        }
        if self.consecutive_days.as_ref().is_some_and(|rule| rule.from_day == 0) {
            return Err(BadDocument::new(
                "overtime.consecutive_days.from_day",
                "the first day of a run is 1",
            ));
        }
        Ok(())
    }
}

fn check_tiers(field: &str, tiers: &[Tier]) -> Result<(), BadDocument> {
    for (index, pair) in tiers.windows(2).enumerate() {
        if pair[0].over_min >= pair[1].over_min {
            let at = format!("{field}[{}].over_min", index + 1);
            return Err(BadDocument::new(at, "tiers must begin one after the other"));
        }
    }
    for (index, tier) in tiers.iter().enumerate() {
        let at = format!("{field}[{index}].id");
        if tier.id.is_empty() || tier.id.len() > 32 {
            return Err(BadDocument::new(at, "a tier needs a name of 1 to 32 bytes"));
        }
        if tiers[..index].iter().any(|other| other.id == tier.id) {
            return Err(BadDocument::new(at, "two tiers have this name"));
        }
    }
    Ok(())
}
