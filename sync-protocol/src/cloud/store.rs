//! What the cloud's side asks of its database: one transaction of one company.

use std::collections::BTreeSet;
use std::future::Future;

use shared_model::{EdgeId, FieldMap, Kind, SiteId};
use uuid::Uuid;

use crate::change::BadChange;
use crate::message::{ConflictState, Lease};
use crate::mutation::{Rule, is_off};
use crate::scope::site_of;
use crate::{
    Chain, Change, ChangeHash, Conflict, ConflictId, Dot, Effect, LedgerEntry, Mark, Origin, Record, Slot,
    Stream, VersionVector,
};

/// One log of one origin.
pub type LogId = (Origin, Stream);

/// A record's name within its company.
pub type RecordKey = (Kind, Uuid);

/// Where a company's feed stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompanyState {
    /// Changes when the database was restored to an earlier time. Starts at 1.
    pub feed_epoch: u32,
    /// The last place given out in the feed.
    pub feed_head: i64,
    /// Tombstones at or below this place may be gone.
    pub horizon: i64,
    /// Whether the write-ahead log is archived off the host. If not, what is applied is reported as durable.
    pub archived: bool,
    /// Origins that are closed and whose changes every open origin has.
    pub folded: VersionVector,
}

/// How far one log has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// The enrolment that it belongs to.
    pub edge: EdgeId,
    /// The last row applied.
    pub applied: i64,
    /// The chain there.
    pub chain: Chain,
    /// The last row known to be archived off the host; without meaning when nothing is archived.
    pub durable: i64,
    /// The session that may write; the same for both logs of an origin.
    pub lease: Lease,
    /// The feed epoch in which the origin was first met.
    pub epoch_born: u32,
    /// Whether it was silent for so long that tombstones no longer wait for it.
    pub expired: bool,
}

impl LogState {
    /// Whether a session is the log's newest.
    #[must_use]
    pub fn is_led_by(&self, lease: Lease) -> bool {
        let same_number = self.lease.no == lease.no;
        let same_nonce = self.lease.nonce == lease.nonce || is_off(Rule::Nonce);
        (same_number && same_nonce) || is_off(Rule::Lease)
    }
}

/// A row of the ledger stream that is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct LedgerRow<'a> {
    /// The log that it came by.
    pub origin: Origin,
    /// Its place there.
    pub seq: i64,
    /// The enrolment that sent it.
    pub edge: EdgeId,
    /// The entry.
    pub entry: &'a LedgerEntry,
}

/// What became of a record change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Merged, with what it did.
    Merged(Effect),
    /// It had been considered before, under another origin.
    Repeated,
    /// Kept aside.
    Quarantined,
}

/// A change that has been considered, whatever became of it. Its identity must be findable for good.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedChange<'a> {
    /// Its place in its origin's log.
    pub dot: Dot,
    /// The enrolment that sent it.
    pub edge: EdgeId,
    /// By what it is known even when it comes by another origin.
    pub identity: ChangeHash,
    /// The change; `None` for a line that is none.
    pub change: Option<&'a Change>,
    /// The line as it came.
    pub line: &'a [u8],
    /// What became of it.
    pub outcome: Outcome,
}

/// A record as it is after one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// Which record.
    pub key: RecordKey,
    /// Its values before the batch; `None` when it was not there.
    pub before: Option<FieldMap>,
    /// The record now. Its `fseq` is the old one: the store gives it a new place in the feed.
    pub record: Record,
}

/// Everything that a run of record changes does. Stored whole or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeBatch<'a> {
    /// The records, one write each, in the order of their last change.
    pub records: Vec<RecordWrite>,
    /// Every change, in order.
    pub log: Vec<LoggedChange<'a>>,
    /// The conflicts found.
    pub conflicts: Vec<Conflict>,
    /// The rows kept aside.
    pub quarantined: Vec<Quarantined>,
    /// What became of conflict rows, those of this batch included: each is published again with its new state.
    pub moved: Vec<ConflictMove>,
}

/// A conflict row that waits, as far as it decides what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenConflict {
    /// The row.
    pub id: ConflictId,
    /// The record.
    pub key: RecordKey,
    /// The disputed slot; `None` where the whole record is.
    pub slot: Option<Slot>,
    /// The changes that the standing values came from.
    pub standing: Vec<Dot>,
    /// The changes that the arriving values came from.
    pub arriving: Vec<Dot>,
}

/// What became of a conflict row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConflictMove {
    /// The row.
    pub id: ConflictId,
    /// Its state now. Still open: its record went to another site, whose edges have not seen it.
    pub state: ConflictState,
}

/// Where a record went from a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The record.
    pub key: RecordKey,
    /// The site that it left.
    pub from: SiteId,
    /// The leave marker's place in the feed.
    pub fseq: i64,
}

