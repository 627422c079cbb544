//! `policy`.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::Subcommand;
use shared_model::text::Name;
use shift_engine::preset::{self, Preset};
use shift_engine::{PolicyRules, Typed as _};

use super::context::Context;
use super::exit::Exit;
use super::file;
use super::scope::ScopeArgs;
use crate::control::Refusal;
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
    /// List the policies by law to start from, or print the rules of one
    #[command(after_help = "Example: muster-edge policy preset bangladesh-labour-act > rules.json")]
    Preset {
        /// Its name; without one they are listed
        name: Option<String>,
        /// Print where each figure comes from instead of the rules
        #[arg(long, requires = "name")]
        sources: bool,
    },
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
            Self::Preset { name: None, .. } => {
                let all = preset::all();
                context.output.answer(&all, || {
                    let line = |preset: &Preset| format!("{:<24} {}", preset.id, preset.title);
                    all.iter().map(line).collect::<Vec<_>>().join("\n")
                })?;
                Ok(Exit::Done)
            }
            Self::Preset { name: Some(name), sources } => print_preset(context, &name, sources),
            Self::Default => {
                let rules = PolicyRules::default().to_document();
                let text = serde_json::to_string_pretty(&rules)?;
                context.output.answer(&rules, || text)?;
                Ok(Exit::Done)
            }
        }
    }
}

fn print_preset(context: &Context, name: &str, sources: bool) -> anyhow::Result<Exit> {
    let Some(preset) = preset::named(name) else {
        return Err(Refusal::refused(format!(
            "there is no preset {name:?}: `muster-edge policy preset` lists them"
        ))
        .into());
    };
    if sources {
        let told = |field: &str, says: &str, source: &str, verify: bool| {
            let verify = if verify { " (verify)" } else { "" };
            format!("{field:<32} {says}: {source}{verify}")
        };
        let figures = preset
            .figures
            .iter()
            .map(|figure| told(&figure.field, &figure.says, &figure.source, figure.verify));
        let beside = preset.beside.iter().map(|one| told("-", &one.says, &one.source, one.verify));
        let lines: Vec<_> = figures.chain(beside).collect();
        context.output.answer(&preset, || lines.join("\n"))?;
    } else {
        let text = serde_json::to_string_pretty(&preset.rules)?;
        context.output.answer(&preset.rules, || text)?;
    }
    Ok(Exit::Done)
}

fn shown(policy: &PolicyRow) -> String {
    // A stored document is JSON, which always has a text.
    let rules = serde_json::to_string_pretty(&policy.rules).unwrap_or_default();
    format!("{} ({}, from {})\n{rules}", policy.name, policy.scope, policy.from)
}
