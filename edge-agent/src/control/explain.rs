//! Why an employee's days are what they are.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::text::EmployeeCode;

use super::find::Records;
use super::{Act, Agent, Progress, Refusal};
use crate::attendance::explain::{ExplainedDay, explain};

/// Asks why an employee's days are what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainDays {
    /// The number on the card.
    pub employee: EmployeeCode,
    /// First work date.
    pub from: NaiveDate,
    /// Last work date.
    pub to: NaiveDate,
}

impl ExplainDays {
    /// The most dates explained at once.
    pub const MAX_DAYS: i64 = 31;
}

impl Act for ExplainDays {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<ExplainedDay>, Refusal> {
        let days = (self.to - self.from).num_days() + 1;
        if !(1..=Self::MAX_DAYS).contains(&days) {
            let text = format!("from 1 to {} days are explained at once", Self::MAX_DAYS);
            return Err(Refusal::refused(text));
        }
        let now = agent.clock.now();
        agent
            .read(move |tx| {
                let employee = Records::employee(tx, &self.employee)?.id;
                explain(tx, employee, (self.from, self.to), now)
            })
            .await
    }
}
