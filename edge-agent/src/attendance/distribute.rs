//! Punches to their owners.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use shared_model::{EmployeeId, PunchId, UserCode};
use shift_engine::StoredPunch;

use super::Attendance;
use super::rules::Rules;
use crate::store::{Cursor, DateSpan, Distribution, ReadTx, RecomputeScope, StoreError, Stray, WriteTx};

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
            let found = sorted(rules, &punches);
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
        strays.retain(|stray| rules.identities.owners_of_code(&stray.code).next().is_some());
        let (Some(from), Some(to)) =
            (strays.iter().map(|stray| stray.from).min(), strays.iter().map(|stray| stray.to).max())
        else {
            self.strays_seen_at = Some(version);
            return Ok(());
        };
        let codes: HashSet<UserCode> = strays.iter().map(|stray| stray.code.clone()).collect();
        let mut left: BTreeMap<UserCode, Stray> = BTreeMap::new();
        let mut after = Some(PunchId::lower_bound(from));
        while let Some(place) = after {
            let codes = &codes;
            let (punches, next) =
                self.store.read_blocking(move |tx| tx.punches_of_codes(codes, place, to, LOOK))?;
            let mut found = sorted(rules, &punches);
            found.strays.drain(..).for_each(|stray| widen(&mut left, stray));
            self.store.write_blocking(move |tx| {
                tx.distribute(&found, &Cursor::new())?;
                ask_for_days(tx, &found.owned)
            })?;
            after = next;
        }
        // What lies outside every identity's time stays a stray until a record changes again.
        let still = Distribution { owned: Vec::new(), strays: left.into_values().collect() };
        self.store.write_blocking(move |tx| {
            tx.strays_settled(&strays)?;
            tx.distribute(&still, &Cursor::new())
        })?;
        self.strays_seen_at = Some(version);
        Ok(())
    }
}

/// Punches by owner; what is nobody's by code.
pub(super) fn sorted(rules: &Rules, punches: &[StoredPunch]) -> Distribution {
    let mut found = Distribution::default();
    let mut strays: BTreeMap<UserCode, Stray> = BTreeMap::new();
    for punch in punches {
        match rules.identities.owner(&punch.serial, &punch.code, punch.instant) {
            Some(owner) => found.owned.push((owner, punch.raw_time.wall().date(), punch.id)),
            None => {
                let (code, at) = (punch.code.clone(), punch.raw_time);
                widen(&mut strays, Stray { code, from: at, to: at });
            }
        }
    }
    found.strays = strays.into_values().collect();
    found
}

fn widen(strays: &mut BTreeMap<UserCode, Stray>, stray: Stray) {
    strays
        .entry(stray.code.clone())
        .and_modify(|known| {
            known.from = known.from.min(stray.from);
            known.to = known.to.max(stray.to);
        })
        .or_insert(stray);
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
