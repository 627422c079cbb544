//! Clocks.

mod add;
mod event;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shared_model::entity::{Device, DeviceState, DirectionUse, Site, Transport};
use shared_model::text::{Code, HostAddress, Line, Name};
use shared_model::{ClockSerial, DeviceId, PunchFlag};

use super::find::{Records as _, missing};
use super::hidden::Hidden;
use super::organisation::set;
use super::{Act, Agent, Outcome, Progress, Refusal, Saved, saved};
use crate::device::fleet::AskError;
use crate::device::supervisor::Wanted;
use crate::store::{
    AdoptedDevice, Author, ClockEvent, DeviceCounters, Disbelief, DroppedAnnouncements, Link, PendingDevice,
    ReadTx, StoreError, WriteTx,
};

pub use add::AddDevice;
pub use event::{ClockEventList, DeviceDetail, ListClockEvents};

/// Commands and events that are shown with a clock.
const SHOWN: u32 = 20;

/// Changes a clock; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetDevice {
    /// Its serial number.
    pub serial: ClockSerial,
    /// What it is called.
    pub name: Option<Name>,
    /// The code of the site where it hangs.
    pub site: Option<Code>,
    /// Where it is reached.
    pub address: Option<HostAddress>,
    /// What its in/out keys are worth.
    pub direction_use: Option<DirectionUse>,
    /// Whether the agent may set its time.
    pub set_time: Option<bool>,
    /// Its communication key; empty = none.
    pub comm_key: Option<Hidden>,
}

/// Takes a clock out of work. Its punches stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireDevice {
    /// Its serial number.
    pub serial: ClockSerial,
}

/// Lists the clocks and those that wait for adoption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDevices {
    /// Retired ones as well.
    pub all: bool,
}

/// The clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// Clocks that have a record.
    pub devices: Vec<DeviceRow>,
    /// Clocks that have posted and that nobody has adopted.
    pub waiting: Vec<WaitingRow>,
    /// Such clocks that lately fell out of this list for want of room.
    pub dropped: Option<DroppedAnnouncements>,
}

/// A clock with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Its key.
    pub id: DeviceId,
    /// Its serial number.
    pub serial: ClockSerial,
    /// What it is called.
    pub name: Name,
    /// The code of its site.
    pub site: String,
    /// How it is reached.
    pub transport: Transport,
    /// Where.
    pub address: Option<HostAddress>,
    /// Whether it may feed the ledger.
    pub state: DeviceState,
    /// What its in/out keys are worth.
    pub direction_use: DirectionUse,
    /// Whether the agent may set its time.
    pub set_time: bool,
    /// Whether it can be reached.
    pub link: String,
    /// The last word from it.
    pub last_seen: Option<DateTime<Utc>>,
    /// The last complete reading of its log.
    pub last_read: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Its wall time minus the true one, seconds.
    pub drift_seconds: Option<i64>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Rows in its log, as it says.
    pub log_count: Option<i64>,
    /// Rows its log has room for.
    pub log_capacity: Option<i64>,
    /// Its users.
    pub user_count: Option<i64>,
    /// Rows it delivered.
    pub read_rows: i64,
    /// Of them, punches that were new.
    pub new_rows: i64,
    /// Of them, repeats.
    pub repeat_rows: i64,
    /// Of them, rows that cannot be punches.
    pub quarantine_rows: i64,
    /// When its log was last cleared at the clock itself, which takes what had not been read.
    pub cleared: Option<ClockEvent>,
    /// Of the rows that cannot be punches, those that were not kept for want of room.
    pub left_out_rows: i64,
    /// Rows of its log that have been read, from the first; of a clock that is read.
    pub log_position: i64,
    /// What lately came in its name and was not believed.
    pub disbelief: Option<Disbelief>,
}

impl DeviceRow {
    /// Rows that are here of those that its log has.
    #[must_use]
    pub const fn known_rows(&self) -> i64 {
        match self.transport {
            Transport::Tcp | Transport::Udp => self.log_position,
            Transport::Push | Transport::File => self.new_rows + self.quarantine_rows,
        }
    }

    /// Rows that its log has, as it says, and that are not here; `None` where there are none.
    #[must_use]
    pub fn missing_rows(&self) -> Option<i64> {
        self.log_count.map(|count| count - self.known_rows()).filter(|missing| *missing > 0)
    }

    /// By how many seconds its time is so wrong that the time of each punch is in doubt.
    #[must_use]
    pub fn wrong_time(&self) -> Option<i64> {
        self.drift_seconds.filter(|drift| is_wrong(*drift))
    }
}

/// Whether a clock is so far off, in seconds, that the time of each of its punches is in doubt.
#[must_use]
pub fn is_wrong(drift: i64) -> bool {
    drift.unsigned_abs() > PunchFlag::TOLERANCE.num_seconds().unsigned_abs()
}

