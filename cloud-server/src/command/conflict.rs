//! `muster-cloud conflict …`

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use shared_model::Kind;
use sync_protocol::ConflictId;
use sync_protocol::merge::FieldRule;
use uuid::Uuid;

use super::{Report, author, find_company};
use crate::store::own_change::{self, OwnChangeError};
use crate::store::{CompanyAccess, Store, conflict};

/// Rows that are listed; the newest count.
const SHOWN: i64 = 1000;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Version {
    /// What was in the cloud
    Standing,
    /// What came
    Arriving,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the conflicts that wait, both versions
    List {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
    },
    /// Settle a conflict by hand: the chosen version counts everywhere
    Override {
        /// The company's id or name; may be left out when there is only one
        #[arg(long)]
        company: Option<String>,
        /// The conflict's id
        conflict: Uuid,
        /// The version that is to count
        #[arg(long)]
        take: Version,
    },
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::List { company } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let rows = conflict::waiting(&mut tx, SHOWN).await?;
            let mut lines = Vec::new();
            for row in &rows {
                let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number);
                let kind = kind.map_or("unknown", Kind::as_str);
                let (standing, arriving) =
                    (serde_json::to_string(&row.standing)?, serde_json::to_string(&row.arriving)?);
                lines.push(format!(
                    "{}  {kind} {}  {}: {standing} (standing) against {arriving} (arriving)",
                    row.id.uuid(),
                    row.key,
                    row.cause
                ));
            }
            if lines.is_empty() {
                lines.push("No conflicts wait.".to_owned());
            }
            Ok(Report::new(json!({ "conflicts": rows }), lines.join("\n")))
        }
        Command::Override { company, conflict, take } => {
            let company = find_company(store, company.as_deref()).await?;
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let choice = match take {
                Version::Standing => FieldRule::Standing,
                Version::Arriving => FieldRule::Arriving,
            };
            match own_change::settle(&mut tx, ConflictId::from_uuid(conflict), choice, author()).await {
                Ok(()) => tx.commit().await?,
                Err(OwnChangeError::NotFound) => bail!("no such conflict waits"),
                Err(error) => return Err(error.into()),
            }
            Ok(Report::new(json!({ "conflict": conflict }), "The conflict is settled.".to_owned()))
        }
    }
}
