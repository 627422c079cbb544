//! Many employees at once.
//!
//! A file is first looked at as a whole, against what is stored: while one line is wrong nothing is written, unless
//! bad lines are to be skipped. What is right is then written in groups of lines, each whole or not at all, so that
//! clocks that post meanwhile need not wait. A stop in between (a power cut, a full disk) leaves whole groups behind;
//! since a line that changes nothing writes nothing, the same file is simply imported again.

mod cell;
mod column;
mod fault;
mod sheet;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::employee::{EmployeeFields, LineError, Mint, Places};
use super::{Act, Agent, Detail, Outcome, Progress, Refusal};
use crate::store::{ReadTx, StoreError};

pub use column::{Column, mapping};
pub use fault::{BadLine, LineFault};
pub use sheet::{BadSheet, MAX_BYTES, MAX_LINES, Sheet};

/// Lines of one transaction. Each is at most two changes, and a transaction's changes travel to the cloud as one group.
pub const GROUP: usize = 200;
const _: () = assert!(GROUP * 2 <= sync_protocol::limit::GROUP_ROWS, "a group that the cloud refuses");
/// Line reports of a dry run.
const REPORTED: usize = 1000;

/// Adds and changes many employees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportEmployees {
    /// The lines that could be read.
    pub lines: Vec<ImportLine>,
    /// Those that could not.
    pub bad: Vec<BadLine>,
    /// Leave out bad lines instead of refusing all.
    pub skip_bad: bool,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLine {
    /// Its number, from 1.
    pub line: u64,
    /// What it says.
    pub fields: EmployeeFields,
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Lines of the file, the heading apart.
    pub read: u64,
    /// New employees.
    pub created: u64,
    /// Employees of whom something changed.
    pub updated: u64,
    /// Employees who are as the file says.
    pub unchanged: u64,
    /// Bad lines that were left out.
    pub skipped: u64,
    /// Clock codes tied to employees.
    pub clock_codes: u64,
    /// Departments that were made.
    pub departments: Vec<String>,
    /// Whether nothing was written because only a look was asked for.
    pub dry_run: bool,
    /// What is wrong with the bad lines.
    pub errors: Vec<BadLine>,
    /// What would happen to each line (dry run only; the first thousand that change something).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineReport>,
}

/// What would happen to a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// The line.
    pub line: u64,
    /// The employee code.
    pub code: String,
    /// What would be done.
    pub outcome: Outcome,
    /// Fields that would change.
    pub fields: Vec<String>,
}

/// The look at the whole file.
struct Look {
    report: ImportReport,
    good: Vec<ImportLine>,
    places: Places,
}

impl Act for ImportEmployees {
    async fn act(self, agent: &Agent, progress: &Progress) -> Result<ImportReport, Refusal> {
        if self.lines.len() + self.bad.len() > MAX_LINES {
            return Err(Refusal::refused(format!(
                "at most {MAX_LINES} lines are imported at once: split the file"
            )));
        }
        let (skip_bad, dry_run) = (self.skip_bad, self.dry_run);
        let ids = agent.clone();
        let looked = agent.read(move |tx| self.look(tx, &ids));
        let Look { mut report, good, places } = looked.await?;
        if dry_run {
            return Ok(report);
        }
        if !skip_bad && !report.errors.is_empty() {
            let (count, of) = (report.errors.len(), report.read);
            let message = format!(
                "{count} of {of} lines are wrong, so nothing was imported: correct them, or leave them out with --skip-bad"
            );
            let details = report.errors.into_iter().map(Detail::from).collect();
            return Err(Refusal::refused(message).with(details));
        }
        report.errors.truncate(REPORTED);
        write(agent, progress, good, places).await?;
        Ok(report)
    }
}

