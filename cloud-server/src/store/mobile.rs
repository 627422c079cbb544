//! Phones of employees: one-time codes with which they sign in, and the tokens that they hold from then on.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared_model::text::Code;
use shared_model::{CompanyId, EmployeeId, Entropy};

use super::audit::{self, Author, Entry, Via};
use super::{CompanyAccess, Store, StoreError, TenantTx};
use crate::one_time_code::OneTimeCode;

/// How long a phone's one-time code is good for.
pub const CODE_LIFE: TimeDelta = TimeDelta::hours(24);
/// A phone that was silent for so long signs in anew.
const SESSION_IDLE: TimeDelta = TimeDelta::days(90);

/// A phone that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MobileSession {
    /// The employee's company.
    pub company: CompanyId,
    /// Whose phone it is. Who punches comes from here, never from a body.
    pub employee: EmployeeId,
    /// The phone, as its app named it when it signed in.
    pub phone: Code,
}

/// Makes a one-time code for an employee's phone; those before it end.
///
/// # Errors
/// The database's. The employee must exist; the caller has looked him up.
pub async fn make_code(
    tx: &mut TenantTx,
    employee: EmployeeId,
    author: Author,
    entropy: &(impl Entropy + ?Sized),
) -> Result<OneTimeCode, StoreError> {
    let code = OneTimeCode::password(entropy);
    sqlx::query(
        "UPDATE mobile_code SET used_at = $3 WHERE company_id = $1 AND employee = $2 AND used_at IS NULL",
    )
    .bind(tx.company())
    .bind(employee)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "INSERT INTO mobile_code (code_hash, company_id, employee, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(code.hash().as_slice())
    .bind(tx.company())
    .bind(employee)
    .bind(author.at)
    .bind(author.at + CODE_LIFE)
    .execute(tx.connection())
    .await?;
    audit::write(tx, author, &[Entry::new("phone.code", employee.to_string())]).await?;
    Ok(code)
}

/// Ends every code and every sign-in of an employee's phones; returns how many phones that were.
///
/// # Errors
/// The database's.
pub async fn sign_out_all(
    tx: &mut TenantTx,
    employee: EmployeeId,
    author: Author,
) -> Result<u64, StoreError> {
    sqlx::query(
        "UPDATE mobile_code SET used_at = $3 WHERE company_id = $1 AND employee = $2 AND used_at IS NULL",
    )
    .bind(tx.company())
    .bind(employee)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    let done = sqlx::query(
        "UPDATE mobile_session SET ended_at = $3 WHERE company_id = $1 AND employee = $2 AND ended_at IS NULL",
    )
    .bind(tx.company())
    .bind(employee)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    audit::write(tx, author, &[Entry::new("phone.sign_out", employee.to_string())]).await?;
    Ok(done.rows_affected())
}

/// Makes the phones of one employee the other's, where that one has none; else they are signed out. The same for an unused
/// code. Returns how many phones were made the other's.
///
/// # Errors
/// The database's.
pub(super) async fn take_over(
    tx: &mut TenantTx,
    from: EmployeeId,
    to: EmployeeId,
    author: Author,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE mobile_session SET employee = $3
         WHERE company_id = $1 AND employee = $2 AND ended_at IS NULL AND NOT EXISTS (
             SELECT FROM mobile_session k WHERE k.company_id = $1 AND k.employee = $3 AND k.ended_at IS NULL
                AND k.last_seen_at > $4)",
    )
    .bind(tx.company())
    .bind(from)
    .bind(to)
    .bind(author.at - SESSION_IDLE)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "UPDATE mobile_code SET employee = $3
         WHERE company_id = $1 AND employee = $2 AND used_at IS NULL AND NOT EXISTS (
             SELECT FROM mobile_code k WHERE k.company_id = $1 AND k.employee = $3 AND k.used_at IS NULL
                AND k.expires_at > $4)",
    )
    .bind(tx.company())
    .bind(from)
    .bind(to)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    sign_out_all(tx, from, author).await?;
    Ok(done.rows_affected())
}

impl Store {
    /// Signs a phone in with a one-time code. `None` for a code that is wrong, used or too old.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_in_phone(
        &self,
        code: &OneTimeCode,
        phone: &Code,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<MobileSession>, StoreError> {
        let found: Option<(CompanyId, EmployeeId)> = sqlx::query_as(
            "SELECT company_id, employee FROM mobile_code c JOIN company USING (company_id)
             WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2 AND company.state = 'active'",
        )
        .bind(code.hash().as_slice())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        let Some((company, employee)) = found else { return Ok(None) };
        let mut tx = self.begin(&CompanyAccess::of_system(company)).await?;
        let used = sqlx::query(
            "UPDATE mobile_code SET used_at = $3
             WHERE code_hash = $1 AND company_id = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(code.hash().as_slice())
        .bind(company)
        .bind(now)
        .execute(tx.connection())
        .await?;
        if used.rows_affected() == 0 {
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO mobile_session (token_hash, company_id, employee, phone, signed_in_at, last_seen_at)
             VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(token_hash.as_slice())
        .bind(company)
        .bind(employee)
        .bind(phone.as_str())
        .bind(now)
        .execute(tx.connection())
        .await?;
        let author = Author { actor: tx.actor(), via: Via::Web, at: now };
        let entry = Entry::new("phone.sign_in", employee.to_string());
        audit::write(&mut tx, author, &[entry.after(&json!({ "phone": phone.as_str() }))]).await?;
        tx.commit().await?;
        Ok(Some(MobileSession { company, employee, phone: phone.clone() }))
    }

    /// The phone that holds a token; `None` when it is signed out or was silent for too long.
    ///
    /// # Errors
    /// The database's.
    pub async fn mobile_session(
        &self,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<MobileSession>, StoreError> {
        let found: Option<(CompanyId, EmployeeId, String)> = sqlx::query_as(
            "UPDATE mobile_session s SET last_seen_at = $2 FROM company c
             WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.last_seen_at > $3
               AND c.company_id = s.company_id AND c.state = 'active'
             RETURNING s.company_id, s.employee, s.phone",
        )
        .bind(token_hash.as_slice())
        .bind(now)
        .bind(now - SESSION_IDLE)
        .fetch_optional(&self.pool)
        .await?;
        let Some((company, employee, phone)) = found else { return Ok(None) };
        let phone = Code::parse(&phone).map_err(|e| StoreError::Corrupt {
            table: "mobile_session",
            id: employee.to_string(),
            cause: e.to_string(),
        })?;
        Ok(Some(MobileSession { company, employee, phone }))
    }
}
