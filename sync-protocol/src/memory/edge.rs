//! One edge's disk in memory. Every call is durable; a crash loses only the session; a copied disk is a clone.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared_model::{ActorId, EdgeId, FieldMap, Kind, Punch, PunchId};
use uuid::Uuid;

use crate::cloud::{Poison, RecordKey};
use crate::edge::{
    Acknowledged, Adopted, EdgeLog, EdgeState, EdgeStore, FeedPlace, FeedStore, FeedTx, Relog, Staging,
};
use crate::merge::{Rules, merge};
use crate::message::{Counts, FeedConflict, FeedNotice, Segment};
use crate::{
    Chain, Change, ConflictId, Dot, Hlc, LedgerEntry, Mark, Op, Origin, Record, Stream, VersionVector,
};

/// The bytes of a disk.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The present life.
    pub origin: Origin,
    /// The ledger.
    pub ledger: BTreeMap<PunchId, Punch>,
    /// The records as this edge shows them.
    pub records: BTreeMap<RecordKey, Record>,
    /// The present life's ledger log.
    pub ledger_log: Vec<LedgerEntry>,
    /// The present life's record log.
    pub oplog: Vec<Change>,
    /// For each row of the record log, the feed head at its acknowledgement.
    pub ack_fseq: BTreeMap<i64, i64>,
    /// The records as the cloud had them, at their places in the feed.
    pub base: BTreeMap<RecordKey, Record>,
    /// Rows of the record log that the cloud's state shows, or that were acknowledged by a clean place.
    pub settled: BTreeSet<i64>,
    /// Rows of the record log that the cloud keeps aside.
    pub aside: BTreeSet<i64>,
    /// Rows of this edge's logs that the cloud keeps aside, former lives' too.
    pub notices: BTreeMap<(Origin, Stream, i64), FeedNotice>,
    /// Conflict rows.
    pub conflicts: BTreeMap<ConflictId, FeedConflict>,
    /// Lines that could not be taken.
    pub parked: Vec<(Vec<u8>, Poison)>,
    /// The last place of the feed that was taken.
    pub cursor: i64,
    /// The last one with nothing behind it.
    pub clean: i64,
    /// Tombstones at or below this place are gone.
    pub horizon: i64,
    /// A snapshot that is wanted or under way.
    pub snapshot: Option<Staging>,
    staged: Vec<Vec<u8>>,
    /// Punches that came by the feed and are in no log.
    undelivered: BTreeSet<PunchId>,
    /// Every renumbering of this disk, in order: a form that was opened before one must follow it.
    pub relogs: Vec<Relog>,
    /// Logs of former lives, with their rows.
    pub closed: Vec<(Segment, Vec<LedgerEntry>, Vec<Change>)>,
    /// The enrolment.
    pub edge_id: EdgeId,
    lease_no: i64,
    feed_epoch: u32,
    scope_ver: u32,
    hlc: Hlc,
    chains: BTreeMap<Stream, Vec<Chain>>,
    acked: BTreeMap<Stream, (i64, i64)>,
}

/// What a person at the edge does to a record.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which record.
    pub key: RecordKey,
    /// What is done.
    pub op: Op,
    /// What the form had shown.
    pub saw: VersionVector,
    /// The fields that were changed.
    pub fields: FieldMap,
}

/// One edge's disk behind the store's trait.
#[derive(Debug)]
pub struct MemoryEdge(Mutex<Disk>);

impl MemoryEdge {
    /// An empty disk.
    #[must_use]
    pub fn new(edge_id: EdgeId, origin: Origin) -> Self {
        Self(Mutex::new(Disk {
            origin,
            ledger: BTreeMap::new(),
            records: BTreeMap::new(),
            ledger_log: Vec::new(),
            oplog: Vec::new(),
            ack_fseq: BTreeMap::new(),
            base: BTreeMap::new(),
            settled: BTreeSet::new(),
            aside: BTreeSet::new(),
            notices: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            parked: Vec::new(),
            cursor: 0,
            clean: 0,
            horizon: 0,
            snapshot: None,
            staged: Vec::new(),
            undelivered: BTreeSet::new(),
            relogs: Vec::new(),
            closed: Vec::new(),
            edge_id,
            lease_no: 0,
            feed_epoch: 0,
            scope_ver: 0,
            hlc: Hlc::default(),
            chains: BTreeMap::new(),
            acked: BTreeMap::new(),
        }))
    }

