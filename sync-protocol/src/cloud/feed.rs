//! What handing out the feed asks of the cloud's database.

use std::future::Future;

use shared_model::{EdgeId, SiteId};

use super::store::{CloudStore, RecordKey};
use crate::message::{
    FeedConflict, FeedItem, FeedLeft, FeedNotice, FeedPunch, FeedRecord, Scope, SnapshotPlace,
};
use crate::scope::site_of;
use crate::{Origin, Record};

/// A row of the feed or of a snapshot, as the store holds it: whoever it is for.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedRow {
    /// A record at its latest place ([`Record::fseq`]), tombstones too.
    Record(RecordKey, Box<Record>),
    /// A record of a kind that this version does not know (a newer version wrote it and was taken back).
    Foreign(Box<FeedRecord>, Option<SiteId>),
    /// A leave marker.
    Left(FeedLeft),
    /// A conflict row, at the place where it was written or last changed its state.
    Conflict(Box<FeedConflict>),
    /// A row in quarantine, and whose it is.
    Notice(EdgeId, FeedNotice),
    /// A punch, and the site that needs it; `None` = every site.
    Punch(Option<SiteId>, FeedPunch),
}

impl FeedRow {
    /// Its place in the feed.
    #[must_use]
    pub fn fseq(&self) -> i64 {
        match self {
            Self::Record(_, record) => record.fseq,
            Self::Foreign(record, _) => record.fseq,
            Self::Left(left) => left.fseq,
            Self::Conflict(conflict) => conflict.fseq,
            Self::Notice(_, notice) => notice.fseq,
            Self::Punch(_, punch) => punch.fseq,
        }
    }

    /// The item that an edge gets of it; `None` where it is none of its business.
    pub(super) fn item_for(self, edge: EdgeId, scope: &Scope) -> Option<FeedItem> {
        match self {
            Self::Record((kind, key), record) => scope
                .holds(site_of(kind, key, &record.fields))
                .then(|| FeedItem::Record(FeedRecord::new(kind, key, &record))),
            Self::Foreign(record, site) => scope.holds(site).then_some(FeedItem::Record(*record)),
            Self::Left(left) => {
                (scope.holds(Some(left.from)) && !scope.holds(left.to)).then_some(FeedItem::Left(left))
            }
            Self::Conflict(conflict) => scope.holds(conflict.site).then_some(FeedItem::Conflict(*conflict)),
            Self::Notice(whose, notice) => (whose == edge).then_some(FeedItem::Quarantine(notice)),
            Self::Punch(site, punch) => scope.holds(site).then_some(FeedItem::Punch(punch)),
        }
    }

    /// The place in a snapshot after this row.
    pub(super) fn snapshot_place(&self) -> SnapshotPlace {
        match self {
            Self::Record((kind, key), _) => SnapshotPlace::Records(Some((kind.number().into(), *key))),
            Self::Foreign(record, _) => SnapshotPlace::Records(Some((record.kind, record.key))),
            Self::Left(left) => SnapshotPlace::Records(Some((left.kind, left.key))),
            Self::Conflict(conflict) => SnapshotPlace::Conflicts(Some(conflict.id)),
            Self::Notice(_, notice) => {
                SnapshotPlace::Notices(Some((notice.origin, notice.stream, notice.seq)))
            }
            Self::Punch(_, punch) => SnapshotPlace::Punches(Some(punch.id)),
        }
    }
}

/// What an origin has acknowledged, for the collection of tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginAck {
    /// The origin.
    pub origin: Origin,
    /// The last place in the feed that it has committed.
    pub acked_fseq: i64,
    /// The head of its record log when it said so.
    pub head_at_ack: i64,
    /// The last record change of it that is applied.
    pub applied: i64,
}

/// Handing out the feed, within one transaction of one company.
pub trait FeedStore: CloudStore {
    /// The rows of the feed with a place above `after` and at most `upto`, by rising place, at most `limit`; whoever they
    /// are for. Each record stands at its latest place only.
    fn feed(
        &mut self,
        after: i64,
        upto: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FeedRow>, Self::Error>> + Send;

    /// The next rows of the part of a snapshot in which `from` lies, in that part's order, at most `limit`. Fewer than
    /// `limit` end the part. The store may leave out what is not for `edge` and `scope`.
    ///
    /// Records: all, tombstones too, by kind's number and key. Conflicts: the open ones, by id. Notices: the edge's open
    /// rows of quarantine, by origin, stream's letter and place. Punches: those of the scope's sites within the retention,
    /// by falling id.
    fn snapshot(
        &mut self,
        edge: EdgeId,
        scope: &Scope,
        from: SnapshotPlace,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FeedRow>, Self::Error>> + Send;

    /// Notes what an origin has committed of the feed, and the head of its record log then. `open` ends its expiry.
    fn note_cursor(
        &mut self,
        origin: Origin,
        cursor: i64,
        head_r: i64,
        open: bool,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What every origin of an edge has acknowledged that is neither expired nor closed.
    fn acks(&mut self) -> impl Future<Output = Result<Vec<OriginAck>, Self::Error>> + Send;

    /// Removes tombstones at or below a place, raises the horizon to the highest place removed, and tells how many went.
    fn remove_tombstones(&mut self, upto: i64) -> impl Future<Output = Result<usize, Self::Error>> + Send;
}
