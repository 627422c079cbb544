//! Punches by clock, for the cloud to show beside its own count.

use std::collections::BTreeMap;

use rusqlite::params;
use sync_protocol::{Origin, Stream};

use super::rows;
use crate::store::{Meta, ReadTx, StoreError};

/// Punches in the ledger by clock, kept up to date by what the log added since.
#[derive(Debug, Clone, Default)]
pub struct LedgerCounts {
    /// The log and the place up to which it is counted.
    counted: Option<(Origin, i64)>,
    punches: BTreeMap<String, i64>,
}

impl LedgerCounts {
    /// Punches in the ledger of a clock.
    #[must_use]
    pub fn of(&self, serial: &str) -> i64 {
        self.punches.get(serial).copied().unwrap_or(0)
    }
}

impl ReadTx {
    /// Counts what came into the ledger since `before`; all of it for a new life of the disk.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn count_ledger(&self, before: LedgerCounts) -> Result<LedgerCounts, StoreError> {
        let missing = || StoreError::Missing { what: "origin", id: "meta".to_owned() };
        let origin = self.meta(Meta::ORIGIN)?.ok_or_else(missing)?;
        let head = rows::head(&self.connection, origin, Stream::Ledger)?;
        let known = before.counted.filter(|(counted, _)| *counted == origin).map(|(_, place)| place);
        let mut counts = if known.is_some() { before } else { LedgerCounts::default() };
        counts.counted = Some((origin, head));
        // The log names each punch once in a life; without a count before, the ledger itself is counted.
        let (sql, from) = match known {
            Some(place) => (
                "SELECT c.serial, count(*) FROM ledger_log g JOIN ledger l ON l.punch_id = g.punch
                 JOIN clock c ON c.id = l.clock WHERE g.origin = ?1 AND g.seq > ?2 AND g.entry = 1 GROUP BY c.serial",
                place,
            ),
            None => (
                "SELECT c.serial, n FROM (SELECT clock, count(*) AS n FROM ledger GROUP BY clock)
                 JOIN clock c ON c.id = clock WHERE ?1 > 0 AND ?2 = 0",
                0,
            ),
        };
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query(params![origin.number(), from])?;
        while let Some(row) = found.next()? {
            *counts.punches.entry(row.get(0)?).or_default() += row.get::<_, i64>(1)?;
        }
        Ok(counts)
    }
}
