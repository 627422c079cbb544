//! The feed on SQLite beside the protocol's edge in memory: the same changes, hellos, pushes and pages, the same state after
//! each. Both talk to one cloud in memory; a second edge and the cloud's own users change the same records meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use shared_model::{ActorId, EdgeId, FieldMap, FieldTag, Kind};
use sync_protocol::body::{lines, unpack};
use sync_protocol::cloud::{Enrolled, Push, RecordKey, collect, hello, pull, push_all, snapshot};
use sync_protocol::edge::{
    About, AfterPull, FeedStore, FeedTx, Next, Pull, Session, answered, answered_with_feed, open as say,
};
use sync_protocol::memory::{Edit as MemoryEdit, MemoryCloud, MemoryEdge, ready};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{Capabilities, FeedConflict, FeedRecord, Hello, Nonce, PageHead, Scope};
use sync_protocol::{Limits, Op, Origin, Record, VersionVector};
use uuid::Uuid;

use super::*;
use crate::store::Meta;

const HERE: u128 = 0x51;
const THERE: u128 = 0x52;

/// One thing that happens; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Create,
    Edit { which: usize, form: usize, value: u8 },
    Delete { which: usize },
    OpenForm { which: usize },
    Punch { code: u8, verify: u8 },
    CloudEdit { which: usize, form: usize, value: u8 },
    CloudCreate,
    CloudDelete { which: usize },
    CloudMove { which: usize, there: bool },
    CloudOpenForm { which: usize },
    Override { which: usize },
    Foreign,
    OtherEdit { which: usize, value: u8 },
    OtherPunch { code: u8, verify: u8 },
    OtherSync,
    Hello,
    Push { ledger: bool, lost: bool },
    Pull { lost: bool, again: bool },
    Scope,
    Collect,
    CloudRestored,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..6_usize;
    prop_oneof![
        3 => Just(Step::Create),
        8 => (which.clone(), 0..4_usize, 0..3_u8).prop_map(|(which, form, value)| Step::Edit { which, form, value }),
        1 => which.clone().prop_map(|which| Step::Delete { which }),
        2 => which.clone().prop_map(|which| Step::OpenForm { which }),
        2 => (0..4_u8, 0..3_u8).prop_map(|(code, verify)| Step::Punch { code, verify }),
        6 => (which.clone(), 0..4_usize, 0..3_u8).prop_map(|(which, form, value)| Step::CloudEdit { which, form, value }),
        2 => Just(Step::CloudCreate),
        1 => which.clone().prop_map(|which| Step::CloudDelete { which }),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, there)| Step::CloudMove { which, there }),
        2 => which.clone().prop_map(|which| Step::CloudOpenForm { which }),
        3 => which.clone().prop_map(|which| Step::Override { which }),
        1 => Just(Step::Foreign),
        3 => (which, 0..3_u8).prop_map(|(which, value)| Step::OtherEdit { which, value }),
        2 => (0..4_u8, 0..3_u8).prop_map(|(code, verify)| Step::OtherPunch { code, verify }),
        2 => Just(Step::OtherSync),
        4 => Just(Step::Hello),
        8 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(ledger, lost)| Step::Push { ledger, lost }),
        16 => (prop::bool::weighted(0.1), prop::bool::weighted(0.2)).prop_map(|(lost, again)| Step::Pull { lost, again }),
        1 => Just(Step::Scope),
        1 => Just(Step::Collect),
        1 => Just(Step::CloudRestored),
    ]
}

/// What an edge's disk says, in words that both stores share.
#[derive(Debug, PartialEq)]
struct Image {
    origin: Origin,
    place: (u32, i64, i64, i64, String),
    heads: Vec<(i64, i64)>,
    views: BTreeMap<RecordKey, Record>,
    bases: BTreeMap<RecordKey, Record>,
    tombstones: BTreeSet<RecordKey>,
    diverging: BTreeSet<RecordKey>,
    waiting: BTreeMap<RecordKey, Vec<i64>>,
    conflicts: BTreeMap<Uuid, FeedConflict>,
    notices: BTreeSet<(Origin, Stream, i64, String)>,
    parked: BTreeSet<Vec<u8>>,
    staged: Vec<Vec<u8>>,
    ledger: BTreeSet<PunchId>,
}

/// A record without the values that are set to nothing.
fn bare(mut record: Record) -> Record {
    record.fields.retain(|_, value| !value.is_null());
    record
}

