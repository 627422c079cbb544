//! People who sign in here, their sessions, and the one-time token of the first set-up.
//!
//! Passwords arrive hashed, tokens arrive hashed: nothing here could be used to sign in.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use shared_model::access::Role;
use shared_model::{ActorId, UserId};

use super::change::Author;
use super::{ReadTx, StoreError, Via, WriteTx};

/// A person who signs in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// Who.
    pub id: UserId,
    /// The name typed at sign-in; letters' case does not count.
    pub name: String,
    /// The name shown.
    pub full_name: String,
    /// What the person may do.
    pub role: Role,
    /// The password's argon2id hash in PHC text form.
    pub password_hash: String,
    /// Whether the person may sign in.
    pub active: bool,
    /// The last sign-in.
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// A session with its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSession {
    /// Whose.
    pub user: LocalUser,
    /// When the password was typed.
    pub signed_in_at: DateTime<Utc>,
    /// The last activity written.
    pub last_seen_at: DateTime<Utc>,
}

/// A session as its owner sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The row's key.
    pub token_hash: [u8; 32],
    /// When the password was typed.
    pub signed_in_at: DateTime<Utc>,
    /// The last activity written.
    pub last_seen_at: DateTime<Utc>,
    /// From which address.
    pub address: String,
    /// With which browser, as it names itself.
    pub agent: String,
}

/// From where a session was begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// The peer's address.
    pub address: String,
    /// The browser's name for itself, cut short.
    pub agent: String,
}

const USER: &str =
    "SELECT u.id, u.name, u.full_name, u.role, u.password_hash, u.state = 'active', u.last_sign_in";

fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

fn user(row: &rusqlite::Row<'_>) -> Result<LocalUser, StoreError> {
    let id: UserId = row.get(0)?;
    let role: String = row.get(3)?;
    Ok(LocalUser {
        id,
        name: row.get(1)?,
        full_name: row.get(2)?,
        role: Role::parse(&role)
            .ok_or_else(|| StoreError::corrupt("local_user", "role", id, "unknown role"))?,
        password_hash: row.get(4)?,
        active: row.get(5)?,
        last_sign_in: row.get::<_, Option<i64>>(6)?.map(instant),
    })
}

fn user_where(
    connection: &Connection,
    filter: &str,
    value: &dyn rusqlite::ToSql,
) -> Result<Option<LocalUser>, StoreError> {
    let sql = format!("{USER} FROM local_user u WHERE {filter}");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query([value])?;
    rows.next()?.map(user).transpose()
}

fn has_user(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM local_user WHERE from_cloud = 0)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn open_setup_token(connection: &Connection, hash: &[u8; 32], now_ms: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM setup_token WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2)",
        )?
        .query_row(params![hash, now_ms], |row| row.get(0))?)
}

