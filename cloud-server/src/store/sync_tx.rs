//! One transaction of one company as the protocol's sessions see it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use shared_model::EdgeId;
use sync_protocol::cloud::{
    ChangeBatch, CloudStore, CompanyState, Departure, FeedRow, FeedStore, LedgerRow, LogId, LogMove,
    LogState, OpenConflict, OriginAck, Poison, Quarantined, RecordKey,
};
use sync_protocol::message::{Lease, Scope, SnapshotPlace};
use sync_protocol::{Change, ChangeHash, Mark, Origin, Record, VersionVector};

use super::audit::{Author, Via};
use super::{StoreError, TenantTx, admission, change, conflict, feed, ledger, origin, quarantine, record};

/// How often a transaction is tried again before a unique key that fails is taken for the row's own fault.
pub const TRIES: u32 = 3;

/// A company's transaction, and what it did that others must hear of after the commit.
#[derive(Debug)]
pub struct SyncTx {
    tx: TenantTx,
    now: DateTime<Utc>,
    attempt: u32,
    company: Option<CompanyState>,
    grew: bool,
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collected {
    /// Logs of origins that tombstones no longer wait for.
    pub expired: u64,
    /// Tombstones that went.
    pub tombstones: usize,
}

impl SyncTx {
    /// Begins with a transaction. `attempt` counts the tries of the same request, from 1.
    #[must_use]
    pub fn new(tx: TenantTx, now: DateTime<Utc>, attempt: u32) -> Self {
        Self { tx, now, attempt, company: None, grew: false }
    }

    /// The transaction.
    pub fn tenant(&mut self) -> &mut TenantTx {
        &mut self.tx
    }

    /// Whether something was stored that attendance depends on.
    #[must_use]
    pub fn grew(&self) -> bool {
        self.grew
    }

    /// Marks origins expired that are silent, and removes the tombstones that nobody needs any more.
    ///
    /// # Errors
    /// The database's, or a row that cannot be read.
    pub async fn collect(&mut self) -> Result<Collected, StoreError> {
        let oldest = feed::collection::note_place(&mut self.tx, self.now.date_naive()).await?;
        let expired = feed::collection::expire(&mut self.tx, self.now).await?;
        Ok(Collected { expired, tombstones: sync_protocol::cloud::collect(self, oldest).await? })
    }

    /// Commits.
    ///
    /// # Errors
    /// When the commit fails; nothing may be acknowledged then.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await
    }

    /// The first try goes without: nearly every batch is sound, and a savepoint costs two round trips. A fault of the
    /// data ends that transaction, and the next try finds the row.
    const fn is_careful(&self) -> bool {
        self.attempt > 1
    }

    async fn savepoint(&mut self) -> Result<(), StoreError> {
        if !self.is_careful() {
            return Ok(());
        }
        sqlx::raw_sql("SAVEPOINT batch").execute(self.tx.connection()).await?;
        Ok(())
    }

    /// Ends a savepoint: what was done since is taken back when the data is at fault, and the fault returned.
    async fn settle(&mut self, done: Result<(), StoreError>) -> Result<Result<(), Poison>, StoreError> {
        if !self.is_careful() {
            return done.map(Ok);
        }
        let end = match done {
            Ok(()) => Ok(()),
            Err(error) => Err(self.poison_of(error)?),
        };
        let finish = if end.is_ok() { "RELEASE SAVEPOINT batch" } else { "ROLLBACK TO SAVEPOINT batch" };
        sqlx::raw_sql(finish).execute(self.tx.connection()).await?;
        Ok(end)
    }

    /// Classes 22 (data) and 23 (constraints) are the row's fault, except that a unique key may have been taken by another
    /// transaction a moment ago: that is tried again first.
    fn poison_of(&self, error: StoreError) -> Result<Poison, StoreError> {
        let StoreError::Database(sqlx::Error::Database(database)) = &error else { return Err(error) };
        let code = database.code().unwrap_or_default();
        let raced = code == "23505" && self.attempt < TRIES;
        if raced || !(code.starts_with("22") || code.starts_with("23")) {
            return Err(error);
        }
        tracing::warn!(error = %database, "a row was refused by the database");
        Ok(Poison { code: "refused", detail: format!("the database refuses it ({code})") })
    }

