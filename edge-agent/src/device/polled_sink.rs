//! Where the driver of one polled clock puts what it observes.

use std::sync::Arc;

use chrono::{DateTime, Offset as _, TimeZone as _, Utc};
use device_protocols::driver::{
    BadRow, ClockReading, ClockUser as SeenUser, LogEnd, Observed, Origin, Refused, Sink,
};
use device_protocols::row::AttendanceRow;
use parking_lot::Mutex;
use shared_model::Route;
use tokio::sync::Notify;

use super::registry::AdoptedClock;
use crate::ingest::log_reading::LogReading;
use crate::ingest::{Intake, Rows, refused, translate};
use crate::store::{ClockUser, DeviceReport, LogPlace, Taken};

/// What a reading of the log came to.
#[derive(Debug, Clone, Default)]
pub struct ReadingDone {
    /// What became of the rows that were looked at.
    pub taken: Taken,
    /// Rows that were the same as before.
    pub unchanged: u64,
    /// The end that the driver told; `None` = the reading did not get there.
    pub end: Option<LogEnd>,
    /// The place to keep; `None` = the log does not begin as it did.
    pub place: Option<LogPlace>,
}

/// The sink of one polled clock.
#[derive(Debug)]
pub struct PolledSink {
    intake: Intake,
    clock: Arc<AdoptedClock>,
    hint: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reading: Option<LogReading>,
    taken: Taken,
    end: Option<LogEnd>,
    drift: Option<i64>,
    counts: Counts,
    wrong_clock: Option<String>,
}

/// What the clock says of its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows in its log.
    pub records: Option<u32>,
    /// Rows its log has room for.
    pub record_capacity: Option<u32>,
    /// Its users.
    pub users: Option<u32>,
    /// Records in its operation log.
    pub operations: Option<u32>,
}

impl PolledSink {
    /// The sink of a clock.
    #[must_use]
    pub fn new(intake: Intake, clock: Arc<AdoptedClock>) -> Self {
        Self { intake, clock, hint: Notify::new(), state: Mutex::default() }
    }

    /// Begins a reading of the log, or of the `rest` that follows what `before` names; that need not be looked at again.
    pub fn begin_reading(&self, before: LogPlace, rest: bool) {
        let mut state = self.state.lock();
        state.reading = Some(if rest { LogReading::begin_rest(before) } else { LogReading::begin(before) });
        state.taken = Taken::default();
        state.end = None;
    }

    /// Ends it.
    #[must_use]
    pub fn end_reading(&self) -> ReadingDone {
        let mut state = self.state.lock();
        let Some(reading) = state.reading.take() else { return ReadingDone::default() };
        let unchanged = reading.unchanged();
        let end = state.end.take();
        let place = end.as_ref().and_then(|end| {
            let place = reading.end(end.kind)?;
            let mark = end.mark.clone().filter(|mark| mark.rows() == place.position);
            Some(LogPlace { mark, ..place })
        });
        ReadingDone { taken: state.taken, unchanged, end, place }
    }

    /// Waits until somebody seems to have punched.
    pub async fn hinted(&self) {
        self.hint.notified().await;
    }

    /// The clock's time minus the true one, seconds, as last measured.
    #[must_use]
    pub fn drift(&self) -> Option<i64> {
        self.state.lock().drift
    }

    /// What the clock said of its memory.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// The serial of the clock that answered, if it was another one.
    #[must_use]
    pub fn wrong_clock(&self) -> Option<String> {
        self.state.lock().wrong_clock.clone()
    }

    /// What is observed on another clock than the adopted one is not taken.
    fn check(&self, origin: &Origin) -> Result<(), Refused> {
        let Some(serial) = &origin.serial else { return Ok(()) };
        let other = serial.as_str() != self.clock.serial.as_str();
        self.state.lock().wrong_clock = other.then(|| serial.to_string());
        if other { Err(Refused::UnknownClock) } else { Ok(()) }
    }

