//! From clocks into the ledger: what drivers observe is translated, committed, and only then acknowledged.
//!
//! The log is the truth: only rows of a log or an upload enter the ledger. Live events are hints, worth a reading.

pub mod log_reading;
pub mod translate;

use std::sync::Arc;

use device_protocols::driver::{self, ClockFacts, Refused};
use device_protocols::operation::Operation;
use device_protocols::row::AttendanceRow;
use shared_model::{Clock, ClockSerial, RawTime, Route};

use crate::device::registry::AdoptedClock;
use crate::store::{
    BadRow, Delivered, Delivery, DeviceReport, Link, NewClockEvent, QuarantineReason, Store, StoreError,
    Taken,
};
use translate::Translator;

/// The way into the ledger that all routes share.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    clock: Arc<dyn Clock>,
}

/// Rows as they follow each other in a clock's log or in an upload.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'r> {
    /// The rows.
    pub rows: &'r [AttendanceRow],
    /// The wall time of the log's row before the first one, where it is known.
    pub after: Option<RawTime>,
}

impl<'r> Rows<'r> {
    /// Rows of which it is not known what they follow.
    #[must_use]
    pub const fn alone(rows: &'r [AttendanceRow]) -> Self {
        Self { rows, after: None }
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Intake {
    /// An intake into a store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Commits rows; when this returns they are on disk and may be acknowledged.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when they could not be stored; none of them was.
    pub async fn deliver(
        &self,
        clock: &AdoptedClock,
        route: Route,
        rows: Rows<'_>,
        bad: &[driver::BadRow],
    ) -> Result<Taken, Refused> {
        let Rows { rows, after } = rows;
        let translator =
            Translator { serial: &clock.serial, zones: &clock.zones, route, now: self.clock.now() };
        let mut delivered = Vec::with_capacity(rows.len() + bad.len());
        delivered.extend(rows.iter().map(|row| translator.row(row)));
        delivered.extend(bad.iter().map(|row| translator.bad(row)));
        self.commit(&clock.serial, route, after, delivered).await
    }

    /// Keeps log bytes that are no rows.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when they could not be stored.
    pub async fn keep_unread(
        &self,
        clock: &AdoptedClock,
        route: Route,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Taken, Refused> {
        let bad = BadRow {
            reason: QuarantineReason::Malformed,
            detail: format!("{} bytes at {offset} of the log are in no layout known", bytes.len()),
            raw: translate::kept(bytes),
        };
        self.commit(&clock.serial, route, None, vec![Delivered::Bad(bad)]).await
    }

    async fn commit(
        &self,
        serial: &ClockSerial,
        route: Route,
        after: Option<RawTime>,
        rows: Vec<Delivered>,
    ) -> Result<Taken, Refused> {
        if rows.is_empty() {
            return Ok(Taken::default());
        }
        if self.store.is_full() {
            // What is left is for our own books; the clock keeps its rows.
            return Err(refused(&StoreError::DiskFull));
        }
        crate::fault_point!("ingest.before_commit");
        let delivery = Delivery { serial: serial.clone(), route, after, rows };
        let taken = self.store.write(move |tx| tx.take(&delivery)).await.map_err(|error| refused(&error))?;
        crate::fault_point!("ingest.after_commit");
        tracing::debug!(
            clock.serial = %serial,
            rows.read = taken.read,
            rows.new = taken.new,
            rows.repeat = taken.repeat,
            rows.quarantined = taken.quarantined,
            "rows taken"
        );
        Ok(taken)
    }

    /// Keeps what was done at a clock.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when it could not be stored.
    pub async fn operations(&self, clock: &AdoptedClock, operations: &[Operation]) -> Result<(), Refused> {
        let events: Vec<NewClockEvent> =
            operations.iter().map(|operation| translate::event(operation, &clock.zones)).collect();
        let serial = clock.serial.clone();
        let taken = self.store.write(move |tx| tx.take_clock_events(&serial, &events)).await;
        taken.map(drop).map_err(|error| refused(&error))
    }

    /// Keeps what is known of a clock.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when it could not be stored.
    pub async fn report(&self, serial: &ClockSerial, report: DeviceReport) -> Result<(), Refused> {
        let serial = serial.clone();
        self.store.write(move |tx| tx.report(&serial, &report)).await.map_err(|error| refused(&error))
    }

    /// Keeps the facts that a clock stated.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when they could not be stored.
    pub async fn facts(&self, serial: &ClockSerial, facts: ClockFacts) -> Result<(), Refused> {
        let report = DeviceReport {
            link: Some(Link::Online),
            heard: true,
            error: Some(None),
            firmware: facts.firmware,
            model: facts.model,
            platform: facts.platform,
            log_count: facts.records,
            log_capacity: facts.record_capacity,
            user_count: facts.users,
            user_capacity: facts.user_capacity,
            ..DeviceReport::default()
        };
        self.report(serial, report).await
    }
}

/// A store that cannot keep something is, to a clock, one that it must wait for.
pub(crate) fn refused(error: &StoreError) -> Refused {
    tracing::error!(error = %error, transient = error.is_transient(), "what a clock brought could not be stored");
    Refused::Unavailable
}