    /// A copy of the disk as it is now.
    #[must_use]
    pub fn image(&self) -> Disk {
        self.disk().clone()
    }

    /// Looks at the disk.
    pub fn look<T>(&self, at: impl FnOnce(&Disk) -> T) -> T {
        at(&self.disk())
    }

    /// Puts a copy in the disk's place.
    pub fn restore(&self, image: Disk) {
        *self.disk() = image;
    }

    /// Stores a ledger entry; a punch that is there already is not logged again.
    pub fn collect(&self, entry: LedgerEntry) {
        let mut disk = self.disk();
        if let LedgerEntry::Punch(punch) = &entry {
            if disk.ledger.contains_key(&punch.id) {
                return;
            }
            disk.ledger.insert(punch.id, punch.clone());
        }
        disk.log_entry(entry);
    }

    /// Moves the disk's hybrid clock on; never back.
    pub fn tick(&self, to: Hlc) {
        let mut disk = self.disk();
        disk.hlc = disk.hlc.max(to);
    }

    /// The disk's hybrid clock.
    #[must_use]
    pub fn hlc(&self) -> Hlc {
        self.disk().hlc
    }

    /// Writes edits as one transaction; those to records that are not there are left out.
    pub fn edit(&self, edits: &[Edit]) {
        self.edit_as(edits, ActorId::SYSTEM, None);
    }

    /// The same under an actor's name, settling a conflict; returns what was written.
    pub fn edit_as(&self, edits: &[Edit], actor: ActorId, resolves: Option<ConflictId>) -> Vec<Change> {
        let mut disk = self.disk();
        let first = disk.head(Stream::Records) + 1;
        let mut written = Vec::new();
        for Edit { key, op, saw, fields } in edits {
            let dot = Dot::new(disk.origin, disk.head(Stream::Records) + 1);
            disk.hlc = Hlc::from_number(disk.hlc.number() + 1);
            let change = Change {
                dot,
                hlc: disk.hlc,
                grp: first,
                kind: key.0.number().into(),
                key: key.1,
                op: *op,
                ctx: saw.clone(),
                fields: fields.clone(),
                seen: disk.cursor,
                actor,
                resolves,
                relog_of: None,
                ver: 1,
            };
            let record = disk.records.get(key).cloned();
            if let Ok(merged) = merge(record, &change, Rules::of(key.0, saw, &VersionVector::new())) {
                disk.records.insert(*key, merged.record);
                disk.log_change(change.clone());
                written.push(change);
            }
        }
        written
    }

    /// Writes a change as another store has numbered it, for comparing the two.
    pub fn copy(&self, change: Change) {
        let mut disk = self.disk();
        let Some(kind) = change.known_kind() else { return };
        disk.hlc = disk.hlc.max(change.hlc);
        let record = disk.records.get(&(kind, change.key)).cloned();
        let folded = VersionVector::new();
        if let Ok(merged) = merge(record, &change, Rules::of(kind, &change.ctx, &folded)) {
            disk.records.insert((kind, change.key), merged.record);
        }
        disk.log_change(change);
    }

    /// A record as this edge shows it.
    #[must_use]
    pub fn record(&self, kind: Kind, key: Uuid) -> Option<Record> {
        self.disk().records.get(&(kind, key)).cloned()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// The last row of a log.
    #[must_use]
    pub fn head(&self, stream: Stream) -> i64 {
        self.chains.get(&stream).map_or(0, |chains| i64::try_from(chains.len()).unwrap_or(i64::MAX))
    }

    /// The last row of a log that the cloud has applied, as far as the disk knows.
    #[must_use]
    pub fn acked(&self, stream: Stream) -> i64 {
        self.acked.get(&stream).map_or(0, |(acked, _)| *acked)
    }

    /// Whether the cloud has applied everything, as far as the disk knows.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        Stream::ALL.into_iter().all(|stream| self.acked(stream) == self.head(stream))
    }

    fn chain(&self, stream: Stream, seq: i64) -> Option<Chain> {
        if seq == 0 {
            return Some(Chain::start(self.origin, stream));
        }
        self.chains.get(&stream)?.get(usize::try_from(seq - 1).ok()?).copied()
    }

