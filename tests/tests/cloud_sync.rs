//! The edges' endpoints over HTTP against a real PostgreSQL: what is believed, what is applied, what is kept aside.

#![expect(clippy::unwrap_used, reason = "values made for the test")]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::attendance::intake;
use cloud_server::store::{CompanyAccess, audit, edge, quarantine, recompute, tally};
use serde_json::{Value, json};
use shared_model::punch::Reading;
use shared_model::{
    Clock as _, ClockSerial, Entropy as _, FieldMap, FieldTag, Kind, Punch, PunchId, RawTime, Route, UserCode,
};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use sync_protocol::edge::{About, After, Next, Session, Stop, answered, open};
use sync_protocol::memory::{Edit, MemoryEdge};
use sync_protocol::message::{self, Capabilities, HelloReply, Nonce, PushReply, RefusalCode};
use sync_protocol::{LedgerEntry, Observation, Op, Origin, Stream, VersionVector, Watermark, sign};
use system_tests::cloud_http::{CloudHttp, EdgeKey, Factory, author};
use uuid::Uuid;

/// An enrolled edge with its disk.
struct Edge {
    key: EdgeKey,
    disk: MemoryEdge,
}

impl Edge {
    async fn enrolled(cloud: &CloudHttp, factory: Factory) -> Result<Self> {
        let key = cloud.enrol(factory).await?;
        let id = key.id.context("enrolled")?;
        Ok(Self { key, disk: MemoryEdge::new(id, Origin::mint(&OsEntropy)) })
    }

    async fn hello(&self, cloud: &CloudHttp) -> Result<Next> {
        let about =
            About { app_version: "0.1.0".into(), schema_ver: 1, capabilities: Capabilities::default() };
        let nonce = Nonce::draw(&OsEntropy);
        let said = open(&self.disk, &about, nonce, &BTreeMap::new(), 0).await?;
        let (status, reply) = cloud.post_message::<_, HelloReply>(&self.key, message::HELLO, &said).await?;
        assert_eq!(status, 200);
        Ok(answered(&self.disk, &said, &reply.context("an answer")?, Origin::mint(&OsEntropy)).await?)
    }

    async fn session(&self, cloud: &CloudHttp) -> Result<Session> {
        loop {
            match self.hello(cloud).await? {
                Next::Session(session) => return Ok(*session),
                Next::Forked { .. } => {}
                other @ (Next::Again(_) | Next::Stop(_)) => anyhow::bail!("no session: {other:?}"),
            }
        }
    }

    /// Says hello and pushes everything.
    async fn sync(&self, cloud: &CloudHttp) -> Result<()> {
        let mut session = self.session(cloud).await?;
        for stream in Stream::ALL {
            while let Some(push) = session.next_push(&self.disk, stream, 0).await? {
                let (status, reply) = cloud.post(&self.key, message::PUSH, push.body.clone()).await?;
                assert_eq!(status, 200);
                let after = push.taken(&self.disk, &reply.context("an answer")?).await?;
                assert_eq!(after, After::Continue);
            }
        }
        assert!(self.disk.image().is_sent());
        Ok(())
    }

    fn edit(&self, op: Op, kind: Kind, key: Uuid, saw: VersionVector, fields: FieldMap) {
        self.disk.edit(&[Edit { key: (kind, key), op, saw, fields }]);
    }
}

fn punch(code: u32, seconds: i64) -> Punch {
    let serial = ClockSerial::parse("CLOCK1").unwrap();
    let user_code = UserCode::parse(&code.to_string()).unwrap();
    let raw_time = RawTime::from_seconds(1_795_000_000 + seconds).unwrap();
    let instant = DateTime::from_timestamp(1_794_978_400 + seconds, 0).unwrap();
    Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: Tz::Asia__Dhaka,
        instant,
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: instant,
        raw: Box::default(),
    }
}

