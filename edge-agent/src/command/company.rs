//! `company`.

use clap::Subcommand;
use shared_model::entity::Weekday;
use shared_model::text::{Code, Name};

use super::context::Context;
use super::exit::Exit;
use super::scope::choice;
use crate::control::organisation::SetCompany;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set the company's own settings; what is not given stays
    Set {
        /// What it is called
        #[arg(long)]
        name: Option<Name>,
        /// First day of the week for weekly totals, such as saturday
        #[arg(long, value_name = "WEEKDAY", value_parser = choice(Weekday::parse, Weekday::ALL))]
        week_starts_on: Option<Weekday>,
        /// The language of texts for everybody, such as en or bn
        #[arg(long)]
        locale: Option<Code>,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Self::Set { name, week_starts_on, locale } = self;
        context.save(SetCompany { name, week_starts_on, locale }).await
    }
}
