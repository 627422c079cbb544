//! The cloud's feed on PostgreSQL beside the protocol's in memory: the same changes, the same pages, snapshots, conflict rows
//! and collections, item by item and place by place. Each run follows from its seed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::edge::Applicant;
use cloud_server::store::{CompanyAccess, Store, SyncTx, company, conflict, edge, own_change, record};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use shared_model::text::{Code, Name};
use shared_model::{ActorId, Clock as _, CompanyId, EdgeId, FieldMap, FieldTag, Kind, SiteId};
use sync_protocol::cloud::{
    Answer, CloudStore as _, Enrolled, FeedRow, FeedStore as _, Push, collect, hello, pull, push_all,
    snapshot,
};
use sync_protocol::edge::{About, AfterPull, Next, Pull, Session, answered_with_feed, open};
use sync_protocol::memory::{Edit, MemoryCloud, MemoryEdge};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{Capabilities, FeedItem, FeedNotice, Nonce, Scope};
use sync_protocol::{Dot, Limits, Op, Origin, Stream, VersionVector};
use system_tests::cloud_http::author;
use system_tests::postgres::TestDatabase;
use uuid::Uuid;

const NAME: FieldTag = FieldTag(2);
const SITE: FieldTag = FieldTag(3);

/// What was compared, so that a run in which nothing happens is noticed.
#[derive(Debug, Default)]
struct Compared {
    items: BTreeMap<&'static str, usize>,
    snapshots: usize,
    tombstones: usize,
    settled: usize,
}

/// Both clouds, and edges that talk to both at once.
struct Pair {
    store: Store,
    access: CompanyAccess,
    memory: MemoryCloud,
    edges: Vec<(MemoryEdge, Enrolled)>,
    sites: [SiteId; 2],
    keys: Vec<Uuid>,
    dice: ChaCha8Rng,
    now: DateTime<Utc>,
    compared: Compared,
}

impl Pair {
    async fn new(store: Store, seed: u64) -> Result<Self> {
        let company = CompanyId::mint(&SystemClock, &OsEntropy);
        store.add_company(company, &Name::parse("K")?, &Code::parse("en")?, author(), &OsEntropy).await?;
        let access = CompanyAccess::of_system(company);
        let sites = [SiteId::mint(&SystemClock, &OsEntropy), SiteId::mint(&SystemClock, &OsEntropy)];
        let mut tx = store.begin(&access).await?;
        for (site, code) in sites.iter().zip(["F1", "F2"]) {
            let (name, code) = (Name::parse(code)?, Code::parse(code)?);
            company::add_site(&mut tx, *site, &name, &code, chrono_tz::Tz::UTC, author()).await?;
        }
        tx.commit().await?;
        let mut edges = Vec::new();
        for (nth, site) in [(1, sites[0]), (2, sites[0]), (3, sites[1])] {
            let mut tx = store.begin(&access).await?;
            let code = edge::make_code(&mut tx, site, author(), &OsEntropy).await?.code;
            tx.commit().await?;
            let id = EdgeId::mint(&SystemClock, &OsEntropy);
            let applicant = Applicant { public_key: [nth; 32], name: "e".into(), app_version: "1".into() };
            store.enrol(&code, &applicant, id, SystemClock.now()).await?.context("enrolled")?;
            let enrolled = Enrolled {
                edge: id,
                retired: false,
                scope: Scope { sites: vec![site] },
                scope_ver: 1,
                limits: Limits { batch_rows: 5, ..Limits::default() },
                not_before: 0,
            };
            edges.push((MemoryEdge::new(id, Origin::mint(&OsEntropy)), enrolled));
        }
        let memory = imported(&store, &access).await?;
        let dice = ChaCha8Rng::seed_from_u64(seed);
        let (keys, now) = (Vec::new(), SystemClock.now());
        Ok(Self { store, access, memory, edges, sites, keys, dice, now, compared: Compared::default() })
    }

    fn below(&mut self, limit: usize) -> usize {
        self.dice.random_range(0..limit)
    }

    async fn begin(&self) -> Result<SyncTx> {
        Ok(SyncTx::new(self.store.begin_frozen(&self.access).await?, self.now, 1))
    }

    async fn act(&mut self, made: usize) -> Result<()> {
        match self.below(12) {
            0..5 => {
                let at = self.below(3);
                let edits: Vec<Edit> =
                    (0..=self.below(2)).map(|nth| self.edit(at, made * 10 + nth)).collect();
                self.edges[at].0.edit(&edits);
                Ok(())
            }
            5..7 => self.edit_here(made).await,
            7 => self.settle().await,
            8 => self.collect().await,
            9 => self.expire().await,
            _ => {
                let at = self.below(3);
                self.talk(at).await
            }
        }
    }