fn employee(code: &str, factory: Factory) -> FieldMap {
    let values = [
        (1, json!(code)),
        (2, json!("রহিমা খাতুন")),
        (3, json!(factory.site)),
        (6, json!("worker")),
        (8, json!("2024-01-15")),
        (10, json!(true)),
    ];
    values.into_iter().map(|(tag, value)| (FieldTag(tag), value)).collect()
}

fn new_key() -> Uuid {
    shared_model::id::uuid_v7(&SystemClock, &OsEntropy)
}

async fn database(cloud: &CloudHttp) -> Result<PgConnection> {
    Ok(PgConnection::connect_with(&cloud.database.superuser()).await?)
}

async fn count(cloud: &CloudHttp, table: &'static str) -> Result<i64> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    Ok(sqlx::query_scalar(sql).fetch_one(&mut database(cloud).await?).await?)
}

/// Places of ledger streams that hold a punch.
async fn logged(cloud: &CloudHttp) -> Result<i64> {
    let sql = "SELECT coalesce(sum(cardinality(punch_ids)), 0)::bigint FROM ledger_log";
    Ok(sqlx::query_scalar(sql).fetch_one(&mut database(cloud).await?).await?)
}

#[tokio::test]
async fn punches_arrive_exactly_once_however_often_they_are_sent() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    for nth in 0..2500 {
        edge.disk.collect(LedgerEntry::Punch(punch(nth % 90, i64::from(nth) * 7)));
    }
    edge.sync(&cloud).await?;

    let sent: BTreeSet<PunchId> = edge.disk.image().ledger.into_keys().collect();
    type Row = (Uuid, String, String, DateTime<Utc>, Option<i16>, String);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT punch_id, serial, user_code, instant, state, zone FROM ledger ORDER BY punch_id",
    )
    .fetch_all(&mut database(&cloud).await?)
    .await?;
    assert_eq!(rows.iter().map(|row| PunchId::from_uuid(row.0)).collect::<BTreeSet<_>>(), sent);
    let first = punch(0, 0);
    let (id, serial, code, instant, state, zone) = rows[0].clone();
    assert_eq!((id, serial.as_str(), code.as_str()), (first.id.uuid(), "CLOCK1", "0"));
    assert_eq!((instant, state, zone.as_str()), (first.instant, Some(0), "Asia/Dhaka"));

    // The same log again from a second enrolment of the same clocks: other places, the same punches.
    let second = Edge::enrolled(&cloud, factory).await?;
    for nth in 0..2500 {
        second.disk.collect(LedgerEntry::Punch(punch(nth % 90, i64::from(nth) * 7)));
    }
    second.sync(&cloud).await?;
    assert_eq!(count(&cloud, "ledger").await?, 2500);
    assert_eq!(logged(&cloud).await?, 5000);
    assert_eq!(count(&cloud, "observation").await?, 0);

    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let clocks = tally::by_clock(&mut tx).await?;
    assert_eq!(
        clocks.iter().map(|clock| (clock.serial.as_str(), clock.punches)).collect::<Vec<_>>(),
        [("CLOCK1", 2500)]
    );
    let asked = recompute::waiting(&mut tx, 1000).await?;
    let punches = intake::punches_of_entries(&mut tx, &asked.entries).await?;
    assert_eq!(
        punches.iter().map(|punch| punch.id).collect::<BTreeSet<_>>(),
        sent,
        "each punch is asked for"
    );
    recompute::done(&mut tx, &asked.entries).await?;
    assert_eq!(recompute::waiting(&mut tx, 1000).await?, recompute::Asked::default());
    Ok(())
}

