//! A clock code that is somebody's no longer.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use shared_model::entity::{Employee, Identity, Site};
use shared_model::text::EmployeeCode;
use shared_model::{ClockSerial, IdentityId, UserCode};

use super::super::find::{Records as _, missing};
use super::super::{Act, Agent, Outcome, Progress, Refusal, Saved, saved};
use crate::store::{Author, StoreError, WriteTx};

/// Ends a clock code: from a date on, punches under it are nobody's or another person's. Punches before keep their owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndCode {
    /// The code.
    pub code: UserCode,
    /// The clock on which it counts; `None` = the code on every clock.
    pub clock: Option<ClockSerial>,
    /// The first date on which it is not the person's, at the person's site.
    pub from: NaiveDate,
    /// Whose it is from then on; `None` = nobody's.
    pub give_to: Option<EmployeeCode>,
}

impl EndCode {
    /// Ends it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for a code that nobody has or a person who is not there, [`StoreError::Invalid`] for a date on
    /// which it was not the person's yet and for a person who has it already.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let Self { code, clock, from, give_to } = self;
        let mut known = tx.records::<Identity>()?;
        known.retain(|known| {
            known.record.user_code == code && known.record.serial == clock && known.record.to.is_none()
        });
        // Of several claims the one made last counts.
        let counts = known.into_iter().max_by_key(|known| known.id);
        let old = counts.ok_or_else(|| missing("owner of the clock code", &code))?;
        let holder = tx
            .record::<Employee>(old.record.employee)?
            .ok_or_else(|| missing("employee", old.record.employee))?;
        let site = tx
            .record::<Site>(holder.record.site)?
            .ok_or_else(|| missing("site of the employee", &holder.record.code))?;
        let at: DateTime<Utc> = site.record.zones.resolve(from.and_time(NaiveTime::MIN)).0;
        if old.record.from.is_some_and(|began| at <= began) {
            let text =
                format!("the clock code {code} is not employee {}'s before {from}", holder.record.code);
            return Err(StoreError::Invalid(text));
        }
        let next = give_to.map(|next| tx.employee(&next)).transpose()?;
        if next.as_ref().is_some_and(|next| next.id == holder.id) {
            let text = format!("the clock code {code} is already employee {}'s", holder.record.code);
            return Err(StoreError::Invalid(text));
        }
        let ended = Identity { to: Some(at), ..old.record.clone() };
        tx.update(author, old.id, Some(old.vv), &ended)?;
        if let Some(next) = next {
            let given = Identity {
                serial: clock,
                user_code: code.clone(),
                employee: next.id,
                from: Some(at),
                to: None,
            };
            tx.create(author, IdentityId::mint(tx.clock(), tx.entropy()), &given)?;
        }
        Ok(saved::<Identity>(old.id, code.to_string(), Outcome::Updated))
    }
}

impl Act for EndCode {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}
