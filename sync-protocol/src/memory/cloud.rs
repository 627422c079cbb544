//! One company's cloud in memory. A transaction is a clone that is kept or dropped.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use shared_model::{ActorId, EdgeId, Kind, Punch, PunchId, SiteId};

use crate::authority;
use crate::cloud::{
    ChangeBatch, CloudStore, CompanyState, Departure, FeedRow, FeedStore, LedgerRow, LogId, LogMove,
    LogState, LoggedChange, OpenConflict, OriginAck, Outcome, Poison, Quarantined, RecordKey, RecordWrite,
    merge_own,
};
use crate::memory::Edit;
use crate::merge::Rules;
use crate::message::{
    ConflictState, FeedConflict, FeedLeft, FeedNotice, FeedPunch, FeedRecord, Lease, Scope, SnapshotPlace,
};
use crate::scope::site_of;
use crate::{
    Chain, Change, ChangeHash, Conflict, ConflictId, Dot, Hlc, LedgerEntry, Mark, Observation, Origin,
    Record, Stream, VersionVector, Watermark,
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
    /// Conflicts, as they were found.
    pub conflicts: BTreeMap<ConflictId, Conflict>,
    /// Conflict rows, as they were last published.
    pub disputes: BTreeMap<ConflictId, FeedConflict>,
    /// What the feed carries beside records, by its place.
    pub side: BTreeMap<i64, FeedRow>,
    /// Which record stands at a place of the feed.
    pub at: BTreeMap<i64, RecordKey>,
    /// What each origin has committed of the feed, and the head of its record log then.
    pub acks: BTreeMap<Origin, (i64, i64)>,
    /// Rows kept aside.
    pub aside: Vec<Quarantined>,
    /// The last change of the company's own origin.
    pub own: Option<Dot>,
    /// The site whose edges need a punch, wherever it was made; without it punches do not travel down.
    pub home: Option<fn(&Punch) -> SiteId>,
    /// Actors that lost their authority, with the place in the feed at which the edges could know.
    pub revoked: BTreeMap<ActorId, i64>,
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
                let Entry::Vacant(vacant) = self.ledger.entry(punch.id) else { return };
                vacant.insert(punch.clone());
                if let Some(home) = self.home {
                    self.publish(|fseq| FeedRow::Punch(Some(home(punch)), FeedPunch::new(punch, fseq)));
                }
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

    /// Begins a life of the cloud: at first, and at each new feed epoch.
    pub fn begin_life(&mut self, origin: Origin) {
        self.own = Some(Dot { origin, seq: 0 });
    }

    /// Writes a change of the cloud's own users; `None` for one to a record that is not there, or before the first life.
    pub fn edit(&mut self, edit: &Edit, actor: ActorId, resolves: Option<ConflictId>) -> Option<Change> {
        let own = self.own?;
        let dot = Dot::new(own.origin, own.seq + 1);
        let Edit { key, op, saw, fields } = edit;
        let change = Change {
            dot,
            hlc: Hlc::from_number(self.company.feed_head),
            grp: dot.seq,
            kind: key.0.number().into(),
            key: key.1,
            op: *op,
            ctx: saw.clone(),
            fields: fields.clone(),
            seen: self.company.feed_head,
            actor,
            resolves,
            relog_of: None,
            ver: 1,
        };
        let standing = self.records.get(key).cloned();
        let before = standing.as_ref().map(|record| record.fields.clone());
        let open = super::ready(self.open_conflicts(&[*key])).unwrap_or_else(|never| match never {});
        let rules = Rules::of(key.0, saw, &self.company.folded);
        let (merged, moved) = merge_own(standing, &change, rules, open).ok()?;
        let line = change.line();
        let batch = ChangeBatch {
            records: vec![RecordWrite { key: *key, before, record: merged.record }],
            log: vec![LoggedChange {
                dot,
                edge: EdgeId::from_uuid(uuid::Uuid::nil()),
                identity: change.identity(),
                change: Some(&change),
                line: &line,
                outcome: Outcome::Merged(merged.effect),
            }],
            conflicts: merged.conflicts,
            quarantined: Vec::new(),
            moved,
        };
        super::ready(self.store_changes(&batch)).unwrap_or_else(|never| match never {}).ok()?;
        self.own = Some(dot);
        let chain = Chain::start(dot.origin, Stream::Records);
        let log = self.logs.entry((dot.origin, Stream::Records)).or_insert_with(|| LogState {
            edge: EdgeId::from_uuid(uuid::Uuid::nil()),
            applied: 0,
            chain,
            durable: 0,
            lease: Lease { no: 0, nonce: crate::message::Nonce::from_bytes([0; 8]) },
            epoch_born: 0,
            expired: false,
        });
        log.applied = dot.seq;
        Some(change)
    }

    /// Puts a row into the feed that stands for nothing here: what a newer cloud or a broken one may hand out.
    pub fn publish_foreign(&mut self, record: FeedRecord, site: Option<SiteId>) {
        self.publish(|fseq| FeedRow::Foreign(Box::new(FeedRecord { fseq, ..record }), site));
    }

    /// Puts a row beside the records into the feed.
    fn publish(&mut self, row: impl FnOnce(i64) -> FeedRow) {
        self.company.feed_head += 1;
        let fseq = self.company.feed_head;
        self.side.insert(fseq, row(fseq));
    }

    fn write_record(&mut self, write: &RecordWrite) {
        if let Some(old) = self.records.get(&write.key) {
            self.at.remove(&old.fseq);
        }
        self.company.feed_head += 1;
        let fseq = self.company.feed_head;
        self.at.insert(fseq, write.key);
        self.records.insert(write.key, Record { fseq, ..write.record.clone() });
    }

    fn publish_conflict(&mut self, mut row: FeedConflict) {
        row.fseq = self.company.feed_head + 1;
        self.disputes.insert(row.id, row.clone());
        self.publish(|_| FeedRow::Conflict(Box::new(row)));
    }

    /// The record's place and site now.
    fn place_of(&self, key: RecordKey) -> (i64, Option<SiteId>) {
        let record = self.records.get(&key);
        (
            record.map_or(0, |record| record.fseq),
            record.and_then(|record| site_of(key.0, key.1, &record.fields)),
        )
    }

    fn keep_aside(&mut self, rows: &[Quarantined]) {
        for row in rows {
            self.publish(|fseq| FeedRow::Notice(row.edge, notice(row, fseq)));
        }
        self.aside.extend_from_slice(rows);
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
        self.keep_aside(rows);
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
            Some(_) | None => authority::judge(change, self.revoked.get(&change.actor).copied()),
        };
        Ok(changes.iter().map(judge).collect())
    }

    async fn open_conflicts(&mut self, keys: &[RecordKey]) -> Result<Vec<OpenConflict>, Infallible> {
        self.calls += 1;
        let open = |row: &&FeedConflict| {
            row.state == ConflictState::Open
                && keys.iter().any(|key| (u16::from(key.0.number()), key.1) == (row.kind, row.key))
        };
        let of = |row: &FeedConflict| {
            let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number)?;
            Some(OpenConflict {
                id: row.id,
                key: (kind, row.key),
                slot: row.slot,
                standing: row.standing_dots.clone(),
                arriving: row.arriving_dots.clone(),
            })
        };
        Ok(self.disputes.values().filter(open).filter_map(of).collect())
    }

    async fn departures(&mut self, keys: &[RecordKey]) -> Result<Vec<Departure>, Infallible> {
        self.calls += 1;
        let of = |row: &FeedRow| {
            let FeedRow::Left(FeedLeft { fseq, kind, key, from, .. }) = row else { return None };
            let kind = u8::try_from(*kind).ok().and_then(Kind::from_number)?;
            let departure = Departure { key: (kind, *key), from: *from, fseq: *fseq };
            keys.contains(&departure.key).then_some(departure)
        };
        Ok(self.side.values().filter_map(of).collect())
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
            self.write_record(write);
        }
        for write in &batch.records {
            if let Some((from, to)) = write.left() {
                let (kind, key) = write.key;
                self.publish(|fseq| {
                    FeedRow::Left(FeedLeft { fseq, kind: kind.number().into(), key, from, to })
                });
            }
        }
        for logged in &batch.log {
            let kept = KeptChange { dot: logged.dot, line: logged.line.to_vec(), outcome: logged.outcome };
            self.changes.entry(logged.identity).or_insert(kept);
        }
        for conflict in &batch.conflicts {
            let (rec_fseq, site) = self.place_of((conflict.kind, conflict.key));
            self.conflicts.insert(conflict.id, conflict.clone());
            self.publish_conflict(FeedConflict::new(conflict, rec_fseq, site, ConflictState::Open));
        }
        for moved in &batch.moved {
            let Some(row) = self.disputes.get(&moved.id).cloned() else { continue };
            let key = u8::try_from(row.kind).ok().and_then(Kind::from_number).map(|kind| (kind, row.key));
            let site = key.and_then(|key| self.place_of(key).1);
            self.publish_conflict(FeedConflict { state: moved.state, site, ..row });
        }
        self.keep_aside(&batch.quarantined);
        Ok(Ok(()))
    }
}

