//! Punches to their owners.

use std::collections::HashSet;

use chrono::NaiveDate;
use shared_model::{EmployeeId, PunchId, UserCode};
use shift_engine::Distribution;

use super::Attendance;
use crate::store::{Cursor, DateSpan, ReadTx, RecomputeScope, StoreError, WriteTx};

/// Punches distributed in one transaction.
const PORTION: u32 = 4000;
/// Ledger rows looked at for strays in one snapshot.
const LOOK: usize = 50_000;

impl Attendance {
    /// Distributes what the delivery log brought since last time.
    pub(super) fn distribute(&mut self) -> Result<(), StoreError> {
        loop {
            let (punches, cursor) = self.store.read_blocking(|tx| tx.undistributed(PORTION))?;
            if cursor.is_empty() {
                return Ok(());
            }
            // Whose a punch is was asked of records that may have changed since the rules were read.
            self.refresh_rules()?;
            let Some(rules) = &self.rules else { return Ok(()) };
            let found = rules.directory.distribute(&punches);
            crate::fault_point!("recompute.before_distribute");
            self.store.write_blocking(move |tx| tx.distribute(&found, &cursor))?;
        }
    }

    /// Looks once more at punches that were nobody's, of codes that have an owner by now.
    pub(super) fn settle_strays(&mut self) -> Result<(), StoreError> {
        let Some(rules) = self.rules.as_ref().filter(|rules| self.strays_seen_at != Some(rules.version))
        else {
            return Ok(());
        };
        let version = rules.version;
        let mut strays = self.store.read_blocking(ReadTx::strays)?;
        strays.retain(|stray| rules.directory.identities().owners_of_code(&stray.code).next().is_some());
        let (Some(from), Some(to)) =
            (strays.iter().map(|stray| stray.from).min(), strays.iter().map(|stray| stray.to).max())
        else {
            self.strays_seen_at = Some(version);
            return Ok(());
        };
        let codes: HashSet<UserCode> = strays.iter().map(|stray| stray.code.clone()).collect();
        let mut still = Distribution::default();
        let mut after = Some(PunchId::lower_bound(from));
        while let Some(place) = after {
            let codes = &codes;
            let (punches, next) =
                self.store.read_blocking(move |tx| tx.punches_of_codes(codes, place, to, LOOK))?;
            let mut found = rules.directory.distribute(&punches);
            for (code, (from, to)) in std::mem::take(&mut found.strays) {
                still.add_stray(code, from, to);
            }
            self.store.write_blocking(move |tx| {
                tx.distribute(&found, &Cursor::new())?;
                ask_for_days(tx, &found.owned)
            })?;
            after = next;
        }
        // What lies outside every identity's time stays a stray until a record changes again.
        self.store.write_blocking(move |tx| {
            tx.strays_settled(&strays)?;
            tx.distribute(&still, &Cursor::new())
        })?;
        self.strays_seen_at = Some(version);
        Ok(())
    }
}

/// Asks for the days of punches that found their owner late.
pub(super) fn ask_for_days(
    tx: &WriteTx,
    owned: &[(EmployeeId, NaiveDate, PunchId)],
) -> Result<(), StoreError> {
    let days: HashSet<_> = owned.iter().map(|(employee, date, _)| (*employee, *date)).collect();
    for (employee, date) in days {
        tx.ask_recompute(&RecomputeScope::Employee(employee), DateSpan::day(date))?;
    }
    Ok(())
}
