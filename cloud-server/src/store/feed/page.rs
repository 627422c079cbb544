//! Reading the feed by place: records at their latest, and what stands beside them.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_model::{EdgeId, Kind};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use sync_protocol::cloud::FeedRow;
use sync_protocol::message::{FeedNotice, FeedPunch};
use uuid::Uuid;

use super::super::{StoreError, TenantTx, record};
use super::punch::Travelling;

/// One branch a table, each in its index's order and each cut off, merged into one: nothing is sorted, and no more rows
/// are read than the page holds. A sort of something that another version wrote beside the records is left out.
static SQL: LazyLock<String> = LazyLock::new(|| {
    let mut sql = String::new();
    for kind in Kind::ALL {
        let (number, table) = (kind.number(), kind.as_str());
        let _ = write!(
            sql,
            "(SELECT fseq, {number}::smallint AS kind, key, NULL::text AS what, to_jsonb(r) AS content
              FROM rec_{table} r WHERE company_id = $1 AND fseq > $2 AND fseq <= $3 ORDER BY fseq LIMIT $4)
             UNION ALL "
        );
    }
    sql.push_str(
        "(SELECT fseq, 0::smallint, NULL::uuid, what, payload FROM feed_side
          WHERE company_id = $1 AND fseq > $2 AND fseq <= $3
            AND what IN ('left', 'conflict', 'quarantine', 'punch') ORDER BY fseq LIMIT $4)
         ORDER BY fseq LIMIT $4",
    );
    sql
});

/// A row of quarantine beside the records.
#[derive(Deserialize)]
struct Notice {
    edge: EdgeId,
    #[serde(flatten)]
    notice: FeedNotice,
}

/// The rows with a place above `after` and at most `upto`, by rising place, at most `limit`.
pub(in crate::store) async fn rows(
    tx: &mut TenantTx,
    after: i64,
    upto: i64,
    limit: usize,
) -> Result<Vec<FeedRow>, StoreError> {
    if after >= upto || limit == 0 {
        return Ok(Vec::new());
    }
    // Without statistics the planner would collect and sort everything behind the cursor for each page.
    sqlx::raw_sql("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        .execute(tx.connection())
        .await?;
    type Found = (i64, i16, Option<Uuid>, Option<String>, Json<Value>);
    let found: Vec<Found> = sqlx::query_as(AssertSqlSafe(SQL.as_str()))
        .bind(tx.company())
        .bind(after)
        .bind(upto)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(tx.connection())
        .await?;
    found
        .into_iter()
        .map(|(fseq, kind, key, what, Json(content))| match what {
            Some(what) => aside(fseq, &what, content),
            None => living(fseq, kind, key, content),
        })
        .collect()
}

fn living(fseq: i64, kind: i16, key: Option<Uuid>, content: Value) -> Result<FeedRow, StoreError> {
    let kind = u8::try_from(kind).ok().and_then(Kind::from_number);
    let (Some(kind), Some(key), Value::Object(row)) = (kind, key, content) else {
        return Err(corrupt(fseq, &"no record"));
    };
    Ok(FeedRow::Record((kind, key), Box::new(record::decode(kind, key, row)?)))
}

fn aside(fseq: i64, what: &str, payload: Value) -> Result<FeedRow, StoreError> {
    Ok(match what {
        "left" => FeedRow::Left(read(fseq, payload)?),
        "conflict" => FeedRow::Conflict(Box::new(read(fseq, payload)?)),
        "quarantine" => {
            let Notice { edge, notice } = read(fseq, payload)?;
            FeedRow::Notice(edge, FeedNotice { fseq, ..notice })
        }
        _ => {
            let Travelling { site, punch } = read(fseq, payload)?;
            FeedRow::Punch(site, FeedPunch { fseq, ..punch })
        }
    })
}

fn read<T: DeserializeOwned>(fseq: i64, payload: Value) -> Result<T, StoreError> {
    serde_json::from_value(payload).map_err(|e| corrupt(fseq, &e))
}

fn corrupt(fseq: i64, cause: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table: "feed_side", id: fseq.to_string(), cause: cause.to_string() }
}
