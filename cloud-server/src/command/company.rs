//! `muster-cloud company …`

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use shared_model::CompanyId;
use shared_model::text::{Code, Name};

use super::{Report, author};
use crate::clock::{OsEntropy, SystemClock};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a company
    Add {
        /// Its name
        #[arg(long, value_parser = Name::parse)]
        name: Name,
        /// The language of texts for everybody
        #[arg(long, default_value = "en", value_parser = Code::parse)]
        locale: Code,
    },
    /// List the companies
    List,
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Add { name, locale } => {
            let id = CompanyId::mint(&SystemClock, &OsEntropy);
            store.add_company(id, &name, &locale, author(), &OsEntropy).await?;
            let text = format!(
                "Made the company {name} ({id}).\nNext: muster-cloud site add --company {id} --name … --code … --zone …"
            );
            Ok(Report::new(json!({ "company": id, "name": name.as_str() }), text))
        }
        Command::List => {
            let rows = store.companies().await?;
            let json = rows.iter().map(|row| {
                json!({
                    "company": row.company_id, "name": row.name, "plan": row.plan, "state": row.state,
                    "created_at": row.created_at,
                })
            });
            let text: Vec<String> =
                rows.iter().map(|row| format!("{}  {}", row.company_id, row.name)).collect();
            let text = if text.is_empty() { "There is no company yet.".to_owned() } else { text.join("\n") };
            Ok(Report::new(json.collect(), text))
        }
    }
}
