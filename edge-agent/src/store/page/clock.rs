//! One clock's page: what came from it lately, what could not be read.

use chrono::{DateTime, Duration, Utc};
use rusqlite::params;
use shared_model::{ClockSerial, RawTime};

use super::super::{QuarantinedRow, ReadTx, StoreError};
use super::PAGE;
use super::feed::{PUNCH, SeenPunch, seen_punch, time_bound};

/// A person who punched at a clock under a code that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCode {
    /// The code.
    pub code: String,
    /// The name the clock shows for it.
    pub name: Option<String>,
    /// Punches under it within the time looked at.
    pub punches: u32,
    /// The newest of them.
    pub newest: Option<RawTime>,
}

impl ReadTx {
    /// The newest punches of one clock within the last 31 days.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clock_punches(
        &self,
        serial: &ClockSerial,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<SeenPunch>, StoreError> {
        let sql =
            format!("{PUNCH} WHERE c.serial = ?1 AND g.punch_id >= ?2 ORDER BY g.punch_id DESC LIMIT ?3");
        let mut query = self.connection().prepare_cached(&sql)?;
        let since = time_bound(now - Duration::days(31));
        let rows = query.query_map(params![serial.as_str(), since, limit.min(PAGE)], seen_punch)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A clock's quarantined rows before a number, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn clock_quarantine(
        &self,
        serial: &ClockSerial,
        before: i64,
        limit: u32,
    ) -> Result<Vec<QuarantinedRow>, StoreError> {
        // Few rows are ever quarantined; those of other clocks are passed over.
        let mut found = Vec::new();
        let mut place = before;
        while found.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            let rows = self.quarantined_before(place, 500)?;
            let Some(last) = rows.last() else { break };
            place = last.id;
            found.extend(rows.into_iter().filter(|row| row.serial == serial.as_str()));
        }
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// How many codes punched within the last 31 days and belong to nobody, as far as punches have been given to their
    /// owners.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn unknown_code_count(&self, now: DateTime<Utc>) -> Result<u32, StoreError> {
        let mut query = self.connection().prepare_cached(
            // Only of a code that somebody has, or had, the punches themselves must be looked at.
            "SELECT count(*) FROM attendance_stray s WHERE s.raw_to >= ?1 AND (NOT EXISTS (
                SELECT 1 FROM rec_identity i WHERE i.user_code = s.user_code AND i.deleted_dot IS NULL)
             OR EXISTS (SELECT 1 FROM ledger g JOIN clock c ON c.id = g.clock
                WHERE g.punch_id >= ?2 AND g.user_code = s.user_code AND NOT EXISTS (
                SELECT 1 FROM rec_identity i WHERE i.user_code = g.user_code AND i.deleted_dot IS NULL
                AND (i.serial IS NULL OR i.serial = c.serial)
                AND (i.\"from\" IS NULL OR unixepoch(i.\"from\") <= g.instant)
                AND (i.\"to\" IS NULL OR g.instant < unixepoch(i.\"to\")))))",
        )?;
        let since = now - Duration::days(31);
        Ok(query.query_row(params![since.timestamp(), time_bound(since)], |row| row.get(0))?)
    }

    /// Codes that punched within the last 31 days when they belonged to nobody, the busiest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn unknown_codes(&self, now: DateTime<Utc>) -> Result<Vec<UnknownCode>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT g.user_code, max(u.name), count(*), max(g.raw_time) FROM ledger g JOIN clock c ON c.id = g.clock
             LEFT JOIN clock_user u ON u.clock = g.clock AND u.user_code = g.user_code AND u.gone_at IS NULL
             WHERE g.punch_id >= ?1 AND NOT EXISTS (
                SELECT 1 FROM rec_identity i WHERE i.user_code = g.user_code AND i.deleted_dot IS NULL
                AND (i.serial IS NULL OR i.serial = c.serial)
                AND (i.\"from\" IS NULL OR unixepoch(i.\"from\") <= g.instant)
                AND (i.\"to\" IS NULL OR g.instant < unixepoch(i.\"to\")))
             GROUP BY g.user_code ORDER BY count(*) DESC, g.user_code LIMIT ?2",
        )?;
        let rows = query.query_map(params![time_bound(now - Duration::days(31)), PAGE], |row| {
            Ok(UnknownCode {
                code: row.get(0)?,
                name: row.get::<_, Option<String>>(1)?.filter(|name| !name.is_empty()),
                punches: row.get(2)?,
                newest: row.get::<_, Option<i64>>(3)?.and_then(RawTime::from_seconds),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
