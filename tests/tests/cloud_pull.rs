//! The feed over HTTP from a real PostgreSQL: what one side writes comes down at the others.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cloud_server::attendance::Attendance;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::record_digest::Agreement;
use cloud_server::store::{CompanyAccess, SyncTx, company, conflict, own_change, record, record_digest};
use cloud_server::wake::Wake;
use serde_json::json;
use shared_model::punch::Reading;
use shared_model::text::{Code, Name};
use shared_model::{
    Clock, ClockSerial, FieldMap, FieldTag, Kind, Punch, PunchId, RawTime, Route, SiteId, UserCode,
};
use sync_protocol::cloud::{CloudStore as _, FeedStore as _};
use sync_protocol::digest::RecordSums;
use sync_protocol::edge::AfterPull;
use sync_protocol::memory::Edit;
use sync_protocol::merge::FieldRule;
use sync_protocol::message::ConflictState;
use sync_protocol::{LedgerEntry, Op, VersionVector};
use system_tests::cloud_edge::CloudEdge;
use system_tests::cloud_http::{CloudHttp, Factory, author};
use uuid::Uuid;

const NAME: FieldTag = FieldTag(2);
const SITE: FieldTag = FieldTag(3);

fn employee(code: &str, site: SiteId) -> FieldMap {
    FieldMap::from([
        (FieldTag(1), json!(code)),
        (NAME, json!("Rahima")),
        (SITE, json!(site)),
        (FieldTag(6), json!("worker")),
        (FieldTag(10), json!(true)),
    ])
}

fn new_key() -> Uuid {
    shared_model::id::uuid_v7(&SystemClock, &OsEntropy)
}

fn edit(edge: &CloudEdge, op: Op, key: Uuid, saw: VersionVector, fields: FieldMap) {
    edge.disk.edit(&[Edit { key: (Kind::Employee, key), op, saw, fields }]);
}

fn shown(edge: &CloudEdge, key: Uuid, tag: FieldTag) -> Option<serde_json::Value> {
    edge.disk.record(Kind::Employee, key)?.fields.get(&tag).cloned()
}

async fn cloud_change(cloud: &CloudHttp, factory: Factory, key: Uuid, fields: FieldMap) -> Result<()> {
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let seen = record::one(&mut tx, Kind::Employee, key).await?.context("the record")?.vv;
    own_change::update(&mut tx, Kind::Employee, key, fields, seen, author()).await?;
    Ok(tx.commit().await?)
}

async fn second_site(cloud: &CloudHttp, factory: Factory) -> Result<Factory> {
    let site = SiteId::mint(&SystemClock, &OsEntropy);
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let (name, code) = (Name::parse("Other")?, Code::parse("F2")?);
    company::add_site(&mut tx, site, &name, &code, chrono_tz::Tz::UTC, author()).await?;
    tx.commit().await?;
    Ok(Factory { site, ..factory })
}

