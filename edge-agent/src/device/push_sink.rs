//! Where the listener puts what posting clocks bring, and what it is told to answer them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use device_protocols::driver::{Observed, Origin, Refused, Sink};
use device_protocols::push::{Caller, Hello};
use device_protocols::row::AttendanceRow;
use parking_lot::Mutex;
use shared_model::entity::Transport;
use shared_model::{ClockSerial, Route};

use super::contact::{Complete, Contact};
use super::polled_sink::users;
use super::push_trust::PushTrust;
use super::refusals::NOTED_EVERY;
use super::registry::{AdoptedClock, Registry};
use crate::ingest::{Intake, Rows, refused};
use crate::store::{DeviceReport, Link, Taken};

/// A clock silent for longer is offline.
pub const SILENT_AFTER: TimeDelta = TimeDelta::seconds(180);
/// Clocks whose contact is remembered. Only adopted ones are.
const CONTACTS: usize = 4096;

/// Announcements of unknown clocks noted in a second; a clock that is really there comes again.
const ANNOUNCED_A_SECOND: u32 = 50;

/// What the listener knows of the clocks' comings.
#[derive(Debug)]
pub struct PushSink {
    intake: Intake,
    registry: Arc<Registry>,
    /// What a posting clock had so long ago is here, if it was heard since.
    settled: TimeDelta,
    contacts: Mutex<HashMap<ClockSerial, Contact>>,
    trust: PushTrust,
    announced: Mutex<Announced>,
}

/// Announcements of unknown clocks that were noted within one second.
#[derive(Debug, Clone, Copy, Default)]
struct Announced {
    second: i64,
    count: u32,
}

