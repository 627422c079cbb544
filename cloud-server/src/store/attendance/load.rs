//! What the engine needs of a portion of people, and what waits to become final.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::entity::{Company, DayDecision, Employee, Entity, Leave, PunchNote, RosterDay};
use shared_model::punch::Reading;
use shared_model::{EmployeeId, Kind, PunchId, Route, SiteId};
use shift_engine::{DirectoryRecords, Keyed, Reach, StoredFacts};
use uuid::Uuid;

use super::intake::{PUNCH, PunchRow};
use crate::store::recompute::Scope;
use crate::store::{StoreError, TenantTx, record};

/// A provisional day that waits for nothing but time and its clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Settling {
    /// Whose.
    pub employee: EmployeeId,
    /// The person's site.
    pub site: SiteId,
    /// The work date.
    pub work_date: NaiveDate,
    /// The last instant of which a punch can still count.
    pub closes_at: DateTime<Utc>,
}

/// Takes the company's turn until the transaction ends; `false` where another transaction has it.
///
/// # Errors
/// The database's.
pub async fn take_turn(tx: &mut TenantTx) -> Result<bool, StoreError> {
    let name = format!("attendance {}", tx.company());
    Ok(sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name)
        .fetch_one(tx.connection())
        .await?)
}

/// What rises whenever a record of the company changes.
///
/// # Errors
/// The database's.
pub async fn records_version(tx: &mut TenantTx) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT next_fseq FROM feed_head WHERE company_id = $1")
        .bind(tx.company())
        .fetch_one(tx.connection())
        .await?)
}

/// The living records of a kind. One that cannot be read is passed over; one without its key is on the list of what needs
/// attention.
async fn all<E: Entity>(tx: &mut TenantTx) -> Result<Vec<Keyed<E>>, StoreError> {
    Ok(typed(record::all(tx, E::KIND).await?))
}

fn typed<E: Entity>(rows: Vec<(Uuid, sync_protocol::Record)>) -> Vec<Keyed<E>> {
    let one = |(key, row): (Uuid, sync_protocol::Record)| match E::from_fields(&row.fields) {
        Ok(entity) => Some((E::Id::from(key), entity)),
        Err(error) => {
            tracing::warn!(record.key = %key, cause = %error, "a record cannot be read and is left out");
            None
        }
    };
    rows.into_iter().filter_map(one).collect()
}

/// What the company's directory is made of; `None` before there is a company record.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn directory(tx: &mut TenantTx) -> Result<Option<DirectoryRecords>, StoreError> {
    let Some((_, company)) = all::<Company>(tx).await?.pop() else { return Ok(None) };
    Ok(Some(DirectoryRecords {
        company,
        sites: all(tx).await?,
        departments: all(tx).await?,
        shifts: all(tx).await?,
        rosters: all(tx).await?,
        policies: all(tx).await?,
        holidays: all(tx).await?,
        pay_periods: all(tx).await?,
        company_rules: all(tx).await?,
        devices: all(tx).await?,
        identities: all(tx).await?,
    }))
}

/// Records of people.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn employees(
    tx: &mut TenantTx,
    ids: &[EmployeeId],
) -> Result<HashMap<EmployeeId, Employee>, StoreError> {
    let keys: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found = record::matching(tx, Kind::Employee, "key = ANY ($2)", &keys, None).await?;
    Ok(typed::<Employee>(found).into_iter().collect())
}

/// The next `limit` people, by id, that a scope of the queue stands for: everybody, a site's, or a department's with all
/// below it.
///
/// # Errors
/// The database's.
pub async fn people_of(
    tx: &mut TenantTx,
    scope: &Scope,
    after: Option<EmployeeId>,
    limit: usize,
) -> Result<Vec<EmployeeId>, StoreError> {
    let (filter, key) = match scope {
        Scope::Employee(id) => return Ok(vec![*id]),
        // A code's people are known to whoever holds the identities.
        Scope::Code(_) => return Ok(Vec::new()),
        Scope::Everyone => ("$2::uuid IS NOT NULL", Uuid::nil()),
        Scope::Site(id) => ("site = $2", id.uuid()),
        Scope::Department(id) => (
            "department IN (WITH RECURSIVE own (key) AS (
                SELECT $2::uuid UNION SELECT d.key FROM rec_department d JOIN own ON d.parent = own.key
                WHERE d.company_id = $1)
             SELECT key FROM own)",
            id.uuid(),
        ),
    };
    let sql = format!(
        "SELECT key FROM rec_employee
         WHERE company_id = $1 AND deleted_dot IS NULL AND key > $3 AND {filter} ORDER BY key LIMIT $4"
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(key)
        .bind(after.map_or(Uuid::nil(), EmployeeId::uuid))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(tx.connection())
        .await?)
}

/// What the engine needs of some people, each with the dates that matter for him.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn facts(
    tx: &mut TenantTx,
    people: &[(EmployeeId, Reach)],
) -> Result<HashMap<EmployeeId, StoredFacts>, StoreError> {
    let mut facts: HashMap<EmployeeId, StoredFacts> =
        people.iter().map(|(id, _)| (*id, StoredFacts::default())).collect();
    let ids: Vec<Uuid> = people.iter().map(|(id, _)| id.uuid()).collect();
    punches(tx, people, &ids, &mut facts).await?;
    notes(tx, &mut facts).await?;
    let from = people.iter().map(|(_, reach)| reach.punches.0).min().unwrap_or_default();
    let to = people.iter().map(|(_, reach)| reach.punches.1).max().unwrap_or_default();
    let about = "employee = ANY ($2) AND date BETWEEN $3 AND $4";
    let cells = record::matching(tx, Kind::RosterDay, about, &ids, Some((from, to))).await?;
    for cell in typed::<RosterDay>(cells) {
        facts.entry(cell.1.employee).or_default().cells.push(cell);
    }
    let about_leave = "employee = ANY ($2) AND \"to\" >= $3 AND \"from\" <= $4";
    let leaves = record::matching(tx, Kind::Leave, about_leave, &ids, Some((from, to))).await?;
    for leave in typed::<Leave>(leaves) {
        facts.entry(leave.1.employee).or_default().leaves.push(leave);
    }
    let decisions = record::matching(tx, Kind::DayDecision, about, &ids, Some((from, to))).await?;
    for decision in typed::<DayDecision>(decisions) {
        facts.entry(decision.1.employee).or_default().decisions.push(decision);
    }
    stored(tx, people, &ids, &mut facts).await?;
    Ok(facts)
}

