//! What waits for a person: conflicts, rows that the cloud keeps aside, lines of the feed that cannot be taken.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension as _, params};
use shared_model::Kind;
use sync_protocol::conflict::{Override, override_of};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::FeedConflict;
use sync_protocol::{ConflictId, Dot, Op, Origin, Stream};
use uuid::Uuid;

use super::rows;
use crate::store::{Author, Edit, Meta, ReadTx, StoreError, StoreEvent, WriteTx, record};

/// Ledger rows beyond which what waits is not told by their sorts.
const COUNTED: i64 = 50_000;

/// A row of this agent that the cloud keeps aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAside {
    /// The log.
    pub stream: Stream,
    /// The life of the disk, and the row's place in its log.
    pub origin: Origin,
    /// See `origin`.
    pub seq: i64,
    /// A short fixed name of the cause.
    pub code: String,
    /// The same for people.
    pub detail: String,
    /// When this agent learned of it.
    pub noticed_at: Option<DateTime<Utc>>,
    /// What the row does, where it is a record change that is still here.
    pub change: Option<(Kind, Uuid, Op)>,
}

/// A line of the feed that this version cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its number here.
    pub id: i64,
    /// A short fixed name of the cause.
    pub code: String,
    /// The same for people.
    pub detail: String,
    /// When it came.
    pub parked_at: Option<DateTime<Utc>>,
}

