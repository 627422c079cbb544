//! Rows of the two logs, and the chain at any place of them.

use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};
use shared_model::{ActorId, Kind};
use sync_protocol::change::ConflictId;
use sync_protocol::{Chain, Change, ChangeHash, Dot, Hlc, LedgerEntry, Op, Origin, Stream, VersionVector};
use uuid::Uuid;

use crate::store::{StoreError, ledger_log};

/// The columns of a change, in the order of [`change`].
const CHANGE: &str =
    "SELECT seq, hlc, grp, kind, key, op, ctx, fields, seen, actor, resolves, relog_of, ver FROM oplog";

/// The last row of a log; 0 where there is none.
pub(super) fn head(connection: &Connection, origin: Origin, stream: Stream) -> Result<i64, StoreError> {
    let found = connection
        .prepare_cached("SELECT head FROM stream WHERE origin = ?1 AND stream = ?2")?
        .query_row(params![origin.number(), stream.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0))
}

/// Ledger entries from place `from` on, at most `limit`.
pub(super) fn ledger(
    connection: &Connection,
    origin: Origin,
    from: i64,
    limit: usize,
) -> Result<Vec<LedgerEntry>, StoreError> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let rows = ledger_log::entries(connection, origin, from - 1, limit)?;
    (from..)
        .zip(rows)
        .map(
            |(place, (seq, entry))| {
                if seq == place { Ok(entry) } else { Err(gap("ledger_log", origin, place)) }
            },
        )
        .collect()
}

/// Record changes from place `from` on, at most `limit`.
pub(super) fn records(
    connection: &Connection,
    origin: Origin,
    from: i64,
    limit: usize,
) -> Result<Vec<Change>, StoreError> {
    let sql = format!("{CHANGE} WHERE origin = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3");
    let mut query = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![origin.number(), from, limit])?;
    let mut found = Vec::new();
    let mut place = from;
    while let Some(row) = rows.next()? {
        let change = change(origin, row)?;
        if change.dot.seq != place {
            return Err(gap("oplog", origin, place));
        }
        found.push(change);
        place += 1;
    }
    Ok(found)
}

/// The waiting changes of an origin to a record, in the order of their log.
pub(super) fn waiting(
    connection: &Connection,
    origin: Origin,
    kind: Kind,
    key: Uuid,
) -> Result<Vec<Change>, StoreError> {
    let sql = format!("{CHANGE} WHERE kind = ?2 AND key = ?3 AND origin = ?1 AND state = 0 ORDER BY seq");
    let mut query = connection.prepare_cached(&sql)?;
    changes(origin, &mut query.query(params![origin.number(), kind.number(), key.as_bytes()])?)
}

/// The waiting changes of an origin that the cloud had acknowledged by a place in the feed.
pub(super) fn acknowledged_by(
    connection: &Connection,
    origin: Origin,
    place: i64,
) -> Result<Vec<Change>, StoreError> {
    let sql = format!("{CHANGE} WHERE origin = ?1 AND state = 0 AND ack_fseq <= ?2 ORDER BY seq");
    let mut query = connection.prepare_cached(&sql)?;
    changes(origin, &mut query.query(params![origin.number(), place])?)
}

