//! What posting clocks are asked to do: kept until the clock has told what came of it.
//!
//! ```text
//! queued ── the clock comes by ──▶ sent ── its result: 0 or above ──▶ answered
//!   ▲                               │ └── below 0 ─────────────────▶ failed
//!   └─ no result, may be repeated ──┘ ─── tried too often, or only once to be told, or too old ──▶ failed
//! ```
//!
//! Each attempt has a name of its own, so that a late result is known to be of this command and nothing is counted twice.

use chrono::{DateTime, TimeDelta, Utc};
use device_protocols::push::{CommandId, PushCommand};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// Commands of one clock that may wait.
const OPEN: i64 = 32;
/// Ended commands of one clock that are kept to be looked at.
const ENDED: i64 = 100;
/// How often a command is told.
const ATTEMPTS: u32 = 5;
/// How long a clock may take for a command: it may have to send its whole log.
const ANSWER_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// How long a command waits for a clock that does not come by.
const WAIT: TimeDelta = TimeDelta::days(7);

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// It waits for the clock to come by.
    Queued,
    /// The clock has it and has not told what came of it.
    Sent,
    /// The clock has done it.
    Answered,
    /// The clock refused it, or never told.
    Failed,
}

impl CommandState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Answered, Self::Failed];

    /// Its name in storage, for scripts and in locale keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }
}

/// A command of a clock as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCommand {
    /// Its number.
    pub id: i64,
    /// What the clock is asked to do.
    pub name: String,
    /// Where it stands.
    pub state: CommandState,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// How often the clock was told.
    pub attempts: u32,
    /// When it was last told.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The clock's result: 0 and above = done.
    pub code: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queueing {
    /// It waits for the clock.
    Queued,
    /// The same waits already.
    Waits,
    /// Too much waits for this clock.
    Full,
}

/// The name of one attempt at a command towards the clock.
fn name(id: i64, attempt: u32) -> Option<CommandId> {
    CommandId::parse(&format!("{id}r{attempt}"))
}

/// The command of which an attempt has this name.
fn number(name: &CommandId) -> Option<i64> {
    name.as_str().split_once('r')?.0.parse().ok()
}

/// A command that may be told now.
struct Due {
    id: i64,
    state: CommandState,
    attempts: u32,
    asked_at: i64,
    command: PushCommand,
}

