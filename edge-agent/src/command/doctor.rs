//! `doctor`: looks at everything that usually goes wrong, and says what to do.

mod agent;
mod clock;
mod folder;
mod port;

use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use crate::config::Flags;

/// What a look at one thing came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at.
    check: &'static str,
    /// How bad it is.
    state: State,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// To be repaired.
    Problem,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), fix: None }
    }

    fn note(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Note, found: found.into(), fix: Some(fix.into()) }
    }

    fn problem(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Problem, found: found.into(), fix: Some(fix.into()) }
    }
}

/// Looks at everything and prints what was found.
pub(super) async fn doctor(context: &Context) -> anyhow::Result<Exit> {
    let mut findings = folder::look(&context.data, context.clock.now());
    let config = match context.config(&Flags::default()) {
        Ok(loaded) => {
            let file =
                loaded.file.map_or_else(|| "no file, all defaults".to_owned(), |f| f.display().to_string());
            findings.push(Finding::ok("configuration", file));
            Some(loaded.config)
        }
        Err(error) => {
            let fix = "correct the file; `muster-edge config default` shows what may stand in it";
            findings.push(Finding::problem("configuration", format!("{error:#}"), fix));
            None
        }
    };
    // The store is opened with the configuration at hand: without one there is nothing to ask.
    let running = match config {
        Some(config) => {
            let running = agent::look(context, &mut findings).await;
            if !running {
                findings.extend(port::look(&config));
            }
            running
        }
        None => false,
    };
    context
        .output
        .answer(&serde_json::json!({ "running": running, "findings": findings }), || text(&findings))?;
    let problem = findings.iter().any(|finding| finding.state == State::Problem);
    Ok(if problem { Exit::Findings } else { Exit::Done })
}

fn text(findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Note => "note   ",
            State::Problem => "PROBLEM",
        };
        lines.push(format!("{mark}  {}: {}", finding.check, finding.found));
        if let Some(fix) = &finding.fix {
            lines.push(format!("         -> {fix}"));
        }
    }
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, notes) = (count(State::Problem), count(State::Note));
    lines.push(match (problems, notes) {
        (0, 0) => "Everything is as it should be.".to_owned(),
        (0, notes) => format!("Nothing to repair; {notes} worth knowing."),
        (problems, _) => format!("{problems} to repair."),
    });
    lines.join("\n")
}
