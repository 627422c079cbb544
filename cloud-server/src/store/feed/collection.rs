//! What the edges have of the feed, and the end of tombstones that all of them have.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use shared_model::Kind;
use sqlx::AssertSqlSafe;
use sync_protocol::cloud::OriginAck;
use sync_protocol::{Origin, limit};

use super::super::{StoreError, TenantTx};

/// How long an idle origin's row may show an older time: a poll that finds nothing writes nothing.
const LAST_SEEN_AGE: TimeDelta = TimeDelta::hours(1);

/// Notes what an origin has committed. `open` ends its expiry.
pub(in crate::store) async fn note_cursor(
    tx: &mut TenantTx,
    origin: Origin,
    cursor: i64,
    head_r: i64,
    open: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE origin_state SET acked_fseq = $3, head_at_ack = $4, last_seen = $5
         WHERE company_id = $1 AND origin = $2 AND stream = 'R'
           AND ((acked_fseq, head_at_ack) <> ($3, $4) OR last_seen < $6)",
    )
    .bind(tx.company())
    .bind(origin.number())
    .bind(cursor)
    .bind(head_r)
    .bind(now)
    .bind(now - LAST_SEEN_AGE)
    .execute(tx.connection())
    .await?;
    if open {
        sqlx::query(
            "UPDATE origin_state SET state = 'open', last_seen = $3
             WHERE company_id = $1 AND origin = $2 AND state = 'expired'",
        )
        .bind(tx.company())
        .bind(origin.number())
        .bind(now)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// What every origin of an edge has acknowledged that is neither expired nor closed.
pub(in crate::store) async fn acks(tx: &mut TenantTx) -> Result<Vec<OriginAck>, StoreError> {
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT origin, acked_fseq, head_at_ack, applied_seq FROM origin_state
         WHERE company_id = $1 AND stream = 'R' AND state = 'open' AND edge_id IS NOT NULL ORDER BY origin",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let ack = |(origin, acked_fseq, head_at_ack, applied)| {
        let origin = Origin::from_number(origin).ok_or_else(|| StoreError::Corrupt {
            table: "origin_state",
            id: origin.to_string(),
            cause: "no origin".to_owned(),
        })?;
        Ok(OriginAck { origin, acked_fseq, head_at_ack, applied })
    };
    rows.into_iter().map(ack).collect()
}

/// Removes tombstones at or below a place and raises the horizon to the highest place removed.
pub(in crate::store) async fn remove_tombstones(tx: &mut TenantTx, upto: i64) -> Result<usize, StoreError> {
    let mut removed = Vec::new();
    for kind in Kind::ALL {
        let table = kind.as_str();
        let sql = format!(
            "DELETE FROM rec_{table} WHERE company_id = $1 AND deleted_dot IS NOT NULL AND fseq <= $2 RETURNING fseq"
        );
        let places: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(tx.company())
            .bind(upto)
            .fetch_all(tx.connection())
            .await?;
        removed.extend(places);
    }
    if let Some(highest) = removed.iter().max() {
        sqlx::query("UPDATE feed_head SET horizon = greatest(horizon, $2) WHERE company_id = $1")
            .bind(tx.company())
            .bind(highest)
            .execute(tx.connection())
            .await?;
    }
    Ok(removed.len())
}

/// Notes where the feed stands at the beginning of a day, and returns the place that it had reached when the least age of
/// a tombstone began; 0 while that is not known.
///
/// # Errors
/// The database's.
pub(in crate::store) async fn note_place(tx: &mut TenantTx, today: NaiveDate) -> Result<i64, StoreError> {
    sqlx::query(
        "INSERT INTO feed_place (company_id, day, fseq)
         SELECT company_id, $2, next_fseq - 1 FROM feed_head WHERE company_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(today)
    .execute(tx.connection())
    .await?;
    let since = today - TimeDelta::days(limit::TOMBSTONE_DAYS.into());
    // Only the newest of the old ones is of use.
    sqlx::query(
        "DELETE FROM feed_place WHERE company_id = $1
         AND day < (SELECT max(day) FROM feed_place WHERE company_id = $1 AND day <= $2)",
    )
    .bind(tx.company())
    .bind(since)
    .execute(tx.connection())
    .await?;
    let place: Option<i64> =
        sqlx::query_scalar("SELECT max(fseq) FROM feed_place WHERE company_id = $1 AND day <= $2")
            .bind(tx.company())
            .bind(since)
            .fetch_one(tx.connection())
            .await?;
    Ok(place.unwrap_or_default())
}

/// Marks the origins expired that were silent for so long that tombstones no longer wait for them; says how many.
pub(in crate::store) async fn expire(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let since = now - TimeDelta::days(limit::EXPIRY_DAYS.into());
    let expired = sqlx::query(
        "UPDATE origin_state SET state = 'expired'
         WHERE company_id = $1 AND state = 'open' AND edge_id IS NOT NULL AND origin IN (
             SELECT origin FROM origin_state WHERE company_id = $1 AND edge_id IS NOT NULL
             GROUP BY origin HAVING max(last_seen) < $2)",
    )
    .bind(tx.company())
    .bind(since)
    .execute(tx.connection())
    .await?;
    Ok(expired.rows_affected())
}