fn notice(row: &Quarantined, fseq: i64) -> FeedNotice {
    FeedNotice {
        fseq,
        origin: row.origin,
        stream: row.stream,
        seq: row.seq,
        code: row.poison.code.to_owned(),
        detail: row.poison.detail.clone(),
    }
}

impl FeedStore for MemoryCloud {
    async fn feed(&mut self, after: i64, upto: i64, limit: usize) -> Result<Vec<FeedRow>, Infallible> {
        self.calls += 1;
        let range = (std::ops::Bound::Excluded(after), std::ops::Bound::Included(upto));
        if after >= upto {
            return Ok(Vec::new());
        }
        let mut places: Vec<i64> = self.at.range(range).take(limit).map(|(fseq, _)| *fseq).collect();
        places.extend(self.side.range(range).take(limit).map(|(fseq, _)| *fseq));
        places.sort_unstable();
        places.truncate(limit);
        let row = |fseq: i64| match self.at.get(&fseq) {
            Some(key) => self.records.get(key).map(|r| FeedRow::Record(*key, Box::new(r.clone()))),
            None => self.side.get(&fseq).cloned(),
        };
        Ok(places.into_iter().filter_map(row).collect())
    }

    async fn snapshot(
        &mut self,
        edge: EdgeId,
        scope: &Scope,
        from: SnapshotPlace,
        limit: usize,
    ) -> Result<Vec<FeedRow>, Infallible> {
        self.calls += 1;
        Ok(match from {
            SnapshotPlace::Records(after) => {
                let number = |key: &RecordKey| (u16::from(key.0.number()), key.1);
                let mut records: Vec<_> = self.records.iter().collect();
                records.sort_by_key(|(key, _)| number(key));
                let later =
                    records.into_iter().filter(|(key, _)| after.is_none_or(|after| number(key) > after));
                later.take(limit).map(|(key, r)| FeedRow::Record(*key, Box::new(r.clone()))).collect()
            }
            SnapshotPlace::Conflicts(after) => {
                let open = self.disputes.values().filter(|row| row.state == ConflictState::Open);
                let later = open.filter(|row| after.is_none_or(|after| row.id > after));
                later.take(limit).map(|row| FeedRow::Conflict(Box::new(row.clone()))).collect()
            }
            SnapshotPlace::Notices(after) => {
                let place = |row: &&Quarantined| (row.origin, row.stream, row.seq);
                let mut rows: Vec<&Quarantined> = self.aside.iter().filter(|row| row.edge == edge).collect();
                rows.sort_by_key(place);
                let later = rows.into_iter().filter(|row| after.is_none_or(|after| place(row) > after));
                later.take(limit).map(|row| FeedRow::Notice(row.edge, notice(row, 0))).collect()
            }
            SnapshotPlace::Punches(after) => {
                let Some(home) = self.home else { return Ok(Vec::new()) };
                let earlier = self.ledger.values().rev().filter(|p| after.is_none_or(|after| p.id < after));
                let near = earlier.filter(|punch| scope.holds(Some(home(punch))));
                near.take(limit).map(|p| FeedRow::Punch(Some(home(p)), FeedPunch::new(p, 0))).collect()
            }
        })
    }

