//! `shift eval`: rules and punches of a file, without any agent.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shift_engine::{Scenario, brief};

use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::command::file;
use crate::control::Refusal;

/// Try rules on punches, both of a file: nothing is stored
#[derive(Debug, Args)]
#[command(after_help = "Example: muster-edge shift eval try.json\n\
    The file's form, with examples: docs/shift-rules.md. Its member \"expect\" is passed over.")]
pub(in crate::command) struct EvalArgs {
    /// A JSON file with shifts, rosters, policy and punches; - for standard input
    file: PathBuf,
}

impl EvalArgs {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Exit> {
        let document = file::read_document(&self.file)?.0;
        let setting = Scenario::parse(document)
            .and_then(|scenario| scenario.setting())
            .map_err(|error| Refusal::refused(format!("{}: {error}", self.file.display())))?;
        let output = setting.compute();
        let words = setting.brief();
        let days: Vec<_> = output
            .days
            .iter()
            .zip(&output.explanations)
            .map(|(day, explanation)| (day.date, words.day(day), words.steps(explanation)))
            .collect();
        let unassigned: Vec<_> = output.unassigned().map(|punch| words.time(punch.at)).collect();
        let answer = json!({
            "days": days.iter().map(|(date, day, steps)| json!({"date": date, "day": day, "steps": steps})).collect::<Vec<_>>(),
            "periods": output.periods,
            "unassigned": unassigned,
        });
        context.output.answer(&answer, || {
            let shown = days.iter().map(|(date, day, steps)| format!("{date}\n{}", brief::text(day, steps)));
            let mut shown: Vec<_> = shown.collect();
            if !unassigned.is_empty() {
                shown.push(format!("Punches of no shift: {}", unassigned.join(", ")));
            }
            if shown.is_empty() { "No day has a record.".to_owned() } else { shown.join("\n\n") }
        })?;
        Ok(Exit::Done)
    }
}
