//! Punches into the ledger.
//!
//! A [`Delivery`] is what one clock brought by one route, in the clock's order. Each of its rows is counted once: as
//! new, as a repeat of something known, or as quarantined; so `read = new + repeat + quarantined` holds for ever.
//! All of a delivery is one transaction: rows, their places in the delivery log, counters, and what to recompute.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use rusqlite::{CachedStatement, OptionalExtension as _, params};
use serde::Serialize;
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};
use sync_protocol::{LedgerEntry, Observation, Stream};

use super::punch_flag::{Doubts, Judge};
use super::quarantine::BadRow;
use super::{DateSpan, RecomputeScope, StoreError, StoreEvent, StreamState, WriteTx};

/// People on one date beyond whom the whole date is recomputed for everybody: one pass over the date is then cheaper.
const CODES_A_DATE: usize = 64;

/// A punch into the ledger, unless it is there.
pub(super) const INSERT: &str =
    "INSERT INTO ledger (punch_id, clock, user_code, raw_time, zone, instant, state, \
    verify, work_code, route, received_at, raw)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING";

/// One row that a clock delivered, translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// A punch.
    Punch(Punch),
    /// A row that cannot be one.
    Bad(BadRow),
}

/// What one clock brought by one route, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The clock.
    pub serial: ClockSerial,
    /// The way.
    pub route: Route,
    /// The time of the row before the first one in the clock's log, where that is known.
    pub after: Option<RawTime>,
    /// The rows.
    pub rows: Vec<Delivered>,
}

/// What became of the rows of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Taken {
    /// All rows.
    pub read: u64,
    /// Punches that are now in the ledger and were not before.
    pub new: u64,
    /// Rows that were known already.
    pub repeat: u64,
    /// Rows that cannot be punches, delivered for the first time.
    pub quarantined: u64,
}

impl std::ops::AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.new += other.new;
        self.repeat += other.repeat;
        self.quarantined += other.quarantined;
    }
}

/// What the ledger holds of a punch that a route delivers again.
struct Known {
    route: u8,
    reading: Reading,
}

/// How a punch that is there already was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// As it was read before.
    Alike,
    /// In a way that no route had told; the observation's number.
    Otherwise(i64),
}

/// Everything that one delivery needs at hand.
struct Batch<'t> {
    tx: &'t WriteTx,
    serial: &'t ClockSerial,
    clock: i64,
    stream: StreamState,
    insert: CachedStatement<'t>,
    log: CachedStatement<'t>,
    /// Whether this clock has punches under internal serial numbers.
    internal: bool,
    touched: BTreeMap<NaiveDate, BTreeSet<UserCode>>,
    newest_raw: Option<i64>,
    judge: Judge,
    /// The time of the row before the first one, until there is a zone to read it by.
    after: Option<RawTime>,
    doubtful: Vec<(PunchId, Doubts)>,
}