#[tokio::test]
async fn what_one_edge_or_the_cloud_writes_comes_down_at_the_edges_of_its_site() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let elsewhere = second_site(&cloud, factory).await?;
    let (a, b) = (CloudEdge::enrolled(&cloud, factory).await?, CloudEdge::enrolled(&cloud, factory).await?);
    let other = CloudEdge::enrolled(&cloud, elsewhere).await?;
    let key = new_key();
    edit(&a, Op::Create, key, VersionVector::new(), employee("E1", factory.site));
    for edge in [&a, &b, &other] {
        edge.exchange(&cloud).await?;
    }
    assert_eq!(shown(&b, key, NAME), Some(json!("Rahima")));
    assert_eq!(shown(&other, key, NAME), None, "another site's people are none of its business");

    cloud_change(&cloud, factory, key, FieldMap::from([(NAME, json!("Rahima Khatun"))])).await?;
    for edge in [&a, &b] {
        edge.exchange(&cloud).await?;
        assert_eq!(shown(edge, key, NAME), Some(json!("Rahima Khatun")));
    }

    // She goes to the other site: there she comes, here she goes.
    cloud_change(&cloud, factory, key, FieldMap::from([(SITE, json!(elsewhere.site))])).await?;
    for edge in [&a, &b, &other] {
        edge.exchange(&cloud).await?;
    }
    assert_eq!(shown(&other, key, NAME), Some(json!("Rahima Khatun")));
    assert_eq!((shown(&a, key, NAME), shown(&b, key, NAME)), (None, None));
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_seen_on_both_sides_until_it_is_overwritten() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let edge = CloudEdge::enrolled(&cloud, factory).await?;
    let key = new_key();
    edit(&edge, Op::Create, key, VersionVector::new(), employee("E1", factory.site));
    edge.exchange(&cloud).await?;
    let opened = edge.disk.record(Kind::Employee, key).unwrap().vv;

    cloud_change(&cloud, factory, key, FieldMap::from([(NAME, json!("of the cloud"))])).await?;
    edit(&edge, Op::Update, key, opened, FieldMap::from([(NAME, json!("of the edge"))]));
    edge.exchange(&cloud).await?;
    assert_eq!(shown(&edge, key, NAME), Some(json!("of the cloud")));
    let rows = edge.disk.look(|disk| disk.conflicts.values().cloned().collect::<Vec<_>>());
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.state, row.arriving.get(&NAME)), (ConflictState::Open, Some(&json!("of the edge"))));
    assert_eq!(row.standing.get(&NAME), Some(&json!("of the cloud")));

    // Somebody at the edge who has seen both writes a third.
    let mut seen = edge.disk.record(Kind::Employee, key).unwrap().vv;
    for dot in row.arriving_dots.iter().chain(&row.standing_dots) {
        seen.raise(*dot).unwrap();
    }
    edit(&edge, Op::Update, key, seen, FieldMap::from([(NAME, json!("agreed"))]));
    edge.exchange(&cloud).await?;
    assert_eq!(shown(&edge, key, NAME), Some(json!("agreed")));
    let state = edge.disk.look(|disk| disk.conflicts.values().map(|row| row.state).collect::<Vec<_>>());
    assert_eq!(state, [ConflictState::Overtaken]);
    Ok(())
}

#[tokio::test]
async fn a_pull_that_waits_returns_when_something_is_written() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let (a, b) = (CloudEdge::enrolled(&cloud, factory).await?, CloudEdge::enrolled(&cloud, factory).await?);
    let key = new_key();
    edit(&a, Op::Create, key, VersionVector::new(), employee("E1", factory.site));
    let mut writing = a.exchange(&cloud).await?;
    let reading = b.exchange(&cloud).await?;

    // Whichever of the two is first: the pull ends with the change, long before its own time.
    let saw = a.disk.record(Kind::Employee, key).unwrap().vv;
    edit(&a, Op::Update, key, saw, FieldMap::from([(NAME, json!("new"))]));
    let pulling = async { b.pull_once(&cloud, &reading, 25).await };
    let writing = async { a.push(&cloud, &mut writing).await };
    let (pulled, wrote) =
        tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(pulling, writing) }).await?;
    wrote?;
    assert!(matches!(pulled?, AfterPull::Clean(_)));
    assert_eq!(shown(&b, key, NAME), Some(json!("new")));

    // One with nothing to say ends by itself, and one of an ended session at once.
    assert!(matches!(b.pull_once(&cloud, &reading, 1).await?, AfterPull::Clean(_)));
    b.session(&cloud).await?;
    let stale = reading.next_pull(&b.disk, 25).await?.unwrap();
    assert_eq!(cloud.get_signed(&b.key, &stale.target()).await?.0, 409);
    Ok(())
}

