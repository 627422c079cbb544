//! The company's downward feed: its counter, and what it carries beside records.
//!
//! The counter's row is locked from the first place given out to the end of the transaction, so that the order of places is
//! the order of commits: it is taken as late as possible, in blocks. Ordinary punches never touch it.

pub(super) mod collection;
pub(super) mod page;
pub(super) mod punch;
pub(super) mod snapshot;

use serde_json::Value;
use shared_model::{Entropy, Kind};
use sync_protocol::cloud::{CompanyState, Departure, RecordKey, RecordWrite};
use sync_protocol::message::FeedLeft;
use sync_protocol::{Origin, VersionVector};

use super::{StoreError, TenantTx};

/// Starts a company's feed and draws the cloud's own origin.
pub(super) async fn start(
    tx: &mut TenantTx,
    entropy: &(impl Entropy + ?Sized),
) -> Result<Origin, StoreError> {
    let origin = Origin::mint(entropy);
    sqlx::query(
        "INSERT INTO feed_head (company_id, next_fseq, feed_epoch, horizon, cloud_origin) VALUES ($1, 1, 1, 0, $2)",
    )
    .bind(tx.company())
    .bind(origin.number())
    .execute(tx.connection())
    .await?;
    Ok(origin)
}

/// Where the feed stands.
pub(super) async fn state(tx: &mut TenantTx) -> Result<CompanyState, StoreError> {
    let (next, epoch, horizon): (i64, i32, i64) =
        sqlx::query_as("SELECT next_fseq, feed_epoch, horizon FROM feed_head WHERE company_id = $1")
            .bind(tx.company())
            .fetch_one(tx.connection())
            .await?;
    Ok(CompanyState {
        feed_epoch: u32::try_from(epoch).unwrap_or_default(),
        feed_head: next - 1,
        horizon,
        archived: false,
        folded: VersionVector::new(),
    })
}

/// The origin under which the cloud writes.
pub(super) async fn cloud_origin(tx: &mut TenantTx) -> Result<Origin, StoreError> {
    let number: i64 = sqlx::query_scalar("SELECT cloud_origin FROM feed_head WHERE company_id = $1")
        .bind(tx.company())
        .fetch_one(tx.connection())
        .await?;
    Origin::from_number(number).ok_or_else(|| StoreError::Corrupt {
        table: "feed_head",
        id: tx.company().to_string(),
        cause: "its cloud_origin is no origin".to_owned(),
    })
}

/// Begins a new epoch of the feed, in which the cloud writes under `origin`: the origin before it, and the new epoch.
pub(super) async fn begin_epoch(tx: &mut TenantTx, origin: Origin) -> Result<(Origin, u32), StoreError> {
    // Locks the counter: what is written meanwhile is of the old epoch, before it.
    let (epoch,): (i32,) = sqlx::query_as(
        "UPDATE feed_head SET feed_epoch = feed_epoch + 1 WHERE company_id = $1 RETURNING feed_epoch",
    )
    .bind(tx.company())
    .fetch_one(tx.connection())
    .await?;
    let former = cloud_origin(tx).await?;
    sqlx::query("UPDATE feed_head SET cloud_origin = $2 WHERE company_id = $1")
        .bind(tx.company())
        .bind(origin.number())
        .execute(tx.connection())
        .await?;
    Ok((former, u32::try_from(epoch).unwrap_or_default()))
}

/// Takes `count` places and returns the first.
pub(super) async fn take(tx: &mut TenantTx, count: usize) -> Result<i64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    tx.feed_grows();
    Ok(sqlx::query_scalar(
        "UPDATE feed_head SET next_fseq = next_fseq + $2 WHERE company_id = $1 RETURNING next_fseq - $2",
    )
    .bind(tx.company())
    .bind(count)
    .fetch_one(tx.connection())
    .await?)
}

/// Puts rows beside the records into the feed, from a place on.
pub(super) async fn put_aside(
    tx: &mut TenantTx,
    first: i64,
    what: &str,
    rows: &[Value],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO feed_side (company_id, fseq, what, payload)
         SELECT $1, $2 + nth - 1, $3, payload FROM unnest($4::jsonb[]) WITH ORDINALITY AS t (payload, nth)",
    )
    .bind(tx.company())
    .bind(first)
    .bind(what)
    .bind(rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Puts leave markers for the records that went to another site, from a place on; returns the place behind them.
pub(super) async fn put_departures(
    tx: &mut TenantTx,
    records: &[RecordWrite],
    first: i64,
) -> Result<i64, StoreError> {
    let mut next = first;
    let mut rows = Vec::new();
    for write in records {
        let Some((from, to)) = write.left() else { continue };
        let (kind, key) = write.key;
        let left = FeedLeft { fseq: next, kind: kind.number().into(), key, from, to };
        rows.push(serde_json::to_value(left).unwrap_or_default());
        next += 1;
    }
    put_aside(tx, first, "left", &rows).await?;
    Ok(next)
}

/// The leave markers of these records.
pub(super) async fn departures(tx: &mut TenantTx, keys: &[RecordKey]) -> Result<Vec<Departure>, StoreError> {
    let rows: Vec<sqlx::types::Json<FeedLeft>> = sqlx::query_scalar(
        "SELECT payload FROM feed_side
         WHERE company_id = $1 AND what = 'left' AND payload ->> 'key' = ANY ($2)",
    )
    .bind(tx.company())
    .bind(keys.iter().map(|(_, key)| key.to_string()).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let departure = |left: &FeedLeft| {
        let kind = u8::try_from(left.kind).ok().and_then(Kind::from_number)?;
        Some(Departure { key: (kind, left.key), from: left.from, fseq: left.fseq })
    };
    Ok(rows.iter().filter_map(|left| departure(left)).filter(|left| keys.contains(&left.key)).collect())
}