impl WriteTx {
    /// Takes what a clock delivered.
    ///
    /// # Errors
    /// What SQLite says; then none of it was taken.
    pub fn take(&self, delivery: &Delivery) -> Result<Taken, StoreError> {
        let clock = self.clock_id(&delivery.serial)?;
        let mut batch = Batch {
            tx: self,
            serial: &delivery.serial,
            clock,
            stream: self.stream(Stream::Ledger)?,
            insert: self.connection.prepare_cached(INSERT)?,
            log: self.connection.prepare_cached(
                "INSERT INTO ledger_log (origin, seq, entry, punch, ref) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            internal: self.has_internal_codes(clock)?,
            touched: BTreeMap::new(),
            newest_raw: None,
            judge: self.judge(clock, delivery.route)?,
            after: delivery.after,
            doubtful: Vec::new(),
        };
        let head = batch.stream.head;
        let mut taken = Taken::default();
        for row in &delivery.rows {
            taken.read += 1;
            let count = match row {
                Delivered::Punch(punch) if batch.punch(punch)? => &mut taken.new,
                Delivered::Bad(bad) if self.quarantine(clock, delivery.route, bad)? => &mut taken.quarantined,
                Delivered::Punch(_) | Delivered::Bad(_) => &mut taken.repeat,
            };
            *count += 1;
        }
        let Batch { stream, touched, newest_raw, doubtful, .. } = batch;
        if stream.head > head {
            self.set_head(&stream)?;
            self.tell(StoreEvent::LedgerGrew);
        }
        self.count_rows(clock, taken, newest_raw)?;
        self.mark_doubts(&doubtful)?;
        for (date, codes) in touched {
            if codes.len() > CODES_A_DATE {
                self.ask_recompute(&RecomputeScope::Everyone, DateSpan::day(date))?;
            } else {
                for code in codes {
                    self.ask_recompute(&RecomputeScope::Code(code), DateSpan::day(date))?;
                }
            }
        }
        if taken.new > 0 {
            let new = u32::try_from(taken.new).unwrap_or(u32::MAX);
            self.tell(StoreEvent::Punches { serial: delivery.serial.clone(), new });
        }
        self.tell(StoreEvent::Device(delivery.serial.clone()));
        Ok(taken)
    }

    /// Adds an entry to the delivery log of the ledger stream.
    pub(super) fn log_ledger_entry(&self, entry: &LedgerEntry, reference: i64) -> Result<(), StoreError> {
        let mut stream = self.stream(Stream::Ledger)?;
        stream.head += 1;
        stream.chain = stream.chain.then(&entry.chain_item());
        let (number, punch) = match entry {
            LedgerEntry::Punch(punch) => (1, Some(punch.id)),
            LedgerEntry::Observation(_) => (2, None),
            LedgerEntry::Watermark(_) => (3, None),
        };
        let reference = punch.is_none().then_some(reference);
        self.connection
            .prepare_cached(
                "INSERT INTO ledger_log (origin, seq, entry, punch, ref) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![stream.origin.number(), stream.head, number, punch, reference])?;
        self.set_head(&stream)?;
        self.tell(StoreEvent::LedgerGrew);
        Ok(())
    }

    /// The code and the clock's date of a punch.
    pub(super) fn code_and_date(&self, punch: PunchId) -> Result<Option<(UserCode, NaiveDate)>, StoreError> {
        let found: Option<(String, i64)> = self
            .connection
            .prepare_cached("SELECT user_code, raw_time FROM ledger WHERE punch_id = ?1")?
            .query_row([punch], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((code, raw)) = found else { return Ok(None) };
        let code = UserCode::parse(&code)
            .map_err(|cause| StoreError::corrupt("ledger", "user_code", punch, cause))?;
        let date = DateTime::from_timestamp(raw, 0).map(|at| at.date_naive());
        Ok(date.map(|date| (code, date)))
    }

    /// The small number of a clock.
    pub(super) fn clock_id(&self, serial: &ClockSerial) -> Result<i64, StoreError> {
        if let Some(id) = self.dictionary.borrow().clocks.get(serial.as_str()) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT INTO clock (serial) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([serial.as_str()])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM clock WHERE serial = ?1")?
            .query_row([serial.as_str()], |row| row.get(0))?;
        self.connection
            .prepare_cached("INSERT INTO device_state (clock) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([id])?;
        self.dictionary.borrow_mut().clocks.insert(serial.as_str().into(), id);
        Ok(id)
    }

    fn zone_id(&self, zone: chrono_tz::Tz) -> Result<i64, StoreError> {
        if let Some(id) = self.dictionary.borrow().zones.get(zone.name()) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT INTO zone (name) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([zone.name()])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM zone WHERE name = ?1")?
            .query_row([zone.name()], |row| row.get(0))?;
        self.dictionary.borrow_mut().zones.insert(zone.name(), id);
        Ok(id)
    }

    /// Puts a punch into the ledger by [`INSERT`]; whether it was not there.
    pub(super) fn insert_punch(
        &self,
        insert: &mut CachedStatement<'_>,
        clock: i64,
        punch: &Punch,
    ) -> Result<bool, StoreError> {
        let zone = self.zone_id(punch.zone)?;
        let inserted = insert.execute(params![
            punch.id,
            clock,
            punch.user_code.as_str(),
            punch.raw_time.seconds(),
            zone,
            punch.instant.timestamp(),
            punch.reading.state,
            punch.reading.verify,
            punch.reading.work_code,
            punch.route.number(),
            punch.received_at.timestamp_millis(),
            punch.raw,
        ])?;
        Ok(inserted > 0)
    }

    /// Keeps another reading of the punch that the ledger has under `id`; `None` where it has none.
    pub(super) fn observe(&self, id: PunchId, punch: &Punch) -> Result<Option<Seen>, StoreError> {
        let Some(known) = self.known(id)? else { return Ok(None) };
        if known.route == punch.route.number() && known.reading == punch.reading {
            return Ok(Some(Seen::Alike));
        }
        let number = |value: Option<u8>| value.map_or(-1, i64::from);
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT INTO observation (punch_id, route, state, verify, work_code, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                id,
                punch.route.number(),
                number(punch.reading.state),
                number(punch.reading.verify),
                punch.reading.work_code,
                punch.received_at.timestamp_millis(),
            ])?;
        Ok(Some(if inserted == 1 {
            Seen::Otherwise(self.connection.last_insert_rowid())
        } else {
            Seen::Alike
        }))
    }

    /// What the ledger holds under an id.
    fn known(&self, id: PunchId) -> Result<Option<Known>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT route, state, verify, work_code FROM ledger WHERE punch_id = ?1")?
            .query_row([id], |row| {
                let work_code: String = row.get(3)?;
                let reading =
                    Reading { state: row.get(1)?, verify: row.get(2)?, work_code: work_code.into() };
                Ok(Known { route: row.get(0)?, reading })
            })
            .optional()?)
    }
}

impl Batch<'_> {
    /// Takes one punch; whether it was new.
    fn punch(&mut self, punch: &Punch) -> Result<bool, StoreError> {
        let raw = punch.raw_time.seconds();
        self.newest_raw = self.newest_raw.max(Some(raw));
        if let Some(after) = self.after.take() {
            self.judge.begin_after(after, punch);
        }
        let doubts = self.judge.next(punch);
        let new = self.enter(punch)?;
        if let Some(id) = new.filter(|_| doubts.any()) {
            self.doubtful.push((id, doubts));
        }
        Ok(new.is_some())
    }

