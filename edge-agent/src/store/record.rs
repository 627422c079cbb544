//! Records as rows: typed columns to tagged fields and back.

use std::collections::HashMap;
use std::sync::OnceLock;

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use serde_json::Value;
use shared_model::entity::Entity;
use shared_model::record::FieldType;
use shared_model::{FieldMap, FieldTag, Kind};
use sync_protocol::record::{Dots, Record};
use sync_protocol::{Dot, VersionVector};
use uuid::Uuid;

use super::{ReadTx, StoreError, WriteTx};

/// A record with what merging knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<E: Entity> {
    /// Its key.
    pub id: E::Id,
    /// The record.
    pub record: E,
    /// What has been considered of it: hand it back with an edit.
    pub vv: VersionVector,
    /// Its place in the cloud's feed; 0 = not there yet.
    pub fseq: i64,
}

/// The statements of one kind, made once from its field list.
struct Statements {
    select: String,
    upsert: String,
    table: &'static str,
}

fn statements(kind: Kind) -> &'static Statements {
    static ALL: OnceLock<HashMap<Kind, Statements>> = OnceLock::new();
    let all = ALL.get_or_init(|| Kind::ALL.iter().map(|kind| (*kind, make_statements(*kind))).collect());
    &all[&kind]
}

fn make_statements(kind: Kind) -> Statements {
    let table: &'static str = Box::leak(format!("rec_{}", kind.as_str()).into_boxed_str());
    let names: Vec<String> = kind.fields().iter().map(|def| format!("\"{}\"", def.name)).collect();
    let fixed = ["ext", "vv", "dots", "deleted_dot", "fseq"];
    let columns: Vec<&str> = names.iter().map(String::as_str).chain(fixed).collect();
    let marks: Vec<String> = (2..columns.len() + 2).map(|n| format!("?{n}")).collect();
    let sets: Vec<String> = columns.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    Statements {
        table,
        select: format!("SELECT key, {} FROM {table}", columns.join(", ")),
        upsert: format!(
            "INSERT INTO {table} (key, {}) VALUES (?1, {}) ON CONFLICT (key) DO UPDATE SET {}",
            columns.join(", "),
            marks.join(", "),
            sets.join(", ")
        ),
    }
}

fn to_sql(ty: FieldType, value: &Value) -> Sql {
    match (ty, value) {
        (_, Value::Null) => Sql::Null,
        (FieldType::Bool, Value::Bool(b)) => Sql::Integer((*b).into()),
        (FieldType::Int, Value::Number(n)) => n.as_i64().map_or(Sql::Null, Sql::Integer),
        (FieldType::Id, Value::String(text)) => match Uuid::parse_str(text) {
            Ok(id) => Sql::Blob(id.as_bytes().to_vec()),
            Err(_) => Sql::Text(text.clone()),
        },
        (FieldType::Json { .. }, any) => Sql::Text(any.to_string()),
        (_, Value::String(text)) => Sql::Text(text.clone()),
        // The kind's check has refused everything else before it comes here.
        (_, other) => Sql::Text(other.to_string()),
    }
}

fn from_sql(ty: FieldType, value: ValueRef<'_>) -> Result<Value, String> {
    Ok(match (ty, value) {
        (_, ValueRef::Null) => Value::Null,
        (FieldType::Bool, ValueRef::Integer(n)) => Value::Bool(n != 0),
        (FieldType::Int, ValueRef::Integer(n)) => Value::Number(n.into()),
        (FieldType::Id, ValueRef::Blob(bytes)) => {
            Value::String(Uuid::from_slice(bytes).map_err(|e| e.to_string())?.to_string())
        }
        (FieldType::Json { .. }, ValueRef::Text(text)) => {
            serde_json::from_slice(text).map_err(|e| e.to_string())?
        }
        (_, ValueRef::Text(text)) => {
            Value::String(String::from_utf8(text.to_vec()).map_err(|e| e.to_string())?)
        }
        (_, other) => return Err(format!("unexpected {}", other.data_type())),
    })
}

fn read_row(kind: Kind, row: &rusqlite::Row<'_>) -> Result<(Uuid, Record), StoreError> {
    let table = statements(kind).table;
    let key: [u8; 16] = row.get(0)?;
    let key = Uuid::from_bytes(key);
    let mut fields = FieldMap::new();
    for (def, column) in kind.fields().iter().zip(1..) {
        let value = from_sql(def.ty, row.get_ref(column)?)
            .map_err(|cause| StoreError::corrupt(table, def.name, key, cause))?;
        fields.insert(def.tag, value);
    }
    let at = kind.fields().len() + 1;
    let ext: String = row.get(at)?;
    let ext: FieldMap =
        serde_json::from_str(&ext).map_err(|cause| StoreError::corrupt(table, "ext", key, cause))?;
    fields.extend(ext);
    let blob = |column: usize, name: &'static str| -> Result<Vec<u8>, StoreError> {
        row.get(column).map_err(|cause| StoreError::corrupt(table, name, key, cause))
    };
    let vv = VersionVector::decode(&blob(at + 1, "vv")?)
        .map_err(|cause| StoreError::corrupt(table, "vv", key, cause))?;
    let dots = Dots::decode(&blob(at + 2, "dots")?)
        .map_err(|cause| StoreError::corrupt(table, "dots", key, cause))?;
    let deleted: Option<[u8; 16]> = row.get(at + 3)?;
    let deleted = deleted
        .map(|bytes| {
            Dot::from_bytes(&bytes).ok_or_else(|| StoreError::corrupt(table, "deleted_dot", key, "not a dot"))
        })
        .transpose()?;
    Ok((key, Record { fields, vv, dots, deleted, fseq: row.get(at + 4)? }))
}

