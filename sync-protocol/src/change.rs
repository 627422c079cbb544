//! The change-log row: what somebody did to one mutable record.
//!
//! On the wire a row is one line of compact JSON, without its origin, which the push's head names once:
//!
//! ```text
//! {"seq":7,"hlc":…,"grp":6,"kind":4,"key":"…","op":"update","ctx":{"<origin>":5},"fields":{"2":"Rahima"},
//!  "seen":120,"actor":"…","ver":1}
//! ```
//!
//! `grp` is left out when it is `seq`; `ctx`, `fields`, `resolves`, `relog_of` when empty. The log's chain runs over the
//! line's bytes, so the line of a given row never changes: a field added later is left out where it is absent.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared_model::record::BadField;
use shared_model::{ActorId, FieldMap, Kind};
use uuid::Uuid;

use crate::chain::Item;
use crate::{Dot, Hlc, Origin, VersionVector, limit};

pub(crate) mod canonical;

/// What a change does to its record. The number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Makes it, under a key that was never used.
    Create,
    /// Changes some fields.
    Update,
    /// Removes it, leaving a tombstone.
    Delete,
    /// Brings a removed one back.
    Restore,
    /// Settles a waiting state once (an approval, a closed period).
    Decide,
}

impl Op {
    /// Every operation, in the order of its number.
    pub const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Delete, Self::Restore, Self::Decide];

    /// The number under which it is stored.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Restore => 4,
            Self::Decide => 5,
        }
    }

    /// The operation of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.number() == number)
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Decide => "decide",
        }
    }
}

/// The hash by which a change is known even after it was logged again under another origin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChangeHash([u8; 16]);

/// A conflict row's id, the same wherever the conflict is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConflictId(Uuid);

/// One change to one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which change it is.
    pub dot: Dot,
    /// When it was written, for audit views only.
    pub hlc: Hlc,
    /// The number of the first change of the same transaction, which is applied all or nothing.
    pub grp: i64,
    /// The record's kind by number: a newer peer's kind is carried without being understood.
    pub kind: u16,
    /// The record's key, a UUIDv7 minted by its creator.
    pub key: Uuid,
    /// What is done.
    pub op: Op,
    /// What the author had seen of the record when the form was opened.
    pub ctx: VersionVector,
    /// The fields that the author changed.
    pub fields: FieldMap,
    /// The writer's place in the cloud's feed at writing.
    pub seen: i64,
    /// Who did it.
    pub actor: ActorId,
    /// The conflict that this change settles by hand.
    pub resolves: Option<ConflictId>,
    /// Set when a fork made the edge log the change again: the original's hash.
    pub relog_of: Option<ChangeHash>,
    /// The schema version of the fields.
    pub ver: u16,
}

/// A line that is no change, or a change that nobody can apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// Longer than [`limit::ROW`].
    #[error("change of {0} bytes, at most {max} are taken", max = limit::ROW)]
    TooLong(usize),
    /// Not the JSON of a change.
    #[error("not a change: {0}")]
    Json(String),
    /// Its number or group does not fit its place in the log.
    #[error("change {found} stands in place {expected}")]
    Place {
        /// The place in the log.
        expected: i64,
        /// What the row says.
        found: i64,
    },
    /// More fields than [`limit::FIELDS`].
    #[error("change of {0} fields, at most {max} are taken", max = limit::FIELDS)]
    TooManyFields(usize),
    /// A kind that this version does not know.
    #[error("kind {0} is not known here")]
    Kind(u16),
    /// A field that is missing or cannot be.
    #[error(transparent)]
    Field(#[from] BadField),
}

impl BadChange {
    /// A short fixed name of the cause, for storage and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::Json(_) => "malformed",
            Self::Place { .. } => "place",
            Self::TooManyFields(_) => "too_many_fields",
            Self::Kind(_) => "unknown_kind",
            Self::Field(_) => "field",
        }
    }
}

/// The row as it is written on the wire.
#[derive(Serialize)]
struct Written<'a> {
    seq: i64,
    hlc: Hlc,
    #[serde(skip_serializing_if = "Option::is_none")]
    grp: Option<i64>,
    kind: u16,
    key: Uuid,
    op: Op,
    #[serde(skip_serializing_if = "VersionVector::is_empty")]
    ctx: &'a VersionVector,
    #[serde(skip_serializing_if = "FieldMap::is_empty", serialize_with = "canonical::fields")]
    fields: &'a FieldMap,
    seen: i64,
    actor: ActorId,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolves: Option<ConflictId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relog_of: Option<ChangeHash>,
    ver: u16,
}