#[tokio::test]
async fn only_the_signed_query_of_an_enrolled_edge_is_answered() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let edge = CloudEdge::enrolled(&cloud, factory).await?;
    let session = edge.exchange(&cloud).await?;
    let target = session.next_pull(&edge.disk, 0).await?.unwrap().target();
    assert_eq!(cloud.get_signed(&edge.key, &target).await?.0, 200);
    let another = CloudEdge::enrolled(&cloud, factory).await?;
    assert_eq!(cloud.get_signed(&another.key, &target).await?.0, 409, "the session is another edge's");
    let forged = system_tests::cloud_http::EdgeKey { id: edge.key.id, ..another.key.clone() };
    assert_eq!(cloud.get_signed(&forged, &target).await?.0, 401);
    for bad in ["cursor=x", "", "origin=1&lease_no=1"] {
        let path = format!("{}?{bad}", sync_protocol::message::PULL);
        assert_eq!(cloud.get_signed(&edge.key, &path).await?.0, 400, "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tombstone_goes_when_it_is_old_and_every_edge_has_it() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let (a, b) = (CloudEdge::enrolled(&cloud, factory).await?, CloudEdge::enrolled(&cloud, factory).await?);
    let (gone, kept) = (new_key(), new_key());
    edit(&a, Op::Create, gone, VersionVector::new(), employee("E1", factory.site));
    edit(&a, Op::Create, kept, VersionVector::new(), employee("E2", factory.site));
    a.exchange(&cloud).await?;
    b.exchange(&cloud).await?;
    let saw = a.disk.record(Kind::Employee, gone).unwrap().vv;
    edit(&a, Op::Delete, gone, saw, FieldMap::new());
    a.exchange(&cloud).await?;

    let access = CompanyAccess::of_system(factory.company);
    let now = SystemClock.now();
    let collect = async |days: i64| -> Result<(u64, usize)> {
        let tx = cloud.store.begin(&access).await?;
        let mut tx = SyncTx::new(tx, now + chrono::TimeDelta::days(days), 1);
        let done = tx.collect().await?;
        tx.commit().await?;
        Ok((done.expired, done.tombstones))
    };
    assert_eq!(collect(0).await?, (0, 0), "it is not old enough");
    assert_eq!(collect(31).await?, (0, 0), "the other edge does not have it");
    // A page is acknowledged by the request for the next one.
    for edge in [&a, &b, &b] {
        edge.exchange(&cloud).await?;
    }
    assert_eq!(collect(31).await?, (0, 1));
    let tx = cloud.store.begin(&access).await?;
    let mut tx = SyncTx::new(tx, now, 1);
    let state = tx.company().await?;
    assert!(state.horizon > 0 && state.horizon <= state.feed_head);
    assert_eq!(tx.records(&[(Kind::Employee, gone)]).await?, [None]);
    assert_eq!(tx.acks().await?.len(), 2);
    drop(tx);

    // An edge that was away for longer holds nothing back, and begins with a snapshot when it returns.
    assert_eq!(collect(100).await?, (4, 0));
    b.exchange(&cloud).await?;
    assert!(shown(&b, kept, NAME).is_some() && shown(&b, gone, NAME).is_none());
    Ok(())
}

#[tokio::test]
async fn not_even_the_owner_removes_a_living_record() -> Result<()> {
    use sqlx::Connection as _;
    let cloud = CloudHttp::start().await?;
    cloud.factory("Karnaphuli").await?;
    let mut connection = sqlx::postgres::PgConnection::connect_with(&cloud.database.superuser()).await?;
    for statement in ["DELETE FROM rec_site", "TRUNCATE rec_site"] {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    Ok(())
}

#[tokio::test]
async fn a_punch_made_at_another_site_goes_home() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let elsewhere = second_site(&cloud, factory).await?;
    let home = CloudEdge::enrolled(&cloud, factory).await?;
    let away = CloudEdge::enrolled(&cloud, elsewhere).await?;
    let (person, clock, identity) = (new_key(), new_key(), new_key());
    edit(&home, Op::Create, person, VersionVector::new(), employee("E1", factory.site));
    home.disk.edit(&[Edit {
        key: (Kind::Identity, identity),
        op: Op::Create,
        saw: VersionVector::new(),
        fields: FieldMap::from([(FieldTag(2), json!("7")), (FieldTag(3), json!(person))]),
    }]);
    let mut clock_of = FieldMap::new();
    for (name, value) in [
        ("serial", json!("CLOCK2")),
        ("name", json!("Gate")),
        ("site", json!(elsewhere.site)),
        ("transport", json!("tcp")),
        ("address", json!("127.0.0.1:4370")),
        ("state", json!("active")),
        ("direction_use", json!("ignore")),
        ("set_time", json!(false)),
    ] {
        let def = Kind::Device.fields().iter().find(|def| def.name == name).context(name)?;
        clock_of.insert(def.tag, value);
    }
    away.disk.edit(&[Edit {
        key: (Kind::Device, clock),
        op: Op::Create,
        saw: VersionVector::new(),
        fields: clock_of,
    }]);
    home.exchange(&cloud).await?;
    away.disk.collect(LedgerEntry::Punch(punch("7", "CLOCK2")?));
    away.disk.collect(LedgerEntry::Punch(punch("8", "CLOCK2")?));
    away.exchange(&cloud).await?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut attendance = Attendance::new(cloud.store.clone(), clock, Arc::new(Wake::default()));
    // However often the owners are looked for, the punch goes once.
    for _ in 0..2 {
        attendance.work_off(factory.company).await?;
        home.exchange(&cloud).await?;
    }
    let codes = home
        .disk
        .look(|disk| disk.ledger.values().map(|punch| punch.user_code.to_string()).collect::<Vec<_>>());
    assert_eq!(codes, ["7"], "a stranger's punch stays where it was made");
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let sent: i64 = sqlx::query_scalar("SELECT count(*) FROM feed_side WHERE what = 'punch'")
        .fetch_one(tx.connection())
        .await?;
    assert_eq!(sent, 1);

    // A new edge of the home site gets it with its snapshot.
    let another = CloudEdge::enrolled(&cloud, factory).await?;
    another.exchange(&cloud).await?;
    assert_eq!(another.disk.look(|disk| disk.ledger.len()), 1);
    Ok(())
}

fn punch(code: &str, serial: &str) -> Result<Punch> {
    let (serial, user_code) = (ClockSerial::parse(serial)?, UserCode::parse(code)?);
    let instant = SystemClock.now() - chrono::TimeDelta::hours(2);
    let raw_time = RawTime::from_seconds(instant.timestamp()).context("a time")?;
    let instant = chrono::DateTime::from_timestamp(instant.timestamp(), 0).context("a time")?;
    Ok(Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: chrono_tz::Tz::UTC,
        instant,
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: instant,
        raw: Box::default(),
    })
}