impl ImportEmployees {
    fn look(self, tx: &ReadTx, agent: &Agent) -> Result<Look, StoreError> {
        let mut places = Places::load(tx, agent.clock.now())?;
        let mint = Mint { clock: &*agent.clock, entropy: &*agent.entropy };
        let read = u64::try_from(self.lines.len() + self.bad.len()).unwrap_or(u64::MAX);
        let mut report =
            ImportReport { read, dry_run: self.dry_run, errors: self.bad, ..ImportReport::default() };
        let mut good = Vec::with_capacity(self.lines.len());
        let mut codes: HashMap<String, u64> = HashMap::new();
        let mut clock_codes: HashMap<String, u64> = HashMap::new();
        for line in self.lines {
            let wrong = |(column, fault): LineError| BadLine::new(line.line, column.as_str(), fault);
            if let Some(first) = codes.insert(line.fields.code.to_string(), line.line) {
                let fault = LineFault::CodeTwice { code: line.fields.code.clone(), first };
                report.errors.push(wrong((Column::Code, fault)));
                continue;
            }
            let planned = match places.plan(tx, &mint, line.fields.clone())? {
                Ok(planned) => planned,
                Err(error) => {
                    report.errors.push(wrong(error));
                    continue;
                }
            };
            if let Some(code) = &planned.identity {
                if let Some(first) = clock_codes.insert(code.to_string(), line.line) {
                    let fault = LineFault::ClockCodeTwice { code: code.clone(), first };
                    report.errors.push(wrong((Column::ClockCode, fault)));
                    continue;
                }
                report.clock_codes += 1;
            }
            *match planned.outcome {
                Outcome::Created => &mut report.created,
                Outcome::Updated => &mut report.updated,
                Outcome::Unchanged => &mut report.unchanged,
            } += 1;
            if planned.outcome == Outcome::Unchanged {
                continue;
            }
            if report.dry_run && report.lines.len() < REPORTED {
                report.lines.push(LineReport {
                    line: line.line,
                    code: planned.employee.code.to_string(),
                    outcome: planned.outcome,
                    fields: planned.fields.iter().map(|field| (*field).to_owned()).collect(),
                });
            }
            good.push(line);
        }
        report.errors.sort_by_key(|error| error.line);
        report.skipped = u64::try_from(report.errors.len()).unwrap_or(u64::MAX);
        report.departments = places.new.iter().map(|(_, department)| department.name.to_string()).collect();
        Ok(Look { report, good, places })
    }
}

async fn write(
    agent: &Agent,
    progress: &Progress,
    good: Vec<ImportLine>,
    places: Places,
) -> Result<(), Refusal> {
    let total = u64::try_from(good.len()).unwrap_or(u64::MAX);
    for departments in places.new.chunks(GROUP) {
        let departments = departments.to_vec();
        let written = agent.write(move |tx, author| {
            for (id, department) in &departments {
                tx.create(author, *id, department)?;
            }
            Ok(())
        });
        written.await?;
    }
    let places = Arc::new(std::sync::Mutex::new(places));
    let mut done = 0;
    for group in good.chunks(GROUP) {
        let (lines, places) = (group.to_vec(), Arc::clone(&places));
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let written = agent.write(move |tx, author| {
            let mut places = places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mint = Mint { clock: tx.clock(), entropy: tx.entropy() };
            for line in lines {
                // Looked at anew: what somebody changed since the first look stays.
                let planned = places.plan(tx, &mint, line.fields)?.map_err(|(column, fault)| {
                    StoreError::Invalid(BadLine::new(line.line, column.as_str(), fault).to_string())
                })?;
                planned.save(tx, author)?;
            }
            Ok(())
        });
        written.await.map_err(|refusal| stopped(refusal, done, total))?;
        done += count;
        progress.tell("employees", done, Some(total));
    }
    Ok(())
}

fn stopped(refusal: Refusal, done: u64, total: u64) -> Refusal {
    if done == 0 {
        return refusal;
    }
    let message =
        format!("{refusal}; {done} of {total} lines are imported: import the same file again for the others");
    Refusal { message, ..refusal }
}