fn of_feed<T: FeedTx>(tx: &T, keys: &BTreeSet<RecordKey>) -> Result<Image, T::Error> {
    let place = tx.place()?;
    let (mut bases, mut waiting) = (BTreeMap::new(), BTreeMap::new());
    for key in keys {
        bases.extend(tx.base(*key)?.map(|base| (*key, bare(base))));
        waiting.insert(*key, tx.waiting(*key)?.iter().map(|change| change.dot.seq).collect());
    }
    let all: BTreeSet<RecordKey> =
        tx.bases(i64::MAX, false)?.into_iter().chain(tx.bases(i64::MAX, true)?).collect();
    assert_eq!(all, bases.keys().copied().collect(), "the list of bases is whole");
    Ok(Image {
        origin: place.origin,
        place: (place.feed_epoch, place.cursor, place.clean, place.horizon, format!("{:?}", place.snapshot)),
        heads: Vec::new(),
        views: BTreeMap::new(),
        bases,
        tombstones: tx.bases(place.cursor, true)?.into_iter().collect(),
        diverging: tx.diverging()?.into_iter().collect(),
        waiting,
        conflicts: BTreeMap::new(),
        notices: BTreeSet::new(),
        parked: BTreeSet::new(),
        staged: tx.staged(0, 1000)?,
        ledger: BTreeSet::new(),
    })
}

struct Factory {
    _folder: TempDir,
    store: Store,
    memory: MemoryEdge,
    session: Option<(Session, Session)>,
    other: MemoryEdge,
    cloud: MemoryCloud,
    earlier: Option<MemoryCloud>,
    scope_ver: u32,
    wide: bool,
    keys: Vec<Uuid>,
    forms: Vec<(Uuid, VersionVector)>,
    cloud_forms: Vec<(Uuid, VersionVector)>,
    made: u128,
    figures: BTreeMap<&'static str, u32>,
}

fn edge_id(nth: u128) -> EdgeId {
    EdgeId::from_uuid(Uuid::from_u128(0xe0 + nth))
}

fn site_of(there: bool) -> serde_json::Value {
    json!(Uuid::from_u128(if there { THERE } else { HERE }))
}

impl Factory {
    fn new() -> Self {
        let (folder, store) = fresh();
        store.write_blocking(|tx| tx.set_meta(Meta::EDGE, &edge_id(0))).unwrap();
        let origin = store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap().unwrap();
        let mut cloud = MemoryCloud::new();
        cloud.begin_life(Origin::from_number(7).unwrap());
        // What people do at the other site is needed here.
        cloud.home = Some(|_| SiteId::from_uuid(Uuid::from_u128(HERE)));
        cloud.refuse_change = Some(|change| change.fields.get(&FieldTag(2)) == Some(&json!("N1")));
        Self {
            _folder: folder,
            store,
            memory: MemoryEdge::new(edge_id(0), origin),
            session: None,
            other: MemoryEdge::new(edge_id(1), Origin::from_number(9).unwrap()),
            cloud,
            earlier: None,
            scope_ver: 1,
            wide: false,
            keys: Vec::new(),
            forms: Vec::new(),
            cloud_forms: Vec::new(),
            made: 0,
            figures: BTreeMap::new(),
        }
    }

    fn enrolled(&self, nth: u128) -> Enrolled {
        let mut sites = vec![SiteId::from_uuid(Uuid::from_u128(HERE))];
        if nth == 1 || self.wide {
            sites.push(SiteId::from_uuid(Uuid::from_u128(THERE)));
        }
        let limits = Limits { batch_rows: 3, ..Limits::default() };
        let scope_ver = if nth == 0 { self.scope_ver } else { 1 };
        Enrolled {
            edge: edge_id(nth),
            retired: false,
            scope: Scope { sites },
            scope_ver,
            limits,
            not_before: 0,
        }
    }

    fn next(&mut self) -> u128 {
        self.made += 1;
        self.made
    }