    fn edit(&mut self, at: usize, made: usize) -> Edit {
        let key = if self.keys.is_empty() {
            None
        } else {
            Some(self.keys[self.dice.random_range(0..self.keys.len())])
        };
        let known = key.filter(|key| self.edges[at].0.record(Kind::Employee, *key).is_some());
        let (Some(key), true) = (known, self.below(10) > 2) else {
            let key = shared_model::id::uuid_v7(&SystemClock, &OsEntropy);
            self.keys.push(key);
            let site = self.edges[at].1.scope.sites[0];
            let fields = FieldMap::from([
                (FieldTag(1), json!(format!("E{made}"))),
                (NAME, json!("Name")),
                (SITE, json!(site)),
                (FieldTag(6), json!("worker")),
                (FieldTag(10), json!(true)),
            ]);
            return Edit { key: (Kind::Employee, key), op: Op::Create, saw: VersionVector::new(), fields };
        };
        let saw = self.edges[at].0.record(Kind::Employee, key).map(|record| record.vv).unwrap_or_default();
        let (op, fields) = match self.below(10) {
            0 => (Op::Delete, FieldMap::new()),
            1 => (Op::Restore, FieldMap::from([(NAME, json!(format!("R{made}")))])),
            // Refused: its edge may not put anybody there, or there is no such date.
            2 => (Op::Update, FieldMap::from([(SITE, json!(self.sites[made % 2]))])),
            3 => (Op::Update, FieldMap::from([(FieldTag(8), json!("2026-13-01"))])),
            _ => (Op::Update, FieldMap::from([(NAME, json!(format!("N{made}")))])),
        };
        Edit { key: (Kind::Employee, key), op, saw, fields }
    }

    /// A change of the cloud's own users, by somebody who has seen everything.
    async fn edit_here(&mut self, made: usize) -> Result<()> {
        let living = self
            .memory
            .records
            .iter()
            .filter(|((kind, _), record)| *kind == Kind::Employee && record.deleted.is_none());
        let living: Vec<Uuid> = living.map(|((_, key), _)| *key).collect();
        if living.is_empty() {
            return Ok(());
        }
        let key = living[self.below(living.len())];
        let saw = self.memory.records[&(Kind::Employee, key)].vv.clone();
        let fields = if self.below(3) == 0 {
            FieldMap::from([(SITE, json!(self.sites[self.below(2)]))])
        } else {
            FieldMap::from([(NAME, json!(format!("C{made}")))])
        };
        let mut tx = self.store.begin(&self.access).await?;
        own_change::update(&mut tx, Kind::Employee, key, fields.clone(), saw.clone(), author()).await?;
        tx.commit().await?;
        let edit = Edit { key: (Kind::Employee, key), op: Op::Update, saw, fields };
        self.memory.edit(&edit, ActorId::SYSTEM, None).context("the record is there")?;
        Ok(())
    }

    /// An override of a conflict over a value.
    async fn settle(&mut self) -> Result<()> {
        let mut tx = self.store.begin(&self.access).await?;
        let rows = conflict::waiting(&mut tx, 100).await?;
        let over_values = rows.iter().filter(|row| {
            row.slot.is_some()
                && !row.standing.is_empty()
                && !row.arriving.is_empty()
                && self.memory.records[&(Kind::Employee, row.key)].deleted.is_none()
        });
        let Some(row) = over_values.min_by_key(|row| row.id) else { return Ok(()) };
        let (choice, fields) = if self.dice.random_range(0..2) == 0 {
            (FieldRule::Standing, row.standing.clone())
        } else {
            (FieldRule::Arriving, row.arriving.clone())
        };
        own_change::settle(&mut tx, row.id, choice, author()).await?;
        tx.commit().await?;
        let mut saw = self.memory.records[&(Kind::Employee, row.key)].vv.clone();
        for dot in row.standing_dots.iter().chain(&row.arriving_dots) {
            saw.raise(*dot)?;
        }
        let edit = Edit { key: (Kind::Employee, row.key), op: Op::Update, saw, fields };
        self.memory.edit(&edit, ActorId::SYSTEM, Some(row.id)).context("the record is there")?;
        self.compared.settled += 1;
        Ok(())
    }

