//! What sync set aside for a person: conflicts, rows that the cloud keeps aside, lines that cannot be taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::{FieldMap, Kind};
use sync_protocol::ConflictId;
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{ConflictState, FeedConflict};
use uuid::Uuid;

use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{ReadTx, StoreError};

/// Rows listed at most.
const LISTED: u32 = 500;

/// Lists the conflicts, and what could not be exchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListConflicts {
    /// Those that are settled too.
    #[serde(default)]
    pub all: bool,
}

/// Settles a conflict: the chosen version counts everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideConflict {
    /// Which.
    pub id: Uuid,
    /// Which version is to count.
    pub take: FieldRule,
}

/// A conflict with both versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictRow {
    /// Its id.
    pub id: Uuid,
    /// Why: `field`, `edit_versus_delete`, `delete_versus_edit`, `already_decided`.
    pub cause: String,
    /// The record's kind.
    pub kind: String,
    /// The record's key.
    pub key: Uuid,
    /// What people call the record.
    pub label: String,
    /// The values that were at the cloud, by field; none where they were deleted.
    pub standing: BTreeMap<String, Value>,
    /// The values that arrived.
    pub arriving: BTreeMap<String, Value>,
    /// Which of them counts.
    pub kept: FieldRule,
    /// Who wrote what arrived.
    pub actor: Uuid,
    /// When, milliseconds UTC.
    pub written_ms: i64,
    /// Whether it waits.
    pub state: ConflictState,
    /// Whether it was settled here and the cloud has yet to confirm it.
    pub settled_here: bool,
}

/// A row that the cloud keeps aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideRow {
    /// `L` ledger, `R` record changes.
    pub log: String,
    /// Its place in the log.
    pub seq: i64,
    /// Why, as a fixed name and in words.
    pub code: String,
    /// See `code`.
    pub detail: String,
    /// What it did: kind, operation and record, where it is a record change that is still here.
    pub change: Option<String>,
}

/// A line of the feed that this version cannot take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// Its number here.
    pub id: i64,
    /// Why, as a fixed name and in words.
    pub code: String,
    /// See `code`.
    pub detail: String,
}

/// What waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Aside {
    /// The conflicts.
    pub conflicts: Vec<ConflictRow>,
    /// Rows of this agent that the cloud keeps aside.
    pub kept_by_cloud: Vec<AsideRow>,
    /// Lines of the feed that this version cannot take.
    pub not_taken: Vec<ParkedRow>,
}

impl Aside {
    /// Reads what waits for a person, settled conflicts too where `all`.
    ///
    /// # Errors
    /// What the store says.
    pub fn read(tx: &ReadTx, all: bool) -> Result<Self, StoreError> {
        let settled = tx.settled_here()?;
        let conflicts = tx.conflicts(!all, LISTED)?.into_iter();
        let conflicts = conflicts.map(|row| conflict(tx, row, |id| settled.contains(&id)));
        let kept = tx.kept_aside(LISTED)?.into_iter().map(|row| {
            let change = row.change.map(|(kind, key, op)| {
                Ok::<_, StoreError>(format!("{} {}: {}", op.as_str(), kind.as_str(), tx.label_of(kind, key)?))
            });
            Ok(AsideRow {
                log: row.stream.as_str().to_owned(),
                seq: row.seq,
                code: row.code,
                detail: row.detail,
                change: change.transpose()?,
            })
        });
        let parked = tx.parked(LISTED)?.into_iter();
        Ok(Self {
            conflicts: conflicts.collect::<Result<_, StoreError>>()?,
            kept_by_cloud: kept.collect::<Result<_, StoreError>>()?,
            not_taken: parked
                .map(|row| ParkedRow { id: row.id, code: row.code, detail: row.detail })
                .collect(),
        })
    }
}

fn conflict(
    tx: &ReadTx,
    row: FeedConflict,
    settled_here: impl Fn(ConflictId) -> bool,
) -> Result<ConflictRow, StoreError> {
    let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number);
    let named = |fields: &FieldMap| {
        let name = |tag| kind.and_then(|kind| kind.field(tag)).map(|def| def.name.to_owned());
        fields
            .iter()
            .map(|(tag, value)| (name(*tag).unwrap_or_else(|| tag.0.to_string()), value.clone()))
            .collect()
    };
    Ok(ConflictRow {
        id: row.id.uuid(),
        kind: kind.map_or_else(|| row.kind.to_string(), |kind| kind.as_str().to_owned()),
        key: row.key,
        label: kind.map_or_else(|| Ok(row.key.to_string()), |kind| tx.label_of(kind, row.key))?,
        standing: named(&row.standing),
        arriving: named(&row.arriving),
        kept: row.kept,
        actor: row.actor.uuid(),
        written_ms: row.hlc.ms(),
        state: row.state,
        settled_here: settled_here(row.id),
        cause: row.cause,
    })
}

impl Act for ListConflicts {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Aside, Refusal> {
        agent.read(move |tx| Aside::read(tx, self.all)).await
    }
}

impl Act for OverrideConflict {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        let Self { id, take } = self;
        agent
            .write(move |tx, author| {
                tx.settle_conflict(author, ConflictId::from_uuid(id), take)?;
                Ok(Saved {
                    kind: "conflict".to_owned(),
                    id,
                    label: id.to_string(),
                    outcome: Outcome::Updated,
                })
            })
            .await
    }
}
