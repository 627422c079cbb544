//! People who sign in: users, their memberships, one-time tokens for a first password.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::access::Role;
use shared_model::text::Name;
use shared_model::{ActorId, CompanyId, Entropy, SiteId, UserId};

use super::audit::{self, Author, Entry, Via};
use super::{Store, StoreError};
use crate::one_time_code::OneTimeCode;

/// How long the token for a first password is good for. The first superuser's is made anew at each start.
pub const TOKEN_LIFE: TimeDelta = TimeDelta::hours(24);

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UserRow {
    /// The id.
    pub user_id: UserId,
    /// The address under which the person signs in.
    pub email: String,
    /// What the person is called.
    pub name: String,
    /// Whether the person operates the cloud.
    pub operator: bool,
    /// `active` or `disabled`.
    pub state: String,
    /// Whether a password is set.
    pub has_password: bool,
}

/// A user who is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// A new id.
    pub id: UserId,
    /// The address under which the person will sign in.
    pub email: String,
    /// What the person is called.
    pub name: Name,
    /// Whether the person operates the cloud.
    pub operator: bool,
}

/// What a person is in one company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The company.
    pub company: CompanyId,
    /// The company's name.
    pub company_name: String,
    /// The person's role there.
    pub role: Role,
    /// The sites that the role reaches; `None` = all.
    pub sites: Option<Vec<SiteId>>,
}

/// Why a user was not made.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Not of the form `name@host`.
    #[error("{0:?} is no e-mail address")]
    BadEmail(String),
    /// The address is taken.
    #[error("a user with the address {0} exists already")]
    Exists(String),
    /// No such token, or it is used or too old.
    #[error("the one-time token is wrong, used, or too old")]
    BadToken,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for UserError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// An e-mail address as people sign in with it: trimmed, compared without regard to case.
///
/// # Errors
/// [`UserError::BadEmail`].
pub fn parse_email(text: &str) -> Result<String, UserError> {
    let text = text.trim();
    let bad = || UserError::BadEmail(text.chars().take(80).collect());
    let (name, host) = text.split_once('@').ok_or_else(bad)?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    if name.is_empty() || host.is_empty() || text.len() > 254 || name.contains(odd) || host.contains(odd) {
        return Err(bad());
    }
    Ok(text.to_owned())
}

