//! The cloud's store on PostgreSQL beside the protocol's store in memory: the same hellos and pushes, the same answers, the
//! same state. Each run follows from its seed.

#![expect(clippy::unwrap_used, reason = "values made for the test")]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::edge::Applicant;
use cloud_server::store::{CompanyAccess, Store, SyncTx, company, edge, record};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use shared_model::punch::Reading;
use shared_model::text::{Code, Name};
use shared_model::{
    Clock as _, ClockSerial, CompanyId, EdgeId, FieldMap, FieldTag, Kind, Punch, PunchId, RawTime, Route,
    SiteId, UserCode,
};
use sync_protocol::cloud::{CloudStore as _, Enrolled, Push, hello, push_all};
use sync_protocol::edge::{About, Next, Session, answered, open};
use sync_protocol::memory::{Edit, MemoryCloud, MemoryEdge};
use sync_protocol::message::{Capabilities, HelloReply, Nonce, PushReply, Scope};
use sync_protocol::{LedgerEntry, Limits, Observation, Op, Origin, Record, Stream, VersionVector};
use system_tests::cloud_http::author;
use system_tests::postgres::TestDatabase;
use uuid::Uuid;

/// Both clouds, and edges that talk to both at once.
struct Pair {
    store: Store,
    access: CompanyAccess,
    memory: MemoryCloud,
    edges: Vec<(MemoryEdge, Enrolled)>,
    site: SiteId,
    keys: Vec<Uuid>,
    dice: ChaCha8Rng,
    now: DateTime<Utc>,
}

