//! A record twice: as the cloud had it (the base), and as people see it (the view).
//!
//! The view is the row of its kind's table. While no change of this agent waits, it is the base as well; the first own change
//! onto a record of the feed puts the base beside it, into `base_record`, where it stays until both are the same again.
//! Every record that the cloud has a say in is written by [`WriteTx::show`], which also reaches all that reads it.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;
use shared_model::{ClockSerial, FieldMap, FieldTag, Kind};
use sync_protocol::Record;
use sync_protocol::cloud::RecordKey;
use sync_protocol::edge::{FeedTx as _, rebase};
use sync_protocol::message::FeedRecord;
use uuid::Uuid;

use crate::store::{Meta, StoreError, StoreEvent, WriteTx, record};

impl WriteTx {
    /// Takes a record's state from the cloud; whether it was newer than what is here. Changes of this agent that wait are
    /// merged onto it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a record that this version cannot read, [`StoreError::BadField`].
    pub fn take_from_feed(&self, sent: FeedRecord) -> Result<bool, StoreError> {
        let (kind, key, new) = sent.into_record().map_err(|cause| StoreError::Invalid(cause.to_string()))?;
        let set = new.fields.iter().filter(|(_, value)| !value.is_null());
        kind.check(&set.map(|(tag, value)| (*tag, value.clone())).collect(), false)?;
        if self.base((kind, key))?.is_some_and(|known| known.fseq >= new.fseq) {
            return Ok(false);
        }
        let view = rebase(Some(&new), &self.waiting((kind, key))?).view;
        self.show((kind, key), Some(&new), view.as_ref())?;
        Ok(true)
    }

