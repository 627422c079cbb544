//! Records taken from the cloud's feed.

use rusqlite::params;
use shared_model::{FieldMap, Kind};
use sync_protocol::message::FeedRecord;
use uuid::Uuid;

use crate::store::{StoreError, StoreEvent, WriteTx, record};

impl WriteTx {
    /// Takes a record's state from the feed; whether it was newer than what is here.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a record that this version cannot read, [`StoreError::BadField`].
    pub fn take_from_feed(&self, sent: FeedRecord) -> Result<bool, StoreError> {
        let (kind, key, new) = sent.into_record().map_err(|cause| StoreError::Invalid(cause.to_string()))?;
        kind.check(&new.fields, false)?;
        let old = record::load(&self.connection, kind, key)?;
        if old.as_ref().is_some_and(|old| old.fseq >= new.fseq) {
            return Ok(false);
        }
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, fseq) VALUES (?1, ?2, ?3)")?
            .execute(params![kind.number(), key.as_bytes(), new.fseq])?;
        record::save(self, kind, key, &new)?;
        self.close_gate(kind, key)?;
        let old: FieldMap = old.unwrap_or_default().fields;
        self.ask_for_affected(kind, key, &old, &new.fields)?;
        self.tell(StoreEvent::Records(kind));
        Ok(true)
    }

    /// Ends the permission to write a record.
    pub(in crate::store) fn close_gate(&self, kind: Kind, key: Uuid) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM record_gate WHERE kind = ?1 AND key = ?2")?
            .execute(params![kind.number(), key.as_bytes()])?;
        Ok(())
    }
}
