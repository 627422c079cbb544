//! Rows that a clock delivered and that cannot be punches: kept with their bytes, counted once.
//!
//! What could be a punch of somebody, were its time another, is always kept. What nobody can read is kept within bounds,
//! so that a broken or hostile clock does not fill the disk; what is left out is counted and shown.

use chrono::{DateTime, Utc};
use rusqlite::params;
use serde::Serialize;
use shared_model::{ClockSerial, Route};

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

/// Rows of one clock that nobody can read, kept in a day and in all.
const UNREADABLE_A_DAY: i64 = 1_000;
const UNREADABLE: i64 = 20_000;
/// Rows of one clock with a date that does not exist, kept in a day: more than a factory punches.
const UNDATED_A_DAY: i64 = 20_000;

/// How a row that cannot be a punch is kept.
enum Bound {
    /// Always: its time exists, and a person may tell what it means.
    Always,
    /// Its date does not exist.
    Undated,
    /// Nobody can read it.
    Unreadable,
}

impl QuarantineReason {
    const fn bound(self) -> Bound {
        match self {
            Self::ImplausibleDate | Self::Doubtful => Bound::Always,
            Self::ImpossibleDate => Bound::Undated,
            Self::BadUser | Self::Malformed => Bound::Unreadable,
        }
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
    /// How often it came.
    pub times: i64,
    /// When it last came.
    pub last_at: DateTime<Utc>,
}

impl WriteTx {
    /// Keeps a bad row; whether it was seen for the first time. One that is left out for want of room counts as such: it
    /// cannot be told apart from another one.
    pub(super) fn quarantine(&self, clock: i64, route: Route, bad: &BadRow) -> Result<bool, StoreError> {
        let hash = blake3::hash(&bad.raw);
        let (hash, now) = (&hash.as_bytes()[..16], self.now_ms());
        let again = self
            .connection
            .prepare_cached(
                "UPDATE quarantine SET times = times + 1, last_at = ?3 WHERE clock = ?1 AND hash = ?2",
            )?
            .execute(params![clock, hash, now])?;
        if again == 1 {
            return Ok(false);
        }
        if !self.room_in_quarantine(clock, bad.reason)? {
            return Ok(true);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO quarantine (clock, hash, route, reason, detail, raw, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![clock, hash, route.number(), bad.reason.as_str(), bad.detail, bad.raw, now])?;
        Ok(true)
    }

    /// Takes room for one more row of a clock. Where there is none, that is counted.
    fn room_in_quarantine(&self, clock: i64, reason: QuarantineReason) -> Result<bool, StoreError> {
        let (undated, unreadable) = match reason.bound() {
            Bound::Always => return Ok(true),
            Bound::Undated => (1, 0),
            Bound::Unreadable => (0, 1),
        };
        let day = self.now_ms().div_euclid(86_400_000);
        let (undated_today, today, all): (i64, i64, i64) = self
            .connection
            .prepare_cached(
                "SELECT coalesce(sum(iif(day = ?2, undated, 0)), 0), coalesce(sum(iif(day = ?2, unreadable, 0)), 0),
                    coalesce(sum(unreadable), 0)
                 FROM quarantine_day WHERE clock = ?1",
            )?
            .query_row([clock, day], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let room = undated_today + undated <= UNDATED_A_DAY
            && today + unreadable <= UNREADABLE_A_DAY
            && all + unreadable <= UNREADABLE;
        let (undated, unreadable) = if room { (undated, unreadable) } else { (0, 0) };
        self.connection
            .prepare_cached(
                "INSERT INTO quarantine_day (clock, day, undated, unreadable, dropped) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET undated = undated + excluded.undated,
                    unreadable = unreadable + excluded.unreadable, dropped = dropped + excluded.dropped",
            )?
            .execute(params![clock, day, undated, unreadable, i64::from(!room)])?;
        Ok(room)
    }
}

impl ReadTx {
    /// Quarantined rows before a number, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn quarantined_before(&self, id: i64, limit: u32) -> Result<Vec<QuarantinedRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT q.id, c.serial, q.reason, q.detail, q.raw, q.received_at, q.times,
                coalesce(q.last_at, q.received_at) FROM quarantine q
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
                times: row.get(6)?,
                last_at: DateTime::from_timestamp_millis(row.get(7)?).unwrap_or_default(),
            });
        }
        Ok(found)
    }

    /// Rows of a clock that cannot be punches and were left out for want of room.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn left_out_of_quarantine(&self, serial: &ClockSerial) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(sum(dropped), 0) FROM quarantine_day q JOIN clock c ON c.id = q.clock
                   WHERE c.serial = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([serial.as_str()], |row| row.get(0))?)
    }
}
