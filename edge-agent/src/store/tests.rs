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

mod clock_event;
mod device_command;
mod punch_flag;
mod sync;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

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
pub(crate) struct TestEntropy(AtomicU64);

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

fn site() -> Site {
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

fn employee(site: SiteId, code: &str) -> Employee {
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

fn create<E: Entity + Send + 'static>(store: &Store, record: E) -> Result<E::Id, StoreError>
where
    E::Id: Send,
{
    store.write_blocking(move |tx| {
        let id = E::Id::from(shared_model::id::uuid_v7(tx.clock(), tx.entropy()));
        tx.create(&Author::CONSOLE, id, &record).map(|_| id)
    })
}

#[test]
fn each_row_is_new_once_and_a_repeat_ever_after() {
    let (_folder, store) = fresh();
    let rows = [("7", "2026-11-20T09:00:00"), ("007", "2026-11-20T09:00:00"), ("7", "2026-11-20T18:00:00")];
    let first = deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    assert_eq!(first, Taken { read: 3, new: 3, repeat: 0, quarantined: 0 });
    let again = deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    assert_eq!(again, Taken { read: 3, new: 0, repeat: 3, quarantined: 0 });
    assert_eq!(count(&store, "SELECT count(*) FROM observation"), 0);

    let state = store.read_blocking(|tx| tx.device_state(&serial("A1"))).unwrap().unwrap();
    assert_eq!(state.counters, DeviceCounters { read: 6, new: 3, repeat: 3, quarantined: 0 });
    assert_eq!(state.newest_raw.unwrap().to_string(), "2026-11-20 18:00:00");
}

#[test]
fn another_route_adds_its_reading_and_no_punch() {
    let (_folder, store) = fresh();
    let rows = [("7", "2026-11-20T09:00:00")];
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    for _ in 0..2 {
        let pushed = deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 15, &rows));
        assert_eq!(pushed, Taken { read: 1, new: 0, repeat: 1, quarantined: 0 });
    }
    let entries = store
        .read_blocking(|tx| {
            let origin = tx.meta(Meta::ORIGIN)?.unwrap();
            tx.ledger_entries(origin, 0, 10)
        })
        .unwrap();
    assert_eq!(entries.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2]);
    let LedgerEntry::Punch(punch) = &entries[0].1 else { panic!("{entries:?}") };
    let LedgerEntry::Observation(seen) = &entries[1].1 else { panic!("{entries:?}") };
    assert_eq!((punch.reading.verify, punch.route), (Some(1), Route::Pull));
    assert_eq!((seen.reading.verify, seen.route, seen.punch), (Some(15), Route::Push, punch.id));
}

#[test]
fn a_bad_row_is_kept_with_its_bytes_and_counted_once() {
    let (_folder, store) = fresh();
    let mut rows = punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]);
    rows.push(bad(b"\x01\x02"));
    assert_eq!(deliver(&store, "A1", Route::Pull, rows.clone()).quarantined, 1);
    assert_eq!(
        deliver(&store, "A1", Route::Pull, rows),
        Taken { read: 2, new: 0, repeat: 2, quarantined: 0 }
    );
    let kept = store.read_blocking(|tx| tx.quarantined_before(i64::MAX, 10)).unwrap();
    assert_eq!((kept.len(), kept[0].raw.as_str(), kept[0].detail.as_str()), (1, "0102", "31 February"));
}

#[test]
fn the_chain_of_the_delivery_log_can_be_computed_again_from_its_entries() {
    let (_folder, store) = fresh();
    let many: Vec<String> = (0..300).map(|n| format!("2026-11-20T09:{:02}:{:02}", n / 60, n % 60)).collect();
    let rows: Vec<(&str, &str)> = many.iter().map(|wall| ("7", wall.as_str())).collect();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 4, &rows[..3]));
    store.write_blocking(|tx| tx.read_through(&serial("A1"), NOW.parse().unwrap(), true)).unwrap();
    let (stream, entries) = store
        .read_blocking(|tx| {
            let stream = tx.streams()?.into_iter().find(|s| s.stream == Stream::Ledger).unwrap();
            let entries = tx.ledger_entries(stream.origin, 0, 1000)?;
            Ok((stream, entries))
        })
        .unwrap();
    assert_eq!((stream.head, entries.len()), (304, 304));
    let start = sync_protocol::Chain::start(stream.origin, Stream::Ledger);
    let chain = entries.iter().fold(start, |chain, (_, entry)| chain.then(&entry.chain_item()));
    assert_eq!(chain, stream.chain);
    assert_eq!(count(&store, "SELECT count(*) FROM chain_mark WHERE stream = 'L' AND seq = 256"), 1);
}

