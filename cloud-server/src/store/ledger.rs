//! The ledger: set-based inserts, one statement for all punches of a batch.

mod columns;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use shared_model::UserCode;
use sqlx::error::DatabaseError;
use sync_protocol::cloud::LedgerRow;
use sync_protocol::{LedgerEntry, Observation, Watermark};
use uuid::Uuid;

use self::columns::{Columns, Placed, Runs, Spread};
use super::recompute::{self, DateSpan, Scope};
use super::{StoreError, TenantTx};

/// Stores a batch: punches and their delivery, other readings, watermarks, and what must be worked out again.
pub(super) async fn store(
    tx: &mut TenantTx,
    rows: &[LedgerRow<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut punches = Vec::with_capacity(rows.len());
    let mut observations = Vec::new();
    let mut watermarks = Vec::new();
    for row in rows {
        match row.entry {
            LedgerEntry::Punch(punch) => punches.push((row, punch)),
            LedgerEntry::Observation(seen) => observations.push(seen),
            LedgerEntry::Watermark(mark) => watermarks.push((row.origin.number(), mark)),
        }
    }
    if !punches.is_empty() {
        store_punches(tx, &punches, now).await?;
    }
    if !observations.is_empty() {
        store_observations(tx, &observations, now).await?;
    }
    if !watermarks.is_empty() {
        store_watermarks(tx, &watermarks).await?;
    }
    Ok(())
}

/// Nearly every batch is all new. That is taken for granted first, because a row that need not be looked for is stored a
/// good deal faster. A batch that holds a repeat is stored again, row by row for what each is.
async fn store_punches(tx: &mut TenantTx, rows: &[Placed<'_>], now: DateTime<Utc>) -> Result<(), StoreError> {
    let (columns, runs) = (&Columns::of(rows), &Runs::of(rows));
    if rows.len() >= WORTH_A_TRY && add_new(tx, columns, runs, now).await? {
        return Ok(());
    }
    let added = add_missing(tx, columns, runs, now).await?;
    if usize::try_from(added) == Ok(columns.id.len()) {
        return Ok(());
    }
    check_repeats(tx, columns).await?;
    keep_other_readings(tx, columns, now).await
}

/// Rows from which what [`add_new`] saves is more than its savepoint costs.
const WORTH_A_TRY: usize = 200;

/// Adds punches none of which is in the ledger; `false`, and nothing done, where one is.
async fn add_new(
    tx: &mut TenantTx,
    columns: &Columns<'_>,
    runs: &Runs,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // The end of the transaction releases it.
    sqlx::raw_sql("SAVEPOINT new_punches").execute(tx.connection()).await?;
    let tallies = columns.tallies();
    let [serial, zone, work_code] =
        [&columns.serial, &columns.zone, &columns.work_code].map(|text| Spread::of(text));
    let done = sqlx::query(
        "WITH logged AS (
             INSERT INTO ledger_log (company_id, origin, first_seq, punch_ids)
             SELECT $1, origin, first_seq, ($18::uuid[])[from_row:to_row]
             FROM unnest($13::bigint[], $14::bigint[], $15::int[], $16::int[])
                  AS run (origin, first_seq, from_row, to_row)
         ), tallied AS (
             INSERT INTO clock_tally AS t (company_id, serial, punches, last_instant)
             SELECT $1, * FROM unnest($19::text[], $20::bigint[], $21::timestamptz[])
             ON CONFLICT (company_id, serial) DO UPDATE
             SET punches = t.punches + excluded.punches, last_instant = greatest(t.last_instant, excluded.last_instant)
         ), queued AS (
             INSERT INTO recompute_queue (company_id, entry_id, scope, key, origin, from_seq, to_seq, queued_at)
             SELECT $1, gen_random_uuid(), 'log', '', origin, min(first_seq), max(first_seq + to_row - from_row), $17
             FROM unnest($13::bigint[], $14::bigint[], $15::int[], $16::int[])
                  AS run (origin, first_seq, from_row, to_row)
             GROUP BY origin
         )
         INSERT INTO ledger (company_id, punch_id, serial, user_code, raw_time, zone, instant, state, verify,
             work_code, route, received_at)
         SELECT $1, punch_id, coalesce($22, serial), user_code, raw_time, coalesce($23, zone), instant, state, verify,
             coalesce($24, work_code), route, received_at
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamp[], $6::text[], $7::timestamptz[],
             $8::smallint[], $9::smallint[], $10::text[], $11::smallint[], $12::timestamptz[])
             AS sent (punch_id, serial, user_code, raw_time, zone, instant, state, verify, work_code, route,
                      received_at)",
    )
    .bind(tx.company())
    .bind(&columns.id)
    .bind(serial.each)
    .bind(&columns.user_code)
    .bind(&columns.raw_time)
    .bind(zone.each)
    .bind(&columns.instant)
    .bind(&columns.state)
    .bind(&columns.verify)
    .bind(work_code.each)
    .bind(&columns.route)
    .bind(&columns.received_at)
    .bind(&runs.origin)
    .bind(&runs.first_seq)
    .bind(&runs.from_row)
    .bind(&runs.to_row)
    .bind(now)
    .bind(&runs.ids)
    .bind(tallies.keys().copied().collect::<Vec<_>>())
    .bind(tallies.values().map(|tally| tally.punches).collect::<Vec<_>>())
    .bind(tallies.values().map(|tally| tally.last_instant).collect::<Vec<_>>())
    .bind(serial.all)
    .bind(zone.all)
    .bind(work_code.all)
    .execute(tx.connection())
    .await;
    match done {
        Ok(done) if usize::try_from(done.rows_affected()) == Ok(columns.id.len()) => Ok(true),
        Ok(_) => check_repeats(tx, columns).await.map(|()| true),
        Err(error) if error.as_database_error().is_some_and(DatabaseError::is_unique_violation) => {
            sqlx::raw_sql("ROLLBACK TO SAVEPOINT new_punches").execute(tx.connection()).await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Adds the punches that are not in the ledger yet; says how many.
async fn add_missing(
    tx: &mut TenantTx,
    columns: &Columns<'_>,
    runs: &Runs,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "WITH added AS (
             INSERT INTO ledger (company_id, punch_id, serial, user_code, raw_time, zone, instant, state, verify,
                 work_code, route, received_at)
             SELECT $1, *
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamp[], $6::text[], $7::timestamptz[],
                 $8::smallint[], $9::smallint[], $10::text[], $11::smallint[], $12::timestamptz[])
                 AS sent (punch_id, serial, user_code, raw_time, zone, instant, state, verify, work_code, route,
                          received_at)
             ON CONFLICT DO NOTHING
             RETURNING serial, instant
         ), logged AS (
             INSERT INTO ledger_log (company_id, origin, first_seq, punch_ids)
             SELECT $1, origin, first_seq, ($18::uuid[])[from_row:to_row]
             FROM unnest($13::bigint[], $14::bigint[], $15::int[], $16::int[])
                  AS run (origin, first_seq, from_row, to_row)
         ), tallied AS (
             INSERT INTO clock_tally AS t (company_id, serial, punches, last_instant)
             SELECT $1, serial, count(*), max(instant) FROM added GROUP BY serial ORDER BY serial
             ON CONFLICT (company_id, serial) DO UPDATE
             SET punches = t.punches + excluded.punches, last_instant = greatest(t.last_instant, excluded.last_instant)
         ), queued AS (
             INSERT INTO recompute_queue (company_id, entry_id, scope, key, origin, from_seq, to_seq, queued_at)
             SELECT $1, gen_random_uuid(), 'log', '', origin, min(first_seq), max(first_seq + to_row - from_row), $17
             FROM unnest($13::bigint[], $14::bigint[], $15::int[], $16::int[])
                  AS run (origin, first_seq, from_row, to_row)
             WHERE EXISTS (SELECT FROM added) GROUP BY origin
         )
         SELECT count(*) FROM added",
    )
    .bind(tx.company())
    .bind(&columns.id)
    .bind(&columns.serial)
    .bind(&columns.user_code)
    .bind(&columns.raw_time)
    .bind(&columns.zone)
    .bind(&columns.instant)
    .bind(&columns.state)
    .bind(&columns.verify)
    .bind(&columns.work_code)
    .bind(&columns.route)
    .bind(&columns.received_at)
    .bind(&runs.origin)
    .bind(&runs.first_seq)
    .bind(&runs.from_row)
    .bind(&runs.to_row)
    .bind(now)
    .bind(&runs.ids)
    .fetch_one(tx.connection())
    .await?)
}

