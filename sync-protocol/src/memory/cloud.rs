//! One company's cloud in memory. A transaction is a clone that is kept or dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use shared_model::{EdgeId, Punch, PunchId};

use crate::cloud::{
    ChangeBatch, CloudStore, CompanyState, LedgerRow, LogId, LogMove, LogState, Outcome, Poison, Quarantined,
    RecordKey,
};
use crate::message::Lease;
use crate::{
    Chain, Change, ChangeHash, Conflict, ConflictId, Dot, LedgerEntry, Mark, Observation, Origin, Record,
    Stream, VersionVector, Watermark,
};

/// What is kept of a considered change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptChange {
    /// Its place.
    pub dot: Dot,
    /// The line as it came.
    pub line: Vec<u8>,
    /// What became of it.
    pub outcome: Outcome,
}

/// One company's cloud.
#[derive(Debug, Clone, Default)]
pub struct MemoryCloud {
    /// The feed's state; its head moves by itself.
    pub company: CompanyState,
    /// The logs of all origins.
    pub logs: BTreeMap<LogId, LogState>,
    /// Chain values that are kept.
    pub marks: BTreeMap<(LogId, i64), Chain>,
    /// The ledger.
    pub ledger: BTreeMap<PunchId, Punch>,
    /// Which punch or other entry was delivered in which place.
    pub ledger_log: BTreeMap<(Origin, i64), LedgerEntry>,
    /// Other readings, each once.
    pub observations: Vec<Observation>,
    /// The clocks' watermarks, in the order of arrival.
    pub watermarks: Vec<Watermark>,
    /// The records.
    pub records: BTreeMap<RecordKey, Record>,
    /// Every change that was considered, once, by its identity.
    pub changes: BTreeMap<ChangeHash, KeptChange>,
    /// Conflicts.
    pub conflicts: BTreeMap<ConflictId, Conflict>,
    /// Rows kept aside.
    pub aside: Vec<Quarantined>,
    /// The last change of the company's own origin.
    pub own: Option<Dot>,
    /// A constraint on ledger entries: those for which it is true are refused.
    pub refuse_entry: Option<fn(&LedgerEntry) -> bool>,
    /// A constraint on records: those for which it is true are refused.
    pub refuse_record: Option<fn(&Record) -> bool>,
    /// Changes that the company does not admit.
    pub refuse_change: Option<fn(&Change) -> bool>,
    /// Calls so far: shows that batches are handled as sets.
    pub calls: u64,
}

impl MemoryCloud {
    /// A company whose feed is in its first epoch.
    #[must_use]
    pub fn new() -> Self {
        Self { company: CompanyState { feed_epoch: 1, ..CompanyState::default() }, ..Self::default() }
    }

    fn put_entry(&mut self, row: &LedgerRow<'_>) {
        self.ledger_log.insert((row.origin, row.seq), row.entry.clone());
        match row.entry {
            LedgerEntry::Punch(punch) => {
                self.ledger.entry(punch.id).or_insert_with(|| punch.clone());
            }
            LedgerEntry::Observation(seen) => {
                let same = |o: &Observation| {
                    (o.punch, o.route, &o.reading) == (seen.punch, seen.route, &seen.reading)
                };
                if !self.observations.iter().any(same) {
                    self.observations.push(seen.clone());
                }
            }
            LedgerEntry::Watermark(mark) => self.watermarks.push(mark.clone()),
        }
    }

    fn refusal() -> Poison {
        Poison { code: "constraint", detail: "the database refuses it".to_owned() }
    }
}

impl CloudStore for MemoryCloud {
    type Error = Infallible;

    async fn company(&mut self) -> Result<CompanyState, Infallible> {
        self.calls += 1;
        Ok(self.company.clone())
    }

    async fn logs(&mut self, of: &[LogId]) -> Result<Vec<Option<LogState>>, Infallible> {
        self.calls += 1;
        Ok(of.iter().map(|log| self.logs.get(log).cloned()).collect())
    }

    async fn open_logs(&mut self, origin: Origin, edge: EdgeId, epoch: u32) -> Result<(), Infallible> {
        self.calls += 1;
        for stream in Stream::ALL {
            let state = LogState {
                edge,
                applied: 0,
                chain: Chain::start(origin, stream),
                durable: 0,
                lease: Lease { no: 0, nonce: crate::message::Nonce::from_bytes([0; 8]) },
                epoch_born: epoch,
                expired: false,
            };
            self.logs.insert((origin, stream), state);
        }
        Ok(())
    }

