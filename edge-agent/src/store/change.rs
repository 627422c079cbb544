//! The one function that changes a record.
//!
//! A change is, in one transaction: the record, its full change row (dot, context, fields, time, group, actor,
//! version, chain), its audit row, and what must be recomputed because of it. Triggers refuse records that change any
//! other way.

use std::collections::BTreeMap;

use rusqlite::params;
use serde_json::Value;
use shared_model::entity::Entity;
use shared_model::punch::PunchId;
use shared_model::{ActorId, FieldMap, FieldTag, Kind};
use sync_protocol::{Change, ConflictId, Dot, Op, Stream, VersionVector};
use uuid::Uuid;

use super::record::{self, RecordRow};
use super::{DateSpan, Meta, StoreError, StoreEvent, StreamState, Via, WriteTx, recompute};

/// The version of the field lists that this program writes.
const FIELDS_VERSION: u16 = 1;

/// Who makes a change, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: ActorId,
    /// From where.
    pub via: Via,
}

impl Author {
    /// The program by itself.
    pub const SYSTEM: Self = Self { actor: ActorId::SYSTEM, via: Via::System };
    /// Whoever has the machine's console.
    pub const CONSOLE: Self = Self { actor: ActorId::SYSTEM, via: Via::Console };
}

/// A change somebody asks for.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which kind of record.
    pub kind: Kind,
    /// Which record.
    pub key: Uuid,
    /// What to do.
    pub op: Op,
    /// What the author had seen of the record: its version vector when the form was opened. `None` = as it is now.
    pub seen: Option<VersionVector>,
    /// The fields to set; empty for a delete.
    pub fields: FieldMap,
    /// The conflict that this change settles.
    pub resolves: Option<ConflictId>,
}

impl WriteTx {
    /// Makes a new record.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a key or business key that is taken, [`StoreError::BadField`].
    pub fn create<E: Entity>(&self, author: &Author, id: E::Id, new: &E) -> Result<Dot, StoreError> {
        let mut fields = new.to_fields();
        fields.retain(|_, value| !value.is_null());
        self.change(
            author,
            Edit { kind: E::KIND, key: id.into(), op: Op::Create, seen: None, fields, resolves: None },
        )
    }

    /// Sets the fields in which `new` differs from what is stored. `None` = nothing differed.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Stale`] where a field changed after `seen`, [`StoreError::BadField`].
    pub fn update<E: Entity>(
        &self,
        author: &Author,
        id: E::Id,
        seen: Option<VersionVector>,
        new: &E,
    ) -> Result<Option<Dot>, StoreError> {
        let old = self.record::<E>(id)?.ok_or_else(|| missing(E::KIND, id.into()))?;
        let fields = new.changed_from(&old.record);
        if fields.is_empty() {
            return Ok(None);
        }
        let edit = Edit { kind: E::KIND, key: id.into(), op: Op::Update, seen, fields, resolves: None };
        self.change(author, edit).map(Some)
    }

    /// Makes a record a tombstone. For mistakes only: what has punches is deactivated, not deleted.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Stale`].
    pub fn delete<E: Entity>(
        &self,
        author: &Author,
        id: E::Id,
        seen: Option<VersionVector>,
    ) -> Result<Dot, StoreError> {
        let fields = FieldMap::new();
        self.change(
            author,
            Edit { kind: E::KIND, key: id.into(), op: Op::Delete, seen, fields, resolves: None },
        )
    }

