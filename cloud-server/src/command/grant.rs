//! `muster-cloud grant …`: who may decide about phone punches.

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::json;
use shared_model::{Clock as _, DepartmentId, SiteId};
use sync_protocol::authority::GrantId;

use super::{Report, author, find_company};
use crate::clock::{OsEntropy, SystemClock};
use crate::store::grant::{self, NewGrant};
use crate::store::{CompanyAccess, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Let a member decide about phone punches
    Give {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The member's address
        #[arg(long)]
        email: String,
        /// For people of this site only (may be given several times)
        #[arg(long)]
        site: Vec<SiteId>,
        /// For people of this department only (may be given several times)
        #[arg(long)]
        department: Vec<DepartmentId>,
        /// From when (RFC 3339); now when left out
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Until when (RFC 3339); for good when left out
        #[arg(long)]
        to: Option<DateTime<Utc>>,
    },
    /// Take a grant away, from now on
    Revoke {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The grant's id
        grant: uuid::Uuid,
    },
    /// List the grants in force
    List {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
    },
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Give { company, email, site, department, from, to } => {
            let company = find_company(store, company.as_deref()).await?;
            let found = store.user_by_email(&email).await?;
            let (user, _) = found.with_context(|| format!("there is no user {email:?}"))?;
            let author = author();
            let from = from.unwrap_or(author.at);
            if from < author.at - chrono::TimeDelta::minutes(1) {
                bail!("a grant cannot begin before it is given");
            }
            let some = |empty: bool| (!empty).then_some(());
            let new = NewGrant {
                id: GrantId::from_uuid(shared_model::id::uuid_v7(&SystemClock, &OsEntropy)),
                person: user.user_id,
                sites: some(site.is_empty()).map(|()| site),
                departments: some(department.is_empty()).map(|()| department),
                valid_from: from,
                valid_to: to,
            };
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            grant::give(&mut tx, &new, author, &OsEntropy).await?;
            tx.commit().await?;
            let text = format!("{} may decide about phone punches. Grant: {}", user.email, new.id);
            Ok(Report::new(json!({ "grant": new.id, "user": user.user_id, "company": company }), text))
        }
        Command::Revoke { company, grant } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            grant::take_away(&mut tx, GrantId::from_uuid(grant), author(), &OsEntropy).await?;
            tx.commit().await?;
            Ok(Report::new(json!({ "grant": grant }), format!("Took the grant {grant} away.")))
        }
        Command::List { company } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let (grants, users) = (grant::living(&mut tx).await?, store.users().await?);
            let now = SystemClock.now();
            let name = |grant: &sync_protocol::authority::Grant| {
                let user = users.iter().find(|user| user.user_id == grant.person);
                user.map_or_else(|| grant.person.to_string(), |user| user.email.clone())
            };
            let text: Vec<String> = grants
                .iter()
                .map(|grant| {
                    let over = grant.valid_to.is_some_and(|end| end <= now);
                    let end = grant.valid_to.map_or_else(|| "for good".to_owned(), |end| format!("to {end}"));
                    let mark = if over { "  (over)" } else { "" };
                    format!("{}  {}  from {} {end}{mark}", grant.id, name(grant), grant.valid_from)
                })
                .collect();
            let text = if text.is_empty() { "Nobody may decide yet.".to_owned() } else { text.join("\n") };
            let json = grants.iter().map(|grant| json!({ "email": name(grant), "grant": grant }));
            Ok(Report::new(json.collect(), text))
        }
    }
}