/// The row as it is read.
#[derive(Deserialize)]
struct Read {
    seq: i64,
    hlc: Hlc,
    grp: Option<i64>,
    kind: u16,
    key: Uuid,
    op: Op,
    #[serde(default)]
    ctx: VersionVector,
    #[serde(default)]
    fields: FieldMap,
    #[serde(default)]
    seen: i64,
    actor: ActorId,
    resolves: Option<ConflictId>,
    relog_of: Option<ChangeHash>,
    #[serde(default)]
    ver: u16,
}

impl Change {
    /// The row's line on the wire, without the line break.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let Self { dot, hlc, grp, kind, key, op, ctx, fields, seen, actor, resolves, relog_of, ver } = self;
        let row = Written {
            seq: dot.seq,
            hlc: *hlc,
            grp: (*grp != dot.seq).then_some(*grp),
            kind: *kind,
            key: *key,
            op: *op,
            ctx,
            fields,
            seen: *seen,
            actor: *actor,
            resolves: *resolves,
            relog_of: *relog_of,
            ver: *ver,
        };
        // Every key is a number or text and every value is JSON already.
        serde_json::to_vec(&row).unwrap_or_default()
    }

    /// Reads a line of `origin`'s log that stands in place `seq`.
    ///
    /// # Errors
    /// [`BadChange`] when it is too large, is no change, or says another place.
    pub fn parse(origin: Origin, seq: i64, line: &[u8]) -> Result<Self, BadChange> {
        if line.len() > limit::ROW {
            return Err(BadChange::TooLong(line.len()));
        }
        let row: Read = serde_json::from_slice(line).map_err(|e| BadChange::Json(e.to_string()))?;
        let grp = row.grp.unwrap_or(row.seq);
        for (found, fits) in [(row.seq, row.seq == seq), (grp, (1..=seq).contains(&grp))] {
            if !fits {
                return Err(BadChange::Place { expected: seq, found });
            }
        }
        if row.fields.len() > limit::FIELDS {
            return Err(BadChange::TooManyFields(row.fields.len()));
        }
        Ok(Self {
            dot: Dot { origin, seq },
            hlc: row.hlc,
            grp,
            kind: row.kind,
            key: row.key,
            op: row.op,
            ctx: row.ctx,
            fields: row.fields,
            seen: row.seen,
            actor: row.actor,
            resolves: row.resolves,
            relog_of: row.relog_of,
            ver: row.ver,
        })
    }

    /// Checks kind and field values: a create carries a whole record, anything else what it changes.
    ///
    /// # Errors
    /// [`BadChange::Kind`] or [`BadChange::Field`].
    pub fn check(&self) -> Result<Kind, BadChange> {
        let kind = self.known_kind().ok_or(BadChange::Kind(self.kind))?;
        kind.check(&self.fields, self.op == Op::Create)?;
        Ok(kind)
    }

    /// The record's kind, where this version knows it.
    #[must_use]
    pub fn known_kind(&self) -> Option<Kind> {
        u8::try_from(self.kind).ok().and_then(Kind::from_number)
    }

    /// The hash by which the change is known wherever it turns up: the original's, where it was logged again.
    #[must_use]
    pub fn identity(&self) -> ChangeHash {
        self.relog_of.unwrap_or_else(|| ChangeHash::of(self.dot, &self.line()))
    }

    /// What the change adds to its log's chain.
    #[must_use]
    pub fn chain_item(&self) -> Item {
        line_item(&self.line())
    }
}

/// What a line adds to its log's chain, understood or not.
#[must_use]
pub fn line_item(line: &[u8]) -> Item {
    let mut item = Vec::with_capacity(line.len() + 1);
    item.push(4);
    item.extend(line);
    Item(item)
}

impl ChangeHash {
    /// The hash of the change that stands at `dot` with this line.
    #[must_use]
    pub fn of(dot: Dot, line: &[u8]) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(b"muster change v1").update(&dot.to_bytes()).update(line);
        let mut bytes = [0; 16];
        hash.finalize_xof().fill(&mut bytes);
        Self(bytes)
    }

    /// Takes a stored hash; `None` unless there are 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeHash({self})")
    }
}

impl TryFrom<String> for ChangeHash {
    type Error = hex::FromHexError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(&text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<ChangeHash> for String {
    fn from(hash: ChangeHash) -> Self {
        hash.to_string()
    }
}

impl ConflictId {
    /// Takes an id from a database row or a wire message.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a UUID, for storage.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

#[cfg(test)]
mod tests;
