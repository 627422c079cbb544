//! Employees and clocks as the pages list and change them.

use shared_model::entity::{Department, Entity as _};
use shared_model::{EmployeeId, Kind};
use sync_protocol::Record;
use uuid::Uuid;

use super::{StoreError, TenantTx, record};

/// An employee as lists show him.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonRow {
    /// His id.
    pub id: EmployeeId,
    /// His code; `None` while somebody else has it.
    pub code: Option<String>,
    /// His name.
    pub name: String,
    /// His site.
    pub site: Option<String>,
    /// His department.
    pub department: Option<String>,
    /// Whether he works here.
    pub active: bool,
}

/// The employees whose code or name holds a text, by code from behind one on, at most `limit`.
///
/// # Errors
/// The database's.
pub async fn list(
    tx: &mut TenantTx,
    search: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<PersonRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT e.key AS id, e.code, coalesce(e.name, '') AS name, s.name AS site, d.name AS department,
                coalesce(e.active, true) AS active
         FROM rec_employee e
         LEFT JOIN rec_site s ON s.company_id = e.company_id AND s.key = e.site
         LEFT JOIN rec_department d ON d.company_id = e.company_id AND d.key = e.department
         WHERE e.company_id = $1 AND e.deleted_dot IS NULL AND coalesce(e.code, '') > $2
           AND (strpos(lower(e.name), lower($3)) > 0 OR strpos(lower(e.code), lower($3)) > 0 OR $3 = '')
         ORDER BY coalesce(e.code, ''), e.key LIMIT $4",
    )
    .bind(tx.company())
    .bind(after)
    .bind(search)
    .bind(limit)
    .fetch_all(tx.connection())
    .await?)
}

/// The departments that are in use, by name.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn departments(tx: &mut TenantTx) -> Result<Vec<(Uuid, Department)>, StoreError> {
    let mut found = Vec::new();
    for (key, record) in record::all(tx, Kind::Department).await? {
        if let Ok(department) = Department::from_fields(&record.fields)
            && department.active
        {
            found.push((key, department));
        }
    }
    found.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    Ok(found)
}

/// The clock of a serial.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn clock(tx: &mut TenantTx, serial: &str) -> Result<Option<(Uuid, Record)>, StoreError> {
    let key: Option<Uuid> = sqlx::query_scalar(
        "SELECT key FROM rec_device WHERE company_id = $1 AND serial = $2 AND deleted_dot IS NULL",
    )
    .bind(tx.company())
    .bind(serial)
    .fetch_optional(tx.connection())
    .await?;
    let Some(key) = key else { return Ok(None) };
    Ok(record::one(tx, Kind::Device, key).await?.map(|record| (key, record)))
}
