//! The end of a run: faults stop, everything drains, and all is compared.

use std::collections::{BTreeMap, BTreeSet};

use shared_model::FieldMap;
use sync_protocol::cloud::RecordKey;
use sync_protocol::message::{ConflictState, FeedConflict};
use sync_protocol::scope::site_of;
use sync_protocol::{ConflictId, LedgerEntry, Record, Stream};

use crate::disk::Edge;
use crate::world::{World, refuse_entry};

/// Rounds in which every edge must be level (L1). Each edge acts some times a round.
const ROUNDS: usize = 400;

impl World {
    /// Lets everything drain.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.faults = false;
        // Whoever does not read the feed learns of a restored cloud from its next hello, which an idle edge says by itself.
        self.edges.iter_mut().filter(|edge| !edge.reads).for_each(Edge::hang_up);
        for _ in 0..ROUNDS {
            for _ in 0..4 {
                for at in 0..self.edges.len() {
                    self.edge_net(at);
                    while !self.net.is_empty() {
                        self.deliver()?;
                    }
                }
            }
            let head = self.cloud.company.feed_head;
            if self.edges.iter().all(|edge| edge.is_level(head)) {
                return Ok(());
            }
        }
        let head = self.cloud.company.feed_head;
        let stuck: Vec<String> = self
            .edges
            .iter()
            .filter(|edge| !edge.is_level(head))
            .map(|edge| {
                edge.store.look(|disk| {
                    let waiting: Vec<_> =
                        disk.waiting().map(|change| (change.dot.seq, change.op)).take(3).collect();
                    format!(
                        "{} at {} clean {} of {head}, snapshot {:?}, sent {}, waiting {waiting:?}, {}",
                        edge.name,
                        disk.cursor,
                        disk.clean,
                        disk.snapshot,
                        disk.is_sent(),
                        match &edge.link {
                            crate::disk::Link::Closed(_) => "closed",
                            crate::disk::Link::Greeting(_) => "greeting",
                            crate::disk::Link::Open(_) => "open",
                        }
                    )
                })
            })
            .collect();
        Err(format!("L1: does not settle: {stuck:?}"))
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.truth.whole(&self.cloud_truth, &self.cloud)?;
        for edge in &self.edges {
            self.check_delivery(edge)?;
            if edge.reads {
                self.check_view(edge)?;
            }
        }
        for punch in self.cloud.ledger.values() {
            if refuse_entry(&LedgerEntry::Punch(punch.clone())) {
                return Err(format!("S22: a refused punch is in the ledger: {}", punch.id));
            }
        }
        Ok(())
    }

    /// S1, S4, S7, S22: everything on a disk has reached the cloud, and what was kept aside is known.
    fn check_delivery(&self, edge: &Edge) -> Result<(), String> {
        edge.store.look(|disk| {
            for (id, punch) in &disk.ledger {
                let kept = self.cloud.ledger.get(id);
                if kept.is_none() && !refuse_entry(&LedgerEntry::Punch(punch.clone())) {
                    return Err(format!("S1: {} has a punch that the cloud lacks: {id}", edge.name));
                }
                let same = |kept: &shared_model::Punch| {
                    (&kept.serial, &kept.user_code, kept.raw_time)
                        == (&punch.serial, &punch.user_code, punch.raw_time)
                };
                if kept.is_some_and(|kept| !same(kept)) {
                    return Err(format!("S3: {id} is two punches"));
                }
            }
            for (seq, change) in (1..).zip(&disk.oplog) {
                if change.dot.seq != seq {
                    return Err(format!("S13: {}'s log has a gap at {seq}", edge.name));
                }
            }
            let former = disk.closed.iter().flat_map(|(_, _, changes)| changes);
            for change in disk.oplog.iter().chain(former) {
                if !self.truth.is_considered(&self.cloud_truth, change) {
                    return Err(format!("S4: a change of {} was never considered: {change:?}", edge.name));
                }
            }
            let told = |row: &&sync_protocol::cloud::Quarantined| {
                row.edge == edge.enrolled.edge
                    && !disk.notices.contains_key(&(row.origin, row.stream, row.seq))
            };
            if let Some(row) = self.cloud.aside.iter().find(told).filter(|_| edge.reads) {
                return Err(format!(
                    "S22: {} was not told of {:?} {} {}",
                    edge.name, row.origin, row.stream, row.seq
                ));
            }
            Ok(())
        })
    }

    /// L2: what an edge shows is the cloud's state within its scope.
    fn check_view(&self, edge: &Edge) -> Result<(), String> {
        let scope = &edge.enrolled.scope;
        let inside = |key: &RecordKey, record: &Record| scope.holds(site_of(key.0, key.1, &record.fields));
        let alive = |(key, record): (&RecordKey, &Record)| -> Option<(RecordKey, FieldMap)> {
            let set = record.fields.iter().filter(|(_, value)| !value.is_null());
            record.deleted.is_none().then(|| (*key, set.map(|(tag, value)| (*tag, value.clone())).collect()))
        };
        let want: BTreeMap<RecordKey, FieldMap> =
            self.cloud.records.iter().filter(|(key, record)| inside(key, record)).filter_map(alive).collect();
        edge.store.look(|disk| {
            let have: BTreeMap<RecordKey, FieldMap> = disk.records.iter().filter_map(alive).collect();
            if want != have {
                let keys: BTreeSet<&RecordKey> = want.keys().chain(have.keys()).collect();
                let differ: Vec<_> =
                    keys.into_iter().filter(|key| want.get(key) != have.get(key)).take(2).collect();
                let show: Vec<_> = differ.iter().map(|key| (key, want.get(key), have.get(key))).collect();
                return Err(format!("L2: {} differs from the cloud: {show:?}", edge.name));
            }
            let open = |row: &&FeedConflict| row.state == ConflictState::Open && scope.holds(row.site);
            let want: BTreeSet<ConflictId> =
                self.cloud.disputes.values().filter(open).map(|row| row.id).collect();
            let have: BTreeSet<ConflictId> = disk.conflicts.values().filter(open).map(|row| row.id).collect();
            if want != have {
                let differ: Vec<_> = want.symmetric_difference(&have).take(2).collect();
                let rows: Vec<_> =
                    differ.iter().map(|id| (self.cloud.disputes.get(id), disk.conflicts.get(id))).collect();
                return Err(format!("L2: {} has other conflict rows than the cloud: {rows:?}", edge.name));
            }
            let home = self.cloud.home;
            for punch in self.cloud.ledger.values() {
                let near = home.is_some_and(|home| scope.holds(Some(home(punch))));
                if near && !disk.ledger.contains_key(&punch.id) {
                    return Err(format!("L2: {} lacks a punch of its workers: {}", edge.name, punch.id));
                }
            }
            if let Some((line, poison)) =
                disk.parked.iter().find(|(_, poison)| !matches!(poison.code, "record" | "field"))
            {
                let line = String::from_utf8_lossy(line);
                return Err(format!("{} could not take {line}: {}", edge.name, poison.code));
            }
            let rows = disk.head(Stream::Records);
            let ahead = self.cloud.logs.get(&(disk.origin, Stream::Records)).map_or(0, |log| log.applied);
            if ahead < rows {
                return Err(format!("S13: the cloud has {ahead} of {}'s {rows} changes", edge.name));
            }
            Ok(())
        })
    }
}