    async fn note_cursor(
        &mut self,
        origin: Origin,
        cursor: i64,
        head_r: i64,
        open: bool,
    ) -> Result<(), Infallible> {
        self.calls += 1;
        self.acks.insert(origin, (cursor, head_r));
        for stream in Stream::ALL {
            if let Some(log) = self.logs.get_mut(&(origin, stream)).filter(|_| open) {
                log.expired = false;
            }
        }
        Ok(())
    }

    async fn acks(&mut self) -> Result<Vec<OriginAck>, Infallible> {
        self.calls += 1;
        let of = |((origin, stream), log): (&LogId, &LogState)| {
            let (acked_fseq, head_at_ack) = self.acks.get(origin).copied().unwrap_or_default();
            let open = *stream == Stream::Records && !log.expired && !log.edge.uuid().is_nil();
            open.then_some(OriginAck { origin: *origin, acked_fseq, head_at_ack, applied: log.applied })
        };
        Ok(self.logs.iter().filter_map(of).collect())
    }

    async fn remove_tombstones(&mut self, upto: i64) -> Result<usize, Infallible> {
        self.calls += 1;
        let old = |(_, record): &(&RecordKey, &Record)| record.deleted.is_some() && record.fseq <= upto;
        let old: Vec<RecordKey> = self.records.iter().filter(old).map(|(key, _)| *key).collect();
        for key in &old {
            if let Some(record) = self.records.remove(key) {
                self.at.remove(&record.fseq);
                self.company.horizon = self.company.horizon.max(record.fseq);
            }
        }
        Ok(old.len())
    }
}
