//! When a clock is set: who did it and why, and which punches were made by the wrong time.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, params};
use shared_model::{ClockSerial, PunchFlag, PunchId, RawTime};

use super::punch_flag::MARKS;
use super::{Author, ReadTx, StoreError, WriteTx};

/// Punches that are older are in months that have been closed.
const REVIEWED: TimeDelta = TimeDelta::days(62);

impl ReadTx {
    /// When a clock's time was last found to be right.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clock_was_right(&self, serial: &ClockSerial) -> Result<Option<DateTime<Utc>>, StoreError> {
        let found: Option<Option<i64>> = self
            .connection
            .prepare_cached(
                "SELECT right_at FROM device_state s JOIN clock c ON c.id = s.clock WHERE c.serial = ?1",
            )?
            .query_row([serial.as_str()], |row| row.get(0))
            .optional()?;
        Ok(found.flatten().and_then(DateTime::from_timestamp_millis))
    }
}

impl WriteTx {
    /// Marks what came of a clock that is `drift` seconds off, where it was never known to be complete or right before: each later
    /// punch is judged by when it came, of the first ones nobody knows since when the clock has been wrong. The newest are
    /// marked, of the last two months; an audit row tells so. Returns how many were marked.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn doubt_what_came_first(&self, serial: &ClockSerial, drift: i64) -> Result<u32, StoreError> {
        let clock = self.clock_id(serial)?;
        let first: bool = self
            .connection
            .prepare_cached(
                "SELECT complete_to IS NULL AND right_at IS NULL FROM device_state WHERE clock = ?1",
            )?
            .query_row([clock], |row| row.get(0))?;
        if !first || drift.unsigned_abs() <= PunchFlag::TOLERANCE.num_seconds().unsigned_abs() {
            return Ok(0);
        }
        let since = self.clock().now().naive_utc() - REVIEWED;
        let newest = self
            .connection
            .prepare_cached(
                "SELECT punch_id FROM ledger WHERE punch_id >= ?1 AND clock = ?2 ORDER BY punch_id DESC LIMIT ?3",
            )?
            .query_map(params![PunchId::lower_bound(RawTime::new(since)), clock, MARKS], |row| row.get(0))?
            .collect::<Result<Vec<PunchId>, _>>()?;
        let side = if drift < 0 { "behind" } else { "ahead" };
        let reason = format!(
            "the clock was {} s {side} when its punches first came; since when is not known",
            drift.unsigned_abs()
        );
        let (found, mut marked) = (newest.len(), 0);
        for punch in newest {
            marked += u32::from(self.flag(punch, PunchFlag::DeviceSkew, &reason)?);
        }
        if marked > 0 {
            let Author { actor, via } = Author::SYSTEM;
            let after =
                serde_json::json!({ "drift_seconds": drift, "punches": found, "marked": marked }).to_string();
            self.audit(actor, via, "device.first_punches_doubted", serial.as_str(), "", &after)?;
        }
        Ok(marked)
    }

    /// Notes that a clock was set at `now`, having been `drift` seconds off (`None` = its time was none). Punches that
    /// came after it was last known to be `right` get a mark. Returns how many.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clock_was_set(
        &self,
        author: &Author,
        serial: &ClockSerial,
        drift: Option<i64>,
        right: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<u32, StoreError> {
        let clock = self.clock_id(serial)?;
        let noted = match right {
            Some(since) => self.mark_since(clock, since, drift)?,
            None => 0,
        };
        let before = serde_json::json!({ "drift_seconds": drift }).to_string();
        let after = serde_json::json!({ "set_to": now, "punches_marked": noted }).to_string();
        self.audit(author.actor, author.via, "device.set_time", serial.as_str(), &before, &after)?;
        Ok(noted)
    }

    fn mark_since(&self, clock: i64, since: DateTime<Utc>, drift: Option<i64>) -> Result<u32, StoreError> {
        // Ids lead with the raw time: a day's margin covers every zone, the rest is told by when the punch came.
        let margin = chrono::Duration::days(2);
        let raw = |at: DateTime<Utc>| PunchId::lower_bound(RawTime::new(at.naive_utc()));
        // A clock that is behind writes times that lie before the one at which it was last right.
        let behind = drift.unwrap_or(0).saturating_neg().clamp(0, 86_400 * 366 * 60);
        let early = since - margin - chrono::Duration::seconds(behind);
        let mut query = self.connection.prepare_cached(
            "SELECT l.punch_id FROM ledger l
             WHERE l.punch_id >= ?1 AND l.clock = ?2 AND l.received_at > ?3 AND l.instant >= ?5
             ORDER BY l.punch_id LIMIT ?4",
        )?;
        let found = query
            .query_map(
                params![raw(early), clock, since.timestamp_millis(), MARKS, since.timestamp() - behind],
                |row| row.get(0),
            )?
            .collect::<Result<Vec<PunchId>, _>>()?;
        let reason = match drift {
            Some(drift) => {
                format!("the clock was {} s {}", drift.abs(), if drift < 0 { "behind" } else { "ahead" })
            }
            None => "the clock's time did not exist".to_owned(),
        };
        let mut count = 0;
        for punch in found {
            count += u32::from(self.flag(punch, PunchFlag::ClockDrift, &reason)?);
        }
        Ok(count)
    }
}
