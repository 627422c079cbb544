//! What the edge's side asks of its database.

use std::collections::BTreeMap;
use std::future::Future;

use shared_model::EdgeId;

use crate::message::{Counts, Scope, Segment};
use crate::{Chain, Change, Hlc, LedgerEntry, Mark, Origin, Stream};

/// How far one of the present origin's logs has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeLog {
    /// The last row written.
    pub head: i64,
    /// The chain there.
    pub chain: Chain,
    /// The last row that the cloud has applied, as far as this edge knows.
    pub acked: i64,
    /// The last row that the cloud calls durable.
    pub durable: i64,
}

/// The edge's bookkeeping, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeState {
    /// The enrolment.
    pub edge_id: EdgeId,
    /// The present life of the disk.
    pub origin: Origin,
    /// The last session number that was taken.
    pub lease_no: i64,
    /// The feed epoch that it knows; 0 before the first hello.
    pub feed_epoch: u32,
    /// Its place in the feed.
    pub cursor: i64,
    /// Its place at the last page with nothing more behind it.
    pub clean: i64,
    /// The scope that it knows.
    pub scope_ver: u32,
    /// Its hybrid logical clock.
    pub hlc: Hlc,
    /// Both logs.
    pub logs: BTreeMap<Stream, EdgeLog>,
    /// Logs of former origins.
    pub closed: Vec<Segment>,
    /// For display in the cloud.
    pub counts: Counts,
}

/// The cloud has applied rows of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Whose log: an acknowledgement for a former origin changes nothing.
    pub origin: Origin,
    /// Which log.
    pub stream: Stream,
    /// The last row applied.
    pub applied: i64,
    /// The last durable row.
    pub durable: i64,
    /// The cloud's feed head at that moment: kept with every row that is newly known to be applied.
    pub feed_head: i64,
    /// Chain values to keep.
    pub marks: Vec<Mark>,
    /// Set after the cloud was restored to an earlier time: `applied` counts even where more was acknowledged before.
    pub restart: bool,
}

/// What a hello taught the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The feed epoch.
    pub feed_epoch: u32,
    /// The scope's version.
    pub scope_ver: u32,
    /// What the edge may see.
    pub scope: Scope,
}

/// The edge's database. Each call is durable when it returns.
pub trait EdgeStore: Sync {
    /// What goes wrong with the database.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads the bookkeeping.
    fn state(&self) -> impl Future<Output = Result<EdgeState, Self::Error>> + Send;

    /// Stores the number of the session that is about to begin; never lowers it.
    fn take_lease(&self, no: i64) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The chain of a present log at these places, each at most `head`; places outside the log are left out.
    fn chain_at(
        &self,
        origin: Origin,
        stream: Stream,
        places: &[i64],
    ) -> impl Future<Output = Result<Vec<Mark>, Self::Error>> + Send;

    /// Ledger entries from place `from` on, at most `rows`, in order, without a gap.
    fn ledger_rows(
        &self,
        origin: Origin,
        from: i64,
        rows: usize,
    ) -> impl Future<Output = Result<Vec<LedgerEntry>, Self::Error>> + Send;

    /// Record changes from place `from` on, at most `rows`, in order, without a gap.
    fn record_rows(
        &self,
        origin: Origin,
        from: i64,
        rows: usize,
    ) -> impl Future<Output = Result<Vec<Change>, Self::Error>> + Send;

    /// Notes what the cloud has applied.
    fn acknowledge(&self, what: &Acknowledged) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Notes what a hello taught.
    fn adopt(&self, what: &Adopted) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Begins a new life: in one transaction, the common part of each log becomes a closed segment, the rest is logged
    /// again under `to`, and records that name rows of the rest are renumbered (all by [`crate::edge::Relog`]). Does
    /// nothing when `from` is not the present origin.
    fn re_origin(
        &self,
        from: Origin,
        to: Origin,
        common: &BTreeMap<Stream, i64>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
