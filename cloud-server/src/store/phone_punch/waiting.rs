//! Lists of phone punches, with what whoever decides wants to see.

use chrono::{DateTime, Utc};
use shared_model::entity::{Employee, Entity as _, PhonePunch, RequestState, Site};
use shared_model::{Kind, PhonePunchId, UserId};
use shift_engine::geofence::{Place, distance_m};
use sync_protocol::Change;
use sync_protocol::Origin;
use sync_protocol::authority::{Decision, Refusal};
use uuid::Uuid;

use crate::store::{StoreError, TenantTx, record};

/// The most rows of a list.
const LIMIT: i64 = 500;

/// A phone punch as lists show it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its id.
    pub id: PhonePunchId,
    /// What it says.
    pub punch: PhonePunch,
    /// The person, where the record is whole.
    pub employee: Option<Employee>,
    /// Metres from the centre of the site's allowed place, and that place's radius; `None` where the site has none.
    pub distance_m: Option<(u32, u32)>,
    /// Phone punches of the person in the thirty days before: approved and rejected.
    pub history: (i64, i64),
    /// Whether an approval would go to a record that nobody uses.
    pub out_of_use: bool,
    /// Whether another punch of the person, not rejected, is of the same second and direction.
    pub has_twin: bool,
}

/// A decision by somebody whose authority was taken away, for somebody else to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondLook {
    /// The phone punch, which is still pending.
    pub id: PhonePunchId,
    /// What was decided.
    pub decision: Decision,
    /// What the decider is called, where he is known.
    pub name: Option<String>,
}

/// The phone punches that wait, the oldest first.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn waiting(tx: &mut TenantTx) -> Result<Vec<Waiting>, StoreError> {
    let keys: Vec<Uuid> = sqlx::query_scalar(
        "SELECT key FROM rec_phone_punch WHERE company_id = $1 AND state = $2 AND deleted_dot IS NULL
         ORDER BY instant, key LIMIT $3",
    )
    .bind(tx.company())
    .bind(RequestState::Pending.as_str())
    .bind(LIMIT)
    .fetch_all(tx.connection())
    .await?;
    load(tx, keys).await
}

/// The phone punches that were decided since a time, the newest first.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn decided(tx: &mut TenantTx, since: DateTime<Utc>) -> Result<Vec<Waiting>, StoreError> {
    let keys: Vec<Uuid> = sqlx::query_scalar(
        "SELECT key FROM rec_phone_punch
         WHERE company_id = $1 AND state <> $2 AND decided_at >= $3 AND deleted_dot IS NULL
         ORDER BY decided_at DESC, key LIMIT $4",
    )
    .bind(tx.company())
    .bind(RequestState::Pending.as_str())
    .bind(since)
    .bind(LIMIT)
    .fetch_all(tx.connection())
    .await?;
    load(tx, keys).await
}

async fn load(tx: &mut TenantTx, keys: Vec<Uuid>) -> Result<Vec<Waiting>, StoreError> {
    let mut rows: Vec<(Uuid, PhonePunch)> =
        record::matching(tx, Kind::PhonePunch, "key = ANY ($2)", &keys, None)
            .await?
            .into_iter()
            .filter_map(|(key, record)| Some((key, PhonePunch::from_fields(&record.fields).ok()?)))
            .collect();
    let place = |key: &Uuid| keys.iter().position(|wanted| wanted == key);
    rows.sort_by_key(|(key, _)| place(key));
    let of = |id: fn(&PhonePunch) -> Uuid| rows.iter().map(|(_, punch)| id(punch)).collect::<Vec<Uuid>>();
    let (employees, sites) = (of(|punch| punch.employee.uuid()), of(|punch| punch.site.uuid()));
    let employees = record::matching(tx, Kind::Employee, "key = ANY ($2)", &employees, None).await?;
    let sites = record::matching(tx, Kind::Site, "key = ANY ($2)", &sites, None).await?;
    let history: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "SELECT p.key, count(*) FILTER (WHERE h.state = 'approved'), count(*) FILTER (WHERE h.state = 'rejected')
         FROM rec_phone_punch p
         JOIN rec_phone_punch h ON h.company_id = $1 AND h.employee = p.employee AND h.key <> p.key
              AND h.instant BETWEEN p.instant - interval '30 days' AND p.instant
         WHERE p.company_id = $1 AND p.key = ANY ($2) GROUP BY p.key",
    )
    .bind(tx.company())
    .bind(&keys)
    .fetch_all(tx.connection())
    .await?;
    let out_of_use = out_of_use(tx, &keys).await?;
    let twins: Vec<Uuid> = sqlx::query_scalar(
        "SELECT p.key FROM rec_phone_punch p
         WHERE p.company_id = $1 AND p.key = ANY ($2) AND EXISTS (
             SELECT FROM rec_phone_punch t
             WHERE t.company_id = $1 AND t.employee = p.employee AND t.instant = p.instant
               AND t.direction = p.direction AND t.key <> p.key AND t.deleted_dot IS NULL AND t.state <> $3)",
    )
    .bind(tx.company())
    .bind(&keys)
    .bind(RequestState::Rejected.as_str())
    .fetch_all(tx.connection())
    .await?;
    let waiting = rows.into_iter().map(|(key, punch)| {
        let employee = employees.iter().find(|(id, _)| *id == punch.employee.uuid());
        let site = sites.iter().find(|(id, _)| *id == punch.site.uuid());
        let site = site.and_then(|(_, record)| Site::from_fields(&record.fields).ok());
        let counts = history.iter().find(|(id, ..)| *id == key);
        Waiting {
            id: PhonePunchId::from_uuid(key),
            employee: employee.and_then(|(_, record)| Employee::from_fields(&record.fields).ok()),
            distance_m: site.and_then(|site| distance(&punch, &site)),
            history: counts.map_or((0, 0), |(_, approved, rejected)| (*approved, *rejected)),
            out_of_use: out_of_use.contains(&key),
            has_twin: twins.contains(&key),
            punch,
        }
    });
    Ok(waiting.collect())
}

