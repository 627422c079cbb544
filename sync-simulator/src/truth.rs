//! The oracle: what really happened, kept apart from everything that the protocol says of itself.
//!
//! Each change carries, here only, the set of changes that its author had really before his eyes. What the cloud makes of
//! a change is worked out from these sets, without vectors, dots or the protocol's merge, and compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use shared_model::{ActorId, FieldMap, FieldTag, Kind, PunchId, SiteId};
use sync_protocol::cloud::RecordKey;
use sync_protocol::memory::MemoryCloud;
use sync_protocol::message::{ConflictState, Scope};
use sync_protocol::{Change, ChangeHash, Dot, Op, Record, Slot};

use crate::world::NAME;

/// A change, whatever numbers it travels under.
pub(crate) type Cid = u64;

/// The fields of the two kinds that the run uses: what a decision settles, and where a record is.
pub(crate) const STATE: FieldTag = FieldTag(9);
pub(crate) const SITE: FieldTag = FieldTag(3);

/// What is known of a change beside its row.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) key: RecordKey,
    /// The changes to the record that its author had really seen.
    pub(crate) saw: BTreeSet<Cid>,
    /// Whether it can never be applied.
    pub(crate) poison: bool,
}

/// What the cloud should hold. Goes back in time with the cloud.
#[derive(Debug, Clone, Default)]
pub(crate) struct CloudTruth {
    records: BTreeMap<RecordKey, TrueRecord>,
    considered: BTreeSet<Cid>,
    aside: BTreeSet<Cid>,
    pub(crate) ledger: BTreeSet<PunchId>,
}

#[derive(Debug, Clone, Default)]
struct TrueRecord {
    slots: BTreeMap<Slot, (FieldMap, Cid)>,
    deleted: Option<Cid>,
    known: BTreeSet<Cid>,
    /// From which place in the feed it was at which site.
    sites: Vec<(i64, Option<SiteId>)>,
}

/// A row as the cloud took it.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) change: Change,
    /// Why it was kept aside.
    pub(crate) aside: Option<&'static str>,
    /// The scope of the edge that sent it; `None` for the cloud's own.
    pub(crate) scope: Option<Scope>,
    /// Rows of its transaction.
    pub(crate) group: usize,
}

/// The oracle's memory of a whole run.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    written: BTreeMap<Cid, Written>,
    cids: HashMap<ChangeHash, Cid>,
    dots: HashMap<Dot, ChangeHash>,
    relogged: BTreeSet<Cid>,
    revoked: BTreeSet<ActorId>,
    /// What a state of a record that the cloud had at a place is made of.
    known_at: HashMap<(RecordKey, i64, Vec<u8>), BTreeSet<Cid>>,
    /// Conflicts that were found although the author had seen the value, after a fork.
    pub(crate) needless: u64,
}

impl Truth {
    /// Notes a change that a person wrote.
    pub(crate) fn wrote(&mut self, change: &Change, what: Written) {
        if self.cids.contains_key(&change.identity()) {
            // A clone's user did the very same thing in the same place: to the world it is one change.
            return;
        }
        let cid = self.written.len() as Cid + 1;
        self.written.insert(cid, what);
        self.cids.insert(change.identity(), cid);
    }

    pub(crate) fn relogged(&mut self, change: &Change) {
        self.relogged.extend(self.cids.get(&change.identity()));
    }

    pub(crate) fn revoked(&mut self, actor: ActorId) {
        self.revoked.insert(actor);
    }

    pub(crate) fn cid(&self, change: &Change) -> Option<Cid> {
        self.cids.get(&change.identity()).copied()
    }

    /// What a state that an edge pulled is made of; `None` for a state that the cloud never had.
    pub(crate) fn known_in(&self, key: RecordKey, base: &Record) -> Option<&BTreeSet<Cid>> {
        self.known_at.get(&(key, base.fseq, base.vv.encode()))
    }

