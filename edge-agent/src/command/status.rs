//! `status`.

use super::context::Context;
use super::exit::Exit;
use super::sync;
use crate::control::status::{AgentReport, AgentState};
use crate::store::Unfinished;

/// Prints the whole agent at a glance.
pub(super) async fn status(context: &Context) -> anyhow::Result<Exit> {
    let report = context.read(AgentState {}).await?;
    context.output.answer(&report, || told(&report))?;
    Ok(Exit::Done)
}

/// What of attendance is not final. While anything waits to be worked out, nothing is said to be.
fn attendance(days: &Unfinished) -> String {
    let open =
        days.oldest.map(|oldest| format!("{} days not final, the oldest of {oldest}", days.provisional_days));
    if days.is_worked_off() {
        return open.unwrap_or_else(|| "every day final".to_owned());
    }
    let behind = format!(
        "being worked out: {} punches have no owner yet, {} recomputations wait",
        days.undistributed, days.recompute
    );
    open.map_or_else(|| behind.clone(), |open| format!("{open}; {behind}"))
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
        ("Attendance", attendance(&report.attendance)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_day_is_said_to_be_final_while_anything_waits_to_be_worked_out() {
        assert_eq!(attendance(&Unfinished::default()), "every day final");
        let undistributed = Unfinished { undistributed: 4000, ..Unfinished::default() };
        let recompute = Unfinished { recompute: 3, ..Unfinished::default() };
        for waiting in [undistributed, recompute] {
            let said = attendance(&waiting);
            assert!(said.starts_with("being worked out") && !said.contains("final"), "{said}");
        }
        let open = Unfinished { provisional_days: 2, oldest: "2026-11-19".parse().ok(), ..recompute };
        assert_eq!(
            attendance(&open),
            "2 days not final, the oldest of 2026-11-19; being worked out: 0 punches have no owner yet, 3 recomputations wait"
        );
    }
}