    async fn rows(&self, rows: &[AttendanceRow], bad: &[BadRow]) -> Result<(), Refused> {
        // Without a reading begun (nobody asked for the log) every row is looked at.
        let fresh = {
            let mut state = self.state.lock();
            state.reading.as_mut().map_or(Rows::alone(rows), |reading| reading.next(rows))
        };
        let taken = self.intake.deliver(&self.clock, Route::Pull, fresh, bad).await?;
        self.state.lock().taken += taken;
        Ok(())
    }

    async fn time(&self, reading: &ClockReading) -> Result<(), Refused> {
        let mut report = DeviceReport { heard: true, ..DeviceReport::default() };
        match drift(&self.clock, reading) {
            Ok(seconds) => {
                self.state.lock().drift = Some(seconds);
                report.drift_seconds = Some(seconds);
            }
            Err(said) => {
                self.state.lock().drift = None;
                report.error = Some(Some(format!("the clock says its time is {said}, which does not exist")));
            }
        }
        self.intake.report(&self.clock.serial, report).await
    }
}

/// The clock's time minus the true one in its zone, whole seconds; or what it said instead of a time.
fn drift(clock: &AdoptedClock, reading: &ClockReading) -> Result<i64, String> {
    let said = reading.said.as_ref().map_err(|bad| bad.said().to_owned())?;
    // The answer left the clock somewhere between the two; half-way is wrong by at most half the round trip.
    let half = (reading.answered - reading.asked) / 2;
    let true_time = wall_time(clock, reading.asked + half);
    Ok((*said - true_time).num_seconds())
}

/// The wall time that a clock should show at an instant.
#[must_use]
pub fn wall_time(clock: &AdoptedClock, at: DateTime<Utc>) -> chrono::NaiveDateTime {
    let zone = clock.zones.zone_on(at.naive_utc().date());
    at.naive_utc() + zone.offset_from_utc_datetime(&at.naive_utc()).fix()
}

/// A clock's users as the store keeps them. Those without an internal number are told by name only.
pub(crate) fn users(seen: &[SeenUser]) -> Vec<ClockUser> {
    seen.iter()
        .filter_map(|user| {
            Some(ClockUser {
                sn: user.internal?,
                code: translate::code(&user.user)?,
                name: user.name.clone(),
                privilege: user.privilege,
            })
        })
        .collect()
}

impl Sink for PolledSink {
    async fn accept(&self, origin: &Origin, observed: Observed) -> Result<(), Refused> {
        self.check(origin)?;
        match observed {
            Observed::Facts(facts) => {
                self.state.lock().counts = Counts {
                    records: facts.records,
                    record_capacity: facts.record_capacity,
                    users: facts.users,
                    operations: facts.operations,
                };
                self.intake.facts(&self.clock.serial, facts).await
            }
            Observed::Time(reading) => self.time(&reading).await,
            Observed::Users { users: seen, whole } => {
                let (serial, users) = (self.clock.serial.clone(), users(&seen));
                let taken = self.intake.store().write(move |tx| tx.take_users(&serial, &users, whole)).await;
                taken.map(drop).map_err(|error| refused(&error))
            }
            Observed::Operations(operations) => self.intake.operations(&self.clock, &operations).await,
            Observed::Rows { rows, bad } => self.rows(&rows, &bad).await,
            Observed::Unread { offset, bytes } => {
                let taken = self.intake.keep_unread(&self.clock, Route::Pull, offset, &bytes).await?;
                self.state.lock().taken += taken;
                Ok(())
            }
            Observed::LogEnd(end) => {
                self.state.lock().end = Some(end);
                Ok(())
            }
            Observed::Hint(_) => {
                self.hint.notify_one();
                Ok(())
            }
            Observed::Heard => {
                let report = DeviceReport { heard: true, ..DeviceReport::default() };
                self.intake.report(&self.clock.serial, report).await
            }
        }
    }
}