/// Whether a waiting change of an origin settles a conflict.
pub(super) fn resolves(
    connection: &Connection,
    origin: Origin,
    conflict: ConflictId,
) -> Result<bool, StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT seq FROM oplog WHERE origin = ?1 AND state = 0 AND resolves = ?2 LIMIT 1")?
        .query_row(params![origin.number(), conflict.uuid().as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

fn changes(origin: Origin, rows: &mut Rows<'_>) -> Result<Vec<Change>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(change(origin, row)?);
    }
    Ok(found)
}

fn gap(table: &'static str, origin: Origin, place: i64) -> StoreError {
    StoreError::corrupt(table, "seq", format!("{origin}/{place}"), "the row is missing")
}

fn change(origin: Origin, row: &Row<'_>) -> Result<Change, StoreError> {
    let seq: i64 = row.get(0)?;
    let bad = |column: &'static str, cause: String| StoreError::corrupt("oplog", column, seq, cause);
    let (key, op): ([u8; 16], u8) = (row.get(4)?, row.get(5)?);
    let (ctx, fields): (Vec<u8>, Vec<u8>) = (row.get(6)?, row.get(7)?);
    let resolves: Option<[u8; 16]> = row.get(10)?;
    let relog_of: Option<Vec<u8>> = row.get(11)?;
    let relog_of = relog_of.map(|bytes| {
        ChangeHash::from_bytes(&bytes).ok_or_else(|| bad("relog_of", "not 16 bytes".to_owned()))
    });
    Ok(Change {
        dot: Dot::new(origin, seq),
        hlc: Hlc::from_number(row.get(1)?),
        grp: row.get(2)?,
        kind: row.get(3)?,
        key: Uuid::from_bytes(key),
        op: Op::from_number(op).ok_or_else(|| bad("op", op.to_string()))?,
        ctx: VersionVector::decode(&ctx).map_err(|cause| bad("ctx", cause.to_string()))?,
        fields: serde_json::from_slice(&fields).map_err(|cause| bad("fields", cause.to_string()))?,
        seen: row.get(8)?,
        actor: row.get::<_, ActorId>(9)?,
        resolves: resolves.map(|bytes| ConflictId::from_uuid(Uuid::from_bytes(bytes))),
        relog_of: relog_of.transpose()?,
        ver: row.get(12)?,
    })
}

/// The chain at a place that is inside its log: walked from the last kept place before it.
pub(super) fn chain_at(
    connection: &Connection,
    origin: Origin,
    stream: Stream,
    place: i64,
) -> Result<Chain, StoreError> {
    let log = params![origin.number(), stream.as_str(), place];
    let kept: Option<(i64, [u8; 16])> = connection
        .prepare_cached(
            "SELECT seq, chain FROM
             (SELECT seq, chain FROM chain_mark WHERE origin = ?1 AND stream = ?2 AND seq <= ?3
              UNION ALL SELECT head, chain FROM stream WHERE origin = ?1 AND stream = ?2 AND head <= ?3)
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(log, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (mut at, mut chain) = match kept {
        Some((seq, bytes)) => {
            let corrupt = |cause| StoreError::corrupt("chain_mark", "chain", seq, cause);
            (seq, Chain::from_bytes(&bytes).map_err(corrupt)?)
        }
        None => (0, Chain::start(origin, stream)),
    };
    while at < place {
        let limit = usize::try_from((place - at).min(1000)).unwrap_or(1000);
        let items: Vec<_> = match stream {
            Stream::Ledger => {
                ledger(connection, origin, at + 1, limit)?.iter().map(LedgerEntry::chain_item).collect()
            }
            Stream::Records => {
                records(connection, origin, at + 1, limit)?.iter().map(Change::chain_item).collect()
            }
        };
        if items.is_empty() {
            return Err(gap("stream", origin, at + 1));
        }
        for item in items {
            chain = chain.then(&item);
            at += 1;
        }
    }
    Ok(chain)
}

/// When the first ledger row behind a place was received, milliseconds UTC.
pub(super) fn received_at(
    connection: &Connection,
    origin: Origin,
    after: i64,
) -> Result<Option<i64>, StoreError> {
    let first = ledger_log::entries(connection, origin, after, 1)?.into_iter().next();
    Ok(first.map(|(_, entry)| match entry {
        LedgerEntry::Punch(punch) => punch.received_at.timestamp_millis(),
        LedgerEntry::Observation(seen) => seen.received_at.timestamp_millis(),
        LedgerEntry::Watermark(mark) => mark.observed_at.timestamp_millis(),
    }))
}

/// When the first record change behind a place was written, milliseconds UTC.
pub(super) fn written_at(
    connection: &Connection,
    origin: Origin,
    after: i64,
) -> Result<Option<i64>, StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT hlc FROM oplog WHERE origin = ?1 AND seq = ?2")?
        .query_row(params![origin.number(), after + 1], |row| row.get(0))
        .optional()?;
    Ok(found.map(|hlc| Hlc::from_number(hlc).ms()))
}