#[test]
fn an_internal_number_becomes_the_persons_code_where_the_user_is_known() {
    let (_folder, store) = fresh();
    let user = ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: String::new(), privilege: 0 };
    store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    let internal = punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal.clone()).new, 1);
    let pushed = punches("A1", Route::Push, 1, &[("1001", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Push, pushed).repeat, 1);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal).repeat, 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1001'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
}

#[test]
fn a_code_that_arrives_after_its_internal_number_is_a_repeat() {
    let (_folder, store) = fresh();
    let internal = punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal.clone()).new, 1);
    let user = ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: String::new(), privilege: 0 };
    store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    let pushed = punches("A1", Route::Push, 1, &[("1001", "2026-11-20T09:00:00")]);
    assert_eq!(deliver(&store, "A1", Route::Push, pushed).repeat, 1);
    assert_eq!(deliver(&store, "A1", Route::Pull, internal).repeat, 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
}

#[test]
fn where_both_names_got_in_the_later_is_noted_as_the_same_punch_once() {
    let (_folder, store) = fresh();
    let at = "2026-11-20T09:00:00";
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("sn:5", at)]));
    let mut pushed = punch_of("A1", "1001", at, Route::Push, 1);
    pushed.received_at += chrono::Duration::seconds(9);
    let pushed_id = pushed.id;
    deliver(&store, "A1", Route::Push, vec![Delivered::Punch(pushed)]);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 2);
    for name in ["", "Rahima"] {
        let user =
            ClockUser { sn: 5, code: UserCode::parse("1001").unwrap(), name: name.to_owned(), privilege: 0 };
        store.write_blocking(move |tx| tx.take_users(&serial("A1"), &[user], true)).unwrap();
    }
    let notes = store.read_blocking(ReadTx::records::<PunchNote>).unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].record.note_type, PunchNoteType::SamePunch);
    assert_eq!(notes[0].record.punch, pushed_id);
    assert_eq!(notes[0].record.other, Some(punch_of("A1", "sn:5", at, Route::Pull, 1).id));
}

#[test]
fn a_number_used_again_names_the_user_who_had_it_at_the_time() {
    let (_folder, store) = fresh();
    let user = |code: &str| ClockUser {
        sn: 5,
        code: UserCode::parse(code).unwrap(),
        name: String::new(),
        privilege: 0,
    };
    for code in ["1001", "1002"] {
        let users = [user(code)];
        store.write_blocking(move |tx| tx.take_users(&serial("A1"), &users, true)).unwrap();
    }
    // The second user was first seen at NOW (12:00 in Dhaka).
    let rows =
        punches("A1", Route::Pull, 1, &[("sn:5", "2026-11-20T09:00:00"), ("sn:5", "2026-11-20T12:30:00")]);
    deliver(&store, "A1", Route::Pull, rows);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1001'"), 1);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger WHERE user_code = '1002'"), 1);
}

/// Statements that the program's own connection must not be able to carry out.
#[test]
fn the_programs_own_connection_cannot_change_what_only_grows() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 9, &[("7", "2026-11-20T09:00:00")]));
    store.write_blocking(|tx| tx.read_through(&serial("A1"), NOW.parse().unwrap(), true)).unwrap();
    store
        .write_blocking(|tx| {
            let event = NewClockEvent {
                code: 23,
                admin: "1".to_owned(),
                said: "2026-11-20 09:00:00".to_owned(),
                instant: None,
                objects: String::new(),
            };
            tx.take_clock_events(&serial("A1"), &[event])
        })
        .unwrap();
    let id = create(&store, site()).unwrap();
    for sql in [
        "UPDATE ledger SET user_code = '8'",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
        "UPDATE ledger_log SET entry = 2",
        "DELETE FROM ledger_log",
        "INSERT OR REPLACE INTO ledger_log SELECT * FROM ledger_log",
        "UPDATE observation SET route = 1",
        "DELETE FROM observation",
        "UPDATE watermark SET through = 0",
        "DELETE FROM watermark",
        "UPDATE audit SET actor = zeroblob(16)",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "UPDATE oplog SET fields = x'7b7d'",
        "DELETE FROM oplog",
        "INSERT OR REPLACE INTO oplog SELECT * FROM oplog",
        "UPDATE clock_event SET code = 4",
        "DELETE FROM clock_event",
        "INSERT OR REPLACE INTO clock_event SELECT * FROM clock_event",
        "UPDATE rec_site SET name = 'x'",
        "DELETE FROM rec_site",
        "INSERT INTO rec_employee (key, vv, dots) VALUES (randomblob(16), x'01', x'01')",
        "INSERT INTO record_gate (kind, key, origin, seq) VALUES (2, randomblob(16), 1, 1)",
    ] {
        let outcome = store.write_blocking(move |tx| Ok(tx.connection().execute_batch(sql)?));
        assert!(matches!(outcome, Err(StoreError::Refused(_))), "{sql}: {outcome:?}");
    }
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 1);
    let kept = store.read_blocking(move |tx| tx.record::<Site>(id)).unwrap().unwrap();
    assert_eq!(kept.record, site());
}

