//! What is known of each site's attendance.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::{ClockSerial, SiteId};
use shift_engine::Instant;

use crate::store::{StoreError, TenantTx};

/// For which dates everybody of a site has been asked for, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSpan {
    /// The first date.
    pub since: NaiveDate,
    /// The last.
    pub until: NaiveDate,
    /// The rules in short: [`shift_engine::Rulebook::label`].
    pub rules: String,
}

/// What is known of each site.
///
/// # Errors
/// The database's.
pub async fn spans(tx: &mut TenantTx) -> Result<HashMap<SiteId, SiteSpan>, StoreError> {
    let rows: Vec<(SiteId, NaiveDate, NaiveDate, String)> =
        sqlx::query_as("SELECT site, since, until, rules FROM attendance_site WHERE company_id = $1")
            .bind(tx.company())
            .fetch_all(tx.connection())
            .await?;
    Ok(rows.into_iter().map(|(site, since, until, rules)| (site, SiteSpan { since, until, rules })).collect())
}

/// Keeps what is known of a site.
///
/// # Errors
/// The database's.
pub async fn keep(tx: &mut TenantTx, site: SiteId, span: &SiteSpan) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attendance_site (company_id, site, since, until, rules) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (company_id, site) DO UPDATE SET
             since = excluded.since, until = excluded.until, rules = excluded.rules",
    )
    .bind(tx.company())
    .bind(site)
    .bind(span.since)
    .bind(span.until)
    .bind(&span.rules)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Up to where each clock has been read, by whichever edge read it furthest.
///
/// # Errors
/// The database's.
pub async fn read_to(tx: &mut TenantTx) -> Result<HashMap<ClockSerial, Instant>, StoreError> {
    let rows: Vec<(String, DateTime<Utc>)> =
        sqlx::query_as("SELECT serial, max(through) FROM watermark WHERE company_id = $1 GROUP BY serial")
            .bind(tx.company())
            .fetch_all(tx.connection())
            .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(serial, through)| Some((ClockSerial::parse(&serial).ok()?, Instant::from(through))))
        .collect())
}
