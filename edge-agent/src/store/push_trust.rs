//! From where posting clocks are believed, and what came in their names from elsewhere.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// For so long it is told that something was not believed: long enough for somebody to look.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);

/// Why something that came in a clock's name was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisbeliefReason {
    /// It came from an address that nothing ties to the clock.
    Address,
    /// It showed another communication key than the stored one, or none.
    Key,
}

impl DisbeliefReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Key => "key",
        }
    }
}

/// What came in a clock's name and was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disbelief {
    /// Where the last of it came from.
    pub address: String,
    /// Why that was not believed.
    pub reason: DisbeliefReason,
    /// When it began.
    pub first_at: DateTime<Utc>,
    /// When it last happened.
    pub last_at: DateTime<Utc>,
    /// How many requests were refused; the newest few may be missing.
    pub requests: i64,
}

fn disbelief(row: &Row<'_>) -> rusqlite::Result<Disbelief> {
    let ms = |at: usize| {
        Ok::<_, rusqlite::Error>(DateTime::from_timestamp_millis(row.get(at)?).unwrap_or_default())
    };
    let reason: String = row.get(1)?;
    Ok(Disbelief {
        address: row.get(0)?,
        reason: if reason == DisbeliefReason::Key.as_str() {
            DisbeliefReason::Key
        } else {
            DisbeliefReason::Address
        },
        first_at: ms(2)?,
        last_at: ms(3)?,
        requests: row.get(4)?,
    })
}

impl WriteTx {
    /// Notes from where a clock introduced itself with the key that is stored for it; it is believed from there. What
    /// came from there before and was not believed is settled. Nothing is noted where the key is another one by now.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn greeted(&self, serial: &ClockSerial, key: &str, address: IpAddr) -> Result<bool, StoreError> {
        let clock = self.clock_id(serial)?;
        let address = address.to_string();
        let noted = self
            .connection
            .prepare_cached(
                "INSERT INTO push_greeting (clock, address, at)
                 SELECT clock, ?3, ?4 FROM device_secret WHERE clock = ?1 AND comm_key = ?2
                 ON CONFLICT DO UPDATE SET address = excluded.address, at = excluded.at",
            )?
            .execute(params![clock, key, address, self.now_ms()])?;
        if noted == 1 {
            self.connection
                .prepare_cached("DELETE FROM push_disbelief WHERE clock = ?1 AND address = ?2")?
                .execute(params![clock, address])?;
        }
        Ok(noted == 1)
    }

    /// Notes requests in a clock's name that were not believed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn disbelieved(
        &self,
        serial: &ClockSerial,
        address: IpAddr,
        reason: DisbeliefReason,
        requests: u32,
    ) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        self.connection
            .prepare_cached(
                "INSERT INTO push_disbelief (clock, address, reason, first_at, last_at, requests)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)
                 ON CONFLICT DO UPDATE SET address = excluded.address, reason = excluded.reason,
                    last_at = excluded.last_at, requests = requests + excluded.requests,
                    first_at = iif(excluded.last_at - last_at > ?6, excluded.first_at, first_at)",
            )?
            .execute(params![
                clock,
                address.to_string(),
                reason.as_str(),
                self.now_ms(),
                requests,
                TOLD_FOR.num_milliseconds()
            ])?;
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(())
    }

    /// Whoever greeted by a key that is no longer the clock's must greet anew.
    pub(super) fn forget_greeting(&self, clock: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM push_greeting WHERE clock = ?1")?.execute([clock])?;
        Ok(())
    }
}

impl ReadTx {
    /// From where a clock last introduced itself with its key.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn greeted_from(&self, serial: &ClockSerial) -> Result<Option<IpAddr>, StoreError> {
        let found: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT address FROM push_greeting g JOIN clock c ON c.id = g.clock WHERE c.serial = ?1",
            )?
            .query_row([serial.as_str()], |row| row.get(0))
            .optional()?;
        Ok(found.and_then(|text| text.parse().ok()))
    }

    /// What lately came in a clock's name and was not believed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn disbelief(
        &self,
        serial: &ClockSerial,
        now: DateTime<Utc>,
    ) -> Result<Option<Disbelief>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT address, reason, first_at, last_at, requests FROM push_disbelief d
                 JOIN clock c ON c.id = d.clock WHERE c.serial = ?1 AND last_at > ?2",
            )?
            .query_row(params![serial.as_str(), (now - TOLD_FOR).timestamp_millis()], disbelief)
            .optional()?)
    }
}
