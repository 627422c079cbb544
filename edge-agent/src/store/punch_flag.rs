//! Which punches have a doubtful time, and why (sync.md 2.7).
//!
//! A clock that was read to its end at a time `T` had no further punch then: what it brings later was made at `T` or
//! after, and before it was received. So a new punch whose own time lies outside of that, by more than the tolerance, tells
//! that the clock is wrong, whether the punch comes at once or after a week without a line.
//!
//! ```text
//!      complete_to − tolerance                       receipt + tolerance
//!   ───────────────┤ - - - - - - - in order - - - - - - - - ├──────────────> the punch's own time
//!    device_skew   │                                        │   device_skew
//! ```
//!
//! None of this can be said while the agent's own time is behind what it was before: then the punch is marked for that.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone as _, Utc};
use shared_model::entity::{PunchNote, PunchNoteType};
use shared_model::text::Line;
use shared_model::zone::resolve_in;
use shared_model::{EmployeeId, Kind, Punch, PunchFlag, PunchId, RawTime, Route};

use super::{Author, Meta, ReadTx, StoreError, WriteTx, record};

/// The persisted time follows the clock at least this closely.
const WITNESS_STEP: TimeDelta = TimeDelta::minutes(1);
/// Punches marked at most for one event; beyond, the audit row alone tells.
pub(super) const MARKS: u32 = 2000;

/// What is known of the time when rows of a clock arrive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge {
    /// To be added to the machine's time.
    offset: TimeDelta,
    /// How far the machine's time is behind what it was before, beyond the tolerance.
    gone_back: Option<TimeDelta>,
    /// By how much a clock that posts is known to be behind; it cannot be asked.
    known_behind: Option<TimeDelta>,
    /// Every punch made before is known.
    complete_to: Option<DateTime<Utc>>,
    /// The time of the row before, in the clock's log.
    before: Option<DateTime<Utc>>,
}

impl Judge {
    /// The time of the log's row before the next one.
    pub(super) fn begin_after(&mut self, raw: RawTime, punch: &Punch) {
        self.before = Some(resolve_in(punch.zone, raw.wall()).0);
    }

    /// Goes on to the next row of the log. Gives the doubts about it, were it new.
    pub(super) fn next(&mut self, punch: &Punch) -> Doubts {
        let before = self.before.replace(punch.instant);
        Doubts { skew: self.skew(punch), fell: before.and_then(|before| fell(before, punch)) }
    }

    fn skew(&self, punch: &Punch) -> Option<Skew> {
        if let Some(by) = self.gone_back {
            // A backlog that is read for the first time needs no time of receipt.
            return self.complete_to.map(|_| Skew::Unknown(by));
        }
        let ahead = punch.instant - (punch.received_at + self.offset);
        if ahead > PunchFlag::TOLERANCE {
            return Some(Skew::Ahead(ahead));
        }
        let overdue = self.complete_to.map(|complete_to| complete_to - punch.instant);
        if let Some(by) = overdue.filter(|by| *by > PunchFlag::TOLERANCE) {
            return Some(Skew::Behind(by));
        }
        // A fresh row is the first that such a clock brings after it was set.
        self.known_behind.filter(|_| ahead < -PunchFlag::TOLERANCE).map(Skew::KnownBehind)
    }
}

/// How far the clock's time fell from the row before.
fn fell(before: DateTime<Utc>, punch: &Punch) -> Option<TimeDelta> {
    if before - punch.instant <= PunchFlag::TOLERANCE {
        return None;
    }
    // Of an hour that a zone repeats, the punch may be in the second.
    let latest = punch.zone.from_local_datetime(&punch.raw_time.wall()).latest();
    let by = before - latest.map_or(punch.instant, |at| at.to_utc());
    (by > PunchFlag::TOLERANCE).then_some(by)
}

#[derive(Debug, Clone, Copy)]
enum Skew {
    Ahead(TimeDelta),
    Behind(TimeDelta),
    KnownBehind(TimeDelta),
    Unknown(TimeDelta),
}

/// Why a punch's time is in doubt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubts {
    skew: Option<Skew>,
    fell: Option<TimeDelta>,
}

impl Doubts {
    /// Whether there are any.
    pub(super) const fn any(&self) -> bool {
        self.skew.is_some() || self.fell.is_some()
    }