#[tokio::test]
async fn a_batch_of_several_clocks_with_some_repeats_is_counted_exactly() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let at_gate = |nth: u32| {
        let serial = ClockSerial::parse(if nth.is_multiple_of(3) { "GATE" } else { "CLOCK1" }).unwrap();
        let punch = punch(nth, i64::from(nth));
        let id = PunchId::of_clock(&serial, &punch.user_code, punch.raw_time);
        Punch { id, serial, ..punch }
    };
    // All new; then some known, in the middle; then all new again.
    for numbers in [0..600, 300..1200, 1200..2000] {
        let edge = Edge::enrolled(&cloud, factory).await?;
        numbers.for_each(|nth| edge.disk.collect(LedgerEntry::Punch(at_gate(nth))));
        edge.sync(&cloud).await?;
    }

    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let tallied = tally::by_clock(&mut tx).await?;
    let tallied: Vec<_> =
        tallied.iter().map(|clock| (clock.serial.as_str(), clock.punches, clock.last_instant)).collect();
    assert_eq!(tallied, [("CLOCK1", 1333, at_gate(1999).instant), ("GATE", 667, at_gate(1998).instant)]);
    let counted: Vec<(String, i64, DateTime<Utc>)> = sqlx::query_as(
        "SELECT serial, count(*), max(instant) FROM ledger WHERE zone = 'Asia/Dhaka' AND work_code = ''
         GROUP BY serial ORDER BY serial",
    )
    .fetch_all(tx.connection())
    .await?;
    assert_eq!(counted.iter().map(|(serial, n, at)| (serial.as_str(), *n, *at)).collect::<Vec<_>>(), tallied);
    Ok(())
}

#[tokio::test]
async fn pushes_that_come_at_once_are_taken_in_the_order_of_the_log() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    for nth in 0..3500 {
        edge.disk.collect(LedgerEntry::Punch(punch(nth % 90, i64::from(nth) * 7)));
    }
    let mut session = edge.session(&cloud).await?;
    let mut pushes = Vec::new();
    while let Some(push) = session.next_push(&edge.disk, Stream::Ledger, 0).await? {
        pushes.push(push);
    }
    let send = |nth: usize| cloud.post::<PushReply>(&edge.key, message::PUSH, pushes[nth].body.clone());
    // The last ones first, so that some overtake others.
    let (d, c, b, a) = tokio::try_join!(send(3), send(2), send(1), send(0))?;
    for (nth, (status, reply)) in [a, b, c, d].into_iter().enumerate() {
        let mut reply = reply.context("an answer")?;
        if let PushReply::Gap { .. } = reply {
            assert_eq!(status, 409);
            reply = send(nth).await?.1.context("an answer")?;
        }
        assert_eq!(pushes[nth].taken(&edge.disk, &reply).await?, After::Continue, "{reply:?}");
    }
    assert!(edge.disk.image().is_sent());
    assert_eq!((count(&cloud, "ledger").await?, logged(&cloud).await?), (3500, 3500));
    Ok(())
}

#[tokio::test]
async fn a_repeated_push_changes_nothing_and_a_gap_is_refused() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    (0..10).for_each(|nth| edge.disk.collect(LedgerEntry::Punch(punch(1, nth))));
    let mut session = edge.session(&cloud).await?;
    let first = session.next_push(&edge.disk, Stream::Ledger, 0).await?.context("rows")?;
    (10..20).for_each(|nth| edge.disk.collect(LedgerEntry::Punch(punch(1, nth))));
    let second = session.next_push(&edge.disk, Stream::Ledger, 0).await?.context("rows")?;

    let post = async |body: &[u8]| cloud.post::<PushReply>(&edge.key, message::PUSH, body.to_vec()).await;
    assert_eq!(post(&second.body).await?, (409, Some(PushReply::Gap { applied: 0 })));
    let applied = |reply: (u16, Option<PushReply>)| match reply {
        (200, Some(PushReply::Ok { applied, durable, .. })) => (applied, durable),
        other => panic!("{other:?}"),
    };
    assert_eq!(applied(post(&first.body).await?), (10, 10));
    assert_eq!(applied(post(&first.body).await?), (10, 10));
    assert_eq!(applied(post(&second.body).await?), (20, 20));
    assert_eq!(applied(post(&first.body).await?), (20, 20));
    assert_eq!(count(&cloud, "ledger").await?, 20);
    assert_eq!(logged(&cloud).await?, 20);

    // A newer session fences the older one.
    edge.session(&cloud).await?;
    assert_eq!(post(&first.body).await?, (409, Some(PushReply::Hello)));
    Ok(())
}

