//! The cloud's durable jobs on a real PostgreSQL: each once, none forgotten, and what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, Result};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use cloud_server::clock::OsEntropy;
use cloud_server::job::Worker;
use cloud_server::store::digest::{self, Agreement};
use cloud_server::store::job::{self, Queue};
use cloud_server::store::user::NewUser;
use cloud_server::store::{CompanyAccess, Store};
use shared_model::text::Name;
use shared_model::{Clock, UserId};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use system_tests::cloud_http::{CloudHttp, author};

/// A clock that the test moves.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_795_000_000)))
    }

    fn pass(&self, span: TimeDelta) {
        self.0.fetch_add(span.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap_or_default()
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

async fn database(cloud: &CloudHttp) -> Result<PgConnection> {
    Ok(PgConnection::connect_with(&cloud.database.superuser()).await?)
}

async fn count(cloud: &CloudHttp, table: &'static str) -> Result<i64> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    Ok(sqlx::query_scalar(sql).fetch_one(&mut database(cloud).await?).await?)
}

async fn take(store: &Store, clock: &TestClock) -> Result<job::Job> {
    store.take_job(clock.now()).await?.context("a job is due")
}

#[tokio::test]
async fn a_job_is_done_once_and_again_only_if_it_was_asked_for_meanwhile() -> Result<()> {
    let (cloud, clock) = (CloudHttp::start().await?, TestClock::new());
    let (store, mut database) = (&cloud.store, database(&cloud).await?);
    for _ in 0..3 {
        job::ask(&mut database, Queue::Compare, None, "one", clock.now()).await?;
    }
    assert_eq!(count(&cloud, "job").await?, 1);
    let taken = take(store, &clock).await?;
    assert_eq!((taken.queue, taken.key.as_str(), taken.attempts), (Queue::Compare, "one", 1));
    assert_eq!(store.take_job(clock.now()).await?, None, "it has a worker");

    job::ask(&mut database, Queue::Compare, None, "one", clock.now()).await?;
    job::done(&mut database, &taken).await?;
    let once_more = take(store, &clock).await?;
    job::done(&mut database, &once_more).await?;
    assert_eq!(count(&cloud, "job").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_job_whose_worker_died_or_failed_is_offered_again() -> Result<()> {
    let (cloud, clock) = (CloudHttp::start().await?, TestClock::new());
    let store = &cloud.store;
    job::ask(&mut database(&cloud).await?, Queue::Compare, None, "one", clock.now()).await?;
    take(store, &clock).await?;
    clock.pass(TimeDelta::minutes(9));
    assert_eq!(store.take_job(clock.now()).await?, None, "its worker may still be at it");
    clock.pass(TimeDelta::minutes(1));
    let mut taken = take(store, &clock).await?;
    assert_eq!(taken.attempts, 2);

    let mut waits = Vec::new();
    for _ in 0..12 {
        store.job_failed(&taken, "the reason", clock.now()).await?;
        let failed_at = clock.now();
        while store.take_job(clock.now()).await?.map(|job| taken = job).is_none() {
            clock.pass(TimeDelta::seconds(30));
        }
        waits.push((clock.now() - failed_at).num_seconds());
    }
    assert!(waits.is_sorted() && waits[0] == 60 && waits[11] == 3840, "{waits:?}");
    assert_eq!(store.job_backlog(clock.now()).await?.failing, 1);
    // A job of a newer version is not ours.
    sqlx::query("UPDATE job SET queue = 'from the future', leased_until = NULL, run_at = 'epoch'")
        .execute(&mut database(&cloud).await?)
        .await?;
    assert_eq!(store.take_job(clock.now()).await?, None);
    Ok(())
}

#[tokio::test]
async fn what_has_run_out_is_removed_and_nothing_else() -> Result<()> {
    let (cloud, clock) = (CloudHttp::start().await?, TestClock::new());
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let user = UserId::mint(&*clock, &OsEntropy);
    let new = NewUser { id: user, email: "hr@example.com".into(), name: Name::parse("HR")?, operator: false };
    let written = cloud_server::store::audit::Author { at: clock.now(), ..author() };
    cloud.store.add_user(&new, written, &OsEntropy).await?;
    for (hash, signed_in, seen) in [(1, 1, 1), (2, 13 * 60, 1), (3, 60, 40)] {
        cloud.store.add_web_session(&[hash; 32], user, clock.now() - TimeDelta::minutes(signed_in)).await?;
        cloud.store.touch_web_session(&[hash; 32], clock.now() - TimeDelta::minutes(seen)).await?;
    }
    sqlx::query(
        "INSERT INTO enrolment_code (code_hash, company_id, site_id, created_by, created_at, expires_at)
         SELECT decode(days::text, 'hex'), $1, $2, $2, $3, $3 - make_interval(days => days)
         FROM unnest('{10,40}'::int[]) AS t (days)",
    )
    .bind(factory.company)
    .bind(factory.site)
    .bind(clock.now())
    .execute(&mut database(&cloud).await?)
    .await?;
    let worker = Worker::new(cloud.store.clone(), clock.clone());
    worker.work_off().await?;
    assert_eq!((count(&cloud, "session").await?, count(&cloud, "enrolment_code").await?), (1, 1));
    assert_eq!(count(&cloud, "password_token").await?, 1);
    clock.pass(TimeDelta::days(32));
    worker.work_off().await?;
    assert_eq!((count(&cloud, "session").await?, count(&cloud, "enrolment_code").await?), (0, 0));
    assert_eq!(count(&cloud, "password_token").await?, 0);
    assert_eq!(
        count(&cloud, "job").await?,
        2,
        "this and the collection of tombstones come again by themselves"
    );
    Ok(())
}

#[tokio::test]
async fn an_edges_results_are_compared_when_it_tells_others_and_once_an_hour() -> Result<()> {
    let (cloud, clock) = (CloudHttp::start().await?, TestClock::new());
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let edge = cloud.enrol(factory).await?.id.context("enrolled")?;
    let access = CompanyAccess::of_system(factory.company);
    let worker = Worker::new(cloud.store.clone(), clock.clone());
    let month: NaiveDate = "2026-11-01".parse()?;
    let mut database = database(&cloud).await?;
    // People that no change made.
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut database).await?;
    sqlx::query(
        "INSERT INTO rec_employee (company_id, key, code, name, site, category, active, vv, dots, fseq)
         SELECT $1, gen_random_uuid(), 'E-' || n, 'Somebody', $2, 'worker', true, '', '', 6000 + n
         FROM generate_series(1, 7) n",
    )
    .bind(factory.company)
    .bind(factory.site)
    .execute(&mut database)
    .await?;
    sqlx::query(
        "INSERT INTO attendance_day (company_id, work_date, employee, status, provisional, scheduled_seconds,
             worked_seconds, late_seconds, early_seconds, overtime_seconds, record, digest, engine, computed_at)
         SELECT $1, $2::date + day, key, 'present', day = 9, 0, 0, 0, 0, 0, '{}', decode(md5(day || code), 'hex'), 'e', now()
         FROM rec_employee, generate_series(0, 9) AS t (day)",
    )
    .bind(factory.company)
    .bind(month)
    .execute(&mut database)
    .await?;
    sqlx::query("INSERT INTO attendance_site (company_id, site, since, until, rules) VALUES ($1, $2, $3, $3, 'rules')")
        .bind(factory.company)
        .bind(factory.site)
        .bind(month)
        .execute(&mut database)
        .await?;
    let mut tx = cloud.store.begin(&access).await?;
    let ours = digest::month_digest(&mut tx, &[factory.site], month).await?;
    tx.commit().await?;
    assert_eq!(ours.days, 63, "provisional days are not compared");

    let tell = async |days: i64, hex: &str, engine: &str| -> Result<(bool, Agreement)> {
        let words = serde_json::json!({"attendance": {"engine": engine, "months": {
            "2026-11": {"days": days, "digest": hex}}}});
        let said = digest::parse(&words).context("well said")?;
        let mut tx = cloud.store.begin(&access).await?;
        digest::keep(&mut tx, edge, &said, clock.now()).await?;
        tx.commit().await?;
        let is_asked = cloud.store.job_backlog(clock.now()).await?.due > 0;
        worker.work_off().await?;
        let mut tx = cloud.store.begin(&access).await?;
        let lines = digest::comparisons(&mut tx).await?;
        tx.commit().await?;
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].edge_days, lines[0].cloud_days), (days, 63));
        Ok((is_asked, lines[0].agreement))
    };
    worker.work_off().await?;
    let (same, other) = (hex::encode(ours.digest), "00".repeat(16));
    assert_eq!(tell(0, &other, "rules").await?, (true, Agreement::Waiting));
    assert_eq!(tell(63, &other, "rules").await?, (true, Agreement::Different));
    assert_eq!(tell(63, &same, "others").await?, (true, Agreement::OtherEngine));
    assert_eq!(tell(63, &same, "rules").await?, (false, Agreement::Same), "as it was found here");
    sqlx::query("UPDATE attendance_day SET digest = '\\x01' WHERE work_date = $1")
        .bind(month)
        .execute(&mut database)
        .await?;
    clock.pass(TimeDelta::minutes(61));
    assert_eq!(tell(63, &same, "rules").await?, (true, Agreement::Different), "it changed here");
    Ok(())
}