#[test]
fn a_change_is_its_record_its_log_row_its_audit_row_and_what_to_recompute() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    let id = create(&store, employee(site_id, "1001")).unwrap();
    let read = move |tx: &ReadTx| Ok(tx.record::<Employee>(id)?.unwrap());
    let before = store.read_blocking(read).unwrap();
    let mut renamed = before.record.clone();
    renamed.name = Name::parse("Rahima Begum").unwrap();
    let seen = before.vv.clone();
    let edited = renamed.clone();
    store.write_blocking(move |tx| tx.update(&Author::CONSOLE, id, Some(seen), &edited)).unwrap();

    let after = store.read_blocking(read).unwrap();
    assert_eq!(after.record, renamed);
    assert!(after.vv.dominates(&before.vv) && after.vv != before.vv);
    let row: (i64, i64, Vec<u8>, i64) = store
        .read_blocking(|tx| {
            let sql = "SELECT seq, op, fields, grp FROM oplog ORDER BY seq DESC LIMIT 1";
            Ok(tx.connection().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?)
        })
        .unwrap();
    assert_eq!(row, (3, 2, br#"{"2":"Rahima Begum"}"#.to_vec(), 3));
    let audit = store.read_blocking(|tx| tx.audit_before(i64::MAX, 1)).unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].via.as_str()), ("employee.update", "console"));
    assert_eq!(audit[0].before, r#"{"name":"Rahima Khatun"}"#);
    assert_eq!(audit[0].after, r#"{"name":"Rahima Begum"}"#);
    assert_eq!(store.read_blocking(ReadTx::broken_audit_link).unwrap(), None);
    let queue = store.read_blocking(|tx| tx.recompute_queue(10)).unwrap();
    assert!(queue.iter().any(|row| row.scope == RecomputeScope::Employee(id) && row.stamp == 2), "{queue:?}");
}

#[test]
fn a_form_that_is_older_than_the_record_is_refused_by_field() {
    let (_folder, store) = fresh();
    let id = create(&store, site()).unwrap();
    let opened = store.read_blocking(move |tx| tx.record::<Site>(id)).unwrap().unwrap();
    let save = |change: fn(&mut Site)| {
        let (mut edited, seen) = (opened.record.clone(), opened.vv.clone());
        change(&mut edited);
        store.write_blocking(move |tx| tx.update(&Author::CONSOLE, id, Some(seen), &edited))
    };
    save(|site| site.name = Name::parse("Gazipur 1").unwrap()).unwrap();
    let stale = save(|site| site.name = Name::parse("Gazipur 2").unwrap());
    assert!(matches!(&stale, Err(StoreError::Stale { fields }) if *fields == ["name"]), "{stale:?}");
}

#[test]
fn codes_and_keys_are_taken_only_once() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    create(&store, employee(site_id, "1001")).unwrap();
    let twice = create(&store, employee(site_id, "1001"));
    assert!(matches!(&twice, Err(StoreError::Exists { id, .. }) if id == "1001"), "{twice:?}");
    assert_eq!(count(&store, "SELECT count(*) FROM oplog"), 2);
    let unknown = EmployeeId::from_uuid(uuid::Uuid::nil());
    let orphan = store.write_blocking(move |tx| tx.delete::<Employee>(&Author::CONSOLE, unknown, None));
    assert!(matches!(orphan, Err(StoreError::Missing { .. })));
}