#[tokio::test]
async fn other_readings_and_watermarks_travel_with_the_punches() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    let one = punch(1, 0);
    let mark = |through: i64| Watermark {
        serial: one.serial.clone(),
        position: through,
        raw_time: Some(one.raw_time),
        through: DateTime::from_timestamp(1_795_000_000 + through, 0).unwrap(),
        observed_at: one.received_at,
    };
    edge.disk.collect(LedgerEntry::Punch(one.clone()));
    edge.disk.collect(LedgerEntry::Observation(Observation {
        punch: one.id,
        serial: one.serial.clone(),
        user_code: one.user_code.clone(),
        raw_time: one.raw_time,
        route: Route::Push,
        reading: Reading { state: None, verify: Some(15), work_code: "7".into() },
        received_at: one.received_at,
    }));
    for through in [100, 300, 200] {
        edge.disk.collect(LedgerEntry::Watermark(mark(through)));
    }
    edge.sync(&cloud).await?;
    let mut connection = database(&cloud).await?;
    let seen: Vec<(i16, i16, i16, String)> =
        sqlx::query_as("SELECT route, state, verify, work_code FROM observation")
            .fetch_all(&mut connection)
            .await?;
    assert_eq!(seen, [(2, -1, 15, "7".to_owned())]);
    let read: Vec<(i64, DateTime<Utc>)> =
        sqlx::query_as("SELECT position, through FROM watermark").fetch_all(&mut connection).await?;
    assert_eq!(read, [(300, mark(300).through)], "the furthest counts");

    // Another edge read the same punch by another route: the ledger keeps the first reading, the other is not lost.
    let second = Edge::enrolled(&cloud, factory).await?;
    let reading = Reading { state: Some(1), verify: Some(4), work_code: "".into() };
    second.disk.collect(LedgerEntry::Punch(Punch { reading, route: Route::Push, ..one }));
    second.sync(&cloud).await?;
    let seen: i64 = count(&cloud, "observation").await?;
    assert_eq!((count(&cloud, "ledger").await?, seen), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_code_enrols_one_key_once_and_in_time() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let code = cloud.code(factory).await?;
    let (ours, theirs) = (EdgeKey::new(), EdgeKey::new());
    let (status, reply) = cloud.try_enrol(&ours, &code.to_lowercase()).await?;
    let reply = reply.context("enrolled")?;
    assert_eq!((status, reply.company_id, &reply.sites), (200, factory.company, &vec![factory.site]));
    assert_eq!(reply.records.len(), 2, "the company's and the site's record");
    let (status, again) = cloud.try_enrol(&ours, &code).await?;
    assert_eq!(
        (status, again.map(|again| again.edge_id)),
        (200, Some(reply.edge_id)),
        "a lost answer is repeated"
    );
    assert_eq!(cloud.try_enrol(&theirs, &code).await?.0, 403, "another key gets nothing from a used code");

    let old = cloud.code(factory).await?;
    sqlx::raw_sql("UPDATE enrolment_code SET expires_at = now() WHERE used_at IS NULL")
        .execute(&mut database(&cloud).await?)
        .await?;
    assert_eq!(cloud.try_enrol(&theirs, &old).await?.0, 403);
    assert_eq!(cloud.try_enrol(&theirs, "not a code").await?.0, 403);
    assert_eq!(count(&cloud, "edge").await?, 1);
    Ok(())
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let key = EdgeKey::new();
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(cloud.try_enrol(&key, "0000-0000-0000-0000").await?.0);
    }
    assert_eq!(answers[..5], [403; 5]);
    assert_eq!(answers[7], 429);
    Ok(())
}

