//! What is known of each clock: its state, counters, watermark, key.

use chrono::{DateTime, TimeDelta, Utc};
use device_protocols::driver::LogMark;
use device_protocols::push::PushCommand;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use shared_model::entity::Device;
use shared_model::{ClockSerial, Kind, RawTime};
use sync_protocol::{LedgerEntry, Watermark};

use super::{Queueing, ReadTx, StoreError, StoreEvent, Stored, Taken, WriteTx};

/// A watermark that only moved in time is logged when it moved at least so far, seconds.
const WATERMARK_STEP: i64 = 600;

/// A clock this many seconds off, or less, is right.
const RIGHT: i64 = 10;

/// A clock that counts more than it delivered is asked for all of it at most so often.
const ASK_AGAIN: TimeDelta = TimeDelta::days(1);

/// Whether a clock can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Nobody has tried yet.
    #[default]
    Unknown,
    /// It answered last time.
    Online,
    /// It did not.
    Offline,
    /// What answered is another clock.
    WrongClock,
    /// It wants another communication key.
    WrongKey,
}

impl Link {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Online, Self::Offline, Self::WrongClock, Self::WrongKey];

    /// Its name in storage and locale keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::WrongClock => "wrong_clock",
            Self::WrongKey => "wrong_key",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|link| link.as_str() == text).unwrap_or_default()
    }
}

/// What a supervisor found out about a clock. `None` leaves what was known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceReport {
    /// Whether it can be reached.
    pub link: Option<Link>,
    /// Whether it said something just now.
    pub heard: bool,
    /// What went wrong; `Some(None)` clears the last error.
    pub error: Option<Option<String>>,
    /// Its wall time minus the true one, seconds.
    pub drift_seconds: Option<i64>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its hardware platform.
    pub platform: Option<String>,
    /// Rows in its log.
    pub log_count: Option<u32>,
    /// Rows its log has room for.
    pub log_capacity: Option<u32>,
    /// Its users.
    pub user_count: Option<u32>,
    /// Users it has room for.
    pub user_capacity: Option<u32>,
}

/// What the rows of a clock became, since it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DeviceCounters {
    /// Rows it delivered: the sum of the others.
    pub read: i64,
    /// Rows that became punches.
    pub new: i64,
    /// Rows that were known already.
    pub repeat: i64,
    /// Rows that cannot be punches.
    pub quarantined: i64,
}

/// The state of a clock, as `device_state` holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// Its serial.
    pub serial: String,
    /// Whether it can be reached.
    pub link: Link,
    /// The last word from it.
    pub last_seen: Option<DateTime<Utc>>,
    /// The last complete reading of its log.
    pub last_read: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When.
    pub last_error_at: Option<DateTime<Utc>>,
    /// Its wall time minus the true one, seconds.
    pub drift_seconds: Option<i64>,
    /// When that was measured.
    pub drift_at: Option<DateTime<Utc>>,
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
    /// Users it has room for.
    pub user_capacity: Option<i64>,
    /// What its rows became.
    pub counters: DeviceCounters,
    /// Rows of its log that have been read, from the first.
    pub log_position: i64,
    /// The newest raw time read.
    pub newest_raw: Option<RawTime>,
    /// Every punch before this instant has been read.
    pub through: Option<DateTime<Utc>>,
}

impl DeviceRow {
    /// Rows in the clock's log, as the last reading found; before one, as the clock says of itself.
    #[must_use]
    pub fn log_rows(&self) -> Option<i64> {
        Some(self.log_position).filter(|rows| *rows > 0).or(self.log_count)
    }
}

/// A clock with its record, its state and whether a key is stored for it.
#[derive(Debug, Clone)]
pub struct AdoptedDevice {
    /// The record.
    pub device: Stored<Device>,
    /// The state; `None` = nothing has been heard of it here.
    pub state: Option<DeviceRow>,
}

/// What of a clock's log has been read and committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPlace {
    /// Rows, from the first.
    pub position: u64,
    /// Hash of the bytes of those rows.
    pub prefix_hash: Option<[u8; 32]>,
    /// Where a reading of what follows them may begin.
    pub mark: Option<LogMark>,
    /// The wall time of the last of them that had one.
    pub last_raw: Option<RawTime>,
    /// When the log was last read from its first row.
    pub whole_at: Option<DateTime<Utc>>,
}

