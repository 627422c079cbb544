//! What goes with a hello beside the logs: results and counters that the cloud compares with its own and shows.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use shared_model::Clock;
use shared_model::entity::Device;

use crate::store::{LedgerCounts, ReadTx, Store, StoreError};

/// Clocks that are told of, so that a hello stays small.
const CLOCKS: usize = 200;

/// One clock's counters.
#[derive(Debug, Serialize)]
struct ClockCounters {
    name: Option<String>,
    /// Rows in its own log, as it last said.
    clock: Option<i64>,
    read: i64,
    new: i64,
    repeat: i64,
    quarantined: i64,
    /// Its punches in the ledger here.
    ledger: i64,
}

/// What was last told, so that telling again costs little.
#[derive(Debug, Default)]
pub(super) struct Told {
    counts: LedgerCounts,
    /// As [`ReadTx::attendance_digest`] gave it.
    digest: Value,
    /// When the months may be read again, on the monotonic clock, milliseconds.
    due_ms: u64,
}

/// Of the agent's time at most one part in this many goes into reading months.
const SHARE: u64 = 50;

impl Told {
    /// The digest of this month and the one before, and the counters of each clock.
    pub(super) async fn again(&mut self, store: &Store, clock: &dyn Clock) -> Result<Value, StoreError> {
        let before = self.counts.clone();
        self.counts = store.read(move |tx| tx.count_ledger(before)).await?;
        let start = clock.monotonic_ms();
        if start >= self.due_ms {
            let today = clock.now().date_naive();
            self.digest = store.read(move |tx| tx.attendance_digest(today)).await?;
            let end = clock.monotonic_ms();
            self.due_ms = end.saturating_add(end.saturating_sub(start).saturating_mul(SHARE));
        }
        let counts = self.counts.clone();
        let clocks = store.read(move |tx| clocks(tx, &counts)).await?;
        let mut digest = self.digest.clone();
        digest["clocks"] = json!(clocks);
        Ok(digest)
    }
}

fn clocks(tx: &ReadTx, counts: &LedgerCounts) -> Result<BTreeMap<String, ClockCounters>, StoreError> {
    let devices = tx.records::<Device>()?.into_iter();
    let names: BTreeMap<String, String> =
        devices.map(|device| (device.record.serial.to_string(), device.record.name.to_string())).collect();
    let told = tx.device_states()?.into_iter().take(CLOCKS).map(|state| {
        let counters = ClockCounters {
            name: names.get(&state.serial).cloned(),
            clock: state.log_count,
            read: state.counters.read,
            new: state.counters.new,
            repeat: state.counters.repeat,
            quarantined: state.counters.quarantined,
            ledger: counts.of(&state.serial),
        };
        (state.serial, counters)
    });
    Ok(told.collect())
}
