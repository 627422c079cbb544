//! `muster-cloud user …`

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;
use shared_model::UserId;
use shared_model::access::Role;
use shared_model::text::Name;

use super::{Report, author, find_company, parse_role};
use crate::clock::{OsEntropy, SystemClock};
use crate::store::Store;
use crate::store::user::{NewUser, TOKEN_LIFE};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a user and a one-time token for the first password
    Add {
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// What the person is called
        #[arg(long, value_parser = Name::parse)]
        name: Name,
        /// The company's id or name, for a person who works in one
        #[arg(long, requires = "role")]
        company: Option<String>,
        /// The person's role there
        #[arg(long, value_parser = parse_role, requires = "company")]
        role: Option<Role>,
        /// The person operates the cloud
        #[arg(long)]
        operator: bool,
    },
    /// Give a user a role in a company
    Grant {
        /// The user's address
        #[arg(long)]
        email: String,
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The role
        #[arg(long, value_parser = parse_role)]
        role: Role,
    },
    /// List the users
    List,
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Add { email, name, company, role, operator } => {
            let company = match company {
                Some(named) => Some(find_company(store, Some(&named)).await?),
                None => None,
            };
            let new = NewUser { id: UserId::mint(&SystemClock, &OsEntropy), email, name, operator };
            let token = store.add_user(&new, author(), &OsEntropy).await?;
            if let (Some(company), Some(role)) = (company, role) {
                store.set_membership(new.id, company, role, author()).await?;
            }
            let text = format!(
                "Made the user {}. One-time token for the first password, good for {} hours: {token}\n\
                 It is typed at /password.",
                new.email,
                TOKEN_LIFE.num_hours()
            );
            Ok(Report::new(json!({ "user": new.id, "token": token.to_string() }), text))
        }
        Command::Grant { email, company, role } => {
            let company = find_company(store, company.as_deref()).await?;
            let found = store.user_by_email(&email).await?;
            let (user, _) = found.with_context(|| format!("there is no user {email:?}"))?;
            store.set_membership(user.user_id, company, role, author()).await?;
            let text = format!("{} is {} now.", user.email, role.as_str());
            Ok(Report::new(json!({ "user": user.user_id, "company": company, "role": role.as_str() }), text))
        }
        Command::List => {
            let rows = store.users().await?;
            let json = rows.iter().map(|row| {
                json!({
                    "user": row.user_id, "email": row.email, "name": row.name, "operator": row.operator,
                    "state": row.state, "has_password": row.has_password,
                })
            });
            let text: Vec<String> =
                rows.iter().map(|row| format!("{}  {}  {}", row.user_id, row.email, row.name)).collect();
            let text = if text.is_empty() { "There is no user yet.".to_owned() } else { text.join("\n") };
            Ok(Report::new(json.collect(), text))
        }
    }
}
