//! Durable work that is no answer to anybody: asked for in the transaction of what makes it necessary, done by a worker.
//!
//! A queue, a company and a key are one job, however often it is asked for. Asking again raises its generation; a worker that
//! has done it removes it only in the generation it took, so that what was asked for meanwhile is done again. A job that was
//! taken is offered again when its lease ends: its worker has died.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::CompanyId;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Store, StoreError};

/// How long a taken job belongs to its taker.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// The wait after a first failure; it doubles with each further one up to the longest.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(30);
const RETRY_DOUBLINGS: i32 = 7;

/// What kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Removes what has run out: sessions, tokens, codes. Comes again by itself.
    Prune,
    /// Compares the results of the edge that the key names with ours.
    Compare,
    /// Compares the records of the edge that the key names with ours.
    CompareRecords,
    /// Lets go of tombstones that every edge has, and of edges that are silent. Comes again by itself.
    Collect,
}

impl Queue {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Prune, Self::Compare, Self::CompareRecords, Self::Collect];

    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prune => "prune",
            Self::Compare => "compare",
            Self::CompareRecords => "compare-records",
            Self::Collect => "collect",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name)
    }
}

/// A job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its row.
    pub id: Uuid,
    /// What is to be done.
    pub queue: Queue,
    /// For which company; `None` for the whole cloud's work.
    pub company: Option<CompanyId>,
    /// About what.
    pub key: String,
    /// How often it has been tried, this time included.
    pub attempts: i32,
    generation: i64,
}

/// How the work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Backlog {
    /// Jobs whose time has come.
    pub due: i64,
    /// Jobs whose last try failed.
    pub failing: i64,
}

/// Asks for a job at a time; one that already waits is done once more, no later than then.
///
/// # Errors
/// The database's.
pub async fn ask(
    connection: &mut PgConnection,
    queue: Queue,
    company: Option<CompanyId>,
    key: &str,
    run_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO job (job_id, queue, company_id, key, generation, attempts, run_at)
         VALUES (gen_random_uuid(), $1, $2, $3, 1, 0, $4)
         ON CONFLICT (queue, company_id, key) DO UPDATE
         SET generation = job.generation + 1, run_at = least(job.run_at, excluded.run_at)",
    )
    .bind(queue.as_str())
    .bind(company)
    .bind(key)
    .bind(run_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// A job is done: it goes, or is done once more if it was asked for meanwhile.
///
/// # Errors
/// The database's.
pub async fn done(connection: &mut PgConnection, job: &Job) -> Result<(), StoreError> {
    let gone = sqlx::query("DELETE FROM job WHERE job_id = $1 AND generation = $2")
        .bind(job.id)
        .bind(job.generation)
        .execute(&mut *connection)
        .await?;
    if gone.rows_affected() == 0 {
        sqlx::query("UPDATE job SET leased_until = NULL, attempts = 0, last_error = NULL WHERE job_id = $1")
            .bind(job.id)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// A job that comes again by itself is done: it waits for its next time.
///
/// # Errors
/// The database's.
pub async fn again(
    connection: &mut PgConnection,
    job: &Job,
    run_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job SET run_at = CASE WHEN generation = $2 THEN $3 ELSE run_at END, leased_until = NULL, attempts = 0,
             last_error = NULL
         WHERE job_id = $1",
    )
    .bind(job.id)
    .bind(job.generation)
    .bind(run_at)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Sees to it that a job which comes again by itself is there.
    ///
    /// # Errors
    /// The database's.
    pub async fn ensure_job(&self, queue: Queue, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO job (job_id, queue, company_id, key, generation, attempts, run_at)
             VALUES (gen_random_uuid(), $1, NULL, '', 1, 0, $2) ON CONFLICT DO NOTHING",
        )
        .bind(queue.as_str())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes the job that is longest due, if any. A kind that this version does not know is left to another.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_job(&self, now: DateTime<Utc>) -> Result<Option<Job>, StoreError> {
        type Row = (Uuid, String, Option<CompanyId>, String, i32, i64);
        let row: Option<Row> = sqlx::query_as(
            "UPDATE job SET leased_until = $3, attempts = attempts + 1
             WHERE job_id = (
                 SELECT job_id FROM job
                 WHERE run_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) AND queue = ANY ($2)
                 ORDER BY run_at, job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING job_id, queue, company_id, key, attempts, generation",
        )
        .bind(now)
        .bind(Queue::ALL.map(Queue::as_str).as_slice())
        .bind(now + LEASE)
        .fetch_optional(&self.pool)
        .await?;
        let Some((id, queue, company, key, attempts, generation)) = row else { return Ok(None) };
        let queue = Queue::parse(&queue).ok_or_else(|| StoreError::Corrupt {
            table: "job",
            id: id.to_string(),
            cause: format!("unknown queue {queue:?}"),
        })?;
        Ok(Some(Job { id, queue, company, key, attempts, generation }))
    }

    /// A job failed: it is tried again later, each time after a longer wait.
    ///
    /// # Errors
    /// The database's.
    pub async fn job_failed(&self, job: &Job, error: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let wait = RETRY_FIRST * (1 << (job.attempts - 1).clamp(0, RETRY_DOUBLINGS));
        sqlx::query("UPDATE job SET leased_until = NULL, last_error = $2, run_at = $3 WHERE job_id = $1")
            .bind(job.id)
            .bind(error.chars().take(500).collect::<String>())
            .bind(now + wait)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a transaction on the whole cloud's tables and removes what has run out: sessions that nobody used since
    /// `idle_since` or that began before `signed_in_since`, and tokens and codes that ended before `ended_before`. The job
    /// is put off until its next time in the same transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune(&self, job: &Job, cutoff: Cutoff, next: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        let mut removed = 0;
        let sessions = sqlx::query("DELETE FROM session WHERE last_seen_at < $1 OR signed_in_at < $2")
            .bind(cutoff.idle_since)
            .bind(cutoff.signed_in_since);
        removed += sessions.execute(&mut *tx).await?.rows_affected();
        for sql in [
            "DELETE FROM password_token WHERE least(expires_at, used_at) < $1",
            "DELETE FROM enrolment_code WHERE least(expires_at, used_at) < $1",
        ] {
            removed += sqlx::query(sql).bind(cutoff.ended_before).execute(&mut *tx).await?.rows_affected();
        }
        again(&mut tx, job, next).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// A job of the whole cloud that comes again by itself is done: it waits for its next time.
    ///
    /// # Errors
    /// The database's.
    pub async fn job_again(&self, job: &Job, run_at: DateTime<Utc>) -> Result<(), StoreError> {
        again(&mut *self.pool.acquire().await?, job, run_at).await
    }

    /// How the work stands.
    ///
    /// # Errors
    /// The database's.
    pub async fn job_backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        Ok(sqlx::query_as(
            "SELECT count(*) FILTER (WHERE run_at <= $1) AS due, count(last_error) AS failing FROM job",
        )
        .bind(now)
        .fetch_one(&self.pool)
        .await?)
    }
}

/// What has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff {
    /// Sessions not used since then.
    pub idle_since: DateTime<Utc>,
    /// Sessions begun before then.
    pub signed_in_since: DateTime<Utc>,
    /// Tokens and codes that were used or too old before then.
    pub ended_before: DateTime<Utc>,
}
