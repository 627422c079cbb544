//! What taking the feed asks of the edge's database.
//!
//! The database holds two states of a record: the **base**, as the cloud had it at its place in the feed, and the
//! **view**, the base with the edge's own waiting changes merged onto it, which is what people see. They differ only
//! while a change waits.

use std::future::Future;

use shared_model::Punch;

use super::store::EdgeStore;
use crate::cloud::{Poison, RecordKey};
use crate::message::{FeedConflict, FeedNotice, SnapshotPlace};
use crate::{Change, Origin, Record};

/// A snapshot that is wanted or under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staging {
    /// The feed epoch that it is of.
    pub feed_epoch: u32,
    /// The scope that it is of.
    pub scope_ver: u32,
    /// The feed's head when it began; `None` before its first page.
    pub from: Option<i64>,
    /// The next page.
    pub next: SnapshotPlace,
}

/// The edge's place in the feed, and what taking a page depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPlace {
    /// The present life of the disk.
    pub origin: Origin,
    /// The last session number that was taken.
    pub lease_no: i64,
    /// The feed epoch.
    pub feed_epoch: u32,
    /// The scope.
    pub scope_ver: u32,
    /// The last place that was taken.
    pub cursor: i64,
    /// The last place that was taken with nothing more behind it.
    pub clean: i64,
    /// Tombstones at or below this place are gone.
    pub horizon: i64,
    /// The last row of the present record log that the cloud has applied, as far as is known here.
    pub acked: i64,
    /// The snapshot that must be taken before the next page.
    pub snapshot: Option<Staging>,
}

/// One write transaction of the edge's database: all of it happens, or none. Synchronous, as SQLite's writer is.
pub trait FeedTx {
    /// What goes wrong with the database.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The place in the feed.
    ///
    /// # Errors
    /// The database's, here and below.
    fn place(&self) -> Result<FeedPlace, Self::Error>;

    /// Stores `feed_epoch`, `scope_ver`, `cursor`, `clean`, `horizon` and `snapshot` of the place.
    fn set_place(&self, place: &FeedPlace) -> Result<(), Self::Error>;

    /// A record as the cloud had it; `None` where the cloud has not shown it.
    fn base(&self, key: RecordKey) -> Result<Option<Record>, Self::Error>;

    /// Every record of which there is a base, at or below a place, tombstones only if `tombstones`.
    fn bases(&self, upto: i64, tombstones: bool) -> Result<Vec<RecordKey>, Self::Error>;

    /// Every record whose view is not its base: changes of this edge were merged onto it, or there is no base.
    fn diverging(&self) -> Result<Vec<RecordKey>, Self::Error>;

    /// The waiting changes of the present origin to a record, in the order of their log.
    fn waiting(&self, key: RecordKey) -> Result<Vec<Change>, Self::Error>;

    /// The waiting changes of the present origin that the cloud had acknowledged by a place in the feed.
    fn acknowledged_by(&self, place: i64) -> Result<Vec<Change>, Self::Error>;

    /// A change of the present origin, waiting or not.
    fn change(&self, seq: i64) -> Result<Option<Change>, Self::Error>;

    /// Notes that changes of the present origin wait no longer.
    fn settle(&self, seqs: &[i64]) -> Result<(), Self::Error>;

    /// Stores base and view of a record (`None` removes them), what must be worked out again because of it, and the news
    /// for the pages. A constraint that the view breaks takes back what this call did and is returned.
    fn put(
        &self,
        key: RecordKey,
        base: Option<&Record>,
        view: Option<&Record>,
    ) -> Result<Result<(), Poison>, Self::Error>;

    /// Stores a conflict row, over an earlier state of it.
    fn put_conflict(&self, conflict: &FeedConflict) -> Result<(), Self::Error>;

    /// Removes the conflict rows of a record, or all.
    fn drop_conflicts(&self, of: Option<RecordKey>) -> Result<(), Self::Error>;

    /// Notes that the cloud keeps a row of this edge aside. A change of the present origin waits no longer.
    fn put_notice(&self, notice: &FeedNotice) -> Result<(), Self::Error>;

    /// Stores a punch that the ledger does not have; another reading of one that it has becomes an observation. It does
    /// not enter the log to the cloud.
    fn put_punch(&self, punch: &Punch) -> Result<(), Self::Error>;

    /// Writes the punches that came by the feed into the ledger log, so that they are sent: the cloud was put back to an
    /// earlier time and may have lost them.
    fn log_undelivered(&self) -> Result<(), Self::Error>;

    /// Keeps a line that cannot be taken (unknown here, or refused), for a person or a newer version.
    fn park(&self, line: &[u8], poison: &Poison) -> Result<(), Self::Error>;

    /// Keeps a snapshot's lines until it is whole.
    fn stage(&self, lines: &[Vec<u8>]) -> Result<(), Self::Error>;

    /// Kept lines after the first `skip`, in order, at most `limit`.
    fn staged(&self, skip: usize, limit: usize) -> Result<Vec<Vec<u8>>, Self::Error>;

    /// Forgets the kept lines.
    fn unstage(&self) -> Result<(), Self::Error>;
}

/// An edge's database that takes the feed.
pub trait FeedStore: EdgeStore {
    /// Its write transaction.
    type Tx: FeedTx<Error = Self::Error>;

    /// Runs `work` in a transaction, which is durable when this returns, or has not happened.
    fn feed<T, F>(&self, work: F) -> impl Future<Output = Result<T, Self::Error>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&Self::Tx) -> Result<T, Self::Error> + Send + 'static;
}
