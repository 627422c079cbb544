//! Comparing what an edge computed with what the cloud computed.
//!
//! ```text
//! in a hello          "digest": {"attendance": {"engine": "…", "months": {"2026-11": {"days": 812, "digest": "<32 hex>"}}}}
//! ```
//!
//! How a month's days become a digest is [`shift_engine::digest`]. `engine` names engine, zone data and rules of the edge's
//! sites in short. A day is final when it is not provisional. The cloud takes the days of the people whose home is one of the edge's sites.
//! Equal counts with unequal digests are a fault; unequal counts mean that one side still waits for something.
//!
//! Reading a month of ten thousand people takes about a second, so a job does it: asked for in the hello that tells
//! something else than what was found here, and once an hour otherwise. The pages show what the job found.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use shared_model::{EdgeId, EmployeeId, SiteId};
use shift_engine::digest::{DayHasher, MonthDigest, label_of_sites};

use super::job::{self, Queue};
use super::{StoreError, TenantTx, attendance, edge};

/// What an edge said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The version of its engine.
    pub engine: String,
    /// By the first day of each month.
    pub months: BTreeMap<NaiveDate, MonthDigest>,
}

/// How an edge's month compares with ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// No day is final on either side yet.
    Nothing,
    /// The same days, the same results.
    Same,
    /// One side still waits for days of the other.
    Waiting,
    /// The same number of days, other results.
    Different,
    /// Results by other rules (engine, zone data, policies) are not compared.
    OtherEngine,
}

impl Agreement {
    /// As the page marks it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Same => "same",
            Self::Waiting => "waiting",
            Self::Different => "different",
            Self::OtherEngine => "other-engine",
        }
    }
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The edge.
    pub edge: EdgeId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Final days at the edge.
    pub edge_days: i64,
    /// Final days here.
    pub cloud_days: i64,
    /// The verdict.
    pub agreement: Agreement,
    /// When the edge said so.
    pub reported_at: DateTime<Utc>,
}

/// Reads the `digest` of a hello; `None` for another form.
#[must_use]
pub fn parse(value: &Value) -> Option<Said> {
    let attendance = value.get("attendance")?;
    let engine: String =
        attendance.get("engine")?.as_str()?.chars().filter(|c| !c.is_control()).take(64).collect();
    let mut months = BTreeMap::new();
    for (month, said) in attendance.get("months")?.as_object()?.iter().take(36) {
        let first = NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()?;
        let mut digest = [0; 16];
        hex::decode_to_slice(said.get("digest")?.as_str()?, &mut digest).ok()?;
        months.insert(first, MonthDigest { days: said.get("days")?.as_i64()?, digest });
    }
    Some(Said { engine, months })
}

/// What was found equal is looked at again after so long, in case it changed here.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(1);

