//! What waits for the cloud, and what was set aside.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension as _;
use shared_model::DeviceId;

use super::super::{Meta, QuarantineReason, ReadTx, StoreError};

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

/// Rows of one clock that cannot be punches, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCount {
    /// The clock, where it has been adopted.
    pub device: Option<DeviceId>,
    /// Its name, or its serial.
    pub clock: String,
    /// Why they cannot be punches.
    pub reason: QuarantineReason,
    /// How many.
    pub rows: u64,
    /// When the newest of them came first.
    pub newest: Option<DateTime<Utc>>,
}

/// Rows looked at for what waits of each clock: who has more waits for the whole.
const COUNTED: i64 = 50_000;

impl ReadTx {
    /// The rows that cannot be punches, by clock and reason, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a reason that is none.
    pub fn quarantine_counts(&self) -> Result<Vec<QuarantineCount>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT d.key, coalesce(d.name, c.serial), q.reason, count(*), max(q.received_at) FROM quarantine q
             JOIN clock c ON c.id = q.clock
             LEFT JOIN rec_device d ON d.serial = c.serial AND d.deleted_dot IS NULL
             GROUP BY q.clock, q.reason ORDER BY max(q.received_at) DESC LIMIT 200",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (reason, newest): (String, i64) = (row.get(2)?, row.get(4)?);
            found.push(QuarantineCount {
                device: row.get(0)?,
                clock: row.get(1)?,
                reason: QuarantineReason::parse(&reason)
                    .ok_or_else(|| StoreError::corrupt("quarantine", "reason", &reason, "no such reason"))?,
                rows: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                newest: DateTime::from_timestamp_millis(newest),
            });
        }
        Ok(found)
    }

    /// Punches of each clock that the cloud has not taken yet, by serial; `None` while too many wait to count them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn unsent_by_clock(&self, backlog: &SyncBacklog) -> Result<Option<HashMap<String, u64>>, StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(Some(HashMap::new())) };
        if backlog.ledger_head - backlog.ledger_acked > COUNTED {
            return Ok(None);
        }
        let mut query = self.connection().prepare_cached(
            "SELECT c.serial, count(*) FROM ledger_log l JOIN ledger g ON g.punch_id = l.punch
             JOIN clock c ON c.id = g.clock
             WHERE l.origin = ?1 AND l.seq > ?2 AND l.entry = 1 GROUP BY c.serial",
        )?;
        let rows = query.query_map([origin.number(), backlog.ledger_acked], |row| {
            Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
        })?;
        Ok(Some(rows.collect::<Result<_, _>>()?))
    }

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