    /// Enters a punch under the code by which the ledger knows its person; its id if it is new.
    fn enter(&mut self, punch: &Punch) -> Result<Option<PunchId>, StoreError> {
        if let Some(number) = punch.user_code.internal_serial() {
            return self.internal_punch(punch, number);
        }
        if self.internal {
            // The same act may be in the ledger under the internal number, from before the user was known.
            for number in self.tx.internal_of(self.clock, &punch.user_code, punch.instant)? {
                let id = PunchId::of_clock(self.serial, &UserCode::internal(number), punch.raw_time);
                if self.repeat_of(id, punch)? {
                    return Ok(None);
                }
            }
        }
        self.insert(punch)
    }

    /// A row that names only the clock's internal number of the user.
    fn internal_punch(&mut self, punch: &Punch, number: u16) -> Result<Option<PunchId>, StoreError> {
        let Some(code) = self.tx.code_of(self.clock, number, punch.instant)? else {
            let new = self.insert(punch)?;
            if new.is_some() && !self.internal {
                self.internal = true;
                self.tx.set_internal_codes(self.clock)?;
            }
            return Ok(new);
        };
        if self.internal && self.repeat_of(punch.id, punch)? {
            return Ok(None);
        }
        let id = PunchId::of_clock(self.serial, &code, punch.raw_time);
        self.insert(&Punch { id, user_code: code, ..punch.clone() })
    }

    fn insert(&mut self, punch: &Punch) -> Result<Option<PunchId>, StoreError> {
        #[cfg(feature = "lose-one")]
        if lose_one() {
            return Ok(Some(punch.id));
        }
        if !self.tx.insert_punch(&mut self.insert, self.clock, punch)? {
            self.repeat_of(punch.id, punch)?;
            return Ok(None);
        }
        crate::fault_point!("ledger.mid_batch");
        self.log(&sync_protocol::ledger::punch_item(punch.id), 1, Some(punch.id), None)?;
        self.touch(punch);
        Ok(Some(punch.id))
    }

    /// Whether `id` is in the ledger; if `punch` reads it otherwise, that reading is kept as an observation.
    fn repeat_of(&mut self, id: PunchId, punch: &Punch) -> Result<bool, StoreError> {
        let Some(seen) = self.tx.observe(id, punch)? else { return Ok(false) };
        if let Seen::Otherwise(reference) = seen {
            let entry = LedgerEntry::Observation(Observation {
                punch: id,
                serial: self.serial.clone(),
                user_code: punch.user_code.clone(),
                raw_time: punch.raw_time,
                route: punch.route,
                reading: punch.reading.clone(),
                received_at: punch.received_at,
            });
            self.log(&entry.chain_item(), 2, None, Some(reference))?;
            self.touch(punch);
        }
        Ok(true)
    }

    fn log(
        &mut self,
        item: &sync_protocol::chain::Item,
        entry: u8,
        punch: Option<PunchId>,
        reference: Option<i64>,
    ) -> Result<(), StoreError> {
        self.stream.head += 1;
        self.stream.chain = self.stream.chain.then(item);
        self.log.execute(params![self.stream.origin.number(), self.stream.head, entry, punch, reference])?;
        if self.stream.head % sync_protocol::Chain::MARK_EVERY == 0 {
            self.tx.mark_chain(&self.stream)?;
        }
        Ok(())
    }

    fn touch(&mut self, punch: &Punch) {
        let codes = self.touched.entry(punch.raw_time.wall().date()).or_default();
        if codes.len() <= CODES_A_DATE && !codes.contains(&punch.user_code) {
            codes.insert(punch.user_code.clone());
        }
    }
}
/// True once in the life of the process: that punch is counted as taken and is not kept.
#[cfg(feature = "lose-one")]
fn lose_one() -> bool {
    static LOST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    !LOST.swap(true, std::sync::atomic::Ordering::Relaxed)
}
