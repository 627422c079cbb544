//! What waits for the cloud.

use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension as _;

use super::super::{Meta, ReadTx, StoreError};

/// What waits for the cloud, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncBacklog {
    /// When the oldest ledger row that waits was taken.
    pub oldest_unsent: Option<DateTime<Utc>>,
    /// Punches in the ledger.
    pub punches: u64,
    /// Ledger rows written in this life of the disk.
    pub ledger_head: i64,
    /// Of them, applied by the cloud.
    pub ledger_acked: i64,
    /// Of them, safe in the cloud.
    pub ledger_durable: i64,
    /// Changes of records written.
    pub records_head: i64,
    /// Of them, applied by the cloud.
    pub records_acked: i64,
}

impl ReadTx {
    /// What waits for the cloud.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sync_backlog(&self) -> Result<SyncBacklog, StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(SyncBacklog::default()) };
        let stream = |name: &str| -> Result<(i64, i64, i64), StoreError> {
            Ok(self
                .connection()
                .prepare_cached("SELECT head, acked, durable FROM stream WHERE origin = ?1 AND stream = ?2")?
                .query_row(rusqlite::params![origin.number(), name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?
                .unwrap_or_default())
        };
        let (ledger_head, ledger_acked, ledger_durable) = stream("L")?;
        let (records_head, records_acked, _) = stream("R")?;
        let oldest: Option<i64> = self
            .connection()
            .prepare_cached(
                "SELECT g.received_at FROM ledger_log l JOIN ledger g ON g.punch_id = l.punch
                 WHERE l.origin = ?1 AND l.seq > ?2 AND l.entry = 1 ORDER BY l.seq LIMIT 1",
            )?
            .query_row([origin.number(), ledger_acked], |row| row.get(0))
            .optional()?;
        let punches: i64 = self.connection().query_row(
            "SELECT coalesce(sum(new_rows), 0) FROM device_state",
            [],
            |row| row.get(0),
        )?;
        Ok(SyncBacklog {
            oldest_unsent: oldest.and_then(DateTime::from_timestamp_millis),
            punches: u64::try_from(punches).unwrap_or(0),
            ledger_head,
            ledger_acked,
            ledger_durable,
            records_head,
            records_acked,
        })
    }
}
