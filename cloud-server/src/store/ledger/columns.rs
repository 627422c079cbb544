//! Batches of punches as columns, and their places in the ledger stream.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use shared_model::Punch;
use sync_protocol::cloud::LedgerRow;
use uuid::Uuid;

/// A punch with its place in the ledger stream.
pub(super) type Placed<'a> = (&'a LedgerRow<'a>, &'a Punch);

/// The columns of a batch of punches, borrowed from the decoded frame.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) id: Vec<Uuid>,
    pub(super) serial: Vec<&'a str>,
    pub(super) user_code: Vec<&'a str>,
    pub(super) raw_time: Vec<NaiveDateTime>,
    pub(super) zone: Vec<&'a str>,
    pub(super) instant: Vec<DateTime<Utc>>,
    pub(super) state: Vec<Option<i16>>,
    pub(super) verify: Vec<Option<i16>>,
    pub(super) work_code: Vec<&'a str>,
    pub(super) route: Vec<i16>,
    pub(super) received_at: Vec<DateTime<Utc>>,
}

impl<'a> Columns<'a> {
    /// By rising id: the index is appended to, and two edges of one clock cannot wait for each other.
    pub(super) fn of(rows: &[Placed<'a>]) -> Self {
        let mut punches: Vec<&Punch> = rows.iter().map(|(_, punch)| *punch).collect();
        punches.sort_by_key(|punch| punch.id);
        let mut columns = Self::default();
        punches.into_iter().for_each(|punch| columns.push(punch));
        columns
    }

    fn push(&mut self, punch: &'a Punch) {
        self.id.push(punch.id.uuid());
        self.serial.push(punch.serial.as_str());
        self.user_code.push(punch.user_code.as_str());
        self.raw_time.push(punch.raw_time.wall());
        self.zone.push(punch.zone.name());
        self.instant.push(punch.instant);
        self.state.push(punch.reading.state.map(i16::from));
        self.verify.push(punch.reading.verify.map(i16::from));
        self.work_code.push(&punch.reading.work_code);
        self.route.push(i16::from(punch.route.number()));
        self.received_at.push(punch.received_at);
    }

    /// What each clock has in it, by serial.
    pub(super) fn tallies(&self) -> BTreeMap<&'a str, Tally> {
        let mut tallies = BTreeMap::new();
        for (serial, instant) in self.serial.iter().zip(&self.instant) {
            let tally = tallies.entry(*serial).or_insert(Tally { punches: 0, last_instant: *instant });
            tally.punches += 1;
            tally.last_instant = tally.last_instant.max(*instant);
        }
        tallies
    }
}

/// A column of text as it is sent: what all rows have in common is sent once, which is most of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread<'c, 'a> {
    pub(super) all: Option<&'a str>,
    /// Nothing where `all` says it.
    pub(super) each: &'c [&'a str],
}

impl<'c, 'a> Spread<'c, 'a> {
    pub(super) fn of(column: &'c [&'a str]) -> Self {
        match column {
            [first, rest @ ..] if rest.iter().all(|text| text == first) => {
                Self { all: Some(*first), each: &[] }
            }
            _ => Self { all: None, each: column },
        }
    }
}

/// Punches of one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) punches: i64,
    /// The newest of them.
    pub(super) last_instant: DateTime<Utc>,
}

/// Stretches of rows whose places follow one another: origin, place of the first, and which rows (from 1, both included);
/// and the ids of all rows.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) ids: Vec<Uuid>,
    pub(super) origin: Vec<i64>,
    pub(super) first_seq: Vec<i64>,
    pub(super) from_row: Vec<i32>,
    pub(super) to_row: Vec<i32>,
}

impl Runs {
    pub(super) fn of(rows: &[Placed<'_>]) -> Self {
        let mut runs =
            Self { ids: rows.iter().map(|(_, punch)| punch.id.uuid()).collect(), ..Self::default() };
        let mut expected = None;
        for (row, (place, _)) in (1..).zip(rows) {
            let (origin, seq) = (place.origin.number(), place.seq);
            match runs.to_row.last_mut() {
                Some(to_row) if expected == Some((origin, seq)) => *to_row = row,
                Some(_) | None => {
                    runs.origin.push(origin);
                    runs.first_seq.push(seq);
                    runs.from_row.push(row);
                    runs.to_row.push(row);
                }
            }
            expected = Some((origin, seq + 1));
        }
        runs
    }
}
