//! Reading the ledger: by time, by arrival, and as entries of the ledger stream.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};
use sync_protocol::{LedgerEntry, Observation, Origin, Watermark};

use super::{ReadTx, StoreError};

/// The columns of a punch, in the order of [`punch`].
macro_rules! punch_columns {
    () => {
        "l.punch_id, c.serial, l.user_code, l.raw_time, z.name, l.instant, l.state, l.verify, l.work_code, l.route,
         l.received_at"
    };
}

fn time(table: &'static str, seconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| StoreError::corrupt(table, "time", seconds, "out of range"))
}

fn time_ms(table: &'static str, ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(ms).ok_or_else(|| StoreError::corrupt(table, "time", ms, "out of range"))
}

fn route(table: &'static str, number: u8) -> Result<Route, StoreError> {
    Route::from_number(number).ok_or_else(|| StoreError::corrupt(table, "route", number, "unknown"))
}

fn text<T: std::str::FromStr>(table: &'static str, column: &'static str, text: &str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|cause| StoreError::corrupt(table, column, text, cause))
}

/// Reads a punch whose first column is `at`. Raw bytes are left where they are.
fn punch(row: &Row<'_>, at: usize) -> Result<Punch, StoreError> {
    let borrowed = |column: usize| -> Result<&str, StoreError> {
        Ok(row.get_ref(at + column)?.as_str().map_err(rusqlite::Error::from)?)
    };
    let seconds: i64 = row.get(at + 3)?;
    Ok(Punch {
        id: row.get(at)?,
        serial: text("ledger", "clock", borrowed(1)?)?,
        user_code: text("ledger", "user_code", borrowed(2)?)?,
        raw_time: RawTime::from_seconds(seconds)
            .ok_or_else(|| StoreError::corrupt("ledger", "raw_time", seconds, "out of range"))?,
        zone: text("ledger", "zone", borrowed(4)?)?,
        instant: time("ledger", row.get(at + 5)?)?,
        reading: Reading {
            state: row.get(at + 6)?,
            verify: row.get(at + 7)?,
            work_code: borrowed(8)?.into(),
        },
        route: route("ledger", row.get(at + 9)?)?,
        received_at: time_ms("ledger", row.get(at + 10)?)?,
        raw: Box::default(),
    })
}

impl ReadTx {
    /// Punches whose raw time is in `from..to`, in the order of their ids, without raw bytes. `each` sees one at a
    /// time, so that a long span costs no memory.
    ///
    /// # Errors
    /// What `each` returns, or [`StoreError::Corrupt`].
    pub fn punches_between(
        &self,
        from: RawTime,
        to: RawTime,
        mut each: impl FnMut(Punch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "SELECT ",
            punch_columns!(),
            " FROM ledger l JOIN clock c ON c.id = l.clock JOIN zone z ON z.id = l.zone
              WHERE l.punch_id >= ?1 AND l.punch_id < ?2 ORDER BY l.punch_id"
        ))?;
        let mut rows = query.query(params![PunchId::lower_bound(from), PunchId::lower_bound(to)])?;
        while let Some(row) = rows.next()? {
            each(punch(row, 0)?)?;
        }
        Ok(())
    }

    /// One punch, with its raw bytes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn punch(&self, id: PunchId) -> Result<Option<Punch>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "SELECT ",
            punch_columns!(),
            ", l.raw FROM ledger l JOIN clock c ON c.id = l.clock JOIN zone z ON z.id = l.zone WHERE l.punch_id = ?1"
        ))?;
        let mut rows = query.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let raw: Vec<u8> = row.get(11)?;
        Ok(Some(Punch { raw: raw.into(), ..punch(row, 0)? }))
    }

    /// The other readings of the punches whose raw time is in `from..to`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn observations_between(&self, from: RawTime, to: RawTime) -> Result<Vec<Observation>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT o.id FROM observation o WHERE o.punch_id >= ?1 AND o.punch_id < ?2 ORDER BY o.punch_id, o.id",
        )?;
        let ids = query
            .query_map(params![PunchId::lower_bound(from), PunchId::lower_bound(to)], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        ids.into_iter().map(|id| observation(&self.connection, id)).collect()
    }

    /// The newest punches by arrival at this store, before a place in the log, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn arrivals_before(
        &self,
        origin: Origin,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Punch)>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "SELECT g.seq, ",
            punch_columns!(),
            " FROM ledger_log g JOIN ledger l ON l.punch_id = g.punch
              JOIN clock c ON c.id = l.clock JOIN zone z ON z.id = l.zone
              WHERE g.origin = ?1 AND g.seq < ?2 AND g.entry = 1 ORDER BY g.seq DESC LIMIT ?3"
        ))?;
        let mut rows = query.query(params![origin.number(), seq, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, punch(row, 1)?));
        }
        Ok(found)
    }

    /// Entries of the ledger stream after a place, in their order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn ledger_entries(
        &self,
        origin: Origin,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, LedgerEntry)>, StoreError> {
        entries(&self.connection, origin, after, limit)
    }

    /// How many punches the ledger has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn punch_count(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?)
    }
}

