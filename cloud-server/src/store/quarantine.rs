//! Rows that cannot be applied: kept as they came, and told to their edge.

use chrono::{DateTime, Utc};
use serde_json::json;
use sync_protocol::cloud::Quarantined;

use super::{StoreError, TenantTx, feed};

/// Keeps rows aside, with notices in the feed. Returns the number of places taken there.
pub(super) async fn keep(
    tx: &mut TenantTx,
    rows: &[Quarantined],
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    sqlx::query(
        "INSERT INTO quarantine (company_id, origin, stream, seq, raw, code, detail, state, noticed_at)
         SELECT $1, origin, stream, seq, raw, code, detail, 'open', $2
         FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bytea[], $7::text[], $8::text[])
              AS t (origin, stream, seq, raw, code, detail)
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(now)
    .bind(rows.iter().map(|row| row.origin.number()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.stream.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.raw.as_slice()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.poison.code).collect::<Vec<_>>())
    // A detail quotes what it judges, and PostgreSQL's texts cannot hold a NUL.
    .bind(rows.iter().map(|row| row.poison.detail.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    let notices: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "edge": row.edge, "origin": row.origin, "stream": row.stream, "seq": row.seq,
                "code": row.poison.code, "detail": row.poison.detail.replace('\0', "\u{fffd}"),
            })
        })
        .collect();
    let first = feed::take(tx, notices.len()).await?;
    feed::put_aside(tx, first, "quarantine", &notices).await?;
    Ok(notices.len())
}

/// How many rows wait in quarantine.
///
/// # Errors
/// The database's.
pub async fn open_count(tx: &mut TenantTx) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM quarantine WHERE company_id = $1 AND state = 'open'")
        .bind(tx.company())
        .fetch_one(tx.connection())
        .await?)
}
