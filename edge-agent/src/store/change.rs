//! The one function that changes a record.
//!
//! A change is, in one transaction: the record, its full change row (dot, context, fields, time, group, actor,
//! version, chain), its audit row, and what must be recomputed because of it. Triggers refuse records that change any
//! other way.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use serde_json::Value;
use shared_model::entity::Entity;
use shared_model::punch::PunchId;
use shared_model::{ActorId, FieldMap, FieldTag, Kind};
use sync_protocol::authority::edge_may;
use sync_protocol::merge::{Conflict, Orphan, Rules, merge};
use sync_protocol::record::Record;
use sync_protocol::{Change, ConflictId, Dot, Op, Stream, VersionVector};
use uuid::Uuid;

use super::record;
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
        edge_may(kind, op, &edit.fields).map_err(|poison| StoreError::Invalid(poison.detail))?;
        let old = record::load(&self.connection, kind, key)?;
        possible(&edit, old.as_ref())?;
        self.check_business_key(kind, key, &edit.fields)?;

        let (change, stream) = self.next_change(author, edit, old.as_ref())?;
        let dot = change.dot;
        let folded = VersionVector::new();
        let merged = merge(old.clone(), &change, Rules::of(kind, &change.ctx, &folded))
            .map_err(|Orphan| missing(kind, key))?;
        if !merged.conflicts.is_empty() {
            return Err(StoreError::Stale { fields: disputed(kind, &merged.conflicts) });
        }
        self.insert_change(&change, &stream)?;
        self.set_head(&stream)?;
        self.keep_base((kind, key), old.as_ref())?;

        let gate = params![kind.number(), key.as_bytes(), dot.origin.number(), dot.seq];
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, origin, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute(gate)?;
        record::save(self, kind, key, &merged.record)?;
        self.close_gate(kind, key)?;

        let (old, new) = (old.unwrap_or_default().fields, merged.record.fields);
        self.audit_change(author, kind, key, op, &old, &new)?;
        self.ask_for_affected(kind, key, &old, &new)?;
        self.tell(StoreEvent::Records(kind));
        Ok(dot)
    }

    /// The change row that is next in the log, and the log's state with it.
    fn next_change(
        &self,
        author: &Author,
        edit: Edit,
        old: Option<&Record>,
    ) -> Result<(Change, StreamState), StoreError> {
        let mut stream = self.stream(Stream::Records)?;
        stream.head += 1;
        let dot = Dot::new(stream.origin, stream.head);
        let group = self.group.get().unwrap_or(dot.seq);
        self.group.set(Some(group));
        let now = old.map(|record| &record.vv);
        let ctx = match edit.seen {
            Some(seen) => self.renumbered(seen, now)?,
            None => now.cloned().unwrap_or_default(),
        };
        let change = Change {
            dot,
            hlc: self.next_hlc()?,
            grp: group,
            kind: edit.kind.number().into(),
            key: edit.key,
            op: edit.op,
            ctx,
            fields: edit.fields,
            seen: self.meta(Meta::CURSOR)?.unwrap_or(0),
            actor: author.actor,
            resolves: edit.resolves,
            relog_of: None,
            ver: FIELDS_VERSION,
        };
        stream.chain = stream.chain.then(&change.chain_item());
        Ok((change, stream))
    }

    pub(super) fn insert_change(&self, change: &Change, stream: &StreamState) -> Result<(), StoreError> {
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
        let Some(tag) = kind.business_key() else { return Ok(()) };
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
        old: &FieldMap,
        new: &FieldMap,
    ) -> Result<(), StoreError> {
        let changed = |side: &FieldMap, other: &FieldMap| {
            let fields: BTreeMap<&str, Value> = kind
                .fields()
                .iter()
                .filter_map(|def| {
                    let value = side.get(&def.tag)?;
                    (other.get(&def.tag) != Some(value) && !value.is_null())
                        .then(|| (def.name, masked(def.name, value)))
                })
                .collect();
            if fields.is_empty() { String::new() } else { serde_json::to_string(&fields).unwrap_or_default() }
        };
        let action = format!("{}.{}", kind.as_str(), op.as_str());
        let (before, after) = (changed(old, new), changed(new, old));
        self.audit(author.actor, author.via, &action, &key.to_string(), &before, &after)
    }

    pub(super) fn ask_for_affected(
        &self,
        kind: Kind,
        key: Uuid,
        old: &FieldMap,
        new: &FieldMap,
    ) -> Result<(), StoreError> {
        let affected = [new, old].map(|fields| shift_engine::scope::affected(kind, key, fields));
        let affected: BTreeSet<_> = affected.into_iter().flatten().collect();
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

/// Whether there is something to change: a merge would pass over what is not possible, a person must be told.
fn possible(edit: &Edit, old: Option<&Record>) -> Result<(), StoreError> {
    let Edit { kind, key, op, .. } = edit;
    let alive = old.map(|record| record.deleted.is_none());
    match (op, alive) {
        (Op::Create, Some(_)) => Err(StoreError::Exists { what: kind.as_str(), id: key.to_string() }),
        (Op::Create, None)
        | (Op::Update | Op::Decide | Op::Delete, Some(true))
        | (Op::Restore, Some(false)) => Ok(()),
        // That a deleted record stays deleted is a way to settle what disputes it.
        (Op::Delete, Some(false)) if edit.resolves.is_some() => Ok(()),
        (Op::Update | Op::Decide | Op::Delete, None | Some(false)) | (Op::Restore, None | Some(true)) => {
            Err(missing(*kind, *key))
        }
    }
}

/// The fields about which a change and what it had not seen disagree.
fn disputed(kind: Kind, conflicts: &[Conflict]) -> Vec<&'static str> {
    let tags: BTreeSet<FieldTag> = conflicts
        .iter()
        .flat_map(|conflict| conflict.standing.values.keys().chain(conflict.arriving.values.keys()))
        .copied()
        .collect();
    tags.into_iter().filter_map(|tag| kind.field(tag)).map(|def| def.name).collect()
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
