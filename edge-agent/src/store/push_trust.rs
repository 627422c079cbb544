//! From where posting clocks are believed, and what came in their names from elsewhere.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// For so long it is told that something was not believed: long enough for somebody to look.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);

/// Addresses that are kept of what was not believed, the newest.
pub const DISBELIEF_ADDRESSES: usize = 8;

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
    /// How many requests were refused; those of the last seconds may be missing.
    pub requests: i64,
    /// Where it came from, the newest first, at most [`DISBELIEF_ADDRESSES`].
    #[serde(default)]
    pub addresses: Vec<String>,
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
        addresses: Vec::new(),
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
            self.settle_disbelief(clock, &address)?;
        }
        Ok(noted == 1)
    }

    /// Forgets that an address was not believed; the newest of the others stands for the rest then.
    fn settle_disbelief(&self, clock: i64, address: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM push_disbelief_source WHERE clock = ?1 AND address = ?2")?
            .execute(params![clock, address])?;
        let other: Option<(String, String, i64)> = self
            .connection
            .prepare_cached(
                "SELECT address, reason, last_at FROM push_disbelief_source WHERE clock = ?1
                 ORDER BY turn DESC LIMIT 1",
            )?
            .query_row([clock], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        match other {
            Some((other, reason, last_at)) => self
                .connection
                .prepare_cached(
                    "UPDATE push_disbelief SET address = ?3, reason = ?4, last_at = ?5
                     WHERE clock = ?1 AND address = ?2",
                )?
                .execute(params![clock, address, other, reason, last_at])?,
            None => self
                .connection
                .prepare_cached("DELETE FROM push_disbelief WHERE clock = ?1 AND address = ?2")?
                .execute(params![clock, address])?,
        };
        Ok(())
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
        self.connection
            .prepare_cached(
                "INSERT INTO push_disbelief_source (clock, address, reason, turn, last_at)
                 SELECT ?1, ?2, ?3, coalesce(max(turn), 0) + 1, ?4 FROM push_disbelief_source WHERE clock = ?1
                 ON CONFLICT DO UPDATE SET reason = excluded.reason, turn = excluded.turn, last_at = excluded.last_at",
            )?
            .execute(params![clock, address.to_string(), reason.as_str(), self.now_ms()])?;
        self.connection
            .prepare_cached(
                "DELETE FROM push_disbelief_source WHERE clock = ?1 AND address NOT IN (
                    SELECT address FROM push_disbelief_source WHERE clock = ?1 ORDER BY turn DESC LIMIT ?2)",
            )?
            .execute(params![clock, i64::try_from(DISBELIEF_ADDRESSES).unwrap_or(i64::MAX)])?;
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
        let since = (now - TOLD_FOR).timestamp_millis();
        let found = self
            .connection
            .prepare_cached(
                "SELECT address, reason, first_at, last_at, requests FROM push_disbelief d
                 JOIN clock c ON c.id = d.clock WHERE c.serial = ?1 AND last_at > ?2",
            )?
            .query_row(params![serial.as_str(), since], disbelief)
            .optional()?;
        let Some(found) = found else { return Ok(None) };
        let mut sources = self.connection.prepare_cached(
            "SELECT address FROM push_disbelief_source d JOIN clock c ON c.id = d.clock
             WHERE c.serial = ?1 AND last_at > ?2 ORDER BY turn DESC",
        )?;
        let sources = sources.query_map(params![serial.as_str(), since], |row| row.get(0))?;
        let addresses: Vec<String> = sources.collect::<Result<_, _>>()?;
        // What an older version noted has one address alone.
        let addresses = if addresses.is_empty() { vec![found.address.clone()] } else { addresses };
        Ok(Some(Disbelief { addresses, ..found }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::tests::open;
    use super::*;

    fn serial() -> ClockSerial {
        ClockSerial::parse("A1").unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn found(store: &Store) -> Option<Disbelief> {
        let read = |tx: &ReadTx| {
            let now: i64 = tx.connection.query_row("SELECT max(last_at) FROM push_disbelief", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.unwrap_or(0))
            })?;
            tx.disbelief(&serial(), DateTime::from_timestamp_millis(now).unwrap())
        };
        store.read_blocking(read).unwrap()
    }

    #[test]
    fn every_address_that_was_not_believed_is_named_up_to_a_bound() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        for last in [1, 2, 1] {
            let note =
                move |tx: &WriteTx| tx.disbelieved(&serial(), address(last), DisbeliefReason::Address, 3);
            store.write_blocking(note).unwrap();
        }
        let told = found(&store).unwrap();
        assert_eq!((told.address.as_str(), told.requests), ("192.0.2.1", 9));
        assert_eq!(told.addresses, ["192.0.2.1", "192.0.2.2"]);
        for last in 3..=20 {
            let note = move |tx: &WriteTx| tx.disbelieved(&serial(), address(last), DisbeliefReason::Key, 1);
            store.write_blocking(note).unwrap();
        }
        let told = found(&store).unwrap();
        assert_eq!(told.requests, 27);
        let newest: Vec<String> = (13..=20).rev().map(|last| address(last).to_string()).collect();
        assert_eq!(told.addresses, newest);
    }

    #[test]
    fn an_address_that_is_believed_since_leaves_the_others() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let settle = |last: u8| {
            let settle =
                move |tx: &WriteTx| tx.settle_disbelief(tx.clock_id(&serial())?, &address(last).to_string());
            store.write_blocking(settle).unwrap();
        };
        for last in [1, 2] {
            let note =
                move |tx: &WriteTx| tx.disbelieved(&serial(), address(last), DisbeliefReason::Address, 1);
            store.write_blocking(note).unwrap();
        }
        settle(2);
        let told = found(&store).unwrap();
        assert_eq!((told.address.as_str(), told.addresses), ("192.0.2.1", vec!["192.0.2.1".to_owned()]));
        settle(1);
        assert_eq!(found(&store), None);
    }
}
