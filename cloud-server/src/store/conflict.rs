//! Conflict rows: two versions of which one counts, and what becomes of them.
//!
//! A row is published in the feed when it is found, and again whenever its state changes or its record goes to a site
//! whose edges have not seen it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_model::{ActorId, FieldMap, Kind, SiteId};
use sqlx::types::Json;
use sync_protocol::cloud::{ConflictMove, OpenConflict, RecordKey, RecordWrite};
use sync_protocol::merge::FieldRule;
use sync_protocol::message::{ConflictState, FeedConflict};
use sync_protocol::{ConflictId, Dot, Hlc, Slot};
use uuid::Uuid;

use super::{StoreError, TenantTx, feed};

/// A row of the table.
#[derive(sqlx::FromRow)]
struct Row {
    conflict_id: Uuid,
    cause: String,
    kind: i16,
    key: Uuid,
    slot: Option<i32>,
    standing: Json<FieldMap>,
    standing_dots: Vec<u8>,
    arriving: Json<FieldMap>,
    arriving_dots: Vec<u8>,
    kept: String,
    actor: Uuid,
    hlc: i64,
    rec_fseq: i64,
    state: String,
    site: Option<Uuid>,
    fseq: i64,
}

impl Row {
    fn corrupt(&self, cause: &str) -> StoreError {
        StoreError::Corrupt { table: "conflict", id: self.conflict_id.to_string(), cause: cause.to_owned() }
    }

    fn parse(self) -> Result<FeedConflict, StoreError> {
        let slot = self.slot.map(|number| {
            let slot = u32::try_from(number).ok().and_then(Slot::from_stored);
            slot.ok_or_else(|| self.corrupt("no slot"))
        });
        Ok(FeedConflict {
            fseq: self.fseq,
            id: ConflictId::from_uuid(self.conflict_id),
            kind: u16::try_from(self.kind).map_err(|_| self.corrupt("no kind"))?,
            key: self.key,
            slot: slot.transpose()?,
            standing_dots: undots(&self.standing_dots).ok_or_else(|| self.corrupt("no dots"))?,
            arriving_dots: undots(&self.arriving_dots).ok_or_else(|| self.corrupt("no dots"))?,
            kept: match self.kept.as_str() {
                "standing" => FieldRule::Standing,
                "arriving" => FieldRule::Arriving,
                _ => return Err(self.corrupt("neither version is kept")),
            },
            actor: ActorId::from_uuid(self.actor),
            hlc: Hlc::from_number(self.hlc),
            rec_fseq: self.rec_fseq,
            state: ConflictState::parse(&self.state).ok_or_else(|| self.corrupt("no state"))?,
            site: self.site.map(SiteId::from_uuid),
            cause: self.cause,
            standing: self.standing.0,
            arriving: self.arriving.0,
        })
    }
}

fn dots(dots: &[Dot]) -> Vec<u8> {
    dots.iter().flat_map(|dot| dot.to_bytes()).collect()
}

fn undots(bytes: &[u8]) -> Option<Vec<Dot>> {
    bytes.chunks(Dot::BYTES).map(Dot::from_bytes).collect()
}

/// The rows of these records that wait.
pub(super) async fn open(tx: &mut TenantTx, keys: &[RecordKey]) -> Result<Vec<OpenConflict>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT conflict_id, cause, kind, key, slot, standing, standing_dots, arriving, arriving_dots, kept, actor, hlc,
             rec_fseq, state, site, fseq
         FROM conflict
         WHERE company_id = $1 AND state = 'open'
           AND (kind, key) IN (SELECT k, r FROM unnest($2::smallint[], $3::uuid[]) AS asked (k, r))",
    )
    .bind(tx.company())
    .bind(keys.iter().map(|(kind, _)| i16::from(kind.number())).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, key)| *key).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let row = row.parse()?;
        let Some(kind) = u8::try_from(row.kind).ok().and_then(Kind::from_number) else { continue };
        found.push(OpenConflict {
            id: row.id,
            key: (kind, row.key),
            slot: row.slot,
            standing: row.standing_dots,
            arriving: row.arriving_dots,
        });
    }
    Ok(found)
}

/// The open rows that edges of these sites see, by id, from behind one on.
pub(super) async fn open_of_sites(
    tx: &mut TenantTx,
    sites: &[Uuid],
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<FeedConflict>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT conflict_id, cause, kind, key, slot, standing, standing_dots, arriving, arriving_dots, kept, actor, hlc,
             rec_fseq, state, site, fseq
         FROM conflict
         WHERE company_id = $1 AND state = 'open' AND ($2::uuid IS NULL OR conflict_id > $2)
           AND (site IS NULL OR site = ANY ($3))
         ORDER BY conflict_id LIMIT $4",
    )
    .bind(tx.company())
    .bind(after)
    .bind(sites)
    .bind(limit)
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Row::parse).collect()
}