    fn note(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    fn key(&self, which: usize) -> Option<Uuid> {
        self.keys.get(which % self.keys.len().max(1)).copied()
    }

    fn fresh_fields(&mut self) -> (Uuid, FieldMap) {
        let nth = self.next();
        let key = Uuid::from_u128(0x1000 + nth);
        self.keys.push(key);
        let fields = FieldMap::from([
            (FieldTag(1), json!(format!("E{nth}"))),
            (FieldTag(2), json!("Name")),
            (FieldTag(3), site_of(false)),
            (FieldTag(6), json!("worker")),
            (FieldTag(10), json!(true)),
        ]);
        (key, fields)
    }

    /// Writes at the edge under test, and the same row at its twin in memory.
    fn write(&mut self, edit: Edit) {
        let (key, op) = (edit.key, edit.op);
        let written = self.store.write_blocking(move |tx| {
            let dot = tx.change(&Author::SYSTEM, edit)?;
            Ok(FeedTx::change(tx, dot.seq)?.unwrap())
        });
        match written {
            Ok(change) => {
                self.note("own changes");
                self.memory.copy(change);
            }
            // Somebody at the edge is told to look again.
            Err(StoreError::Stale { .. }) => self.note("stale forms"),
            Err(StoreError::Missing { .. } | StoreError::Exists { .. }) => {}
            Err(other) => panic!("{op:?} of {key}: {other}"),
        }
    }

    fn value(field: u8) -> FieldMap {
        match field {
            0 => FieldMap::from([(FieldTag(2), json!("N0")), (FieldTag(8), json!("2026-11-01"))]),
            1 => FieldMap::from([(FieldTag(2), json!("N1"))]),
            _ => FieldMap::from([(FieldTag(5), json!("Tailor"))]),
        }
    }

    fn punch(code: u8, verify: u8) -> Punch {
        punch_of("A1", &code.to_string(), "2026-11-20T09:00:00", Route::Pull, verify)
    }

    async fn act(&mut self, step: Step) {
        match step {
            Step::Create => {
                let (key, fields) = self.fresh_fields();
                self.write(Edit {
                    kind: Kind::Employee,
                    key,
                    op: Op::Create,
                    seen: None,
                    fields,
                    resolves: None,
                });
            }
            Step::Edit { which, form, value } => {
                let fields = Self::value(value);
                // Of four, one is from a form that was opened earlier.
                let (key, seen) = match self.forms.get(form) {
                    Some(_) if form == 0 => self.forms.remove(form),
                    _ => match self.key(which) {
                        Some(key) => (key, VersionVector::new()),
                        None => return,
                    },
                };
                let seen = (form == 0 && !seen.is_empty()).then_some(seen);
                self.write(Edit { kind: Kind::Employee, key, op: Op::Update, seen, fields, resolves: None });
            }
            Step::Delete { which } => {
                let Some(key) = self.key(which) else { return };
                let fields = FieldMap::new();
                self.write(Edit {
                    kind: Kind::Employee,
                    key,
                    op: Op::Delete,
                    seen: None,
                    fields,
                    resolves: None,
                });
            }
            Step::OpenForm { which } => {
                let Some(key) = self.key(which) else { return };
                if let Some(record) = self.memory.record(Kind::Employee, key) {
                    self.forms.push((key, record.vv));
                }
            }
            Step::Punch { code, verify } => {
                let before = self.memory.look(|disk| disk.head(Stream::Ledger));
                deliver(&self.store, "A1", Route::Pull, vec![Delivered::Punch(Self::punch(code, verify))]);
                let origin = self.memory.look(|disk| disk.origin);
                let entries =
                    self.store.read_blocking(move |tx| tx.ledger_entries(origin, before, 10)).unwrap();
                entries.into_iter().for_each(|(_, entry)| self.memory.collect(entry));
            }
            Step::CloudEdit { which, form, value } => {
                let (key, saw) = match self.cloud_forms.get(form) {
                    Some(_) if form == 0 => self.cloud_forms.remove(form),
                    _ => {
                        let Some(key) = self.key(which) else { return };
                        let now = self.cloud.records.get(&(Kind::Employee, key));
                        (key, now.map(|record| record.vv.clone()).unwrap_or_default())
                    }
                };
                self.in_cloud(key, Op::Update, saw, Self::value(value));
            }
            Step::CloudCreate => {
                let (key, fields) = self.fresh_fields();
                self.in_cloud(key, Op::Create, VersionVector::new(), fields);
            }
            Step::CloudDelete { which } => {
                let Some(key) = self.key(which) else { return };
                let now = self.cloud.records.get(&(Kind::Employee, key));
                let saw = now.map(|record| record.vv.clone()).unwrap_or_default();
                self.in_cloud(key, Op::Delete, saw, FieldMap::new());
            }
            Step::CloudMove { which, there } => {
                let Some(key) = self.key(which) else { return };
                let now = self.cloud.records.get(&(Kind::Employee, key));
                let saw = now.map(|record| record.vv.clone()).unwrap_or_default();
                self.in_cloud(key, Op::Update, saw, FieldMap::from([(FieldTag(3), site_of(there))]));
            }
            Step::CloudOpenForm { which } => {
                let Some(key) = self.key(which) else { return };
                if let Some(record) = self.cloud.records.get(&(Kind::Employee, key)) {
                    self.cloud_forms.push((key, record.vv.clone()));
                }
            }
            Step::Override { which } => self.settle_by_hand(which),
            Step::Foreign => {
                let nth = self.next();
                let record = FeedRecord {
                    kind: 999,
                    key: Uuid::from_u128(nth),
                    fseq: 0,
                    fields: FieldMap::new(),
                    dots: BTreeMap::new(),
                    vv: VersionVector::new(),
                    deleted: None,
                };
                self.cloud.publish_foreign(record, None);
            }
            Step::OtherEdit { which, value } => {
                let Some(key) = self.key(which) else { return };
                let Some(now) = self.cloud.records.get(&(Kind::Employee, key)).cloned() else { return };
                // As if it had pulled just now.
                let saw = now.vv.clone();
                let mut disk = self.other.image();
                disk.records.insert((Kind::Employee, key), now);
                self.other.restore(disk);
                let fields = Self::value(value);
                self.other.edit(&[MemoryEdit { key: (Kind::Employee, key), op: Op::Update, saw, fields }]);
            }
            Step::OtherPunch { code, verify } => {
                self.other.collect(LedgerEntry::Punch(Self::punch(code + 2, verify)));
            }
            Step::OtherSync => self.other_sync(),
            Step::Hello => self.hello().await,
            Step::Push { ledger, lost } => {
                self.push(if ledger { Stream::Ledger } else { Stream::Records }, lost).await;
            }
            Step::Pull { lost, again } => self.pull(lost, again).await,
            Step::Scope => {
                self.wide = !self.wide;
                self.scope_ver += 1;
            }
            Step::Collect => {
                let gone = ready(collect(&mut self.cloud, i64::MAX)).unwrap();
                if gone > 0 {
                    self.note("tombstones collected");
                }
            }
            Step::CloudRestored => match self.earlier.take() {
                None => self.earlier = Some(self.cloud.clone()),
                Some(earlier) => {
                    let epoch = self.cloud.company.feed_epoch + 1;
                    self.cloud = earlier;
                    self.cloud.company.feed_epoch = epoch;
                    self.cloud.begin_life(Origin::from_number(7000 + i64::from(epoch)).unwrap());
                    self.cloud_forms.clear();
                    self.note("cloud restores");
                }
            },
        }
    }

    fn in_cloud(&mut self, key: Uuid, op: Op, saw: VersionVector, fields: FieldMap) {
        let edit = MemoryEdit { key: (Kind::Employee, key), op, saw, fields };
        self.cloud.edit(&edit, ActorId::SYSTEM, None);
    }

    /// Somebody at the edge settles a conflict that is shown there.
    fn settle_by_hand(&mut self, which: usize) {
        let rows: Vec<FeedConflict> = self.memory.look(|disk| disk.conflicts.values().cloned().collect());
        let open: Vec<&FeedConflict> =
            rows.iter().filter(|row| row.state == sync_protocol::message::ConflictState::Open).collect();
        let Some(row) = open.get(which % open.len().max(1)) else { return };
        let choice = if which.is_multiple_of(2) { FieldRule::Standing } else { FieldRule::Arriving };
        let id = row.id;
        let written = self.store.write_blocking(move |tx| {
            let dot = tx.settle_conflict(&Author::SYSTEM, id, choice)?;
            Ok(FeedTx::change(tx, dot.seq)?.unwrap())
        });
        match written {
            Ok(change) => {
                assert_eq!(change.resolves, Some(id));
                self.note("overrides");
                self.memory.copy(change);
            }
            // It was settled here before, or the record is on its way.
            Err(StoreError::Invalid(_)) => self.note("overrides that had to wait"),
            Err(StoreError::Stale { .. } | StoreError::Missing { .. }) => {}
            Err(other) => panic!("{id:?}: {other}"),
        }
    }

    fn other_sync(&mut self) {
        let about = About { app_version: "1".into(), schema_ver: 1, capabilities: Capabilities::default() };
        for _ in 0..8 {
            let nonce = Nonce::from_bytes(u64::try_from(self.next()).unwrap().to_be_bytes());
            let said = ready(say(&self.other, &about, nonce, &BTreeMap::new(), 0)).unwrap();
            let who = self.enrolled(1);
            let reply = ready(hello(&mut self.cloud, &who, &said, 0)).unwrap();
            let origin = Origin::from_number(9000 + i64::try_from(self.next()).unwrap()).unwrap();
            let Next::Session(mut session) = ready(answered(&self.other, &said, &reply, origin)).unwrap()
            else {
                continue;
            };
            for stream in Stream::ALL {
                while let Some(push) = ready(session.next_push(&self.other, stream, 0)).unwrap() {
                    let parsed = Push::parse(&push.body).unwrap();
                    let replies = ready(push_all(&mut self.cloud, &[(&who, &parsed)], 0)).unwrap();
                    ready(push.taken(&self.other, &replies[0])).unwrap();
                }
            }
            return;
        }
    }

    async fn hello(&mut self) {
        let capabilities = Capabilities::of(&[Capabilities::PULL]);
        let about = About { app_version: "1".into(), schema_ver: 1, capabilities };
        let nonce = Nonce::from_bytes(u64::try_from(self.next()).unwrap().to_be_bytes());
        let ask = BTreeMap::new();
        let said = say(&self.store, &about, nonce, &ask, 0).await.unwrap();
        let same = say(&self.memory, &about, nonce, &ask, 0).await.unwrap();
        let plain = |said: &Hello| Hello {
            hlc: sync_protocol::Hlc::default(),
            counts: Default::default(),
            ..said.clone()
        };
        assert_eq!(plain(&said), plain(&same));
        let who = self.enrolled(0);
        let reply = ready(hello(&mut self.cloud, &who, &said, 0)).unwrap();
        let origin = Origin::from_number(1000 + i64::try_from(self.next()).unwrap()).unwrap();
        let ours = answered_with_feed(&self.store, &said, &reply, origin).await.unwrap();
        let theirs = answered_with_feed(&self.memory, &same, &reply, origin).await.unwrap();
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        self.session = match (ours, theirs) {
            (Next::Session(ours), Next::Session(theirs)) => Some((*ours, *theirs)),
            (Next::Forked { .. }, _) => {
                self.note("forks");
                None
            }
            _ => None,
        };
    }

    async fn push(&mut self, stream: Stream, lost: bool) {
        let Some((mut ours, mut theirs)) = self.session.take() else { return };
        let out = ours.next_push(&self.store, stream, 0).await.unwrap();
        let same = theirs.next_push(&self.memory, stream, 0).await.unwrap();
        assert_eq!(out, same);
        let (Some(out), Some(same)) = (out, same) else {
            self.session = Some((ours, theirs));
            return;
        };
        let who = self.enrolled(0);
        let reply =
            ready(push_all(&mut self.cloud, &[(&who, &Push::parse(&out.body).unwrap())], 0)).unwrap()[0];
        if lost {
            return;
        }
        let after = out.taken(&self.store, &reply).await.unwrap();
        assert_eq!(after, same.taken(&self.memory, &reply).await.unwrap());
        if after == sync_protocol::edge::After::Continue {
            self.session = Some((ours, theirs));
        }
    }

    async fn pull(&mut self, lost: bool, again: bool) {
        let Some((ours, theirs)) = &self.session else { return };
        let asked = ours.next_pull(&self.store, 0).await.unwrap();
        assert_eq!(asked, theirs.next_pull(&self.memory, 0).await.unwrap());
        let Some(asked) = asked else { return };
        let who = self.enrolled(0);
        let body = match &asked {
            Pull::Page(request) => ready(pull(&mut self.cloud, &who, request, 0)).unwrap().body().unwrap(),
            Pull::Snapshot(request) => {
                ready(snapshot(&mut self.cloud, &who, request, 0)).unwrap().body().unwrap()
            }
        };
        if let (Pull::Page(_), Ok((PageHead::Ok(page), payload))) = (&asked, unpack::<PageHead>(&body)) {
            assert_eq!(lines(&payload, 1000).unwrap().len(), usize::try_from(page.items).unwrap());
        }
        if lost {
            return;
        }
        let (ours, theirs) = (ours.clone(), theirs.clone());
        let after = ours.pulled(&self.store, &asked, &body).await.unwrap().unwrap();
        assert_eq!(after, theirs.pulled(&self.memory, &asked, &body).await.unwrap().unwrap());
        self.note(match (after, asked) {
            (AfterPull::Hello, _) => "sessions ended by a page",
            (_, Pull::Page(_)) => "pages",
            (_, Pull::Snapshot(_)) => "pages of snapshots",
        });
        if again {
            // The same page once more, as a late copy of the answer.
            let late = ours.pulled(&self.store, &asked, &body).await.unwrap().unwrap();
            assert_eq!(late, theirs.pulled(&self.memory, &asked, &body).await.unwrap().unwrap());
        }
        if after == AfterPull::Hello {
            self.session = None;
        }
    }

    async fn compare(&self) {
        let keys: BTreeSet<RecordKey> = self.keys.iter().map(|key| (Kind::Employee, *key)).collect();
        let known = keys.clone();
        let (mut ours, theirs_conflicts) = self
            .store
            .feed(move |tx| {
                let mut image = of_feed(tx, &known)?;
                for (kind, key) in known {
                    let view = crate::store::record::load(&tx.connection, kind, key)?;
                    image.views.extend(view.map(|view| ((kind, key), bare(view))));
                }
                let mut query = tx.connection.prepare("SELECT row FROM conflict")?;
                let rows: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                let mut query =
                    tx.connection.prepare("SELECT origin, stream, seq, code FROM cloud_notice")?;
                image.notices = query
                    .query_map([], |row| {
                        let (origin, stream): (i64, String) = (row.get(0)?, row.get(1)?);
                        Ok((
                            Origin::from_number(origin).unwrap(),
                            Stream::parse(&stream).unwrap(),
                            row.get(2)?,
                            row.get(3)?,
                        ))
                    })?
                    .collect::<Result<_, _>>()?;
                let mut query = tx.connection.prepare("SELECT line FROM inbox_bad")?;
                image.parked = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                let mut query = tx.connection.prepare("SELECT punch_id FROM ledger")?;
                image.ledger = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                image.heads = Stream::ALL
                    .iter()
                    .map(|stream| tx.stream(*stream).map(|state| (state.head, state.acked)))
                    .collect::<Result<_, _>>()?;
                Ok((image, rows))
            })
            .await
            .unwrap();
        ours.conflicts = theirs_conflicts
            .iter()
            .map(|row| serde_json::from_str::<FeedConflict>(row).unwrap())
            .map(|row| (row.id.uuid(), row))
            .collect();
        let known = keys.clone();
        let mut theirs = self.memory.feed(move |tx| of_feed(tx, &known)).await.unwrap();
        self.memory.look(|disk| {
            theirs.views = disk.records.iter().map(|(key, view)| (*key, bare(view.clone()))).collect();
            theirs.conflicts = disk.conflicts.values().map(|row| (row.id.uuid(), row.clone())).collect();
            theirs.notices = disk
                .notices
                .values()
                .map(|notice| (notice.origin, notice.stream, notice.seq, notice.code.clone()))
                .collect();
            theirs.parked = disk.parked.iter().map(|(line, _)| line.clone()).collect();
            theirs.ledger = disk.ledger.keys().copied().collect();
            theirs.heads =
                Stream::ALL.iter().map(|stream| (disk.head(*stream), disk.acked(*stream))).collect();
        });
        assert_eq!(ours, theirs);
    }
}

#[test]
fn sqlite_and_memory_take_the_same_feed_to_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let figures = std::cell::RefCell::new(BTreeMap::<&'static str, u32>::new());
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    // The same histories in each run, so that the figures below stand.
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&prop::collection::vec(step(), 60..160), |steps| {
            let mut factory = Factory::new();
            for step in steps {
                runtime.block_on(async {
                    factory.act(step).await;
                    factory.compare().await;
                });
            }
            for (what, count) in factory.figures {
                *figures.borrow_mut().entry(what).or_default() += count;
            }
            Ok(())
        })
        .unwrap();
    // A suite that meets nothing shows nothing.
    for what in ["own changes", "pages", "pages of snapshots", "forks", "cloud restores", "overrides"] {
        let seen = figures.borrow().get(what).copied().unwrap_or(0);
        assert!(seen > 0, "{what}: {seen} of {figures:?}");
    }
}
