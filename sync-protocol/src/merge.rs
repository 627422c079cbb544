//! The one merge function, run by both sides (sync.md 2.4).
//!
//! The cloud merges changes in the order of their arrival; an edge merges its own waiting changes onto the last state
//! that it pulled, and so sees beforehand what the cloud will make of them. Nothing here looks at a time: what an author
//! had seen decides, by [`Rules::saw`].
//!
//! ```text
//! seen(dot)     the context covers dot, or dot's origin is folded up to it
//!
//! record absent    create makes it; anything else is an orphan
//! tombstone        restore that saw the delete: alive, with its fields; update, decide or another restore: conflict, the
//!                  tombstone stays; delete and create: nothing
//! delete           tombstone; values that its author had not seen are kept in a conflict
//! update, decide,  each slot: never set, or the standing dot seen: take; equal values: nothing;
//! restore          else the kind's rule chooses, and a conflict keeps both; a decision that was taken stands
//! create           nothing (a repeat)
//! always           the record's vector covers the change
//! ```

use serde::{Deserialize, Serialize};
use shared_model::entity::{RequestState, phone};
use shared_model::{ActorId, FieldMap, FieldTag, Kind};
use uuid::Uuid;

use crate::mutation::{Rule, is_off};
use crate::record::{Record, Slot};
use crate::{Change, ConflictId, Dot, Hlc, Op, VersionVector};

/// Which of two values of one slot counts when neither author had seen the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldRule {
    /// The one that is here already: at the cloud, the cloud's.
    #[default]
    Standing,
    /// The one that arrives.
    Arriving,
}

impl FieldRule {
    /// The rule of a kind.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        match kind {
            // Each kind is named, so that a new one makes its author choose.
            Kind::Company
            | Kind::Site
            | Kind::Department
            | Kind::Employee
            | Kind::Shift
            | Kind::Roster
            | Kind::RosterDay
            | Kind::Policy
            | Kind::Holiday
            | Kind::Leave
            | Kind::Device
            | Kind::Identity
            | Kind::PunchNote
            | Kind::DayDecision
            | Kind::PayPeriod
            | Kind::CompanyRule
            | Kind::PhonePunch => Self::Standing,
        }
    }
}

/// What a merge knows beside record and change.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The record's kind.
    pub kind: Kind,
    /// Which value counts in a conflict.
    pub field: FieldRule,
    /// What the author is taken to have seen: the change's context, at the cloud cut down to what was there to be seen.
    pub saw: &'a VersionVector,
    /// Origins that are closed and whose changes everybody has (sync.md 2.9).
    pub folded: &'a VersionVector,
}

impl<'a> Rules<'a> {
    /// The rules of a kind for an author who saw `saw`.
    #[must_use]
    pub const fn of(kind: Kind, saw: &'a VersionVector, folded: &'a VersionVector) -> Self {
        Self { kind, field: FieldRule::of(kind), saw, folded }
    }
}

/// What a change did to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Made it.
    Created,
    /// Changed values.
    Changed,
    /// Removed it.
    Deleted,
    /// Brought it back.
    Restored,
    /// Was considered, but changed no value.
    Nothing,
}

/// Why two changes do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Two values for one slot.
    Field,
    /// A change to a record that is deleted.
    EditVersusDelete,
    /// A delete of values that its author had not seen.
    DeleteVersusEdit,
    /// A decision that was already taken otherwise.
    AlreadyDecided,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 4] =
        [Self::Field, Self::EditVersusDelete, Self::DeleteVersusEdit, Self::AlreadyDecided];

    /// Its name in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::EditVersusDelete => "edit_versus_delete",
            Self::DeleteVersusEdit => "delete_versus_edit",
            Self::AlreadyDecided => "already_decided",
        }
    }
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Version {
    /// Its values; empty for a delete.
    pub values: FieldMap,
    /// The changes that they came from.
    pub dots: Vec<Dot>,
}