#[tokio::test]
async fn only_the_edges_own_signature_is_believed() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    edge.disk.collect(LedgerEntry::Punch(punch(1, 1)));
    let mut session = edge.session(&cloud).await?;
    let push = session.next_push(&edge.disk, Stream::Ledger, 0).await?.context("rows")?;
    let id = edge.key.id;
    let now = SystemClock.now().timestamp_millis();
    let sign = |key: &EdgeKey, time_ms, body: &[u8]| {
        sign::Request { method: "POST", path_and_query: message::PUSH, edge: id, time_ms, body }
            .sign(&key.key)
    };
    let good = sign(&edge.key, now, &push.body);
    let code = |answer: &[u8]| -> Value { serde_json::from_slice::<Value>(answer).unwrap()["error"].clone() };
    let mut forged = push.body.clone();
    forged.push(0);
    for (edge_id, time, signature, body, expected) in [
        (id, now, sign(&EdgeKey::new(), now, &push.body), &push.body, RefusalCode::Signature),
        (id, now, good.clone(), &forged, RefusalCode::Signature),
        (id, now, String::new(), &push.body, RefusalCode::Signature),
        (None, now, good.clone(), &push.body, RefusalCode::Signature),
        (
            Some(shared_model::EdgeId::from_uuid(new_key())),
            now,
            good.clone(),
            &push.body,
            RefusalCode::Signature,
        ),
        (id, now - 600_000, sign(&edge.key, now - 600_000, &push.body), &push.body, RefusalCode::Time),
    ] {
        let (status, answer) = cloud.post_raw(message::PUSH, edge_id, time, &signature, body.clone()).await?;
        assert_eq!((status, code(&answer)), (401, json!(expected)), "{expected:?}");
    }
    assert_eq!(count(&cloud, "ledger").await?, 0);
    let (status, _) = cloud.post_raw(message::PUSH, id, now, &good, push.body.clone()).await?;
    assert_eq!((status, count(&cloud, "ledger").await?), (200, 1));
    Ok(())
}

#[tokio::test]
async fn bodies_are_bounded_and_must_be_readable() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    let post = async |body: Vec<u8>| {
        Ok::<_, anyhow::Error>(cloud.post::<Value>(&edge.key, message::PUSH, body).await?.0)
    };
    let mut noise = vec![0; 300 * 1024];
    OsEntropy.fill(&mut noise);
    assert_eq!(post(noise.clone()).await?, 413);
    assert_eq!(post(noise[..1000].to_vec()).await?, 400);
    assert_eq!(post(Vec::new()).await?, 400);
    let bomb =
        sync_protocol::compress::compress(&vec![b'x'; 64 << 20], sync_protocol::compress::Effort::Usual)?;
    assert_eq!(post(bomb).await?, 400);
    assert_eq!(count(&cloud, "ledger").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_retired_edge_is_told_so_and_nothing_is_taken_from_it() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    edge.disk.collect(LedgerEntry::Punch(punch(1, 1)));
    let mut session = edge.session(&cloud).await?;
    let push = session.next_push(&edge.disk, Stream::Ledger, 0).await?.context("rows")?;
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    assert!(edge::retire(&mut tx, edge.key.id.context("enrolled")?, author()).await?);
    tx.commit().await?;
    let (status, reply) = cloud.post::<PushReply>(&edge.key, message::PUSH, push.body).await?;
    assert_eq!((status, reply), (409, Some(PushReply::Hello)));
    assert!(matches!(edge.hello(&cloud).await?, Next::Stop(Stop::Retired)));
    assert_eq!(count(&cloud, "ledger").await?, 0);
    Ok(())
}