    /// The chain of a former life's log, from its start on.
    fn closed_chains(&self, origin: Origin, stream: Stream) -> Vec<Chain> {
        let mut chains = Vec::new();
        let closed = |(segment, ..): &&(Segment, _, _)| (segment.origin, segment.stream) == (origin, stream);
        if let Some((_, entries, changes)) = self.closed.iter().find(closed) {
            let mut at = Chain::start(origin, stream);
            chains.push(at);
            let items = entries.iter().map(LedgerEntry::chain_item);
            for item in items.chain(changes.iter().map(Change::chain_item)) {
                at = at.then(&item);
                chains.push(at);
            }
        }
        chains
    }

    /// The changes of the present life that the cloud's state does not show yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Change> {
        self.oplog
            .iter()
            .filter(|change| !self.settled.contains(&change.dot.seq) && !self.aside.contains(&change.dot.seq))
    }

    fn extend(&mut self, stream: Stream, item: &crate::chain::Item) {
        let last = self.chain(stream, self.head(stream));
        let next = last.unwrap_or_else(|| Chain::start(self.origin, stream)).then(item);
        self.chains.entry(stream).or_default().push(next);
    }

    fn log_entry(&mut self, entry: LedgerEntry) {
        self.extend(Stream::Ledger, &entry.chain_item());
        self.ledger_log.push(entry);
    }

    fn log_change(&mut self, change: Change) {
        self.extend(Stream::Records, &change.chain_item());
        self.oplog.push(change);
    }

    fn close(&mut self, stream: Stream, common: i64) -> (Vec<LedgerEntry>, Vec<Change>) {
        let place = usize::try_from(common).unwrap_or(usize::MAX);
        let (entries, changes, tail) = match stream {
            Stream::Ledger => {
                let tail = self.ledger_log.split_off(place.min(self.ledger_log.len()));
                (std::mem::take(&mut self.ledger_log), Vec::new(), (tail, Vec::new()))
            }
            Stream::Records => {
                let tail = self.oplog.split_off(place.min(self.oplog.len()));
                (Vec::new(), std::mem::take(&mut self.oplog), (Vec::new(), tail))
            }
        };
        if let Some(chain) = self.chain(stream, common).filter(|_| common > 0) {
            let segment = Segment { origin: self.origin, stream, head: common, chain };
            self.closed.push((segment, entries, changes));
        }
        tail
    }
}

impl EdgeStore for MemoryEdge {
    type Error = Infallible;

    async fn state(&self) -> Result<EdgeState, Infallible> {
        let disk = self.disk();
        let log = |stream| {
            let head = disk.head(stream);
            let (acked, durable) = disk.acked.get(&stream).copied().unwrap_or_default();
            let chain = disk.chain(stream, head).unwrap_or_else(|| Chain::start(disk.origin, stream));
            (stream, EdgeLog { head, chain, acked, durable })
        };
        Ok(EdgeState {
            edge_id: disk.edge_id,
            origin: disk.origin,
            lease_no: disk.lease_no,
            feed_epoch: disk.feed_epoch,
            cursor: disk.cursor,
            clean: disk.clean,
            scope_ver: disk.scope_ver,
            hlc: disk.hlc,
            logs: Stream::ALL.map(log).into(),
            closed: disk.closed.iter().map(|(segment, ..)| *segment).collect(),
            counts: Counts::default(),
        })
    }

    async fn take_lease(&self, no: i64) -> Result<(), Infallible> {
        let mut disk = self.disk();
        disk.lease_no = disk.lease_no.max(no);
        Ok(())
    }

    async fn chain_at(
        &self,
        origin: Origin,
        stream: Stream,
        places: &[i64],
    ) -> Result<Vec<Mark>, Infallible> {
        let disk = self.disk();
        if disk.origin != origin {
            let chains = disk.closed_chains(origin, stream);
            let mark = |seq: &i64| Some(Mark { seq: *seq, chain: *chains.get(usize::try_from(*seq).ok()?)? });
            return Ok(places.iter().filter_map(mark).collect());
        }
        let mark = |seq: &i64| Some(Mark { seq: *seq, chain: disk.chain(stream, *seq)? });
        Ok(places.iter().filter_map(mark).collect())
    }

    async fn ledger_rows(
        &self,
        origin: Origin,
        from: i64,
        rows: usize,
    ) -> Result<Vec<LedgerEntry>, Infallible> {
        let disk = self.disk();
        let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let closed =
            |(segment, ..): &&(Segment, _, _)| segment.origin == origin && segment.stream == Stream::Ledger;
        let log = match disk.closed.iter().find(closed) {
            _ if disk.origin == origin => &disk.ledger_log[..],
            Some((_, entries, _)) => &entries[..],
            None => &[],
        };
        Ok(log.iter().skip(skip).take(rows).cloned().collect())
    }