impl ReadTx {
    /// Whether anybody can sign in, people of the cloud among them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_any_user(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM local_user)";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Whether somebody has an account that was made here; if not, this agent waits for its set-up.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_local_user(&self) -> Result<bool, StoreError> {
        has_user(&self.connection)
    }

    /// The person of a sign-in name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn local_user_named(&self, name: &str) -> Result<Option<LocalUser>, StoreError> {
        user_where(&self.connection, "u.name = ?1", &name)
    }

    /// Everybody who has an account here, by name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn local_users(&self) -> Result<Vec<LocalUser>, StoreError> {
        let sql = format!("{USER} FROM local_user u ORDER BY u.name");
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(user(row)?);
        }
        Ok(found)
    }

    /// The session of a token's hash, if its person may still sign in.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn session(&self, token_hash: &[u8; 32]) -> Result<Option<LocalSession>, StoreError> {
        let sql = format!(
            "{USER}, s.created_at, s.last_seen FROM session s JOIN local_user u ON u.id = s.user
             WHERE s.token_hash = ?1 AND u.state = 'active'"
        );
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut rows = query.query([token_hash])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(LocalSession {
            user: user(row)?,
            signed_in_at: instant(row.get(7)?),
            last_seen_at: instant(row.get(8)?),
        }))
    }

    /// A person's sessions, the last active first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "SELECT token_hash, created_at, last_seen, address, agent FROM session
             WHERE user = ?1 ORDER BY last_seen DESC LIMIT 50",
        )?;
        let rows = query.query_map([user], |row| {
            Ok(SessionRow {
                token_hash: row.get(0)?,
                signed_in_at: instant(row.get(1)?),
                last_seen_at: instant(row.get(2)?),
                address: row.get(3)?,
                agent: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a set-up token may still be used.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_open_setup_token(&self, hash: &[u8; 32], now: DateTime<Utc>) -> Result<bool, StoreError> {
        open_setup_token(&self.connection, hash, now.timestamp_millis())
    }
}

impl WriteTx {
    /// Keeps the hash of a new set-up token; the ones before it are void.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the set-up has been done.
    pub fn put_setup_token(&self, hash: &[u8; 32], expires: DateTime<Utc>) -> Result<(), StoreError> {
        if has_user(&self.connection)? {
            return Err(StoreError::Invalid("the set-up has been done: sign in instead".to_owned()));
        }
        self.connection.execute("DELETE FROM setup_token WHERE used_at IS NULL", [])?;
        self.connection.execute(
            "INSERT INTO setup_token (token_hash, created_at, expires_at) VALUES (?1, ?2, ?3)",
            params![hash, self.now_ms(), expires.timestamp_millis()],
        )?;
        Ok(())
    }

    /// Uses up a set-up token. `false` = there is no such open token, or somebody has an account already.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn use_setup_token(&self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        if has_user(&self.connection)? || !open_setup_token(&self.connection, hash, self.now_ms())? {
            return Ok(false);
        }
        self.connection.execute(
            "UPDATE setup_token SET used_at = ?2 WHERE token_hash = ?1",
            params![hash, self.now_ms()],
        )?;
        Ok(true)
    }

    /// Adds a person who may sign in.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a name that is taken.
    pub fn add_local_user(&self, author: &Author, user: &LocalUser) -> Result<(), StoreError> {
        if user_where(&self.connection, "u.name = ?1", &user.name)?.is_some() {
            return Err(StoreError::Exists { what: "account", id: user.name.clone() });
        }
        self.connection.execute(
            "INSERT INTO local_user (id, name, full_name, role, password_hash, state, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                user.id,
                user.name,
                user.full_name,
                user.role.as_str(),
                user.password_hash,
                if user.active { "active" } else { "disabled" },
                self.now_ms(),
            ],
        )?;
        self.audit(author.actor, author.via, "account.add", &user.name, "", user.role.as_str())
    }

    /// Sets a person's password and ends all sessions of that person but `keep`.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; [`StoreError::Invalid`] for an account of the cloud.
    pub fn set_password(
        &self,
        author: &Author,
        id: UserId,
        password_hash: &str,
        keep: Option<&[u8; 32]>,
    ) -> Result<(), StoreError> {
        self.refuse_of_cloud(id)?;
        let changed = self
            .connection
            .execute("UPDATE local_user SET password_hash = ?2 WHERE id = ?1", params![id, password_hash])?;
        if changed == 0 {
            return Err(StoreError::Missing { what: "account", id: id.to_string() });
        }
        self.end_sessions_of(id, keep)?;
        self.audit(author.actor, author.via, "account.password", &id.to_string(), "", "")
    }

    /// Lets a person sign in or not; without it all sessions of that person end.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; [`StoreError::Invalid`] for the last one who can change accounts, and for an
    /// account of the cloud.
    pub fn set_local_user_active(&self, author: &Author, id: UserId, active: bool) -> Result<(), StoreError> {
        let Some(user) = user_where(&self.connection, "u.id = ?1", &id)? else {
            return Err(StoreError::Missing { what: "account", id: id.to_string() });
        };
        if user.active == active {
            return Ok(());
        }
        self.refuse_of_cloud(id)?;
        let state = if active { "active" } else { "disabled" };
        self.connection.execute("UPDATE local_user SET state = ?2 WHERE id = ?1", params![id, state])?;
        let owners: i64 = self.connection.query_row(
            "SELECT count(*) FROM local_user WHERE state = 'active' AND role IN ('owner', 'local_owner')",
            [],
            |row| row.get(0),
        )?;
        if owners == 0 {
            return Err(StoreError::Invalid("the last owner cannot be disabled".to_owned()));
        }
        if !active {
            self.end_sessions_of(id, None)?;
        }
        self.audit(author.actor, author.via, "account.state", &user.name, "", state)
    }

    /// Whoever has the console must not become a person of the cloud, who may decide, by giving him another password.
    fn refuse_of_cloud(&self, id: UserId) -> Result<(), StoreError> {
        let of_cloud: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM local_user WHERE id = ?1 AND from_cloud = 1)")?
            .query_row([id], |row| row.get(0))?;
        if of_cloud {
            return Err(StoreError::Invalid("this account is the cloud's: it is changed there".to_owned()));
        }
        Ok(())
    }

    /// Keeps a new session and notes the sign-in.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn begin_session(
        &self,
        token_hash: &[u8; 32],
        user: UserId,
        origin: &SessionOrigin,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = now.timestamp_millis();
        self.connection.execute("DELETE FROM session WHERE expires_at <= ?1", [now])?;
        self.connection.execute(
            "INSERT INTO session (token_hash, user, created_at, last_seen, expires_at, address, agent)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)",
            params![token_hash, user, now, expires.timestamp_millis(), origin.address, origin.agent],
        )?;
        self.connection
            .execute("UPDATE local_user SET last_sign_in = ?2 WHERE id = ?1", params![user, now])?;
        self.audit(ActorId::from(user), Via::Ui, "account.sign_in", &origin.address, "", "")
    }

    /// Writes the time of last activity.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn touch_session(&self, token_hash: &[u8; 32], now: DateTime<Utc>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE session SET last_seen = ?2 WHERE token_hash = ?1")?
            .execute(params![token_hash, now.timestamp_millis()])?;
        Ok(())
    }

    /// Ends a session; one that is not there is no error.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn end_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM session WHERE token_hash = ?1", [token_hash])?;
        Ok(())
    }

    /// Ends a person's sessions, all but `keep`, and says how many.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn end_sessions_of(&self, user: UserId, keep: Option<&[u8; 32]>) -> Result<usize, StoreError> {
        let keep: &[u8] = keep.map_or(&[], |hash| hash.as_slice());
        Ok(self
            .connection
            .execute("DELETE FROM session WHERE user = ?1 AND token_hash <> ?2", params![user, keep])?)
    }
}

#[cfg(test)]
mod tests;
