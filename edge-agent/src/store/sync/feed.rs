//! Taking the feed: the store's side of [`FeedTx`].

use rusqlite::params;
use serde::{Deserialize, Serialize};
use shared_model::Punch;
use sync_protocol::cloud::{Poison, RecordKey};
use sync_protocol::edge::{FeedPlace, FeedStore, FeedTx, Staging};
use sync_protocol::message::{FeedConflict, FeedNotice, SnapshotPlace};
use sync_protocol::{Change, Origin, Record, Stream};

use super::rows;
use crate::store::{Meta, Store, StoreError, StoreEvent, WriteTx, record};

/// [`Staging`] as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredStaging {
    epoch: u32,
    scope: u32,
    from: Option<i64>,
    next: SnapshotPlace,
}

impl FeedStore for Store {
    type Tx = WriteTx;

    async fn feed<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        self.write(work).await
    }
}

impl WriteTx {
    fn present(&self) -> Result<Origin, StoreError> {
        self.meta(Meta::ORIGIN)?.ok_or(StoreError::Missing { what: "origin", id: "meta".to_owned() })
    }

    fn staging(&self) -> Result<Option<Staging>, StoreError> {
        let Some(text) = self.meta(Meta::SNAPSHOT)? else { return Ok(None) };
        let StoredStaging { epoch, scope, from, next } = serde_json::from_str(&text)
            .map_err(|cause| StoreError::corrupt("meta", "value", "snapshot", cause))?;
        Ok(Some(Staging { feed_epoch: epoch, scope_ver: scope, from, next }))
    }
}

impl FeedTx for WriteTx {
    type Error = StoreError;

    fn place(&self) -> Result<FeedPlace, StoreError> {
        let number = |which| Ok::<i64, StoreError>(self.meta(which)?.unwrap_or(0));
        let records = self.stream(Stream::Records)?;
        Ok(FeedPlace {
            origin: records.origin,
            lease_no: number(Meta::LEASE_NO)?,
            feed_epoch: u32::try_from(number(Meta::FEED_EPOCH)?).unwrap_or(0),
            scope_ver: u32::try_from(number(Meta::SCOPE_VER)?).unwrap_or(0),
            cursor: number(Meta::CURSOR)?,
            clean: number(Meta::CLEAN)?,
            horizon: number(Meta::HORIZON)?,
            acked: records.acked,
            snapshot: self.staging()?,
        })
    }

    fn set_place(&self, place: &FeedPlace) -> Result<(), StoreError> {
        let before = self.place()?;
        self.set_meta(Meta::FEED_EPOCH, &i64::from(place.feed_epoch))?;
        self.set_meta(Meta::SCOPE_VER, &i64::from(place.scope_ver))?;
        self.set_meta(Meta::CURSOR, &place.cursor)?;
        self.set_meta(Meta::CLEAN, &place.clean)?;
        self.set_meta(Meta::HORIZON, &place.horizon)?;
        match place.snapshot {
            Some(Staging { feed_epoch, scope_ver, from, next }) => {
                let stored = StoredStaging { epoch: feed_epoch, scope: scope_ver, from, next };
                let text = serde_json::to_string(&stored).map_err(|e| StoreError::Invalid(e.to_string()))?;
                self.set_meta(Meta::SNAPSHOT, &text)?;
            }
            None => self.clear_meta(Meta::SNAPSHOT)?,
        }
        self.set_meta(Meta::SYNCED_AT, &self.now_ms())?;
        if before != *place {
            self.tell(StoreEvent::Sync);
        }
        crate::fault_point!("feed.before_commit");
        Ok(())
    }

    fn base(&self, (kind, key): RecordKey) -> Result<Option<Record>, StoreError> {
        match self.kept_base((kind, key))? {
            Some(kept) => Ok(Some(kept)),
            None => Ok(record::load(&self.connection, kind, key)?.filter(|record| record.fseq > 0)),
        }
    }

    fn bases(&self, upto: i64, tombstones: bool) -> Result<Vec<RecordKey>, StoreError> {
        self.base_keys(upto, tombstones)
    }

    fn diverging(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.diverging_keys()
    }

    fn waiting(&self, (kind, key): RecordKey) -> Result<Vec<Change>, StoreError> {
        rows::waiting(&self.connection, self.present()?, kind, key)
    }

    fn acknowledged_by(&self, place: i64) -> Result<Vec<Change>, StoreError> {
        rows::acknowledged_by(&self.connection, self.present()?, place)
    }