    async fn set_lease(&mut self, origin: Origin, lease: Lease) -> Result<(), Infallible> {
        self.calls += 1;
        for stream in Stream::ALL {
            if let Some(log) = self.logs.get_mut(&(origin, stream)) {
                log.lease = lease;
            }
        }
        Ok(())
    }

    async fn marks(&mut self, log: LogId, at: &[i64]) -> Result<Vec<Mark>, Infallible> {
        self.calls += 1;
        let kept = |seq: &i64| Some(Mark { seq: *seq, chain: *self.marks.get(&(log, *seq))? });
        Ok(at.iter().filter_map(kept).collect())
    }

    async fn advance(&mut self, moves: &[LogMove]) -> Result<(), Infallible> {
        self.calls += 1;
        for LogMove { log, to, marks } in moves {
            self.marks.extend(marks.iter().map(|mark| ((*log, mark.seq), mark.chain)));
            if let Some(state) = self.logs.get_mut(log) {
                (state.applied, state.chain) = (to.seq, to.chain);
            }
        }
        Ok(())
    }

    async fn store_ledger(&mut self, rows: &[LedgerRow<'_>]) -> Result<Result<(), Poison>, Infallible> {
        self.calls += 1;
        if rows.iter().any(|row| self.refuse_entry.is_some_and(|refuse| refuse(row.entry))) {
            return Ok(Err(Self::refusal()));
        }
        for row in rows {
            self.put_entry(row);
        }
        Ok(Ok(()))
    }

    async fn quarantine(&mut self, rows: &[Quarantined]) -> Result<(), Infallible> {
        self.calls += 1;
        self.company.feed_head += 1;
        self.aside.extend_from_slice(rows);
        Ok(())
    }

    async fn considered(&mut self, changes: &[ChangeHash]) -> Result<BTreeSet<ChangeHash>, Infallible> {
        self.calls += 1;
        Ok(changes.iter().copied().filter(|change| self.changes.contains_key(change)).collect())
    }

    async fn applied(&mut self, origins: &[Origin]) -> Result<VersionVector, Infallible> {
        self.calls += 1;
        let mut applied = VersionVector::new();
        for &origin in origins {
            let log = self.logs.get(&(origin, Stream::Records)).map(|log| log.applied);
            let own = self.own.filter(|own| own.origin == origin).map(|own| own.seq);
            if let Some(seq) = log.or(own) {
                // A vector has room for every origin that one context can name.
                let _ = applied.raise(Dot::new(origin, seq));
            }
        }
        Ok(applied)
    }

    async fn records(&mut self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, Infallible> {
        self.calls += 1;
        Ok(keys.iter().map(|key| self.records.get(key).cloned()).collect())
    }

    async fn admit(
        &mut self,
        _edge: EdgeId,
        changes: &[&Change],
    ) -> Result<Vec<Result<(), Poison>>, Infallible> {
        self.calls += 1;
        let judge = |change: &&Change| match self.refuse_change {
            Some(refuse) if refuse(change) => {
                Err(Poison { code: "scope", detail: "not its site".to_owned() })
            }
            Some(_) | None => Ok(()),
        };
        Ok(changes.iter().map(judge).collect())
    }

    async fn store_changes(&mut self, batch: &ChangeBatch<'_>) -> Result<Result<(), Poison>, Infallible> {
        self.calls += 1;
        let refused = |write: &crate::cloud::RecordWrite| {
            self.refuse_record.is_some_and(|refuse| refuse(&write.record))
        };
        if batch.records.iter().any(refused) {
            return Ok(Err(Self::refusal()));
        }
        for write in &batch.records {
            self.company.feed_head += 1;
            let record = Record { fseq: self.company.feed_head, ..write.record.clone() };
            self.records.insert(write.key, record);
        }
        for logged in &batch.log {
            let kept = KeptChange { dot: logged.dot, line: logged.line.to_vec(), outcome: logged.outcome };
            self.changes.entry(logged.identity).or_insert(kept);
        }
        self.company.feed_head +=
            i64::from(!batch.conflicts.is_empty()) + i64::from(!batch.quarantined.is_empty());
        self.conflicts.extend(batch.conflicts.iter().map(|conflict| (conflict.id, conflict.clone())));
        self.aside.extend_from_slice(&batch.quarantined);
        Ok(Ok(()))
    }
}
