//! `status`.

use super::context::Context;
use super::exit::Exit;
use super::sync;
use crate::control::status::{AgentReport, AgentState};

/// Prints the whole agent at a glance.
pub(super) async fn status(context: &Context) -> anyhow::Result<Exit> {
    let report = context.read(AgentState {}).await?;
    context.output.answer(&report, || told(&report))?;
    Ok(Exit::Done)
}

fn told(report: &AgentReport) -> String {
    let running = if report.running { "running" } else { "not running" };
    let place = match (&report.company, &report.site) {
        (Some(company), Some(site)) => format!("{company}, {site}"),
        (None, Some(site)) => site.clone(),
        (Some(company), None) => format!("{company}, no site yet"),
        (None, None) => "not set up yet".to_owned(),
    };
    let clocks = report.clocks;
    let ledger = report.ledger;
    let days = report.attendance;
    let lines = [
        ("Agent", format!("{running}, version {}", report.version)),
        (
            "Site",
            format!("{place}{}", report.zone.as_ref().map(|zone| format!(" ({zone})")).unwrap_or_default()),
        ),
        ("People", format!("{} employees, {} accounts", report.people, report.accounts)),
        (
            "Clocks",
            format!(
                "{} at work, {} online, {} in trouble, {} waiting for adoption{}{}",
                clocks.active,
                clocks.online,
                clocks.trouble,
                clocks.waiting,
                alarm(clocks.wrong_time, "WITH A WRONG TIME"),
                alarm(clocks.disbelieved, "IN WHOSE NAME SOMETHING ELSE POSTS"),
            ),
        ),
        (
            "Ledger",
            format!(
                "{} punches from {} rows read ({} repeats, {} that cannot be punches)",
                ledger.new, ledger.read, ledger.repeat, ledger.quarantined
            ),
        ),
        (
            "Attendance",
            match days.oldest {
                Some(oldest) => format!(
                    "{} days not final, the oldest of {oldest}; {} recomputations wait",
                    days.provisional_days, days.recompute
                ),
                None => format!("every day final; {} recomputations wait", days.recompute),
            },
        ),
        (
            "Database",
            format!(
                "{} KiB{}",
                report.database_bytes / 1024,
                if report.disk_full {
                    "; THE DISK IS FULL: clocks are refused and keep their punches"
                } else {
                    ""
                }
            ),
        ),
    ];
    let head: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<12}{value}")).collect();
    format!("{}\n\n{}", head.join("\n"), sync::told(&report.sync))
}

/// What must not be overlooked; `doctor` says more.
fn alarm(clocks: u32, what: &str) -> String {
    if clocks == 0 { String::new() } else { format!("; {clocks} {what} (see `doctor`)") }
}
