//! Punches that were nobody's when they came, once their code has an owner.

use shared_model::{CompanyId, PunchId};
use shift_engine::Distribution;

use super::Attendance;
use super::portion::days_of;
use crate::store::attendance::intake;
use crate::store::{StoreError, recompute};

/// Ledger rows looked at in one transaction.
const LOOK: i64 = 50_000;

impl Attendance {
    /// Looks once more for the owners of strays, after the records changed.
    pub(super) async fn settle_strays(&mut self, company: CompanyId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some((mut tx, directory)) = self.begin(company).await? else { return Ok(()) };
        if self.known.get(&company).is_some_and(|known| known.strays_seen) {
            return tx.rollback().await;
        }
        let mut strays = intake::strays(&mut tx).await?;
        strays.retain(|stray| directory.identities().owners_of_code(&stray.code).next().is_some());
        let from = strays.iter().map(|stray| stray.span.0).min();
        let to = strays.iter().map(|stray| stray.span.1).max();
        if let (Some(from), Some(to)) = (from, to) {
            let codes: Vec<String> = strays.iter().map(|stray| stray.code.to_string()).collect();
            let mut still = Distribution::default();
            let mut owned = Vec::new();
            let mut after = Some(PunchId::lower_bound(from));
            while let Some(place) = after {
                let (punches, next) = intake::punches_of_codes(&mut tx, &codes, place, to, LOOK).await?;
                let mut found = directory.distribute(&punches);
                for (code, (from, to)) in std::mem::take(&mut found.strays) {
                    still.add_stray(code, from, to);
                }
                intake::distribute(&mut tx, &found).await?;
                recompute::ask(&mut tx, &days_of(&found.owned), now).await?;
                owned.append(&mut found.owned);
                after = next;
            }
            // What lies outside every identity's time stays a stray until a record changes again.
            intake::strays_settled(&mut tx, &strays).await?;
            intake::distribute(&mut tx, &still).await?;
            if directory.sites().nth(1).is_some() {
                intake::send_home(&mut tx, &owned).await?;
            }
        }
        tx.commit().await?;
        if let Some(known) = self.known.get_mut(&company) {
            known.strays_seen = true;
        }
        Ok(())
    }
}
