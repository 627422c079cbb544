//! Comparing the records that an edge holds with ours, at the same place of the feed.
//!
//! A hello tells the edge's sums; a job reads the records in the edge's scope and compares. Where something in that scope
//! changed after the edge's place there is nothing to compare, and the next hello tells newer sums. A difference is a fault
//! of one side: it is counted and shown, and the edge is sent for a snapshot, at most once a day.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::{EdgeId, Kind};
use sqlx::types::Json;
use sync_protocol::cloud::FeedRow;
use sync_protocol::digest::RecordSums;
use sync_protocol::message::{Scope, SnapshotPlace};

use super::job::{self, Queue};
use super::{StoreError, TenantTx, edge, feed};

/// Records read at a time.
const PAGE: usize = 1000;
/// An edge is not sent for another snapshot before that.
const HEAL_AGAIN: TimeDelta = TimeDelta::days(1);

/// How an edge's records compare with ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The job has not looked yet.
    Waiting,
    /// Something had changed since.
    Moved,
    /// The same records.
    Same,
    /// Other records: a fault.
    Different,
}

impl Agreement {
    /// Its name in storage, and as the page marks it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Moved => "moved",
            Self::Same => "same",
            Self::Different => "different",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Moved, Self::Same, Self::Different].into_iter().find(|a| a.as_str() == text)
    }
}

/// The last comparison with an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The edge.
    pub edge: EdgeId,
    /// How it went.
    pub agreement: Agreement,
    /// The kinds of which the two sides held different records, where this version knows them.
    pub differing: Vec<Kind>,
    /// How often a difference was found since the edge enrolled.
    pub differences: i64,
    /// When the edge told its sums.
    pub reported_at: DateTime<Utc>,
}

/// Keeps what an edge said, and asks for a comparison.
///
/// # Errors
/// The database's.
pub async fn keep(
    tx: &mut TenantTx,
    edge: EdgeId,
    said: &RecordSums,
    (feed_epoch, scope_ver): (u32, u32),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO record_digest AS d (company_id, edge_id, said, feed_epoch, scope_ver, reported_at, agreement,
             differing, differences)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '{}', 0)
         ON CONFLICT (company_id, edge_id) DO UPDATE
         SET said = excluded.said, feed_epoch = excluded.feed_epoch, scope_ver = excluded.scope_ver,
             reported_at = excluded.reported_at, agreement = CASE d.agreement WHEN 'different' THEN d.agreement
                                                             ELSE 'waiting' END",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(Json(said))
    .bind(i32::try_from(feed_epoch).unwrap_or(i32::MAX))
    .bind(i32::try_from(scope_ver).unwrap_or(i32::MAX))
    .bind(now)
    .execute(tx.connection())
    .await?;
    let company = tx.company();
    job::ask(tx.connection(), Queue::CompareRecords, Some(company), &edge.to_string(), now).await
}

/// Compares what an edge last said with ours. All statements of `tx` must see one moment. Says whether the edge differs.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn compare(tx: &mut TenantTx, edge: EdgeId, now: DateTime<Utc>) -> Result<Agreement, StoreError> {
    type Row = (Json<RecordSums>, i32, i32, Option<DateTime<Utc>>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT said, feed_epoch, scope_ver, healed_at FROM record_digest WHERE company_id = $1 AND edge_id = $2",
    )
    .bind(tx.company())
    .bind(edge)
    .fetch_optional(tx.connection())
    .await?;
    let Some((Json(said), feed_epoch, scope_ver, healed_at)) = row else { return Ok(Agreement::Waiting) };
    let state = feed::state(tx).await?;
    let known = (u32::try_from(feed_epoch).ok(), u32::try_from(scope_ver).ok());
    let present = (Some(state.feed_epoch), Some(edge::scope_ver(tx, edge).await?));
    let ours = if known == present && said.at <= state.feed_head {
        ours(tx, edge, said.at, now).await?
    } else {
        None
    };
    let (agreement, differing) = match ours {
        None => (Agreement::Moved, Vec::new()),
        Some(ours) => match ours.differing(&said) {
            kinds if kinds.is_empty() => (Agreement::Same, kinds),
            kinds => (Agreement::Different, kinds),
        },
    };
    let different = agreement == Agreement::Different;
    let heals = different && healed_at.is_none_or(|at| at + HEAL_AGAIN <= now);
    if different {
        tracing::error!(company.id = %tx.company(), edge.id = %edge, kinds = ?differing, at = said.at, heals,
            "an edge holds other records than the cloud at the same place of the feed");
    }
    if heals {
        // An expired origin is sent for a snapshot by its next request.
        sqlx::query(
            "UPDATE origin_state SET state = 'expired' WHERE company_id = $1 AND edge_id = $2 AND state = 'open'",
        )
        .bind(tx.company())
        .bind(edge)
        .execute(tx.connection())
        .await?;
    }
    sqlx::query(
        "UPDATE record_digest
         SET agreement = $3, differing = $4, compared_at = $5, differences = differences + $6,
             healed_at = CASE WHEN $7 THEN $5 ELSE healed_at END
         WHERE company_id = $1 AND edge_id = $2",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(agreement.as_str())
    .bind(differing.iter().filter_map(|kind| i16::try_from(*kind).ok()).collect::<Vec<_>>())
    .bind(now)
    .bind(i64::from(different))
    .bind(heals)
    .execute(tx.connection())
    .await?;
    Ok(agreement)
}

/// Our sums of an edge's scope; `None` where something in it changed after the place.
async fn ours(
    tx: &mut TenantTx,
    edge: EdgeId,
    at: i64,
    now: DateTime<Utc>,
) -> Result<Option<RecordSums>, StoreError> {
    let scope = Scope { sites: edge::sites(tx, edge).await? };
    let left: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM feed_side WHERE company_id = $1 AND fseq > $2 AND what = 'left')",
    )
    .bind(tx.company())
    .bind(at)
    .fetch_one(tx.connection())
    .await?;
    if left {
        return Ok(None);
    }
    let mut sums = RecordSums::at(at);
    let mut from = SnapshotPlace::START;
    loop {
        let rows = feed::snapshot::rows(tx, edge, &scope, from, PAGE, now).await?;
        let read = rows.len();
        for row in rows {
            let FeedRow::Record((kind, key), record) = row else { continue };
            if record.fseq > at {
                return Ok(None);
            }
            sums.add(kind, key, &record);
            from = SnapshotPlace::Records(Some((kind.number().into(), key)));
        }
        if read < PAGE {
            return Ok(Some(sums));
        }
    }
}

/// The last comparison with each edge.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn comparisons(tx: &mut TenantTx) -> Result<Vec<Comparison>, StoreError> {
    type Row = (EdgeId, String, Vec<i16>, i64, DateTime<Utc>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT edge_id, agreement, differing, differences, reported_at FROM record_digest
         WHERE company_id = $1 ORDER BY edge_id",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let line =
        |(edge, agreement, differing, differences, reported_at): (EdgeId, String, Vec<i16>, i64, _)| {
            let agreement = Agreement::parse(&agreement).ok_or_else(|| StoreError::Corrupt {
                table: "record_digest",
                id: edge.to_string(),
                cause: format!("unknown agreement {agreement:?}"),
            })?;
            let kind = |number: &i16| u8::try_from(*number).ok().and_then(Kind::from_number);
            let differing = differing.iter().filter_map(kind).collect();
            Ok(Comparison { edge, agreement, differing, differences, reported_at })
        };
    rows.into_iter().map(line).collect()
}