#[tokio::test]
async fn companies_do_not_meet_even_over_the_same_clock() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (ours, theirs) =
        (cloud.factory("Karnaphuli Garments").await?, cloud.factory("Meghna Textiles").await?);
    let (a, b) = (Edge::enrolled(&cloud, ours).await?, Edge::enrolled(&cloud, theirs).await?);
    for edge in [&a, &b] {
        (0..20).for_each(|nth| edge.disk.collect(LedgerEntry::Punch(punch(1, nth))));
    }
    let key = new_key();
    a.edit(Op::Create, Kind::Employee, key, VersionVector::new(), employee("E-1", ours));
    b.edit(Op::Create, Kind::Employee, key, VersionVector::new(), employee("E-1", theirs));
    a.sync(&cloud).await?;
    b.sync(&cloud).await?;
    assert_eq!(count(&cloud, "ledger").await?, 40, "the same punch is each company's own");
    for factory in [ours, theirs] {
        let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
        let (punches, people): (i64, i64) =
            sqlx::query_as("SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM rec_employee)")
                .fetch_one(tx.connection())
                .await?;
        assert_eq!((punches, people), (20, 1));
        assert_eq!(quarantine::open_count(&mut tx).await?, 0);
    }

    // An edge that names another edge's origin learns nothing of its log and touches nothing of it.
    let thief = Edge::enrolled(&cloud, ours).await?;
    let thief =
        Edge { disk: MemoryEdge::new(thief.key.id.context("enrolled")?, a.disk.image().origin), ..thief };
    thief.disk.collect(LedgerEntry::Punch(punch(99, 99)));
    assert!(matches!(thief.hello(&cloud).await?, Next::Forked { relogged: 1, .. }));
    thief.sync(&cloud).await?;
    assert_eq!(count(&cloud, "ledger").await?, 41);
    a.disk.collect(LedgerEntry::Punch(punch(2, 2)));
    a.sync(&cloud).await?;
    assert_eq!(count(&cloud, "ledger").await?, 42);
    Ok(())
}

#[tokio::test]
async fn records_follow_in_the_same_session_and_are_audited() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    let key = new_key();
    edge.edit(Op::Create, Kind::Employee, key, VersionVector::new(), employee("E-1", factory));
    edge.sync(&cloud).await?;
    let saw = edge.disk.record(Kind::Employee, key).context("made")?.vv;
    let changed = [(FieldTag(2), json!("Rahima")), (FieldTag(11), json!("+880 1711 000000"))].into();
    edge.edit(Op::Update, Kind::Employee, key, saw, changed);
    // A kind and a tag of a newer version.
    let saw = edge.disk.record(Kind::Employee, key).context("made")?.vv;
    edge.edit(Op::Update, Kind::Employee, key, saw, [(FieldTag(900), json!({"new": 1}))].into());
    let identity = [(2, json!("17")), (3, json!(key)), (4, json!("2026-11-01T00:00:00Z"))];
    let identity = identity.into_iter().map(|(tag, value)| (FieldTag(tag), value)).collect();
    edge.edit(Op::Create, Kind::Identity, new_key(), VersionVector::new(), identity);
    edge.sync(&cloud).await?;

    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let stored = cloud_server::store::record::one(&mut tx, Kind::Employee, key).await?.context("stored")?;
    let shown = edge.disk.record(Kind::Employee, key).context("made")?;
    assert_eq!((stored.fields, stored.dots, stored.vv), (shown.fields, shown.dots, shown.vv));
    let (name, joined, ext): (String, chrono::NaiveDate, Value) =
        sqlx::query_as("SELECT name, joined, ext FROM rec_employee").fetch_one(tx.connection()).await?;
    assert_eq!((name.as_str(), joined.to_string().as_str()), ("Rahima", "2024-01-15"));
    assert_eq!(ext, json!({"900": {"new": 1}}));
    let actions: Vec<(String, String)> =
        sqlx::query_as("SELECT action, after FROM audit WHERE via = 'sync' ORDER BY seq")
            .fetch_all(tx.connection())
            .await?;
    assert_eq!(
        actions.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(),
        ["edge.enrol", "record.create", "record.update", "record.update", "record.create"]
    );
    assert!(!actions[2].1.contains("1711"), "a telephone number is not written out: {}", actions[2].1);
    assert!(audit::verify(&mut tx).await? >= 5);
    let asked = recompute::waiting(&mut tx, 100).await?;
    assert!(asked.work.iter().any(|(scope, _)| matches!(scope, recompute::Scope::Employee(_))));
    Ok(())
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_is_kept_aside_and_blocks_nothing() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let other = cloud.factory("Meghna Textiles").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    let mut keys = Vec::new();
    for (nth, fields) in [
        employee("E-1", factory),
        employee("E-2", other),
        FieldMap::from([(FieldTag(1), json!("E-3"))]),
        employee("E-4", factory),
    ]
    .into_iter()
    .enumerate()
    {
        keys.push(new_key());
        edge.edit(Op::Create, Kind::Employee, keys[nth], VersionVector::new(), fields);
    }
    // PostgreSQL's texts cannot hold a NUL, which no check of types sees in an unknown field.
    let saw = edge.disk.record(Kind::Employee, keys[0]).context("made")?.vv;
    edge.edit(Op::Update, Kind::Employee, keys[0], saw, [(FieldTag(901), json!("a\u{0}b"))].into());
    // An update never creates.
    edge.edit(Op::Create, Kind::Employee, keys[3], VersionVector::new(), employee("E-4", factory));
    edge.sync(&cloud).await?;

    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let aside: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, code FROM quarantine ORDER BY seq").fetch_all(tx.connection()).await?;
    assert_eq!(aside, [(2, "scope".to_owned()), (3, "field".to_owned()), (5, "refused".to_owned())]);
    let codes: Vec<String> =
        sqlx::query_scalar("SELECT code FROM rec_employee ORDER BY code").fetch_all(tx.connection()).await?;
    assert_eq!(codes, ["E-1", "E-4"]);
    let notices: i64 = sqlx::query_scalar("SELECT count(*) FROM feed_side WHERE what = 'quarantine'")
        .fetch_one(tx.connection())
        .await?;
    assert_eq!(notices, 3, "the edge is told of each");
    Ok(())
}