/// Those of these phone punches whose person is not in use, so that nobody would look for their time there: deleted, or no
/// longer active. Somebody who has left keeps what he punched up to the day after his last one (a night shift ends then),
/// unless his number is somebody's who is in use: that is a record for which another one was kept.
pub(super) async fn out_of_use(tx: &mut TenantTx, punches: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT p.key FROM rec_phone_punch p
         WHERE p.company_id = $1 AND p.key = ANY ($2) AND NOT EXISTS (
             SELECT FROM rec_employee e
             WHERE e.company_id = $1 AND e.key = p.employee AND e.deleted_dot IS NULL
               AND (e.active IS NOT FALSE
                    OR e.\"left\" >= (p.instant AT TIME ZONE 'UTC')::date - 1 AND NOT EXISTS (
                        SELECT FROM rec_employee k
                        WHERE k.company_id = $1 AND k.code = e.code AND k.key <> e.key
                          AND k.deleted_dot IS NULL AND k.active IS NOT FALSE)))",
    )
    .bind(tx.company())
    .bind(punches)
    .fetch_all(tx.connection())
    .await?)
}

fn distance(punch: &PhonePunch, site: &Site) -> Option<(u32, u32)> {
    let allowed = Place { latitude_e7: site.latitude_e7?, longitude_e7: site.longitude_e7? };
    let phone = Place { latitude_e7: punch.latitude_e7?, longitude_e7: punch.longitude_e7? };
    Some((distance_m(allowed, phone), u32::try_from(site.radius_m?).ok()?))
}

/// The decisions that wait for a second look.
///
/// # Errors
/// The database's.
pub async fn second_looks(tx: &mut TenantTx) -> Result<Vec<SecondLook>, StoreError> {
    let mut looks = Vec::new();
    for change in kept_aside(tx).await? {
        let Some(decision) = Decision::of(&change.fields) else { continue };
        let name = name(tx, decision.by).await?;
        looks.push(SecondLook { id: PhonePunchId::from_uuid(change.key), decision, name });
    }
    Ok(looks)
}

async fn kept_aside(tx: &mut TenantTx) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT origin, seq, raw FROM quarantine
         WHERE company_id = $1 AND stream = 'R' AND code = $2 AND state = 'open' ORDER BY noticed_at LIMIT $3",
    )
    .bind(tx.company())
    .bind(Refusal::SecondLook.code())
    .bind(LIMIT)
    .fetch_all(tx.connection())
    .await?;
    let read = |(origin, seq, line): (i64, i64, Vec<u8>)| {
        let change = Change::parse(Origin::from_number(origin)?, seq, &line).ok()?;
        (change.known_kind() == Some(Kind::PhonePunch)).then_some(change)
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

async fn name(tx: &mut TenantTx, user: UserId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT u.name FROM app_user u
         WHERE u.user_id = $2 AND EXISTS (SELECT FROM approver_grant g WHERE g.company_id = $1 AND g.user_id = $2)",
    )
    .bind(tx.company())
    .bind(user)
    .fetch_optional(tx.connection())
    .await?)
}

/// Somebody has decided: the decisions that waited for a second look are done with.
pub(super) async fn close_second_looks(tx: &mut TenantTx, id: PhonePunchId) -> Result<(), StoreError> {
    for change in kept_aside(tx).await?.iter().filter(|change| change.key == id.uuid()) {
        sqlx::query(
            "UPDATE quarantine SET state = 'discarded'
             WHERE company_id = $1 AND origin = $2 AND stream = 'R' AND seq = $3",
        )
        .bind(tx.company())
        .bind(change.dot.origin.number())
        .bind(change.dot.seq)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}