/// One record, tombstones too.
pub(super) fn load(connection: &Connection, kind: Kind, key: Uuid) -> Result<Option<Record>, StoreError> {
    let sql = format!("{} WHERE key = ?1", statements(kind).select);
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query([key.as_bytes()])?;
    match rows.next()? {
        Some(row) => Ok(Some(read_row(kind, row)?.1)),
        None => Ok(None),
    }
}

/// Writes a whole row. The gate must be open for it.
pub(super) fn save(tx: &WriteTx, kind: Kind, key: Uuid, row: &Record) -> Result<(), StoreError> {
    let mut values = vec![Sql::Blob(key.as_bytes().to_vec())];
    let mut ext = row.fields.clone();
    for def in kind.fields() {
        let value = ext.remove(&def.tag).unwrap_or(Value::Null);
        values.push(to_sql(def.ty, &value));
    }
    values.push(Sql::Text(serde_json::to_string(&ext).unwrap_or_default()));
    values.push(Sql::Blob(row.vv.encode()));
    values.push(Sql::Blob(row.dots.encode()));
    values.push(row.deleted.map_or(Sql::Null, |dot| Sql::Blob(dot.to_bytes().to_vec())));
    values.push(Sql::Integer(row.fseq));
    tx.connection.prepare_cached(&statements(kind).upsert)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Takes a row away, without a trace. The gate must be open for it.
pub(super) fn remove(tx: &WriteTx, kind: Kind, key: Uuid) -> Result<(), StoreError> {
    let sql = format!("DELETE FROM {} WHERE key = ?1", statements(kind).table);
    tx.connection.prepare_cached(&sql)?.execute([key.as_bytes()])?;
    Ok(())
}

/// The living record that has a text in a column, other than `except`.
pub(super) fn other_with(
    connection: &Connection,
    kind: Kind,
    tag: FieldTag,
    value: &str,
    except: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    let Some(def) = kind.field(tag) else { return Ok(None) };
    let sql = format!(
        "SELECT key FROM {} WHERE \"{}\" = ?1 AND key <> ?2 AND deleted_dot IS NULL LIMIT 1",
        statements(kind).table,
        def.name
    );
    let found: Option<[u8; 16]> = connection
        .prepare_cached(&sql)?
        .query_row(rusqlite::params![value, except.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.map(Uuid::from_bytes))
}

fn stored<E: Entity>(key: Uuid, row: Record) -> Result<Stored<E>, StoreError> {
    let record = E::from_fields(&row.fields)
        .map_err(|cause| StoreError::corrupt(statements(E::KIND).table, "fields", key, cause))?;
    Ok(Stored { id: E::Id::from(key), record, vv: row.vv, fseq: row.fseq })
}

fn one<E: Entity>(connection: &Connection, id: E::Id) -> Result<Option<Stored<E>>, StoreError> {
    let key: Uuid = id.into();
    match load(connection, E::KIND, key)? {
        Some(row) if row.deleted.is_none() => stored(key, row).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// Living records of a kind in the order of their keys. One that cannot be read (a key left blank by a merge) is
/// passed over and counted in the log: it must not hide the others.
pub(super) fn all<E: Entity>(
    connection: &Connection,
    filter: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Stored<E>>, StoreError> {
    let sql = format!("{} WHERE deleted_dot IS NULL AND {filter} ORDER BY key", statements(E::KIND).select);
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, row) = read_row(E::KIND, row)?;
        match stored(key, row) {
            Ok(record) => found.push(record),
            Err(error) => tracing::error!(error = %error, "a record cannot be read and is left out"),
        }
    }
    Ok(found)
}

fn with_text<E: Entity>(
    connection: &Connection,
    tag: FieldTag,
    value: &str,
) -> Result<Option<Stored<E>>, StoreError> {
    let Some(def) = E::KIND.field(tag) else { return Ok(None) };
    let mut found = all(connection, &format!("\"{}\" = ?1", def.name), &[&value])?;
    Ok(if found.is_empty() { None } else { Some(found.swap_remove(0)) })
}

macro_rules! reading {
    ($on:ident) => {
        impl $on {
            /// One living record.
            ///
            /// # Errors
            /// [`StoreError::Corrupt`] for one that cannot be read.
            pub fn record<E: Entity>(&self, id: E::Id) -> Result<Option<Stored<E>>, StoreError> {
                one(&self.connection, id)
            }

            /// All living records of a kind, by key (that is, by age).
            ///
            /// # Errors
            /// What SQLite says.
            pub fn records<E: Entity>(&self) -> Result<Vec<Stored<E>>, StoreError> {
                all(&self.connection, "TRUE", &[])
            }

            /// The living record with a text in a field (an employee's code, a clock's serial).
            ///
            /// # Errors
            /// What SQLite says.
            pub fn record_with<E: Entity>(
                &self,
                tag: FieldTag,
                value: &str,
            ) -> Result<Option<Stored<E>>, StoreError> {
                with_text(&self.connection, tag, value)
            }
        }
    };
}
reading!(ReadTx);
reading!(WriteTx);