/// Two versions of which one counts. Both are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The same on both sides, and for a change that was logged again.
    pub id: ConflictId,
    /// Why.
    pub cause: Cause,
    /// The record's kind.
    pub kind: Kind,
    /// The record's key.
    pub key: Uuid,
    /// The disputed slot; `None` where the whole record is.
    pub slot: Option<Slot>,
    /// What was here.
    pub standing: Version,
    /// What arrived.
    pub arriving: Version,
    /// Which of them counts now.
    pub kept: FieldRule,
    /// Who wrote what arrived.
    pub actor: ActorId,
    /// When that was written.
    pub hlc: Hlc,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The record now.
    pub record: Record,
    /// What the change did.
    pub effect: Effect,
    /// What it could not do quietly.
    pub conflicts: Vec<Conflict>,
}

/// A change to a record that is not there and that it does not create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the change is to a record that does not exist")]
pub struct Orphan;

/// Merges one change into a record.
///
/// # Errors
/// [`Orphan`]: an update never creates.
pub fn merge(record: Option<Record>, change: &Change, rules: Rules<'_>) -> Result<Merged, Orphan> {
    let mut merging = Merging { change, rules, conflicts: Vec::new() };
    let (mut record, effect) = match record {
        None if change.op == Op::Create || (change.op == Op::Update && is_off(Rule::UpdateNeverCreates)) => {
            (merging.create(), Effect::Created)
        }
        None => return Err(Orphan),
        Some(mut record) => {
            let effect = merging.apply(&mut record);
            (record, effect)
        }
    };
    record.consider(change.dot);
    Ok(Merged { record, effect, conflicts: merging.conflicts })
}

struct Merging<'a> {
    change: &'a Change,
    rules: Rules<'a>,
    conflicts: Vec<Conflict>,
}

impl Merging<'_> {
    fn seen(&self, dot: Dot) -> bool {
        let counted = dot.origin == self.change.dot.origin && dot.seq < self.change.dot.seq;
        self.rules.saw.covers(dot)
            || self.rules.folded.covers(dot)
            || (counted && is_off(Rule::DottedContext))
    }

    fn create(&self) -> Record {
        let mut record = Record::default();
        self.take_all(&mut record);
        record
    }

    fn take_all(&self, record: &mut Record) {
        for (&tag, value) in &self.change.fields {
            record.fields.insert(tag, value.clone());
            record.dots.0.insert(Slot::of(self.rules.kind, tag), self.change.dot);
        }
    }

    fn apply(&mut self, record: &mut Record) -> Effect {
        match (self.change.op, record.deleted) {
            (Op::Create, _) | (Op::Delete, Some(_)) => Effect::Nothing,
            (Op::Restore, Some(delete)) if self.seen(delete) => {
                record.deleted = None;
                self.take_all(record);
                Effect::Restored
            }
            (Op::Update | Op::Decide | Op::Restore, Some(delete)) => {
                let standing = Version { values: FieldMap::new(), dots: vec![delete] };
                let arriving = Version { values: self.change.fields.clone(), dots: vec![self.change.dot] };
                self.dispute(Cause::EditVersusDelete, None, standing, arriving, FieldRule::Standing);
                if self.change.op == Op::Update && is_off(Rule::TombstoneAbsorbs) {
                    record.deleted = None;
                }
                Effect::Nothing
            }
            (Op::Delete, None) => {
                self.delete(record);
                Effect::Deleted
            }
            (Op::Update | Op::Decide | Op::Restore, None) => self.update(record),
        }
    }

    fn delete(&mut self, record: &mut Record) {
        let unseen: Vec<_> =
            record.dots.0.iter().filter(|(_, dot)| !self.seen(**dot)).map(|(s, d)| (*s, *d)).collect();
        if !unseen.is_empty() {
            let slots: Vec<Slot> = unseen.iter().map(|(slot, _)| *slot).collect();
            let standing = Version {
                values: self.values_in(&record.fields, &slots),
                dots: unseen.into_iter().map(|(_, dot)| dot).collect(),
            };
            let arriving = Version { values: FieldMap::new(), dots: vec![self.change.dot] };
            self.dispute(Cause::DeleteVersusEdit, None, standing, arriving, FieldRule::Arriving);
        }
        record.deleted = Some(self.change.dot);
    }

    fn update(&mut self, record: &mut Record) -> Effect {
        let kind = self.rules.kind;
        let mut slots: Vec<Slot> = self.change.fields.keys().map(|tag| Slot::of(kind, *tag)).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut effect = Effect::Nothing;
        for slot in slots {
            let arriving = self.values_in(&self.change.fields, &[slot]);
            let standing = record.dots.0.get(&slot).copied();
            let decided = self.change.op == Op::Decide && is_decided(kind, slot, &record.fields);
            let take = match standing {
                Some(dot) if decided || !self.seen(dot) => {
                    // A value that was never set and one set to nothing are the same value. The same decision again is
                    // no dispute, whoever took it and when.
                    let value = |tag| record.fields.get(tag).unwrap_or(&serde_json::Value::Null);
                    let matters = |tag: &FieldTag| !decided || decision_field(kind) == Some(*tag);
                    if arriving.iter().filter(|(tag, _)| matters(tag)).all(|(tag, new)| value(tag) == new) {
                        continue;
                    }
                    self.settle(record, slot, dot, &arriving)
                }
                Some(_) | None => true,
            };
            if take {
                record.fields.extend(arriving);
                record.dots.0.insert(slot, self.change.dot);
                effect = Effect::Changed;
            }
        }
        effect
    }

    /// Records the conflict over a slot and tells whether the arriving values are to be taken.
    fn settle(&mut self, record: &Record, slot: Slot, dot: Dot, arriving: &FieldMap) -> bool {
        let (cause, kept) = match self.change.op {
            // The first decision to arrive stands, whatever the kind says about fields.
            Op::Decide => (Cause::AlreadyDecided, FieldRule::Standing),
            Op::Create | Op::Update | Op::Delete | Op::Restore => (Cause::Field, self.rules.field),
        };
        let standing = Version { values: self.values_in(&record.fields, &[slot]), dots: vec![dot] };
        let arriving = Version { values: arriving.clone(), dots: vec![self.change.dot] };
        self.dispute(cause, Some(slot), standing, arriving, kept);
        kept == FieldRule::Arriving
    }

    fn values_in(&self, fields: &FieldMap, slots: &[Slot]) -> FieldMap {
        let inside = |tag| slots.contains(&Slot::of(self.rules.kind, tag));
        fields.iter().filter(|(tag, _)| inside(**tag)).map(|(tag, value)| (*tag, value.clone())).collect()
    }

    fn dispute(
        &mut self,
        cause: Cause,
        slot: Option<Slot>,
        standing: Version,
        arriving: Version,
        kept: FieldRule,
    ) {
        let change = self.change;
        self.conflicts.push(Conflict {
            id: conflict_id(change, slot),
            cause,
            kind: self.rules.kind,
            key: change.key,
            slot,
            standing,
            arriving,
            kept,
            actor: change.actor,
            hlc: change.hlc,
        });
    }
}

