//! What was done at the clocks themselves: their menus opened, their time set, their logs cleared.
//!
//! A clock tells the same again and again (each reading, each upload after a restart); it is kept once.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// The most that is kept of one clock: what is never deleted must not be without end, whoever tells it.
const KEPT: i64 = 100_000;

/// What was done, where its number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockAct {
    /// The clock was switched on.
    PowerOn,
    /// Its menu was opened.
    Menu,
    /// A setting was changed.
    Setting,
    /// A user was deleted.
    UserDeleted,
    /// All data was cleared.
    DataCleared,
    /// Its time was set.
    TimeSet,
    /// It was set back to how it left the factory.
    FactoryReset,
    /// Its attendance log was cleared.
    LogCleared,
    /// A user was enrolled.
    UserEnrolled,
    /// Something that the vendor has a number for.
    Other,
}

impl ClockAct {
    /// Every act.
    pub const ALL: [Self; 10] = [
        Self::PowerOn,
        Self::Menu,
        Self::Setting,
        Self::UserDeleted,
        Self::DataCleared,
        Self::TimeSet,
        Self::FactoryReset,
        Self::LogCleared,
        Self::UserEnrolled,
        Self::Other,
    ];

    /// The act of a number in the clock's operation log.
    #[must_use]
    pub const fn of(code: u16) -> Self {
        match code {
            0 => Self::PowerOn,
            4 => Self::Menu,
            5 => Self::Setting,
            9 => Self::UserDeleted,
            13 => Self::DataCleared,
            21 => Self::TimeSet,
            22 => Self::FactoryReset,
            23 => Self::LogCleared,
            30 => Self::UserEnrolled,
            _ => Self::Other,
        }
    }

    /// Its name for scripts and in locale keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PowerOn => "power_on",
            Self::Menu => "menu",
            Self::Setting => "setting",
            Self::UserDeleted => "user_deleted",
            Self::DataCleared => "data_cleared",
            Self::TimeSet => "time_set",
            Self::FactoryReset => "factory_reset",
            Self::LogCleared => "log_cleared",
            Self::UserEnrolled => "user_enrolled",
            Self::Other => "other",
        }
    }

    /// Whether punches that nobody had read are gone with it.
    #[must_use]
    pub const fn takes_punches(self) -> bool {
        matches!(self, Self::DataCleared | Self::FactoryReset | Self::LogCleared)
    }
}

/// Something that was done at a clock, as it tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClockEvent {
    /// Its number in the clock's operation log.
    pub code: u16,
    /// By whom, as the clock tells it.
    pub admin: String,
    /// The clock's wall time, as it told it.
    pub said: String,
    /// When that was; `None` where the time does not exist.
    pub instant: Option<DateTime<Utc>>,
    /// What it was done to, in the clock's numbers.
    pub objects: String,
}

/// Something that was done at a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockEvent {
    /// Its number here.
    pub id: i64,
    /// What.
    pub act: ClockAct,
    /// Its number in the clock's operation log.
    pub code: u16,
    /// By whom, as the clock tells it; `0` = nobody in particular.
    pub admin: String,
    /// The clock's wall time, as it told it.
    pub said: String,
    /// When that was; `None` where the time does not exist.
    pub at: Option<DateTime<Utc>>,
    /// What it was done to, in the clock's numbers.
    pub objects: String,
    /// Every punch before this instant had been read when the clock told it.
    pub read_until: Option<DateTime<Utc>>,
    /// When the clock told it.
    pub received_at: DateTime<Utc>,
}

impl WriteTx {
    /// Keeps what was done at a clock; how much of it was new.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn take_clock_events(
        &self,
        serial: &ClockSerial,
        events: &[NewClockEvent],
    ) -> Result<u32, StoreError> {
        let clock = self.clock_id(serial)?;
        let held: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM clock_event WHERE clock = ?1")?
            .query_row([clock], |row| row.get(0))?;
        let through: Option<i64> = self
            .connection
            .prepare_cached("SELECT through FROM device_state WHERE clock = ?1")?
            .query_row([clock], |row| row.get(0))?;
        let mut room = usize::try_from(KEPT - held).unwrap_or(0);
        let mut new = 0;
        for event in events {
            if room == 0 {
                tracing::warn!(clock.serial = %serial, "what is done at this clock is kept no longer: it tells too much");
                break;
            }
            let inserted = self
                .connection
                .prepare_cached(
                    "INSERT INTO clock_event (clock, code, admin, said, objects, instant, through, received_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    clock,
                    event.code,
                    event.admin,
                    event.said,
                    event.objects,
                    event.instant.map(|at| at.timestamp()),
                    through,
                    self.now_ms()
                ])?;
            room -= inserted;
            new += u32::try_from(inserted).unwrap_or(0);
        }
        if new > 0 {
            self.tell(StoreEvent::Device(serial.clone()));
        }
        Ok(new)
    }
}

const EVENT: &str = "SELECT e.id, e.code, e.admin, e.said, e.objects, e.instant, e.through, e.received_at
    FROM clock_event e JOIN clock c ON c.id = e.clock";
const NEWEST_FIRST: &str = "ORDER BY coalesce(e.instant, e.received_at / 1000) DESC, e.id DESC";

fn event(row: &Row<'_>) -> rusqlite::Result<ClockEvent> {
    let second = |place: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
        Ok(row.get::<_, Option<i64>>(place)?.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    };
    let code = row.get(1)?;
    Ok(ClockEvent {
        id: row.get(0)?,
        act: ClockAct::of(code),
        code,
        admin: row.get(2)?,
        said: row.get(3)?,
        at: second(5)?,
        objects: row.get(4)?,
        read_until: second(6)?,
        received_at: DateTime::from_timestamp_millis(row.get(7)?).unwrap_or_default(),
    })
}

impl ReadTx {
    /// What was last done at a clock, the newest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clock_events(&self, serial: &ClockSerial, limit: u32) -> Result<Vec<ClockEvent>, StoreError> {
        let sql = format!("{EVENT} WHERE c.serial = ?1 {NEWEST_FIRST} LIMIT ?2");
        let mut query = self.connection.prepare_cached(&sql)?;
        let rows = query.query_map(params![serial.as_str(), limit], event)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last time that punches were cleared at a clock itself.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_cleared(&self, serial: &ClockSerial) -> Result<Option<ClockEvent>, StoreError> {
        let sql = format!("{EVENT} WHERE c.serial = ?1 AND e.code IN (13, 22, 23) {NEWEST_FIRST} LIMIT 1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([serial.as_str()], event).optional()?)
    }
}
