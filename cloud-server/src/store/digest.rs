//! Comparing what an edge computed with what the cloud computed.
//!
//! ```text
//! in a hello          "digest": {"attendance": {"engine": "…", "months": {"2026-11": {"days": 812, "digest": "<32 hex>"}}}}
//! ```
//!
//! How a month's days become a digest is [`shift_engine::digest`]. `engine` names engine, zone data and rules of the edge's
//! sites in short. A day is final when it is not provisional. The cloud takes the days of the people whose home is one of the edge's sites.
//! Equal counts with unequal digests are a fault; unequal counts mean that one side still waits for something.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde_json::Value;
use shared_model::{EdgeId, EmployeeId, SiteId};
use shift_engine::digest::{MonthDigest, label_of_sites, of_days};

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
    /// Other versions of the engine are not compared.
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

/// Keeps what an edge said, instead of what it said before of the same months.
///
/// # Errors
/// The database's.
pub async fn keep(
    tx: &mut TenantTx,
    edge: EdgeId,
    said: &Said,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
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
    .bind(said.months.keys().copied().collect::<Vec<_>>())
    .bind(said.months.values().map(|month| month.days).collect::<Vec<_>>())
    .bind(said.months.values().map(|month| month.digest.to_vec()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Compares the last months that each edge spoke of.
///
/// # Errors
/// The database's.
pub async fn compare(tx: &mut TenantTx) -> Result<Vec<Comparison>, StoreError> {
    type Row = (EdgeId, NaiveDate, i64, Vec<u8>, String, DateTime<Utc>);
    let said: Vec<Row> = sqlx::query_as(
        "SELECT edge_id, month, days, digest, engine, reported_at FROM edge_digest
         WHERE company_id = $1 ORDER BY month DESC, edge_id LIMIT 200",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let mut lines = Vec::with_capacity(said.len());
    for (edge, month, edge_days, digest, engine, reported_at) in said {
        let sites = edge::sites(tx, edge).await?;
        let ours = ours(tx, &sites, month).await?;
        let rules = site_rules(tx, &sites).await?;
        let agreement = if ours.days == 0 && edge_days == 0 {
            Agreement::Nothing
        } else if rules != engine {
            Agreement::OtherEngine
        } else if ours.days != edge_days {
            Agreement::Waiting
        } else if ours.digest.as_slice() == digest.as_slice() {
            Agreement::Same
        } else {
            Agreement::Different
        };
        lines.push(Comparison { edge, month, edge_days, cloud_days: ours.days, agreement, reported_at });
    }
    Ok(lines)
}

/// Our result for the people of some sites in one month.
async fn ours(tx: &mut TenantTx, sites: &[SiteId], month: NaiveDate) -> Result<MonthDigest, StoreError> {
    let days: Vec<(NaiveDate, EmployeeId, Vec<u8>)> = sqlx::query_as(
        "SELECT d.work_date, d.employee, d.digest FROM attendance_day d
         JOIN rec_employee e ON e.company_id = d.company_id AND e.key = d.employee
         WHERE d.company_id = $1 AND d.work_date >= $2 AND d.work_date < $3 AND NOT d.provisional
           AND e.site = ANY ($4)
         ORDER BY d.work_date, d.employee",
    )
    .bind(tx.company())
    .bind(month)
    .bind(month + Months::new(1))
    .bind(sites)
    .fetch_all(tx.connection())
    .await?;
    Ok(of_days(days.iter().map(|(date, employee, digest)| (*date, *employee, digest.as_slice()))))
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