impl RecordWrite {
    /// The record's site now; `None` = of the whole company.
    #[must_use]
    pub fn site(&self) -> Option<SiteId> {
        site_of(self.key.0, self.key.1, &self.record.fields)
    }

    /// The site that the record left in this batch, and where it went: the store puts a leave marker into the feed, after
    /// the record's own place.
    #[must_use]
    pub fn left(&self) -> Option<(SiteId, Option<SiteId>)> {
        let from = site_of(self.key.0, self.key.1, self.before.as_ref()?)?;
        let to = self.site();
        (to != Some(from)).then_some((from, to))
    }
}

/// A row that was not applied. It keeps its place in its log, and its edge is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The log that it came by.
    pub origin: Origin,
    /// Which of the logs.
    pub stream: Stream,
    /// Its place there.
    pub seq: i64,
    /// The enrolment that sent it.
    pub edge: EdgeId,
    /// The row, readable: a change's line, or a ledger entry as JSON.
    pub raw: Vec<u8>,
    /// Why.
    pub poison: Poison,
}

/// Why a row cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// A short fixed name, for counters.
    pub code: &'static str,
    /// The same for people.
    pub detail: String,
}

impl From<BadChange> for Poison {
    fn from(bad: BadChange) -> Self {
        Self { code: bad.code(), detail: bad.to_string() }
    }
}

/// A log that has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMove {
    /// Which log.
    pub log: LogId,
    /// The last row applied now, with the chain there.
    pub to: Mark,
    /// Places to keep for good: every 256th, and `to`.
    pub marks: Vec<Mark>,
}

/// One transaction of one company.
///
/// Calls are set-based: a batch of pushes from many edges costs as many statements as one. A method that returns
/// `Result<(), Poison>` inside takes back what it did when it reports a poison (a savepoint), so that the caller can find
/// the row and keep it aside.
pub trait CloudStore: Send {
    /// What goes wrong with the database.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Where the company's feed stands.
    fn company(&mut self) -> impl Future<Output = Result<CompanyState, Self::Error>> + Send;

    /// Locks logs until the end of the transaction and tells how far they have come, in the order asked. The store locks
    /// them in a fixed order, so that two transactions cannot wait for each other.
    fn logs(
        &mut self,
        of: &[LogId],
    ) -> impl Future<Output = Result<Vec<Option<LogState>>, Self::Error>> + Send;

    /// Registers both logs of an origin that is new here, empty, for an edge, in a feed epoch.
    fn open_logs(
        &mut self,
        origin: Origin,
        edge: EdgeId,
        epoch: u32,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Gives both logs of an origin to a session.
    fn set_lease(
        &mut self,
        origin: Origin,
        lease: Lease,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The marks that are kept at any of these places.
    fn marks(
        &mut self,
        log: LogId,
        at: &[i64],
    ) -> impl Future<Output = Result<Vec<Mark>, Self::Error>> + Send;

    /// Moves logs on and keeps their marks.
    fn advance(&mut self, moves: &[LogMove]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Stores ledger rows and their delivery order. A punch or observation that is there already changes nothing.
    fn store_ledger(
        &mut self,
        rows: &[LedgerRow<'_>],
    ) -> impl Future<Output = Result<Result<(), Poison>, Self::Error>> + Send;

    /// Keeps rows aside and puts a notice for their edges into the feed.
    fn quarantine(&mut self, rows: &[Quarantined]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Which of these changes have been considered before.
    fn considered(
        &mut self,
        changes: &[ChangeHash],
    ) -> impl Future<Output = Result<BTreeSet<ChangeHash>, Self::Error>> + Send;

    /// The last record change applied of each of these origins, the cloud's own included; nothing for an unknown one.
    fn applied(
        &mut self,
        origins: &[Origin],
    ) -> impl Future<Output = Result<VersionVector, Self::Error>> + Send;

    /// Locks records until the end of the transaction and reads them, in the order asked.
    fn records(
        &mut self,
        keys: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<Option<Record>>, Self::Error>> + Send;

    /// Judges changes by what only the cloud knows: the actor's authority, the edge's sites, the write-authority of the
    /// kind, documents, references. One answer a change, in order.
    fn admit(
        &mut self,
        edge: EdgeId,
        changes: &[&Change],
    ) -> impl Future<Output = Result<Vec<Result<(), Poison>>, Self::Error>> + Send;

    /// The conflict rows of these records that wait.
    fn open_conflicts(
        &mut self,
        keys: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<OpenConflict>, Self::Error>> + Send;

    /// The leave markers of these records.
    fn departures(
        &mut self,
        keys: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<Departure>, Self::Error>> + Send;

    /// Stores what a run of changes does: the log; records at new places in the feed and, behind them, leave markers
    /// ([`RecordWrite::left`]), conflict rows, conflict rows that moved (in that order), and quarantine.
    fn store_changes(
        &mut self,
        batch: &ChangeBatch<'_>,
    ) -> impl Future<Output = Result<Result<(), Poison>, Self::Error>> + Send;
}