impl ReadTx {
    /// Conflict rows, the open ones only where `open`; the newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn conflicts(&self, open: bool, limit: u32) -> Result<Vec<FeedConflict>, StoreError> {
        let mut query =
            self.connection.prepare_cached("SELECT id, row FROM conflict WHERE state = 'open' OR NOT ?1")?;
        let mut rows = query.query([open])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(conflict(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default())?);
        }
        found.sort_by_key(|row: &FeedConflict| std::cmp::Reverse((row.hlc, row.fseq)));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// How many conflicts wait for a person.
    ///
    /// # Errors
    /// What SQLite says, here and below.
    pub fn open_conflict_count(&self) -> Result<i64, StoreError> {
        self.number("SELECT count(*) FROM conflict WHERE state = 'open'")
    }

    /// How many rows of this agent the cloud keeps aside.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn notice_count(&self) -> Result<i64, StoreError> {
        self.number("SELECT count(*) FROM cloud_notice")
    }

    /// How many lines of the feed could not be taken.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn parked_count(&self) -> Result<i64, StoreError> {
        self.number("SELECT count(*) FROM inbox_bad")
    }

    fn number(&self, sql: &'static str) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// The rows of this agent that the cloud keeps aside, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn kept_aside(&self, limit: u32) -> Result<Vec<KeptAside>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT n.origin, n.stream, n.seq, n.code, n.detail, n.noticed_at, o.kind, o.key, o.op FROM cloud_notice n
             LEFT JOIN oplog o ON n.stream = 'R' AND o.origin = n.origin AND o.seq = n.seq
             ORDER BY n.noticed_at DESC, n.fseq DESC LIMIT ?1",
        )?;
        let mut rows = query.query([limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (origin, stream): (i64, String) = (row.get(0)?, row.get(1)?);
            let bad = |column| StoreError::corrupt("cloud_notice", column, origin, "out of range");
            let (kind, key): (Option<u8>, Option<[u8; 16]>) = (row.get(6)?, row.get(7)?);
            let op: Option<u8> = row.get(8)?;
            let change = kind.and_then(Kind::from_number).zip(key).zip(op.and_then(Op::from_number));
            found.push(KeptAside {
                stream: Stream::parse(&stream).ok_or_else(|| bad("stream"))?,
                origin: Origin::from_number(origin).ok_or_else(|| bad("origin"))?,
                seq: row.get(2)?,
                code: row.get(3)?,
                detail: row.get(4)?,
                noticed_at: DateTime::from_timestamp_millis(row.get(5)?),
                change: change.map(|((kind, key), op)| (kind, Uuid::from_bytes(key), op)),
            });
        }
        Ok(found)
    }

    /// Lines of the feed that could not be taken, the newest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, code, detail, parked_at FROM inbox_bad ORDER BY id DESC LIMIT ?1")?;
        let rows = query.query_map([limit], |row| {
            Ok(Parked {
                id: row.get(0)?,
                code: row.get(1)?,
                detail: row.get(2)?,
                parked_at: DateTime::from_timestamp_millis(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What the cloud has not applied, by kind; of a long ledger backlog only the whole, as `ledger`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn waiting_by_kind(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let mut waiting = BTreeMap::new();
        for log in self.streams()?.into_iter().filter(|log| !log.closed && log.head > log.acked) {
            match log.stream {
                Stream::Ledger if log.head - log.acked > COUNTED => {
                    waiting.insert("ledger".to_owned(), log.head - log.acked);
                }
                Stream::Ledger => {
                    let mut query = self.connection.prepare_cached(
                        "SELECT entry, count(*) FROM ledger_log WHERE origin = ?1 AND seq > ?2 GROUP BY entry",
                    )?;
                    let mut rows = query.query([log.origin.number(), log.acked])?;
                    while let Some(row) = rows.next()? {
                        let name = match row.get::<_, i64>(0)? {
                            1 => "punch",
                            2 => "observation",
                            _ => "watermark",
                        };
                        waiting.insert(name.to_owned(), row.get(1)?);
                    }
                }
                Stream::Records => {
                    let mut query = self.connection.prepare_cached(
                        "SELECT kind, count(*) FROM oplog WHERE origin = ?1 AND seq > ?2 GROUP BY kind",
                    )?;
                    let mut rows = query.query([log.origin.number(), log.acked])?;
                    while let Some(row) = rows.next()? {
                        let kind = Kind::from_number(row.get(0)?);
                        let name = kind.map_or("unknown", Kind::as_str);
                        *waiting.entry(name.to_owned()).or_default() += row.get::<_, i64>(1)?;
                    }
                }
            }
        }
        Ok(waiting)
    }
}

impl WriteTx {
    /// Settles a conflict by hand: the chosen version counts, here at once and everywhere once the cloud has the change,
    /// unless somebody has written meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for one that is not here, [`StoreError::Invalid`] for one that cannot be settled now.
    pub fn settle_conflict(
        &self,
        author: &Author,
        id: ConflictId,
        choice: FieldRule,
    ) -> Result<Dot, StoreError> {
        let missing = || StoreError::Missing { what: "conflict", id: id.uuid().to_string() };
        let found: Option<String> = self
            .connection
            .prepare_cached("SELECT row FROM conflict WHERE id = ?1")?
            .query_row(params![id.uuid().as_bytes()], |row| row.get(0))
            .optional()?;
        let row = conflict(*id.uuid().as_bytes(), &found.ok_or_else(missing)?)?;
        let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number);
        let shown = kind.map(|kind| record::load(&self.connection, kind, row.key)).transpose()?.flatten();
        let chosen = override_of(&row, &shown.unwrap_or_default(), choice)
            .map_err(|why| StoreError::Invalid(why.to_string()))?;
        if self.settles_already(id)? {
            return Err(StoreError::Invalid(
                "it was settled here; the cloud has yet to confirm it".to_owned(),
            ));
        }
        let Override { kind, op, fields, seen, resolves } = chosen;
        self.tell(StoreEvent::Sync);
        self.change(
            author,
            Edit { kind, key: row.key, op, seen: Some(seen), fields, resolves: Some(resolves) },
        )
    }

    /// Whether a change that settles a conflict waits for the cloud.
    fn settles_already(&self, id: ConflictId) -> Result<bool, StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(false) };
        rows::resolves(&self.connection, origin, id)
    }
}

impl ReadTx {
    /// The conflicts that were settled here and that the cloud has yet to confirm.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn settled_here(&self) -> Result<BTreeSet<ConflictId>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT resolves FROM oplog WHERE state = 0 AND resolves IS NOT NULL")?;
        let ids = query.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        let ids = ids.map(|id| id.map(|bytes| ConflictId::from_uuid(Uuid::from_bytes(bytes))));
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// What people call a record: its name, code, serial or date; its key where it has none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn label_of(&self, kind: Kind, key: Uuid) -> Result<String, StoreError> {
        let record = record::load(&self.connection, kind, key)?.unwrap_or_default();
        let text = |name: &str| {
            let def = kind.fields().iter().find(|def| def.name == name)?;
            record.fields.get(&def.tag).and_then(serde_json::Value::as_str).map(str::to_owned)
        };
        let names: Vec<String> = ["code", "serial", "name", "date"].into_iter().filter_map(text).collect();
        Ok(if names.is_empty() { key.to_string() } else { names.join(" ") })
    }
}

fn conflict(id: [u8; 16], row: &str) -> Result<FeedConflict, StoreError> {
    serde_json::from_str(row)
        .map_err(|cause| StoreError::corrupt("conflict", "row", Uuid::from_bytes(id), cause))
}
