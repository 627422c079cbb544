//! What a hello tells of this agent's results and counters, for the cloud to compare with its own.
//!
//! ```text
//! digest of a month   blake3-128 over its final days, by date then employee:
//!                     days since 1970-01-01 i32 LE ‖ employee 16 bytes ‖ length u8 ‖ the day's own digest
//! ```

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};
use rusqlite::params;
use serde::Serialize;
use sync_protocol::{Origin, Stream};

use super::rows;
use crate::store::{Meta, ReadTx, StoreError};

/// The final days of one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthDigest {
    /// How many.
    pub days: u32,
    /// Over them, 32 hexadecimal digits.
    pub digest: String,
}

/// The attendance results of some months.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttendanceDigest {
    /// The version of the engine that computed the newest of them.
    pub engine: String,
    /// By month, `YYYY-MM`.
    pub months: BTreeMap<String, MonthDigest>,
}

/// Punches in the ledger by clock, kept up to date by what the log added since.
#[derive(Debug, Clone, Default)]
pub struct LedgerCounts {
    /// The log and the place up to which it is counted.
    counted: Option<(Origin, i64)>,
    punches: BTreeMap<String, i64>,
}

impl LedgerCounts {
    /// Punches in the ledger of a clock.
    #[must_use]
    pub fn of(&self, serial: &str) -> i64 {
        self.punches.get(serial).copied().unwrap_or(0)
    }
}

impl ReadTx {
    /// Counts what came into the ledger since `before`; all of it for a new life of the disk.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn count_ledger(&self, before: LedgerCounts) -> Result<LedgerCounts, StoreError> {
        let missing = || StoreError::Missing { what: "origin", id: "meta".to_owned() };
        let origin = self.meta(Meta::ORIGIN)?.ok_or_else(missing)?;
        let head = rows::head(&self.connection, origin, Stream::Ledger)?;
        let known = before.counted.filter(|(counted, _)| *counted == origin).map(|(_, place)| place);
        let mut counts = if known.is_some() { before } else { LedgerCounts::default() };
        counts.counted = Some((origin, head));
        // The log names each punch once in a life; without a count before, the ledger itself is counted.
        let (sql, from) = match known {
            Some(place) => (
                "SELECT c.serial, count(*) FROM ledger_log g JOIN ledger l ON l.punch_id = g.punch
                 JOIN clock c ON c.id = l.clock WHERE g.origin = ?1 AND g.seq > ?2 AND g.entry = 1 GROUP BY c.serial",
                place,
            ),
            None => (
                "SELECT c.serial, n FROM (SELECT clock, count(*) AS n FROM ledger GROUP BY clock)
                 JOIN clock c ON c.id = clock WHERE ?1 > 0 AND ?2 = 0",
                0,
            ),
        };
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query(params![origin.number(), from])?;
        while let Some(row) = found.next()? {
            *counts.punches.entry(row.get(0)?).or_default() += row.get::<_, i64>(1)?;
        }
        Ok(counts)
    }

    /// Digests the final days from the first of `from`'s month on; `None` when there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn attendance_digest(&self, from: NaiveDate) -> Result<Option<AttendanceDigest>, StoreError> {
        let first = from.with_day(1).unwrap_or(from);
        let mut query = self.connection.prepare_cached(
            "SELECT work_date, employee, digest, engine FROM attendance_day
             WHERE work_date >= ?1 AND provisional = 0 ORDER BY work_date, employee",
        )?;
        let mut found = query.query([first.to_string()])?;
        let mut months: BTreeMap<String, (u32, blake3::Hasher)> = BTreeMap::new();
        let mut engine: Option<String> = None;
        while let Some(row) = found.next()? {
            let text: String = row.get(0)?;
            let date: NaiveDate = text
                .parse()
                .map_err(|cause| StoreError::corrupt("attendance_day", "work_date", &text, cause))?;
            let (employee, digest): ([u8; 16], Vec<u8>) = (row.get(1)?, row.get(2)?);
            let (days, hash) = months.entry(date.format("%Y-%m").to_string()).or_default();
            *days += 1;
            hash.update(&(date.num_days_from_ce() - EPOCH_DAY).to_le_bytes());
            hash.update(&employee).update(&[u8::try_from(digest.len()).unwrap_or(u8::MAX)]).update(&digest);
            let computed_by: String = row.get(3)?;
            engine = engine.max(Some(computed_by));
        }
        let finish = |(month, (days, hash)): (String, (u32, blake3::Hasher))| {
            let mut digest = [0; 16];
            hash.finalize_xof().fill(&mut digest);
            (month, MonthDigest { days, digest: hex::encode(digest) })
        };
        let months = months.into_iter().map(finish).collect();
        Ok(engine.map(|engine| AttendanceDigest { engine, months }))
    }
}

/// 1970-01-01 in days of the common era.
const EPOCH_DAY: i32 = 719_163;