#[tokio::test]
async fn a_taken_code_stays_with_both_records_and_is_a_conflict_until_one_gives_it_up() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let (a, b) = (Edge::enrolled(&cloud, factory).await?, Edge::enrolled(&cloud, factory).await?);
    let (first, second) = (new_key(), new_key());
    a.edit(Op::Create, Kind::Employee, first, VersionVector::new(), employee("E-1", factory));
    b.edit(Op::Create, Kind::Employee, second, VersionVector::new(), employee("E-1", factory));
    a.sync(&cloud).await?;
    b.sync(&cloud).await?;
    assert_eq!(shared_codes(&cloud, factory).await?, [(second, "open".to_owned())]);
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let people: Vec<(Uuid, Option<String>)> =
        sqlx::query_as("SELECT key, code FROM rec_employee ORDER BY fseq").fetch_all(tx.connection()).await?;
    assert_eq!(people, [(first, Some("E-1".to_owned())), (second, Some("E-1".to_owned()))]);
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit WHERE action LIKE 'record.%key%' ORDER BY seq")
            .fetch_all(tx.connection())
            .await?;
    assert_eq!(actions, ["record.shared_key"]);
    tx.rollback().await?;

    // A change of either that leaves the code alone says nothing new; the first one's new code settles it.
    let saw = |edge: &Edge, key| edge.disk.record(Kind::Employee, key).context("made").map(|r| r.vv);
    for (edge, key) in [(&a, first), (&b, second)] {
        let vv = saw(edge, key)?;
        edge.edit(Op::Update, Kind::Employee, key, vv, [(FieldTag(5), json!("Operator"))].into());
        edge.sync(&cloud).await?;
    }
    assert_eq!(shared_codes(&cloud, factory).await?, [(second, "open".to_owned())]);
    let vv = saw(&a, first)?;
    a.edit(Op::Update, Kind::Employee, first, vv, [(FieldTag(1), json!("E-2"))].into());
    a.sync(&cloud).await?;
    assert_eq!(shared_codes(&cloud, factory).await?, [(second, "resolved".to_owned())]);

    // The same pair may collide again: that is another conflict. A record that is no longer in use claims no code.
    let vv = saw(&a, first)?;
    a.edit(Op::Update, Kind::Employee, first, vv, [(FieldTag(1), json!("E-1"))].into());
    a.sync(&cloud).await?;
    let again = shared_codes(&cloud, factory).await?;
    assert_eq!(again, [(second, "resolved".to_owned()), (first, "open".to_owned())]);
    let vv = saw(&b, second)?;
    b.edit(Op::Update, Kind::Employee, second, vv, [(FieldTag(10), json!(false))].into());
    b.sync(&cloud).await?;
    assert!(shared_codes(&cloud, factory).await?.iter().all(|(_, state)| state == "resolved"));
    Ok(())
}

