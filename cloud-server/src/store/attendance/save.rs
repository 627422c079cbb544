//! What the engine gave, into the database.

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::EmployeeId;
use shift_engine::{DayRecord, DayState, Instant, PeriodRecord, PunchRow, Recomputed, Seconds};

use crate::store::{StoreError, TenantTx};

/// Stores what was worked out for some people.
///
/// # Errors
/// The database's.
pub async fn people(tx: &mut TenantTx, done: &[Recomputed], now: DateTime<Utc>) -> Result<(), StoreError> {
    days(tx, done, now).await?;
    gone(tx, done).await?;
    punches(tx, done).await?;
    periods(tx, done, now).await?;
    empty_periods(tx, done).await
}

fn utc(at: Option<Instant>) -> Option<DateTime<Utc>> {
    at.map(Instant::to_utc)
}

async fn days(tx: &mut TenantTx, done: &[Recomputed], now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut all: Vec<(&Recomputed, &DayRecord)> =
        done.iter().flat_map(|person| person.changed.iter().map(move |day| (person, day))).collect();
    // One order everywhere, so that two transactions cannot wait for each other.
    all.sort_by_key(|(person, day)| (day.date, person.employee));
    if all.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&DayRecord) -> Seconds| all.iter().map(|(_, day)| of(day).get()).collect::<Vec<_>>();
    let scheduled = |day: &DayRecord| -> Seconds {
        day.shifts.iter().filter_map(|part| Some(part.scheduled_end? - part.scheduled_start?)).sum()
    };
    let json = |day: &DayRecord| String::from_utf8(day.canonical().split_off(1)).unwrap_or_default();
    sqlx::query(
        "INSERT INTO attendance_day (company_id, work_date, employee, status, provisional, shift, first_in, last_out,
             scheduled_seconds, worked_seconds, late_seconds, early_seconds, overtime_seconds, record, digest, engine,
             closes_at, settles_at, computed_at)
         SELECT $1, a.*, $19 FROM unnest($2::date[], $3::uuid[], $4::text[], $5::boolean[], $6::uuid[],
             $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
             $13::bigint[], $14::text[], $15::bytea[], $16::text[], $17::timestamptz[], $18::timestamptz[]) AS a
         ON CONFLICT (company_id, work_date, employee) DO UPDATE SET
             status = excluded.status, provisional = excluded.provisional, shift = excluded.shift,
             first_in = excluded.first_in, last_out = excluded.last_out,
             scheduled_seconds = excluded.scheduled_seconds, worked_seconds = excluded.worked_seconds,
             late_seconds = excluded.late_seconds, early_seconds = excluded.early_seconds,
             overtime_seconds = excluded.overtime_seconds, record = excluded.record, digest = excluded.digest,
             engine = excluded.engine, closes_at = excluded.closes_at, settles_at = excluded.settles_at,
             computed_at = excluded.computed_at",
    )
    .bind(tx.company())
    .bind(all.iter().map(|(_, day)| day.date).collect::<Vec<_>>())
    .bind(all.iter().map(|(person, _)| person.employee).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.status.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.state == DayState::Provisional).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.shifts.first().and_then(|part| part.shift)).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| utc(day.first_in)).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| utc(day.last_out)).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| scheduled(day).get()).collect::<Vec<_>>())
    .bind(column(|day| day.figures.worked))
    .bind(column(|day| day.figures.late))
    .bind(column(|day| day.figures.early))
    .bind(column(|day| day.overtime.counted))
    .bind(all.iter().map(|(_, day)| json(day)).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.digest().as_bytes().to_vec()).collect::<Vec<_>>())
    .bind(all.iter().map(|(person, _)| person.engine.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.closes.to_utc()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, day)| day.settles.to_utc()).collect::<Vec<_>>())
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn gone(tx: &mut TenantTx, done: &[Recomputed]) -> Result<(), StoreError> {
    let all: Vec<(EmployeeId, NaiveDate)> =
        done.iter().flat_map(|person| person.gone.iter().map(|date| (person.employee, *date))).collect();
    if all.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM attendance_day d USING unnest($2::uuid[], $3::date[]) AS a (employee, work_date)
         WHERE d.company_id = $1 AND d.employee = a.employee AND d.work_date = a.work_date",
    )
    .bind(tx.company())
    .bind(all.iter().map(|(employee, _)| *employee).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, date)| *date).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn empty_periods(tx: &mut TenantTx, done: &[Recomputed]) -> Result<(), StoreError> {
    let all: Vec<(EmployeeId, &PeriodRecord)> = done
        .iter()
        .flat_map(|person| person.empty_periods.iter().map(move |period| (person.employee, period)))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM attendance_period p
         USING unnest($2::uuid[], $3::text[], $4::date[], $5::date[]) AS a (employee, kind, period_from, period_to)
         WHERE p.company_id = $1 AND p.employee = a.employee AND p.kind = a.kind
               AND p.period_from = a.period_from AND p.period_to = a.period_to",
    )
    .bind(tx.company())
    .bind(all.iter().map(|(employee, _)| *employee).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.kind.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.from).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.to).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn punches(tx: &mut TenantTx, done: &[Recomputed]) -> Result<(), StoreError> {
    let lost: Vec<_> =
        done.iter().flat_map(|person| person.lost.iter().map(|punch| (person.employee, punch.id))).collect();
    if !lost.is_empty() {
        sqlx::query(
            "DELETE FROM day_punch p USING unnest($2::uuid[], $3::uuid[]) AS a (employee, punch_id)
             WHERE p.company_id = $1 AND p.punch_id = a.punch_id AND p.employee = a.employee",
        )
        .bind(tx.company())
        .bind(lost.iter().map(|(employee, _)| *employee).collect::<Vec<_>>())
        .bind(lost.iter().map(|(_, punch)| punch.uuid()).collect::<Vec<_>>())
        .execute(tx.connection())
        .await?;
    }
    let mut all: Vec<(EmployeeId, PunchRow)> =
        done.iter().flat_map(|person| person.punches.iter().map(|row| (person.employee, *row))).collect();
    all.sort_by_key(|(employee, row)| (*employee, row.date, row.id));
    if all.is_empty() {
        return Ok(());
    }
    let employees: Vec<_> = all.iter().map(|(employee, _)| *employee).collect();
    let dates: Vec<_> = all.iter().map(|(_, row)| row.date).collect();
    let ids: Vec<_> = all.iter().map(|(_, row)| row.id.uuid()).collect();
    sqlx::query(
        "DELETE FROM day_punch p
         USING unnest($2::uuid[], $3::date[], $4::uuid[]) AS a (employee, work_date, punch_id)
         WHERE p.company_id = $1 AND p.punch_id = a.punch_id AND p.employee = a.employee
               AND p.work_date <> a.work_date",
    )
    .bind(tx.company())
    .bind(&employees)
    .bind(&dates)
    .bind(&ids)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "INSERT INTO day_punch AS p (company_id, employee, work_date, punch_id, part)
         SELECT $1, * FROM unnest($2::uuid[], $3::date[], $4::uuid[], $5::text[])
         ON CONFLICT (company_id, employee, work_date, punch_id) DO UPDATE SET part = excluded.part
         WHERE p.part <> excluded.part",
    )
    .bind(tx.company())
    .bind(&employees)
    .bind(&dates)
    .bind(&ids)
    .bind(all.iter().map(|(_, row)| row.role.as_str()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn periods(tx: &mut TenantTx, done: &[Recomputed], now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut all: Vec<(&Recomputed, &PeriodRecord)> =
        done.iter().flat_map(|person| person.periods.iter().map(move |period| (person, period))).collect();
    all.sort_by_key(|(person, period)| (person.employee, period.kind, period.from, period.to));
    all.dedup_by_key(|(person, period)| (person.employee, period.kind, period.from, period.to));
    if all.is_empty() {
        return Ok(());
    }
    let canonical: Vec<Vec<u8>> = all.iter().map(|(_, period)| period.canonical()).collect();
    let json = |bytes: &Vec<u8>| std::str::from_utf8(&bytes[1..]).unwrap_or_default().to_owned();
    sqlx::query(
        "INSERT INTO attendance_period AS p (company_id, employee, kind, period_from, period_to, provisional, record,
             digest, engine, computed_at)
         SELECT $1, a.*, $10 FROM unnest($2::uuid[], $3::text[], $4::date[], $5::date[], $6::boolean[], $7::text[],
             $8::bytea[], $9::text[]) AS a
         ON CONFLICT (company_id, employee, kind, period_from, period_to) DO UPDATE SET
             provisional = excluded.provisional, record = excluded.record, digest = excluded.digest,
             engine = excluded.engine, computed_at = excluded.computed_at
         WHERE p.digest <> excluded.digest",
    )
    .bind(tx.company())
    .bind(all.iter().map(|(person, _)| person.employee).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.kind.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.from).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.to).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, period)| period.state == DayState::Provisional).collect::<Vec<_>>())
    .bind(canonical.iter().map(json).collect::<Vec<_>>())
    .bind(canonical.iter().map(|bytes| blake3::hash(bytes).as_bytes().to_vec()).collect::<Vec<_>>())
    .bind(all.iter().map(|(person, _)| person.engine.as_str()).collect::<Vec<_>>())
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}