    /// What the cloud's own users see of a record.
    pub(crate) fn known_now(cloud: &CloudTruth, key: RecordKey) -> BTreeSet<Cid> {
        cloud.records.get(&key).map(|record| record.known.clone()).unwrap_or_default()
    }

    pub(crate) fn is_considered(&self, cloud: &CloudTruth, change: &Change) -> bool {
        self.cid(change).is_some_and(|cid| cloud.considered.contains(&cid))
    }

    /// Follows rows that the cloud has taken, and compares what it made of them.
    pub(crate) fn arrived(
        &mut self,
        truth: &mut CloudTruth,
        rows: &[Arrived],
        cloud: &MemoryCloud,
    ) -> Result<(), String> {
        let mut touched: BTreeMap<RecordKey, BTreeMap<Cid, usize>> = BTreeMap::new();
        for (nth, row) in rows.iter().enumerate() {
            let change = &row.change;
            let identity = change.identity();
            let cid =
                *self.cids.get(&identity).ok_or_else(|| format!("a change that nobody wrote: {change:?}"))?;
            if *self.dots.entry(change.dot).or_insert(identity) != identity {
                return Err(format!("S7: the number {:?} was used for two changes", change.dot));
            }
            let key = self.written[&cid].key;
            if truth.considered.contains(&cid) {
                touched.entry(key).or_default();
                continue;
            }
            truth.considered.insert(cid);
            if let Some(code) = row.aside {
                self.justified(truth, row, cid, code)?;
                truth.aside.insert(cid);
                continue;
            }
            if self.written[&cid].poison {
                return Err(format!("S22: poison was applied: {change:?}"));
            }
            let forked = rows.iter().any(|row| self.cid(&row.change).is_some_and(|cid| self.is_forked(cid)));
            self.apply(truth, change, cid, cloud, forked)?;
            touched.entry(key).or_default().insert(cid, nth);
        }
        for (key, fresh) in touched {
            self.compare(truth, key, &fresh, cloud)?;
        }
        Ok(())
    }

    /// Whether there was a reason to keep a row aside.
    fn justified(&self, truth: &CloudTruth, row: &Arrived, cid: Cid, code: &str) -> Result<(), String> {
        let Written { key, poison, .. } = &self.written[&cid];
        let (change, record) = (&row.change, truth.records.get(key));
        let named = change.fields.get(&SITE).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let out = |site: Option<SiteId>| row.scope.as_ref().is_some_and(|scope| !scope.holds(site));
        let fair = *poison
            || match code {
                "constraint" => change.fields.get(&NAME).is_some_and(|name| name == "refused"),
                "group" => row.group > 1,
                "orphan" => record.is_none(),
                "revoked" | "second_look" => self.revoked.contains(&change.actor),
                "scope" => {
                    let never_had = record.is_some_and(|record| {
                        let ends = record.sites.iter().skip(1).map(|(from, _)| *from).chain([i64::MAX]);
                        record.sites.iter().zip(ends).all(|((_, site), end)| out(*site) || end <= change.seen)
                    });
                    never_had || (key.0 == Kind::Employee && named.is_some() && out(named))
                }
                _ => false,
            };
        if fair { Ok(()) } else { Err(format!("S4: kept aside as {code} without a reason: {change:?}")) }
    }

    /// Whether a change, or one that its author had seen, travels under two numbers. Then the cloud may find a conflict where
    /// there is none, and what follows in the same batch may stand on that.
    fn is_forked(&self, cid: Cid) -> bool {
        self.relogged.contains(&cid)
            || self.written.get(&cid).is_some_and(|written| !written.saw.is_disjoint(&self.relogged))
    }

