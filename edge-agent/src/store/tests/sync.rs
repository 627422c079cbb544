//! The store under the protocol's own sessions, against a cloud in memory.

use std::collections::{BTreeMap, BTreeSet};

use shared_model::entity::Company;
use shared_model::{CompanyId, EdgeId, FieldTag, Kind, SiteId};
use sync_protocol::cloud::{Enrolled, Push, hello, push_all};
use sync_protocol::edge::{About, After, EdgeStore as _, Next, Session, answered, open as say};
use sync_protocol::memory::{MemoryCloud, ready};
use sync_protocol::message::{Capabilities, FeedRecord, HelloReply, Nonce, PushReply, Scope, Verdict};
use sync_protocol::{Chain, Dot, Limits, Origin, Record, Slot};
use uuid::Uuid;

use super::*;
use crate::store::Meta;

fn edge() -> EdgeId {
    EdgeId::from_uuid(Uuid::from_u128(0xe))
}

fn enrol(store: &Store) {
    store.write_blocking(|tx| tx.set_meta(Meta::EDGE, &edge())).unwrap();
}

fn origin(store: &Store) -> Origin {
    store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap().unwrap()
}

/// The cloud at the other end of the line.
struct Line {
    cloud: MemoryCloud,
    nonce: u8,
}

impl Line {
    fn new() -> Self {
        Self { cloud: MemoryCloud::new(), nonce: 0 }
    }

    /// The sites that the edge made are its own.
    fn enrolled(&self) -> Enrolled {
        let sites = self.cloud.records.keys().filter(|(kind, _)| *kind == Kind::Site);
        let scope = Scope { sites: sites.map(|(_, key)| SiteId::from_uuid(*key)).collect() };
        let limits = Limits::default();
        Enrolled { edge: edge(), retired: false, scope, scope_ver: 3, limits, not_before: 0 }
    }

    /// Says hello until there is a session; the verdicts on the way.
    async fn session(&mut self, store: &Store) -> (Session, Vec<Verdict>) {
        let about = About { app_version: "1".into(), schema_ver: 1, capabilities: Capabilities::default() };
        let (mut ask, mut verdicts) = (BTreeMap::new(), Vec::new());
        for _ in 0..6 {
            self.nonce += 1;
            let said = say(store, &about, Nonce::from_bytes([self.nonce; 8]), &ask, 0).await.unwrap();
            let who = self.enrolled();
            let reply: HelloReply = ready(hello(&mut self.cloud, &who, &said, 0)).unwrap();
            let new = Origin::from_number(1000 + i64::from(self.nonce)).unwrap();
            let next = answered(store, &said, &reply, new).await.unwrap();
            verdicts.push(reply.verdict);
            match next {
                Next::Session(session) => return (*session, verdicts),
                Next::Again(places) => ask = places,
                Next::Forked { .. } => ask = BTreeMap::new(),
                Next::Stop(stop) => panic!("{stop:?}"),
            }
        }
        panic!("no session: {verdicts:?}");
    }

    fn post(&mut self, body: &[u8]) -> PushReply {
        let push = Push::parse(body).unwrap();
        let who = self.enrolled();
        ready(push_all(&mut self.cloud, &[(&who, &push)], 0)).unwrap()[0]
    }

    async fn drain(&mut self, store: &Store) -> Vec<Verdict> {
        let (mut session, verdicts) = self.session(store).await;
        for stream in Stream::ALL {
            while let Some(push) = session.next_push(store, stream, 0).await.unwrap() {
                let reply = self.post(&push.body);
                assert_eq!(push.taken(store, &reply).await.unwrap(), After::Continue);
            }
        }
        verdicts
    }
}

fn collect(store: &Store, codes: std::ops::Range<u32>) {
    let row = |code: u32| punch_of("A1", &code.to_string(), "2026-11-20T09:00:00", Route::Pull, 1);
    deliver(store, "A1", Route::Pull, codes.map(|code| Delivered::Punch(row(code))).collect());
}

fn ids(store: &Store) -> BTreeSet<PunchId> {
    store
        .read_blocking(|tx| {
            let mut query = tx.connection().prepare("SELECT punch_id FROM ledger")?;
            let ids = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(ids)
        })
        .unwrap()
}

