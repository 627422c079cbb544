//! Figures for a monitoring program, in one reading.

use super::{AdoptedDevice, Meta, ReadTx, StoreError};
use crate::sync::status::SyncStatus;

/// What a monitoring program is told; instants are milliseconds UTC.
#[derive(Debug, Clone)]
pub struct Figured {
    /// How things stand with the cloud.
    pub sync: SyncStatus,
    /// Place in the cloud's feed up to which pages were applied.
    pub cursor: i64,
    /// The cursor at the last page that had no more behind it.
    pub clean: i64,
    /// The feed's epoch.
    pub feed_epoch: i64,
    /// Every clock.
    pub devices: Vec<AdoptedDevice>,
    /// Clocks that wait for adoption.
    pub pending_clocks: i64,
    /// Rows that cannot be punches.
    pub quarantine: i64,
    /// Employee-days that are not final.
    pub provisional_days: i64,
    /// Recomputations that wait.
    pub recompute: i64,
    /// When the oldest of them was asked for.
    pub recompute_oldest_ms: Option<i64>,
    /// Jobs that are due.
    pub jobs_due: i64,
    /// Jobs that were given up.
    pub jobs_failed: i64,
    /// Since when the oldest due job has been due.
    pub job_oldest_ms: Option<i64>,
    /// Bytes of the database's file.
    pub database_bytes: i64,
}

impl ReadTx {
    /// The figures at an instant, milliseconds UTC.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn figures(&self, now_ms: i64) -> Result<Figured, StoreError> {
        let number = |sql: &str| -> Result<i64, StoreError> {
            Ok(self.connection().prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        };
        let (jobs_due, jobs_failed, job_oldest_ms) = self
            .connection()
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE state = 'open' AND due_at <= ?1), count(*) FILTER (WHERE state = 'failed'),
                        min(due_at) FILTER (WHERE state = 'open' AND due_at <= ?1) FROM job",
            )?
            .query_row([now_ms], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let recompute_oldest_ms = self
            .connection()
            .prepare_cached("SELECT min(queued_at) FROM recompute_queue")?
            .query_row([], |row| row.get(0))?;
        let unfinished = self.unfinished()?;
        Ok(Figured {
            sync: self.sync_status()?,
            cursor: self.meta(Meta::CURSOR)?.unwrap_or(0),
            clean: self.meta(Meta::CLEAN)?.unwrap_or(0),
            feed_epoch: self.meta(Meta::FEED_EPOCH)?.unwrap_or(0),
            devices: self.devices()?,
            pending_clocks: number("SELECT count(*) FROM pending_device")?,
            quarantine: number("SELECT count(*) FROM quarantine")?,
            provisional_days: unfinished.provisional_days,
            recompute: unfinished.recompute,
            recompute_oldest_ms,
            jobs_due,
            jobs_failed,
            job_oldest_ms,
            database_bytes: self.file_bytes()?,
        })
    }
}
