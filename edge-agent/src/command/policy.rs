//! `policy`.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::Subcommand;
use shared_model::text::Name;
use shift_engine::{PolicyRules, Typed as _};

use super::context::Context;
use super::exit::Exit;
use super::file;
use super::scope::ScopeArgs;
use crate::control::policy::{ListPolicies, PolicyRow, SetPolicy};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set the rules that count from a date on
    #[command(after_help = "Example: muster-edge policy set rules.json --from 2026-11-01\n\
        What the file leaves out has the default that `muster-edge policy default` prints.")]
    Set {
        /// A JSON file with the rules; - for standard input
        file: PathBuf,
        /// First work date
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// What the policy is called
        #[arg(long)]
        name: Option<Name>,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Print the policies with their rules
    Show,
    /// Print the rules that count where no policy says otherwise
    Default,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Set { file, from, name, scope } => {
                let rules = file::read_document(&file)?;
                let name = match name {
                    Some(name) => name,
                    None => Name::parse(&format!("Policy from {from}")).context("the policy's name")?,
                };
                context.save(SetPolicy { name, from, scope: scope.into(), rules }).await
            }
            Self::Show => {
                let policies = context.read(ListPolicies {}).await?;
                context.output.answer(&policies, || {
                    if policies.is_empty() {
                        return "There is no policy yet: the defaults count (`muster-edge policy default`)."
                            .to_owned();
                    }
                    policies.iter().map(shown).collect::<Vec<_>>().join("\n\n")
                })?;
                Ok(Exit::Done)
            }
            Self::Default => {
                let rules = PolicyRules::default().to_document();
                let text = serde_json::to_string_pretty(&rules)?;
                context.output.answer(&rules, || text)?;
                Ok(Exit::Done)
            }
        }
    }
}

fn shown(policy: &PolicyRow) -> String {
    // A stored document is JSON, which always has a text.
    let rules = serde_json::to_string_pretty(&policy.rules).unwrap_or_default();
    format!("{} ({}, from {})\n{rules}", policy.name, policy.scope, policy.from)
}
