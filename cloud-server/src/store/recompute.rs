//! What must be worked out again: rows of a queue, written in the transaction of whatever changed.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::{EmployeeId, UserCode};
use uuid::Uuid;

use super::{StoreError, TenantTx};

pub use shift_engine::{DateSpan, Scope};

/// Some of the queue's entries for punches and single people: what to work out, and which entries asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// What to work out beside the days of the punches in spans of the ledger stream, each once; codes and employees only.
    pub work: BTreeSet<(Scope, DateSpan)>,
    /// The entries, for [`done`].
    pub entries: Vec<Uuid>,
}

/// An entry for many people, worked through in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    /// The entry.
    pub entry: Uuid,
    /// Whose.
    pub scope: Scope,
    /// Which dates.
    pub dates: DateSpan,
    /// The last person who was worked out.
    pub after: Option<EmployeeId>,
}

fn columns(scope: &Scope) -> (&'static str, String) {
    match scope {
        Scope::Employee(id) => ("employee", id.to_string()),
        Scope::Code(code) => ("code", code.to_string()),
        Scope::Department(id) => ("department", id.to_string()),
        Scope::Site(id) => ("site", id.to_string()),
        Scope::Everyone => ("everyone", String::new()),
    }
}

fn parse(scope: &str, key: &str, entry: Uuid) -> Result<Scope, StoreError> {
    match scope {
        "employee" => key.parse().ok().map(Scope::Employee),
        "code" => UserCode::parse(key).ok().map(Scope::Code),
        "department" => key.parse().ok().map(Scope::Department),
        "site" => key.parse().ok().map(Scope::Site),
        "everyone" => Some(Scope::Everyone),
        _ => None,
    }
    .ok_or_else(|| StoreError::Corrupt {
        table: "recompute_queue",
        id: entry.to_string(),
        cause: "unknown scope or key".to_owned(),
    })
}

/// Asks for recomputation.
///
/// # Errors
/// The database's.
pub async fn ask(
    tx: &mut TenantTx,
    asked: &[(Scope, DateSpan)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let (scopes, keys): (Vec<&str>, Vec<String>) = asked.iter().map(|(scope, _)| columns(scope)).unzip();
    sqlx::query(
        "INSERT INTO recompute_queue (company_id, entry_id, scope, key, date_from, date_to, queued_at)
         SELECT $1, gen_random_uuid(), scope, key, date_from, date_to, $2
         FROM unnest($3::text[], $4::text[], $5::date[], $6::date[]) AS t (scope, key, date_from, date_to)",
    )
    .bind(tx.company())
    .bind(now)
    .bind(scopes)
    .bind(keys)
    .bind(asked.iter().map(|(_, dates)| dates.from).collect::<Vec<_>>())
    .bind(asked.iter().map(|(_, dates)| dates.to).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Rows of the ledger stream after which no further span is taken; one span is a transaction of pushes.
const LOG_ROWS: i64 = 16_000;

/// Reads of the oldest `limit` entries for punches and single people all but the surplus of ledger spans, whose punches
/// [`punches_of_entries`](super::attendance::intake::punches_of_entries) reads. Entries for many are not among them: they
/// wait until nothing of this kind is left ([`next_wide`]), so that a fresh punch never stands behind a change for everybody.
///
/// Nothing is removed or locked: the caller works it out, then calls [`done`] in the transaction that stores the results.
/// What is asked for meanwhile has entries of its own.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn waiting(tx: &mut TenantTx, limit: i64) -> Result<Asked, StoreError> {
    type Row = (Uuid, String, String, Option<NaiveDate>, Option<NaiveDate>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT entry_id, scope, key, date_from, date_to, to_seq - from_seq + 1 FROM recompute_queue
         WHERE company_id = $1 AND scope IN ('log', 'code', 'employee') ORDER BY queued_at, entry_id LIMIT $2",
    )
    .bind(tx.company())
    .bind(limit)
    .fetch_all(tx.connection())
    .await?;
    let mut asked = Asked::default();
    let mut log_rows = 0;
    for (entry, scope, key, from, to, of_log) in rows {
        if let Some(of_log) = of_log {
            if log_rows >= LOG_ROWS {
                continue;
            }
            log_rows += of_log;
        } else {
            asked.work.insert((parse(&scope, &key, entry)?, DateSpan { from, to }));
        }
        asked.entries.push(entry);
    }
    Ok(asked)
}

/// The entry for many people that is to be worked at: one that was begun before, else the oldest. Other entries that ask
/// for nothing beyond it are dropped when it is begun.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn next_wide(tx: &mut TenantTx) -> Result<Option<Wide>, StoreError> {
    type Row = (Uuid, String, String, Option<NaiveDate>, Option<NaiveDate>, Option<EmployeeId>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT entry_id, scope, key, date_from, date_to, after FROM recompute_queue
         WHERE company_id = $1 AND scope IN ('department', 'site', 'everyone')
         ORDER BY after IS NULL, queued_at, entry_id LIMIT 1",
    )
    .bind(tx.company())
    .fetch_optional(tx.connection())
    .await?;
    let Some((entry, scope, key, from, to, after)) = row else { return Ok(None) };
    if after.is_none() {
        sqlx::query(
            "DELETE FROM recompute_queue
             WHERE company_id = $1 AND entry_id <> $2 AND after IS NULL
               AND scope IN ('department', 'site', 'everyone')
               AND ($3 = 'everyone' OR (scope = $3 AND key = $4))
               AND ($5::date IS NULL OR date_from >= $5) AND ($6::date IS NULL OR date_to <= $6)",
        )
        .bind(tx.company())
        .bind(entry)
        .bind(&scope)
        .bind(&key)
        .bind(from)
        .bind(to)
        .execute(tx.connection())
        .await?;
    }
    let scope = parse(&scope, &key, entry)?;
    Ok(Some(Wide { entry, scope, dates: DateSpan { from, to }, after }))
}

/// Notes that an entry for many is worked out up to a person.
///
/// # Errors
/// The database's.
pub async fn advance(tx: &mut TenantTx, entry: Uuid, after: EmployeeId) -> Result<(), StoreError> {
    sqlx::query("UPDATE recompute_queue SET after = $3 WHERE company_id = $1 AND entry_id = $2")
        .bind(tx.company())
        .bind(entry)
        .bind(after)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Removes entries that were worked out.
///
/// # Errors
/// The database's.
pub async fn done(tx: &mut TenantTx, entries: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recompute_queue WHERE company_id = $1 AND entry_id = ANY ($2)")
        .bind(tx.company())
        .bind(entries)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Asks for the people who have the codes of these punches, on the punches' dates.
pub(super) async fn ask_for_punches(
    tx: &mut TenantTx,
    punches: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if punches.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO recompute_queue (company_id, entry_id, scope, key, date_from, date_to, queued_at)
         SELECT $1, gen_random_uuid(), 'code', user_code, raw_time::date, raw_time::date, $3
         FROM ledger WHERE company_id = $1 AND punch_id = ANY ($2)",
    )
    .bind(tx.company())
    .bind(punches)
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}
