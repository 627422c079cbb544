//! Rows of signed-in sessions.

use chrono::{DateTime, Utc};
use shared_model::access::Role;
use shared_model::{CompanyId, UserId};

use super::{Store, StoreError};

/// A session with its person, and the company whose pages it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSession {
    /// The person.
    pub user: UserId,
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// Whether the person operates the cloud.
    pub operator: bool,
    /// The company, its name, and the person's role there.
    pub company: Option<(CompanyId, String, Role)>,
    /// When the person signed in.
    pub signed_in_at: DateTime<Utc>,
    /// The last activity written.
    pub last_seen_at: DateTime<Utc>,
}

impl Store {
    /// Finds a session. `None` when there is none, or its person may no longer sign in. A company that the person has left
    /// or that was suspended is not shown any more.
    ///
    /// # Errors
    /// The database's, or a role that this version does not know.
    pub async fn web_session(&self, token_hash: &[u8; 32]) -> Result<Option<WebSession>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Row {
            user_id: UserId,
            name: String,
            email: String,
            operator: bool,
            company_id: Option<CompanyId>,
            company_name: Option<String>,
            role: Option<String>,
            signed_in_at: DateTime<Utc>,
            last_seen_at: DateTime<Utc>,
        }
        let row: Option<Row> = sqlx::query_as(
            "SELECT u.user_id, u.name, u.email, u.operator, c.company_id, c.name AS company_name, m.role,
                    s.signed_in_at, s.last_seen_at
             FROM session s
             JOIN app_user u ON u.user_id = s.user_id AND u.state = 'active' AND u.password IS NOT NULL
             LEFT JOIN membership m ON m.user_id = s.user_id AND m.company_id = s.company_id
             LEFT JOIN company c ON c.company_id = m.company_id AND c.state = 'active'
             WHERE s.token_hash = $1",
        )
        .bind(token_hash.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let company = match (row.company_id, row.company_name, row.role) {
            (Some(company), Some(name), Some(role)) => {
                let role = Role::parse(&role).ok_or_else(|| StoreError::Corrupt {
                    table: "membership",
                    id: format!("{}/{company}", row.user_id),
                    cause: format!("unknown role {role:?}"),
                })?;
                Some((company, name, role))
            }
            _ => None,
        };
        Ok(Some(WebSession {
            user: row.user_id,
            name: row.name,
            email: row.email,
            operator: row.operator,
            company,
            signed_in_at: row.signed_in_at,
            last_seen_at: row.last_seen_at,
        }))
    }

    /// Keeps a new session; it shows the person's first company by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_web_session(
        &self,
        token_hash: &[u8; 32],
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO session (token_hash, user_id, company_id, signed_in_at, last_seen_at)
             SELECT $1, $2, (SELECT m.company_id FROM membership m JOIN company c USING (company_id)
                             WHERE m.user_id = $2 AND c.state = 'active' ORDER BY lower(c.name), c.company_id LIMIT 1),
                    $3, $3",
        )
        .bind(token_hash.as_slice())
        .bind(user)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes the time of last activity.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch_web_session(
        &self,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE session SET last_seen_at = $2 WHERE token_hash = $1")
            .bind(token_hash.as_slice())
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Shows another of the person's companies. Says whether the person works there.
    ///
    /// # Errors
    /// The database's.
    pub async fn switch_company(
        &self,
        token_hash: &[u8; 32],
        company: CompanyId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE session s SET company_id = $2
             WHERE s.token_hash = $1
               AND EXISTS (SELECT FROM membership m JOIN company c USING (company_id)
                           WHERE m.user_id = s.user_id AND m.company_id = $2 AND c.state = 'active')",
        )
        .bind(token_hash.as_slice())
        .bind(company)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a session.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_web_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE token_hash = $1")
            .bind(token_hash.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
