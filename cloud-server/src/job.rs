//! The worker of the durable jobs: [`crate::store::job`] says how they are kept.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::{Clock, CompanyId, EdgeId};
use tokio_util::sync::CancellationToken;
use web_kit::session::Lifetime;

use crate::store::job::{self, Cutoff, Job, Queue};
use crate::store::{CompanyAccess, Store, StoreError, SyncTx, digest, record_digest};

/// How often the table is looked at.
const TICK: Duration = Duration::from_secs(5);
/// How often what has run out is removed.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(1);
/// How often tombstones are looked at.
const COLLECT_EVERY: TimeDelta = TimeDelta::hours(1);
/// Tokens and codes are kept so long after their end, so that it can be told who used one.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a job of the queue {queue} has the key {key:?} and company {company}")]
    Unreadable { queue: &'static str, key: String, company: bool },
}

/// Does jobs.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Over a store, by a clock.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Works until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            tokio::select! {
                // A job that is cut off is offered again when its lease ends.
                () = stop.cancelled() => return,
                worked = self.work_off() => if let Err(error) = worked {
                    tracing::error!(%error, "jobs could not be taken");
                },
            }
        }
    }

    /// Does every job whose time has come.
    ///
    /// # Errors
    /// When jobs cannot be taken; a job that fails is noted with its row and tried again later.
    pub async fn work_off(&self) -> Result<(), StoreError> {
        for queue in [Queue::Prune, Queue::Collect] {
            self.store.ensure_job(queue, self.clock.now()).await?;
        }
        while let Some(job) = self.store.take_job(self.clock.now()).await? {
            if let Err(error) = self.work(&job).await {
                let queue = job.queue.as_str();
                tracing::warn!(job.queue = queue, job.key, job.attempts, error = %error, "a job failed");
                self.store.job_failed(&job, &error.to_string(), self.clock.now()).await?;
            }
        }
        Ok(())
    }

    async fn work(&self, job: &Job) -> Result<(), JobError> {
        match job.queue {
            Queue::Prune => self.prune(job).await,
            Queue::Compare => self.compare(job).await,
            Queue::CompareRecords => self.compare_records(job).await,
            Queue::Collect => self.collect(job).await,
        }
    }

    async fn prune(&self, job: &Job) -> Result<(), JobError> {
        let (now, lifetime) = (self.clock.now(), Lifetime::default());
        let cutoff = Cutoff {
            idle_since: now - lifetime.idle - lifetime.touch_after,
            signed_in_since: now - lifetime.absolute,
            ended_before: now - KEPT,
        };
        let removed = self.store.prune(job, cutoff, now + PRUNE_EVERY).await?;
        tracing::debug!(removed, "what had run out was removed");
        Ok(())
    }

    /// One company after the other; what fails for one does not hold up the others.
    async fn collect(&self, job: &Job) -> Result<(), JobError> {
        let now = self.clock.now();
        let mut failed = None;
        for company in self.store.companies().await? {
            if let Err(error) = self.collect_of(company.company_id, now).await {
                tracing::warn!(company.id = %company.company_id, %error, "tombstones were not collected");
                failed = Some(error);
            }
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        Ok(self.store.job_again(job, now + COLLECT_EVERY).await?)
    }

    async fn collect_of(&self, company: CompanyId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.store.begin(&CompanyAccess::of_system(company)).await?;
        let mut tx = SyncTx::new(tx, now, 1);
        let collected = tx.collect().await?;
        tx.commit().await?;
        if collected.tombstones > 0 || collected.expired > 0 {
            tracing::info!(company.id = %company, collected.tombstones, collected.expired, "tombstones were collected");
        }
        Ok(())
    }

    async fn compare_records(&self, job: &Job) -> Result<(), JobError> {
        let (company, edge) = edge_of(job)?;
        let mut tx = self.store.begin_frozen(&CompanyAccess::of_system(company)).await?;
        record_digest::compare(&mut tx, edge, self.clock.now()).await?;
        job::done(tx.connection(), job).await?;
        Ok(tx.commit().await?)
    }

    async fn compare(&self, job: &Job) -> Result<(), JobError> {
        let (company, edge) = edge_of(job)?;
        let mut tx = self.store.begin(&CompanyAccess::of_system(company)).await?;
        digest::compare(&mut tx, edge, self.clock.now()).await?;
        job::done(tx.connection(), job).await?;
        Ok(tx.commit().await?)
    }
}

/// The edge that a job is about.
fn edge_of(job: &Job) -> Result<(CompanyId, EdgeId), JobError> {
    let (Some(company), Ok(edge)) = (job.company, job.key.parse::<EdgeId>()) else {
        let (queue, key) = (job.queue.as_str(), job.key.clone());
        return Err(JobError::Unreadable { queue, key, company: job.company.is_some() });
    };
    Ok((company, edge))
}