    async fn collect(&mut self) -> Result<()> {
        let head = usize::try_from(self.memory.company.feed_head)?;
        let oldest = i64::try_from(self.below(head + 1))?;
        let expected = collect(&mut self.memory, oldest).await?;
        let mut tx = self.begin().await?;
        assert_eq!(collect(&mut tx, oldest).await?, expected, "tombstones up to {oldest}");
        tx.commit().await?;
        self.compared.tombstones += expected;
        Ok(())
    }

    /// An edge that was silent for too long.
    async fn expire(&mut self) -> Result<()> {
        if self.below(4) > 0 {
            return Ok(());
        }
        let at = self.below(3);
        let origin = self.edges[at].0.look(|disk| disk.origin);
        for log in self.memory.logs.iter_mut().filter(|((of, _), _)| *of == origin) {
            log.1.expired = true;
        }
        let mut tx = self.store.begin(&self.access).await?;
        sqlx::query("UPDATE origin_state SET state = 'expired' WHERE origin = $1")
            .bind(origin.number())
            .execute(tx.connection())
            .await?;
        Ok(tx.commit().await?)
    }

    /// One edge says hello, pushes some of what it has and reads some of the feed; both clouds' answers must be alike.
    async fn talk(&mut self, at: usize) -> Result<()> {
        let about = About {
            app_version: "1".into(),
            schema_ver: 1,
            capabilities: Capabilities::of(&[Capabilities::PULL]),
        };
        let said = open(&self.edges[at].0, &about, Nonce::draw(&OsEntropy), &BTreeMap::new(), 0).await?;
        let enrolled = self.edges[at].1.clone();
        let expected = hello(&mut self.memory, &enrolled, &said, 0).await?;
        let mut tx = self.begin().await?;
        let reply = hello(&mut tx, &enrolled, &said, 0).await?;
        tx.commit().await?;
        assert_eq!(reply, expected);
        let next = answered_with_feed(&self.edges[at].0, &said, &reply, Origin::mint(&OsEntropy)).await?;
        let Next::Session(mut session) = next else { return Ok(()) };
        for _ in 0..self.below(4) {
            if !self.push(at, &mut session).await? {
                break;
            }
        }
        for _ in 0..self.below(8) {
            if !self.pull(at, &session).await? {
                break;
            }
        }
        Ok(())
    }

    async fn push(&mut self, at: usize, session: &mut Session) -> Result<bool> {
        let next = session.next_push(&self.edges[at].0, Stream::Records, 0).await?;
        let Some(out) = next else { return Ok(false) };
        let push = Push::parse(&out.body)?;
        let enrolled = self.edges[at].1.clone();
        let expected = push_all(&mut self.memory, &[(&enrolled, &push)], 0).await?;
        let mut tx = SyncTx::new(self.store.begin(&self.access).await?, self.now, 1);
        let replies = push_all(&mut tx, &[(&enrolled, &push)], 0).await?;
        tx.commit().await?;
        assert_eq!(replies, expected);
        out.taken(&self.edges[at].0, &replies[0]).await?;
        Ok(true)
    }

    async fn pull(&mut self, at: usize, session: &Session) -> Result<bool> {
        let Some(asked) = session.next_pull(&self.edges[at].0, 0).await? else { return Ok(false) };
        let enrolled = self.edges[at].1.clone();
        let mut tx = self.begin().await?;
        let body = match asked {
            Pull::Page(request) => {
                let expected = pull(&mut self.memory, &enrolled, &request, 0).await?;
                let answer = pull(&mut tx, &enrolled, &request, 0).await?;
                self.same(&answer, &expected)?;
                answer.body()?
            }
            Pull::Snapshot(request) => {
                let expected = snapshot(&mut self.memory, &enrolled, &request, 0).await?;
                let answer = snapshot(&mut tx, &enrolled, &request, 0).await?;
                // PostgreSQL leaves out what is not for the edge, so its pages reach further.
                self.snapshots_go_on(&answer, &expected)?;
                answer.body()?
            }
        };
        tx.commit().await?;
        let after = session.pulled(&self.edges[at].0, &asked, &body).await??;
        Ok(after == AfterPull::More)
    }

    fn same<H: PartialEq + std::fmt::Debug>(&mut self, ours: &Answer<H>, expected: &Answer<H>) -> Result<()> {
        assert_eq!(ours.head, expected.head);
        let (ours, expected) = (items(&ours.lines)?, items(&expected.lines)?);
        assert_eq!(ours, expected);
        for item in &ours {
            *self.compared.items.entry(sort(item)).or_default() += 1;
        }
        Ok(())
    }