    /// Writes a change of any kind. Every change of a record made here goes through this function.
    ///
    /// # Errors
    /// [`StoreError::BadField`], [`StoreError::Missing`], [`StoreError::Exists`], [`StoreError::Stale`].
    pub fn change(&self, author: &Author, edit: Edit) -> Result<Dot, StoreError> {
        let Edit { kind, key, op, .. } = edit;
        kind.check(&edit.fields, op == Op::Create)?;
        let old = record::load(&self.connection, kind, key)?;
        let now = || old.as_ref().map(|row| row.vv.clone()).unwrap_or_default();
        let ctx = edit.seen.clone().unwrap_or_else(now);
        allowed(&edit, old.as_ref(), &ctx)?;
        self.check_business_key(kind, key, &edit.fields)?;
        let fields = edit.fields.clone();

        let dot = self.log_change(author, edit, &ctx)?;
        let old = old.unwrap_or_default();
        let mut new = old.clone();
        if new.vv.raise(dot).is_err() {
            // A full vector forgets rather than refuses: at worst a later merge asks a person needlessly.
            let first = new.vv.iter().map(|dot| dot.origin).next();
            first.map(|origin| new.vv.forget(origin));
            let _ = new.vv.raise(dot);
        }
        match op {
            Op::Delete => new.deleted = Some(dot),
            Op::Restore => new.deleted = None,
            Op::Create | Op::Update | Op::Decide => {}
        }
        for (tag, value) in fields {
            new.dots.set(tag, dot);
            new.fields.insert(tag, value);
        }

        let gate = params![kind.number(), key.as_bytes(), dot.origin.number(), dot.seq];
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, origin, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute(gate)?;
        record::save(self, kind, key, &new)?;
        self.connection
            .prepare_cached("DELETE FROM record_gate WHERE kind = ?1 AND key = ?2")?
            .execute(params![kind.number(), key.as_bytes()])?;

        self.audit_change(author, kind, key, op, &old, &new)?;
        self.ask_for_affected(kind, key, &old.fields, &new.fields)?;
        self.tell(StoreEvent::Records(kind));
        Ok(dot)
    }

    /// Writes the change row.
    fn log_change(&self, author: &Author, edit: Edit, ctx: &VersionVector) -> Result<Dot, StoreError> {
        let mut stream = self.stream(Stream::Records)?;
        stream.head += 1;
        let dot = Dot::new(stream.origin, stream.head);
        let group = self.group.get().unwrap_or(dot.seq);
        self.group.set(Some(group));
        let change = Change {
            dot,
            hlc: self.next_hlc()?,
            grp: group,
            kind: edit.kind.number().into(),
            key: edit.key,
            op: edit.op,
            ctx: ctx.clone(),
            fields: edit.fields,
            seen: self.meta(Meta::CURSOR)?.unwrap_or(0),
            actor: author.actor,
            resolves: edit.resolves,
            relog_of: None,
            ver: FIELDS_VERSION,
        };
        stream.chain = stream.chain.then(&change.chain_item());
        self.insert_change(&change, &stream)?;
        self.set_head(&stream)?;
        Ok(dot)
    }

    fn insert_change(&self, change: &Change, stream: &StreamState) -> Result<(), StoreError> {
        let fields = serde_json::to_vec(&change.fields).map_err(|e| StoreError::Invalid(e.to_string()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO oplog
                 (origin, seq, hlc, grp, kind, key, op, ctx, fields, seen, actor, resolves, relog_of, ver, chain)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                change.dot.origin.number(),
                change.dot.seq,
                change.hlc.number(),
                change.grp,
                change.kind,
                change.key.as_bytes(),
                change.op.number(),
                change.ctx.encode(),
                fields,
                change.seen,
                change.actor,
                change.resolves.map(|id| id.uuid().as_bytes().to_vec()),
                change.relog_of.map(|hash| hash.as_bytes().to_vec()),
                change.ver,
                stream.chain.as_bytes(),
            ])?;
        Ok(())
    }

    fn check_business_key(&self, kind: Kind, key: Uuid, fields: &FieldMap) -> Result<(), StoreError> {
        let Some(tag) = business_key(kind) else { return Ok(()) };
        let Some(value) = fields.get(&tag).and_then(Value::as_str) else { return Ok(()) };
        match record::other_with(&self.connection, kind, tag, value, key)? {
            Some(_) => Err(StoreError::Exists { what: kind.as_str(), id: value.to_owned() }),
            None => Ok(()),
        }
    }

