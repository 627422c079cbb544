//! The overtime of a day, from found to payable.

use serde::{Deserialize, Serialize};

use super::{is_default, named};
use crate::policy::Rate;
use crate::time::Seconds;

/// The overtime of a day, from found to payable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overtime {
    /// What the rules find.
    #[serde(default, skip_serializing_if = "is_default")]
    pub found: Seconds,
    /// What counts after minimum, unit and cap.
    #[serde(default, skip_serializing_if = "is_default")]
    pub counted: Seconds,
    /// What was approved; `None` = nobody decided.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approved: Option<Seconds>,
    /// What is paid.
    #[serde(default, skip_serializing_if = "is_default")]
    pub payable: Seconds,
    /// Of what counts, what is above a legal maximum. Shown, never hidden.
    #[serde(default, skip_serializing_if = "is_default")]
    pub above_limit: Seconds,
    /// Where approval stands.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approval: OvertimeState,
    /// What counts, by tier.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tiers: Vec<TierTime>,
    /// What the rules find, by tier, where that is not what counts: weeks and periods go on from it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub found_tiers: Vec<TierTime>,
}

impl Overtime {
    /// What the rules find, by tier.
    #[must_use]
    pub fn found_by_tier(&self) -> &[TierTime] {
        if self.found_tiers.is_empty() { &self.tiers } else { &self.found_tiers }
    }
}

/// Where the approval of a day's overtime stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OvertimeState {
    /// There is none.
    #[default]
    None,
    /// It needs no approval.
    Automatic,
    /// It waits.
    ToApprove,
    /// It was approved, perhaps in part.
    Approved,
    /// It was refused.
    Rejected,
}

named! {
    /// What makes time of a tier overtime.
    TierKind {
        /// Work on a public holiday.
        Holiday = "holiday",
        /// Work on a weekly off.
        OffDay = "off_day",
        /// Work on the n-th day in a row.
        Consecutive = "consecutive",
        /// The day.
        Daily = "daily",
        /// The week.
        Weekly = "weekly",
        /// The period.
        Period = "period",
    }
}

/// Time of one tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierTime {
    /// What makes it overtime.
    pub kind: TierKind,
    /// The tier's name.
    pub id: Box<str>,
    /// What it is worth.
    pub rate: Rate,
    /// How much.
    pub seconds: Seconds,
}