    fn apply(
        &self,
        truth: &mut CloudTruth,
        change: &Change,
        cid: Cid,
        cloud: &MemoryCloud,
        forked: bool,
    ) -> Result<(), String> {
        let Written { key, saw, .. } = &self.written[&cid];
        let disputed = |slot: Option<Slot>| {
            cloud.conflicts.values().any(|conflict| {
                (conflict.kind, conflict.key) == *key
                    && (slot.is_none() || conflict.slot == slot)
                    && conflict.arriving.dots.contains(&change.dot)
            })
        };
        let must = |slot: Option<Slot>, what: &str| {
            (forked || disputed(slot))
                .then_some(())
                .ok_or_else(|| format!("S4/S10: {what}, and no conflict row: {change:?}"))
        };
        let mut by_slot: BTreeMap<Slot, FieldMap> = BTreeMap::new();
        for (tag, value) in &change.fields {
            by_slot.entry(Slot::of(key.0, *tag)).or_default().insert(*tag, value.clone());
        }
        let Some(record) = truth.records.get_mut(key) else {
            if change.op != Op::Create {
                return Err(format!("S9: a change to nothing was applied: {change:?}"));
            }
            let slots = by_slot.into_iter().map(|(slot, values)| (slot, (values, cid))).collect();
            truth.records.insert(*key, TrueRecord { slots, known: [cid].into(), ..TrueRecord::default() });
            return Ok(());
        };
        record.known.insert(cid);
        match (change.op, record.deleted) {
            (Op::Create, _) | (Op::Delete, Some(_)) => {}
            (Op::Restore, Some(delete)) if saw.contains(&delete) => {
                record.deleted = None;
                for (slot, values) in by_slot {
                    let (standing, by) = record.slots.entry(slot).or_insert((FieldMap::new(), cid));
                    standing.extend(values);
                    *by = cid;
                }
            }
            (Op::Update | Op::Decide | Op::Restore, Some(_)) => must(None, "a change to a deleted record")?,
            (Op::Delete, None) => {
                if record.slots.values().any(|(_, by)| !saw.contains(by)) {
                    must(None, "a delete of unseen values")?;
                }
                record.deleted = Some(cid);
            }
            (Op::Update | Op::Decide | Op::Restore, None) => {
                for (slot, values) in by_slot {
                    let Some((standing, by)) = record.slots.get_mut(&slot) else {
                        record.slots.insert(slot, (values, cid));
                        continue;
                    };
                    let decided = change.op == Op::Decide
                        && slot == Slot::Field(STATE)
                        && standing.get(&STATE).is_some_and(|state| state != "pending");
                    if saw.contains(by) && !decided {
                        standing.extend(values);
                        *by = cid;
                        continue;
                    }
                    let is = |tag| standing.get(tag).unwrap_or(&Value::Null);
                    if values.iter().any(|(tag, value)| is(tag) != value) {
                        must(Some(slot), "two values for one field")?;
                    }
                }
            }
        }
        if let Some(row) = change.resolves.and_then(|id| cloud.disputes.get(&id)) {
            let same = (u16::from(key.0.number()), key.1) == (row.kind, row.key);
            if same && row.state == ConflictState::Open {
                return Err(format!("S11: an override left its row open: {change:?}"));
            }
        }
        Ok(())
    }

