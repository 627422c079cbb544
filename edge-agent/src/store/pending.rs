//! Clocks that posted to us and that nobody has adopted: shown, a few rows each, nothing taken.

use chrono::{DateTime, Utc};
use rusqlite::params;
use serde::Serialize;
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// Unadopted clocks that are remembered; anybody on the network can invent more.
const CLOCKS: i64 = 64;
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

impl WriteTx {
    /// Remembers a clock that nobody has adopted. Whether there was room.
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
    ) -> Result<bool, StoreError> {
        let room: bool = self.connection.query_row(
            "SELECT count(*) < ?1 OR EXISTS (SELECT 1 FROM pending_device WHERE serial = ?2) FROM pending_device",
            params![CLOCKS, serial.as_str()],
            |row| row.get(0),
        )?;
        if !room {
            return Ok(false);
        }
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
        Ok(true)
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