async fn punches(
    tx: &mut TenantTx,
    people: &[(EmployeeId, Reach)],
    ids: &[Uuid],
    facts: &mut HashMap<EmployeeId, StoredFacts>,
) -> Result<(), StoreError> {
    #[derive(sqlx::FromRow)]
    struct Owned {
        owner: EmployeeId,
        #[sqlx(flatten)]
        punch: PunchRow,
    }
    let sql = format!(
        "SELECT a.employee AS owner, {PUNCH}
         FROM unnest($2::uuid[], $3::date[], $4::date[]) AS a (employee, date_from, date_to)
         JOIN day_punch p ON p.company_id = $1 AND p.employee = a.employee
              AND p.work_date BETWEEN a.date_from AND a.date_to
         JOIN ledger l ON l.company_id = $1 AND l.punch_id = p.punch_id"
    );
    let rows: Vec<Owned> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(ids)
        .bind(people.iter().map(|(_, reach)| reach.punches.0).collect::<Vec<_>>())
        .bind(people.iter().map(|(_, reach)| reach.punches.1).collect::<Vec<_>>())
        .fetch_all(tx.connection())
        .await?;
    for row in rows {
        facts.entry(row.owner).or_default().punches.push(row.punch.read()?);
    }
    Ok(())
}

/// Other readings of the punches, and notes on them.
async fn notes(tx: &mut TenantTx, facts: &mut HashMap<EmployeeId, StoredFacts>) -> Result<(), StoreError> {
    let owners: HashMap<Uuid, EmployeeId> = facts
        .iter()
        .flat_map(|(id, facts)| facts.punches.iter().map(|punch| (punch.id.uuid(), *id)))
        .collect();
    let punches: Vec<Uuid> = owners.keys().copied().collect();
    type Row = (Uuid, i16, i16, i16, String);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT punch_id, route, state, verify, work_code FROM observation
         WHERE company_id = $1 AND punch_id = ANY ($2)",
    )
    .bind(tx.company())
    .bind(&punches)
    .fetch_all(tx.connection())
    .await?;
    for (punch, route, state, verify, work_code) in rows {
        // -1 stands for a value that the route did not tell.
        let told = |value: i16| u8::try_from(value).ok();
        let reading = Reading { state: told(state), verify: told(verify), work_code: work_code.into() };
        let route = u8::try_from(route).ok().and_then(Route::from_number);
        if let (Some(owner), Some(route)) = (owners.get(&punch), route) {
            let seen = (PunchId::from_uuid(punch), route, reading);
            facts.entry(*owner).or_default().observations.push(seen);
        }
    }
    let found = record::matching(tx, Kind::PunchNote, "punch = ANY ($2)", &punches, None).await?;
    for note in typed::<PunchNote>(found) {
        if let Some(owner) = owners.get(&note.1.punch.uuid()) {
            facts.entry(*owner).or_default().notes.push(note);
        }
    }
    Ok(())
}

/// Records as they are stored.
async fn stored(
    tx: &mut TenantTx,
    people: &[(EmployeeId, Reach)],
    ids: &[Uuid],
    facts: &mut HashMap<EmployeeId, StoredFacts>,
) -> Result<(), StoreError> {
    type Row = (EmployeeId, NaiveDate, String, Vec<u8>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT d.employee, d.work_date, d.record, d.digest
         FROM unnest($2::uuid[], $3::date[], $4::date[]) AS a (employee, date_from, date_to)
         JOIN attendance_day d ON d.company_id = $1 AND d.employee = a.employee
              AND d.work_date BETWEEN a.date_from AND a.date_to",
    )
    .bind(tx.company())
    .bind(ids)
    .bind(people.iter().map(|(_, reach)| reach.stored.0).collect::<Vec<_>>())
    .bind(people.iter().map(|(_, reach)| reach.stored.1).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let asked: HashMap<EmployeeId, (NaiveDate, NaiveDate)> =
        people.iter().map(|(id, reach)| (*id, reach.ask)).collect();
    for (employee, date, record, digest) in rows {
        let facts = facts.entry(employee).or_default();
        // A row of an older shape is as good as none: it is worked out again.
        facts.records.extend(serde_json::from_str(&record));
        let is_asked = asked.get(&employee).is_some_and(|(from, to)| *from <= date && date <= *to);
        if let Some(digest) = <[u8; 32]>::try_from(digest).ok().filter(|_| is_asked) {
            facts.digests.push((date, digest));
        }
    }
    Ok(())
}

/// Provisional days whose wait is over at an instant.
///
/// # Errors
/// The database's.
pub async fn settling(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<Vec<Settling>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT a.employee, e.site, a.work_date, a.closes_at FROM attendance_day a
         JOIN rec_employee e ON e.company_id = a.company_id AND e.key = a.employee
         WHERE a.company_id = $1 AND a.provisional AND a.settles_at < $2 AND e.site IS NOT NULL",
    )
    .bind(tx.company())
    .bind(now)
    .fetch_all(tx.connection())
    .await?)
}
