//! `record`.

use std::path::PathBuf;

use clap::Subcommand;

use super::context::Context;
use super::exit::Exit;
use super::file;
use crate::control::record::{ImportRecords, ListRecords, RecordLine, RecordRow};
use crate::control::{Detail, Refusal};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add and change records from a file of JSON lines
    #[command(
        after_help = "A line: {\"kind\":\"holiday\",\"fields\":{\"date\":\"2026-12-16\",\"name\":\"Victory Day\",\
        \"holiday_type\":\"public\"}}\n\"key\" names the record; without it, the one with the same code or serial is meant, \
        or a new one."
    )]
    Import {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Print the records of a kind as JSON lines
    List {
        /// The kind, such as employee or punch_note
        kind: String,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Import { file } => {
                let lines = read(&file::read(&file)?)?;
                let report = context.write(ImportRecords { lines }).await?;
                context.output.answer(&report, || {
                    format!(
                        "{} records: {} created, {} updated, {} unchanged",
                        report.read, report.created, report.updated, report.unchanged
                    )
                })?;
            }
            Self::List { kind } => {
                let page = context.read(ListRecords { kind }).await?;
                if context.output.json {
                    context.output.answer(&page, String::new)?;
                } else {
                    for record in &page.0 {
                        context.output.event(record)?;
                    }
                }
            }
        }
        Ok(Exit::Done)
    }
}

fn read(bytes: &[u8]) -> Result<Vec<RecordLine>, Refusal> {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for (text, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<RecordRow>(text) {
            Ok(record) => lines.push(RecordLine { line, record }),
            Err(error) => wrong.push(Detail { line, column: None, cause: error.to_string() }),
        }
    }
    if wrong.is_empty() {
        return Ok(lines);
    }
    let message = format!("{} lines are no records, so nothing was imported", wrong.len());
    Err(Refusal::refused(message).with(wrong))
}
