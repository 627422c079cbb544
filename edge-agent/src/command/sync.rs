//! `enroll` and `sync`.

use std::collections::BTreeMap;

use chrono::DateTime;
use clap::{Args, Subcommand};
use serde_json::Value;
use sync_protocol::merge::FieldRule;
use uuid::Uuid;

use super::context::Context;
use super::exit::Exit;
use super::table::Table;
use crate::control::Hidden;
use crate::control::conflict::{Aside, ListConflicts, OverrideConflict};
use crate::control::sync::{Enroll, SyncState};
use crate::store::{LifeCause, NewLife};
use crate::sync::status::{Standing, SyncStatus};

#[derive(Debug, Args)]
#[command(after_help = "Example: muster-edge enroll --cloud https://muster.example --code 7Q2M-…\n\
    What was collected before stays and is sent as well.")]
pub(super) struct EnrollArgs {
    /// Where the cloud is
    #[arg(long, value_name = "URL")]
    cloud: String,
    /// The one-time code that the cloud gave
    #[arg(long, env = "MUSTER_ENROLL_CODE", hide_env_values = true)]
    code: String,
    /// What the cloud shows this agent as; the machine's name where not given
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell how things stand with the cloud
    Status,
    /// What two people wrote at the same time, and what could not be exchanged
    #[command(subcommand)]
    Conflicts(ConflictCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum ConflictCommand {
    /// List the conflicts with both versions
    List {
        /// Those that are settled too
        #[arg(long)]
        all: bool,
    },
    /// Make one of the two versions count, everywhere
    #[command(after_help = "Example: muster-edge sync conflicts override 0190… --take arriving")]
    Override {
        /// Which conflict
        id: Uuid,
        /// Which version: `standing` was at the cloud, `arriving` came to it
        #[arg(long, value_parser = version)]
        take: FieldRule,
    },
}

fn version(text: &str) -> Result<FieldRule, String> {
    match text {
        "standing" => Ok(FieldRule::Standing),
        "arriving" => Ok(FieldRule::Arriving),
        _ => Err("it is either `standing` or `arriving`".to_owned()),
    }
}

impl EnrollArgs {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let name = self.name.unwrap_or_else(machine_name);
        let request = Enroll { cloud: self.cloud, code: Hidden::new(self.code), name };
        let enrolled = context.write(request).await?;
        context.output.answer(&enrolled, || {
            let mut text =
                format!("This agent now belongs to {} (edge {}).", enrolled.company_name, enrolled.edge);
            for site in &enrolled.joined {
                text.push_str(&format!(
                    "\nThis factory's site {} was joined with the cloud's site {}.",
                    site.here, site.cloud
                ));
            }
            text
        })?;
        Ok(Exit::Done)
    }
}

/// The machine's name, as far as the environment or the system tells it.
fn machine_name() -> String {
    let told = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let told = told.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "edge".to_owned())
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Status => {
                let status = context.read(SyncState {}).await?;
                context.output.answer(&status, || told(&status))?;
            }
            Self::Conflicts(ConflictCommand::List { all }) => {
                let aside = context.read(ListConflicts { all }).await?;
                context.output.answer(&aside, || listed(&aside))?;
            }
            Self::Conflicts(ConflictCommand::Override { id, take }) => {
                let saved = context.write(OverrideConflict { id, take }).await?;
                context.output.answer(&saved, || format!("Conflict {id} is settled."))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// What happened when a new life of this disk began.
pub(super) fn life_words(life: &NewLife) -> String {
    let why = match life.cause {
        LifeCause::Replaced => "this data folder was put back from a copy, or brought from another machine",
        LifeCause::Copied => {
            "this data folder is a copy, or was put back from one: the cloud knew another history of it"
        }
        LifeCause::CloudRestored => "the cloud was put back to an earlier time",
    };
    format!("{why}; {} punches and changes were logged again", life.relogged)
}

/// What waits for a person, in words.
fn listed(aside: &Aside) -> String {
    let mut conflicts =
        Table::new(&["ID", "RECORD", "STANDING", "ARRIVING", "COUNTS", "WRITTEN", "BY", "STATE"]);
    for row in &aside.conflicts {
        let state = if row.settled_here { "settled here" } else { row.state.as_str() };
        conflicts.row([
            row.id.to_string(),
            format!("{} {}", row.kind, row.label),
            values(&row.standing),
            values(&row.arriving),
            match row.kept {
                FieldRule::Standing => "standing".to_owned(),
                FieldRule::Arriving => "arriving".to_owned(),
            },
            moment(row.written_ms),
            row.actor.to_string(),
            state.to_owned(),
        ]);
    }
    let mut parts = vec![conflicts.text("No conflicts.")];
    if !aside.kept_by_cloud.is_empty() {
        let mut table = Table::new(&["LOG", "ROW", "CHANGE", "CAUSE"]);
        for row in &aside.kept_by_cloud {
            let cause = format!("{}: {}", row.code, row.detail);
            table.row([row.log.clone(), row.seq.to_string(), row.change.clone().unwrap_or_default(), cause]);
        }
        parts.push(format!("The cloud keeps aside:\n{}", table.text("")));
    }
    if !aside.not_taken.is_empty() {
        let mut table = Table::new(&["NUMBER", "CAUSE"]);
        for row in &aside.not_taken {
            table.row([row.id.to_string(), format!("{}: {}", row.code, row.detail)]);
        }
        parts.push(format!("Not understood by this version:\n{}", table.text("")));
    }
    parts.join("\n\n")
}

fn values(fields: &BTreeMap<String, Value>) -> String {
    if fields.is_empty() {
        return "(deleted)".to_owned();
    }
    let one = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn moment(ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(ms);
    at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// How things stand with the cloud, in words.
pub(super) fn told(status: &SyncStatus) -> String {
    let head = match status.standing {
        Standing::NotEnrolled => "This agent works alone: it belongs to no cloud (`muster-edge enroll`).",
        Standing::Waiting => "Enrolled; the cloud was not reached yet.",
        Standing::Ok => "In step with the cloud.",
        Standing::Failing => "The last exchange with the cloud failed; it is tried again by itself.",
        Standing::Retired => {
            "The cloud has retired this agent: it goes on collecting and keeps everything here."
        }
    };
    let mut lines = vec![head.to_owned()];
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<16}{value}"));
        }
    };
    line("Cloud", status.cloud.clone());
    line("Last exchange", status.last_exchange_ms.map(moment));
    line("Last error", status.last_error.clone());
    line(
        "New life",
        status.new_life.as_ref().map(|life| format!("{}: {}", moment(life.at_ms), life_words(life))),
    );
    if status.standing != Standing::NotEnrolled {
        let waits =
            format!("{} ledger rows, {} record changes", status.ledger_backlog, status.record_backlog);
        line("Waits", Some(waits));
        let by_kind: Vec<String> =
            status.waiting.iter().map(|(kind, rows)| format!("{kind} {rows}")).collect();
        line("Of them", Some(by_kind.join(", ")).filter(|text| !text.is_empty()));
        line("Since", status.oldest_unsent_ms.map(moment));
        let seen = if status.filling {
            "a first copy of the company's records is on its way".to_owned()
        } else {
            format!("up to place {} of the cloud's feed, all of it up to {}", status.cursor, status.clean)
        };
        line("Seen", Some(seen));
        let count = |rows: i64| Some(rows.to_string()).filter(|_| rows > 0);
        line("Conflicts", count(status.open_conflicts));
        line("Kept aside", count(status.kept_aside_by_cloud));
        line("Not taken", count(status.not_taken));
        let not_durable = Some(status.not_durable).filter(|rows| *rows > 0);
        line("Not yet safe", not_durable.map(|rows| format!("{rows} rows the cloud has and may still lose")));
    }
    lines.join("\n")
}