    /// Keeps a record as the cloud had it, before a change of this agent is merged onto it.
    pub(in crate::store) fn keep_base(
        &self,
        (kind, key): RecordKey,
        old: Option<&Record>,
    ) -> Result<(), StoreError> {
        match old {
            Some(old) if old.fseq > 0 && self.kept_base((kind, key))?.is_none() => {
                self.put_base((kind, key), old)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The base where it differs from the view.
    pub(super) fn kept_base(&self, (kind, key): RecordKey) -> Result<Option<Record>, StoreError> {
        let kept: Option<String> = self
            .connection
            .prepare_cached("SELECT record FROM base_record WHERE kind = ?1 AND key = ?2")?
            .query_row(params![kind.number(), key.as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(kept) = kept else { return Ok(None) };
        let corrupt = |cause: String| StoreError::corrupt("base_record", "record", key, cause);
        let kept: FeedRecord = serde_json::from_str(&kept).map_err(|cause| corrupt(cause.to_string()))?;
        kept.into_record().map(|(.., record)| Some(record)).map_err(|cause| corrupt(cause.to_string()))
    }

    fn put_base(&self, (kind, key): RecordKey, base: &Record) -> Result<(), StoreError> {
        let text = serde_json::to_string(&FeedRecord::new(kind, key, base))
            .map_err(|cause| StoreError::Invalid(cause.to_string()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO base_record (kind, key, fseq, deleted, record) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET fseq = excluded.fseq, deleted = excluded.deleted, record = excluded.record",
            )?
            .execute(params![kind.number(), key.as_bytes(), base.fseq, base.deleted.is_some(), text])?;
        Ok(())
    }

    /// Writes base and view of a record, `None` removing them, and reaches everything that reads records. Writes nothing
    /// where both are as they were.
    pub(super) fn show(
        &self,
        (kind, key): RecordKey,
        base: Option<&Record>,
        view: Option<&Record>,
    ) -> Result<(), StoreError> {
        let old = record::load(&self.connection, kind, key)?;
        let kept = self.kept_base((kind, key))?;
        let place = base.map_or(0, |base| base.fseq);
        let apart = base.filter(|base| !view.is_some_and(|view| is_same(base, view)));
        let same_base = match (&kept, apart) {
            (None, None) => true,
            (Some(kept), Some(apart)) => is_same(kept, apart),
            (Some(_), None) | (None, Some(_)) => false,
        };
        let same_view = match (&old, view) {
            (None, None) => true,
            (Some(old), Some(view)) => old.fseq == place && is_same_but_place(old, view),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same_base && same_view {
            return Ok(());
        }
        match apart {
            Some(apart) => self.put_base((kind, key), apart)?,
            None if kept.is_some() => {
                self.connection
                    .prepare_cached("DELETE FROM base_record WHERE kind = ?1 AND key = ?2")?
                    .execute(params![kind.number(), key.as_bytes()])?;
            }
            None => {}
        }
        if !same_view {
            self.open_feed_gate(kind, key, place)?;
            match view {
                Some(view) => record::save(self, kind, key, &Record { fseq: place, ..view.clone() })?,
                None => record::remove(self, kind, key)?,
            }
            self.close_gate(kind, key)?;
            self.reach_readers((kind, key), old.as_ref(), view)?;
        }
        Ok(())
    }

    /// Whatever reads records learns that one looks another way now.
    fn reach_readers(
        &self,
        (kind, key): RecordKey,
        old: Option<&Record>,
        new: Option<&Record>,
    ) -> Result<(), StoreError> {
        let alive = |record: Option<&Record>| record.is_some_and(|record| record.deleted.is_none());
        let empty = FieldMap::new();
        let (before, after) = (old.map_or(&empty, |old| &old.fields), new.map_or(&empty, |new| &new.fields));
        if alive(old) == alive(new) && same_values(before, after) {
            // Only what merging knows of it moved.
            return Ok(());
        }
        self.ask_for_affected(kind, key, before, after)?;
        let pulled = self.meta(Meta::PULLED)?.unwrap_or(0);
        self.set_meta(Meta::PULLED, &(pulled + 1))?;
        if kind == Kind::Device && alive(new) {
            let serial = after.get(&FieldTag(1)).and_then(Value::as_str).map(ClockSerial::parse);
            if let Some(Ok(serial)) = serial {
                // A clock that was adopted elsewhere waits here no longer.
                self.clock_id(&serial)?;
                self.forget_pending(&serial)?;
            }
        }
        self.tell(StoreEvent::Records(kind));
        Ok(())
    }

    fn open_feed_gate(&self, kind: Kind, key: Uuid, place: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, fseq) VALUES (?1, ?2, ?3)")?
            .execute(params![kind.number(), key.as_bytes(), place])?;
        Ok(())
    }

    /// Ends the permission to write a record.
    pub(in crate::store) fn close_gate(&self, kind: Kind, key: Uuid) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM record_gate WHERE kind = ?1 AND key = ?2")?
            .execute(params![kind.number(), key.as_bytes()])?;
        Ok(())
    }

    /// Every record of which there is a base, at or below a place, tombstones only if `tombstones`.
    pub(super) fn base_keys(&self, upto: i64, tombstones: bool) -> Result<Vec<RecordKey>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT kind, key FROM base_record WHERE fseq <= ?1 AND deleted = ?2")?;
        let mut found = record_keys(&mut query.query(params![upto, tombstones])?)?;
        for kind in Kind::ALL {
            let (number, name) = (kind.number(), kind.as_str());
            let sql = format!(
                "SELECT {number}, key FROM rec_{name} r
                 WHERE fseq > 0 AND fseq <= ?1 AND (deleted_dot IS NOT NULL) = ?2 AND NOT EXISTS
                     (SELECT 1 FROM base_record b WHERE b.kind = {number} AND b.key = r.key)"
            );
            let mut query = self.connection.prepare_cached(&sql)?;
            found.extend(record_keys(&mut query.query(params![upto, tombstones])?)?);
        }
        Ok(found)
    }

    /// Every record whose view is not its base.
    pub(super) fn diverging_keys(&self) -> Result<Vec<RecordKey>, StoreError> {
        let mut query = self.connection.prepare_cached("SELECT kind, key FROM base_record")?;
        let mut found: BTreeSet<RecordKey> = record_keys(&mut query.query([])?)?.into_iter().collect();
        for kind in Kind::ALL {
            let sql = format!("SELECT {}, key FROM rec_{} WHERE fseq = 0", kind.number(), kind.as_str());
            let mut query = self.connection.prepare_cached(&sql)?;
            found.extend(record_keys(&mut query.query([])?)?);
        }
        Ok(found.into_iter().collect())
    }
}

fn record_keys(rows: &mut rusqlite::Rows<'_>) -> Result<Vec<RecordKey>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, key): (u8, [u8; 16]) = (row.get(0)?, row.get(1)?);
        let kind = Kind::from_number(number)
            .ok_or_else(|| StoreError::corrupt("base_record", "kind", number, "no such kind"))?;
        found.push((kind, Uuid::from_bytes(key)));
    }
    Ok(found)
}

fn is_same(a: &Record, b: &Record) -> bool {
    a.fseq == b.fseq && is_same_but_place(a, b)
}

fn is_same_but_place(a: &Record, b: &Record) -> bool {
    (&a.vv, &a.dots, a.deleted) == (&b.vv, &b.dots, b.deleted) && same_values(&a.fields, &b.fields)
}

/// Whether two records say the same: a value that was never set and one set to nothing are the same value.
fn same_values(a: &FieldMap, b: &FieldMap) -> bool {
    fn set(fields: &FieldMap) -> impl Iterator<Item = (&FieldTag, &Value)> {
        fields.iter().filter(|(_, value)| !value.is_null())
    }
    set(a).eq(set(b))
}