#[tokio::test]
async fn a_conflict_settled_by_hand_in_the_cloud_is_settled_everywhere() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let edge = CloudEdge::enrolled(&cloud, factory).await?;
    let access = CompanyAccess::of_system(factory.company);
    let (disputed, deleted) = (new_key(), new_key());
    edit(&edge, Op::Create, disputed, VersionVector::new(), employee("E1", factory.site));
    edit(&edge, Op::Create, deleted, VersionVector::new(), employee("E2", factory.site));
    edge.exchange(&cloud).await?;
    let vv = |key| edge.disk.record(Kind::Employee, key).unwrap().vv;
    let (opened, seen) = (vv(disputed), vv(deleted));
    let name = |text: &str| FieldMap::from([(NAME, json!(text))]);
    cloud_change(&cloud, factory, disputed, name("of the cloud")).await?;
    cloud_change(&cloud, factory, deleted, name("kept")).await?;
    edit(&edge, Op::Update, disputed, opened, name("of the edge"));
    edit(&edge, Op::Delete, deleted, seen, FieldMap::new());
    edge.exchange(&cloud).await?;

    let mut tx = cloud.store.begin(&access).await?;
    let rows = conflict::waiting(&mut tx, 10).await?;
    assert_eq!(rows.len(), 2);
    for row in &rows {
        // The edge's name, and the record that the edge had deleted.
        let choice = if row.slot.is_some() { FieldRule::Arriving } else { FieldRule::Standing };
        own_change::settle(&mut tx, row.id, choice, author()).await?;
        let again = own_change::settle(&mut tx, row.id, choice, author()).await;
        assert!(matches!(again, Err(own_change::OwnChangeError::NotFound)), "{again:?}");
    }
    assert_eq!(conflict::open_count(&mut tx).await?, 0);
    tx.commit().await?;
    edge.exchange(&cloud).await?;
    assert_eq!(shown(&edge, disputed, NAME), Some(json!("of the edge")));
    assert_eq!(shown(&edge, deleted, NAME), Some(json!("kept")));
    let states = edge.disk.look(|disk| disk.conflicts.values().map(|row| row.state).collect::<Vec<_>>());
    assert_eq!(states, [ConflictState::Resolved; 2]);
    Ok(())
}

