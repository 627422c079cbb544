//! `enroll` and `sync`.

use chrono::DateTime;
use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::Exit;
use crate::control::Hidden;
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
        let Self::Status = self;
        let status = context.read(SyncState {}).await?;
        context.output.answer(&status, || told(&status))?;
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

/// How things stand with the cloud, in words.
pub(super) fn told(status: &SyncStatus) -> String {
    let moment = |ms: i64| {
        let at = DateTime::from_timestamp_millis(ms);
        at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
    };
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
        line("Since", status.oldest_unsent_ms.map(moment));
        let not_durable = Some(status.not_durable).filter(|rows| *rows > 0);
        line("Not yet safe", not_durable.map(|rows| format!("{rows} rows the cloud has and may still lose")));
    }
    lines.join("\n")
}