    async fn record_rows(&self, origin: Origin, from: i64, rows: usize) -> Result<Vec<Change>, Infallible> {
        let disk = self.disk();
        let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let closed =
            |(segment, ..): &&(Segment, _, _)| segment.origin == origin && segment.stream == Stream::Records;
        let log = match disk.closed.iter().find(closed) {
            _ if disk.origin == origin => &disk.oplog[..],
            Some((_, _, changes)) => &changes[..],
            None => &[],
        };
        Ok(log.iter().skip(skip).take(rows).cloned().collect())
    }

    async fn acknowledge(&self, what: &Acknowledged) -> Result<(), Infallible> {
        let mut disk = self.disk();
        if disk.origin != what.origin {
            return Ok(());
        }
        let (acked, durable) = disk.acked.get(&what.stream).copied().unwrap_or_default();
        if what.restart && what.stream == Stream::Records {
            disk.ack_fseq.retain(|seq, _| *seq <= what.applied);
            disk.settled.retain(|seq| *seq <= what.applied);
            disk.aside.retain(|seq| *seq <= what.applied);
        }
        if what.stream == Stream::Records {
            for seq in 1..=what.applied {
                disk.ack_fseq.entry(seq).or_insert(what.feed_head);
            }
        }
        let now = if what.restart {
            (what.applied, what.durable)
        } else {
            (acked.max(what.applied), durable.max(what.durable))
        };
        disk.acked.insert(what.stream, now);
        Ok(())
    }

    async fn adopt(&self, what: &Adopted) -> Result<(), Infallible> {
        let mut disk = self.disk();
        (disk.feed_epoch, disk.scope_ver) = (what.feed_epoch, what.scope_ver);
        Ok(())
    }

    async fn re_origin(
        &self,
        from: Origin,
        to: Origin,
        common: &BTreeMap<Stream, i64>,
    ) -> Result<(), Infallible> {
        let mut disk = self.disk();
        if disk.origin != from {
            return Ok(());
        }
        let at = |stream| common.get(&stream).copied().unwrap_or(0);
        let (entries, _) = disk.close(Stream::Ledger, at(Stream::Ledger));
        let (_, changes) = disk.close(Stream::Records, at(Stream::Records));
        disk.origin = to;
        disk.chains.clear();
        disk.acked.clear();
        disk.ack_fseq.clear();
        disk.settled.clear();
        disk.aside.clear();
        entries.into_iter().for_each(|entry| disk.log_entry(entry));
        let relog = Relog::new(from, to, common);
        disk.relogs.push(relog);
        for change in changes.iter().filter_map(|change| relog.change(change)) {
            disk.log_change(change);
        }
        disk.records.values_mut().for_each(|record| relog.record(record));
        Ok(())
    }
}

impl FeedStore for MemoryEdge {
    type Tx = Self;

    async fn feed<T, F>(&self, work: F) -> Result<T, Infallible>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, Infallible> + Send + 'static,
    {
        // Nothing here fails half-way, so nothing has to be taken back.
        work(self)
    }
}

impl FeedTx for MemoryEdge {
    type Error = Infallible;

    fn place(&self) -> Result<FeedPlace, Infallible> {
        let disk = self.disk();
        Ok(FeedPlace {
            origin: disk.origin,
            lease_no: disk.lease_no,
            feed_epoch: disk.feed_epoch,
            scope_ver: disk.scope_ver,
            cursor: disk.cursor,
            clean: disk.clean,
            horizon: disk.horizon,
            acked: disk.acked(Stream::Records),
            snapshot: disk.snapshot,
        })
    }

    fn set_place(&self, place: &FeedPlace) -> Result<(), Infallible> {
        let mut disk = self.disk();
        (disk.feed_epoch, disk.scope_ver) = (place.feed_epoch, place.scope_ver);
        (disk.cursor, disk.clean, disk.horizon) = (place.cursor, place.clean, place.horizon);
        disk.snapshot = place.snapshot;
        Ok(())
    }

    fn base(&self, key: RecordKey) -> Result<Option<Record>, Infallible> {
        Ok(self.disk().base.get(&key).cloned())
    }

