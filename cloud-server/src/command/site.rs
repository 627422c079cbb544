//! `muster-cloud site …`

use anyhow::Result;
use chrono_tz::Tz;
use clap::Subcommand;
use serde_json::json;
use shared_model::SiteId;
use shared_model::text::{Code, Name};

use super::{Report, author, find_company};
use crate::clock::{OsEntropy, SystemClock};
use crate::store::{CompanyAccess, Store, company};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a site
    Add {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The site's name
        #[arg(long, value_parser = Name::parse)]
        name: Name,
        /// Its short code, unique in the company
        #[arg(long, value_parser = Code::parse)]
        code: Code,
        /// Its time zone, such as Asia/Dhaka
        #[arg(long)]
        zone: Tz,
    },
    /// List a company's sites
    List {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
    },
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Add { company, name, code, zone } => {
            let company = find_company(store, company.as_deref()).await?;
            let id = SiteId::mint(&SystemClock, &OsEntropy);
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            company::add_site(&mut tx, id, &name, &code, zone, author()).await?;
            tx.commit().await?;
            let text = format!(
                "Made the site {name} ({id}).\nNext: muster-cloud edge code --company {company} --site {id}"
            );
            Ok(Report::new(json!({ "site": id, "company": company, "name": name.as_str() }), text))
        }
        Command::List { company } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let rows = company::sites(&mut tx).await?;
            let json = rows.iter().map(|row| {
                json!({
                    "site": row.id, "name": row.name, "code": row.code, "zones": row.zones, "active": row.active,
                })
            });
            let text: Vec<String> =
                rows.iter().map(|row| format!("{}  {:8}  {}", row.id, row.code, row.name)).collect();
            let text =
                if text.is_empty() { "The company has no site yet.".to_owned() } else { text.join("\n") };
            Ok(Report::new(json.collect(), text))
        }
    }
}
