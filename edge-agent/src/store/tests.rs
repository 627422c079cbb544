use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rusqlite::Connection;
use shared_model::entity::{Employee, EmployeeCategory, Entity, PunchNote, PunchNoteType, RosterDay, Site};
use shared_model::punch::Reading;
use shared_model::record::Document;
use shared_model::text::{Code, EmployeeCode, Name};
use shared_model::zone::resolve_in;
use shared_model::{
    ClockSerial, EmployeeId, Punch, PunchId, RawTime, RosterDayId, Route, SiteId, UserCode, ZoneHistory,
};
use sync_protocol::{LedgerEntry, Stream};
use tempfile::TempDir;

use super::*;

mod append_only;
mod clock_event;
mod device_command;
mod feed_conformance;
mod folder;
mod internal_number;
mod job;
mod ledger;
mod pending;
mod punch_flag;
mod recompute;
mod record;
mod sync;
mod writer;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// Bytes that differ each time, the same in each run.
#[derive(Debug)]
pub(crate) struct TestEntropy(pub(crate) AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, target: &mut [u8]) {
        let seed = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        blake3::Hasher::new().update(&seed).finalize_xof().fill(target);
    }
}

const NOW: &str = "2026-11-20T06:00:00Z";

pub(crate) fn open(folder: &TempDir) -> Store {
    try_open(folder).unwrap()
}

fn try_open(folder: &TempDir) -> Result<Store, StoreError> {
    open_at(folder, NOW)
}

/// Opens at a time of the machine.
fn open_at(folder: &TempDir, now: &str) -> Result<Store, StoreError> {
    let now: DateTime<Utc> = now.parse().unwrap();
    Store::open(
        folder.path(),
        Arc::new(TestClock(AtomicI64::new(now.timestamp_millis()))),
        Arc::new(TestEntropy(AtomicU64::new(1))),
    )
}

fn fresh() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    (folder, store)
}

fn serial(text: &str) -> ClockSerial {
    ClockSerial::parse(text).unwrap()
}

fn punch_of(clock: &str, code: &str, wall: &str, route: Route, verify: u8) -> Punch {
    let (serial, user_code) = (serial(clock), UserCode::parse(code).unwrap());
    let raw_time = RawTime::new(wall.parse().unwrap());
    Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: Tz::Asia__Dhaka,
        instant: resolve_in(Tz::Asia__Dhaka, raw_time.wall()).0,
        reading: Reading { state: Some(0), verify: Some(verify), work_code: "".into() },
        route,
        received_at: NOW.parse().unwrap(),
        raw: b"raw".to_vec().into(),
    }
}

fn deliver(store: &Store, clock: &str, route: Route, rows: Vec<Delivered>) -> Taken {
    try_deliver(store, clock, route, rows).unwrap()
}

fn try_deliver(store: &Store, clock: &str, route: Route, rows: Vec<Delivered>) -> Result<Taken, StoreError> {
    let delivery = Delivery { serial: serial(clock), route, after: None, rows };
    store.write_blocking(move |tx| tx.take(&delivery))
}

fn punches(clock: &str, route: Route, verify: u8, rows: &[(&str, &str)]) -> Vec<Delivered> {
    rows.iter().map(|(code, wall)| Delivered::Punch(punch_of(clock, code, wall, route, verify))).collect()
}

fn bad(bytes: &[u8]) -> Delivered {
    let reason = QuarantineReason::ImpossibleDate;
    Delivered::Bad(BadRow { reason, detail: "31 February".to_owned(), raw: bytes.into() })
}

fn count(store: &Store, sql: &'static str) -> i64 {
    store.read_blocking(|tx| Ok(tx.connection().query_row(sql, [], |row| row.get(0))?)).unwrap()
}

pub(crate) fn site() -> Site {
    Site {
        name: Name::parse("Gazipur").unwrap(),
        code: Code::parse("GZP").unwrap(),
        zones: ZoneHistory::single(Tz::Asia__Dhaka),
        address: None,
        latitude_e7: None,
        longitude_e7: None,
        radius_m: None,
        active: true,
    }
}

pub(crate) fn employee(site: SiteId, code: &str) -> Employee {
    Employee {
        code: EmployeeCode::parse(code).unwrap(),
        name: Name::parse("Rahima Khatun").unwrap(),
        site,
        department: None,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: None,
        left: None,
        active: true,
        phone: None,
        card: None,
    }
}

pub(crate) fn create<E: Entity + Send + 'static>(store: &Store, record: E) -> Result<E::Id, StoreError>
where
    E::Id: Send,
{
    store.write_blocking(move |tx| {
        let id = E::Id::from(shared_model::id::uuid_v7(tx.clock(), tx.entropy()));
        tx.create(&Author::CONSOLE, id, &record).map(|_| id)
    })
}
