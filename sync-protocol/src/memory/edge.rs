//! One edge's disk in memory. Every call is durable; a crash loses only the session; a copied disk is a clone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared_model::{ActorId, EdgeId, FieldMap, Kind, Punch, PunchId};
use uuid::Uuid;

use crate::cloud::RecordKey;
use crate::edge::{Acknowledged, Adopted, EdgeLog, EdgeState, EdgeStore, Relog};
use crate::merge::{Rules, merge};
use crate::message::{Counts, Segment};
use crate::{Chain, Change, Dot, Hlc, LedgerEntry, Mark, Op, Origin, Record, Stream, VersionVector};

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
    /// Logs of former lives, with their rows.
    pub closed: Vec<(Segment, Vec<LedgerEntry>, Vec<Change>)>,
    edge_id: EdgeId,
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

    /// Writes edits as one transaction; those to records that are not there are left out.
    pub fn edit(&self, edits: &[Edit]) {
        let mut disk = self.disk();
        let first = disk.head(Stream::Records) + 1;
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
                seen: 0,
                actor: ActorId::SYSTEM,
                resolves: None,
                relog_of: None,
                ver: 1,
            };
            let record = disk.records.get(key).cloned();
            if let Ok(merged) = merge(record, &change, Rules::of(key.0, saw, &VersionVector::new())) {
                disk.records.insert(*key, merged.record);
                disk.log_change(change);
            }
        }
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
            cursor: 0,
            clean: 0,
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
        let mark = |seq: &i64| Some(Mark { seq: *seq, chain: disk.chain(stream, *seq)? });
        Ok(places.iter().filter(|_| disk.origin == origin).filter_map(mark).collect())
    }

    async fn ledger_rows(
        &self,
        origin: Origin,
        from: i64,
        rows: usize,
    ) -> Result<Vec<LedgerEntry>, Infallible> {
        let disk = self.disk();
        let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let present = disk.ledger_log.iter().filter(|_| disk.origin == origin);
        Ok(present.skip(skip).take(rows).cloned().collect())
    }

    async fn record_rows(&self, origin: Origin, from: i64, rows: usize) -> Result<Vec<Change>, Infallible> {
        let disk = self.disk();
        let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let present = disk.oplog.iter().filter(|_| disk.origin == origin);
        Ok(present.skip(skip).take(rows).cloned().collect())
    }

    async fn acknowledge(&self, what: &Acknowledged) -> Result<(), Infallible> {
        let mut disk = self.disk();
        if disk.origin != what.origin {
            return Ok(());
        }
        let (acked, durable) = disk.acked.get(&what.stream).copied().unwrap_or_default();
        if what.restart && what.stream == Stream::Records {
            disk.ack_fseq.retain(|seq, _| *seq <= what.applied);
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
        entries.into_iter().for_each(|entry| disk.log_entry(entry));
        let relog = Relog::new(from, to, common);
        for change in changes.iter().filter_map(|change| relog.change(change)) {
            disk.log_change(change);
        }
        disk.records.values_mut().for_each(|record| relog.record(record));
        Ok(())
    }
}
