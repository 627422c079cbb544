//! `muster-cloud edge …`

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::json;
use shared_model::{EdgeId, SiteId};

use super::{Report, author, find_company};
use crate::clock::OsEntropy;
use crate::store::edge::{self, CODE_LIFE};
use crate::store::{CompanyAccess, Store, company};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a one-time code with which a site's edge enrols
    #[command(visible_alias = "add")]
    Code {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The site's id or code; may be left out when there is only one
        #[arg(long)]
        site: Option<String>,
    },
    /// List a company's edges
    List {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
    },
    /// Revoke an enrolment: the edge keeps collecting and says so, the cloud takes nothing from it
    Retire {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The edge's id
        edge: EdgeId,
    },
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Code { company, site } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let sites = company::sites(&mut tx).await?;
            let id = site.as_deref().and_then(|text| text.parse::<SiteId>().ok());
            let site = match (site.as_deref(), sites.as_slice()) {
                (None, [only]) => only,
                (None, []) => bail!("the company has no site yet: make one with `muster-cloud site add`"),
                (None, _) => bail!("the company has {} sites: say which with --site ID", sites.len()),
                (Some(named), sites) => {
                    match sites.iter().find(|row| Some(row.id) == id || row.code == named) {
                        Some(site) => site,
                        None => bail!("the company has no site {named:?}"),
                    }
                }
            };
            let new = edge::make_code(&mut tx, site.id, author(), &OsEntropy).await?;
            tx.commit().await?;
            let code = new.code.to_string();
            let text = format!(
                "One-time code for the edge at {}: {code}\nGood for {} minutes, once. \
                 On the edge: muster-edge enroll --cloud URL --code {code}",
                site.name,
                CODE_LIFE.num_minutes(),
            );
            Ok(Report::new(
                json!({ "code": code, "company": company, "site": site.id, "expires_at": new.expires_at }),
                text,
            ))
        }
        Command::List { company } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let rows = edge::list(&mut tx).await?;
            let json = rows.iter().map(|row| {
                json!({
                    "edge": row.id, "name": row.name, "sites": row.sites, "state": row.state.as_str(),
                    "enrolled_at": row.enrolled_at, "last_seen": row.last_seen, "app_version": row.app_version,
                })
            });
            let line = |row: &edge::EdgeRow| {
                let seen = row
                    .last_seen
                    .map_or_else(|| "never seen".to_owned(), |at| format!("seen {}", at.format("%F %T")));
                format!("{}  {:8}  {:24}  {seen}", row.id, row.state.as_str(), row.name)
            };
            let text: Vec<String> = rows.iter().map(line).collect();
            let text =
                if text.is_empty() { "The company has no edge yet.".to_owned() } else { text.join("\n") };
            Ok(Report::new(json.collect(), text))
        }
        Command::Retire { company, edge: id } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            if !edge::retire(&mut tx, id, author()).await? {
                bail!("the company has no active edge {id}");
            }
            tx.commit().await?;
            Ok(Report::new(json!({ "edge": id, "state": "retired" }), format!("The edge {id} is retired.")))
        }
    }
}
