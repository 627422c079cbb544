//! Whether the database is sound, and how much of everything there is: for `status` and `doctor`.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{ReadTx, StoreError, schema};

/// What a look through the whole database found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is broken in the file; empty = nothing.
    pub broken: Vec<String>,
    /// The first row of the audit log that does not fit the chain.
    pub broken_audit_row: Option<i64>,
    /// The schema version of the file.
    pub schema: i64,
    /// The newest one this program knows.
    pub known_schema: i64,
    /// Bytes of the file.
    pub bytes: i64,
}

/// Days that are not final yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unfinished {
    /// Employee-days that wait for a clock or for their window to close.
    pub provisional_days: i64,
    /// The oldest of them.
    pub oldest: Option<NaiveDate>,
    /// Requests to recompute that wait.
    pub recompute: i64,
    /// Punches in the ledger that have not been given to their owners.
    #[serde(default)]
    pub undistributed: i64,
}

impl Unfinished {
    /// Whether nothing waits: what is stored is what the punches give.
    #[must_use]
    pub const fn is_worked_off(&self) -> bool {
        self.recompute == 0 && self.undistributed == 0
    }
}

/// What all clocks together delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerTotals {
    /// Rows read.
    pub read: i64,
    /// Of them, punches that were new.
    pub new: i64,
    /// Of them, repeats.
    pub repeat: i64,
    /// Of them, rows that cannot be punches.
    pub quarantined: i64,
}

impl ReadTx {
    /// Looks through the whole database.
    ///
    /// # Errors
    /// What SQLite says where not even that can be done.
    pub fn health(&self) -> Result<Health, StoreError> {
        let mut check = self.connection.prepare("PRAGMA quick_check(20)")?;
        let found = check.query_map([], |row| row.get::<_, String>(0))?;
        let broken: Vec<String> = found.collect::<Result<_, _>>()?;
        Ok(Health {
            broken: broken.into_iter().filter(|line| line != "ok").collect(),
            broken_audit_row: self.broken_audit_link()?,
            schema: schema::version(&self.connection)?,
            known_schema: schema::known_version(),
            bytes: self.file_bytes()?,
        })
    }

    /// Bytes of the database's file.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn file_bytes(&self) -> Result<i64, StoreError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Days that are not final, and work that waits.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn unfinished(&self) -> Result<Unfinished, StoreError> {
        let sql = "SELECT count(*), min(work_date) FROM attendance_day WHERE provisional = 1";
        let (provisional_days, oldest): (i64, Option<String>) =
            self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let oldest = oldest.and_then(|text| text.parse().ok());
        let behind = "SELECT coalesce(sum(s.head - coalesce(i.seq, 0)), 0) FROM stream s
                      LEFT JOIN attendance_intake i ON i.origin = s.origin
                      WHERE s.stream = 'L' AND s.head > coalesce(i.seq, 0)";
        Ok(Unfinished {
            provisional_days,
            oldest,
            recompute: self.recompute_waiting()?,
            undistributed: self.connection.query_row(behind, [], |row| row.get(0))?,
        })
    }

    /// What all clocks together delivered.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        let sql =
            "SELECT coalesce(sum(read_rows), 0), coalesce(sum(new_rows), 0), coalesce(sum(repeat_rows), 0),
                          coalesce(sum(quarantine_rows), 0) FROM device_state";
        Ok(self.connection.query_row(sql, [], |row| {
            Ok(LedgerTotals {
                read: row.get(0)?,
                new: row.get(1)?,
                repeat: row.get(2)?,
                quarantined: row.get(3)?,
            })
        })?)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::tests::open;

    #[test]
    fn a_fresh_database_is_sound_and_empty() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        store
            .read_blocking(|tx| {
                let health = tx.health()?;
                assert_eq!((health.broken.len(), health.broken_audit_row), (0, None));
                assert_eq!(health.schema, health.known_schema);
                assert!(health.bytes > 0);
                assert_eq!(tx.unfinished()?, super::Unfinished::default());
                assert_eq!(tx.ledger_totals()?, super::LedgerTotals::default());
                Ok(())
            })
            .unwrap();
    }
}