/// The conflict rows about shared keys, in the order in which they were found.
async fn shared_codes(cloud: &CloudHttp, factory: Factory) -> Result<Vec<(Uuid, String)>> {
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    Ok(sqlx::query_as("SELECT key, state FROM conflict WHERE cause = 'duplicate_key' ORDER BY rec_fseq")
        .fetch_all(tx.connection())
        .await?)
}

#[tokio::test]
async fn two_edges_that_edit_one_field_leave_both_values_in_a_conflict() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let (a, b) = (Edge::enrolled(&cloud, factory).await?, Edge::enrolled(&cloud, factory).await?);
    let key = new_key();
    a.edit(Op::Create, Kind::Employee, key, VersionVector::new(), employee("E-1", factory));
    a.sync(&cloud).await?;
    let image = a.disk.record(Kind::Employee, key).context("made")?;
    let mut disk = b.disk.image();
    disk.records.insert((Kind::Employee, key), image.clone());
    b.disk.restore(disk);
    for (edge, name) in [(&a, "Rahima"), (&b, "Rahela")] {
        edge.edit(Op::Update, Kind::Employee, key, image.vv.clone(), [(FieldTag(2), json!(name))].into());
        edge.sync(&cloud).await?;
    }
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let name: String = sqlx::query_scalar("SELECT name FROM rec_employee").fetch_one(tx.connection()).await?;
    assert_eq!(name, "Rahima", "what was here stays");
    let conflicts: Vec<(String, Value, Value, String)> =
        sqlx::query_as("SELECT cause, standing, arriving, kept FROM conflict")
            .fetch_all(tx.connection())
            .await?;
    let expected =
        ("field".to_owned(), json!({"2": "Rahima"}), json!({"2": "Rahela"}), "standing".to_owned());
    assert_eq!(conflicts, [expected]);
    Ok(())
}

#[tokio::test]
async fn an_edge_may_found_a_site_of_its_own() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = Edge::enrolled(&cloud, factory).await?;
    let site = shared_model::SiteId::from_uuid(new_key());
    let fields = [
        (1, json!("Washing plant")),
        (2, json!("W1")),
        (3, json!([{"from": null, "zone": "Asia/Dhaka"}])),
        (8, json!(true)),
    ];
    let fields = fields.into_iter().map(|(tag, value)| (FieldTag(tag), value)).collect();
    edge.edit(Op::Create, Kind::Site, site.uuid(), VersionVector::new(), fields);
    let of_site = employee("E-1", Factory { site, ..factory });
    edge.edit(Op::Create, Kind::Employee, new_key(), VersionVector::new(), of_site);
    edge.sync(&cloud).await?;
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    assert_eq!(quarantine::open_count(&mut tx).await?, 0);
    let sites = edge::sites(&mut tx, edge.key.id.context("enrolled")?).await?;
    assert_eq!(sites.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([factory.site, site]));
    Ok(())
}
