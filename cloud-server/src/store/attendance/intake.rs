//! From the ledger to people.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, EmployeeId, PunchId, RawTime, Route, UserCode};
use shift_engine::{Distribution, Instant, StoredPunch};
use uuid::Uuid;

use crate::store::{StoreError, TenantTx};

/// The columns of [`PunchRow`], of `ledger l`.
pub(super) const PUNCH: &str =
    "l.punch_id, l.serial, l.user_code, l.raw_time, l.instant, l.route, l.state, l.verify, l.work_code";

#[derive(Debug, sqlx::FromRow)]
pub(super) struct PunchRow {
    punch_id: Uuid,
    serial: String,
    user_code: String,
    raw_time: NaiveDateTime,
    instant: DateTime<Utc>,
    route: i16,
    state: Option<i16>,
    verify: Option<i16>,
    work_code: String,
}

impl PunchRow {
    pub(super) fn read(self) -> Result<StoredPunch, StoreError> {
        let id = self.punch_id;
        let bad = |cause: String| StoreError::Corrupt { table: "ledger", id: id.to_string(), cause };
        let route = u8::try_from(self.route).ok().and_then(Route::from_number);
        let number = |value: Option<i16>| value.and_then(|value| u8::try_from(value).ok());
        Ok(StoredPunch {
            id: PunchId::from_uuid(id),
            serial: ClockSerial::parse(&self.serial).map_err(|e| bad(e.to_string()))?,
            code: UserCode::parse(&self.user_code).map_err(|e| bad(e.to_string()))?,
            raw_time: RawTime::new(self.raw_time),
            instant: Instant::from(self.instant),
            route: route.ok_or_else(|| bad(format!("the route {} is unknown", self.route)))?,
            reading: Reading {
                state: number(self.state),
                verify: number(self.verify),
                work_code: self.work_code.into(),
            },
        })
    }
}

/// The punches at the places of the ledger stream that some entries of the queue name.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn punches_of_entries(tx: &mut TenantTx, entries: &[Uuid]) -> Result<Vec<StoredPunch>, StoreError> {
    let sql = format!(
        "SELECT {PUNCH} FROM recompute_queue q
         JOIN ledger_log g ON g.company_id = $1 AND g.origin = q.origin
              AND g.first_seq BETWEEN q.from_seq AND q.to_seq
         JOIN ledger l ON l.company_id = $1 AND l.punch_id = ANY (g.punch_ids)
         WHERE q.company_id = $1 AND q.entry_id = ANY ($2) AND q.scope = 'log'"
    );
    let rows: Vec<PunchRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(entries)
        .fetch_all(tx.connection())
        .await?;
    rows.into_iter().map(PunchRow::read).collect()
}

/// Sends punches to their owners' home sites where they were made at another site's clock: the edges there work the people
/// out. Takes places of the feed, so that nothing but the commit should follow.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn send_home(
    tx: &mut TenantTx,
    owned: &[(EmployeeId, NaiveDate, PunchId)],
) -> Result<(), StoreError> {
    crate::store::feed::punch::send_home(tx, owned).await
}

/// A code with punches that were nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The code.
    pub code: UserCode,
    /// The first raw time of such a punch, and the last.
    pub span: (RawTime, RawTime),
}

/// The codes with punches that were nobody's.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn strays(tx: &mut TenantTx) -> Result<Vec<Stray>, StoreError> {
    let rows: Vec<(String, NaiveDateTime, NaiveDateTime)> = sqlx::query_as(
        "SELECT user_code, raw_from, raw_to FROM attendance_stray WHERE company_id = $1 ORDER BY user_code",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let read = |(code, from, to): (String, NaiveDateTime, NaiveDateTime)| {
        let bad = |e: shared_model::text::BadText| StoreError::Corrupt {
            table: "attendance_stray",
            id: code.clone(),
            cause: e.to_string(),
        };
        let parsed = UserCode::parse(&code).map_err(bad)?;
        Ok(Stray { code: parsed, span: (RawTime::new(from), RawTime::new(to)) })
    };
    rows.into_iter().map(read).collect()
}

