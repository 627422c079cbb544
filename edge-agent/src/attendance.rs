//! Attendance kept up to date: punches to their owners, changes to records, records to the database.
//!
//! ```text
//! ledger, records ──(same transaction)── recompute_queue
//!                                              │
//! distribute: delivery log -> day_punch ───────┤   cursor, strays
//! settle:     days whose windows closed ───────┤   clock and completeness
//! spread:     a site's row -> rows of people ──┤
//!                                              ▼
//!                         read a few people · engine · write what differs · take their rows out
//! ```
//!
//! Everything runs off the writer's thread except the writes themselves, in portions small enough not to hold up a
//! clock. A row leaves the queue in the transaction that stores its result, and only if nobody asked for it again
//! meanwhile: a crash repeats work and loses none. What is stored equals a recompute of everything.

pub mod explain;

mod distribute;
mod person;
mod rules;
mod settle;
mod spread;

use std::sync::Arc;
use std::time::Duration;

use shared_model::Clock;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use self::rules::Rules;
use crate::store::{Store, StoreError, StoreEvent};

/// How often time alone is looked at: days that end, windows that close.
const TICK: Duration = Duration::from_secs(30);
/// After a failure (a full disk, say) so long nothing is tried.
const REST: Duration = Duration::from_secs(10);
/// How long events are collected before work begins: a burst of punches is one portion.
const GATHER: Duration = Duration::from_millis(20);

/// Keeps attendance up to date.
pub struct Attendance {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: Option<Rules>,
    /// The records under which strays were looked for last.
    strays_seen_at: Option<(i64, i64)>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Attendance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendance").finish_non_exhaustive()
    }
}

impl Attendance {
    /// Over a store, by a clock.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, rules: None, strays_seen_at: None, stop: CancellationToken::new() }
    }

    /// Works until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut events = self.store.listen();
        self.stop = stop.clone();
        loop {
            let work = tokio::task::spawn_blocking(move || {
                let outcome = self.work_off();
                (self, outcome)
            });
            let outcome;
            (self, outcome) = match work.await {
                Ok(back) => back,
                Err(error) => {
                    tracing::error!(error = %error, "attendance stopped: its work failed inside the program");
                    return;
                }
            };
            let rest = match outcome {
                Ok(()) => Duration::ZERO,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(error = %error, "attendance could not be worked out; it is tried again");
                    REST
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
                () = something_to_do(&mut events) => tokio::time::sleep(GATHER).await,
            }
        }
    }

    /// Works off everything there is to do now. Not for a runtime worker.
    ///
    /// # Errors
    /// What the store says; what was done before it stays done.
    pub fn work_off(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.refresh_rules()?;
        self.distribute()?;
        self.settle_strays()?;
        self.ask_for_new_dates(now)?;
        self.ask_for_settled(now)?;
        while !self.stop.is_cancelled() && self.work_portion(now)? {}
        Ok(())
    }

    fn refresh_rules(&mut self) -> Result<(), StoreError> {
        let known = self.rules.as_ref().map(|rules| rules.version);
        let fresh = self.store.read_blocking(move |tx| {
            let version = tx.records_version()?;
            if Some(version) == known { Ok(None) } else { Rules::load(tx, version).map(Some) }
        })?;
        if let Some(fresh) = fresh {
            fresh.report_problems();
            self.rules = Some(fresh);
        }
        Ok(())
    }
}

/// Waits for an event after which there may be something to work out.
async fn something_to_do(events: &mut tokio::sync::broadcast::Receiver<StoreEvent>) {
    loop {
        match events.recv().await {
            Ok(StoreEvent::Recompute | StoreEvent::LedgerGrew) | Err(RecvError::Lagged(_)) => return,
            Ok(
                StoreEvent::Punches { .. }
                | StoreEvent::Records(_)
                | StoreEvent::Attendance { .. }
                | StoreEvent::Device(_)
                | StoreEvent::PendingDevice(_)
                | StoreEvent::Sync,
            ) => {}
            // The store is closing; whoever stops us does it now.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
