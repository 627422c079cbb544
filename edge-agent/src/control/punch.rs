//! Punches that somebody should look at.

use chrono::{Days, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use shared_model::RawTime;

use super::{Act, Agent, Progress, Refusal};
use crate::store::FlaggedPunch;

/// The most marks in one answer.
const LIMIT: u32 = 10_000;

/// Lists the marks on punches whose time is in doubt, by the time that the clocks said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListFlags {
    /// From this date on.
    pub from: Option<NaiveDate>,
    /// Up to this date.
    pub to: Option<NaiveDate>,
}

impl Act for ListFlags {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<FlaggedPunch>, Refusal> {
        let midnight = |date: NaiveDate| RawTime::new(date.and_time(NaiveTime::MIN));
        let from = midnight(self.from.unwrap_or(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default()));
        let last = self.to.unwrap_or(NaiveDate::from_ymd_opt(2999, 12, 31).unwrap_or(NaiveDate::MAX));
        let to = midnight(last.checked_add_days(Days::new(1)).unwrap_or(last));
        agent.read(move |tx| tx.flagged_punches(from, to, LIMIT)).await
    }
}
