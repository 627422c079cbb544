//! Applying record changes: validated and merged in memory, stored in one call, group by group all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use shared_model::{EdgeId, FieldMap, Kind, SiteId};

use super::Enrolled;
use super::dispute::Disputes;
use super::store::{
    ChangeBatch, CloudStore, CompanyState, Departure, LoggedChange, Outcome, Poison, Quarantined, RecordKey,
    RecordWrite,
};
use crate::authority;
use crate::change::BadChange;
use crate::merge::{Rules, merge};
use crate::scope::{site_field, site_of};
use crate::{Change, ChangeHash, Conflict, Dot, Effect, Op, Origin, Record, Stream, VersionVector};

/// A record change that has come in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    /// Who sent it; `None` for a change of the cloud's own users.
    pub(super) edge: Option<&'a Enrolled>,
    pub(super) origin: Origin,
    pub(super) seq: i64,
    pub(super) line: &'a [u8],
    pub(super) change: Result<&'a Change, &'a BadChange>,
}

impl Incoming<'_> {
    /// The enrolment that it came by; nil for the cloud's own.
    fn edge_id(&self) -> EdgeId {
        self.edge.map_or_else(|| EdgeId::from_uuid(uuid::Uuid::nil()), |edge| edge.edge)
    }
}

/// A change with what was found out before merging.
#[derive(Debug, Clone)]
struct Candidate<'a> {
    incoming: Incoming<'a>,
    identity: ChangeHash,
    judged: Result<Sound<'a>, Poison>,
}

/// A change that may be merged.
#[derive(Debug, Clone)]
struct Sound<'a> {
    key: RecordKey,
    change: &'a Change,
    /// Its context, cut down to what its author can have seen.
    saw: VersionVector,
}

pub(super) async fn apply<S: CloudStore>(
    store: &mut S,
    company: &CompanyState,
    incoming: &[Incoming<'_>],
) -> Result<(), S::Error> {
    let candidates = judge(store, incoming).await?;
    let groups: Vec<&[Candidate<'_>]> = candidates.chunk_by(same_group).collect();
    // Runs of groups that are still to be stored, the earliest on top. A run that the database refuses is halved, and
    // merged again from what its earlier half left.
    let mut waiting = vec![&groups[..]];
    while let Some(run) = waiting.pop() {
        if let Err(poison) = store_run(store, company, run, None).await? {
            if let [group] = run {
                // What remains is a group kept aside: the log's place and the notice. It has no record to refuse.
                let refused = store_run(store, company, &[*group], Some(&poison)).await?;
                debug_assert!(refused.is_ok(), "a group without records was refused");
            } else {
                let (front, back) = run.split_at(run.len() / 2);
                waiting.extend([back, front]);
            }
        }
    }
    Ok(())
}

fn same_group(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let group = |c: &Candidate<'_>| c.incoming.change.map_or(c.incoming.seq, |change| change.grp);
    a.incoming.origin == b.incoming.origin && group(a) == group(b)
}

async fn judge<'a, S: CloudStore>(
    store: &mut S,
    incoming: &[Incoming<'a>],
) -> Result<Vec<Candidate<'a>>, S::Error> {
    let authors: BTreeSet<Origin> = incoming
        .iter()
        .filter_map(|row| row.change.ok())
        .flat_map(|change| change.ctx.iter().map(|dot| dot.origin))
        .collect();
    let authors: Vec<Origin> = authors.into_iter().collect();
    let published = if authors.is_empty() { VersionVector::new() } else { store.applied(&authors).await? };

    let mut candidates: Vec<Candidate<'a>> = incoming.iter().map(|row| candidate(*row, &published)).collect();
    let mut by_edge: BTreeMap<EdgeId, Vec<usize>> = BTreeMap::new();
    for (nth, candidate) in candidates.iter().enumerate() {
        if let (Ok(_), Some(edge)) = (&candidate.judged, candidate.incoming.edge) {
            by_edge.entry(edge.edge).or_default().push(nth);
        }
    }
    for (edge, places) in by_edge {
        let changes: Vec<&Change> =
            places.iter().filter_map(|nth| Some(candidates[*nth].judged.as_ref().ok()?.change)).collect();
        let answers = store.admit(edge, &changes).await?;
        for (nth, answer) in places.into_iter().zip(answers) {
            if let Err(poison) = answer {
                candidates[nth].judged = Err(poison);
            }
        }
    }
    Ok(candidates)
}

fn candidate<'a>(incoming: Incoming<'a>, published: &VersionVector) -> Candidate<'a> {
    let dot = Dot::new(incoming.origin, incoming.seq);
    let identity = incoming.change.map_or_else(|_| ChangeHash::of(dot, incoming.line), Change::identity);
    let judged = incoming.change.map_err(|bad| Poison::from(bad.clone())).and_then(|change| {
        let kind = change.check()?;
        if incoming.edge.is_some() {
            authority::edge_may(kind, change.op, &change.fields)?;
        }
        let mut saw = change.ctx.clone();
        // A context may claim no more than was there to be seen: of itself what came before, of others what the
        // cloud has published.
        for entry in change.ctx.iter() {
            let limit = if entry.origin == dot.origin { dot.seq - 1 } else { published.seq_of(entry.origin) };
            saw.clip(entry.origin, limit);
        }
        Ok(Sound { key: (kind, change.key), change, saw })
    });
    Candidate { incoming, identity, judged }
}