    fn marks(self) -> impl Iterator<Item = (PunchFlag, String)> {
        let skew = self.skew.map(|skew| match skew {
            Skew::Ahead(by) => (PunchFlag::DeviceSkew, format!("the clock was {} s ahead", by.num_seconds())),
            Skew::Behind(by) => {
                (PunchFlag::DeviceSkew, format!("the clock was at least {} s behind", by.num_seconds()))
            }
            Skew::KnownBehind(by) => {
                (PunchFlag::DeviceSkew, format!("the clock was known to be {} s behind", by.num_seconds()))
            }
            Skew::Unknown(by) => {
                let text = format!("the agent's own time had gone back by at least {} s", by.num_seconds());
                (PunchFlag::EdgeBackwards, text)
            }
        });
        let fell = self.fell.map(|by| {
            let text = format!("the clock's time fell by {} s from the punch before", by.num_seconds());
            (PunchFlag::DeviceBackwards, text)
        });
        skew.into_iter().chain(fell)
    }
}

impl WriteTx {
    /// What rows of a clock that arrive now are judged by.
    pub(super) fn judge(&self, clock: i64, route: Route) -> Result<Judge, StoreError> {
        let (complete_to, drift): (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached("SELECT complete_to, drift_seconds FROM device_state WHERE clock = ?1")?
            .query_row([clock], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let behind = drift.and_then(|drift| TimeDelta::try_seconds(drift.checked_neg()?));
        Ok(Judge {
            offset: self.cloud_offset()?,
            gone_back: self.gone_back()?,
            known_behind: behind.filter(|by| route == Route::Push && *by > PunchFlag::TOLERANCE),
            complete_to: complete_to.and_then(DateTime::from_timestamp_millis),
            before: None,
        })
    }

    /// What is to be added to the machine's time to get the cloud's, as far as it is known.
    pub(super) fn cloud_offset(&self) -> Result<TimeDelta, StoreError> {
        let offset = self.meta(Meta::CLOUD_OFFSET_MS)?.unwrap_or(0);
        Ok(TimeDelta::try_milliseconds(offset).unwrap_or_default())
    }

    /// How far the machine's time is behind the persisted one, beyond the tolerance; keeps the persisted one near.
    pub(super) fn gone_back(&self) -> Result<Option<TimeDelta>, StoreError> {
        let (now, offset) = (self.clock().now(), self.cloud_offset()?);
        let last = DateTime::from_timestamp_millis(self.meta(Meta::HLC)?.unwrap_or_default().ms());
        let Some(last) = last else { return Ok(None) };
        // A cloud that corrected the time makes it jump too; as long as either reading is in order, so is the machine.
        let by = last - now.max(now + offset);
        if by < -WITNESS_STEP {
            self.next_hlc()?;
        }
        Ok((by > PunchFlag::TOLERANCE).then_some(by))
    }

    /// Notes that every punch made on a clock before a time is in the ledger.
    pub(super) fn set_complete_to(&self, clock: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
        if self.gone_back()?.is_some() {
            return Ok(());
        }
        let at = (at + self.cloud_offset()?).timestamp_millis();
        self.connection
            .prepare_cached(
                "UPDATE device_state SET complete_to = ?2 WHERE clock = ?1 AND coalesce(complete_to < ?2, TRUE)",
            )?
            .execute(rusqlite::params![clock, at])?;
        Ok(())
    }

    /// Marks new punches with what is doubtful about them.
    pub(super) fn mark_doubts(&self, found: &[(PunchId, Doubts)]) -> Result<(), StoreError> {
        for (punch, doubts) in found {
            for (flag, reason) in doubts.marks() {
                self.flag(*punch, flag, &reason)?;
            }
        }
        Ok(())
    }

    /// Sets a mark on a punch; whether it had none such before. A mark that a person took away stays away.
    pub(super) fn flag(&self, punch: PunchId, flag: PunchFlag, reason: &str) -> Result<bool, StoreError> {
        let id = flag.note_on(punch);
        if record::load(&self.connection, Kind::PunchNote, id.uuid())?.is_some() {
            return Ok(false);
        }
        let note = PunchNote {
            punch,
            note_type: PunchNoteType::Flag,
            other: None,
            zone: None,
            flag: Some(flag.code()),
            reason: Line::parse(reason).ok(),
        };
        // Each mark stands for itself: thousands of them as one change group would be one message.
        self.group.set(None);
        self.create(&Author::SYSTEM, id, &note)?;
        self.group.set(None);
        Ok(true)
    }

    /// Keeps what the cloud told of the time. At the first contact, punches received before by a wrong time get a mark.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn anchor(&self, offset_ms: i64) -> Result<(), StoreError> {
        let first = self.meta(Meta::CLOUD_OFFSET_MS)?.is_none();
        let now = self.now_ms();
        self.connection
            .prepare_cached("INSERT INTO time_anchor (at, offset_ms) VALUES (?1, ?2)")?
            .execute([now, offset_ms])?;
        self.set_meta(Meta::CLOUD_OFFSET_MS, &offset_ms)?;
        if first {
            self.set_meta(Meta::ANCHORED_AT, &now)?;
            self.judge_unanchored(offset_ms)?;
        }
        Ok(())
    }

    fn judge_unanchored(&self, offset_ms: i64) -> Result<(), StoreError> {
        let offset = TimeDelta::try_milliseconds(offset_ms).unwrap_or_default();
        if offset.abs() <= PunchFlag::TOLERANCE {
            return Ok(());
        }
        let all: i64 = self.connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
        let newest = self
            .connection
            .prepare_cached(
                "SELECT punch FROM ledger_log g JOIN stream s ON s.origin = g.origin AND s.stream = 'L' AND s.closed = 0
                 WHERE g.entry = 1 ORDER BY g.seq DESC LIMIT ?1",
            )?
            .query_map([MARKS], |row| row.get(0))?
            .collect::<Result<Vec<PunchId>, _>>()?;
        let side = if offset > TimeDelta::zero() { "behind" } else { "ahead" };
        let reason = format!(
            "received before the first contact with the cloud, when the agent's time was {} s {side}",
            offset.num_seconds().abs()
        );
        let mut marked = 0_u32;
        for punch in newest {
            marked += u32::from(self.flag(punch, PunchFlag::Unanchored, &reason)?);
        }
        let Author { actor, via } = Author::SYSTEM;
        let after =
            serde_json::json!({ "offset_ms": offset_ms, "punches": all, "marked": marked }).to_string();
        self.audit(actor, via, "edge.time_anchored", "", "", &after)
    }
}

/// A mark on a punch, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FlaggedPunch {
    /// The punch.
    pub punch: PunchId,
    /// Its time as the clock said.
    pub raw_time: RawTime,
    /// The clock's name, or its serial.
    pub clock: String,
    /// The code under which the clock knows the person.
    pub user_code: String,
    /// The mark's name: one of [`PunchFlag`], or another that a person set.
    pub flag: String,
    /// Why.
    pub reason: Option<String>,
}