    fn bases(&self, upto: i64, tombstones: bool) -> Result<Vec<RecordKey>, Infallible> {
        let disk = self.disk();
        let fits = |r: &Record| r.fseq <= upto && r.deleted.is_some() == tombstones;
        Ok(disk.base.iter().filter(|(_, record)| fits(record)).map(|(key, _)| *key).collect())
    }

    fn diverging(&self) -> Result<Vec<RecordKey>, Infallible> {
        let disk = self.disk();
        let differs = |(key, view): &(&RecordKey, &Record)| disk.base.get(key) != Some(view);
        Ok(disk.records.iter().filter(differs).map(|(key, _)| *key).collect())
    }

    fn waiting(&self, key: RecordKey) -> Result<Vec<Change>, Infallible> {
        let disk = self.disk();
        let of_key = |c: &&Change| (c.kind, c.key) == (u16::from(key.0.number()), key.1);
        Ok(disk.waiting().filter(of_key).cloned().collect())
    }

    fn acknowledged_by(&self, place: i64) -> Result<Vec<Change>, Infallible> {
        let disk = self.disk();
        let acked = |c: &&Change| disk.ack_fseq.get(&c.dot.seq).is_some_and(|fseq| *fseq <= place);
        Ok(disk.waiting().filter(acked).cloned().collect())
    }

    fn change(&self, seq: i64) -> Result<Option<Change>, Infallible> {
        let place = usize::try_from(seq - 1).ok();
        Ok(place.and_then(|place| self.disk().oplog.get(place).cloned()))
    }

    fn settle(&self, seqs: &[i64]) -> Result<(), Infallible> {
        self.disk().settled.extend(seqs);
        Ok(())
    }

    fn put(
        &self,
        key: RecordKey,
        base: Option<&Record>,
        view: Option<&Record>,
    ) -> Result<Result<(), Poison>, Infallible> {
        let mut disk = self.disk();
        let set = |map: &mut BTreeMap<RecordKey, Record>, record: Option<&Record>| match record {
            Some(record) => map.insert(key, record.clone()),
            None => map.remove(&key),
        };
        set(&mut disk.base, base);
        set(&mut disk.records, view);
        Ok(Ok(()))
    }

    fn put_conflict(&self, conflict: &FeedConflict) -> Result<(), Infallible> {
        self.disk().conflicts.insert(conflict.id, conflict.clone());
        Ok(())
    }

    fn drop_conflicts(&self, of: Option<RecordKey>) -> Result<(), Infallible> {
        let other = |row: &FeedConflict| {
            of.is_some_and(|(kind, key)| (row.kind, row.key) != (u16::from(kind.number()), key))
        };
        self.disk().conflicts.retain(|_, row| other(row));
        Ok(())
    }

    fn put_notice(&self, notice: &FeedNotice) -> Result<(), Infallible> {
        let mut disk = self.disk();
        if (notice.origin, notice.stream) == (disk.origin, Stream::Records) {
            disk.aside.insert(notice.seq);
        }
        disk.notices.insert((notice.origin, notice.stream, notice.seq), notice.clone());
        Ok(())
    }

    fn put_punch(&self, punch: &Punch) -> Result<(), Infallible> {
        let mut disk = self.disk();
        let Disk { ledger, undelivered, .. } = &mut *disk;
        if let Entry::Vacant(vacant) = ledger.entry(punch.id) {
            vacant.insert(punch.clone());
            undelivered.insert(punch.id);
        }
        Ok(())
    }

    fn log_undelivered(&self) -> Result<(), Infallible> {
        let mut disk = self.disk();
        for id in std::mem::take(&mut disk.undelivered) {
            if let Some(punch) = disk.ledger.get(&id).cloned() {
                disk.log_entry(LedgerEntry::Punch(punch));
            }
        }
        Ok(())
    }

    fn park(&self, line: &[u8], poison: &Poison) -> Result<(), Infallible> {
        self.disk().parked.push((line.to_vec(), poison.clone()));
        Ok(())
    }

    fn stage(&self, lines: &[Vec<u8>]) -> Result<(), Infallible> {
        self.disk().staged.extend_from_slice(lines);
        Ok(())
    }

    fn staged(&self, skip: usize, limit: usize) -> Result<Vec<Vec<u8>>, Infallible> {
        Ok(self.disk().staged.iter().skip(skip).take(limit).cloned().collect())
    }

    fn unstage(&self) -> Result<(), Infallible> {
        self.disk().staged.clear();
        Ok(())
    }
}
