//! Mutable records: from rows of `rec_<kind>` to [`Record`] and back, any kind by its list of fields.
//!
//! Rows travel as JSON built from column names, so that one statement reads or writes any number of records of a kind.
//! Names of tables and columns come from the compiled-in kinds, never from data.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};
use shared_model::record::{FieldDef, FieldType};
use shared_model::{FieldMap, FieldTag, Kind};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use sync_protocol::cloud::{RecordKey, RecordWrite};
use sync_protocol::record::Dots;
use sync_protocol::{ChangeHash, Dot, Record, VersionVector};
use uuid::Uuid;

use super::{StoreError, TenantTx};

/// The columns that every kind has beside its fields.
const COMMON: [&str; 5] = ["ext", "vv", "dots", "deleted_dot", "fseq"];

/// Locks records, kind by kind in the order of their keys, and returns them in the order asked.
pub(super) async fn lock(tx: &mut TenantTx, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
    let mut by_kind: BTreeMap<Kind, Vec<Uuid>> = BTreeMap::new();
    for (kind, key) in keys {
        by_kind.entry(*kind).or_default().push(*key);
    }
    let mut found = BTreeMap::new();
    for (kind, keys) in by_kind {
        let table = kind.as_str();
        let sql = format!(
            "SELECT key, to_jsonb(r) FROM rec_{table} r WHERE company_id = $1 AND key = ANY ($2) ORDER BY key FOR UPDATE"
        );
        let rows: Vec<(Uuid, Json<Map<String, Value>>)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tx.company())
            .bind(&keys)
            .fetch_all(tx.connection())
            .await?;
        for (key, Json(row)) in rows {
            found.insert((kind, key), decode(kind, key, row)?);
        }
    }
    Ok(keys.iter().map(|key| found.remove(key)).collect())
}

/// Every living record of a kind, by key.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn all(tx: &mut TenantTx, kind: Kind) -> Result<Vec<(Uuid, Record)>, StoreError> {
    let table = kind.as_str();
    let sql = format!(
        "SELECT key, to_jsonb(r) FROM rec_{table} r WHERE company_id = $1 AND deleted_dot IS NULL ORDER BY key"
    );
    let rows: Vec<(Uuid, Json<Map<String, Value>>)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(tx.company()).fetch_all(tx.connection()).await?;
    rows.into_iter().map(|(key, Json(row))| Ok((key, decode(kind, key, row)?))).collect()
}

/// The living records of a kind of which a condition holds, by key. The condition may name `$2`, the keys given, and
/// where dates are given `$3` and `$4`, the first and the last.
pub(super) async fn matching(
    tx: &mut TenantTx,
    kind: Kind,
    condition: &'static str,
    keys: &[Uuid],
    dates: Option<(NaiveDate, NaiveDate)>,
) -> Result<Vec<(Uuid, Record)>, StoreError> {
    let table = kind.as_str();
    let sql = format!(
        "SELECT key, to_jsonb(r) FROM rec_{table} r
         WHERE company_id = $1 AND deleted_dot IS NULL AND {condition} ORDER BY key"
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(tx.company()).bind(keys);
    if let Some((from, to)) = dates {
        query = query.bind(from).bind(to);
    }
    let rows: Vec<(Uuid, Json<Map<String, Value>>)> = query.fetch_all(tx.connection()).await?;
    rows.into_iter().map(|(key, Json(row))| Ok((key, decode(kind, key, row)?))).collect()
}

/// One record, living or deleted.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn one(tx: &mut TenantTx, kind: Kind, key: Uuid) -> Result<Option<Record>, StoreError> {
    let table = kind.as_str();
    let sql = format!("SELECT to_jsonb(r) FROM rec_{table} r WHERE company_id = $1 AND key = $2");
    let row: Option<Json<Map<String, Value>>> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(key)
        .fetch_optional(tx.connection())
        .await?;
    row.map(|Json(row)| decode(kind, key, row)).transpose()
}