/// Keeps what an edge said, instead of what it said before of the same months, and asks for a comparison where the last one
/// did not find the same here.
///
/// # Errors
/// The database's.
pub async fn keep(
    tx: &mut TenantTx,
    edge: EdgeId,
    said: &Said,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let months: Vec<NaiveDate> = said.months.keys().copied().collect();
    sqlx::query(
        "INSERT INTO edge_digest (company_id, edge_id, month, days, digest, engine, reported_at)
         SELECT $1, $2, month, days, digest, $3, $4
         FROM unnest($5::date[], $6::bigint[], $7::bytea[]) AS t (month, days, digest)
         ON CONFLICT (company_id, edge_id, month) DO UPDATE
         SET days = excluded.days, digest = excluded.digest, engine = excluded.engine,
             reported_at = excluded.reported_at",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(&said.engine)
    .bind(now)
    .bind(&months)
    .bind(said.months.values().map(|month| month.days).collect::<Vec<_>>())
    .bind(said.months.values().map(|month| month.digest.to_vec()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    let is_due: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM edge_digest
             WHERE company_id = $1 AND edge_id = $2 AND month = ANY ($3)
               AND ((our_days, our_digest, our_engine) IS DISTINCT FROM (days, digest, engine)
                    OR compared_at < $4))",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(&months)
    .bind(now - LOOK_AGAIN)
    .fetch_one(tx.connection())
    .await?;
    if is_due {
        let company = tx.company();
        job::ask(tx.connection(), Queue::Compare, Some(company), &edge.to_string(), now).await?;
    }
    Ok(())
}

/// Works out our results for the months that an edge last spoke of, and keeps them beside its own.
///
/// # Errors
/// The database's.
pub async fn compare(tx: &mut TenantTx, edge: EdgeId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let company = tx.company();
    let months: Vec<NaiveDate> = sqlx::query_scalar(
        "SELECT month FROM edge_digest d WHERE company_id = $1 AND edge_id = $2
           AND reported_at = (SELECT max(reported_at) FROM edge_digest WHERE company_id = $1 AND edge_id = $2)
         ORDER BY month",
    )
    .bind(company)
    .bind(edge)
    .fetch_all(tx.connection())
    .await?;
    let sites = edge::sites(tx, edge).await?;
    let rules = site_rules(tx, &sites).await?;
    for month in months {
        let ours = month_digest(tx, &sites, month).await?;
        sqlx::query(
            "UPDATE edge_digest SET our_days = $4, our_digest = $5, our_engine = $6, compared_at = $7
             WHERE company_id = $1 AND edge_id = $2 AND month = $3",
        )
        .bind(company)
        .bind(edge)
        .bind(month)
        .bind(ours.days)
        .bind(ours.digest.as_slice())
        .bind(&rules)
        .bind(now)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// How the newest months that each edge spoke of compared when they were last looked at.
///
/// # Errors
/// The database's.
pub async fn comparisons(tx: &mut TenantTx) -> Result<Vec<Comparison>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        edge_id: EdgeId,
        month: NaiveDate,
        days: i64,
        our_days: Option<i64>,
        same_rules: Option<bool>,
        same_results: Option<bool>,
        reported_at: DateTime<Utc>,
    }
    let said: Vec<Row> = sqlx::query_as(
        "SELECT edge_id, month, days, our_days, our_engine = engine AS same_rules, our_digest = digest AS same_results,
                reported_at
         FROM edge_digest WHERE company_id = $1 ORDER BY month DESC, edge_id LIMIT 200",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let line = |row: Row| {
        let agreement = match row.our_days {
            None => Agreement::Waiting,
            Some(0) if row.days == 0 => Agreement::Nothing,
            Some(_) if row.same_rules != Some(true) => Agreement::OtherEngine,
            Some(days) if days != row.days => Agreement::Waiting,
            Some(_) if row.same_results == Some(true) => Agreement::Same,
            Some(_) => Agreement::Different,
        };
        Comparison {
            edge: row.edge_id,
            month: row.month,
            edge_days: row.days,
            cloud_days: row.our_days.unwrap_or(0),
            agreement,
            reported_at: row.reported_at,
        }
    };
    Ok(said.into_iter().map(line).collect())
}

/// Our result for the people of some sites in one month. Days are read one by one: a month of a large company is never in
/// memory.
///
/// # Errors
/// The database's.
pub async fn month_digest(
    tx: &mut TenantTx,
    sites: &[SiteId],
    month: NaiveDate,
) -> Result<MonthDigest, StoreError> {
    let company = tx.company();
    let mut rows = sqlx::query_as::<_, (NaiveDate, EmployeeId, Vec<u8>)>(
        "SELECT d.work_date, d.employee, d.digest FROM attendance_day d
         JOIN rec_employee e ON e.company_id = d.company_id AND e.key = d.employee
         WHERE d.company_id = $1 AND d.work_date >= $2 AND d.work_date < $3 AND NOT d.provisional
           AND e.site = ANY ($4)
         ORDER BY d.work_date, d.employee",
    )
    .bind(company)
    .bind(month)
    .bind(month + Months::new(1))
    .bind(sites)
    .fetch(tx.connection());
    let mut days = DayHasher::default();
    while let Some((date, employee, digest)) = rows.try_next().await? {
        days.day(date, employee, &digest);
    }
    Ok(days.finish())
}

/// The rules by which we work out the days of some sites.
async fn site_rules(tx: &mut TenantTx, sites: &[SiteId]) -> Result<String, StoreError> {
    let spans = attendance::site::spans(tx).await?;
    let known = spans.iter().filter(|(site, _)| sites.contains(site)).map(|(_, span)| span.rules.as_str());
    Ok(label_of_sites(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_edge_says_is_read_or_refused_whole() {
        let good = serde_json::json!({"attendance": {"engine": "e1", "months": {
            "2026-11": {"days": 3, "digest": "000102030405060708090a0b0c0d0e0f"}}}});
        let said = parse(&good).unwrap();
        assert_eq!(said.months.keys().next().unwrap().to_string(), "2026-11-01");
        for bad in [r#"{}"#, r#"{"attendance":{"engine":"e","months":{"2026-13":{"days":1,"digest":""}}}}"#] {
            assert_eq!(parse(&serde_json::from_str(bad).unwrap()), None);
        }
    }
}
