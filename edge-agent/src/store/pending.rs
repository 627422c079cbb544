//! Clocks that posted to us and that nobody has adopted: shown, a few rows each, nothing taken.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// Unadopted clocks that are remembered; anybody on the network can invent more.
const CLOCKS: i64 = 64;
/// Of them, of one address: so that whoever invents some displaces only its own. A building's clocks may stand behind one.
const OF_ADDRESS: i64 = 16;
/// For so long it is told that some fell out of the list.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);
/// Rows of each that are kept for display.
const ROWS: usize = 5;

/// A clock that waits for adoption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingDevice {
    /// Its serial.
    pub serial: ClockSerial,
    /// Where it posts from.
    pub address: String,
    /// Its model, as it says.
    pub model: String,
    /// Its firmware, as it says.
    pub firmware: String,
    /// When it was first heard.
    pub first_seen: DateTime<Utc>,
    /// When it was last heard.
    pub last_seen: DateTime<Utc>,
    /// Some of what it has, to recognise it by. None of it was taken.
    pub rows: Vec<String>,
}

/// Unknown clocks that fell out of the list for want of room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedAnnouncements {
    /// How many, in all.
    pub clocks: i64,
    /// Where the one came from for which the last had to go.
    pub address: String,
    /// When that was.
    pub last_at: DateTime<Utc>,
}

impl WriteTx {
    /// Remembers a clock that nobody has adopted. Where there is no room, the one goes that was heard least lately of the
    /// address that has the most; that is counted.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remember_pending(
        &self,
        serial: &ClockSerial,
        address: &str,
        model: &str,
        firmware: &str,
        rows: &[String],
    ) -> Result<(), StoreError> {
        self.make_room(serial, address)?;
        let rows: Vec<&String> = rows.iter().take(ROWS).collect();
        let rows = serde_json::to_string(&rows).map_err(|e| StoreError::Invalid(e.to_string()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO pending_device (serial, address, model, firmware, first_seen, last_seen, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
                 ON CONFLICT DO UPDATE SET address = excluded.address, last_seen = excluded.last_seen,
                    model = CASE excluded.model WHEN '' THEN model ELSE excluded.model END,
                    firmware = CASE excluded.firmware WHEN '' THEN firmware ELSE excluded.firmware END,
                    rows = CASE excluded.rows WHEN '[]' THEN rows ELSE excluded.rows END",
            )?
            .execute(params![serial.as_str(), address, model, firmware, self.now_ms(), rows])?;
        self.tell(StoreEvent::PendingDevice(serial.clone()));
        Ok(())
    }

    fn make_room(&self, serial: &ClockSerial, address: &str) -> Result<(), StoreError> {
        let (known, all, same): (bool, i64, i64) = self
            .connection
            .prepare_cached(
                "SELECT coalesce(max(serial = ?1), 0), count(*), count(*) FILTER (WHERE address = ?2)
                 FROM pending_device",
            )?
            .query_row([serial.as_str(), address], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if known || (all < CLOCKS && same < OF_ADDRESS) {
            return Ok(());
        }
        let crowded = if same >= OF_ADDRESS { Some(address) } else { None };
        self.connection
            .prepare_cached(
                "DELETE FROM pending_device WHERE serial = (
                    SELECT serial FROM pending_device WHERE address = coalesce(?1, (
                        SELECT address FROM pending_device GROUP BY address
                        ORDER BY count(*) DESC, min(last_seen) LIMIT 1))
                    ORDER BY last_seen, serial LIMIT 1)",
            )?
            .execute([crowded])?;
        self.connection
            .prepare_cached(
                "INSERT INTO pending_dropped (one, clocks, address, last_at) VALUES (1, 1, ?1, ?2)
                 ON CONFLICT DO UPDATE SET clocks = clocks + 1, address = excluded.address,
                    last_at = excluded.last_at",
            )?
            .execute(params![address, self.now_ms()])?;
        Ok(())
    }

    /// Forgets a pending clock, once adopted or dismissed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget_pending(&self, serial: &ClockSerial) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM pending_device WHERE serial = ?1", [serial.as_str()])?;
        self.tell(StoreEvent::PendingDevice(serial.clone()));
        Ok(())
    }
}

impl ReadTx {
    /// Unknown clocks that lately fell out of the list for want of room.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn dropped_announcements(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<DroppedAnnouncements>, StoreError> {
        let since = (now - TOLD_FOR).timestamp_millis();
        let dropped = self
            .connection
            .prepare_cached("SELECT clocks, address, last_at FROM pending_dropped WHERE last_at > ?1")?
            .query_row([since], |row| {
                Ok(DroppedAnnouncements {
                    clocks: row.get(0)?,
                    address: row.get(1)?,
                    last_at: DateTime::from_timestamp_millis(row.get(2)?).unwrap_or_default(),
                })
            });
        Ok(dropped.optional()?)
    }

    /// The clocks that wait for adoption, the last heard first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn pending_devices(&self) -> Result<Vec<PendingDevice>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT serial, address, model, firmware, first_seen, last_seen, rows FROM pending_device
             ORDER BY last_seen DESC",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (serial, held): (String, String) = (row.get(0)?, row.get(6)?);
            let time = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or_default();
            found.push(PendingDevice {
                address: row.get(1)?,
                model: row.get(2)?,
                firmware: row.get(3)?,
                first_seen: time(row.get(4)?),
                last_seen: time(row.get(5)?),
                rows: serde_json::from_str(&held)
                    .map_err(|cause| StoreError::corrupt("pending_device", "rows", &serial, cause))?,
                serial: ClockSerial::parse(&serial)
                    .map_err(|cause| StoreError::corrupt("pending_device", "serial", &serial, cause))?,
            });
        }
        Ok(found)
    }
}
