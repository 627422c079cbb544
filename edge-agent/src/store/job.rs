//! The durable queue of work: put in with what it is about, done at least once, tried again with rising pauses.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, WriteTx};

/// How long a taken job belongs to its taker; after that it is offered again, milliseconds.
const TAKEN_MS: i64 = 10 * 60 * 1000;
/// Tries after which a job is given up and shown.
const TRIES: i64 = 20;

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What to do.
    pub name: String,
    /// With what: JSON.
    pub payload: String,
    /// How often it was tried before.
    pub attempts: i64,
}

impl WriteTx {
    /// Puts a job in, due at an instant (milliseconds UTC). With a key, a second open job of the key is the same one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn put_job(
        &self,
        name: &str,
        payload: &str,
        once_key: Option<&str>,
        due_at: i64,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO job (name, payload, once_key, due_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (once_key) DO UPDATE SET due_at = min(due_at, excluded.due_at)",
            )?
            .execute(params![name, payload, once_key, due_at, self.now_ms()])?;
        Ok(())
    }

    /// Takes the job that is longest due, if any.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn take_job(&self) -> Result<Option<Job>, StoreError> {
        let now = self.now_ms();
        Ok(self
            .connection
            .prepare_cached(
                "UPDATE job SET taken_until = ?1 + ?2, attempts = attempts + 1 WHERE id = (
                    SELECT id FROM job WHERE state = 'open' AND due_at <= ?1 AND coalesce(taken_until, 0) <= ?1
                    ORDER BY due_at LIMIT 1)
                 RETURNING id, name, payload, attempts - 1",
            )?
            .query_row(params![now, TAKEN_MS], |row| {
                Ok(Job { id: row.get(0)?, name: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
            })
            .optional()?)
    }

    /// A job is done: its row goes, so that its key is free again.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn finish_job(&self, id: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM job WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// A job failed: it is due again at `retry_at`, or given up after too many tries.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn fail_job(&self, id: i64, error: &str, retry_at: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE job SET taken_until = NULL, last_error = ?2, due_at = ?3,
                    state = CASE WHEN attempts >= ?4 THEN 'failed' ELSE 'open' END
                 WHERE id = ?1",
            )?
            .execute(params![id, error, retry_at, TRIES])?;
        Ok(())
    }
}
