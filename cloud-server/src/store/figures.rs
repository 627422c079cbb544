//! Figures of the whole cloud for a monitoring program: sums over all companies, never a company's own.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CompanyAccess, Store, StoreError, attention};

/// An edge that was silent for longer counts as away.
const SILENT: &str = "15 minutes";
/// A new life of an edge counts for so long.
const LATELY: &str = "1 day";

/// Sums over all companies; ages in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct Sums {
    /// Edges whose enrolment is in force.
    pub edges: i64,
    /// Of them, those that were not heard of lately.
    pub silent: i64,
    /// Of them, those whose data folder was lately put back or copied.
    pub new_lives: i64,
    /// The longest time for which one of them was not heard of.
    pub longest_silence: i64,
    /// Rows that waited at them when they last said hello.
    pub backlog: i64,
    /// Clocks with punches.
    pub clocks: i64,
    /// Clocks that were not read past the last half hour.
    pub clocks_behind: i64,
    /// Punches in the ledger.
    pub punches: i64,
    /// Rows in quarantine.
    pub quarantine: i64,
    /// Conflicts that wait.
    pub conflicts: i64,
    /// Places in the feeds.
    pub feed_places: i64,
    /// The most places by which an open origin's cursor is behind its feed.
    pub feed_behind: i64,
    /// Entries of the queue of recomputations.
    pub recompute: i64,
    /// The age of the oldest of them.
    pub recompute_age: i64,
}

/// One queue of jobs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct JobFigures {
    /// Its name.
    pub queue: String,
    /// Jobs that are due.
    pub due: i64,
    /// Jobs whose last try failed.
    pub failing: i64,
    /// For how long the oldest of the due ones has been, seconds.
    pub oldest_due: i64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CloudFigures {
    /// How many companies there are.
    pub companies: i64,
    /// Sums over them.
    pub sums: Sums,
    /// What needs a person's look.
    pub attention: attention::Waiting,
    /// The queues of jobs.
    pub jobs: Vec<JobFigures>,
    /// Connections to the database, and those of them that nobody uses.
    pub connections: (i64, i64),
}

impl Store {
    /// Reads the figures, company by company. Gives up after `patience`: a monitoring program asks again.
    ///
    /// # Errors
    /// The database's.
    pub async fn figures(
        &self,
        now: DateTime<Utc>,
        patience: Duration,
    ) -> Result<Option<CloudFigures>, StoreError> {
        tokio::time::timeout(patience, self.read_figures(now)).await.ok().transpose()
    }

    async fn read_figures(&self, now: DateTime<Utc>) -> Result<CloudFigures, StoreError> {
        let mut figures = CloudFigures::default();
        for company in self.companies().await? {
            let mut tx = self.begin(&CompanyAccess::of_system(company.company_id)).await?;
            let waiting = attention::count(&mut tx).await?;
            let sql = format!(
                "WITH heard AS (
                     SELECT e.hello, e.new_life_at,
                            greatest(e.last_seen, e.enrolled_at, (
                                SELECT max(o.last_seen) FROM origin_state o
                                WHERE o.company_id = e.company_id AND o.edge_id = e.edge_id)) AS at
                     FROM edge e WHERE e.company_id = $1 AND e.state = 'active')
                 SELECT (SELECT count(*) FROM heard) AS edges,
                     (SELECT count(*) FROM heard WHERE at < $2 - interval '{SILENT}') AS silent,
                     (SELECT count(*) FROM heard WHERE new_life_at > $2 - interval '{LATELY}') AS new_lives,
                     (SELECT coalesce(extract(epoch FROM $2 - min(at)), 0)::bigint FROM heard) AS longest_silence,
                     (SELECT coalesce(sum(CASE WHEN jsonb_typeof(hello #> '{{counts,outbox}}') = 'number'
                          THEN (hello #>> '{{counts,outbox}}')::numeric ELSE 0 END), 0)::bigint FROM heard) AS backlog,
                     (SELECT count(*) FROM clock_tally WHERE company_id = $1) AS clocks,
                     (SELECT count(*) FROM clock_tally t WHERE t.company_id = $1 AND NOT EXISTS (
                          SELECT FROM watermark w WHERE w.company_id = $1 AND w.serial = t.serial
                              AND w.through > $2 - interval '30 minutes')) AS clocks_behind,
                     (SELECT coalesce(sum(punches), 0)::bigint FROM clock_tally WHERE company_id = $1) AS punches,
                     (SELECT count(*) FROM quarantine WHERE company_id = $1 AND state = 'open') AS quarantine,
                     (SELECT count(*) FROM conflict WHERE company_id = $1 AND state = 'open') AS conflicts,
                     h.next_fseq - 1 AS feed_places,
                     (SELECT coalesce(max(h.next_fseq - 1 - o.acked_fseq), 0) FROM origin_state o
                      WHERE o.company_id = $1 AND o.stream = 'R' AND o.state = 'open' AND o.edge_id IS NOT NULL
                          AND o.epoch_born = h.feed_epoch AND o.last_seen > $2 - interval '{LATELY}') AS feed_behind,
                     (SELECT count(*) FROM recompute_queue WHERE company_id = $1) AS recompute,
                     (SELECT coalesce(extract(epoch FROM $2 - min(queued_at)), 0)::bigint FROM recompute_queue
                      WHERE company_id = $1) AS recompute_age
                 FROM feed_head h WHERE h.company_id = $1"
            );
            let one: Sums = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(company.company_id)
                .bind(now)
                .fetch_one(tx.connection())
                .await?;
            tx.rollback().await?;
            figures.companies += 1;
            figures.attention.shared_keys += waiting.shared_keys;
            figures.attention.without_key += waiting.without_key;
            figures.sums.add(one);
        }
        figures.jobs = sqlx::query_as(
            "SELECT queue, count(*) FILTER (WHERE run_at <= $1) AS due, count(last_error) AS failing,
                    coalesce(extract(epoch FROM $1 - min(run_at) FILTER (WHERE run_at <= $1)), 0)::bigint AS oldest_due
             FROM job GROUP BY queue ORDER BY queue",
        )
        .bind(now)
        .fetch_all(&self.pool)
        .await?;
        let idle = i64::try_from(self.pool.num_idle()).unwrap_or(i64::MAX);
        figures.connections = (self.pool.size().into(), idle);
        Ok(figures)
    }
}

impl Sums {
    fn add(&mut self, one: Self) {
        self.edges += one.edges;
        self.silent += one.silent;
        self.new_lives += one.new_lives;
        self.longest_silence = self.longest_silence.max(one.longest_silence);
        self.backlog += one.backlog;
        self.clocks += one.clocks;
        self.clocks_behind += one.clocks_behind;
        self.punches += one.punches;
        self.quarantine += one.quarantine;
        self.conflicts += one.conflicts;
        self.feed_places += one.feed_places;
        self.feed_behind = self.feed_behind.max(one.feed_behind);
        self.recompute += one.recompute;
        self.recompute_age = self.recompute_age.max(one.recompute_age);
    }
}