const STATE: &str =
    "SELECT c.serial, s.link, s.last_seen, s.last_read, s.last_error, s.last_error_at, s.drift_seconds,
    s.drift_at, s.firmware, s.model, s.log_count, s.log_capacity, s.user_count, s.user_capacity, s.read_rows,
    s.new_rows, s.repeat_rows, s.quarantine_rows, s.log_position, s.newest_raw, s.through
    FROM device_state s JOIN clock c ON c.id = s.clock";

fn state(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let ms = |at: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
        Ok(row.get::<_, Option<i64>>(at)?.and_then(DateTime::from_timestamp_millis))
    };
    let link: String = row.get(1)?;
    Ok(DeviceRow {
        serial: row.get(0)?,
        link: Link::parse(&link),
        last_seen: ms(2)?,
        last_read: ms(3)?,
        last_error: row.get(4)?,
        last_error_at: ms(5)?,
        drift_seconds: row.get(6)?,
        drift_at: ms(7)?,
        firmware: row.get(8)?,
        model: row.get(9)?,
        log_count: row.get(10)?,
        log_capacity: row.get(11)?,
        user_count: row.get(12)?,
        user_capacity: row.get(13)?,
        counters: DeviceCounters {
            read: row.get(14)?,
            new: row.get(15)?,
            repeat: row.get(16)?,
            quarantined: row.get(17)?,
        },
        log_position: row.get(18)?,
        newest_raw: row.get::<_, Option<i64>>(19)?.and_then(RawTime::from_seconds),
        through: row.get::<_, Option<i64>>(20)?.and_then(|s| DateTime::from_timestamp(s, 0)),
    })
}