/// Every row sent must now be in the ledger, added or there already. A row that is neither was hidden by row-level
/// security: that would be a lost punch, and nothing may be acknowledged.
async fn check_repeats(tx: &mut TenantTx, columns: &Columns<'_>) -> Result<(), StoreError> {
    let sent: BTreeSet<Uuid> = columns.id.iter().copied().collect();
    let there: i64 =
        sqlx::query_scalar("SELECT count(*) FROM ledger WHERE company_id = $1 AND punch_id = ANY ($2)")
            .bind(tx.company())
            .bind(sent.iter().copied().collect::<Vec<_>>())
            .fetch_one(tx.connection())
            .await?;
    if usize::try_from(there) == Ok(sent.len()) {
        return Ok(());
    }
    tracing::error!(sent = sent.len(), there, "punches vanished on their way into the ledger");
    Err(StoreError::Vanished { sent: sent.len(), there })
}

/// A repeat whose reading differs from the ledger's (another edge, another route) is kept as an observation.
async fn keep_other_readings(
    tx: &mut TenantTx,
    columns: &Columns<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let changed: Vec<(String, NaiveDateTime)> = sqlx::query_as(
        "WITH other AS (
             SELECT s.*, l.user_code, l.raw_time
             FROM unnest($2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::text[], $7::timestamptz[])
                  AS s (punch_id, route, state, verify, work_code, received_at)
             JOIN ledger l ON l.company_id = $1 AND l.punch_id = s.punch_id
             WHERE (l.route, l.state, l.verify, l.work_code) IS DISTINCT FROM (s.route, s.state, s.verify, s.work_code)
         ), kept AS (
             INSERT INTO observation (company_id, punch_id, route, state, verify, work_code, received_at)
             SELECT $1, punch_id, route, coalesce(state, -1), coalesce(verify, -1), work_code, received_at FROM other
             ORDER BY punch_id
             ON CONFLICT DO NOTHING RETURNING punch_id
         )
         SELECT DISTINCT user_code, raw_time FROM other WHERE punch_id IN (SELECT punch_id FROM kept)",
    )
    .bind(tx.company())
    .bind(&columns.id)
    .bind(&columns.route)
    .bind(&columns.state)
    .bind(&columns.verify)
    .bind(&columns.work_code)
    .bind(&columns.received_at)
    .fetch_all(tx.connection())
    .await?;
    let days = changed.into_iter().filter_map(|(code, at)| Some((UserCode::parse(&code).ok()?, at.date())));
    ask_for_codes(tx, days.collect(), now).await
}

