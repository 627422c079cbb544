//! `roster`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::json;
use shared_model::entity::{RosterBasis, Weekday};
use shared_model::record::Document;
use shared_model::text::Code;

use super::context::Context;
use super::exit::Exit;
use super::file;
use super::scope::{ScopeArgs, choice};
use super::table::{Table, cell};
use crate::control::roster::{ListRosters, SetRoster};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say which shift somebody works from a date on
    #[command(after_help = "Example: muster-edge roster set --department SEW --shift G --from 2026-11-01")]
    Set {
        #[command(flatten)]
        scope: ScopeArgs,
        /// The code of the shift worked every day
        #[arg(long, value_name = "CODE", required_unless_present = "pattern")]
        shift: Option<Code>,
        /// Only on this weekday; may be given several times
        #[arg(long, value_name = "WEEKDAY", requires = "shift", value_parser = choice(Weekday::parse, Weekday::ALL))]
        weekday: Vec<Weekday>,
        /// A JSON file with a pattern (rotation, weeks), in which shifts stand by code or id
        #[arg(long, value_name = "FILE", conflicts_with = "shift")]
        pattern: Option<PathBuf>,
        /// First work date
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// Last work date; without one it counts until further notice
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
        /// A plan, which goes before every default; without this it is a default
        #[arg(long)]
        planned: bool,
    },
    /// List who works what
    List,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Set { scope, shift, weekday, pattern, from, to, planned } => {
                let pattern = match (pattern, shift) {
                    (Some(path), _) => file::read_document(&path)?,
                    (None, Some(shift)) => every_day(&shift, &weekday),
                    (None, None) => anyhow::bail!("a roster needs --shift or --pattern"),
                };
                let basis = if planned { RosterBasis::Roster } else { RosterBasis::Default };
                context.save(SetRoster { scope: scope.into(), basis, from, to, pattern }).await
            }
            Self::List => {
                let rosters = context.read(ListRosters {}).await?;
                context.output.answer(&rosters, || {
                    let mut table = Table::new(&["FOR", "BASIS", "FROM", "TO", "SHIFTS"]);
                    for roster in &rosters {
                        table.row([
                            roster.scope.clone(),
                            if roster.basis == RosterBasis::Roster { "planned" } else { "default" }
                                .to_owned(),
                            roster.from.to_string(),
                            cell(roster.to.as_ref()),
                            roster.shifts.join(", "),
                        ]);
                    }
                    table.text("Nobody has a shift yet.")
                })?;
                Ok(Exit::Done)
            }
        }
    }
}

/// The pattern of one shift every day, or on some weekdays.
fn every_day(shift: &Code, weekdays: &[Weekday]) -> Document {
    let days: BTreeSet<Weekday> = weekdays.iter().copied().collect();
    let fixed = match days.is_empty() {
        true => json!({"shifts": [shift]}),
        false => json!({"shifts": [shift], "weekdays": days}),
    };
    Document(json!({"fixed": fixed}))
}