#[test]
fn one_closure_is_one_group_and_fails_as_one() {
    let (_folder, store) = fresh();
    let site_id = create(&store, site()).unwrap();
    let outcome: Result<(), StoreError> = store.write_blocking(move |tx| {
        for code in ["1", "2", "1"] {
            tx.create(
                &Author::CONSOLE,
                EmployeeId::mint(tx.clock(), tx.entropy()),
                &employee(site_id, code),
            )?;
        }
        Ok(())
    });
    assert!(outcome.is_err());
    assert_eq!(count(&store, "SELECT count(*) FROM rec_employee"), 0);
    store
        .write_blocking(move |tx| {
            for code in ["1", "2"] {
                tx.create(
                    &Author::CONSOLE,
                    EmployeeId::mint(tx.clock(), tx.entropy()),
                    &employee(site_id, code),
                )?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(count(&store, "SELECT count(DISTINCT grp) FROM oplog WHERE kind = 4"), 1);
    assert_eq!(count(&store, "SELECT max(seq) FROM oplog"), 3);
}

#[test]
fn a_record_of_dates_ids_and_documents_is_read_back_as_written() {
    let (_folder, store) = fresh();
    let day = RosterDay {
        employee: EmployeeId::from_uuid(uuid::Uuid::from_u128(7)),
        date: "2026-11-20".parse().unwrap(),
        shifts: Document(serde_json::json!(["a", {"b": 1}])),
        note: None,
    };
    let id: RosterDayId = create(&store, day.clone()).unwrap();
    let read = store.read_blocking(move |tx| tx.record::<RosterDay>(id)).unwrap().unwrap();
    assert_eq!(read.record, day);
}

#[test]
fn a_new_punch_asks_for_its_code_and_a_crowd_for_the_date() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    let codes: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let rows: Vec<(&str, &str)> = codes.iter().map(|code| (code.as_str(), "2026-11-19T09:00:00")).collect();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    let queue = store.read_blocking(|tx| tx.recompute_queue(1000)).unwrap();
    let asked: Vec<(RecomputeScope, DateSpan)> =
        queue.into_iter().map(|row| (row.scope, row.dates)).collect();
    assert_eq!(
        asked,
        [
            (
                RecomputeScope::Code(UserCode::parse("7").unwrap()),
                DateSpan::day("2026-11-20".parse().unwrap())
            ),
            (RecomputeScope::Everyone, DateSpan::day("2026-11-19".parse().unwrap())),
        ]
    );
}

#[test]
fn what_was_asked_for_again_while_it_was_worked_out_stays_in_the_queue() {
    let (_folder, store) = fresh();
    let ask =
        || store.write_blocking(|tx| tx.ask_recompute(&RecomputeScope::Everyone, DateSpan::ALWAYS)).unwrap();
    ask();
    let row = store.read_blocking(|tx| tx.recompute_queue(1)).unwrap().remove(0);
    ask();
    store.write_blocking(move |tx| tx.recomputed(&row)).unwrap();
    let row = store.read_blocking(|tx| tx.recompute_queue(1)).unwrap().remove(0);
    store.write_blocking(move |tx| tx.recomputed(&row)).unwrap();
    assert_eq!(store.read_blocking(ReadTx::recompute_waiting).unwrap(), 0);
}

#[test]
fn a_full_disk_acknowledges_nothing_and_goes_on_without_a_restart() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    let limit = |pages: i64| {
        store
            .write_blocking(move |tx| {
                Ok(tx.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
            })
            .unwrap();
    };
    let pages = count(&store, "PRAGMA page_count");
    limit(pages + 4);
    let many: Vec<String> = (0..4000)
        .map(|n| format!("2026-11-{:02}T09:{:02}:{:02}", n / 3600 + 1, n / 60 % 60, n % 60))
        .collect();
    let rows: Vec<(&str, &str)> = many.iter().map(|wall| ("8", wall.as_str())).collect();
    let mut acknowledged = 1;
    let mut refused = Vec::new();
    for chunk in rows.chunks(200) {
        match try_deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, chunk)) {
            Ok(taken) => acknowledged += i64::try_from(taken.new).unwrap(),
            Err(StoreError::DiskFull) => refused.push(chunk),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(!refused.is_empty());
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), acknowledged);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger_log WHERE entry = 1"), acknowledged);
    limit(1_000_000);
    for chunk in refused {
        deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, chunk));
    }
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 4001);
    let state = store.read_blocking(|tx| tx.device_state(&serial("A1"))).unwrap().unwrap();
    assert_eq!(state.counters.new, 4001);
}