/// A person with marked punches on a work date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubtful {
    /// Who.
    pub employee: EmployeeId,
    /// Name.
    pub name: String,
}

impl ReadTx {
    /// The people whose day has a marked punch, by name, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn doubtful_days(&self, date: NaiveDate, limit: u32) -> Result<Vec<Doubtful>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT DISTINCT p.employee, e.name FROM day_punch p
             JOIN rec_punch_note n ON n.punch = p.punch_id
             JOIN rec_employee e ON e.key = p.employee
             WHERE p.work_date = ?1 AND n.note_type = 'flag' AND n.deleted_dot IS NULL AND e.name IS NOT NULL
             ORDER BY e.name, p.employee LIMIT ?2",
        )?;
        let found = query.query_map(rusqlite::params![date.to_string(), limit], |row| {
            Ok(Doubtful { employee: row.get(0)?, name: row.get(1)? })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The marks on punches whose raw time is in `from..to`, in the order of the punches, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn flagged_punches(
        &self,
        from: RawTime,
        to: RawTime,
        limit: u32,
    ) -> Result<Vec<FlaggedPunch>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT n.punch, l.raw_time, coalesce(d.name, c.serial), l.user_code, n.flag, n.reason
             FROM rec_punch_note n
             JOIN ledger l ON l.punch_id = n.punch
             JOIN clock c ON c.id = l.clock
             LEFT JOIN rec_device d ON d.serial = c.serial AND d.deleted_dot IS NULL
             WHERE n.punch >= ?1 AND n.punch < ?2 AND n.note_type = 'flag' AND n.flag IS NOT NULL
             AND n.deleted_dot IS NULL ORDER BY n.punch, n.key LIMIT ?3",
        )?;
        let mut rows =
            query.query(rusqlite::params![PunchId::lower_bound(from), PunchId::lower_bound(to), limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let seconds: i64 = row.get(1)?;
            found.push(FlaggedPunch {
                punch: row.get(0)?,
                raw_time: RawTime::from_seconds(seconds)
                    .ok_or_else(|| StoreError::corrupt("ledger", "raw_time", seconds, "out of range"))?,
                clock: row.get(2)?,
                user_code: row.get(3)?,
                flag: row.get(4)?,
                reason: row.get(5)?,
            });
        }
        Ok(found)
    }
}
