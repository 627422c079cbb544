//! The users a clock holds, and the collapse of internal serial numbers onto them.
//!
//! An 8-byte log record names only the clock's internal number of a user. While the user is unknown, the punch stands
//! under `sn:N`; the same punch may come by another route under the person's code. Both ways meet here: a punch that
//! arrives second is a repeat, and where both got in before the user was known, a note marks the later one as the same
//! punch.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, params};
use shared_model::entity::{Identity, PunchNote, PunchNoteType};
use shared_model::text::Line;
use shared_model::{ClockSerial, IdentityId, PunchId, PunchNoteId, RawTime, UserCode};

use super::{Author, StoreError, StoreEvent, WriteTx};

/// A user as a clock holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockUser {
    /// The clock's internal number of the record.
    pub sn: u16,
    /// The code under which punches name the person.
    pub code: UserCode,
    /// The name shown on the clock.
    pub name: String,
    /// The clock's privilege number.
    pub privilege: u8,
}

/// What became of a user table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsersTaken {
    /// Users not known before, or known under another number.
    pub new: u32,
    /// Users that the clock no longer has.
    pub gone: u32,
    /// Punches that turned out to be in the ledger twice, now marked.
    pub collapsed: u32,
}

impl WriteTx {
    /// Takes a clock's users. With `whole`, users that are not among these are gone.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn take_users(
        &self,
        serial: &ClockSerial,
        users: &[ClockUser],
        whole: bool,
    ) -> Result<UsersTaken, StoreError> {
        let clock = self.clock_id(serial)?;
        let now = self.clock().now().timestamp();
        let mut taken = UsersTaken::default();
        for user in users {
            taken.new += u32::from(self.take_user(clock, user, now)?);
        }
        if whole {
            let mut query = self.connection.prepare_cached(
                "SELECT sn, user_code FROM clock_user WHERE clock = ?1 AND gone_at IS NULL",
            )?;
            let known = query
                .query_map([clock], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<(u16, String)>, _>>()?;
            let held: std::collections::HashSet<(u16, &str)> =
                users.iter().map(|user| (user.sn, user.code.as_str())).collect();
            for (sn, code) in known {
                if !held.contains(&(sn, code.as_str())) {
                    self.end_user(clock, sn, now)?;
                    taken.gone += 1;
                }
            }
        }
        if taken.new > 0 && self.has_internal_codes(clock)? {
            taken.collapsed = self.collapse_internal(serial, clock)?;
        }
        self.tell(StoreEvent::Device(serial.clone()));
        Ok(taken)
    }

    fn take_user(&self, clock: i64, user: &ClockUser, now: i64) -> Result<bool, StoreError> {
        let held: Option<(String, String, u8)> = self
            .connection
            .prepare_cached(
                "SELECT user_code, name, privilege FROM clock_user WHERE clock = ?1 AND sn = ?2 AND gone_at IS NULL",
            )?
            .query_row(params![clock, user.sn], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let known = held.as_ref().is_some_and(|(code, ..)| code == user.code.as_str());
        if held
            .as_ref()
            .is_some_and(|(_, name, privilege)| known && *name == user.name && *privilege == user.privilege)
        {
            return Ok(false);
        }
        if known {
            self.connection
                .prepare_cached(
                    "UPDATE clock_user SET name = ?3, privilege = ?4 WHERE clock = ?1 AND sn = ?2 AND gone_at IS NULL",
                )?
                .execute(params![clock, user.sn, user.name, user.privilege])?;
            return Ok(false);
        }
        if held.is_some() {
            self.end_user(clock, user.sn, now)?;
        }
        // The first user seen under a number has had it since before we looked.
        let first: bool = self
            .connection
            .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM clock_user WHERE clock = ?1 AND sn = ?2)")?
            .query_row(params![clock, user.sn], |row| row.get(0))?;
        self.connection
            .prepare_cached(
                "INSERT INTO clock_user (clock, sn, user_code, name, privilege, first_seen)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET user_code = excluded.user_code, name = excluded.name,
                     privilege = excluded.privilege, gone_at = NULL",
            )?
            .execute(params![
                clock,
                user.sn,
                user.code.as_str(),
                user.name,
                user.privilege,
                if first { 0 } else { now }
            ])?;
        Ok(true)
    }

    fn end_user(&self, clock: i64, sn: u16, now: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE clock_user SET gone_at = ?3 WHERE clock = ?1 AND sn = ?2 AND gone_at IS NULL",
            )?
            .execute(params![clock, sn, now])?;
        Ok(())
    }

    /// Whose number it was on a clock at an instant.
    pub(super) fn code_of(
        &self,
        clock: i64,
        sn: u16,
        at: DateTime<Utc>,
    ) -> Result<Option<UserCode>, StoreError> {
        let found: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT user_code FROM clock_user WHERE clock = ?1 AND sn = ?2 AND first_seen <= ?3
                 AND (gone_at IS NULL OR gone_at > ?3) ORDER BY first_seen DESC LIMIT 1",
            )?
            .query_row(params![clock, sn, at.timestamp()], |row| row.get(0))
            .optional()?;
        found
            .map(|code| {
                UserCode::parse(&code)
                    .map_err(|cause| StoreError::corrupt("clock_user", "user_code", sn, cause))
            })
            .transpose()
    }

    /// The internal numbers a code had on a clock at an instant.
    pub(super) fn internal_of(
        &self,
        clock: i64,
        code: &UserCode,
        at: DateTime<Utc>,
    ) -> Result<Vec<u16>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT sn FROM clock_user WHERE clock = ?1 AND user_code = ?2 AND first_seen <= ?3
             AND (gone_at IS NULL OR gone_at > ?3)",
        )?;
        let found = query.query_map(params![clock, code.as_str(), at.timestamp()], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    pub(super) fn has_internal_codes(&self, clock: i64) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT internal_codes FROM device_state WHERE clock = ?1")?
            .query_row([clock], |row| row.get(0))?)
    }

    pub(super) fn set_internal_codes(&self, clock: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE device_state SET internal_codes = 1 WHERE clock = ?1")?
            .execute([clock])?;
        Ok(())
    }

    /// Settles punches that stand under an internal number whose user is known now.
    fn collapse_internal(&self, serial: &ClockSerial, clock: i64) -> Result<u32, StoreError> {
        let mut query = self.connection.prepare(
            "SELECT user_code, raw_time, instant, received_at FROM ledger
             WHERE clock = ?1 AND user_code >= 'sn:' AND user_code < 'sn;'",
        )?;
        let rows = query
            .query_map([clock], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<Vec<(String, i64, i64, i64)>, _>>()?;
        let mut collapsed = 0;
        for (internal, raw, instant, received) in rows {
            let bad = || StoreError::corrupt("ledger", "raw_time", raw, "out of range");
            let (raw, at) =
                (RawTime::from_seconds(raw).ok_or_else(bad)?, DateTime::from_timestamp(instant, 0));
            let (Ok(internal), Some(at)) = (UserCode::parse(&internal), at) else { continue };
            let Some(sn) = internal.internal_serial() else { continue };
            let Some(code) = self.code_of(clock, sn, at)? else { continue };
            self.identify_internal(serial, &internal, &code)?;
            let (own, twin) =
                (PunchId::of_clock(serial, &internal, raw), PunchId::of_clock(serial, &code, raw));
            let Some(twin_received) = self.received_at(twin)? else { continue };
            let (later, earlier) = if twin_received < received { (own, twin) } else { (twin, own) };
            collapsed += u32::from(self.note_same(later, earlier)?);
        }
        Ok(collapsed)
    }

    fn received_at(&self, id: PunchId) -> Result<Option<i64>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT received_at FROM ledger WHERE punch_id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?)
    }

    /// Notes that `later` is the same act as `earlier`; whether that was not noted before.
    fn note_same(&self, later: PunchId, earlier: PunchId) -> Result<bool, StoreError> {
        let noted = self
            .connection
            .prepare_cached(
                "SELECT 1 FROM rec_punch_note WHERE note_type = 'same_punch' AND deleted_dot IS NULL
                 AND ((punch = ?1 AND other = ?2) OR (punch = ?2 AND other = ?1))",
            )?
            .query_row(params![later, earlier], |_| Ok(()))
            .optional()?;
        if noted.is_some() {
            return Ok(false);
        }
        let note = PunchNote {
            punch: later,
            note_type: PunchNoteType::SamePunch,
            other: Some(earlier),
            zone: None,
            flag: None,
            reason: Line::parse("the clock's internal number and the person's code name the same user").ok(),
        };
        self.create(&Author::SYSTEM, PunchNoteId::mint(self.clock(), self.entropy()), &note)?;
        Ok(true)
    }

    /// Gives an internal number the identity of the code it stands for, where that has one.
    fn identify_internal(
        &self,
        serial: &ClockSerial,
        internal: &UserCode,
        code: &UserCode,
    ) -> Result<(), StoreError> {
        let find = |serial: Option<&ClockSerial>, code: &UserCode| -> Result<Option<[u8; 16]>, StoreError> {
            Ok(self
                .connection
                .prepare_cached(
                    "SELECT employee FROM rec_identity WHERE user_code = ?1 AND serial IS ?2 AND deleted_dot IS NULL
                     ORDER BY key DESC LIMIT 1",
                )?
                .query_row(params![code.as_str(), serial.map(ClockSerial::as_str)], |row| row.get(0))
                .optional()?)
        };
        if find(Some(serial), internal)?.is_some() {
            return Ok(());
        }
        let employee = match find(Some(serial), code)? {
            Some(employee) => Some(employee),
            None => find(None, code)?,
        };
        let Some(employee) = employee else { return Ok(()) };
        let identity = Identity {
            serial: Some(serial.clone()),
            user_code: internal.clone(),
            employee: uuid::Uuid::from_bytes(employee).into(),
            from: None,
            to: None,
        };
        self.create(&Author::SYSTEM, IdentityId::mint(self.clock(), self.entropy()), &identity)?;
        Ok(())
    }
}