/// The field of a kind that a decision settles once.
#[must_use]
pub const fn decision_field(kind: Kind) -> Option<FieldTag> {
    match kind {
        Kind::Leave => Some(FieldTag(9)),
        Kind::DayDecision => Some(FieldTag(8)),
        Kind::PhonePunch => Some(phone::STATE),
        Kind::Company
        | Kind::Site
        | Kind::Department
        | Kind::Employee
        | Kind::Shift
        | Kind::Roster
        | Kind::RosterDay
        | Kind::Policy
        | Kind::Holiday
        | Kind::Device
        | Kind::Identity
        | Kind::PunchNote
        | Kind::PayPeriod
        | Kind::CompanyRule => None,
    }
}

/// Whether the decision that a slot holds has been taken: the first one stands, even against an author who saw it.
fn is_decided(kind: Kind, slot: Slot, fields: &FieldMap) -> bool {
    let field = decision_field(kind).filter(|tag| Slot::of(kind, *tag) == slot);
    let value = field.and_then(|tag| fields.get(&tag)).and_then(serde_json::Value::as_str);
    value.is_some_and(|state| state != RequestState::Pending.as_str())
}

/// One id for a change's dispute over a slot, wherever it is found.
fn conflict_id(change: &Change, slot: Option<Slot>) -> ConflictId {
    let mut hash = blake3::Hasher::new();
    hash.update(b"muster conflict v1").update(change.identity().as_bytes());
    hash.update(&slot.map_or(u32::MAX, Slot::number).to_be_bytes());
    let mut bytes = [0; 16];
    hash.finalize_xof().fill(&mut bytes);
    ConflictId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests;
