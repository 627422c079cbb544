//! Who may decide about phone punches: grants with a beginning and an end, by site and department.
//!
//! A grant is given and ended, never changed: who had what when must be found for good.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use shared_model::access::{Permission, Role};
use shared_model::{DepartmentId, EmployeeId, Entropy, SiteId, UserId};
use sync_protocol::authority::{Grant, GrantId, Standing};
use uuid::Uuid;

use super::audit::{self, Author, Entry};
use super::{StoreError, TenantTx, bundle};

/// A grant that is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// A new id.
    pub id: GrantId,
    /// To whom.
    pub person: UserId,
    /// For people of which sites; `None` = all.
    pub sites: Option<Vec<SiteId>>,
    /// For people of which departments; `None` = all of those sites.
    pub departments: Option<Vec<DepartmentId>>,
    /// From when; not before it is given.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
}

/// Why a grant was not given or ended.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The person is no member of the company.
    #[error("the person is no member of this company")]
    NotMember,
    /// The person's role does not decide.
    #[error("the role {} decides nothing: give the person another role first", .0.as_str())]
    Role(Role),
    /// The end is not after the beginning.
    #[error("the grant would end before it begins")]
    Times,
    /// There is no such grant, or it has ended.
    #[error("there is no such grant, or it was taken away already")]
    NotFound,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for GrantError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    grant_id: Uuid,
    user_id: UserId,
    sites: Option<Vec<SiteId>>,
    departments: Option<Vec<DepartmentId>>,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
    since_epoch: i32,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<Row> for Grant {
    fn from(row: Row) -> Self {
        Self {
            id: GrantId::from_uuid(row.grant_id),
            person: row.user_id,
            sites: row.sites,
            departments: row.departments,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            since_epoch: u32::try_from(row.since_epoch).unwrap_or(u32::MAX),
            revoked_at: row.revoked_at,
        }
    }
}

const COLUMNS: &str = "grant_id, user_id, sites, departments, valid_from, valid_to, since_epoch, revoked_at";

/// Gives a grant. It is of a new epoch, so that nothing decided before counts by it.
///
/// # Errors
/// [`GrantError`]; nothing is written then.
pub async fn give(
    tx: &mut TenantTx,
    new: &NewGrant,
    author: Author,
    entropy: &(impl Entropy + ?Sized),
) -> Result<(), GrantError> {
    let role: Option<String> =
        sqlx::query_scalar("SELECT role FROM membership WHERE company_id = $1 AND user_id = $2")
            .bind(tx.company())
            .bind(new.person)
            .fetch_optional(tx.connection())
            .await?;
    let role = role.as_deref().and_then(Role::parse).ok_or(GrantError::NotMember)?;
    if !role.may(Permission::ApprovalsDecide) {
        return Err(GrantError::Role(role));
    }
    if new.valid_to.is_some_and(|end| end <= new.valid_from) {
        return Err(GrantError::Times);
    }
    let epoch = bundle::raise(tx, entropy, author.at).await?;
    sqlx::query(
        "INSERT INTO approver_grant (company_id, grant_id, user_id, sites, departments, valid_from, valid_to,
             since_epoch, granted_by, granted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tx.company())
    .bind(new.id.uuid())
    .bind(new.person)
    .bind(&new.sites)
    .bind(&new.departments)
    .bind(new.valid_from.trunc_subsecs(3))
    .bind(new.valid_to.map(|end| end.trunc_subsecs(3)))
    .bind(i32::try_from(epoch).unwrap_or(i32::MAX))
    .bind(author.actor)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    let entry = Entry::new("grant.give", new.id.to_string()).after(&json!({
        "user": new.person, "sites": new.sites, "departments": new.departments,
        "from": new.valid_from, "to": new.valid_to, "epoch": epoch,
    }));
    audit::write(tx, author, &[entry]).await?;
    Ok(())
}

/// Takes a grant away, from now on.
///
/// # Errors
/// [`GrantError::NotFound`], or the database's.
pub async fn take_away(
    tx: &mut TenantTx,
    grant: GrantId,
    author: Author,
    entropy: &(impl Entropy + ?Sized),
) -> Result<(), GrantError> {
    let done = sqlx::query(
        "UPDATE approver_grant SET revoked_at = $3, revoked_by = $4
         WHERE company_id = $1 AND grant_id = $2 AND revoked_at IS NULL",
    )
    .bind(tx.company())
    .bind(grant.uuid())
    .bind(author.at)
    .bind(author.actor)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(GrantError::NotFound);
    }
    bundle::raise(tx, entropy, author.at).await?;
    audit::write(tx, author, &[Entry::new("grant.take_away", grant.to_string())]).await?;
    Ok(())
}

/// The grants that were not taken away, by person.
///
/// # Errors
/// The database's.
pub async fn living(tx: &mut TenantTx) -> Result<Vec<Grant>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM approver_grant WHERE company_id = $1 AND revoked_at IS NULL ORDER BY user_id, grant_id"
    );
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tx.company()).fetch_all(tx.connection()).await?;
    Ok(rows.into_iter().map(Grant::from).collect())
}