/// Writes records at places in the feed from `first` on, in their order. `change` is one of the logged changes that they
/// come from: without any the database refuses.
pub(super) async fn save(
    tx: &mut TenantTx,
    writes: &[RecordWrite],
    first: i64,
    change: Option<ChangeHash>,
) -> Result<(), StoreError> {
    let named = change.map(|change| hex::encode(change.as_bytes()));
    name_change(tx, named.as_deref().unwrap_or_default()).await?;
    let mut by_kind: BTreeMap<Kind, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for (write, fseq) in writes.iter().zip(first..) {
        let row = encode(tx, write.key, &write.record, fseq);
        let (new, changed) = by_kind.entry(write.key.0).or_default();
        if write.before.is_none() { new.push(row) } else { changed.push(row) }
    }
    for (kind, (new, changed)) in by_kind {
        let table = kind.as_str();
        if !new.is_empty() {
            // A key that somebody else made meanwhile fails here, and the transaction is tried again on his record.
            let sql = format!(
                "INSERT INTO rec_{table} SELECT * FROM jsonb_populate_recordset(NULL::rec_{table}, $1)"
            );
            sqlx::query(AssertSqlSafe(sql)).bind(Json(new)).execute(tx.connection()).await?;
        }
        if !changed.is_empty() {
            let columns = || kind.fields().iter().map(|def| def.name).chain(COMMON);
            let list =
                |prefix: &str| columns().map(|c| format!("{prefix}\"{c}\"")).collect::<Vec<_>>().join(", ");
            let (into, from) = (list(""), list("p."));
            let sql = format!(
                "UPDATE rec_{table} r SET ({into}) = ROW ({from})
                 FROM jsonb_populate_recordset(NULL::rec_{table}, $2) p WHERE r.company_id = $1 AND r.key = p.key"
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(tx.company())
                .bind(Json(changed))
                .execute(tx.connection())
                .await?;
        }
    }
    name_change(tx, "").await
}

/// Names the logged change under which records may be written from here on; none ends it.
async fn name_change(tx: &mut TenantTx, hex: &str) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(format!("SET LOCAL app.change = '{hex}'"))).execute(tx.connection()).await?;
    Ok(())
}

fn encode(tx: &TenantTx, (kind, key): RecordKey, record: &Record, fseq: i64) -> Value {
    let mut row = Map::new();
    row.insert("company_id".to_owned(), json!(tx.company()));
    row.insert("key".to_owned(), json!(key));
    let mut ext = Map::new();
    for (tag, value) in &record.fields {
        match kind.field(*tag) {
            Some(def) => drop(row.insert(def.name.to_owned(), value.clone())),
            None => drop(ext.insert(tag.0.to_string(), value.clone())),
        }
    }
    let bytes = |bytes: &[u8]| Value::String(format!("\\x{}", hex::encode(bytes)));
    row.insert("ext".to_owned(), if ext.is_empty() { Value::Null } else { Value::Object(ext) });
    row.insert("vv".to_owned(), bytes(&record.vv.encode()));
    row.insert("dots".to_owned(), bytes(&record.dots.encode()));
    row.insert("deleted_dot".to_owned(), record.deleted.map_or(Value::Null, |dot| bytes(&dot.to_bytes())));
    row.insert("fseq".to_owned(), json!(fseq));
    Value::Object(row)
}

pub(super) fn decode(kind: Kind, key: Uuid, mut row: Map<String, Value>) -> Result<Record, StoreError> {
    let corrupt = |cause: String| StoreError::Corrupt { table: kind.as_str(), id: key.to_string(), cause };
    let mut fields = FieldMap::new();
    for def in kind.fields() {
        match row.remove(def.name) {
            None | Some(Value::Null) => {}
            Some(value) => drop(fields.insert(def.tag, wire_form(def, value).map_err(corrupt)?)),
        }
    }
    if let Some(Value::Object(ext)) = row.remove("ext") {
        for (tag, value) in ext {
            let tag = tag.parse().map_err(|_| corrupt(format!("ext names the tag {tag:?}")))?;
            fields.insert(FieldTag(tag), value);
        }
    }
    let bytes = |column: &str| -> Result<Option<Vec<u8>>, StoreError> {
        let Some(Value::String(text)) = row.get(column) else { return Ok(None) };
        let digits = text.strip_prefix("\\x").unwrap_or(text);
        hex::decode(digits).map(Some).map_err(|e| corrupt(format!("{column}: {e}")))
    };
    let missing = |column: &str| corrupt(format!("{column} is missing"));
    let vv = VersionVector::decode(&bytes("vv")?.ok_or_else(|| missing("vv"))?)
        .map_err(|e| corrupt(e.to_string()))?;
    let dots =
        Dots::decode(&bytes("dots")?.ok_or_else(|| missing("dots"))?).map_err(|e| corrupt(e.to_string()))?;
    let deleted = match bytes("deleted_dot")? {
        None => None,
        Some(bytes) => {
            Some(Dot::from_bytes(&bytes).ok_or_else(|| corrupt("deleted_dot is no dot".to_owned()))?)
        }
    };
    let fseq = row.get("fseq").and_then(Value::as_i64).ok_or_else(|| missing("fseq"))?;
    Ok(Record { fields, dots, vv, deleted, fseq })
}

/// PostgreSQL writes an instant with an offset; on the wire it ends in `Z`. Merging compares values, so they must look
/// alike wherever they come from.
fn wire_form(def: &FieldDef, value: Value) -> Result<Value, String> {
    match (def.ty, &value) {
        (FieldType::Instant, Value::String(text)) => {
            let at: DateTime<Utc> = text.parse().map_err(|e| format!("{}: {e}", def.name))?;
            serde_json::to_value(at).map_err(|e| e.to_string())
        }
        _ => Ok(value),
    }
}