/// One row.
pub(super) async fn one(tx: &mut TenantTx, id: ConflictId) -> Result<Option<FeedConflict>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT conflict_id, cause, kind, key, slot, standing, standing_dots, arriving, arriving_dots, kept, actor, hlc,
             rec_fseq, state, site, fseq
         FROM conflict WHERE company_id = $1 AND conflict_id = $2",
    )
    .bind(tx.company())
    .bind(id.uuid())
    .fetch_optional(tx.connection())
    .await?;
    row.map(Row::parse).transpose()
}

/// The rows that wait, the newest first, at most `limit`.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn waiting(tx: &mut TenantTx, limit: i64) -> Result<Vec<FeedConflict>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT conflict_id, cause, kind, key, slot, standing, standing_dots, arriving, arriving_dots, kept, actor, hlc,
             rec_fseq, state, site, fseq
         FROM conflict WHERE company_id = $1 AND state = 'open' ORDER BY noticed_at DESC, conflict_id LIMIT $2",
    )
    .bind(tx.company())
    .bind(limit)
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Row::parse).collect()
}

/// How many rows wait.
///
/// # Errors
/// The database's.
pub async fn open_count(tx: &mut TenantTx) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM conflict WHERE company_id = $1 AND state = 'open'")
        .bind(tx.company())
        .fetch_one(tx.connection())
        .await?)
}

/// Keeps new rows and publishes them from a place on; returns the place behind them.
pub(super) async fn keep(
    tx: &mut TenantTx,
    rows: &mut [FeedConflict],
    first: i64,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let mut next = first;
    for row in rows.iter_mut() {
        row.fseq = next;
        next += 1;
        sqlx::query(
            "INSERT INTO conflict (company_id, conflict_id, cause, kind, key, slot, standing, standing_dots, arriving,
                 arriving_dots, kept, actor, hlc, rec_fseq, state, site, noticed_at, fseq)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'open', $15, $16, $17)
             ON CONFLICT DO NOTHING",
        )
        .bind(tx.company())
        .bind(row.id.uuid())
        .bind(&row.cause)
        .bind(i16::try_from(row.kind).unwrap_or_default())
        .bind(row.key)
        .bind(row.slot.and_then(|slot| i32::try_from(slot.number()).ok()))
        .bind(Json(&row.standing))
        .bind(dots(&row.standing_dots))
        .bind(Json(&row.arriving))
        .bind(dots(&row.arriving_dots))
        .bind(match row.kept {
            FieldRule::Standing => "standing",
            FieldRule::Arriving => "arriving",
        })
        .bind(row.actor.uuid())
        .bind(row.hlc.number())
        .bind(row.rec_fseq)
        .bind(row.site.map(SiteId::uuid))
        .bind(now)
        .bind(row.fseq)
        .execute(tx.connection())
        .await?;
    }
    publish(tx, rows, first).await?;
    Ok(next)
}

/// Moves rows on and publishes them as they are now, from a place on.
pub(super) async fn move_on(
    tx: &mut TenantTx,
    moves: &[ConflictMove],
    records: &[RecordWrite],
    first: i64,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(moves.len());
    let mut place = first;
    for ConflictMove { id, state } in moves {
        let row: Option<Row> = sqlx::query_as(
            "UPDATE conflict SET state = $3, fseq = $4 WHERE company_id = $1 AND conflict_id = $2
             RETURNING conflict_id, cause, kind, key, slot, standing, standing_dots, arriving, arriving_dots, kept,
                 actor, hlc, rec_fseq, state, site, fseq",
        )
        .bind(tx.company())
        .bind(id.uuid())
        .bind(state.as_str())
        .bind(place)
        .fetch_optional(tx.connection())
        .await?;
        let Some(row) = row else { continue };
        let mut row = row.parse()?;
        let write = records
            .iter()
            .find(|write| (u16::from(write.key.0.number()), write.key.1) == (row.kind, row.key));
        if let Some(write) = write {
            row.site = write.site();
            sqlx::query("UPDATE conflict SET site = $3 WHERE company_id = $1 AND conflict_id = $2")
                .bind(tx.company())
                .bind(id.uuid())
                .bind(row.site.map(SiteId::uuid))
                .execute(tx.connection())
                .await?;
        }
        place += 1;
        rows.push(row);
    }
    publish(tx, &rows, first).await
}

async fn publish(tx: &mut TenantTx, rows: &[FeedConflict], first: i64) -> Result<(), StoreError> {
    let rows: Vec<Value> = rows.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    feed::put_aside(tx, first, "conflict", &rows).await
}
