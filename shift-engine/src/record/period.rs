//! The sums of a week, month or pay period.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{DayState, Figures, canonical, from_canonical, is_default, named};
use crate::time::Seconds;

named! {
    /// The kinds of periods that are summed up.
    PeriodKind {
        /// A week, by the company's first weekday.
        Week = "week",
        /// A calendar month.
        Month = "month",
        /// A pay period.
        PayPeriod = "pay_period",
    }
}

/// The sums of one employee over one period, of the days that are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodRecord {
    /// What kind of period.
    pub kind: PeriodKind,
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// Whether every day of it that has a record is final, and the last day is over.
    pub state: DayState,
    /// Days present.
    #[serde(default, skip_serializing_if = "is_default")]
    pub present: u16,
    /// Days absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub absent: u16,
    /// Half days.
    #[serde(default, skip_serializing_if = "is_default")]
    pub half_days: u16,
    /// Weekly offs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weekly_offs: u16,
    /// Public holidays.
    #[serde(default, skip_serializing_if = "is_default")]
    pub holidays: u16,
    /// Days of full leave.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leaves: u16,
    /// Lates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late_count: u16,
    /// Early exits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub early_count: u16,
    /// Half days taken off for lates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub penalty_half_days: u16,
    /// The figures of its days together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub figures: Figures,
    /// Overtime that counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overtime: Seconds,
    /// Overtime that is paid.
    #[serde(default, skip_serializing_if = "is_default")]
    pub payable_overtime: Seconds,
    /// Overtime above a legal maximum of the day or the period.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overtime_above_limit: Seconds,
    /// Whether a legal maximum of the period was passed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limit_breached: bool,
}

impl PeriodRecord {
    /// The canonical bytes: [`super::RECORD_VERSION`], then compact JSON.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// Bytes of another version or of no record.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        from_canonical(bytes)
    }
}