impl WriteTx {
    /// Keeps what a supervisor found out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn report(&self, serial: &ClockSerial, report: &DeviceReport) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        let now = self.now_ms();
        self.connection
            .prepare_cached(
                "UPDATE device_state SET
                    link = coalesce(?2, link),
                    last_seen = CASE WHEN ?3 THEN ?4 ELSE last_seen END,
                    last_error = CASE WHEN ?5 THEN ?6 ELSE last_error END,
                    last_error_at = CASE WHEN ?6 IS NOT NULL THEN ?4 ELSE last_error_at END,
                    drift_seconds = coalesce(?7, drift_seconds),
                    drift_at = CASE WHEN ?7 IS NOT NULL THEN ?4 ELSE drift_at END,
                    right_at = CASE WHEN abs(?7) <= ?15 THEN ?4 ELSE right_at END,
                    firmware = coalesce(?8, firmware), model = coalesce(?9, model), platform = coalesce(?10, platform),
                    log_count = coalesce(?11, log_count), log_capacity = coalesce(?12, log_capacity),
                    user_count = coalesce(?13, user_count), user_capacity = coalesce(?14, user_capacity)
                 WHERE clock = ?1",
            )?
            .execute(params![
                clock,
                report.link.map(Link::as_str),
                report.heard,
                now,
                report.error.is_some(),
                report.error.as_ref().and_then(Option::as_ref),
                report.drift_seconds,
                report.firmware,
                report.model,
                report.platform,
                report.log_count,
                report.log_capacity,
                report.user_count,
                report.user_capacity,
                RIGHT,
            ])?;
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(())
    }

    pub(super) fn count_rows(
        &self,
        clock: i64,
        taken: Taken,
        newest_raw: Option<i64>,
    ) -> Result<(), StoreError> {
        let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "UPDATE device_state SET read_rows = read_rows + ?2, new_rows = new_rows + ?3,
                    repeat_rows = repeat_rows + ?4, quarantine_rows = quarantine_rows + ?5,
                    newest_raw = max(coalesce(newest_raw, ?6), coalesce(?6, newest_raw)), last_seen = ?7
                 WHERE clock = ?1",
            )?
            .execute(params![
                clock,
                count(taken.read),
                count(taken.new),
                count(taken.repeat),
                count(taken.quarantined),
                newest_raw,
                self.now_ms(),
            ])?;
        Ok(())
    }

    /// Counts rows that were read again unchanged and need no further look.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn count_repeats(&self, serial: &ClockSerial, rows: u64) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        self.count_rows(clock, Taken { read: rows, repeat: rows, ..Taken::default() }, None)
    }

    /// Remembers how far a clock's log has been read, now; whether from its first row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_log_place(
        &self,
        serial: &ClockSerial,
        place: &LogPlace,
        whole: bool,
    ) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        let position = i64::try_from(place.position).unwrap_or(i64::MAX);
        let mark = place.mark.as_ref().map(LogMark::to_bytes);
        self.connection
            .prepare_cached(
                "UPDATE device_state SET log_position = ?2, prefix_hash = ?3, log_mark = ?4, last_read = ?5,
                     whole_read_at = iif(?6, ?5, whole_read_at), last_raw = ?7
                 WHERE clock = ?1",
            )?
            .execute(params![
                clock,
                position,
                place.prefix_hash,
                mark,
                self.now_ms(),
                whole,
                place.last_raw.map(RawTime::seconds),
            ])?;
        Ok(())
    }

    /// Notes that every punch that was made on a clock before a true time is in the ledger: a later one that says it was
    /// made before tells that the clock is wrong.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn read_complete(&self, serial: &ClockSerial, to: DateTime<Utc>) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        self.set_complete_to(clock, to)
    }

    /// Notes that a posting clock has posted every punch made before an instant; unless its own count says that it holds
    /// more rows than are known of it, repeats not counted, and it was not lately asked for all of it. Whether it was
    /// noted.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn posted_until(
        &self,
        serial: &ClockSerial,
        to: DateTime<Utc>,
        grew: bool,
    ) -> Result<bool, StoreError> {
        let clock = self.clock_id(serial)?;
        let (counted, known): (Option<i64>, i64) = self
            .connection
            .prepare_cached(
                "SELECT log_count, new_rows + quarantine_rows FROM device_state WHERE clock = ?1",
            )?
            .query_row([clock], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if counted.is_some_and(|counted| counted > known) {
            let asked = self.command_ended(clock, self.all_it_has().name())?;
            if asked.is_none_or(|at| self.now_ms() - at > ASK_AGAIN.num_milliseconds()) {
                return Ok(false);
            }
        }
        self.read_complete(serial, to)?;
        self.read_through(serial, to, grew)?;
        Ok(true)
    }

    /// Asks a posting clock for its whole log when it next comes by.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ask_for_all(&self, serial: &ClockSerial) -> Result<Queueing, StoreError> {
        self.queue_command(serial, &self.all_it_has())
    }

    fn all_it_has(&self) -> PushCommand {
        PushCommand::whole_log(self.clock().now().naive_utc())
    }

    /// Notes that every punch of a clock before `through` has been read. What is noted never goes back; it travels on
    /// the ledger stream when rows came with it (`grew`) or when it moved far enough.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn read_through(
        &self,
        serial: &ClockSerial,
        through: DateTime<Utc>,
        grew: bool,
    ) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        let seconds = through.timestamp();
        let (before, position, newest): (Option<i64>, i64, Option<i64>) = self
            .connection
            .prepare_cached("SELECT through, log_position, newest_raw FROM device_state WHERE clock = ?1")?
            .query_row([clock], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if before.is_some_and(|before| before >= seconds) {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE device_state SET through = ?2 WHERE clock = ?1")?
            .execute(params![clock, seconds])?;
        let logged: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(through) FROM watermark WHERE clock = ?1")?
            .query_row([clock], |row| row.get(0))?;
        if !grew && logged.is_some_and(|logged| seconds - logged < WATERMARK_STEP) {
            return Ok(());
        }
        let mark = Watermark {
            serial: serial.clone(),
            position,
            raw_time: newest.and_then(RawTime::from_seconds),
            through,
            observed_at: DateTime::from_timestamp_millis(self.now_ms()).unwrap_or(through),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO watermark (clock, log_position, raw_time, through, observed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![clock, position, newest, seconds, mark.observed_at.timestamp_millis()])?;
        let id = self.connection.last_insert_rowid();
        self.log_ledger_entry(&LedgerEntry::Watermark(mark), id)?;
        // Days that waited for this clock may be final now.
        self.tell(StoreEvent::Recompute);
        Ok(())
    }

    /// Keeps the key of a clock; an empty one forgets it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_comm_key(&self, serial: &ClockSerial, key: &str) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        let known: Option<String> = self
            .connection
            .prepare_cached("SELECT comm_key FROM device_secret WHERE clock = ?1")?
            .query_row([clock], |row| row.get(0))
            .optional()?;
        if known.unwrap_or_default() != key {
            self.forget_greeting(clock)?;
        }
        if key.is_empty() {
            self.connection.execute("DELETE FROM device_secret WHERE clock = ?1", [clock])?;
        } else {
            self.connection.execute(
                "INSERT INTO device_secret (clock, comm_key) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET comm_key = excluded.comm_key",
                params![clock, key],
            )?;
        }
        self.tell(StoreEvent::Records(Kind::Device));
        Ok(())
    }
}

