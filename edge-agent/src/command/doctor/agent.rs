//! The agent and its database, the cloud, the people.

use chrono::{DateTime, Duration, Utc};

use super::{Finding, clock};
use crate::command::context::Context;
use crate::command::sync::life_words;
use crate::control::status::{AgentReport, AgentState, Examine, Examined};
use crate::store::{FILE, LifeCause, NewLife};
use crate::sync::status::{Standing, Trouble};

/// How far off this machine's time may be, milliseconds.
const OFF: i64 = 120_000;
/// Punches that wait longer for the cloud are worth a word.
const LONG: Duration = Duration::days(2);
/// For how long a new life of the disk is worth a word.
const LATELY: Duration = Duration::days(14);

/// Looks at the agent; whether one runs.
pub(super) async fn look(context: &Context, findings: &mut Vec<Finding>) -> bool {
    if !context.data.join(FILE).exists() {
        return false;
    }
    let asked = async {
        let report = context.read(AgentState {}).await?;
        let examined = context.read(Examine {}).await?;
        anyhow::Ok((report, examined))
    };
    match asked.await {
        Ok((report, examined)) => {
            findings.push(if report.running {
                Finding::ok("agent", format!("running, version {}", report.version))
            } else {
                Finding::note("agent", "not running", "start its service, or `muster-edge run`")
            });
            findings.extend(database(&examined));
            findings.extend(set_up(&report));
            clock::look(context, report.running, findings).await;
            findings.extend(people(&examined));
            findings.extend(cloud(&report, &examined, context.clock.now()));
            report.running
        }
        Err(error) => {
            let fix = "if the text does not say what to do, keep a copy of the data folder and look into the agent's log";
            findings.push(Finding::problem("database", format!("{error:#}"), fix));
            false
        }
    }
}

fn database(examined: &Examined) -> Vec<Finding> {
    let health = &examined.health;
    let mut findings = Vec::new();
    if health.broken.is_empty() {
        let found = format!("sound, {} KiB, schema version {}", health.bytes / 1024, health.schema);
        findings.push(Finding::ok("database", found));
    } else {
        let fix = "stop the agent, keep a copy of the data folder, put back the last backup; clocks are read again by themselves";
        findings.push(Finding::problem("database", health.broken.join("; "), fix));
    }
    if health.schema < health.known_schema {
        let found = format!("schema version {}, this program has {}", health.schema, health.known_schema);
        findings.push(Finding::note(
            "database",
            found,
            "the running agent is older than this program: restart it",
        ));
    }
    findings.push(match health.broken_audit_row {
        None => Finding::ok("audit log", "unbroken"),
        Some(row) => Finding::problem(
            "audit log",
            format!("row {row} does not fit those before it: something other than the agent has changed the database"),
            "keep a copy of the data folder for whoever must look into it",
        ),
    });
    findings
}

fn set_up(report: &AgentReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (&report.site, &report.zone) {
        (Some(site), Some(zone)) => findings.push(Finding::ok("site", format!("{site}, {zone}"))),
        _ => findings.push(Finding::problem(
            "site",
            "there is no site, so nobody knows in which zone the clocks are",
            "add one: muster-edge site set --code F1 --name \"Factory 1\" --zone Asia/Dhaka, or enrol",
        )),
    }
    if report.accounts == 0 {
        let fix = "`muster-edge setup-token` prints a link for the first set-up; or `muster-edge user add`";
        findings.push(Finding::note("accounts", "nobody can sign in to the pages yet", fix));
    }
    findings
}

fn people(examined: &Examined) -> Option<Finding> {
    let codes = &examined.unknown_codes;
    if codes.is_empty() {
        return None;
    }
    let some: Vec<&str> = codes.iter().take(8).map(String::as_str).collect();
    let more = if codes.len() > some.len() { ", …" } else { "" };
    let found = format!("{} clock codes punch and belong to nobody: {}{more}", codes.len(), some.join(", "));
    Some(Finding::note(
        "people",
        found,
        "add these employees, or give them their clock codes (`employee import`)",
    ))
}

/// What helps against a failure.
const fn advice(trouble: Option<Trouble>) -> &'static str {
    match trouble {
        Some(Trouble::Unknown) => {
            "nothing is lost: everything waits here. Was the cloud put back to a time before this agent was enrolled? Then \
             enrol it again with a new code: muster-edge enroll --cloud URL --code CODE"
        }
        Some(Trouble::CloudRegressed) => {
            "nothing is lost: everything waits here. The cloud's operator must run `muster-cloud restored` on its server; \
             this agent then sends again what the cloud lacks"
        }
        Some(Trouble::TooOld) => "nothing is lost: everything waits here. Update this agent",
        Some(Trouble::NotTheCloud) => {
            "nothing is lost: everything waits here. Is this the cloud's address, or does a proxy answer in its place?"
        }
        Some(Trouble::Unreachable) => {
            "nothing is lost: everything waits here. Does this machine reach the internet, does it need a proxy?"
        }
        Some(Trouble::Other) | None => {
            "nothing is lost: everything waits here, and it is tried again by itself. If it stays, the agent's log says more"
        }
    }
}

/// A new life that began lately: an administrator who put nothing back must hear of it.
fn new_life(life: &NewLife, now: DateTime<Utc>) -> Option<Finding> {
    let at = DateTime::from_timestamp_millis(life.at_ms).filter(|at| now - *at < LATELY)?;
    let found = format!("{}: {}", at.format("%Y-%m-%d %H:%M UTC"), life_words(life));
    let fix = match life.cause {
        LifeCause::CloudRestored => "nothing to do: what the cloud lacked was sent again",
        LifeCause::Replaced | LifeCause::Copied => {
            "nothing is lost. If nobody put it back: does a copy of this data folder run elsewhere? End it, or enrol it anew"
        }
    };
    Some(Finding::note("data folder", found, fix))
}

fn cloud(report: &AgentReport, examined: &Examined, now: DateTime<Utc>) -> Vec<Finding> {
    let sync = &report.sync;
    let mut findings = Vec::new();
    let error = sync.last_error.clone().unwrap_or_default();
    findings.push(match sync.standing {
        Standing::NotEnrolled => Finding::ok("cloud", "this agent works alone"),
        Standing::Ok => Finding::ok("cloud", "in step"),
        Standing::Waiting => Finding::note("cloud", "enrolled, not reached yet", "is the agent running?"),
        Standing::Failing => Finding::problem("cloud", error, advice(sync.trouble)),
        Standing::Retired => Finding::problem(
            "cloud",
            "the cloud has retired this agent; it goes on collecting and sends nothing",
            "if that is not wanted, enrol it again with a new code",
        ),
    });
    findings.extend(sync.new_life.as_ref().and_then(|life| new_life(life, now)));
    let oldest = sync.oldest_unsent_ms.and_then(DateTime::from_timestamp_millis);
    if sync.standing != Standing::NotEnrolled
        && let Some(oldest) = oldest.filter(|oldest| now - *oldest > LONG)
    {
        let found = format!("{} ledger rows wait since {}", sync.ledger_backlog, oldest.format("%Y-%m-%d"));
        findings.push(Finding::note(
            "cloud",
            found,
            "nothing is lost, but the cloud's reports are incomplete",
        ));
    }
    if let Some(offset) = examined.cloud_offset_ms.filter(|offset| offset.abs() > OFF) {
        let found = format!("{} seconds off the cloud's", -offset / 1000);
        findings.push(Finding::problem("machine's time", found, "let this machine follow a time server"));
    }
    findings
}
