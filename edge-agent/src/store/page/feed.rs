//! Punches as they arrive, with the names people know them by.

use chrono::{DateTime, Duration, Utc};
use rusqlite::{Row, params};
use shared_model::{EmployeeId, RawTime};

use super::super::{Meta, ReadTx, StoreError};
use super::PAGE;

/// A punch with its person and clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPunch {
    /// When, as the clock said.
    pub raw_time: Option<RawTime>,
    /// The code the clock told.
    pub user_code: String,
    /// Whose the code is, where that is known.
    pub person: Option<SeenPerson>,
    /// The clock's name, or its serial.
    pub clock: String,
    /// The in/out key pressed, as the first route told it.
    pub state: Option<i64>,
}

/// The person of a punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPerson {
    /// Who.
    pub id: EmployeeId,
    /// Name.
    pub name: String,
    /// Employee code.
    pub code: String,
}

/// Of `ledger g`, `clock c`. A code of one clock goes before a code of all.
pub(super) const PUNCH: &str = "SELECT g.raw_time, g.user_code, coalesce(d.name, c.serial), g.state,
        e.key, coalesce(e.name, ''), coalesce(e.code, '')
    FROM ledger g JOIN clock c ON c.id = g.clock
    LEFT JOIN rec_device d ON d.serial = c.serial AND d.deleted_dot IS NULL
    LEFT JOIN rec_employee e ON e.deleted_dot IS NULL AND e.key = (
        SELECT i.employee FROM rec_identity i
        WHERE i.user_code = g.user_code AND i.deleted_dot IS NULL AND (i.serial IS NULL OR i.serial = c.serial)
        AND (i.\"from\" IS NULL OR unixepoch(i.\"from\") <= g.instant)
        AND (i.\"to\" IS NULL OR unixepoch(i.\"to\") > g.instant)
        ORDER BY i.serial IS NULL LIMIT 1)";

pub(super) fn seen_punch(row: &Row<'_>) -> rusqlite::Result<SeenPunch> {
    let id: Option<EmployeeId> = row.get(4)?;
    let (name, code) = (row.get(5)?, row.get(6)?);
    Ok(SeenPunch {
        raw_time: row.get::<_, Option<i64>>(0)?.and_then(RawTime::from_seconds),
        user_code: row.get(1)?,
        clock: row.get(2)?,
        state: row.get(3)?,
        person: id.map(|id| SeenPerson { id, name, code }),
    })
}

/// The smallest punch id of a moment: ids lead with the clock's wall time in milliseconds.
pub(super) fn time_bound(wall: DateTime<Utc>) -> Vec<u8> {
    let ms = u64::try_from(wall.timestamp_millis()).unwrap_or(0);
    let mut bytes = vec![0; 16];
    if let (Some(target), Some(source)) = (bytes.get_mut(..6), ms.to_be_bytes().get(2..)) {
        target.copy_from_slice(source);
    }
    bytes
}

impl ReadTx {
    /// The newest punches by the clocks' time, newest first. `wall` is the site's wall time now: what a clock with a
    /// wrong date sent from the future is left out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn newest_punches(
        &self,
        wall: chrono::NaiveDateTime,
        limit: u32,
    ) -> Result<Vec<SeenPunch>, StoreError> {
        let sql = format!("{PUNCH} WHERE g.punch_id < ?1 ORDER BY g.punch_id DESC LIMIT ?2");
        let mut query = self.connection().prepare_cached(&sql)?;
        let until = time_bound(wall.and_utc() + Duration::hours(1));
        let rows = query.query_map(params![until, limit.min(PAGE)], seen_punch)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The place of the newest ledger entry of this life of the disk.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ledger_head(&self) -> Result<i64, StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(0) };
        Ok(self
            .connection()
            .prepare_cached("SELECT coalesce(max(head), 0) FROM stream WHERE origin = ?1 AND stream = 'L'")?
            .query_row([origin.number()], |row| row.get(0))?)
    }

    /// Punches that were taken after a place, at most `limit` of the newest, oldest first; only those that a clock
    /// dates within a day of `wall`, so that reading an old log does not flood the feed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn punches_since(
        &self,
        place: i64,
        wall: chrono::NaiveDateTime,
        limit: u32,
    ) -> Result<Vec<SeenPunch>, StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(Vec::new()) };
        let sql = format!(
            "{PUNCH} WHERE g.punch_id IN (
                SELECT l.punch FROM ledger_log l
                WHERE l.origin = ?1 AND l.seq > ?2 AND l.entry = 1 ORDER BY l.seq DESC LIMIT ?3)
             AND g.punch_id BETWEEN ?4 AND ?5 ORDER BY g.punch_id LIMIT ?3"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let wall = wall.and_utc();
        let rows = query.query_map(
            params![
                origin.number(),
                place,
                limit.min(PAGE),
                time_bound(wall - Duration::days(1)),
                time_bound(wall + Duration::hours(1))
            ],
            seen_punch,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
