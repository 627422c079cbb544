//! Where the listener puts what posting clocks bring, and what it is told to answer them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use device_protocols::driver::{Observed, Origin, Refused, Sink};
use device_protocols::row::AttendanceRow;
use parking_lot::Mutex;
use shared_model::{ClockSerial, Route};

use super::polled_sink::users;
use super::registry::{AdoptedClock, Registry};
use crate::ingest::{Intake, Rows, refused};
use crate::store::{DeviceReport, Link};

/// A clock that is heard is noted at most so often.
const HEARD_EVERY: Duration = Duration::seconds(30);
/// A posting clock posts within its own pause of a minute; after twice that, what it had is here.
const POSTED_WITHIN: Duration = Duration::seconds(120);
/// A clock silent for longer is offline, and has to be heard for a while before its data is taken to be complete.
pub const SILENT_AFTER: Duration = Duration::seconds(180);
/// Clocks whose contact is remembered. Only adopted ones are.
const CONTACTS: usize = 4096;

/// What the listener knows of the clocks' comings.
#[derive(Debug)]
pub struct PushSink {
    intake: Intake,
    registry: Arc<Registry>,
    contacts: Mutex<HashMap<ClockSerial, Contact>>,
}

#[derive(Debug, Clone, Copy)]
struct Contact {
    /// Since when it has been heard without a long silence and without being refused.
    since: DateTime<Utc>,
    last: DateTime<Utc>,
    noted: Option<DateTime<Utc>>,
    /// When it last brought something new.
    brought: Option<DateTime<Utc>>,
}

impl PushSink {
    /// A sink for all posting clocks.
    #[must_use]
    pub fn new(intake: Intake, registry: Arc<Registry>) -> Self {
        Self { intake, registry, contacts: Mutex::default() }
    }

    /// The clock, if it is adopted; otherwise it is remembered for display and keeps its data.
    pub(super) async fn adopted(
        &self,
        serial: &str,
        pending: Pending<'_>,
    ) -> Result<Arc<AdoptedClock>, Refused> {
        if let Some(clock) = self.registry.of(serial) {
            return Ok(clock);
        }
        if let Ok(serial) = ClockSerial::parse(serial) {
            let (model, firmware) = (pending.model.to_owned(), pending.firmware.to_owned());
            let rows: Vec<String> = pending.rows.iter().take(5).map(shown).collect();
            let kept = self
                .intake
                .store()
                .write(move |tx| tx.remember_pending(&serial, "", &model, &firmware, &rows));
            kept.await.map_err(|error| refused(&error))?;
        }
        Err(Refused::UnknownClock)
    }

    /// Notes that a clock was heard, and how far its data is complete.
    async fn heard(&self, clock: &AdoptedClock, grew: bool) -> Result<(), Refused> {
        let now = self.intake.clock().now();
        let Some(Contact { since, brought, .. }) = self.contact(&clock.serial, now, grew) else {
            return Ok(());
        };
        let report = DeviceReport {
            link: Some(Link::Online),
            heard: true,
            error: Some(None),
            ..DeviceReport::default()
        };
        let serial = clock.serial.clone();
        let written = self.intake.store().write(move |tx| {
            tx.report(&serial, &report)?;
            if now - since >= POSTED_WITHIN {
                // A clock that comes back posts what it kept for as long as that takes; only when it had nothing new for a
                // while is it certain that nothing older is to come.
                if brought.is_none_or(|brought| now - brought >= POSTED_WITHIN) {
                    tx.read_complete(&serial, now - POSTED_WITHIN)?;
                }
                tx.read_through(&serial, now - POSTED_WITHIN, grew)
            } else {
                Ok(())
            }
        });
        written.await.map_err(|error| refused(&error))
    }

    /// How the clock has been heard, where it is time to note it.
    fn contact(&self, serial: &ClockSerial, now: DateTime<Utc>, grew: bool) -> Option<Contact> {
        let mut contacts = self.contacts.lock();
        if contacts.len() >= CONTACTS && !contacts.contains_key(serial) {
            contacts.clear();
        }
        let contact = contacts.entry(serial.clone()).or_insert(Contact {
            since: now,
            last: now,
            noted: None,
            brought: None,
        });
        if now - contact.last > SILENT_AFTER {
            contact.since = now;
        }
        contact.last = now;
        if grew {
            contact.brought = Some(now);
        }
        let due = grew || contact.noted.is_none_or(|noted| now - noted >= HEARD_EVERY);
        if due {
            contact.noted = Some(now);
        }
        due.then_some(*contact)
    }

    /// A clock that was refused has data that is not here: its completeness begins anew.
    fn refused(&self, serial: &ClockSerial) {
        self.contacts.lock().remove(serial);
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
        let Some(serial) = &origin.serial else { return Err(Refused::UnknownClock) };
        let pending = match &observed {
            Observed::Rows { rows, .. } => Pending { rows, ..Pending::default() },
            Observed::Facts(facts) => Pending {
                model: facts.model.as_deref().unwrap_or_default(),
                firmware: facts.firmware.as_deref().unwrap_or_default(),
                rows: &[],
            },
            Observed::Time(_)
            | Observed::Users { .. }
            | Observed::Unread { .. }
            | Observed::LogEnd(_)
            | Observed::Hint(_)
            | Observed::Heard => Pending::default(),
        };
        let clock = self.adopted(serial.as_str(), pending).await?;
        match observed {
            Observed::Rows { rows, bad } => {
                let taken = self.intake.deliver(&clock, Route::Push, Rows::alone(&rows), &bad).await;
                let taken = taken.inspect_err(|_| self.refused(&clock.serial))?;
                self.heard(&clock, taken.new > 0).await
            }
            Observed::Facts(facts) => {
                self.intake.facts(&clock.serial, facts).await?;
                self.heard(&clock, false).await
            }
            Observed::Users { users: seen, whole } => {
                let (serial, users) = (clock.serial.clone(), users(&seen));
                let taken = self.intake.store().write(move |tx| tx.take_users(&serial, &users, whole)).await;
                taken.map_err(|error| refused(&error))?;
                self.heard(&clock, false).await
            }
            Observed::Unread { offset, bytes } => {
                self.intake.keep_unread(&clock, Route::Push, offset, &bytes).await.map(drop)
            }
            // A posting clock is not asked for its time, and its uploads have no end.
            Observed::Time(_) | Observed::LogEnd(_) | Observed::Hint(_) | Observed::Heard => {
                self.heard(&clock, false).await
            }
        }
    }
}
