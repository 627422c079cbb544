//! Keys that people give and that must be unique among a company's living records (sync.md 2.5): the later arrival is stored
//! with the field blank and a conflict row; a batch is never refused for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared_model::{ActorId, FieldMap, FieldTag, Kind};
use sqlx::AssertSqlSafe;
use sync_protocol::cloud::{ChangeBatch, RecordWrite};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{ConflictState, FeedConflict};
use sync_protocol::{ConflictId, Hlc, Slot};
use uuid::Uuid;

use super::super::{StoreError, TenantTx};

/// The field that must be unique in a kind.
const fn field(kind: Kind) -> Option<(FieldTag, &'static str)> {
    match kind {
        Kind::Employee | Kind::Shift => Some((FieldTag(1), "code")),
        Kind::Device => Some((FieldTag(1), "serial")),
        Kind::Site | Kind::Department => Some((FieldTag(2), "code")),
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
        | Kind::CompanyRule
        | Kind::PhonePunch => None,
    }
}

/// Blanks each key that another living record has, and returns the conflict rows that say so.
pub(super) async fn blank_taken(
    tx: &mut TenantTx,
    records: &mut [RecordWrite],
    batch: &ChangeBatch<'_>,
) -> Result<Vec<FeedConflict>, StoreError> {
    let mut rows = Vec::new();
    let kinds: BTreeSet<Kind> = records.iter().map(|write| write.key.0).collect();
    for kind in kinds {
        let Some((tag, column)) = field(kind) else { continue };
        let mut holders = holders(tx, kind, column, records, tag).await?;
        for write in records.iter_mut().filter(|write| write.key.0 == kind && write.record.deleted.is_none())
        {
            let key = write.key.1;
            let Some(Value::String(value)) = write.record.fields.get(&tag).cloned() else { continue };
            let holder = *holders.entry(value.clone()).or_insert(key);
            if holder == key {
                continue;
            }
            write.record.fields.remove(&tag);
            rows.push(conflict(batch, kind, key, tag, &value, holder));
        }
    }
    Ok(rows)
}

/// Which record has each of the values that are to be written. Records of the batch itself do not count: they may be about
/// to give their value up.
async fn holders(
    tx: &mut TenantTx,
    kind: Kind,
    column: &str,
    records: &[RecordWrite],
    tag: FieldTag,
) -> Result<BTreeMap<String, Uuid>, StoreError> {
    let ours = || records.iter().filter(|write| write.key.0 == kind);
    let keys: Vec<Uuid> = ours().map(|write| write.key.1).collect();
    let values: Vec<&str> = ours().filter_map(|write| write.record.fields.get(&tag)?.as_str()).collect();
    let table = kind.as_str();
    let sql = format!(
        "SELECT {column}, key FROM rec_{table}
         WHERE company_id = $1 AND deleted_dot IS NULL AND {column} = ANY ($2) AND key <> ALL ($3)"
    );
    let rows: Vec<(String, Uuid)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(values)
        .bind(keys)
        .fetch_all(tx.connection())
        .await?;
    Ok(rows.into_iter().collect())
}

fn conflict(
    batch: &ChangeBatch<'_>,
    kind: Kind,
    key: Uuid,
    tag: FieldTag,
    value: &str,
    holder: Uuid,
) -> FeedConflict {
    let change = batch.log.iter().rev().filter_map(|logged| logged.change).find(|change| change.key == key);
    // The same refused value of the same record is one conflict, however often it comes.
    let mut hash = blake3::Hasher::new();
    hash.update(b"muster duplicate key v1")
        .update(key.as_bytes())
        .update(holder.as_bytes())
        .update(value.as_bytes());
    let mut bytes = [0; 16];
    hash.finalize_xof().fill(&mut bytes);
    FeedConflict {
        fseq: 0,
        id: ConflictId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
        cause: "duplicate_key".to_owned(),
        kind: kind.number().into(),
        key,
        slot: Some(Slot::of(kind, tag)),
        standing: FieldMap::new(),
        standing_dots: Vec::new(),
        arriving: FieldMap::from([(tag, Value::String(value.to_owned()))]),
        arriving_dots: change.map(|change| change.dot).into_iter().collect(),
        kept: FieldRule::Standing,
        actor: change.map_or(ActorId::SYSTEM, |change| change.actor),
        hlc: change.map_or(Hlc::default(), |change| change.hlc),
        rec_fseq: 0,
        state: ConflictState::Open,
        site: None,
    }
}