async fn ask_for_codes(
    tx: &mut TenantTx,
    days: BTreeSet<(UserCode, NaiveDate)>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let asked: Vec<_> =
        days.into_iter().map(|(code, date)| (Scope::Code(code), DateSpan::day(date))).collect();
    recompute::ask(tx, &asked, now).await
}

async fn store_observations(
    tx: &mut TenantTx,
    seen: &[&Observation],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let number = |value: Option<u8>| value.map_or(-1, i16::from);
    sqlx::query(
        "INSERT INTO observation (company_id, punch_id, route, state, verify, work_code, received_at)
         SELECT $1, * FROM unnest($2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[], $6::text[],
             $7::timestamptz[])
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(seen.iter().map(|o| o.punch.uuid()).collect::<Vec<_>>())
    .bind(seen.iter().map(|o| i16::from(o.route.number())).collect::<Vec<_>>())
    .bind(seen.iter().map(|o| number(o.reading.state)).collect::<Vec<_>>())
    .bind(seen.iter().map(|o| number(o.reading.verify)).collect::<Vec<_>>())
    .bind(seen.iter().map(|o| &*o.reading.work_code).collect::<Vec<_>>())
    .bind(seen.iter().map(|o| o.received_at).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    ask_for_codes(tx, seen.iter().map(|o| (o.user_code.clone(), o.raw_time.wall().date())).collect(), now)
        .await
}

/// Keeps each clock's furthest mark of each origin. Days that waited for a clock may be final now: whoever works out
/// attendance looks for them when it is woken after the push.
async fn store_watermarks(tx: &mut TenantTx, marks: &[(i64, &Watermark)]) -> Result<(), StoreError> {
    let mut furthest: BTreeMap<(i64, &str), &Watermark> = BTreeMap::new();
    for (origin, mark) in marks {
        let place = furthest.entry((*origin, mark.serial.as_str())).or_insert(mark);
        if place.through < mark.through {
            *place = mark;
        }
    }
    sqlx::query(
        "INSERT INTO watermark AS w (company_id, origin, serial, position, raw_time, through, observed_at)
         SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::timestamp[], $6::timestamptz[],
             $7::timestamptz[])
         ON CONFLICT (company_id, serial, origin) DO UPDATE
         SET position = excluded.position, raw_time = excluded.raw_time, through = excluded.through,
             observed_at = excluded.observed_at
         WHERE w.through < excluded.through",
    )
    .bind(tx.company())
    .bind(furthest.keys().map(|(origin, _)| *origin).collect::<Vec<_>>())
    .bind(furthest.keys().map(|(_, serial)| *serial).collect::<Vec<_>>())
    .bind(furthest.values().map(|mark| mark.position).collect::<Vec<_>>())
    .bind(furthest.values().map(|mark| mark.raw_time.map(shared_model::RawTime::wall)).collect::<Vec<_>>())
    .bind(furthest.values().map(|mark| mark.through).collect::<Vec<_>>())
    .bind(furthest.values().map(|mark| mark.observed_at).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}
