//! Accounts for the local pages.
//!
//! Whoever has the console may help somebody back in, but decides nothing: accounts made here have a role that cannot
//! approve. People who decide come from the cloud.

mod token;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_model::UserId;
use shared_model::access::{Permission, Role};
use shared_model::text::Name;

use super::hidden::Hidden;
use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{LocalUser, ReadTx, StoreError};

pub(crate) use token::SetUpToken;
pub use token::{FreshSetUp, SetUpAnswer, SetUpLink, set_up_link};

/// Adds an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddUser {
    /// The name typed at sign-in.
    pub name: String,
    /// The name shown.
    pub full_name: Option<Name>,
    /// What the person may do.
    pub role: Role,
    /// The password's hash (argon2id, PHC text).
    pub password_hash: Hidden,
}

/// Gives an account another password and ends its sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPassword {
    /// The name typed at sign-in.
    pub name: String,
    /// The password's hash (argon2id, PHC text).
    pub password_hash: Hidden,
}

/// Lets an account sign in or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUserActive {
    /// The name typed at sign-in.
    pub name: String,
    /// Whether it may sign in.
    pub active: bool,
}

/// Lists the accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUsers {}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Who.
    pub id: UserId,
    /// The name typed at sign-in.
    pub name: String,
    /// The name shown.
    pub full_name: String,
    /// What the person may do.
    pub role: Role,
    /// Whether the person may sign in.
    pub active: bool,
    /// The last sign-in.
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// Whether an account of this role may be made at the console.
#[must_use]
pub fn may_be_made_here(role: Role) -> bool {
    role != Role::Operator && !role.may(Permission::ApprovalsDecide)
}

/// The longest name for signing in, characters.
const NAME: usize = 40;

impl Act for AddUser {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        let bad = self.name.chars().any(|c| c.is_whitespace() || c.is_control());
        if self.name.is_empty() || self.name.chars().count() > NAME || bad {
            let message = format!("a name for signing in has 1 to {NAME} characters and no spaces");
            return Err(Refusal::refused(message));
        }
        if !may_be_made_here(self.role) {
            let message =
                "an account that decides approvals is made in the cloud, where it is known whose it is";
            return Err(Refusal::refused(message));
        }
        agent
            .write(move |tx, author| {
                let user = LocalUser {
                    id: UserId::mint(tx.clock(), tx.entropy()),
                    full_name: self.full_name.map(|name| name.to_string()).unwrap_or_default(),
                    name: self.name,
                    role: self.role,
                    password_hash: self.password_hash.reveal().to_owned(),
                    active: true,
                    last_sign_in: None,
                };
                tx.add_local_user(author, &user)?;
                Ok(account(&user, Outcome::Created))
            })
            .await
    }
}

impl Act for SetPassword {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        let user = named(agent, self.name).await?;
        agent
            .write(move |tx, author| {
                tx.set_password(author, user.id, self.password_hash.reveal(), None)?;
                Ok(account(&user, Outcome::Updated))
            })
            .await
    }
}

impl Act for SetUserActive {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        let user = named(agent, self.name).await?;
        agent
            .write(move |tx, author| {
                tx.set_local_user_active(author, user.id, self.active)?;
                let same = user.active == self.active;
                Ok(account(&user, if same { Outcome::Unchanged } else { Outcome::Updated }))
            })
            .await
    }
}

async fn named(agent: &Agent, name: String) -> Result<LocalUser, Refusal> {
    agent
        .read(move |tx| {
            let found = tx.local_user_named(&name)?;
            found.ok_or(StoreError::Missing { what: "account", id: name })
        })
        .await
}

fn account(user: &LocalUser, outcome: Outcome) -> Saved {
    Saved { kind: "account".to_owned(), id: user.id.uuid(), label: user.name.clone(), outcome }
}

impl Act for ListUsers {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<UserRow>, Refusal> {
        let users = agent.read(ReadTx::local_users).await?;
        let row = |user: LocalUser| {
            let LocalUser { id, name, full_name, role, active, last_sign_in, .. } = user;
            UserRow { id, name, full_name, role, active, last_sign_in }
        };
        Ok(users.into_iter().map(row).collect())
    }
}
