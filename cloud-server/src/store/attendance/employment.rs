//! Since when people are missed, and the dates from which that follows.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use shared_model::{ClockSerial, EmployeeId};
use shift_engine::Employment;
use shift_engine::employment::LONGEST_GAP_DAYS;
use uuid::Uuid;

use crate::store::{StoreError, TenantTx};

/// The length of a stretch as PostgreSQL takes it; see [`shift_engine::employment::stretch_end`].
fn stretch_days() -> i32 {
    i32::try_from(LONGEST_GAP_DAYS).unwrap_or(i32::MAX)
}

/// Dates on which each clock has punches, up to today wherever that is: first and last of each stretch.
///
/// # Errors
/// The database's.
pub async fn clock_dates(
    tx: &mut TenantTx,
    now: DateTime<Utc>,
) -> Result<HashMap<ClockSerial, Vec<NaiveDate>>, StoreError> {
    let today = now.date_naive();
    let rows: Vec<(String, NaiveDate, NaiveDate)> = sqlx::query_as(
        "WITH RECURSIVE stretch (serial, first, last) AS (
             SELECT c.serial, f.date, l.date
             FROM (SELECT DISTINCT serial FROM rec_device WHERE company_id = $1 AND serial IS NOT NULL) AS c,
             LATERAL (SELECT date FROM attendance_clock_date d
                      WHERE d.company_id = $1 AND d.serial = c.serial AND d.date <= $2 ORDER BY date LIMIT 1) AS f,
             LATERAL (SELECT date FROM attendance_clock_date d
                      WHERE d.company_id = $1 AND d.serial = c.serial AND d.date <= least(f.date + $3, $2)
                      ORDER BY date DESC LIMIT 1) AS l
             UNION ALL
             SELECT s.serial, f.date, l.date
             FROM stretch s,
             LATERAL (SELECT date FROM attendance_clock_date d
                      WHERE d.company_id = $1 AND d.serial = s.serial AND d.date > s.last AND d.date <= $2
                      ORDER BY date LIMIT 1) AS f,
             LATERAL (SELECT date FROM attendance_clock_date d
                      WHERE d.company_id = $1 AND d.serial = s.serial AND d.date <= least(f.date + $3, $2)
                      ORDER BY date DESC LIMIT 1) AS l
         )
         SELECT serial, first, last FROM stretch",
    )
    .bind(tx.company())
    .bind(today.checked_add_days(Days::new(1)).unwrap_or(today))
    .bind(stretch_days())
    .fetch_all(tx.connection())
    .await?;
    let mut found: HashMap<ClockSerial, Vec<NaiveDate>> = HashMap::new();
    for (serial, first, last) in rows {
        if let Ok(serial) = ClockSerial::parse(&serial) {
            found.entry(serial).or_default().extend([first, last]);
        }
    }
    Ok(found)
}

/// Dates on which people punched, of each up to a date: first and last of each stretch.
///
/// # Errors
/// The database's.
pub async fn punched_dates(
    tx: &mut TenantTx,
    people: &[(EmployeeId, NaiveDate)],
) -> Result<HashMap<EmployeeId, Vec<NaiveDate>>, StoreError> {
    let rows: Vec<(EmployeeId, NaiveDate, NaiveDate)> = sqlx::query_as(
        "WITH RECURSIVE stretch (employee, until, first, last) AS (
             SELECT a.employee, a.until, f.work_date, l.work_date
             FROM unnest($2::uuid[], $3::date[]) AS a (employee, until),
             LATERAL (SELECT work_date FROM day_punch p
                      WHERE p.company_id = $1 AND p.employee = a.employee AND p.work_date <= a.until AND p.part <> 'void'
                      ORDER BY work_date LIMIT 1) AS f,
             LATERAL (SELECT work_date FROM day_punch p
                      WHERE p.company_id = $1 AND p.employee = a.employee AND p.part <> 'void'
                            AND p.work_date <= least(f.work_date + $4, a.until)
                      ORDER BY work_date DESC LIMIT 1) AS l
             UNION ALL
             SELECT s.employee, s.until, f.work_date, l.work_date
             FROM stretch s,
             LATERAL (SELECT work_date FROM day_punch p
                      WHERE p.company_id = $1 AND p.employee = s.employee AND p.part <> 'void'
                            AND p.work_date > s.last AND p.work_date <= s.until
                      ORDER BY work_date LIMIT 1) AS f,
             LATERAL (SELECT work_date FROM day_punch p
                      WHERE p.company_id = $1 AND p.employee = s.employee AND p.part <> 'void'
                            AND p.work_date <= least(f.work_date + $4, s.until)
                      ORDER BY work_date DESC LIMIT 1) AS l
         )
         SELECT employee, first, last FROM stretch ORDER BY employee, first",
    )
    .bind(tx.company())
    .bind(people.iter().map(|(employee, _)| employee.uuid()).collect::<Vec<_>>())
    .bind(people.iter().map(|(_, until)| *until).collect::<Vec<_>>())
    .bind(stretch_days())
    .fetch_all(tx.connection())
    .await?;
    let mut found: HashMap<EmployeeId, Vec<NaiveDate>> = HashMap::new();
    for (employee, first, last) in rows {
        found.entry(employee).or_default().extend([first, last]);
    }
    Ok(found)
}

/// What was known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Since when the person is missed, as the days are worked out; `None` = they never were.
    pub employment: Option<Employment>,
    /// The date of the oldest record.
    pub oldest_record: Option<NaiveDate>,
}

/// What was known of people.
///
/// # Errors
/// The database's.
pub async fn known(
    tx: &mut TenantTx,
    people: &[EmployeeId],
) -> Result<HashMap<EmployeeId, Known>, StoreError> {
    type Row = (EmployeeId, Option<NaiveDate>, Option<NaiveDate>, Option<NaiveDate>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.employee, e.counted_from, e.joined,
                (SELECT min(d.work_date) FROM attendance_day d
                 WHERE d.company_id = $1 AND d.employee = a.employee)
         FROM unnest($2::uuid[]) AS a (employee)
         LEFT JOIN attendance_employment e ON e.company_id = $1 AND e.employee = a.employee",
    )
    .bind(tx.company())
    .bind(people.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
    .fetch_all(tx.connection())
    .await?;
    let known = |(employee, counted_from, joined, oldest_record): Row| {
        let employment = counted_from.map(|counted_from| Employment { counted_from, joined });
        (employee, Known { employment, oldest_record })
    };
    Ok(rows.into_iter().map(known).collect())
}

/// Keeps since when people are missed.
///
/// # Errors
/// The database's.
pub async fn keep(tx: &mut TenantTx, people: &[(EmployeeId, Employment)]) -> Result<(), StoreError> {
    if people.is_empty() {
        return Ok(());
    }
    let mut people = people.to_vec();
    people.sort_by_key(|(employee, _)| *employee);
    sqlx::query(
        "INSERT INTO attendance_employment AS e (company_id, employee, counted_from, joined)
         SELECT $1, * FROM unnest($2::uuid[], $3::date[], $4::date[])
         ON CONFLICT (company_id, employee) DO UPDATE SET
             counted_from = excluded.counted_from, joined = excluded.joined
         WHERE (e.counted_from, e.joined) IS DISTINCT FROM (excluded.counted_from, excluded.joined)",
    )
    .bind(tx.company())
    .bind(people.iter().map(|(employee, _)| employee.uuid()).collect::<Vec<_>>())
    .bind(people.iter().map(|(_, employment)| employment.counted_from).collect::<Vec<_>>())
    .bind(people.iter().map(|(_, employment)| employment.joined).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