    async fn company_state(&mut self) -> Result<CompanyState, StoreError> {
        if let Some(company) = &self.company {
            return Ok(company.clone());
        }
        let company = feed::state(&mut self.tx).await?;
        self.company = Some(company.clone());
        Ok(company)
    }
}

impl CloudStore for SyncTx {
    type Error = StoreError;

    async fn company(&mut self) -> Result<CompanyState, StoreError> {
        self.company_state().await
    }

    async fn logs(&mut self, of: &[LogId]) -> Result<Vec<Option<LogState>>, StoreError> {
        origin::lock(&mut self.tx, of).await
    }

    async fn open_logs(&mut self, origin: Origin, edge: EdgeId, epoch: u32) -> Result<(), StoreError> {
        origin::open(&mut self.tx, origin, Some(edge), epoch, self.now).await
    }

    async fn set_lease(&mut self, origin: Origin, lease: Lease) -> Result<(), StoreError> {
        origin::set_lease(&mut self.tx, origin, lease, self.now).await
    }

    async fn marks(&mut self, log: LogId, at: &[i64]) -> Result<Vec<Mark>, StoreError> {
        origin::marks(&mut self.tx, log, at).await
    }

    async fn advance(&mut self, moves: &[LogMove]) -> Result<(), StoreError> {
        origin::advance(&mut self.tx, moves, self.now).await
    }

    async fn store_ledger(&mut self, rows: &[LedgerRow<'_>]) -> Result<Result<(), Poison>, StoreError> {
        self.grew = true;
        self.savepoint().await?;
        let done = ledger::store(&mut self.tx, rows, self.now).await;
        self.settle(done).await
    }

    async fn quarantine(&mut self, rows: &[Quarantined]) -> Result<(), StoreError> {
        quarantine::keep(&mut self.tx, rows, self.now).await?;
        self.company = None;
        Ok(())
    }

    async fn considered(&mut self, changes: &[ChangeHash]) -> Result<BTreeSet<ChangeHash>, StoreError> {
        change::considered(&mut self.tx, changes).await
    }

    async fn applied(&mut self, origins: &[Origin]) -> Result<VersionVector, StoreError> {
        origin::applied(&mut self.tx, origins).await
    }

    async fn records(&mut self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        record::lock(&mut self.tx, keys).await
    }

    async fn admit(
        &mut self,
        edge: EdgeId,
        changes: &[&Change],
    ) -> Result<Vec<Result<(), Poison>>, StoreError> {
        admission::judge(&mut self.tx, edge, changes, self.now).await
    }

    async fn open_conflicts(&mut self, keys: &[RecordKey]) -> Result<Vec<OpenConflict>, StoreError> {
        conflict::open(&mut self.tx, keys).await
    }

    async fn departures(&mut self, keys: &[RecordKey]) -> Result<Vec<Departure>, StoreError> {
        feed::departures(&mut self.tx, keys).await
    }

    async fn store_changes(&mut self, batch: &ChangeBatch<'_>) -> Result<Result<(), Poison>, StoreError> {
        self.grew = true;
        self.company = None;
        let author = Author { actor: self.tx.actor(), via: Via::Sync, at: self.now };
        self.savepoint().await?;
        let done = change::store(&mut self.tx, batch, author).await;
        self.settle(done).await
    }
}

impl FeedStore for SyncTx {
    async fn feed(&mut self, after: i64, upto: i64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
        feed::page::rows(&mut self.tx, after, upto, limit).await
    }

    async fn snapshot(
        &mut self,
        edge: EdgeId,
        scope: &Scope,
        from: SnapshotPlace,
        limit: usize,
    ) -> Result<Vec<FeedRow>, StoreError> {
        feed::snapshot::rows(&mut self.tx, edge, scope, from, limit, self.now).await
    }

    async fn note_cursor(
        &mut self,
        origin: Origin,
        cursor: i64,
        head_r: i64,
        open: bool,
    ) -> Result<(), StoreError> {
        feed::collection::note_cursor(&mut self.tx, origin, cursor, head_r, open, self.now).await
    }

    async fn acks(&mut self) -> Result<Vec<OriginAck>, StoreError> {
        feed::collection::acks(&mut self.tx).await
    }

    async fn remove_tombstones(&mut self, upto: i64) -> Result<usize, StoreError> {
        self.company = None;
        feed::collection::remove_tombstones(&mut self.tx, upto).await
    }
}
