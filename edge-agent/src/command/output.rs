//! What a command prints.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::exit::{Exit, refusal_of};
use crate::control::{Progress, Step};

/// Lines of a file's faults that are shown to people.
const FAULTS: usize = 20;
/// How often progress is shown.
const OFTEN: Duration = Duration::from_millis(200);

/// Standard output and standard error, for people or for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints an answer: as a line of JSON, or as a text for people.
    pub(super) fn answer(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string(value)? } else { text() };
        line(&text)
    }

    /// Prints a line of JSON whatever was asked for: an event for who started this process.
    pub(super) fn event(self, value: &impl Serialize) -> anyhow::Result<()> {
        line(&serde_json::to_string(value)?)
    }

    /// Says something to people, on standard error.
    pub(super) fn note(self, text: &str) {
        // Who has closed standard error does not want to be told.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Says why a command failed, and how it therefore ends.
    pub(super) fn failed(self, error: &anyhow::Error) -> Exit {
        let exit = Exit::of(error);
        let details = refusal_of(error).map(|refusal| refusal.details.as_slice()).unwrap_or_default();
        let message = message(error);
        self.note(&format!("muster-edge: {message}"));
        for detail in details.iter().take(FAULTS) {
            self.note(&format!("  {detail}"));
        }
        if details.len() > FAULTS {
            self.note(&format!("  … and {} more; --json lists them all", details.len() - FAULTS));
        }
        if self.json {
            let error = json!({"error": {"kind": exit.as_str(), "message": message, "details": details}});
            let _ = line(&error.to_string());
        }
        exit
    }

    /// Shows progress to people who look, on standard error: in place on a terminal, else not at all.
    pub(super) fn progress(self) -> Progress {
        if self.json || !std::io::stderr().is_terminal() {
            return Progress::silent();
        }
        let last: Mutex<Option<Instant>> = Mutex::new(None);
        Progress::to(move |step| {
            let now = Instant::now();
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let ends = step.total == Some(step.done);
            if ends || last.is_none_or(|last| now.duration_since(last) >= OFTEN) {
                *last = Some(now);
                let end = if ends { "\n" } else { "" };
                let _ = write!(std::io::stderr(), "\r{}\u{1b}[K{end}", shown(&step));
            }
        })
    }
}

fn shown(step: &Step) -> String {
    match step.total {
        Some(total) if total > 0 => {
            let percent = u128::from(step.done) * 100 / u128::from(total);
            format!("{}: {} of {total} ({percent} %)", step.what, step.done)
        }
        Some(_) | None => format!("{}: {}", step.what, step.done),
    }
}

/// Says in JSON what is wrong with the command line; people are told on standard error.
pub(super) fn usage(error: &clap::Error) {
    let message = in_a_line(&error.render().to_string());
    let said = json!({"error": {"kind": Exit::Usage.as_str(), "message": message, "details": []}});
    let _ = line(&said.to_string());
}

/// What is wrong and with which arguments, without the usage and the way to the help that follow.
fn in_a_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let follows = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    let said = text.lines().take_while(follows).map(str::trim).filter(|line| !line.is_empty());
    said.collect::<Vec<_>>().join(" ")
}

/// The error with its causes, each said once.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.ends_with(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// Prints a line on standard output.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        // Whoever reads only the first lines (`head`) is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Args {
        #[arg(long)]
        date: String,
        #[arg(long)]
        site: String,
    }

    #[test]
    fn the_arguments_that_are_missing_or_wrong_are_named() {
        let said = |args: &[&str]| in_a_line(&Args::try_parse_from(args).unwrap_err().render().to_string());
        assert_eq!(
            said(&["muster-edge"]),
            "the following required arguments were not provided: --date <DATE> --site <SITE>"
        );
        let wrong = said(&["muster-edge", "--dat", "1"]);
        assert_eq!(wrong, "unexpected argument '--dat' found tip: a similar argument exists: '--date'");
    }
}
