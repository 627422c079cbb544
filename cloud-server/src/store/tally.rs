//! Punches per clock, as the ledger's transactions counted them.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{StoreError, TenantTx};

/// One clock's punches in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClockTally {
    /// The clock's serial.
    pub serial: String,
    /// Its punches.
    pub punches: i64,
    /// The newest of them.
    pub last_instant: DateTime<Utc>,
    /// Rows of its log that an edge has read, as the furthest watermark says.
    pub position: Option<i64>,
    /// The newest raw time among those.
    pub raw_time: Option<NaiveDateTime>,
    /// Every punch before this instant has been read.
    pub through: Option<DateTime<Utc>>,
}

/// A clock of the company: one that has a record, or punches.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClockRow {
    /// The clock's serial.
    pub serial: String,
    /// What it is called, where it has a record.
    pub name: Option<String>,
    /// The site where it hangs, where it has a record.
    pub site: Option<String>,
    /// Its punches in the ledger.
    pub punches: i64,
    /// Every punch before this instant has been read.
    pub through: Option<DateTime<Utc>>,
}

/// Every clock, by site and name.
///
/// # Errors
/// The database's.
pub async fn clocks(tx: &mut TenantTx) -> Result<Vec<ClockRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT serial, d.name, s.name AS site, coalesce(t.punches, 0) AS punches,
                (SELECT max(w.through) FROM watermark w WHERE w.company_id = $1 AND w.serial = known.serial) AS through
         FROM (SELECT serial FROM clock_tally WHERE company_id = $1
               UNION
               SELECT serial FROM rec_device
               WHERE company_id = $1 AND deleted_dot IS NULL AND state = 'active' AND serial IS NOT NULL) known
         LEFT JOIN clock_tally t USING (serial)
         LEFT JOIN rec_device d USING (serial)
         LEFT JOIN rec_site s ON s.company_id = d.company_id AND s.key = d.site
         WHERE (t.company_id IS NULL OR t.company_id = $1)
           AND (d.company_id IS NULL OR (d.company_id = $1 AND d.deleted_dot IS NULL))
         ORDER BY s.name NULLS LAST, d.name NULLS LAST, serial",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?)
}

/// Every clock with punches, by serial.
///
/// # Errors
/// The database's.
pub async fn by_clock(tx: &mut TenantTx) -> Result<Vec<ClockTally>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT t.serial, t.punches, t.last_instant, w.position, w.raw_time, w.through
         FROM clock_tally t
         LEFT JOIN LATERAL (
             SELECT position, raw_time, through FROM watermark w
             WHERE w.company_id = t.company_id AND w.serial = t.serial ORDER BY through DESC LIMIT 1
         ) w ON true
         WHERE t.company_id = $1 ORDER BY t.serial",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?)
}
