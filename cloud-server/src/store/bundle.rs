//! The people and grants of a company as edges get them: signed, with an epoch and a lease.
//!
//! Giving or ending a grant raises the epoch at once. People change in many places (a password, a role, a name); what is
//! asked for a bundle compares them by their hash and raises the epoch where they changed.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use ed25519_dalek::SigningKey;
use shared_model::access::Role;
use shared_model::{EdgeId, EmployeeId, Entropy, SiteId, UserId};
use sync_protocol::authority::{Bundle, BundlePerson, SignedBundle};
use sync_protocol::message::BundleRequest;

use super::{StoreError, TenantTx, edge, grant};

/// A bundle of the present epoch is renewed when it is older than this, so that its lease goes on.
const RENEWED_AFTER: TimeDelta = TimeDelta::hours(1);

/// The company's state of bundles, locked until the transaction ends; made where there is none.
struct State {
    key: SigningKey,
    epoch: u32,
    people_hash: Vec<u8>,
}

async fn state(
    tx: &mut TenantTx,
    entropy: &(impl Entropy + ?Sized),
    now: DateTime<Utc>,
) -> Result<State, StoreError> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let made = sqlx::query(
        "INSERT INTO bundle_state (company_id, signing_key, epoch, people_hash) VALUES ($1, $2, 1, '')
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(seed.as_slice())
    .execute(tx.connection())
    .await?;
    if made.rows_affected() == 1 {
        begin_epoch(tx, 1, now).await?;
    }
    let (key, epoch, people_hash): (Vec<u8>, i32, Vec<u8>) = sqlx::query_as(
        "SELECT signing_key, epoch, people_hash FROM bundle_state WHERE company_id = $1 FOR UPDATE",
    )
    .bind(tx.company())
    .fetch_one(tx.connection())
    .await?;
    let corrupt = || StoreError::Corrupt {
        table: "bundle_state",
        id: tx.company().to_string(),
        cause: "its key or epoch is none".to_owned(),
    };
    let seed: [u8; 32] = key.try_into().map_err(|_| corrupt())?;
    let epoch = u32::try_from(epoch).map_err(|_| corrupt())?;
    Ok(State { key: SigningKey::from_bytes(&seed), epoch, people_hash })
}

async fn begin_epoch(tx: &mut TenantTx, epoch: u32, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO bundle_epoch (company_id, epoch, since) VALUES ($1, $2, $3)")
        .bind(tx.company())
        .bind(i32::try_from(epoch).unwrap_or(i32::MAX))
        .bind(now.trunc_subsecs(3))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The company's public key for bundles.
///
/// # Errors
/// The database's.
pub async fn public_key(
    tx: &mut TenantTx,
    entropy: &(impl Entropy + ?Sized),
    now: DateTime<Utc>,
) -> Result<String, StoreError> {
    let state = state(tx, entropy, now).await?;
    Ok(sync_protocol::sign::public_key_text(&state.key.verifying_key()))
}

/// The present epoch.
///
/// # Errors
/// The database's.
pub async fn epoch(
    tx: &mut TenantTx,
    entropy: &(impl Entropy + ?Sized),
    now: DateTime<Utc>,
) -> Result<u32, StoreError> {
    Ok(state(tx, entropy, now).await?.epoch)
}

/// Begins the next epoch and returns it.
///
/// # Errors
/// The database's.
pub(super) async fn raise(
    tx: &mut TenantTx,
    entropy: &(impl Entropy + ?Sized),
    now: DateTime<Utc>,
) -> Result<u32, StoreError> {
    let epoch = state(tx, entropy, now).await?.epoch + 1;
    sqlx::query("UPDATE bundle_state SET epoch = $2 WHERE company_id = $1")
        .bind(tx.company())
        .bind(i32::try_from(epoch).unwrap_or(i32::MAX))
        .execute(tx.connection())
        .await?;
    begin_epoch(tx, epoch, now).await?;
    Ok(epoch)
}

/// The epoch that was in force at a time; 0 = none yet.
///
/// # Errors
/// The database's.
pub(super) async fn epoch_at(tx: &mut TenantTx, at: DateTime<Utc>) -> Result<u32, StoreError> {
    let epoch: i32 = sqlx::query_scalar(
        "SELECT coalesce(max(epoch), 0) FROM bundle_epoch WHERE company_id = $1 AND since <= $2",
    )
    .bind(tx.company())
    .bind(at)
    .fetch_one(tx.connection())
    .await?;
    Ok(u32::try_from(epoch).unwrap_or_default())
}

/// The bundle for an edge; `None` while what it has is of the present epoch and young.
///
/// # Errors
/// The database's.
pub async fn issue(
    tx: &mut TenantTx,
    edge: EdgeId,
    has: BundleRequest,
    entropy: &(impl Entropy + ?Sized),
    now: DateTime<Utc>,
) -> Result<Option<SignedBundle>, StoreError> {
    let mut state = state(tx, entropy, now).await?;
    let all = people(tx).await?;
    let hash = hash_of(&all);
    if state.people_hash != hash {
        state.epoch = raise(tx, entropy, now).await?;
        sqlx::query("UPDATE bundle_state SET people_hash = $2 WHERE company_id = $1")
            .bind(tx.company())
            .bind(&hash)
            .execute(tx.connection())
            .await?;
    }
    let young = now.timestamp_millis().saturating_sub(has.issued) < RENEWED_AFTER.num_milliseconds();
    if has.epoch == state.epoch && young {
        return Ok(None);
    }
    let sites = edge::sites(tx, edge).await?;
    let here =
        |of: &Option<Vec<SiteId>>| of.as_ref().is_none_or(|of| of.iter().any(|site| sites.contains(site)));
    let people: Vec<BundlePerson> =
        all.into_iter().filter(|(_, of)| here(of)).map(|(person, _)| person).collect();
    let mut grants = grant::living(tx).await?;
    grants.retain(|grant| here(&grant.sites) && people.iter().any(|person| person.id == grant.person));
    let bundle = Bundle {
        company: tx.company(),
        edge,
        epoch: state.epoch,
        issued_at: now.trunc_subsecs(3),
        people,
        grants,
    };
    Ok(Some(bundle.sign(&state.key)))
}

type Placed = (BundlePerson, Option<Vec<SiteId>>);

/// The members who may sign in, by id, with the sites that their role reaches.
async fn people(tx: &mut TenantTx) -> Result<Vec<Placed>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        user_id: UserId,
        email: String,
        name: String,
        password: String,
        role: String,
        sites: Option<Vec<SiteId>>,
        employee: Option<EmployeeId>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT u.user_id, u.email, u.name, u.password, m.role, m.sites, e.employee
         FROM membership m JOIN app_user u USING (user_id)
         LEFT JOIN user_employee e ON e.company_id = m.company_id AND e.user_id = m.user_id
         WHERE m.company_id = $1 AND u.state = 'active' AND u.password IS NOT NULL ORDER BY u.user_id",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let placed = rows.into_iter().filter_map(|row| {
        let person = BundlePerson {
            id: row.user_id,
            email: row.email,
            name: row.name,
            // A role of a newer version gives nothing here.
            role: Role::parse(&row.role)?,
            password: Some(row.password),
            employee: row.employee,
        };
        Some((person, row.sites))
    });
    Ok(placed.collect())
}

fn hash_of(people: &[Placed]) -> Vec<u8> {
    let json = serde_json::to_vec(people).unwrap_or_default();
    blake3::hash(&json).as_bytes()[..16].to_vec()
}
