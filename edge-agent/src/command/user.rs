//! `user`.

use std::io::BufRead as _;

use clap::{Args, Subcommand};
use serde_json::json;
use shared_model::Entropy;
use shared_model::access::Role;
use shared_model::text::Name;
use web_kit::password::{NewPassword, Passwords};

use super::context::Context;
use super::exit::Exit;
use super::table::Table;
use crate::control::account::{AddUser, FreshSetUp, ListUsers, SetPassword, SetUserActive, may_be_made_here};
use crate::control::{Hidden, Refusal, Saved};

/// Letters and digits that cannot be mistaken for each other when read aloud.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a made password: 100 random bits.
const LENGTH: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an account for the local pages
    Add {
        /// The name typed at sign-in
        name: String,
        /// The name shown
        #[arg(long)]
        full_name: Option<Name>,
        /// local_owner (may set everything up) or auditor (sees everything, changes nothing)
        #[arg(long, default_value = "local_owner", value_parser = role)]
        role: Role,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give an account another password and sign it out everywhere
    ResetPassword {
        /// The name typed at sign-in
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Let an account no longer sign in
    Disable {
        /// The name typed at sign-in
        name: String,
    },
    /// Let a disabled account sign in again
    Enable {
        /// The name typed at sign-in
        name: String,
    },
    /// List the accounts
    List,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input (one line); without this one is made and printed once
    #[arg(long)]
    password_stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::parse(&text.replace('-', "_")).filter(|role| may_be_made_here(*role));
    found.ok_or_else(|| {
        let roles: Vec<&str> =
            Role::ALL.iter().filter(|role| may_be_made_here(**role)).map(|role| role.as_str()).collect();
        format!("one of {} (accounts that decide approvals are made in the cloud)", roles.join(", "))
    })
}

/// Prints a fresh token for the first set-up.
pub(super) async fn setup_token(context: &Context) -> anyhow::Result<Exit> {
    let fresh = context.read(FreshSetUp {}).await?;
    context.output.answer(&fresh, || {
        format!(
            "{}\nOpen {} in a browser on this machine. The token is good once, for {} hours; tokens printed before are void.",
            fresh.token.reveal(),
            fresh.url.reveal(),
            fresh.valid_hours
        )
    })?;
    Ok(Exit::Done)
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add { name, full_name, role, password } => {
                let personal = full_name.as_ref().map(ToString::to_string).unwrap_or_default();
                let password = password.take(context, &[&name, &personal]).await?;
                let password_hash = password.hash;
                let saved = context.write(AddUser { name, full_name, role, password_hash }).await?;
                tell(context, &saved, password.made.as_deref())
            }
            Self::ResetPassword { name, password } => {
                let password = password.take(context, &[&name]).await?;
                let password_hash = password.hash;
                let saved = context.write(SetPassword { name, password_hash }).await?;
                tell(context, &saved, password.made.as_deref())
            }
            Self::Disable { name } => context.save(SetUserActive { name, active: false }).await,
            Self::Enable { name } => context.save(SetUserActive { name, active: true }).await,
            Self::List => list(context).await,
        }
    }
}

struct Password {
    hash: Hidden,
    /// The password where it was made here: shown once.
    made: Option<String>,
}

impl PasswordArgs {
    async fn take(self, context: &Context, personal: &[&str]) -> anyhow::Result<Password> {
        let (text, made) = if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            (line.trim_end_matches(['\r', '\n']).to_owned(), None)
        } else {
            let made = make(&*context.entropy);
            (made.clone(), Some(made))
        };
        let password =
            NewPassword::parse(&text, personal).map_err(|error| Refusal::refused(error.to_string()))?;
        let mut random = [0; 64];
        context.entropy.fill(&mut random);
        let (salt, rest) = random.split_at(16);
        let (first, secret) = rest.split_at(16);
        let hasher =
            Passwords::new(first.try_into().unwrap_or_default(), secret.try_into().unwrap_or_default())?;
        let hash = hasher.hash(password, salt.try_into().unwrap_or_default()).await?;
        Ok(Password { hash: Hidden::new(hash), made })
    }
}

/// A password of random letters in groups of five.
fn make(entropy: &dyn Entropy) -> String {
    let mut random = [0; LENGTH];
    entropy.fill(&mut random);
    let mut text = String::new();
    for (at, byte) in random.into_iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        // 256 is a multiple of 32: every letter is as likely.
        text.push(LETTERS.get(usize::from(byte % 32)).copied().map_or('a', char::from));
    }
    text
}

fn tell(context: &Context, saved: &Saved, made: Option<&str>) -> anyhow::Result<Exit> {
    let value = json!({
        "kind": saved.kind, "id": saved.id, "label": saved.label, "outcome": saved.outcome, "password": made,
    });
    context.output.answer(&value, || {
        let head = format!("account {} {}", saved.label, saved.outcome.as_str());
        match &made {
            Some(password) => format!("{head}\nIts password, shown only now: {password}"),
            None => head,
        }
    })?;
    Ok(Exit::Done)
}

async fn list(context: &Context) -> anyhow::Result<Exit> {
    let users = context.read(ListUsers {}).await?;
    context.output.answer(&users, || {
        let mut table = Table::new(&["NAME", "FULL NAME", "ROLE", "STATE", "LAST SIGN-IN (UTC)"]);
        for user in &users {
            let seen = user.last_sign_in.map(|at| at.format("%Y-%m-%d %H:%M").to_string());
            table.row([
                user.name.clone(),
                user.full_name.clone(),
                user.role.as_str().to_owned(),
                if user.active { "active" } else { "disabled" }.to_owned(),
                seen.unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        table.text("There is no account yet.")
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsEntropy;

    #[test]
    fn a_made_password_passes_the_rules_and_is_another_each_time() {
        let (one, other) = (make(&OsEntropy), make(&OsEntropy));
        assert_ne!(one, other);
        assert_eq!(one.len(), LENGTH + LENGTH / 5 - 1);
        assert!(NewPassword::parse(&one, &[]).is_ok());
    }

    #[test]
    fn no_account_that_decides_is_made_here() {
        assert_eq!(role("local-owner"), Ok(Role::LocalOwner));
        assert_eq!(role("auditor"), Ok(Role::Auditor));
        for refused in ["owner", "hr_admin", "site_admin", "supervisor", "operator", "nobody"] {
            assert!(role(refused).is_err(), "{refused}");
        }
    }
}