    /// Compares a record with what it should be, and learns its new state.
    fn compare(
        &mut self,
        truth: &mut CloudTruth,
        key: RecordKey,
        fresh: &BTreeMap<Cid, usize>,
        cloud: &MemoryCloud,
    ) -> Result<(), String> {
        let (Some(real), Some(record)) = (cloud.records.get(&key), truth.records.get_mut(&key)) else {
            return match (cloud.records.get(&key), truth.records.get(&key)) {
                (Some(real), None) => Err(format!("S9: {key:?} came from nowhere: {real:?}")),
                (None, Some(_)) => Err(format!("{key:?} is gone")),
                _ => Ok(()),
            };
        };
        let cid_of = |dot: &Dot| self.dots.get(dot).and_then(|identity| self.cids.get(identity)).copied();
        let forked = |a: Cid, b: Option<Cid>| {
            self.relogged.contains(&a) || b.is_some_and(|b| self.relogged.contains(&b))
        };
        let mut needless = 0;
        match (record.deleted, real.deleted) {
            (Some(_), None) => {
                return Err(format!("S8: {key:?} came back without a restore that saw the delete"));
            }
            (None, Some(dot)) => {
                // A restore that the vectors could not see to have seen the delete.
                let restores = fresh.keys().any(|cid| forked(*cid, cid_of(&dot)));
                if !restores {
                    return Err(format!("S6: {key:?} stays deleted although a restore saw the delete"));
                }
                record.deleted = cid_of(&dot);
                needless += 1;
            }
            // A restore that did not count after a fork: the tombstone is still the earlier delete's.
            (Some(delete), Some(dot))
                if cid_of(&dot) != Some(delete) && fresh.keys().any(|cid| self.is_forked(*cid)) =>
            {
                record.deleted = cid_of(&dot);
                needless += 1;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let mut slots: BTreeSet<Slot> = record.slots.keys().copied().collect();
        slots.extend(real.dots.0.keys());
        for slot in slots {
            let by = real.dots.0.get(&slot).and_then(cid_of);
            let values: FieldMap = real
                .fields
                .iter()
                .filter(|(tag, _)| Slot::of(key.0, **tag) == slot)
                .map(|(tag, value)| (*tag, value.clone()))
                .collect();
            match record.slots.get_mut(&slot) {
                Some((expected, writer)) if Some(*writer) != by => {
                    // The cloud kept the older value: needless, and allowed only after a fork.
                    let late = fresh.get(writer);
                    let kept = late.is_some() && by.is_some_and(|by| fresh.get(&by) < late);
                    if !(kept && forked(*writer, by)) && record.deleted.is_none() {
                        return Err(format!(
                            "S5/S6: {key:?} {slot:?} should be {expected:?} by {writer}, is {values:?} by {by:?}"
                        ));
                    }
                    needless += 1;
                    if let Some(by) = by {
                        (*expected, *writer) = (values, by);
                    } else {
                        record.slots.remove(&slot);
                    }
                }
                Some((expected, _))
                    if *expected != values && fresh.keys().any(|cid| self.is_forked(*cid)) =>
                {
                    *expected = values;
                    needless += 1;
                }
                Some((expected, _)) if *expected != values => {
                    return Err(format!("S5: {key:?} {slot:?} should be {expected:?}, is {values:?}"));
                }
                Some(_) => {}
                None => return Err(format!("{key:?} has {slot:?}, which nobody wrote")),
            }
        }
        let site = sync_protocol::scope::site_of(key.0, key.1, &real.fields);
        if record.sites.last().is_none_or(|(_, last)| *last != site) {
            record.sites.push((real.fseq, site));
        }
        self.needless += needless;
        self.known_at.insert((key, real.fseq, real.vv.encode()), record.known.clone());
        Ok(())
    }

    /// Compares the cloud as a whole with what it should hold.
    pub(crate) fn whole(&self, truth: &CloudTruth, cloud: &MemoryCloud) -> Result<(), String> {
        for id in &truth.ledger {
            if !cloud.ledger.contains_key(id) {
                return Err(format!("S1: {id} was in the ledger and is not"));
            }
        }
        for (key, record) in &cloud.records {
            let Some(expected) = truth.records.get(key) else {
                return Err(format!("S9: {key:?} came from nowhere"));
            };
            if expected.deleted.is_some() != record.deleted.is_some() {
                return Err(format!("S8: {key:?} is deleted on one side of the truth only"));
            }
        }
        for (key, record) in &truth.records {
            // Only a tombstone may be missing: it was collected.
            if record.deleted.is_none() && !cloud.records.contains_key(key) {
                return Err(format!("{key:?} is gone"));
            }
        }
        Ok(())
    }

    /// Notes that tombstones were collected: what is gone is gone for good.
    pub(crate) fn collected(truth: &mut CloudTruth, cloud: &MemoryCloud) {
        truth.records.retain(|key, record| record.deleted.is_none() || cloud.records.contains_key(key));
    }
}