#[tokio::test]
async fn both_logs_reach_the_cloud_and_what_waits_is_known() {
    let (_folder, store) = fresh();
    enrol(&store);
    collect(&store, 0..2500);
    let site = create(&store, site()).unwrap();
    for nth in 0..40 {
        create(&store, employee(site, &format!("E{nth}"))).unwrap();
    }
    let backlog = store.read_blocking(ReadTx::backlog).unwrap();
    assert_eq!((backlog.ledger, backlog.records), (2500, 41));
    assert!(backlog.oldest_ms.is_some());

    let mut line = Line::new();
    assert_eq!(line.drain(&store).await, [Verdict::Ok]);
    let backlog = store.read_blocking(ReadTx::backlog).unwrap();
    assert_eq!((backlog.ledger, backlog.records, backlog.not_durable, backlog.oldest_ms), (0, 0, 0, None));
    assert_eq!(line.cloud.ledger.keys().copied().collect::<BTreeSet<_>>(), ids(&store));
    assert_eq!(line.cloud.records.len(), 41);
    assert_eq!(line.cloud.aside, []);
    assert_eq!(count(&store, "SELECT count(*) FROM oplog WHERE ack_fseq IS NULL"), 0);
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::SCOPE_VER)).unwrap(), Some(3));
    assert_eq!(line.drain(&store).await, [Verdict::Ok], "nothing more to do");
}

#[tokio::test]
async fn the_chain_is_known_at_every_place_of_both_logs() {
    let (_folder, store) = fresh();
    enrol(&store);
    collect(&store, 0..600);
    let site = create(&store, site()).unwrap();
    for nth in 0..9 {
        create(&store, employee(site, &format!("E{nth}"))).unwrap();
    }
    let origin = origin(&store);
    let entries = store.ledger_rows(origin, 1, 600).await.unwrap();
    let changes = store.record_rows(origin, 1, 100).await.unwrap();
    for (stream, items) in [
        (Stream::Ledger, entries.iter().map(LedgerEntry::chain_item).collect::<Vec<_>>()),
        (Stream::Records, changes.iter().map(sync_protocol::Change::chain_item).collect()),
    ] {
        let mut chain = Chain::start(origin, stream);
        for (seq, item) in (1..).zip(items) {
            chain = chain.then(&item);
            let told = store.chain_at(origin, stream, &[seq]).await.unwrap();
            assert_eq!((told[0].seq, told[0].chain), (seq, chain));
        }
    }
    assert_eq!(store.chain_at(origin, Stream::Ledger, &[601, -1]).await.unwrap(), []);
}

#[tokio::test]
async fn a_lost_reply_is_made_up_for() {
    let (_folder, store) = fresh();
    enrol(&store);
    collect(&store, 0..10);
    create(&store, site()).unwrap();
    let mut line = Line::new();
    let (mut session, _) = line.session(&store).await;
    for stream in Stream::ALL {
        let push = session.next_push(&store, stream, 0).await.unwrap().unwrap();
        line.post(&push.body);
    }
    collect(&store, 10..12);
    let verdicts = line.drain(&store).await;
    assert!(matches!(verdicts[..], [Verdict::Marks { .. }, Verdict::Ok]), "{verdicts:?}");
    assert_eq!(line.cloud.ledger_log.len(), 12);
}