impl Store {
    /// Whether nobody operates this cloud yet.
    ///
    /// # Errors
    /// The database's.
    pub async fn lacks_operator(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT NOT EXISTS (SELECT FROM app_user WHERE operator AND password IS NOT NULL)",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Makes the token with which the first superuser is set up; earlier ones end.
    ///
    /// # Errors
    /// The database's.
    pub async fn make_setup_token(
        &self,
        entropy: &(impl Entropy + ?Sized),
        now: DateTime<Utc>,
    ) -> Result<OneTimeCode, StoreError> {
        let token = OneTimeCode::password(entropy);
        let mut tx = self.pool.begin().await?;
        sqlx::query("UPDATE password_token SET used_at = $1 WHERE user_id IS NULL AND used_at IS NULL")
            .bind(now)
            .execute(&mut *tx)
            .await?;
        insert_token(&mut tx, &token, None, now).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Sets up the first superuser. `password` is its argon2id form.
    ///
    /// # Errors
    /// [`UserError`]; the token stays good then.
    pub async fn set_up_operator(
        &self,
        token: &OneTimeCode,
        new: &NewUser,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<(), UserError> {
        let user = new.id;
        let mut tx = self.pool.begin().await?;
        if use_token(&mut tx, token, now).await?.is_some_and(|of| of.is_some()) {
            return Err(UserError::BadToken);
        }
        insert_user(&mut tx, new, Some(password), now).await?;
        let author = Author { actor: user.into(), via: Via::Web, at: now };
        audit::write_operator(&mut tx, author, None, &Entry::new("user.set_up", user.to_string())).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a user without a password, and the one-time token with which the person sets it.
    ///
    /// # Errors
    /// [`UserError`].
    pub async fn add_user(
        &self,
        new: &NewUser,
        author: Author,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<OneTimeCode, UserError> {
        let token = OneTimeCode::password(entropy);
        let mut tx = self.pool.begin().await?;
        insert_user(&mut tx, new, None, author.at).await?;
        insert_token(&mut tx, &token, Some(new.id), author.at).await?;
        audit::write_operator(&mut tx, author, None, &Entry::new("user.add", new.id.to_string())).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Makes another one-time token for a person who has not set a password yet; those before it end.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_token(
        &self,
        user: UserId,
        author: Author,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<OneTimeCode, StoreError> {
        let token = OneTimeCode::password(entropy);
        let mut tx = self.pool.begin().await?;
        sqlx::query("UPDATE password_token SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL")
            .bind(user)
            .bind(author.at)
            .execute(&mut *tx)
            .await?;
        insert_token(&mut tx, &token, Some(user), author.at).await?;
        audit::write_operator(&mut tx, author, None, &Entry::new("user.renew_token", user.to_string()))
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Changes a person's own password and ends every session but one.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_password(
        &self,
        user: UserId,
        password: &str,
        keep: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("UPDATE app_user SET password = $2 WHERE user_id = $1")
            .bind(user)
            .bind(password)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM session WHERE user_id = $1 AND token_hash <> $2")
            .bind(user)
            .bind(keep.as_slice())
            .execute(&mut *tx)
            .await?;
        let author = Author { actor: user.into(), via: Via::Web, at: now };
        audit::write_operator(&mut tx, author, None, &Entry::new("user.set_password", user.to_string()))
            .await?;
        Ok(tx.commit().await?)
    }

    /// The owners of a company, by address.
    ///
    /// # Errors
    /// The database's.
    pub async fn owners(&self, company: CompanyId) -> Result<Vec<UserRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT u.user_id, u.email, u.name, u.operator, u.state, u.password IS NOT NULL AS has_password
             FROM membership m JOIN app_user u USING (user_id)
             WHERE m.company_id = $1 AND m.role = $2 ORDER BY lower(u.email)",
        )
        .bind(company)
        .bind(Role::Owner.as_str())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Sets the password of the person whom a token was made for.
    ///
    /// # Errors
    /// [`UserError::BadToken`].
    pub async fn set_password(
        &self,
        token: &OneTimeCode,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<UserId, UserError> {
        let mut tx = self.pool.begin().await?;
        let user = use_token(&mut tx, token, now).await?.flatten().ok_or(UserError::BadToken)?;
        sqlx::query("UPDATE app_user SET password = $2 WHERE user_id = $1")
            .bind(user)
            .bind(password)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM session WHERE user_id = $1").bind(user).execute(&mut *tx).await?;
        let author = Author { actor: user.into(), via: Via::Web, at: now };
        audit::write_operator(&mut tx, author, None, &Entry::new("user.set_password", user.to_string()))
            .await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives a user a role in a company, or another one than before.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_membership(
        &self,
        user: UserId,
        company: CompanyId,
        role: Role,
        author: Author,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin(&super::CompanyAccess::of_operator(company, author.actor)).await?;
        sqlx::query(
            "INSERT INTO membership (user_id, company_id, role, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, company_id) DO UPDATE SET role = excluded.role",
        )
        .bind(user)
        .bind(company)
        .bind(role.as_str())
        .bind(author.at)
        .execute(tx.connection())
        .await?;
        let entry = Entry::new("member.set", user.to_string());
        let entry = entry.after(&serde_json::json!({ "role": role.as_str() }));
        audit::write(&mut tx, author, &[entry]).await?;
        tx.commit().await
    }

    /// The user of an address, with the argon2id form of the password.
    ///
    /// # Errors
    /// The database's.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<(UserRow, Option<String>)>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Found {
            #[sqlx(flatten)]
            row: UserRow,
            password: Option<String>,
        }
        let found: Option<Found> = sqlx::query_as(
            "SELECT user_id, email, name, operator, state, password IS NOT NULL AS has_password, password
             FROM app_user WHERE lower(email) = lower($1)",
        )
        .bind(email.trim())
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|found| (found.row, found.password)))
    }

    /// Writes a sign-in, or a refused one, to the operator's log.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_sign_in(
        &self,
        actor: ActorId,
        source: &str,
        succeeded: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let action = if succeeded { "user.sign_in" } else { "user.sign_in_refused" };
        let author = Author { actor, via: Via::Web, at: now };
        audit::write_operator(&mut tx, author, None, &Entry::new(action, source)).await?;
        Ok(tx.commit().await?)
    }

    /// Every user, by address.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT user_id, email, name, operator, state, password IS NOT NULL AS has_password
             FROM app_user ORDER BY lower(email)",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// In which companies a person works, by name.
    ///
    /// # Errors
    /// The database's, or a role that this version does not know.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let rows: Vec<(CompanyId, String, String, Option<Vec<SiteId>>)> = sqlx::query_as(
            "SELECT m.company_id, c.name, m.role, m.sites FROM membership m JOIN company c USING (company_id)
             WHERE m.user_id = $1 AND c.state = 'active' ORDER BY lower(c.name), m.company_id",
        )
        .bind(user)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(company, company_name, role, sites)| {
                let role = Role::parse(&role).ok_or_else(|| StoreError::Corrupt {
                    table: "membership",
                    id: format!("{user}/{company}"),
                    cause: format!("unknown role {role:?}"),
                })?;
                Ok(Membership { company, company_name, role, sites })
            })
            .collect()
    }
}

async fn insert_user(
    tx: &mut sqlx::PgConnection,
    new: &NewUser,
    password: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), UserError> {
    let email = parse_email(&new.email)?;
    let done = sqlx::query(
        "INSERT INTO app_user (user_id, email, name, operator, state, password, created_at)
         VALUES ($1, $2, $3, $4, 'active', $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(new.id)
    .bind(&email)
    .bind(new.name.as_str())
    .bind(new.operator)
    .bind(password)
    .bind(now)
    .execute(tx)
    .await?;
    if done.rows_affected() == 0 { Err(UserError::Exists(email)) } else { Ok(()) }
}

async fn insert_token(
    tx: &mut sqlx::PgConnection,
    token: &OneTimeCode,
    user: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO password_token (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(token.hash().as_slice())
    .bind(user)
    .bind(now)
    .bind(now + TOKEN_LIFE)
    .execute(tx)
    .await
    .map(drop)
}

/// Uses a token up and returns whose it was: `None` in the middle for the first superuser's.
async fn use_token(
    tx: &mut sqlx::PgConnection,
    token: &OneTimeCode,
    now: DateTime<Utc>,
) -> Result<Option<Option<UserId>>, UserError> {
    let used: Option<(Option<UserId>,)> = sqlx::query_as(
        "UPDATE password_token SET used_at = $2
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING user_id",
    )
    .bind(token.hash().as_slice())
    .bind(now)
    .fetch_optional(tx)
    .await?;
    match used {
        Some((user,)) => Ok(Some(user)),
        None => Err(UserError::BadToken),
    }
}