/// Every grant that a person has or had.
///
/// # Errors
/// The database's.
pub async fn of_person(tx: &mut TenantTx, person: UserId) -> Result<Vec<Grant>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM approver_grant WHERE company_id = $1 AND user_id = $2");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tx.company())
        .bind(person)
        .fetch_all(tx.connection())
        .await?;
    Ok(rows.into_iter().map(Grant::from).collect())
}

/// What a person is in the company now; `None` for one who never was a member or had a grant.
///
/// # Errors
/// The database's.
pub async fn standing(tx: &mut TenantTx, person: UserId) -> Result<Option<Standing>, StoreError> {
    type Found = (Option<String>, Option<String>, Option<EmployeeId>, bool);
    let found: Option<Found> = sqlx::query_as(
        "SELECT m.role, u.state, e.employee,
                EXISTS (SELECT FROM approver_grant g WHERE g.company_id = $1 AND g.user_id = $2)
         FROM app_user u
         LEFT JOIN membership m ON m.user_id = u.user_id AND m.company_id = $1
         LEFT JOIN user_employee e ON e.user_id = u.user_id AND e.company_id = $1
         WHERE u.user_id = $2",
    )
    .bind(tx.company())
    .bind(person)
    .fetch_optional(tx.connection())
    .await?;
    let Some((role, state, employee, granted)) = found else { return Ok(None) };
    if role.is_none() && !granted {
        return Ok(None);
    }
    let role = role.as_deref().and_then(Role::parse);
    let may_decide =
        state.as_deref() == Some("active") && role.is_some_and(|role| role.may(Permission::ApprovalsDecide));
    Ok(Some(Standing { person, employee, may_decide }))
}

/// Says which employee a person who signs in is; `None` = none.
///
/// # Errors
/// The database's.
pub async fn link_employee(
    tx: &mut TenantTx,
    person: UserId,
    employee: Option<EmployeeId>,
    author: Author,
) -> Result<(), StoreError> {
    match employee {
        Some(employee) => {
            sqlx::query(
                "INSERT INTO user_employee (company_id, user_id, employee) VALUES ($1, $2, $3)
                 ON CONFLICT (company_id, user_id) DO UPDATE SET employee = excluded.employee",
            )
            .bind(tx.company())
            .bind(person)
            .bind(employee)
            .execute(tx.connection())
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM user_employee WHERE company_id = $1 AND user_id = $2")
                .bind(tx.company())
                .bind(person)
                .execute(tx.connection())
                .await?;
        }
    }
    let entry = Entry::new("member.link_employee", person.to_string());
    audit::write(tx, author, &[entry.after(&json!({ "employee": employee }))]).await
}

/// Makes the people who were linked to one employee the other; returns how many.
///
/// # Errors
/// The database's.
pub(super) async fn move_links(
    tx: &mut TenantTx,
    from: EmployeeId,
    to: EmployeeId,
    author: Author,
) -> Result<usize, StoreError> {
    let people: Vec<UserId> =
        sqlx::query_scalar("SELECT user_id FROM user_employee WHERE company_id = $1 AND employee = $2")
            .bind(tx.company())
            .bind(from)
            .fetch_all(tx.connection())
            .await?;
    for person in &people {
        link_employee(tx, *person, Some(to), author).await?;
    }
    Ok(people.len())
}

/// The addresses of those with a grant in force or to come who are linked to no employee: nothing tells which punches are
/// their own.
///
/// # Errors
/// The database's.
pub async fn unlinked(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT u.email FROM approver_grant g JOIN app_user u USING (user_id)
         WHERE g.company_id = $1 AND g.revoked_at IS NULL AND (g.valid_to IS NULL OR g.valid_to > $2)
           AND NOT EXISTS (SELECT FROM user_employee e WHERE e.company_id = $1 AND e.user_id = g.user_id)
         ORDER BY u.email",
    )
    .bind(tx.company())
    .bind(now)
    .fetch_all(tx.connection())
    .await?)
}

/// A member whose role decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// What the person is called.
    pub name: String,
    /// The address under which the person signs in.
    pub email: String,
}

/// The members to whom a grant can be given, by name.
///
/// # Errors
/// The database's.
pub async fn deciders(tx: &mut TenantTx) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<(UserId, String, String, String)> = sqlx::query_as(
        "SELECT u.user_id, u.name, u.email, m.role FROM membership m JOIN app_user u USING (user_id)
         WHERE m.company_id = $1 AND u.state = 'active' ORDER BY lower(u.name), u.user_id",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let decides = |role: &str| Role::parse(role).is_some_and(|role| role.may(Permission::ApprovalsDecide));
    let members = rows.into_iter().filter(|(.., role)| decides(role));
    Ok(members.map(|(user, name, email, _)| Member { user, name, email }).collect())
}