impl Announced {
    /// Whether one more may be noted now. Each is a commit, and whoever invents clocks must not keep the disk busy.
    const fn one_more(&mut self, second: i64) -> bool {
        if self.second != second {
            *self = Self { second, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= ANNOUNCED_A_SECOND
    }
}

impl PushSink {
    /// A sink for all posting clocks, whose punches are here after `settled` if they were heard all the while.
    #[must_use]
    pub fn new(intake: Intake, registry: Arc<Registry>, settled: TimeDelta) -> Self {
        let trust = PushTrust::new(intake.clone());
        Self { intake, registry, settled, contacts: Mutex::default(), trust, announced: Mutex::default() }
    }

    /// The clock of an introduction, if it is adopted and believed.
    pub(super) async fn introduced(&self, hello: &Hello) -> Result<Arc<AdoptedClock>, Refused> {
        let model = hello.device_type.as_deref().unwrap_or_default();
        let clock = self.adopted(&hello.caller, Pending { model, ..Pending::default() }).await?;
        self.trust.introduced(&clock, hello).await?;
        Ok(clock)
    }

    /// The clock of any other request, if it is adopted and believed.
    pub(super) async fn believed(
        &self,
        caller: &Caller,
        pending: Pending<'_>,
    ) -> Result<Arc<AdoptedClock>, Refused> {
        let clock = self.adopted(caller, pending).await?;
        self.trust.came(&clock, caller.address).await?;
        Ok(clock)
    }

    /// A clock that the agent itself asks for something.
    pub(super) fn known(&self, serial: &str) -> Result<Arc<AdoptedClock>, Refused> {
        self.registry.of(serial).ok_or(Refused::UnknownClock)
    }

    /// The clock, if it is adopted; otherwise it is remembered for display and keeps its data.
    async fn adopted(&self, caller: &Caller, pending: Pending<'_>) -> Result<Arc<AdoptedClock>, Refused> {
        if let Some(clock) = self.registry.of(caller.serial.as_str()) {
            return Ok(clock);
        }
        let second = self.intake.clock().now().timestamp();
        let noted = self.announced.lock().one_more(second);
        if let Some(serial) = ClockSerial::parse(caller.serial.as_str()).ok().filter(|_| noted) {
            let address = caller.address.to_string();
            let (model, firmware) = (pending.model.to_owned(), pending.firmware.to_owned());
            let rows: Vec<String> = pending.rows.iter().take(5).map(shown).collect();
            let kept = self
                .intake
                .store()
                .write(move |tx| tx.remember_pending(&serial, &address, &model, &firmware, &rows));
            kept.await.map_err(|error| refused(&error))?;
        }
        Err(Refused::UnknownClock)
    }

    /// Notes that a clock was heard.
    async fn heard(&self, clock: &AdoptedClock) -> Result<(), Refused> {
        let now = self.intake.clock().now();
        if !self.contact(&clock.serial, |contact| contact.heard(now)) {
            return Ok(());
        }
        let report = DeviceReport {
            link: Some(Link::Online),
            heard: true,
            error: Some(None),
            ..DeviceReport::default()
        };
        self.intake.report(&clock.serial, report).await
    }

    /// Notes how far a clock that polls is complete.
    pub(super) async fn polled(&self, serial: &ClockSerial) -> Result<(), Refused> {
        let now = self.intake.clock().now();
        let Some(Complete { to, grew }) = self.contact(serial, |contact| contact.polled(now)) else {
            return Ok(());
        };
        let known = serial.clone();
        let noted = self.intake.store().write(move |tx| tx.posted_until(&known, to, grew)).await;
        let noted = noted.map_err(|error| refused(&error))?;
        if self.contact(serial, |contact| contact.counted(now, noted, grew)) {
            tracing::warn!(clock.serial = %serial, "the clock counts more rows than it has delivered: it is asked for all");
            let serial = serial.clone();
            let asked = self.intake.store().write(move |tx| tx.ask_for_all(&serial)).await;
            asked.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// A clock that introduces itself, or was refused, may have something that is not here: its completeness begins
    /// anew.
    pub(super) fn interrupted(&self, serial: &ClockSerial) {
        let now = self.intake.clock().now();
        self.contact(serial, |contact| contact.interrupted(now));
    }

    /// Learns from rows how far off the clock is, unless we ask it ourselves. Rows of which some were known tell nothing.
    async fn learn_time(
        &self,
        clock: &AdoptedClock,
        rows: &[AttendanceRow],
        taken: Taken,
    ) -> Result<(), Refused> {
        let all_new = usize::try_from(taken.new).is_ok_and(|new| new == rows.len());
        let Some(newest) = rows.iter().filter_map(|row| instant(clock, row)).max() else { return Ok(()) };
        let asked = matches!(clock.device.transport, Transport::Tcp | Transport::Udp);
        if asked || !all_new {
            return Ok(());
        }
        let now = self.intake.clock().now();
        let Some(drift) = self.contact(&clock.serial, |contact| contact.time.posted(now, newest)) else {
            return Ok(());
        };
        let serial = clock.serial.clone();
        let noted = self.intake.store().write(move |tx| {
            tx.report(&serial, &DeviceReport { drift_seconds: Some(drift), ..DeviceReport::default() })?;
            tx.doubt_what_came_first(&serial, drift)
        });
        let marked = noted.await.map_err(|error| refused(&error))?;
        if marked > 0 {
            tracing::warn!(clock.serial = %clock.serial, drift_seconds = drift, punches.marked = marked, "the clock's time is wrong");
        }
        Ok(())
    }

    fn contact<T>(&self, serial: &ClockSerial, with: impl FnOnce(&mut Contact) -> T) -> T {
        let now = self.intake.clock().now();
        let mut contacts = self.contacts.lock();
        if contacts.len() >= CONTACTS && !contacts.contains_key(serial) {
            contacts.clear();
        }
        with(contacts.entry(serial.clone()).or_insert_with(|| Contact::begin(now, self.settled)))
    }

    /// Notes again and again which requests were not believed; never ends.
    pub(super) async fn keep_noting_refusals(&self) {
        let every = NOTED_EVERY.to_std().unwrap_or(std::time::Duration::from_secs(10));
        loop {
            tokio::time::sleep(every).await;
            self.note_refusals().await;
        }
    }

    /// Notes which requests were not believed.
    pub(super) async fn note_refusals(&self) {
        self.trust.note_refusals().await;
    }

    /// The intake.
    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }
}

/// What an unknown clock showed of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending<'a> {
    pub(super) model: &'a str,
    pub(super) firmware: &'a str,
    pub(super) rows: &'a [AttendanceRow],
}

/// When the oldest of some rows was made; `None` where one has no time.
fn oldest(clock: &AdoptedClock, rows: &[AttendanceRow]) -> Option<DateTime<Utc>> {
    rows.iter().map(|row| instant(clock, row)).min().flatten()
}

/// When a row was made, as its clock says.
fn instant(clock: &AdoptedClock, row: &AttendanceRow) -> Option<DateTime<Utc>> {
    let wall = *row.time.as_ref().ok()?;
    Some(match row.utc_offset {
        Some(offset) => wall.and_utc() - TimeDelta::seconds(offset.into()),
        None => clock.zones.resolve(wall).0,
    })
}

/// A row as the adoption page shows it.
fn shown(row: &AttendanceRow) -> String {
    let time = match &row.time {
        Ok(time) => time.to_string(),
        Err(bad) => bad.said().to_owned(),
    };
    format!("{} {time}", row.user)
}

impl Sink for PushSink {
    async fn accept(&self, origin: &Origin, observed: Observed) -> Result<(), Refused> {
        let (Some(serial), Some(address)) = (&origin.serial, origin.address) else {
            return Err(Refused::UnknownClock);
        };
        let caller = Caller { serial: serial.clone(), address };
        let pending = match &observed {
            Observed::Rows { rows, .. } => Pending { rows, ..Pending::default() },
            Observed::Facts(facts) => Pending {
                model: facts.model.as_deref().unwrap_or_default(),
                firmware: facts.firmware.as_deref().unwrap_or_default(),
                rows: &[],
            },
            Observed::Time(_)
            | Observed::Users { .. }
            | Observed::Operations(_)
            | Observed::Unread { .. }
            | Observed::LogEnd(_)
            | Observed::Hint(_)
            | Observed::Heard => Pending::default(),
        };
        let clock = self.believed(&caller, pending).await?;
        match observed {
            Observed::Rows { rows, bad } => {
                let taken = self.intake.deliver(&clock, Route::Push, Rows::alone(&rows), &bad).await;
                let taken = taken.inspect_err(|_| self.interrupted(&clock.serial))?;
                if taken.new > 0 {
                    let now = self.intake.clock().now();
                    let oldest = oldest(&clock, &rows);
                    self.contact(&clock.serial, |contact| contact.brought(now, oldest));
                }
                self.learn_time(&clock, &rows, taken).await?;
                self.heard(&clock).await
            }
            Observed::Facts(facts) => {
                self.intake.facts(&clock.serial, facts).await?;
                self.heard(&clock).await
            }
            Observed::Users { users: seen, whole } => {
                let (serial, users) = (clock.serial.clone(), users(&seen));
                let taken = self.intake.store().write(move |tx| tx.take_users(&serial, &users, whole)).await;
                taken.map_err(|error| refused(&error))?;
                self.heard(&clock).await
            }
            Observed::Operations(operations) => {
                self.intake.operations(&clock, &operations).await?;
                self.heard(&clock).await
            }
            Observed::Unread { offset, bytes } => {
                self.intake.keep_unread(&clock, Route::Push, offset, &bytes).await.map(drop)
            }
            // A posting clock is not asked for its time, and its uploads have no end.
            Observed::Time(_) | Observed::LogEnd(_) | Observed::Hint(_) | Observed::Heard => {
                self.heard(&clock).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_announcements_are_noted_in_a_second() {
        let mut announced = Announced::default();
        let noted = (0..80).filter(|_| announced.one_more(7)).count();
        assert_eq!(noted, 50);
        assert!(announced.one_more(8));
    }
}