/// A clock that waits for adoption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// Its serial number.
    pub serial: ClockSerial,
    /// Where it posts from.
    pub address: String,
    /// Its model, as it says.
    pub model: String,
    /// When it was first heard.
    pub first_seen: DateTime<Utc>,
    /// When it was last heard.
    pub last_seen: DateTime<Utc>,
}

/// Shows one clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowDevice {
    /// Its serial number.
    pub serial: ClockSerial,
}

/// Asks for what is needed to connect to a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindDevice {
    /// Its serial number.
    pub serial: ClockSerial,
}

/// How a clock is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRoute {
    /// How it is reached.
    pub transport: Transport,
    /// Where.
    pub address: Option<HostAddress>,
    /// Its key; empty = none.
    pub comm_key: Hidden,
    /// The zone of its wall time now.
    pub zone: Option<Tz>,
    /// Whether a running agent has a session with it.
    pub supervised: bool,
}

/// What the agent is asked to do with a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceWish {
    /// Ask it for its facts and its time.
    Test,
    /// Read its whole log now, and take what is new.
    Read,
    /// Set it to the true time.
    SetTime,
}

/// Asks a running agent to do something with a clock now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskDevice {
    /// Its serial number.
    pub serial: ClockSerial,
    /// What.
    pub wish: DeviceWish,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAnswer {
    /// Rows read.
    pub read: u64,
    /// Of them, new punches.
    pub new: u64,
    /// Of them, repeats.
    pub repeat: u64,
    /// Of them, rows that cannot be punches.
    pub quarantined: u64,
    /// The clock's time minus the true one, seconds.
    pub drift_seconds: Option<i64>,
    /// Whether it waits for the clock to come by.
    pub queued: bool,
}

/// Notes that a command has set a clock's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteTimeSet {
    /// Its serial number.
    pub serial: ClockSerial,
    /// How far off it was, seconds; `None` = it told no time.
    pub drift_seconds: Option<i64>,
}

/// What was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSetNoted {
    /// Punches marked as made while the clock was wrong.
    pub punches_marked: u32,
}

/// Gives a clock another communication key; empty = none. Whoever talks to the clock takes it up.
///
/// # Errors
/// What the store says.
pub fn set_key(tx: &WriteTx, author: &Author, serial: &ClockSerial, key: &Hidden) -> Result<(), StoreError> {
    tx.set_comm_key(serial, key.reveal())?;
    tx.audit(author.actor, author.via, "device.set_key", serial.as_str(), "", "")?;
    Ok(())
}

impl Act for SetDevice {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent
            .write(move |tx, author| {
                let found = tx.device(&self.serial)?;
                let mut device = found.record;
                set(&mut device.name, self.name);
                set(&mut device.direction_use, self.direction_use);
                set(&mut device.set_time, self.set_time);
                if let Some(code) = &self.site {
                    device.site = tx.site(code)?.id;
                }
                if self.address.is_some() {
                    device.address = self.address;
                }
                let changed = tx.update(author, found.id, None, &device)?.is_some();
                let rekeyed = self.comm_key.is_some();
                if let Some(key) = self.comm_key {
                    set_key(tx, author, &self.serial, &key)?;
                }
                Ok(saved::<Device>(found.id, self.serial.to_string(), Outcome::of_update(changed || rekeyed)))
            })
            .await
    }
}

impl Act for RetireDevice {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent
            .write(move |tx, author| {
                let found = tx.device(&self.serial)?;
                let device = Device { state: DeviceState::Retired, ..found.record };
                let changed = tx.update(author, found.id, None, &device)?;
                Ok(saved::<Device>(found.id, self.serial.to_string(), Outcome::of_update(changed.is_some())))
            })
            .await
    }
}

impl Act for ListDevices {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<DeviceList, Refusal> {
        let now = agent.clock.now();
        agent
            .read(move |tx| {
                let mut devices = Vec::new();
                for device in tx.devices()? {
                    if self.all || device.device.record.state != DeviceState::Retired {
                        devices.push(row(tx, device, now)?);
                    }
                }
                let waiting = tx.pending_devices()?.into_iter().map(waiting).collect();
                Ok(DeviceList { devices, waiting, dropped: tx.dropped_announcements(now)? })
            })
            .await
    }
}

impl Act for ShowDevice {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<DeviceDetail, Refusal> {
        let now = agent.clock.now();
        agent
            .read(move |tx| {
                let found =
                    tx.devices()?.into_iter().find(|device| device.device.record.serial == self.serial);
                let found = found.ok_or_else(|| missing("clock", &self.serial))?;
                Ok(DeviceDetail {
                    device: row(tx, found, now)?,
                    commands: tx.device_commands(&self.serial, SHOWN)?,
                    events: tx.clock_events(&self.serial, SHOWN)?,
                })
            })
            .await
    }
}