/// Punches of these codes after one place of the ledger up to a raw time, and the place to go on from; looks at no more
/// than `look` rows.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn punches_of_codes(
    tx: &mut TenantTx,
    codes: &[String],
    after: PunchId,
    to: RawTime,
    look: i64,
) -> Result<(Vec<StoredPunch>, Option<PunchId>), StoreError> {
    let end = RawTime::from_seconds(to.seconds() + 1).unwrap_or(to);
    let last: Option<Uuid> = sqlx::query_scalar(
        "SELECT punch_id FROM ledger WHERE company_id = $1 AND punch_id > $2 AND punch_id < $3
         ORDER BY punch_id OFFSET $4 LIMIT 1",
    )
    .bind(tx.company())
    .bind(after.uuid())
    .bind(PunchId::lower_bound(end).uuid())
    .bind(look)
    .fetch_optional(tx.connection())
    .await?;
    let sql = format!(
        "SELECT {PUNCH} FROM ledger l
         WHERE l.company_id = $1 AND l.punch_id > $2 AND l.punch_id <= $3 AND l.user_code = ANY ($4)"
    );
    let rows: Vec<PunchRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(after.uuid())
        .bind(last.unwrap_or(PunchId::lower_bound(end).uuid()))
        .bind(codes)
        .fetch_all(tx.connection())
        .await?;
    let punches = rows.into_iter().map(PunchRow::read).collect::<Result<_, _>>()?;
    Ok((punches, last.map(PunchId::from_uuid)))
}

/// Puts punches to their owners.
///
/// # Errors
/// The database's.
pub async fn distribute(tx: &mut TenantTx, found: &Distribution) -> Result<(), StoreError> {
    let company = tx.company();
    sqlx::query(
        "INSERT INTO day_punch (company_id, employee, work_date, punch_id, part)
         SELECT $1, a.employee, a.work_date, a.punch_id, ''
         FROM unnest($2::uuid[], $3::date[], $4::uuid[]) AS a (employee, work_date, punch_id)
         WHERE NOT EXISTS (SELECT FROM day_punch p WHERE p.company_id = $1 AND p.punch_id = a.punch_id
                           AND p.employee = a.employee)
         ORDER BY a.employee, a.work_date, a.punch_id
         ON CONFLICT DO NOTHING",
    )
    .bind(company)
    .bind(found.owned.iter().map(|(employee, ..)| employee.uuid()).collect::<Vec<_>>())
    .bind(found.owned.iter().map(|(_, date, _)| *date).collect::<Vec<NaiveDate>>())
    .bind(found.owned.iter().map(|(.., punch)| punch.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "INSERT INTO attendance_stray AS s (company_id, user_code, raw_from, raw_to)
         SELECT $1, * FROM unnest($2::text[], $3::timestamp[], $4::timestamp[])
         ON CONFLICT (company_id, user_code) DO UPDATE SET
             raw_from = least(s.raw_from, excluded.raw_from), raw_to = greatest(s.raw_to, excluded.raw_to)",
    )
    .bind(company)
    .bind(found.strays.keys().map(UserCode::to_string).collect::<Vec<_>>())
    .bind(found.strays.values().map(|(from, _)| from.wall()).collect::<Vec<_>>())
    .bind(found.strays.values().map(|(_, to)| to.wall()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    let dates =
        || found.dates.iter().flat_map(|(serial, dates)| dates.iter().map(move |date| (serial, *date)));
    sqlx::query(
        "INSERT INTO attendance_clock_date (company_id, serial, date)
         SELECT $1, * FROM unnest($2::text[], $3::date[]) ON CONFLICT DO NOTHING",
    )
    .bind(company)
    .bind(dates().map(|(serial, _)| serial.to_string()).collect::<Vec<_>>())
    .bind(dates().map(|(_, date)| date).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets strays that have been looked for, unless there are more of them since.
///
/// # Errors
/// The database's.
pub async fn strays_settled(tx: &mut TenantTx, strays: &[Stray]) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM attendance_stray s
         USING unnest($2::text[], $3::timestamp[], $4::timestamp[]) AS a (user_code, raw_from, raw_to)
         WHERE s.company_id = $1 AND s.user_code = a.user_code AND s.raw_from = a.raw_from AND s.raw_to = a.raw_to",
    )
    .bind(tx.company())
    .bind(strays.iter().map(|stray| stray.code.to_string()).collect::<Vec<_>>())
    .bind(strays.iter().map(|stray| stray.span.0.wall()).collect::<Vec<_>>())
    .bind(strays.iter().map(|stray| stray.span.1.wall()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