    fn snapshots_go_on<H: PartialEq + std::fmt::Debug>(
        &mut self,
        ours: &Answer<H>,
        expected: &Answer<H>,
    ) -> Result<()> {
        let (ours, expected) = (items(&ours.lines)?, items(&expected.lines)?);
        assert!(expected.iter().zip(&ours).all(|(theirs, ours)| theirs == ours), "{ours:?} {expected:?}");
        assert!(ours.len() >= expected.len());
        self.compared.snapshots += ours.len();
        Ok(())
    }

    /// Everything that both hold in the end is the same, and so is what a whole snapshot hands out.
    async fn compare(&mut self) -> Result<()> {
        let mut tx = self.begin().await?;
        assert_eq!(tx.company().await?, self.memory.company);
        let head = self.memory.company.feed_head;
        let rows = tx.feed(0, head, 100_000).await?;
        let expected = self.memory.feed(0, head, 100_000).await?;
        assert_eq!(rows.len(), expected.len());
        for (ours, theirs) in rows.into_iter().zip(expected) {
            assert_eq!(plain(ours), plain(theirs));
        }
        assert_eq!(tx.acks().await?, self.memory.acks().await?);
        let mut logged = tx;
        for key in &self.keys {
            let ours = record::one(logged.tenant(), Kind::Employee, *key).await?;
            assert_eq!(ours.as_ref(), self.memory.records.get(&(Kind::Employee, *key)), "{key}");
        }
        Ok(())
    }
}

/// The protocol's store as PostgreSQL is after the company was founded.
async fn imported(store: &Store, access: &CompanyAccess) -> Result<MemoryCloud> {
    let mut memory = MemoryCloud::new();
    let mut tx = SyncTx::new(store.begin(access).await?, SystemClock.now(), 1);
    memory.company = tx.company().await?;
    for row in tx.feed(0, memory.company.feed_head, 1000).await? {
        let FeedRow::Record(key, record) = row else { anyhow::bail!("only records so far") };
        memory.at.insert(record.fseq, key);
        memory.records.insert(key, *record);
    }
    let (origin, seq): (i64, i64) = sqlx::query_as(
        "SELECT h.cloud_origin, o.applied_seq FROM feed_head h
         JOIN origin_state o ON o.origin = h.cloud_origin AND o.stream = 'R'",
    )
    .fetch_one(tx.tenant().connection())
    .await?;
    memory.own = Some(Dot::new(Origin::from_number(origin).context("an origin")?, seq));
    Ok(memory)
}

/// Details are words for people, which each store finds for itself.
fn without_words(notice: FeedNotice) -> FeedNotice {
    FeedNotice { detail: String::new(), ..notice }
}

fn plain(row: FeedRow) -> FeedRow {
    match row {
        FeedRow::Notice(edge, notice) => FeedRow::Notice(edge, without_words(notice)),
        other @ (FeedRow::Record(..)
        | FeedRow::Foreign(..)
        | FeedRow::Left(_)
        | FeedRow::Conflict(_)
        | FeedRow::Punch(..)) => other,
    }
}

fn items(lines: &[u8]) -> Result<Vec<FeedItem>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let item = |line| {
        Ok(match FeedItem::parse(line)? {
            FeedItem::Quarantine(notice) => FeedItem::Quarantine(without_words(notice)),
            other
            @ (FeedItem::Record(_) | FeedItem::Left(_) | FeedItem::Conflict(_) | FeedItem::Punch(_)) => other,
        })
    };
    lines.map(item).collect()
}

const fn sort(item: &FeedItem) -> &'static str {
    match item {
        FeedItem::Record(_) => "record",
        FeedItem::Left(_) => "left",
        FeedItem::Conflict(_) => "conflict",
        FeedItem::Quarantine(_) => "quarantine",
        FeedItem::Punch(_) => "punch",
    }
}

#[tokio::test]
async fn postgresql_hands_out_what_memory_hands_out() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    let mut all = Compared::default();
    for seed in 0..16 {
        let mut pair = Pair::new(store.clone(), seed).await?;
        for made in 0..120 {
            pair.act(made).await.with_context(|| format!("seed {seed}, act {made}"))?;
        }
        pair.compare().await.with_context(|| format!("seed {seed}"))?;
        for (sort, count) in pair.compared.items {
            *all.items.entry(sort).or_default() += count;
        }
        all.snapshots += pair.compared.snapshots;
        all.tombstones += pair.compared.tombstones;
        all.settled += pair.compared.settled;
    }
    let seen: Vec<&str> = all.items.keys().copied().collect();
    assert_eq!(seen, ["conflict", "left", "quarantine", "record"], "{all:?}");
    assert!(all.snapshots > 20 && all.tombstones > 0 && all.settled > 0, "{all:?}");
    Ok(())
}
