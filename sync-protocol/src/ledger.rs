//! What travels on the ledger stream.
//!
//! ```text
//! chain items   punch         1 ‖ punch id
//!               observation   2 ‖ punch id ‖ route ‖ state+1 u16 BE ‖ verify+1 u16 BE ‖ work code
//!               watermark     3 ‖ position i64 BE ‖ raw seconds i64 BE or i64::MIN ‖ through seconds i64 BE
//!                               ‖ observed ms i64 BE ‖ serial
//! ```

use chrono::{DateTime, Utc};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};

use crate::chain::Item;

/// One row of the ledger stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEntry {
    /// A punch. Its raw bytes stay where they were received.
    Punch(Punch),
    /// Another route's reading of a punch that is in the ledger.
    Observation(Observation),
    /// Up to where a clock's log has been read.
    Watermark(Watermark),
}

/// Another route's reading of a punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The punch in the ledger.
    pub punch: PunchId,
    /// The ledger row's clock.
    pub serial: ClockSerial,
    /// The ledger row's user code.
    pub user_code: UserCode,
    /// The ledger row's raw time.
    pub raw_time: RawTime,
    /// The way by which this reading came.
    pub route: Route,
    /// State, verify mode and work code as this route told them.
    pub reading: Reading,
    /// When it was received, UTC, milliseconds.
    pub received_at: DateTime<Utc>,
}

/// Up to where a clock's log has been read. Completeness of the clocks is an input of the shift engine on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The clock.
    pub serial: ClockSerial,
    /// Rows of the clock's log that have been read.
    pub position: i64,
    /// The newest raw time among them.
    pub raw_time: Option<RawTime>,
    /// Every punch before this instant has been read, UTC, whole seconds.
    pub through: DateTime<Utc>,
    /// When that was found, UTC, milliseconds.
    pub observed_at: DateTime<Utc>,
}

impl LedgerEntry {
    /// What the entry adds to its log's chain.
    #[must_use]
    pub fn chain_item(&self) -> Item {
        match self {
            Self::Punch(punch) => punch_item(punch.id),
            Self::Observation(seen) => observation_item(seen.punch, seen.route.number(), &seen.reading),
            Self::Watermark(mark) => watermark_item(mark),
        }
    }
}

/// What a punch adds to its log's chain.
#[must_use]
pub fn punch_item(id: PunchId) -> Item {
    let mut item = Vec::with_capacity(17);
    item.push(1);
    item.extend(id.uuid().as_bytes());
    Item(item)
}

pub(crate) fn observation_item(punch: PunchId, route: u8, reading: &Reading) -> Item {
    let number = |value: Option<u8>| value.map_or(0, |value| u16::from(value) + 1).to_be_bytes();
    let mut item = vec![2];
    item.extend(punch.uuid().as_bytes());
    item.push(route);
    item.extend(number(reading.state));
    item.extend(number(reading.verify));
    item.extend(reading.work_code.as_bytes());
    Item(item)
}

fn watermark_item(mark: &Watermark) -> Item {
    let mut item = vec![3];
    item.extend(mark.position.to_be_bytes());
    item.extend(mark.raw_time.map_or(i64::MIN, RawTime::seconds).to_be_bytes());
    item.extend(mark.through.timestamp().to_be_bytes());
    item.extend(mark.observed_at.timestamp_millis().to_be_bytes());
    item.extend(mark.serial.as_str().as_bytes());
    Item(item)
}