    fn audit_change(
        &self,
        author: &Author,
        kind: Kind,
        key: Uuid,
        op: Op,
        old: &RecordRow,
        new: &RecordRow,
    ) -> Result<(), StoreError> {
        let changed = |side: &RecordRow, other: &RecordRow| {
            let fields: BTreeMap<&str, Value> = kind
                .fields()
                .iter()
                .filter_map(|def| {
                    let value = side.fields.get(&def.tag)?;
                    (other.fields.get(&def.tag) != Some(value) && !value.is_null())
                        .then(|| (def.name, masked(def.name, value)))
                })
                .collect();
            if fields.is_empty() { String::new() } else { serde_json::to_string(&fields).unwrap_or_default() }
        };
        let action = format!("{}.{}", kind.as_str(), op.as_str());
        let (before, after) = (changed(old, new), changed(new, old));
        self.audit(author.actor, author.via, &action, &key.to_string(), &before, &after)
    }

    fn ask_for_affected(
        &self,
        kind: Kind,
        key: Uuid,
        old: &FieldMap,
        new: &FieldMap,
    ) -> Result<(), StoreError> {
        let mut affected = recompute::affected(kind, key, new);
        affected.extend(recompute::affected(kind, key, old));
        for (scope, dates) in affected {
            self.ask_recompute(&scope, dates)?;
        }
        if kind == Kind::PunchNote {
            // A note is about one punch: the people who have its code, on its date.
            for fields in [old, new] {
                let Some(punch) = fields.get(&FieldTag(1)).and_then(Value::as_str) else { continue };
                let Ok(punch) = punch.parse::<PunchId>() else { continue };
                if let Some((code, date)) = self.code_and_date(punch)? {
                    self.ask_recompute(&recompute::RecomputeScope::Code(code), DateSpan::day(date))?;
                }
            }
        }
        Ok(())
    }
}

/// The field that must be unique among living records of a kind.
const fn business_key(kind: Kind) -> Option<FieldTag> {
    match kind {
        Kind::Employee | Kind::Shift | Kind::Device => Some(FieldTag(1)),
        Kind::Site | Kind::Department => Some(FieldTag(2)),
        Kind::Company
        | Kind::Roster
        | Kind::RosterDay
        | Kind::Policy
        | Kind::Holiday
        | Kind::Leave
        | Kind::Identity
        | Kind::PunchNote
        | Kind::DayDecision
        | Kind::PayPeriod
        | Kind::CompanyRule => None,
    }
}

/// Whether the change may be made to the record as it is.
fn allowed(edit: &Edit, old: Option<&RecordRow>, ctx: &VersionVector) -> Result<(), StoreError> {
    let Edit { kind, key, op, fields, .. } = edit;
    let (kind, key, op) = (*kind, *key, *op);
    match (op, old) {
        (Op::Create, Some(_)) => Err(StoreError::Exists { what: kind.as_str(), id: key.to_string() }),
        (Op::Create, None) => Ok(()),
        (Op::Update | Op::Decide | Op::Delete, Some(row)) if row.deleted.is_none() => {
            let unseen = |tag: &FieldTag| row.dots.of(*tag).is_some_and(|dot| !ctx.covers(dot));
            let stale: Vec<&'static str> = kind
                .fields()
                .iter()
                .filter(|def| {
                    unseen(&def.tag)
                        && (op == Op::Delete
                            || fields
                                .get(&def.tag)
                                .is_some_and(|value| row.fields.get(&def.tag) != Some(value)))
                })
                .map(|def| def.name)
                .collect();
            if stale.is_empty() { Ok(()) } else { Err(StoreError::Stale { fields: stale }) }
        }
        (Op::Restore, Some(row)) if row.deleted.is_some() => Ok(()),
        (Op::Update | Op::Decide | Op::Delete | Op::Restore, _) => Err(missing(kind, key)),
    }
}

fn missing(kind: Kind, key: Uuid) -> StoreError {
    StoreError::Missing { what: kind.as_str(), id: key.to_string() }
}

/// Personal numbers stand in the audit log by their last two characters.
fn masked(field: &str, value: &Value) -> Value {
    match (field, value) {
        ("phone" | "card", Value::String(text)) => {
            let tail: Vec<char> = text.chars().rev().take(2).collect();
            Value::String(format!("…{}", tail.into_iter().rev().collect::<String>()))
        }
        _ => value.clone(),
    }
}