fn row(tx: &ReadTx, found: AdoptedDevice, now: DateTime<Utc>) -> Result<DeviceRow, StoreError> {
    let AdoptedDevice { device, state } = found;
    let site = tx.record::<Site>(device.record.site)?.map(|site| site.record.code);
    let counters = state.as_ref().map_or_else(DeviceCounters::default, |state| state.counters);
    let record = device.record;
    let told = |line: Option<Line>| line.map(|line| line.to_string());
    Ok(DeviceRow {
        cleared: tx.last_cleared(&record.serial)?,
        left_out_rows: tx.left_out_of_quarantine(&record.serial)?,
        disbelief: tx.disbelief(&record.serial, now)?,
        log_position: state.as_ref().map_or(0, |state| state.log_position),
        id: device.id,
        site: site.map_or_else(|| record.site.to_string(), |code| code.to_string()),
        link: state.as_ref().map_or(Link::Unknown, |state| state.link).as_str().to_owned(),
        last_seen: state.as_ref().and_then(|state| state.last_seen),
        last_read: state.as_ref().and_then(|state| state.last_read),
        last_error: state.as_ref().and_then(|state| state.last_error.clone()),
        drift_seconds: state.as_ref().and_then(|state| state.drift_seconds),
        log_count: state.as_ref().and_then(|state| state.log_count),
        log_capacity: state.as_ref().and_then(|state| state.log_capacity),
        user_count: state.as_ref().and_then(|state| state.user_count),
        firmware: state.as_ref().and_then(|state| state.firmware.clone()).or_else(|| told(record.firmware)),
        model: state.and_then(|state| state.model).or_else(|| told(record.model)),
        read_rows: counters.read,
        new_rows: counters.new,
        repeat_rows: counters.repeat,
        quarantine_rows: counters.quarantined,
        serial: record.serial,
        name: record.name,
        transport: record.transport,
        address: record.address,
        state: record.state,
        direction_use: record.direction_use,
        set_time: record.set_time,
    })
}

fn waiting(device: PendingDevice) -> WaitingRow {
    let PendingDevice { serial, address, model, first_seen, last_seen, .. } = device;
    WaitingRow { serial, address, model, first_seen, last_seen }
}

impl Act for FindDevice {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<DeviceRoute, Refusal> {
        let (running, now) = (agent.fleet.is_some(), agent.clock.now());
        agent
            .read(move |tx| {
                let device = tx.device(&self.serial)?.record;
                let site = tx.record::<Site>(device.site)?;
                let zones = device.zones.or_else(|| site.map(|site| site.record.zones));
                Ok(DeviceRoute {
                    transport: device.transport,
                    address: device.address,
                    comm_key: Hidden::new(tx.comm_key(&self.serial)?.unwrap_or_default()),
                    zone: zones.map(|zones| zones.zone_on(now.naive_utc().date())),
                    supervised: running && device.state == DeviceState::Active,
                })
            })
            .await
    }
}

impl Act for AskDevice {
    async fn act(self, agent: &Agent, progress: &Progress) -> Result<DeviceAnswer, Refusal> {
        let Some(fleet) = &agent.fleet else {
            return Err(Refusal::refused(
                "no agent runs on this folder: start it, or give the clock's address to connect to it from here",
            ));
        };
        let wanted = match self.wish {
            DeviceWish::Test => Wanted::Test,
            DeviceWish::Read => Wanted::Pull,
            DeviceWish::SetTime => Wanted::SetTime,
        };
        progress.tell("the clock", 0, None);
        match fleet.ask(&agent.author, &self.serial, wanted).await {
            Ok(outcome) => Ok(DeviceAnswer {
                read: outcome.taken.read,
                new: outcome.taken.new,
                repeat: outcome.taken.repeat,
                quarantined: outcome.taken.quarantined,
                drift_seconds: outcome.drift_seconds,
                queued: outcome.queued,
            }),
            Err(error @ AskError::Unknown(_)) => Err(Refusal::refused(error.to_string())),
            Err(AskError::Failed(cause)) => Err(Refusal::unreachable(cause)),
        }
    }
}

impl Act for NoteTimeSet {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<TimeSetNoted, Refusal> {
        let now = agent.clock.now();
        let serial = self.serial.clone();
        let right = agent.read(move |tx| tx.clock_was_right(&serial)).await?;
        let punches_marked = agent
            .write(move |tx, author| tx.clock_was_set(author, &self.serial, self.drift_seconds, right, now))
            .await?;
        Ok(TimeSetNoted { punches_marked })
    }
}