impl WriteTx {
    /// Asks a posting clock to do something when it next comes by.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn queue_command(&self, serial: &ClockSerial, command: &PushCommand) -> Result<Queueing, StoreError> {
        let clock = self.clock_id(serial)?;
        let text = json(command)?;
        let (open, same): (i64, bool) = self
            .connection
            .prepare_cached(
                "SELECT count(*), coalesce(max(command = ?2), 0) FROM device_command
                 WHERE clock = ?1 AND state IN ('queued', 'sent')",
            )?
            .query_row(params![clock, text], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if same {
            return Ok(Queueing::Waits);
        }
        if open >= OPEN {
            return Ok(Queueing::Full);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO device_command (clock, name, command, asked_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![clock, command.name(), text, self.now_ms()])?;
        self.connection
            .prepare_cached(
                "DELETE FROM device_command WHERE clock = ?1 AND state IN ('answered', 'failed') AND id NOT IN
                     (SELECT id FROM device_command WHERE clock = ?1 AND state IN ('answered', 'failed')
                      ORDER BY id DESC LIMIT ?2)",
            )?
            .execute([clock, ENDED])?;
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(Queueing::Queued)
    }

    /// What a clock that comes by is told: all that it was not told, or has not answered for long. They count as sent.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a command that cannot be read.
    pub fn take_commands(&self, serial: &ClockSerial) -> Result<Vec<(CommandId, PushCommand)>, StoreError> {
        let clock = self.clock_id(serial)?;
        let now = self.now_ms();
        let mut told = Vec::new();
        for due in self.due(clock, now)? {
            let Due { id, state, attempts, asked_at, command } = due;
            let error = match state {
                CommandState::Queued if asked_at < now - WAIT.num_milliseconds() => {
                    Some("the clock did not come by in time")
                }
                CommandState::Sent if !command.is_repeatable() => {
                    Some("the clock has not told what came of it, and it may not be told twice")
                }
                CommandState::Queued | CommandState::Sent if attempts >= ATTEMPTS => {
                    Some("the clock was told several times and never told what came of it")
                }
                CommandState::Queued | CommandState::Sent | CommandState::Answered | CommandState::Failed => {
                    None
                }
            };
            if let Some(error) = error {
                self.end_command(id, CommandState::Failed, None, Some(error))?;
                continue;
            }
            let attempt = attempts + 1;
            let Some(name) = name(id, attempt) else { continue };
            self.connection
                .prepare_cached(
                    "UPDATE device_command SET state = 'sent', attempts = ?2, sent_at = ?3 WHERE id = ?1",
                )?
                .execute(params![id, attempt, now])?;
            told.push((name, command));
        }
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(told)
    }

    fn due(&self, clock: i64, now: i64) -> Result<Vec<Due>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT id, state = 'sent', attempts, asked_at, command FROM device_command
             WHERE clock = ?1 AND (state = 'queued' OR (state = 'sent' AND sent_at <= ?2)) ORDER BY id",
        )?;
        let mut rows = query.query([clock, now - ANSWER_WITHIN.num_milliseconds()])?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, sent): (i64, bool) = (row.get(0)?, row.get(1)?);
            let text: String = row.get(4)?;
            due.push(Due {
                id,
                state: if sent { CommandState::Sent } else { CommandState::Queued },
                attempts: row.get(2)?,
                asked_at: row.get(3)?,
                command: serde_json::from_str(&text)
                    .map_err(|cause| StoreError::corrupt("device_command", "command", id, cause))?,
            });
        }
        Ok(due)
    }

    /// Keeps what a clock told of a command; whether it was one of its open ones.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn answer_command(
        &self,
        serial: &ClockSerial,
        name: &CommandId,
        code: i64,
    ) -> Result<bool, StoreError> {
        let (clock, Some(id)) = (self.clock_id(serial)?, number(name)) else { return Ok(false) };
        let open: Option<i64> = self
            .connection
            .prepare_cached("SELECT id FROM device_command WHERE id = ?1 AND clock = ?2 AND state = 'sent'")?
            .query_row([id, clock], |row| row.get(0))
            .optional()?;
        let Some(id) = open else { return Ok(false) };
        if code >= 0 {
            self.end_command(id, CommandState::Answered, Some(code), None)?;
        } else {
            self.end_command(id, CommandState::Failed, Some(code), Some("the clock refused it"))?;
        }
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(true)
    }

    /// A clock that introduces itself has forgotten what it was told before and may do again.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget_sent_commands(&self, serial: &ClockSerial) -> Result<(), StoreError> {
        let clock = self.clock_id(serial)?;
        self.connection
            .prepare_cached("UPDATE device_command SET sent_at = 0 WHERE clock = ?1 AND state = 'sent'")?
            .execute([clock])?;
        Ok(())
    }

    fn end_command(
        &self,
        id: i64,
        state: CommandState,
        code: Option<i64>,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE device_command SET state = ?2, code = ?3, error = ?4, ended_at = ?5 WHERE id = ?1",
            )?
            .execute(params![id, state.as_str(), code, error, self.now_ms()])?;
        Ok(())
    }

    /// When a command of this name was last ended, or `None` where none was.
    pub(super) fn command_ended(&self, clock: i64, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT max(ended_at) FROM device_command WHERE clock = ?1 AND name = ?2")?
            .query_row(params![clock, name], |row| row.get(0))?)
    }
}

fn json(command: &PushCommand) -> Result<String, StoreError> {
    serde_json::to_string(command).map_err(|error| StoreError::Invalid(error.to_string()))
}

impl ReadTx {
    /// Whether a clock that comes by is to be told anything.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_commands(&self, serial: &ClockSerial, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let before = (now - ANSWER_WITHIN).timestamp_millis();
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM device_command d JOIN clock c ON c.id = d.clock WHERE c.serial = ?1
                     AND (d.state = 'queued' OR (d.state = 'sent' AND d.sent_at <= ?2)))",
            )?
            .query_row(params![serial.as_str(), before], |row| row.get(0))?)
    }

    /// The latest commands of a clock, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn device_commands(
        &self,
        serial: &ClockSerial,
        limit: u32,
    ) -> Result<Vec<DeviceCommand>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT d.id, d.name, d.state, d.asked_at, d.attempts, d.sent_at, d.ended_at, d.code, d.error
             FROM device_command d JOIN clock c ON c.id = d.clock WHERE c.serial = ?1 ORDER BY d.id DESC LIMIT ?2",
        )?;
        let mut rows = query.query(params![serial.as_str(), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(shown(row)?);
        }
        Ok(found)
    }
}

fn shown(row: &Row<'_>) -> Result<DeviceCommand, StoreError> {
    let id: i64 = row.get(0)?;
    let state: String = row.get(2)?;
    let at = |place: usize| -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(row.get::<_, Option<i64>>(place)?.filter(|ms| *ms > 0).and_then(DateTime::from_timestamp_millis))
    };
    Ok(DeviceCommand {
        id,
        name: row.get(1)?,
        state: CommandState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| StoreError::corrupt("device_command", "state", id, &state))?,
        asked_at: at(3)?.unwrap_or_default(),
        attempts: row.get(4)?,
        sent_at: at(5)?,
        ended_at: at(6)?,
        code: row.get(7)?,
        error: row.get(8)?,
    })
}