    fn change(&self, seq: i64) -> Result<Option<Change>, StoreError> {
        let found = rows::records(&self.connection, self.present()?, seq, 1);
        match found {
            Ok(mut found) => Ok(found.pop()),
            // The rows from there on are gone: the cloud has them for good.
            Err(StoreError::Corrupt { table: "oplog", column: "seq", .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn settle(&self, seqs: &[i64]) -> Result<(), StoreError> {
        let origin = self.present()?.number();
        let mut settle = self
            .connection
            .prepare_cached("UPDATE oplog SET state = 2 WHERE origin = ?1 AND seq = ?2 AND state = 0")?;
        for seq in seqs {
            settle.execute(params![origin, seq])?;
        }
        Ok(())
    }

    fn put(
        &self,
        key: RecordKey,
        base: Option<&Record>,
        view: Option<&Record>,
    ) -> Result<Result<(), Poison>, StoreError> {
        self.connection.execute_batch("SAVEPOINT put")?;
        let shown = match self.show(key, base, view) {
            Ok(()) => Ok(()),
            Err(error) => match refused(&error) {
                Some(poison) => {
                    self.connection.execute_batch("ROLLBACK TO put")?;
                    Err(poison)
                }
                // The whole transaction is taken back.
                None => return Err(error),
            },
        };
        self.connection.execute_batch("RELEASE put")?;
        Ok(shown)
    }

    fn put_conflict(&self, conflict: &FeedConflict) -> Result<(), StoreError> {
        let row = serde_json::to_string(conflict).map_err(|e| StoreError::Invalid(e.to_string()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO conflict (id, kind, key, state, row) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET state = excluded.state, row = excluded.row",
            )?
            .execute(params![
                conflict.id.uuid().as_bytes(),
                conflict.kind,
                conflict.key.as_bytes(),
                conflict.state.as_str(),
                row
            ])?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    fn drop_conflicts(&self, of: Option<RecordKey>) -> Result<(), StoreError> {
        match of {
            Some((kind, key)) => self
                .connection
                .prepare_cached("DELETE FROM conflict WHERE kind = ?1 AND key = ?2")?
                .execute(params![kind.number(), key.as_bytes()])?,
            None => self.connection.execute("DELETE FROM conflict", [])?,
        };
        Ok(())
    }

    fn put_notice(&self, notice: &FeedNotice) -> Result<(), StoreError> {
        let FeedNotice { fseq, origin, stream, seq, code, detail } = notice;
        self.connection
            .prepare_cached(
                "INSERT INTO cloud_notice (origin, stream, seq, code, detail, fseq, noticed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET code = excluded.code, detail = excluded.detail, fseq = excluded.fseq",
            )?
            .execute(params![origin.number(), stream.as_str(), seq, code, detail, fseq, self.now_ms()])?;
        if *stream == Stream::Records {
            self.connection
                .prepare_cached("UPDATE oplog SET state = 1 WHERE origin = ?1 AND seq = ?2")?
                .execute(params![origin.number(), seq])?;
        }
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    fn put_punch(&self, punch: &Punch) -> Result<(), StoreError> {
        self.take_fed(punch)
    }

    fn log_undelivered(&self) -> Result<(), StoreError> {
        self.log_fed()
    }

    fn park(&self, line: &[u8], poison: &Poison) -> Result<(), StoreError> {
        let hash = blake3::hash(line);
        self.connection
            .prepare_cached(
                "INSERT INTO inbox_bad (hash, line, code, detail, parked_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![hash.as_bytes(), line, poison.code, poison.detail, self.now_ms()])?;
        tracing::warn!(code = poison.code, detail = %poison.detail, "sync: a line of the feed is kept aside");
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    fn stage(&self, lines: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut stage = self.connection.prepare_cached("INSERT INTO inbox_snapshot (line) VALUES (?1)")?;
        for line in lines {
            stage.execute([line])?;
        }
        Ok(())
    }

    fn staged(&self, skip: usize, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        // They are numbered from 1 without a gap: lines are only ever added, or all removed.
        let mut query = self
            .connection
            .prepare_cached("SELECT line FROM inbox_snapshot WHERE n > ?1 ORDER BY n LIMIT ?2")?;
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let lines = query.query_map([number(skip), number(limit)], |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    fn unstage(&self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM inbox_snapshot", [])?;
        Ok(())
    }
}

/// What the database says of a record that breaks one of its rules; `None` for anything else.
fn refused(error: &StoreError) -> Option<Poison> {
    let broken = match error {
        StoreError::Refused(_) | StoreError::BadField(_) => true,
        StoreError::Sqlite(cause) => {
            cause.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
        }
        StoreError::DiskFull
        | StoreError::SchemaTooNew { .. }
        | StoreError::InUse
        | StoreError::Damaged(_)
        | StoreError::Corrupt { .. }
        | StoreError::Stale { .. }
        | StoreError::Missing { .. }
        | StoreError::Exists { .. }
        | StoreError::Invalid(_)
        | StoreError::Closed
        | StoreError::Panicked
        | StoreError::Migration(_)
        | StoreError::File { .. } => false,
    };
    broken.then(|| Poison { code: "constraint", detail: error.to_string() })
}
