//! Keys that people give (an employee's code, a clock's serial) and that no two records in use should share (sync.md 2.5).
//!
//! Two factories, or one whose edge was set back to an old copy, may give the same key to two records before either knows
//! of the other. A batch is never refused for it. Both records keep the key: one without it could not be read, and its
//! person would be out of attendance. What says so is a conflict row (`duplicate_key`) about the later arrival, open until
//! one of the two has another key, is deleted or is no longer in use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared_model::{ActorId, FieldTag, Kind};
use sqlx::AssertSqlSafe;
use sync_protocol::cloud::{ChangeBatch, ConflictMove, RecordWrite};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{ConflictState, FeedConflict};
use sync_protocol::{ConflictId, Hlc, Slot};
use uuid::Uuid;

use super::super::{StoreError, TenantTx};

/// What a conflict row about a shared key is called.
pub(in crate::store) const CAUSE: &str = "duplicate_key";

/// The column of a kind's key, with its tag, where the kind has one.
pub(in crate::store) fn column(kind: Kind) -> Option<(FieldTag, &'static str)> {
    let tag = kind.business_key()?;
    kind.field(tag).map(|def| (tag, def.name))
}

/// The condition under which a record (under an alias of the table) lays claim to its key.
pub(in crate::store) fn in_use(kind: Kind, alias: &str) -> String {
    let used = if kind == Kind::Device { "state IS DISTINCT FROM 'retired'" } else { "active IS NOT FALSE" };
    format!("{alias}.deleted_dot IS NULL AND {alias}.{used}")
}

/// What a batch does to keys that records share.
#[derive(Debug, Default)]
pub(super) struct SharedKeys {
    /// Conflict rows about records that now share a key.
    pub found: Vec<FeedConflict>,
    /// Rows about records that no longer do.
    pub settled: Vec<ConflictMove>,
}

/// Looks at the records of a batch that were just saved.
pub(super) async fn look(
    tx: &mut TenantTx,
    records: &[RecordWrite],
    batch: &ChangeBatch<'_>,
) -> Result<SharedKeys, StoreError> {
    let mut shared = SharedKeys::default();
    let kinds: BTreeSet<Kind> = records.iter().map(|write| write.key.0).collect();
    for kind in kinds {
        let Some((tag, column)) = column(kind) else { continue };
        let written: Vec<&RecordWrite> = records.iter().filter(|write| write.key.0 == kind).collect();
        settle(tx, kind, tag, column, &written, batch, &mut shared.settled).await?;
        find(tx, kind, tag, column, &written, batch, &mut shared.found).await?;
    }
    Ok(shared)
}

/// Closes the rows whose record shares its key with nobody any more.
async fn settle(
    tx: &mut TenantTx,
    kind: Kind,
    tag: FieldTag,
    column: &str,
    written: &[&RecordWrite],
    batch: &ChangeBatch<'_>,
    settled: &mut Vec<ConflictMove>,
) -> Result<(), StoreError> {
    let table = kind.as_str();
    let (one, other) = (in_use(kind, "r"), in_use(kind, "o"));
    let sql = format!(
        "SELECT c.conflict_id FROM conflict c
         WHERE c.company_id = $1 AND c.state = 'open' AND c.cause = '{CAUSE}' AND c.kind = $2
           AND (c.key = ANY ($3) OR c.arriving ->> $4 = ANY ($5))
           AND NOT EXISTS (
               SELECT FROM rec_{table} r JOIN rec_{table} o
                   ON o.company_id = r.company_id AND o.{column} = r.{column} AND o.key <> r.key AND {other}
               WHERE r.company_id = $1 AND r.key = c.key AND r.{column} = c.arriving ->> $4 AND {one})"
    );
    let gone: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(i16::from(kind.number()))
        .bind(written.iter().map(|write| write.key.1).collect::<Vec<_>>())
        .bind(tag.0.to_string())
        .bind(
            written.iter().filter_map(|write| write.before.as_ref()?.get(&tag)?.as_str()).collect::<Vec<_>>(),
        )
        .fetch_all(tx.connection())
        .await?;
    let known = |id: &ConflictId| batch.moved.iter().any(|moved| moved.id == *id);
    let ids = gone.into_iter().map(ConflictId::from_uuid).filter(|id| !known(id));
    settled.extend(ids.map(|id| ConflictMove { id, state: ConflictState::Resolved }));
    Ok(())
}

