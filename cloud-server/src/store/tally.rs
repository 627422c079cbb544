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
