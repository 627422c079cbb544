//! The audit log: who did what, in the transaction of what it tells, chained.
//!
//! ```text
//! hash = SHA-256( "v1" ‖ hash of the row before (32 zero bytes for the first)
//!                 ‖ seq i64 LE ‖ at i64 LE ‖ monotonic i64 LE ‖ actor 16 bytes
//!                 ‖ for via, action, subject, before, after: length u32 LE ‖ UTF-8 )
//! ```
//!
//! Never in it: passwords, tokens, comm keys, templates.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use shared_model::ActorId;

use super::{ReadTx, StoreError, WriteTx};

/// From where something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The command line on the machine itself.
    Console,
    /// The local web pages.
    Ui,
    /// The cloud, by sync.
    Sync,
    /// A clock said so.
    Device,
    /// The program by itself.
    System,
}

impl Via {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Ui => "ui",
            Self::Sync => "sync",
            Self::Device => "device",
            Self::System => "system",
        }
    }
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Its place.
    pub seq: i64,
    /// When, milliseconds UTC.
    pub at: i64,
    /// Milliseconds since the program started.
    pub monotonic_ms: i64,
    /// Who.
    pub actor: ActorId,
    /// From where.
    pub via: String,
    /// What was done, `area.verb`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What was there before, JSON or empty.
    pub before: String,
    /// What is there now, JSON or empty.
    pub after: String,
    /// Its link of the chain.
    #[serde(skip)]
    pub hash: [u8; 32],
}

impl AuditRow {
    fn link(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"v1");
        hash.update(before);
        for number in [self.seq, self.at, self.monotonic_ms] {
            hash.update(number.to_le_bytes());
        }
        hash.update(self.actor.uuid().as_bytes());
        for text in [&self.via, &self.action, &self.subject, &self.before, &self.after] {
            hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }
}

impl WriteTx {
    /// Adds a row to the audit log.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn audit(
        &self,
        actor: ActorId,
        via: Via,
        action: &str,
        subject: &str,
        before: &str,
        after: &str,
    ) -> Result<(), StoreError> {
        let last: Option<(i64, [u8; 32])> = self
            .connection
            .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (seq, link) = last.map_or((1, [0; 32]), |(seq, hash)| (seq + 1, hash));
        let mut row = AuditRow {
            seq,
            at: self.now_ms(),
            monotonic_ms: i64::try_from(self.clock().monotonic_ms()).unwrap_or(i64::MAX),
            actor,
            via: via.as_str().to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            hash: [0; 32],
        };
        row.hash = row.link(&link);
        self.connection
            .prepare_cached(
                "INSERT INTO audit (seq, at, monotonic_ms, actor, via, action, subject, before, after, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                row.seq,
                row.at,
                row.monotonic_ms,
                row.actor,
                row.via,
                row.action,
                row.subject,
                row.before,
                row.after,
                row.hash
            ])?;
        Ok(())
    }
}

fn audit_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get(0)?,
        at: row.get(1)?,
        monotonic_ms: row.get(2)?,
        actor: row.get(3)?,
        via: row.get(4)?,
        action: row.get(5)?,
        subject: row.get(6)?,
        before: row.get(7)?,
        after: row.get(8)?,
        hash: row.get(9)?,
    })
}

impl ReadTx {
    /// Audit rows before a place, newest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn audit_before(&self, seq: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT seq, at, monotonic_ms, actor, via, action, subject, before, after, hash
             FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
        )?;
        let rows = query.query_map(params![seq, limit], audit_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Follows the chain from the first row to the last: the place of the first row that does not fit, if any.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn broken_audit_link(&self) -> Result<Option<i64>, StoreError> {
        broken_link(&self.connection)
    }
}

fn broken_link(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut query = connection.prepare(
        "SELECT seq, at, monotonic_ms, actor, via, action, subject, before, after, hash FROM audit ORDER BY seq",
    )?;
    let mut link = [0; 32];
    for (row, wanted) in query.query_map([], audit_row)?.zip(1..) {
        let row = row?;
        if row.seq != wanted || row.link(&link) != row.hash {
            return Ok(Some(wanted));
        }
        link = row.hash;
    }
    Ok(None)
}