/// Where a posting clock is to go on, in its own stamps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamps {
    /// Of its punches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attendance: Option<String>,
    /// Of its operations and users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<String>,
}

impl WriteTx {
    /// Keeps where a posting clock is to go on. A stamp that is `None` stays as it was.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_stamps(&self, serial: &ClockSerial, stamps: &Stamps) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        let text = serde_json::to_string(stamps).map_err(|e| StoreError::Invalid(e.to_string()))?;
        self.connection
            .prepare_cached("UPDATE device_state SET stamps = json_patch(stamps, ?2) WHERE clock = ?1")?
            .execute(params![clock, text])?;
        Ok(())
    }
}

impl ReadTx {
    /// Where a posting clock is to go on.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for stamps that cannot be read.
    pub fn stamps(&self, serial: &ClockSerial) -> Result<Stamps, StoreError> {
        let text: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT stamps FROM device_state s JOIN clock c ON c.id = s.clock WHERE c.serial = ?1",
            )?
            .query_row([serial.as_str()], |row| row.get(0))
            .optional()?;
        let read = |text: String| {
            serde_json::from_str(&text)
                .map_err(|cause| StoreError::corrupt("device_state", "stamps", serial, cause))
        };
        text.map_or_else(|| Ok(Stamps::default()), read)
    }

    /// The state of one clock.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn device_state(&self, serial: &ClockSerial) -> Result<Option<DeviceRow>, StoreError> {
        let sql = format!("{STATE} WHERE c.serial = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([serial.as_str()], state).optional()?)
    }

    /// The state of every clock that was ever heard of.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn device_states(&self) -> Result<Vec<DeviceRow>, StoreError> {
        let sql = format!("{STATE} ORDER BY c.serial");
        let mut query = self.connection.prepare_cached(&sql)?;
        let rows = query.query_map([], state)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every clock that has a record, with its state.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn devices(&self) -> Result<Vec<AdoptedDevice>, StoreError> {
        let mut states = self.device_states()?;
        let mut take = |serial: &ClockSerial| {
            let at = states.iter().position(|state| state.serial == serial.as_str())?;
            Some(states.swap_remove(at))
        };
        let devices = self.records::<Device>()?;
        Ok(devices
            .into_iter()
            .map(|device| AdoptedDevice { state: take(&device.record.serial), device })
            .collect())
    }

    /// How far a clock's log has been read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn log_place(&self, serial: &ClockSerial) -> Result<LogPlace, StoreError> {
        let place = |row: &Row<'_>| {
            let (mark, whole_at): (Option<Vec<u8>>, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok(LogPlace {
                position: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                prefix_hash: row.get(1)?,
                // A mark that this version cannot read is as good as none: the log is read whole.
                mark: mark.and_then(|bytes| LogMark::parse(&bytes).ok()),
                whole_at: whole_at.and_then(DateTime::from_timestamp_millis),
                last_raw: row.get::<_, Option<i64>>(4)?.and_then(RawTime::from_seconds),
            })
        };
        let found = self
            .connection
            .prepare_cached(
                "SELECT log_position, prefix_hash, log_mark, whole_read_at, last_raw
                 FROM device_state s JOIN clock c ON c.id = s.clock WHERE c.serial = ?1",
            )?
            .query_row([serial.as_str()], place)
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// The key of a clock. Only the supervisor needs it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn comm_key(&self, serial: &ClockSerial) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT comm_key FROM device_secret d JOIN clock c ON c.id = d.clock WHERE c.serial = ?1",
            )?
            .query_row([serial.as_str()], |row| row.get(0))
            .optional()?)
    }
}
