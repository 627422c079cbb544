//! `site`.

use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::Subcommand;
use shared_model::text::{Code, Line, Name};

use super::context::Context;
use super::exit::Exit;
use super::table::Table;
use crate::control::organisation::{ListSites, SetSite};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a site, or change the one that has the code
    Set {
        /// Its short code
        #[arg(long)]
        code: Code,
        /// What it is called; needed for a new one
        #[arg(long)]
        name: Option<Name>,
        /// Its time zone, such as Asia/Dhaka; needed for a new one
        #[arg(long, value_parser = zone)]
        zone: Option<Tz>,
        /// The first date on which the zone counts, where it was another before
        #[arg(long, value_name = "DATE", requires = "zone")]
        zone_from: Option<NaiveDate>,
        /// Its postal address, for printed registers
        #[arg(long)]
        address: Option<Line>,
        /// Whether it still works
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
    },
    /// List the sites
    List,
}

/// A zone of the IANA's list.
fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| format!("{text} is no zone of the IANA's list: write it as Asia/Dhaka"))
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Set { code, name, zone, zone_from, address, active } => {
                context.save(SetSite { code, name, zone, zone_from, address, active }).await
            }
            Self::List => {
                let sites = context.read(ListSites {}).await?;
                context.output.answer(&sites, || {
                    let mut table = Table::new(&["CODE", "NAME", "ZONE", "STATE"]);
                    for site in &sites {
                        let state = match (site.active, site.own) {
                            (false, _) => "closed",
                            (true, true) => "this agent's",
                            (true, false) => "active",
                        };
                        table.row([
                            site.code.to_string(),
                            site.name.to_string(),
                            site.zone.name().to_owned(),
                            state.to_owned(),
                        ]);
                    }
                    table.text("There is no site yet.")
                })?;
                Ok(Exit::Done)
            }
        }
    }
}
