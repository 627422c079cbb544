//! Rows that a clock delivered and that cannot be punches: kept with their bytes, counted once.

use chrono::{DateTime, Utc};
use rusqlite::params;
use serde::Serialize;
use shared_model::Route;

use super::{ReadTx, StoreError, WriteTx};

/// Why a row cannot be a punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineReason {
    /// Its date does not exist.
    ImpossibleDate,
    /// Its date lies outside what can be true: before 2000 or more than two days ahead.
    ImplausibleDate,
    /// The user it names is none.
    BadUser,
    /// It could be read, but does not look like a punch.
    Doubtful,
    /// It is no row at all.
    Malformed,
}

impl QuarantineReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::ImpossibleDate, Self::ImplausibleDate, Self::BadUser, Self::Doubtful, Self::Malformed];

    /// Its name in storage and locale keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImpossibleDate => "impossible_date",
            Self::ImplausibleDate => "implausible_date",
            Self::BadUser => "bad_user",
            Self::Doubtful => "doubtful",
            Self::Malformed => "malformed",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A row that cannot be a punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Why not.
    pub reason: QuarantineReason,
    /// What exactly, for a person.
    pub detail: String,
    /// The row as it came, at most [`shared_model::Punch::RAW_MAX`] bytes.
    pub raw: Box<[u8]>,
}

/// A quarantined row, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuarantinedRow {
    /// Its number.
    pub id: i64,
    /// The clock's serial.
    pub serial: String,
    /// Why it is here.
    pub reason: QuarantineReason,
    /// What exactly.
    pub detail: String,
    /// Its bytes, hexadecimal.
    pub raw: String,
    /// When it first came.
    pub received_at: DateTime<Utc>,
}

impl WriteTx {
    /// Keeps a bad row; whether it was seen for the first time.
    pub(super) fn quarantine(&self, clock: i64, route: Route, bad: &BadRow) -> Result<bool, StoreError> {
        let hash = blake3::hash(&bad.raw);
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT INTO quarantine (clock, hash, route, reason, detail, raw, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                clock,
                &hash.as_bytes()[..16],
                route.number(),
                bad.reason.as_str(),
                bad.detail,
                bad.raw,
                self.now_ms()
            ])?;
        Ok(inserted == 1)
    }
}

impl ReadTx {
    /// Quarantined rows before a number, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn quarantined_before(&self, id: i64, limit: u32) -> Result<Vec<QuarantinedRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT q.id, c.serial, q.reason, q.detail, q.raw, q.received_at FROM quarantine q
             JOIN clock c ON c.id = q.clock WHERE q.id < ?1 ORDER BY q.id DESC LIMIT ?2",
        )?;
        let mut rows = query.query(params![id, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let (reason, raw, at): (String, Vec<u8>, i64) = (row.get(2)?, row.get(4)?, row.get(5)?);
            found.push(QuarantinedRow {
                id,
                serial: row.get(1)?,
                reason: QuarantineReason::parse(&reason)
                    .ok_or_else(|| StoreError::corrupt("quarantine", "reason", id, &reason))?,
                detail: row.get(3)?,
                raw: hex::encode(raw),
                received_at: DateTime::from_timestamp_millis(at).unwrap_or_default(),
            });
        }
        Ok(found)
    }
}
