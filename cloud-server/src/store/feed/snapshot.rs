//! Reading the parts of a snapshot: each in the order of its keys, without what is not for the edge.

use chrono::{DateTime, Months, Utc};
use serde_json::{Map, Value};
use shared_model::{EdgeId, Kind, PunchId, RawTime, SiteId};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use sync_protocol::cloud::FeedRow;
use sync_protocol::message::{FeedNotice, FeedPunch, Scope, SnapshotPlace};
use sync_protocol::scope::site_field;
use sync_protocol::{Origin, Stream};
use uuid::Uuid;

use super::super::{StoreError, TenantTx, conflict, record};
use super::punch::{self, Row};

/// How far back a new edge gets the ledger: the least that an edge keeps.
const LEDGER_MONTHS: Months = Months::new(13);

/// The next rows of the part in which `from` lies, at most `limit`.
pub(in crate::store) async fn rows(
    tx: &mut TenantTx,
    edge: EdgeId,
    scope: &Scope,
    from: SnapshotPlace,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<FeedRow>, StoreError> {
    let sites: Vec<Uuid> = scope.sites.iter().map(|site| site.uuid()).collect();
    match from {
        SnapshotPlace::Records(after) => records(tx, &sites, after, limit).await,
        SnapshotPlace::Conflicts(after) => {
            let after = after.map(sync_protocol::ConflictId::uuid);
            let rows = conflict::open_of_sites(tx, &sites, after, many(limit)).await?;
            Ok(rows.into_iter().map(|row| FeedRow::Conflict(Box::new(row))).collect())
        }
        SnapshotPlace::Notices(after) => notices(tx, edge, after, limit).await,
        SnapshotPlace::Punches(after) => punches(tx, &sites, after, limit, now).await,
    }
}

fn many(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Tombstones too, by kind's number and key.
async fn records(
    tx: &mut TenantTx,
    sites: &[Uuid],
    after: Option<(u16, Uuid)>,
    limit: usize,
) -> Result<Vec<FeedRow>, StoreError> {
    let mut kinds: Vec<Kind> = Kind::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.number());
    let mut found = Vec::new();
    for kind in kinds {
        let number = u16::from(kind.number());
        let key = match after {
            Some((begun, _)) if number < begun => continue,
            Some((begun, key)) if number == begun => Some(key),
            Some(_) | None => None,
        };
        let table = kind.as_str();
        let column = site_field(kind).and_then(|tag| kind.field(tag)).map(|def| def.name);
        let within = match column {
            Some(column) => format!("({column} IS NULL OR {column} = ANY ($4))"),
            None if kind == Kind::Site => "key = ANY ($4)".to_owned(),
            None => "$4::uuid[] IS NOT NULL".to_owned(),
        };
        let sql = format!(
            "SELECT key, to_jsonb(r) FROM rec_{table} r
             WHERE company_id = $1 AND ($2::uuid IS NULL OR key > $2) AND {within} ORDER BY key LIMIT $3"
        );
        let rows: Vec<(Uuid, Json<Map<String, Value>>)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tx.company())
            .bind(key)
            .bind(many(limit - found.len()))
            .bind(sites)
            .fetch_all(tx.connection())
            .await?;
        for (key, Json(row)) in rows {
            found.push(FeedRow::Record((kind, key), Box::new(record::decode(kind, key, row)?)));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

async fn notices(
    tx: &mut TenantTx,
    edge: EdgeId,
    after: Option<(Origin, Stream, i64)>,
    limit: usize,
) -> Result<Vec<FeedRow>, StoreError> {
    // Nothing has a place below this.
    let (origin, stream, seq) =
        after.map_or((i64::MIN, "", 0), |(origin, stream, seq)| (origin.number(), stream.as_str(), seq));
    let rows: Vec<(i64, String, i64, String, String)> = sqlx::query_as(
        "SELECT q.origin, q.stream, q.seq, q.code, q.detail
         FROM quarantine q
         JOIN origin_state o ON o.company_id = q.company_id AND o.origin = q.origin AND o.stream = q.stream
         WHERE q.company_id = $1 AND o.edge_id = $2 AND q.state = 'open'
           AND (q.origin, q.stream COLLATE \"C\", q.seq) > ($3, $4 COLLATE \"C\", $5)
         ORDER BY q.origin, q.stream COLLATE \"C\", q.seq LIMIT $6",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(origin)
    .bind(stream)
    .bind(seq)
    .bind(many(limit))
    .fetch_all(tx.connection())
    .await?;
    let notice = |(origin, stream, seq, code, detail): (i64, String, i64, String, String)| {
        let corrupt = || StoreError::Corrupt {
            table: "quarantine",
            id: format!("{origin}/{stream}/{seq}"),
            cause: "no log".to_owned(),
        };
        let (origin, stream) =
            (Origin::from_number(origin).ok_or_else(corrupt)?, Stream::parse(&stream).ok_or_else(corrupt)?);
        Ok(FeedRow::Notice(edge, FeedNotice { fseq: 0, origin, stream, seq, code, detail }))
    };
    rows.into_iter().map(notice).collect()
}

/// The newest first: those of the sites' clocks, and those of the sites' people wherever they were made.
async fn punches(
    tx: &mut TenantTx,
    sites: &[Uuid],
    after: Option<PunchId>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<FeedRow>, StoreError> {
    let since = now.checked_sub_months(LEDGER_MONTHS).unwrap_or(DateTime::UNIX_EPOCH);
    let oldest = PunchId::lower_bound(RawTime::new(since.naive_utc()));
    let condition = "l.punch_id >= $2 AND ($3::uuid IS NULL OR l.punch_id < $3)
         AND (l.serial IN (SELECT d.serial FROM rec_device d
                           WHERE d.company_id = $1 AND d.deleted_dot IS NULL AND d.site = ANY ($5))
              OR EXISTS (SELECT FROM rec_identity i
                         JOIN rec_employee e ON e.company_id = $1 AND e.key = i.employee AND e.site = ANY ($5)
                         WHERE i.company_id = $1 AND i.deleted_dot IS NULL AND i.user_code = l.user_code
                           AND (i.serial IS NULL OR i.serial = l.serial)
                           AND (i.\"from\" IS NULL OR i.\"from\" <= l.instant)
                           AND (i.\"to\" IS NULL OR l.instant < i.\"to\"))
              OR (l.serial IN ('mobile', 'correction')
                  AND l.user_code IN (SELECT e.key::text FROM rec_employee e
                                      WHERE e.company_id = $1 AND e.site = ANY ($5))))
         ORDER BY l.punch_id DESC LIMIT $4";
    let found: Vec<Row> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {} FROM ledger l WHERE l.company_id = $1 AND {condition}",
        punch::COLUMNS
    )))
    .bind(tx.company())
    .bind(oldest.uuid())
    .bind(after.map(PunchId::uuid))
    .bind(many(limit))
    .bind(sites)
    .fetch_all(tx.connection())
    .await?;
    let row = |row: Row| Ok(FeedRow::Punch(None::<SiteId>, FeedPunch::new(&row.read()?, 0)));
    found.into_iter().map(row).collect()
}
