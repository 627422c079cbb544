//! What a simulated clock says it kept: the truth that both ledgers are compared with.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::NaiveDateTime;
use serde::Deserialize;
use shared_model::punch::{ClockSerial, PunchId, RawTime, UserCode};

/// A record that a clock kept, as `muster-sim` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentRecord {
    /// The clock's serial number.
    pub serial: String,
    /// The user's id, which an 8-byte record does not hold: the clock's user table names it.
    pub user: String,
    /// The clock's wall time, `YYYY-MM-DD HH:MM:SS`.
    pub time: String,
    /// Whether any calendar has that time.
    pub ok: bool,
}

/// The records of one or more clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentList {
    /// The ids of the records that are punches.
    pub punches: BTreeSet<PunchId>,
    /// How many records are none.
    pub bad: usize,
}

impl SentList {
    /// Reads a clock's list: one JSON object a line, repeats included.
    ///
    /// # Errors
    /// When the file cannot be read or a line is no record.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text, usize::MAX).with_context(|| format!("in {}", path.display()))
    }

    /// The first `records` of a list's text.
    ///
    /// # Errors
    /// When a line is no record.
    pub fn parse(text: &str, records: usize) -> Result<Self> {
        let mut list = Self::default();
        let mut bad = BTreeSet::new();
        // A clock that was killed while it wrote leaves a last line without an end; it wrote it before to the state
        // file, from which it makes its list again when it starts.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n') && line.len() > 1);
        for line in lines.take(records) {
            let record: SentRecord = serde_json::from_str(line).with_context(|| line.to_owned())?;
            if record.ok {
                list.punches.insert(record.id()?);
            } else {
                bad.insert((record.serial, record.user, record.time));
            }
        }
        list.bad = bad.len();
        Ok(list)
    }

    /// Adds another clock's records.
    pub fn merge(&mut self, other: Self) {
        self.punches.extend(other.punches);
        self.bad += other.bad;
    }
}

impl SentRecord {
    /// The id under which both ledgers must hold it.
    ///
    /// # Errors
    /// When serial, user or time is none.
    pub fn id(&self) -> Result<PunchId> {
        let serial = ClockSerial::parse(&self.serial)?;
        let code = UserCode::parse(&self.user)?;
        let time = NaiveDateTime::parse_from_str(&self.time, "%Y-%m-%d %H:%M:%S")?;
        Ok(PunchId::of_clock(&serial, &code, RawTime::new(time)))
    }
}
