//! What must be worked out again: rows of a queue, written in the transaction of whatever changed.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use shared_model::entity::ScopeKind;
use shared_model::{DepartmentId, EmployeeId, FieldMap, FieldTag, Kind, SiteId, UserCode};
use uuid::Uuid;

use super::{StoreError, TenantTx};

/// Whose attendance must be worked out again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One person's.
    Employee(EmployeeId),
    /// Of whoever has this code on any clock.
    Code(UserCode),
    /// A department's people.
    Department(DepartmentId),
    /// A site's people.
    Site(SiteId),
    /// Everybody's.
    Everyone,
}

/// Work dates, both included; `None` = open at that end. The dates of [`Scope::Code`] are those of the clock's wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateSpan {
    /// The first.
    pub from: Option<NaiveDate>,
    /// The last.
    pub to: Option<NaiveDate>,
}

impl DateSpan {
    /// Every date.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// One date.
    #[must_use]
    pub const fn day(date: NaiveDate) -> Self {
        Self { from: Some(date), to: Some(date) }
    }
}

/// Some of the queue: what to work out, and which entries asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// What to work out, each once.
    pub work: BTreeSet<(Scope, DateSpan)>,
    /// The entries, for [`done`].
    pub entries: Vec<Uuid>,
}

impl Scope {
    fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Employee(id) => ("employee", id.to_string()),
            Self::Code(code) => ("code", code.to_string()),
            Self::Department(id) => ("department", id.to_string()),
            Self::Site(id) => ("site", id.to_string()),
            Self::Everyone => ("everyone", String::new()),
        }
    }

    fn parse(scope: &str, key: &str) -> Option<Self> {
        match scope {
            "employee" => key.parse().ok().map(Self::Employee),
            "code" => UserCode::parse(key).ok().map(Self::Code),
            "department" => key.parse().ok().map(Self::Department),
            "site" => key.parse().ok().map(Self::Site),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
    }
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
    let (scopes, keys): (Vec<&str>, Vec<String>) = asked.iter().map(|(scope, _)| scope.columns()).unzip();
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

/// Spans of the ledger stream taken at once: each may stand for a whole batch of punches.
const LOG_ENTRIES: usize = 8;

/// Reads of the oldest `limit` entries all but the surplus of ledger spans. Spans of the ledger stream come out as the codes and dates of their punches.
///
/// Nothing is removed or locked: the caller works it out, then calls [`done`] in the transaction that stores the results.
/// What is asked for meanwhile has entries of its own.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn waiting(tx: &mut TenantTx, limit: i64) -> Result<Asked, StoreError> {
    type Row =
        (Uuid, String, String, Option<NaiveDate>, Option<NaiveDate>, Option<i64>, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT entry_id, scope, key, date_from, date_to, origin, from_seq, to_seq FROM recompute_queue
         WHERE company_id = $1 ORDER BY queued_at, entry_id LIMIT $2",
    )
    .bind(tx.company())
    .bind(limit)
    .fetch_all(tx.connection())
    .await?;
    let mut asked = Asked::default();
    let mut spans: (Vec<i64>, Vec<i64>, Vec<i64>) = Default::default();
    for (entry, scope, key, from, to, origin, from_seq, to_seq) in rows {
        if let (Some(origin), Some(from_seq), Some(to_seq)) = (origin, from_seq, to_seq) {
            if spans.0.len() == LOG_ENTRIES {
                continue;
            }
            asked.entries.push(entry);
            spans.0.push(origin);
            spans.1.push(from_seq);
            spans.2.push(to_seq);
        } else {
            asked.entries.push(entry);
            let scope = Scope::parse(&scope, &key).ok_or_else(|| StoreError::Corrupt {
                table: "recompute_queue",
                id: entry.to_string(),
                cause: "unknown scope or key".to_owned(),
            })?;
            asked.work.insert((scope, DateSpan { from, to }));
        }
    }
    if !spans.0.is_empty() {
        let days: Vec<(String, NaiveDate)> = sqlx::query_as(
            "SELECT DISTINCT l.user_code, l.raw_time::date
             FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS span (origin, from_seq, to_seq)
             -- A span and its runs are of one transaction: no run reaches over a span's ends.
             JOIN ledger_log g ON g.company_id = $1 AND g.origin = span.origin
                  AND g.first_seq BETWEEN span.from_seq AND span.to_seq
             JOIN ledger l ON l.company_id = $1 AND l.punch_id = ANY (g.punch_ids)",
        )
        .bind(tx.company())
        .bind(&spans.0)
        .bind(&spans.1)
        .bind(&spans.2)
        .fetch_all(tx.connection())
        .await?;
        for (code, date) in days {
            if let Ok(code) = UserCode::parse(&code) {
                asked.work.insert((Scope::Code(code), DateSpan::day(date)));
            }
        }
    }
    Ok(asked)
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

/// What a record with these fields has a say in. Asked for a record as it was and as it is.
pub(super) fn affected(kind: Kind, key: Uuid, fields: &FieldMap) -> Option<(Scope, DateSpan)> {
    let text = |tag: u16| fields.get(&FieldTag(tag)).and_then(Value::as_str);
    let id = |tag: u16| text(tag).and_then(|text| text.parse::<Uuid>().ok());
    // Dates and instants both begin with the date; that of an instant may be a day off the local one, which the margin
    // of the work window covers.
    let date = |tag: u16| text(tag).and_then(|text| text.get(..10)?.parse().ok());
    let span = |from: u16, to: u16| DateSpan { from: date(from), to: date(to) };
    let employee = |tag: u16| id(tag).map(|id| Scope::Employee(EmployeeId::from_uuid(id)));
    let site = |tag: u16| id(tag).map_or(Scope::Everyone, |id| Scope::Site(SiteId::from_uuid(id)));
    let scoped =
        |kind_tag: u16, scope_tag: u16| match (text(kind_tag).and_then(ScopeKind::parse), id(scope_tag)) {
            (Some(ScopeKind::Employee), Some(id)) => Scope::Employee(EmployeeId::from_uuid(id)),
            (Some(ScopeKind::Department), Some(id)) => Scope::Department(DepartmentId::from_uuid(id)),
            (Some(ScopeKind::Site), Some(id)) => Scope::Site(SiteId::from_uuid(id)),
            (Some(ScopeKind::Company) | None, _) | (_, None) => Scope::Everyone,
        };
    match kind {
        Kind::Site => Some((Scope::Site(SiteId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Department => Some((Scope::Department(DepartmentId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Employee => Some((Scope::Employee(EmployeeId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Company | Kind::Shift => Some((Scope::Everyone, DateSpan::ALWAYS)),
        Kind::Roster => Some((scoped(1, 2), span(4, 5))),
        Kind::RosterDay | Kind::DayDecision => employee(1).map(|who| (who, span(2, 2))),
        Kind::Policy => Some((scoped(3, 4), DateSpan { from: date(2), to: None })),
        Kind::Holiday => Some((site(4), span(1, 1))),
        Kind::Leave => employee(1).map(|who| (who, span(2, 3))),
        Kind::Device => Some((site(3), DateSpan::ALWAYS)),
        Kind::Identity => employee(3).map(|who| (who, span(4, 5))),
        // A note is about one punch: see `ask_for_punches`.
        Kind::PunchNote => None,
        Kind::PayPeriod => Some((site(1), span(2, 3))),
        Kind::CompanyRule => Some((Scope::Everyone, DateSpan { from: date(2), to: None })),
    }
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