#[tokio::test]
async fn sums_of_records_at_one_place_agree_until_a_side_is_tampered_with() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let elsewhere = second_site(&cloud, factory).await?;
    let edge = CloudEdge::enrolled(&cloud, factory).await?;
    let (kept, deleted) = (new_key(), new_key());
    edit(&edge, Op::Create, kept, VersionVector::new(), employee("E1", factory.site));
    edit(&edge, Op::Create, deleted, VersionVector::new(), employee("E2", factory.site));
    let other = CloudEdge::enrolled(&cloud, elsewhere).await?;
    edit(&other, Op::Create, new_key(), VersionVector::new(), employee("E3", elsewhere.site));
    other.exchange(&cloud).await?;
    edge.exchange(&cloud).await?;
    let saw = edge.disk.record(Kind::Employee, deleted).unwrap().vv;
    edit(&edge, Op::Delete, deleted, saw, FieldMap::new());
    edge.exchange(&cloud).await?;

    let id = edge.key.id.context("enrolled")?;
    let access = CompanyAccess::of_system(factory.company);
    let compare = async |said: &RecordSums, hours: i64| -> Result<Agreement> {
        let now = SystemClock.now() + chrono::TimeDelta::hours(hours);
        let mut tx = cloud.store.begin(&access).await?;
        let scope_ver = cloud_server::store::edge::scope_ver(&mut tx, id).await?;
        record_digest::keep(&mut tx, id, said, (1, scope_ver), now).await?;
        tx.commit().await?;
        let mut tx = cloud.store.begin_frozen(&access).await?;
        let agreement = record_digest::compare(&mut tx, id, now).await?;
        tx.commit().await?;
        Ok(agreement)
    };
    let sums = || {
        edge.disk.look(|disk| {
            let mut sums = RecordSums::at(disk.clean);
            disk.base.iter().for_each(|((kind, key), record)| sums.add(*kind, *key, record));
            sums
        })
    };
    assert_eq!(compare(&sums(), 0).await?, Agreement::Same);

    // A record less at the edge: shown, counted, and sent for a snapshot by the next request.
    let mut image = edge.disk.image();
    image.base.remove(&(Kind::Employee, kept));
    image.records.remove(&(Kind::Employee, kept));
    edge.disk.restore(image);
    assert_eq!(compare(&sums(), 1).await?, Agreement::Different);
    let mut tx = cloud.store.begin(&access).await?;
    let [line] = &record_digest::comparisons(&mut tx).await?[..] else { panic!("one edge told sums") };
    assert_eq!((line.differing.as_slice(), line.differences), (&[Kind::Employee][..], 1));
    drop(tx);
    edge.exchange(&cloud).await?;
    assert_eq!(shown(&edge, kept, NAME), Some(json!("Rahima")));
    assert_eq!(compare(&sums(), 2).await?, Agreement::Same);

    // What changed after the edge's place is no fault.
    let before = sums();
    cloud_change(&cloud, factory, kept, FieldMap::from([(NAME, json!("new"))])).await?;
    assert_eq!(compare(&before, 3).await?, Agreement::Moved);
    Ok(())
}
