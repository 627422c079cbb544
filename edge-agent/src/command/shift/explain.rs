//! `shift explain`: why an employee's days are what they are.

use chrono::NaiveDate;
use clap::Args;
use shared_model::text::EmployeeCode;
use shift_engine::brief;

use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::control::explain::ExplainDays;

/// Say why an employee's day is what it is
#[derive(Debug, Args)]
#[command(after_help = "Example: muster-edge shift explain 1042 2026-11-16")]
pub(in crate::command) struct ExplainArgs {
    /// The number on the card
    employee: EmployeeCode,
    /// The work date
    date: NaiveDate,
    /// The last work date, for several days
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

impl ExplainArgs {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (from, to) = (self.date, self.to.unwrap_or(self.date));
        let days = context.read(ExplainDays { employee: self.employee, from, to }).await?;
        context.output.answer(&days, || {
            if days.is_empty() {
                return format!("There is no record from {from} to {to}.");
            }
            let text = days.iter().map(|day| format!("{}\n{}", day.date, brief::text(&day.day, &day.steps)));
            text.collect::<Vec<_>>().join("\n\n")
        })?;
        Ok(Exit::Done)
    }
}
