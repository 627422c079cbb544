//! Punches on their way down.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};
use shared_model::{EmployeeId, SiteId};
use sqlx::AssertSqlSafe;
use sync_protocol::message::FeedPunch;
use uuid::Uuid;

use super::super::{StoreError, TenantTx};

/// A punch beside the records.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Travelling {
    /// The site that needs it; `None` = every site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) site: Option<SiteId>,
    #[serde(flatten)]
    pub(super) punch: FeedPunch,
}

/// Sends punches to their owners' home sites where they were made at another site's clock.
pub(in crate::store) async fn send_home(
    tx: &mut TenantTx,
    owned: &[(EmployeeId, NaiveDate, PunchId)],
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT DISTINCT ON (l.punch_id) e.site AS home, {COLUMNS}
         FROM unnest($2::uuid[], $3::uuid[]) AS owned (employee, punch_id)
         JOIN rec_employee e ON e.company_id = $1 AND e.key = owned.employee AND e.deleted_dot IS NULL
         JOIN ledger l ON l.company_id = $1 AND l.punch_id = owned.punch_id
         JOIN rec_device d ON d.company_id = $1 AND d.serial = l.serial AND d.deleted_dot IS NULL
         WHERE d.site <> e.site ORDER BY l.punch_id"
    );
    let rows: Vec<Homeward> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(owned.iter().map(|(employee, ..)| employee.uuid()).collect::<Vec<_>>())
        .bind(owned.iter().map(|(.., punch)| punch.uuid()).collect::<Vec<_>>())
        .fetch_all(tx.connection())
        .await?;
    let mut punches = Vec::with_capacity(rows.len());
    for Homeward { home, row } in rows {
        punches.push((Some(home), FeedPunch::new(&row.read()?, 0)));
    }
    put_punches(tx, &punches).await
}

/// A punch and the site that its owner calls home.
#[derive(sqlx::FromRow)]
struct Homeward {
    home: SiteId,
    #[sqlx(flatten)]
    row: Row,
}

/// Puts punches into the feed, each for the site that needs it (`None` = every site). One that went down before does not
/// go again. The feed's counter is taken here: nothing but the commit should follow.
///
/// # Errors
/// The database's.
pub(in crate::store) async fn put_punches(
    tx: &mut TenantTx,
    punches: &[(Option<SiteId>, FeedPunch)],
) -> Result<(), StoreError> {
    if punches.is_empty() {
        return Ok(());
    }
    let first = super::take(tx, punches.len()).await?;
    let rows: Vec<serde_json::Value> = (first..)
        .zip(punches)
        .map(|(fseq, (site, punch))| {
            let row = Travelling { site: *site, punch: FeedPunch { fseq, ..punch.clone() } };
            serde_json::to_value(row).unwrap_or_default()
        })
        .collect();
    sqlx::query(
        "INSERT INTO feed_side (company_id, fseq, what, payload)
         SELECT $1, $2 + nth - 1, 'punch', payload FROM unnest($3::jsonb[]) WITH ORDINALITY AS t (payload, nth)
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(first)
    .bind(rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The columns of [`Row`], of `ledger l`. The raw bytes stay where they were received.
pub(super) const COLUMNS: &str = "l.punch_id, l.serial, l.user_code, l.raw_time, l.zone, l.instant, l.state, l.verify, \
     l.work_code, l.route, l.received_at";

/// A row of the ledger.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    punch_id: Uuid,
    serial: String,
    user_code: String,
    raw_time: NaiveDateTime,
    zone: String,
    instant: DateTime<Utc>,
    state: Option<i16>,
    verify: Option<i16>,
    work_code: String,
    route: i16,
    received_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn read(self) -> Result<Punch, StoreError> {
        let id = self.punch_id;
        let bad = |cause: String| StoreError::Corrupt { table: "ledger", id: id.to_string(), cause };
        let route = u8::try_from(self.route).ok().and_then(Route::from_number);
        let number = |value: Option<i16>| value.and_then(|value| u8::try_from(value).ok());
        Ok(Punch {
            id: PunchId::from_uuid(id),
            serial: ClockSerial::parse(&self.serial).map_err(|e| bad(e.to_string()))?,
            user_code: UserCode::parse(&self.user_code).map_err(|e| bad(e.to_string()))?,
            raw_time: RawTime::new(self.raw_time),
            zone: self.zone.parse().map_err(|_| bad(format!("the zone {:?} is unknown", self.zone)))?,
            instant: self.instant,
            reading: Reading {
                state: number(self.state),
                verify: number(self.verify),
                work_code: self.work_code.into(),
            },
            route: route.ok_or_else(|| bad(format!("the route {} is unknown", self.route)))?,
            received_at: self.received_at,
            raw: Box::default(),
        })
    }
}