impl Pair {
    async fn new(store: Store, seed: u64) -> Result<Self> {
        let company = CompanyId::mint(&SystemClock, &OsEntropy);
        store.add_company(company, &Name::parse("K")?, &Code::parse("en")?, author(), &OsEntropy).await?;
        let access = CompanyAccess::of_system(company);
        let site = SiteId::mint(&SystemClock, &OsEntropy);
        let mut tx = store.begin(&access).await?;
        company::add_site(
            &mut tx,
            site,
            &Name::parse("F")?,
            &Code::parse("F")?,
            chrono_tz::Tz::UTC,
            author(),
        )
        .await?;
        tx.commit().await?;
        let mut edges = Vec::new();
        for nth in 0..3 {
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
                limits: Limits { batch_rows: 7, ..Limits::default() },
                not_before: 0,
            };
            edges.push((MemoryEdge::new(id, Origin::mint(&OsEntropy)), enrolled));
        }
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            store,
            access,
            memory: MemoryCloud::new(),
            edges,
            site,
            keys: Vec::new(),
            dice,
            now: SystemClock.now(),
        })
    }

    fn below(&mut self, limit: usize) -> usize {
        self.dice.random_range(0..limit)
    }

    fn act(&mut self, made: usize) {
        let at = self.below(3);
        match self.below(4) {
            0 | 1 => {
                let entry = self.entry();
                self.edges[at].0.collect(entry);
            }
            _ => {
                let edits = (0..=self.below(2)).map(|nth| self.edit(at, made * 10 + nth)).collect::<Vec<_>>();
                self.edges[at].0.edit(&edits);
            }
        }
    }

    fn entry(&mut self) -> LedgerEntry {
        let serial = ClockSerial::parse("CLOCK1").unwrap();
        let user_code = UserCode::parse(&self.below(20).to_string()).unwrap();
        let seconds = 1_795_000_000 + i64::try_from(self.below(30)).unwrap();
        let raw_time = RawTime::from_seconds(seconds).unwrap();
        let id = PunchId::of_clock(&serial, &user_code, raw_time);
        let at = DateTime::from_timestamp(seconds, 0).unwrap();
        let reading = Reading { state: Some(0), verify: None, work_code: "".into() };
        if self.below(6) == 0 {
            let (route, received_at) = (Route::Push, at);
            return LedgerEntry::Observation(Observation {
                punch: id,
                serial,
                user_code,
                raw_time,
                route,
                reading,
                received_at,
            });
        }
        LedgerEntry::Punch(Punch {
            id,
            serial,
            user_code,
            raw_time,
            zone: chrono_tz::Tz::UTC,
            instant: at,
            reading,
            route: Route::Pull,
            received_at: at,
            raw: Box::default(),
        })
    }

    fn edit(&mut self, at: usize, made: usize) -> Edit {
        if self.keys.is_empty() || self.below(10) < 3 {
            let key = shared_model::id::uuid_v7(&SystemClock, &OsEntropy);
            self.keys.push(key);
            // One in ten lacks its name, and is refused with its whole transaction.
            let mut fields = FieldMap::from([
                (FieldTag(1), json!(format!("E{made}"))),
                (FieldTag(3), json!(self.site)),
                (FieldTag(6), json!("worker")),
                (FieldTag(10), json!(true)),
            ]);
            if self.below(10) > 0 {
                fields.insert(FieldTag(2), json!("Name"));
            }
            return Edit { key: (Kind::Employee, key), op: Op::Create, saw: VersionVector::new(), fields };
        }
        let key = self.keys[self.dice.random_range(0..self.keys.len())];
        let saw = self.edges[at].0.record(Kind::Employee, key).map(|record| record.vv).unwrap_or_default();
        let (op, fields) = match self.below(12) {
            0 => (Op::Delete, FieldMap::new()),
            1 => (Op::Restore, FieldMap::from([(FieldTag(2), json!(format!("R{made}")))])),
            2 => (Op::Update, FieldMap::from([(FieldTag(8), json!("2026-13-01"))])),
            3 => (Op::Update, FieldMap::from([(FieldTag(8), json!("2026-11-01"))])),
            4 => (Op::Update, FieldMap::from([(FieldTag(500), json!({"x": made}))])),
            _ => (Op::Update, FieldMap::from([(FieldTag(2), json!(format!("N{made}")))])),
        };
        Edit { key: (Kind::Employee, key), op, saw, fields }
    }

    /// One edge says hello and pushes some of what it has, to both clouds; their answers must be alike.
    async fn talk(&mut self, at: usize) -> Result<()> {
        let about = About { app_version: "1".into(), schema_ver: 1, capabilities: Capabilities::default() };
        let said = open(&self.edges[at].0, &about, Nonce::draw(&OsEntropy), &BTreeMap::new(), 0).await?;
        let enrolled = self.edges[at].1.clone();
        let oracle = hello(&mut self.memory, &enrolled, &said, 0).await?;
        let mut tx = SyncTx::new(self.store.begin(&self.access).await?, self.now, 1);
        let reply = hello(&mut tx, &enrolled, &said, 0).await?;
        tx.commit().await?;
        assert_eq!(without_feed(reply.clone()), without_feed(oracle));
        let session = answered(&self.edges[at].0, &said, &reply, Origin::mint(&OsEntropy)).await?;
        let Next::Session(mut session) = session else { return Ok(()) };
        for stream in Stream::ALL {
            for _ in 0..self.below(4) {
                if !self.push(at, &mut session, stream).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn push(&mut self, at: usize, session: &mut Session, stream: Stream) -> Result<bool> {
        let Some(out) = session.next_push(&self.edges[at].0, stream, 0).await? else { return Ok(false) };
        let push = Push::parse(&out.body)?;
        let enrolled = self.edges[at].1.clone();
        let oracle = push_all(&mut self.memory, &[(&enrolled, &push)], 0).await?;
        // Sometimes the request comes twice, or its first transaction is lost.
        let times = 1 + self.below(2);
        let mut reply = None;
        for _ in 0..times {
            if self.below(5) == 0 {
                let mut lost = SyncTx::new(self.store.begin(&self.access).await?, self.now, 1);
                push_all(&mut lost, &[(&enrolled, &push)], 0).await?;
                drop(lost);
            }
            let mut tx = SyncTx::new(self.store.begin(&self.access).await?, self.now, 1);
            reply = push_all(&mut tx, &[(&enrolled, &push)], 0).await?.pop();
            tx.commit().await?;
            assert_eq!(reply.map(applied), oracle.first().copied().map(applied));
        }
        out.taken(&self.edges[at].0, &reply.context("one answer")?).await?;
        Ok(true)
    }

    /// Everything that was delivered is the same on both.
    async fn compare(&mut self) -> Result<usize> {
        let mut tx = self.store.begin(&self.access).await?;
        let ids: Vec<Uuid> =
            sqlx::query_scalar("SELECT punch_id FROM ledger").fetch_all(tx.connection()).await?;
        let ids: BTreeSet<PunchId> = ids.into_iter().map(PunchId::from_uuid).collect();
        assert_eq!(ids, self.memory.ledger.keys().copied().collect());
        let seen: i64 =
            sqlx::query_scalar("SELECT count(*) FROM observation").fetch_one(tx.connection()).await?;
        let distinct: BTreeSet<_> = self.memory.observations.iter().map(|o| (o.punch, o.route)).collect();
        assert_eq!(usize::try_from(seen)?, distinct.len());
        let unplaced = |record: &Record| Record { fseq: 0, ..record.clone() };
        let mut kept = 0;
        for key in &self.keys {
            let ours = record::one(&mut tx, Kind::Employee, *key).await?;
            let theirs = self.memory.records.get(&(Kind::Employee, *key));
            assert_eq!(ours.as_ref().map(unplaced), theirs.map(unplaced), "{key}");
            kept += usize::from(ours.is_some());
        }
        let conflicts: Vec<Uuid> =
            sqlx::query_scalar("SELECT conflict_id FROM conflict").fetch_all(tx.connection()).await?;
        let conflicts: BTreeSet<Uuid> = conflicts.into_iter().collect();
        assert_eq!(conflicts, self.memory.conflicts.keys().map(|id| id.uuid()).collect());
        let aside: Vec<(i64, String, i64, String)> =
            sqlx::query_as("SELECT origin, stream, seq, code FROM quarantine")
                .fetch_all(tx.connection())
                .await?;
        let aside: BTreeSet<_> = aside.into_iter().collect();
        let kept_aside = |row: &sync_protocol::cloud::Quarantined| {
            (row.origin.number(), row.stream.to_string(), row.seq, row.poison.code.to_owned())
        };
        assert_eq!(aside, self.memory.aside.iter().map(kept_aside).collect());
        let places: Vec<i64> = sqlx::query_scalar(
            "SELECT fseq FROM rec_employee UNION ALL SELECT fseq FROM rec_company UNION ALL SELECT fseq FROM rec_site
             UNION ALL SELECT fseq FROM feed_side ORDER BY 1",
        )
        .fetch_all(tx.connection())
        .await?;
        assert_eq!(
            places.iter().collect::<BTreeSet<_>>().len(),
            places.len(),
            "no place of the feed is given twice"
        );
        cloud_server::store::audit::verify(&mut tx).await?;
        let mut tx = SyncTx::new(tx, self.now, 1);
        for (log, state) in self.memory.logs.clone() {
            let ours = tx.logs(&[log]).await?.pop().flatten().context("the log is known")?;
            assert_eq!((ours.applied, ours.chain, ours.lease), (state.applied, state.chain, state.lease));
        }
        Ok(kept + ids.len())
    }
}

/// The two stores number their feeds differently.
fn without_feed(reply: HelloReply) -> HelloReply {
    HelloReply { feed_head: 0, ..reply }
}

fn applied(reply: PushReply) -> PushReply {
    match reply {
        PushReply::Ok { applied, durable, .. } => {
            PushReply::Ok { applied, durable, feed_head: 0, server_time: 0 }
        }
        other @ (PushReply::Gap { .. } | PushReply::Hello) => other,
    }
}

#[tokio::test]
async fn postgresql_holds_what_memory_holds() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    let mut compared = 0;
    for seed in 0..12 {
        let mut pair = Pair::new(store.clone(), seed).await?;
        for made in 0..60 {
            pair.act(made);
            if made % 5 == 4 {
                let at = pair.below(3);
                pair.talk(at).await.with_context(|| format!("seed {seed}"))?;
            }
        }
        compared += pair.compare().await.with_context(|| format!("seed {seed}"))?;
    }
    assert!(compared > 100, "{compared} rows were compared");
    Ok(())
}