/// Merges a run of groups and stores the result. With `poison`, nothing is merged and all of it is kept aside.
async fn store_run<S: CloudStore>(
    store: &mut S,
    company: &CompanyState,
    run: &[&[Candidate<'_>]],
    poison: Option<&Poison>,
) -> Result<Result<(), Poison>, S::Error> {
    let all = || run.iter().copied().flatten();
    let mut keys: Vec<RecordKey> = all().filter_map(|c| Some(c.judged.as_ref().ok()?.key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let records = if poison.is_some() { Vec::new() } else { store.records(&keys).await? };
    let identities: Vec<ChangeHash> = all().map(|candidate| candidate.identity).collect();
    let considered = store.considered(&identities).await?;

    let before: BTreeMap<RecordKey, Record> =
        keys.iter().copied().zip(records).filter_map(|(key, record)| Some((key, record?))).collect();
    let known: Vec<RecordKey> = before.keys().copied().collect();
    let open = if known.is_empty() { Vec::new() } else { store.open_conflicts(&known).await? };
    let foreign = foreign(all(), &before);
    let departures = if foreign.is_empty() { Vec::new() } else { store.departures(&foreign).await? };
    let mut merging = Merging {
        company,
        considered,
        before,
        disputes: Disputes::new(open),
        departures,
        founded: BTreeSet::new(),
        now: BTreeMap::new(),
        touched: Vec::new(),
        batch: ChangeBatch::default(),
    };
    for group in run {
        merging.group(group, poison);
    }
    store.store_changes(&merging.finish()).await
}

/// The records that are not within the scope of an edge that changes them: it may have been before.
fn foreign<'a>(
    candidates: impl Iterator<Item = &'a Candidate<'a>>,
    before: &BTreeMap<RecordKey, Record>,
) -> Vec<RecordKey> {
    let outside = |candidate: &Candidate<'_>| {
        let key = candidate.judged.as_ref().ok()?.key;
        let site = site_of(key.0, key.1, &before.get(&key)?.fields);
        (!candidate.incoming.edge?.scope.holds(site)).then_some(key)
    };
    let found: BTreeSet<RecordKey> = candidates.filter_map(outside).collect();
    found.into_iter().collect()
}

struct Merging<'a> {
    company: &'a CompanyState,
    considered: BTreeSet<ChangeHash>,
    disputes: Disputes,
    departures: Vec<Departure>,
    /// Sites that edges made in this run: each belongs to its maker.
    founded: BTreeSet<(EdgeId, SiteId)>,
    before: BTreeMap<RecordKey, Record>,
    now: BTreeMap<RecordKey, Record>,
    /// The records in the order of their last change.
    touched: Vec<RecordKey>,
    batch: ChangeBatch<'a>,
}

impl<'a> Merging<'a> {
    fn group(&mut self, group: &[Candidate<'a>], poison: Option<&Poison>) {
        let poison = poison.cloned().map(|poison| (None, poison)).or_else(|| self.try_group(group).err());
        let Some((culprit, poison)) = poison else { return };
        for candidate in group {
            let Incoming { origin, seq, line, .. } = candidate.incoming;
            let edge = candidate.incoming.edge_id();
            let own = culprit.is_none_or(|culprit| culprit == seq);
            let poison = if own {
                poison.clone()
            } else {
                let at = culprit.unwrap_or(seq);
                Poison {
                    code: "group",
                    detail: format!("change {at} of the same transaction: {}", poison.code),
                }
            };
            let raw = line.to_vec();
            self.batch.quarantined.push(Quarantined {
                origin,
                stream: Stream::Records,
                seq,
                edge,
                raw,
                poison,
            });
            self.log(candidate, Outcome::Quarantined);
        }
    }

    /// Merges a group, or changes nothing and tells which change spoils it.
    fn try_group(&mut self, group: &[Candidate<'a>]) -> Result<(), (Option<i64>, Poison)> {
        let mut records: BTreeMap<RecordKey, Record> = BTreeMap::new();
        let mut outcomes: Vec<(Option<RecordKey>, Outcome)> = Vec::new();
        let mut conflicts: Vec<Conflict> = Vec::new();
        let mut disputes = self.disputes.clone();
        let mut founded = BTreeSet::new();
        for candidate in group {
            let seq = candidate.incoming.seq;
            if self.considered.contains(&candidate.identity) {
                outcomes.push((self.repeat(candidate, &mut records), Outcome::Repeated));
                continue;
            }
            let sound = candidate.judged.as_ref().map_err(|poison| (Some(seq), poison.clone()))?;
            let standing = self.record(&records, sound.key).cloned();
            if let Some(edge) = candidate.incoming.edge {
                self.within_scope(edge, sound, standing.as_ref(), &founded)
                    .map_err(|poison| (Some(seq), poison))?;
            }
            let rules = Rules::of(sound.key.0, &sound.saw, &self.company.folded);
            let merged = merge(standing, sound.change, rules)
                .map_err(|orphan| (Some(seq), Poison { code: "orphan", detail: orphan.to_string() }))?;
            disputes.follow(sound.change, &sound.saw, sound.key, &merged.record, &merged.conflicts);
            if (merged.effect, sound.key.0) == (Effect::Created, Kind::Site) {
                founded.insert((candidate.incoming.edge_id(), SiteId::from_uuid(sound.key.1)));
            }
            records.insert(sound.key, merged.record);
            conflicts.extend(merged.conflicts);
            outcomes.push((Some(sound.key), Outcome::Merged(merged.effect)));
        }
        for (candidate, (key, outcome)) in group.iter().zip(outcomes) {
            self.touched.extend(key);
            self.log(candidate, outcome);
        }
        self.now.extend(records);
        self.batch.conflicts.extend(conflicts);
        self.disputes = disputes;
        self.founded.append(&mut founded);
        Ok(())
    }

    /// Whether a change is to a record that its edge had when it was written, and leaves it where the edge may put it.
    fn within_scope(
        &self,
        edge: &Enrolled,
        sound: &Sound<'_>,
        standing: Option<&Record>,
        founded: &BTreeSet<(EdgeId, SiteId)>,
    ) -> Result<(), Poison> {
        let (kind, key) = sound.key;
        let own = |site: Option<SiteId>| {
            edge.scope.holds(site)
                || site.is_some_and(|site| {
                    [&self.founded, founded].iter().any(|made| made.contains(&(edge.edge, site)))
                })
        };
        let fields = &sound.change.fields;
        let names = |fields: &FieldMap| site_field(kind).is_some_and(|tag| fields.contains_key(&tag));
        let target = site_of(kind, key, fields);
        let placed = match standing {
            // A new site is its maker's.
            None => kind == Kind::Site || own(target),
            Some(record) => {
                let site = site_of(kind, key, &record.fields);
                let had = |departure: &&Departure| {
                    departure.key == sound.key
                        && own(Some(departure.from))
                        && departure.fseq > sound.change.seen
                };
                (own(site) || self.departures.iter().any(|departure| had(&departure)))
                    && (sound.change.op == Op::Create || !names(fields) || own(target))
            }
        };
        if placed {
            return Ok(());
        }
        Err(Poison {
            code: "scope",
            detail: "the record is of a site that is none of this edge's".to_owned(),
        })
    }

    /// A change that two disks carried under two origins was applied under the first; its second number is noted, so that
    /// its edge knows it is settled.
    fn repeat(
        &self,
        candidate: &Candidate<'a>,
        records: &mut BTreeMap<RecordKey, Record>,
    ) -> Option<RecordKey> {
        let sound = candidate.judged.as_ref().ok()?;
        let mut record = self.record(records, sound.key)?.clone();
        record.consider(sound.change.dot);
        records.insert(sound.key, record);
        Some(sound.key)
    }

    /// A record as the present group, the groups before it, or the database left it.
    fn record<'r>(&'r self, group: &'r BTreeMap<RecordKey, Record>, key: RecordKey) -> Option<&'r Record> {
        group.get(&key).or_else(|| self.now.get(&key)).or_else(|| self.before.get(&key))
    }

    fn log(&mut self, candidate: &Candidate<'a>, outcome: Outcome) {
        let Incoming { origin, seq, line, change, .. } = candidate.incoming;
        let edge = candidate.incoming.edge_id();
        self.considered.insert(candidate.identity);
        self.batch.log.push(LoggedChange {
            dot: Dot::new(origin, seq),
            edge,
            identity: candidate.identity,
            change: change.ok(),
            line,
            outcome,
        });
    }

    fn finish(mut self) -> ChangeBatch<'a> {
        let mut last = BTreeSet::new();
        let mut order: Vec<RecordKey> =
            self.touched.iter().rev().copied().filter(|key| last.insert(*key)).collect();
        order.reverse();
        for key in order {
            if let Some(record) = self.now.remove(&key) {
                let before = self.before.remove(&key).map(|record| record.fields);
                self.batch.records.push(RecordWrite { key, before, record });
            }
        }
        let departed: Vec<RecordKey> =
            self.batch.records.iter().filter(|write| write.left().is_some()).map(|write| write.key).collect();
        self.batch.moved = self.disputes.finish(&departed, &self.batch.conflicts);
        self.batch
    }
}

impl Outcome {
    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merged(Effect::Created) => "created",
            Self::Merged(Effect::Changed) => "changed",
            Self::Merged(Effect::Deleted) => "deleted",
            Self::Merged(Effect::Restored) => "restored",
            Self::Merged(Effect::Nothing) => "nothing",
            Self::Repeated => "repeated",
            Self::Quarantined => "quarantined",
        }
    }
}