#[tokio::test]
async fn a_restored_disk_begins_a_new_life_and_loses_nothing() {
    let (folder, store) = fresh();
    enrol(&store);
    let mut line = Line::new();
    collect(&store, 0..300);
    let site = create(&store, site()).unwrap();
    let kept = create(&store, employee(site, "E1")).unwrap();
    line.drain(&store).await;

    // A copy is taken; then more is written and sent, which the copy does not have.
    let copy = folder.path().join("copy.db");
    store.read_blocking(|tx| Ok(tx.connection().backup("main", &copy, None)?)).unwrap();
    collect(&store, 300..350);
    create(&store, employee(site, "E2")).unwrap();
    line.drain(&store).await;
    let former = origin(&store);
    store.close();
    for file in ["muster-edge.db-wal", "muster-edge.db-shm"] {
        // What a clean close leaves behind is of no use beside the copy.
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    std::fs::copy(&copy, folder.path().join(FILE)).unwrap();
    let store = open(&folder);
    collect(&store, 400..420);
    let edited = Employee { name: Name::parse("Rahima Begum").unwrap(), ..employee(site, "E1") };
    store.write_blocking(move |tx| tx.update(&Author::CONSOLE, kept, None, &edited)).unwrap();

    let verdicts = line.drain(&store).await;
    assert!(matches!(verdicts.last(), Some(Verdict::Ok)), "{verdicts:?}");
    assert!(verdicts.iter().any(|verdict| matches!(verdict, Verdict::Fork { .. })), "{verdicts:?}");
    let now = origin(&store);
    assert_ne!(now, former);
    assert!(line.cloud.ledger.keys().copied().collect::<BTreeSet<_>>().is_superset(&ids(&store)));
    assert_eq!(line.cloud.ledger.len(), 370);
    let record = &line.cloud.records[&(Kind::Employee, Uuid::from(kept))];
    assert_eq!(record.fields[&FieldTag(2)], "Rahima Begum");
    assert_eq!((line.cloud.conflicts.len(), line.cloud.aside.len()), (0, 0));

    // The record's own bookkeeping follows, so that the next edit does not claim the lost history.
    let vv = store.read_blocking(move |tx| Ok(tx.record::<Employee>(kept)?.unwrap().vv)).unwrap();
    assert_eq!((vv.seq_of(former), vv.seq_of(now)), (2, 1));
    let edited = Employee { name: Name::parse("Rahima").unwrap(), ..employee(site, "E1") };
    store.write_blocking(move |tx| tx.update(&Author::CONSOLE, kept, None, &edited)).unwrap();
    line.drain(&store).await;
    assert_eq!(line.cloud.conflicts.len(), 0);
    let segments = store.state().await.unwrap().closed;
    assert_eq!(segments.iter().map(|segment| segment.head).collect::<Vec<_>>(), [300, 2]);
}

#[tokio::test]
async fn acknowledgements_for_a_former_life_change_nothing() {
    let (_folder, store) = fresh();
    enrol(&store);
    collect(&store, 0..10);
    let (former, next) = (origin(&store), Origin::from_number(77).unwrap());
    let mut line = Line::new();
    let (mut session, _) = line.session(&store).await;
    let push = session.next_push(&store, Stream::Ledger, 0).await.unwrap().unwrap();
    let reply = line.post(&push.body);
    store.re_origin(former, next, &BTreeMap::new()).await.unwrap();
    store.re_origin(former, Origin::from_number(78).unwrap(), &BTreeMap::new()).await.unwrap();
    assert_eq!(origin(&store), next, "only the present life can end");
    push.taken(&store, &reply).await.unwrap();
    let state = store.state().await.unwrap();
    assert_eq!((state.logs[&Stream::Ledger].head, state.logs[&Stream::Ledger].acked), (10, 0));
}

#[test]
fn a_record_from_the_feed_is_taken_once_and_never_replaced_by_an_older_one() {
    let (_folder, store) = fresh();
    let id = CompanyId::from_uuid(Uuid::from_u128(5));
    let record = |name: &str, fseq: i64| {
        let company = Company {
            name: Name::parse(name).unwrap(),
            week_starts_on: shared_model::entity::Weekday::Saturday,
            locale: Code::parse("en").unwrap(),
        };
        let dot = Dot::new(Origin::from_number(9).unwrap(), fseq);
        let mut record = Record { fields: company.to_fields(), fseq, ..Record::default() };
        record.dots.0.insert(Slot::Field(FieldTag(1)), dot);
        record.consider(dot);
        FeedRecord::new(Kind::Company, id.uuid(), &record)
    };
    let (newer, older, odd) =
        (record("New", 7), record("Old", 6), FeedRecord { kind: 999, ..record("Odd", 9) });
    let taken = store
        .write_blocking(move |tx| {
            Ok([tx.take_from_feed(newer.clone())?, tx.take_from_feed(newer)?, tx.take_from_feed(older)?])
        })
        .unwrap();
    assert_eq!(taken, [true, false, false]);
    assert!(matches!(store.write_blocking(move |tx| tx.take_from_feed(odd)), Err(StoreError::Invalid(_))));
    let stored = store.read_blocking(move |tx| tx.record::<Company>(id)).unwrap().unwrap();
    assert_eq!((stored.record.name.as_str(), stored.fseq), ("New", 7));
}