/// One punch, without its raw bytes.
pub(super) fn punch_of(connection: &Connection, id: PunchId) -> Result<Option<Punch>, StoreError> {
    let mut query = connection.prepare_cached(concat!(
        "SELECT ",
        punch_columns!(),
        " FROM ledger l JOIN clock c ON c.id = l.clock JOIN zone z ON z.id = l.zone WHERE l.punch_id = ?1"
    ))?;
    let mut rows = query.query([id])?;
    rows.next()?.map(|row| punch(row, 0)).transpose()
}

/// Entries of the ledger stream after a place, in their order.
pub(super) fn entries(
    connection: &Connection,
    origin: Origin,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, LedgerEntry)>, StoreError> {
    let mut query = connection.prepare_cached(concat!(
        "SELECT g.seq, g.entry, g.ref, ",
        punch_columns!(),
        " FROM ledger_log g LEFT JOIN ledger l ON l.punch_id = g.punch
          LEFT JOIN clock c ON c.id = l.clock LEFT JOIN zone z ON z.id = l.zone
          WHERE g.origin = ?1 AND g.seq > ?2 ORDER BY g.seq LIMIT ?3"
    ))?;
    let mut rows = query.query(params![origin.number(), after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, kind): (i64, u8) = (row.get(0)?, row.get(1)?);
        let entry = match kind {
            1 => LedgerEntry::Punch(punch(row, 3)?),
            2 => LedgerEntry::Observation(observation(connection, row.get(2)?)?),
            _ => LedgerEntry::Watermark(watermark(connection, row.get(2)?)?),
        };
        found.push((seq, entry));
    }
    Ok(found)
}

fn observation(connection: &Connection, id: i64) -> Result<Observation, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT o.punch_id, c.serial, l.user_code, l.raw_time, o.route, o.state, o.verify, o.work_code, o.received_at
         FROM observation o JOIN ledger l ON l.punch_id = o.punch_id JOIN clock c ON c.id = l.clock WHERE o.id = ?1",
    )?;
    let mut rows = query.query([id])?;
    let Some(row) = rows.next()? else {
        return Err(StoreError::Missing { what: "observation", id: id.to_string() });
    };
    let (serial, code, work_code): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(7)?);
    let (state, verify): (i64, i64) = (row.get(5)?, row.get(6)?);
    let seconds: i64 = row.get(3)?;
    Ok(Observation {
        punch: row.get(0)?,
        serial: text::<ClockSerial>("observation", "clock", &serial)?,
        user_code: text::<UserCode>("observation", "user_code", &code)?,
        raw_time: RawTime::from_seconds(seconds)
            .ok_or_else(|| StoreError::corrupt("observation", "raw_time", seconds, "out of range"))?,
        route: route("observation", row.get(4)?)?,
        reading: Reading {
            state: u8::try_from(state).ok(),
            verify: u8::try_from(verify).ok(),
            work_code: work_code.into(),
        },
        received_at: time_ms("observation", row.get(8)?)?,
    })
}

fn watermark(connection: &Connection, id: i64) -> Result<Watermark, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT c.serial, w.log_position, w.raw_time, w.through, w.observed_at
         FROM watermark w JOIN clock c ON c.id = w.clock WHERE w.id = ?1",
    )?;
    let mut rows = query.query([id])?;
    let Some(row) = rows.next()? else {
        return Err(StoreError::Missing { what: "watermark", id: id.to_string() });
    };
    let serial: String = row.get(0)?;
    let raw: Option<i64> = row.get(2)?;
    Ok(Watermark {
        serial: text("watermark", "clock", &serial)?,
        position: row.get(1)?,
        raw_time: raw.and_then(RawTime::from_seconds),
        through: time("watermark", row.get(3)?)?,
        observed_at: time_ms("watermark", row.get(4)?)?,
    })
}