#[test]
fn a_write_that_panics_takes_nothing_with_it() {
    let (_folder, store) = fresh();
    let outcome: Result<(), StoreError> = store.write_blocking(|tx| {
        tx.set_meta(Meta::CLOUD_URL, &"x".to_owned())?;
        panic!("on purpose");
    });
    assert!(matches!(outcome, Err(StoreError::Panicked)));
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::CLOUD_URL)).unwrap(), None);
    create(&store, site()).unwrap();
}

#[tokio::test]
async fn writes_that_wait_together_are_all_answered_and_events_follow_the_commit() {
    let (_folder, store) = fresh();
    let mut events = store.listen();
    let writes = (0..200).map(|n| {
        let store = store.clone();
        async move {
            let wall = format!("2026-11-20T{:02}:{:02}:00", n / 60, n % 60);
            let rows = punches("A1", Route::Push, 1, &[("7", &wall)]);
            store
                .write(move |tx| {
                    tx.take(&Delivery { serial: serial("A1"), route: Route::Push, after: None, rows })
                })
                .await
        }
    });
    let taken = futures_util::future::join_all(writes).await;
    assert!(taken.iter().all(|taken| taken.as_ref().unwrap().new == 1));
    assert_eq!(store.read(ReadTx::punch_count).await.unwrap(), 200);
    assert!(matches!(events.recv().await, Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_))));
}

#[test]
fn the_folder_has_one_writer_and_origin_and_boots_survive() {
    let (folder, store) = fresh();
    assert!(matches!(try_open(&folder), Err(StoreError::InUse)));
    let origin = store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap();
    store.close();
    let store = open(&folder);
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap(), origin);
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::BOOTS)).unwrap(), Some(2));
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let (folder, store) = fresh();
    store.close();
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(try_open(&folder), Err(StoreError::SchemaTooNew { found: 99, .. })));
}

#[test]
fn a_watermark_never_goes_back_and_is_logged_when_it_matters() {
    let (_folder, store) = fresh();
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let step = |seconds: i64, grew: bool| {
        store
            .write_blocking(move |tx| {
                tx.read_through(&serial("A1"), now + chrono::Duration::seconds(seconds), grew)
            })
            .unwrap();
        count(&store, "SELECT count(*) FROM watermark")
    };
    assert_eq!(
        [step(0, false), step(60, false), step(61, true), step(-50, true), step(700, false)],
        [1, 1, 2, 2, 3]
    );
}

#[test]
fn a_job_is_taken_once_comes_back_when_it_failed_and_has_one_key() {
    let (_folder, store) = fresh();
    let due = NOW.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    let job = store
        .write_blocking(move |tx| {
            tx.put_job("report", "{}", Some("report today"), due)?;
            tx.put_job("report", "{}", Some("report today"), due)?;
            let job = tx.take_job()?.unwrap();
            assert_eq!(tx.take_job()?, None);
            tx.fail_job(job.id, "no paper", due)?;
            tx.take_job()
        })
        .unwrap()
        .unwrap();
    assert_eq!((job.name.as_str(), job.attempts), ("report", 1));
    store.write_blocking(move |tx| tx.finish_job(job.id)).unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM job"), 0);
}

#[test]
fn clocks_nobody_adopted_are_bounded_and_keep_few_rows() {
    let (_folder, store) = fresh();
    let rows: Vec<String> = (0..9).map(|n| format!("row {n}")).collect();
    let remembered = store
        .write_blocking(move |tx| {
            (0..70)
                .map(|n| tx.remember_pending(&serial(&format!("S{n}")), "10.0.0.9", "", "", &rows))
                .collect::<Result<Vec<bool>, _>>()
        })
        .unwrap();
    assert_eq!(remembered.iter().filter(|kept| **kept).count(), 64);
    let pending = store.read_blocking(ReadTx::pending_devices).unwrap();
    assert!(pending.iter().all(|device| device.rows.len() == 5));
}

#[test]
fn a_damaged_database_is_told_with_what_to_do() {
    let (folder, store) = fresh();
    store.close();
    std::fs::write(folder.path().join(FILE), [7; 8192]).unwrap();
    let error = try_open(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}