/// Makes a row about each written record that shares its key with an earlier one and has none yet.
async fn find(
    tx: &mut TenantTx,
    kind: Kind,
    tag: FieldTag,
    column: &str,
    written: &[&RecordWrite],
    batch: &ChangeBatch<'_>,
    found: &mut Vec<FeedConflict>,
) -> Result<(), StoreError> {
    let table = kind.as_str();
    let (one, other) = (in_use(kind, "r"), in_use(kind, "o"));
    let has_row = |alias: &str| {
        format!(
            "EXISTS (SELECT FROM conflict c WHERE c.company_id = $1 AND c.state = 'open' AND c.cause = '{CAUSE}'
                     AND c.kind = $2 AND c.key = {alias}.key AND c.arriving ->> $4 = {alias}.{column})"
        )
    };
    let sql = format!(
        "SELECT r.key, r.{column}, o.key FROM rec_{table} r JOIN rec_{table} o
             ON o.company_id = r.company_id AND o.{column} = r.{column} AND o.key <> r.key AND {other}
         WHERE r.company_id = $1 AND r.key = ANY ($3) AND {one} AND NOT {} AND NOT {} ORDER BY r.key, o.key",
        has_row("r"),
        has_row("o"),
    );
    let rows: Vec<(Uuid, String, Uuid)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(i16::from(kind.number()))
        .bind(written.iter().map(|write| write.key.1).collect::<Vec<_>>())
        .bind(tag.0.to_string())
        .fetch_all(tx.connection())
        .await?;
    // Of two that came together the one whose last change comes later is the later arrival.
    let place = |key: Uuid| written.iter().position(|write| write.key.1 == key);
    let mut holders: BTreeMap<Uuid, (String, Uuid)> = BTreeMap::new();
    for (key, value, other) in rows {
        if place(other).is_none_or(|other| Some(other) < place(key)) {
            holders.entry(key).or_insert((value, other));
        }
    }
    for (key, (value, holder)) in holders {
        let Some(write) = written.iter().find(|write| write.key.1 == key) else { continue };
        tracing::warn!(
            company.id = %tx.company(), record.kind = table, record.key = %key, record.other = %holder,
            "two records in use share one key"
        );
        found.push(row(batch, write, tag, &value, holder));
    }
    Ok(())
}

fn row(
    batch: &ChangeBatch<'_>,
    write: &RecordWrite,
    tag: FieldTag,
    value: &str,
    holder: Uuid,
) -> FeedConflict {
    let (kind, key) = write.key;
    let slot = Slot::of(kind, tag);
    let change = batch.log.iter().rev().filter_map(|logged| logged.change).find(|change| change.key == key);
    let given_by = write.record.dots.0.get(&slot).copied();
    // The same pair may come to share a key again after a person has settled it: that is another conflict.
    let mut hash = blake3::Hasher::new();
    hash.update(b"muster duplicate key v2")
        .update(key.as_bytes())
        .update(holder.as_bytes())
        .update(value.as_bytes());
    if let Some(dot) = change.map(|change| change.dot).or(given_by) {
        hash.update(&dot.to_bytes());
    }
    let mut bytes = [0; 16];
    hash.finalize_xof().fill(&mut bytes);
    let values = || [(tag, Value::String(value.to_owned()))].into();
    FeedConflict {
        fseq: 0,
        id: ConflictId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
        cause: CAUSE.to_owned(),
        kind: kind.number().into(),
        key,
        slot: Some(slot),
        standing: values(),
        standing_dots: Vec::new(),
        arriving: values(),
        arriving_dots: given_by.into_iter().collect(),
        kept: FieldRule::Arriving,
        actor: change.map_or(ActorId::SYSTEM, |change| change.actor),
        hlc: change.map_or(Hlc::default(), |change| change.hlc),
        rec_fseq: 0,
        state: ConflictState::Open,
        site: None,
    }
}
