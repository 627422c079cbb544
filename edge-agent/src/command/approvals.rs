//! `approvals`.

use std::io::BufRead as _;

use clap::{Args, Subcommand};
use shared_model::PhonePunchId;
use shared_model::entity::{PhoneDirection, RequestState};
use shared_model::text::Line;

use super::context::Context;
use super::exit::Exit;
use super::table::Table;
use crate::control::Hidden;
use crate::control::approval::{ApprovalRow, DecideApprovals, ListApprovals};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the phone punches that wait, and what became of those decided lately
    List,
    /// Approve phone punches, as a person whom the cloud has given the right
    Approve(Decide),
    /// Reject phone punches
    Reject(Decide),
}

#[derive(Debug, Args)]
#[command(after_help = "The password is read from standard input, one line.")]
pub(super) struct Decide {
    /// Their ids, as `approvals list` prints them
    #[arg(required = true)]
    ids: Vec<PhonePunchId>,
    /// The address under which you sign in
    #[arg(long = "as", value_name = "EMAIL")]
    person: String,
    /// Why
    #[arg(long, value_parser = Line::parse)]
    reason: Option<Line>,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::List => list(context).await,
            Self::Approve(asked) => asked.run(context, true).await,
            Self::Reject(asked) => asked.run(context, false).await,
        }
    }
}

impl Decide {
    async fn run(self, context: &Context, approve: bool) -> anyhow::Result<Exit> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let password = Hidden::new(line.trim_end_matches(['\r', '\n']).to_owned());
        let Self { ids, person, reason } = self;
        let decided = context.write(DecideApprovals { ids, approve, reason, person, password }).await?;
        let word = if approve { "approved" } else { "rejected" };
        context.output.answer(&decided, || {
            let lines = decided.iter().map(|one| match &one.refused {
                None => format!("{}  {word}", one.id),
                Some(why) => format!("{}  not {word}: {why}", one.id),
            });
            lines.collect::<Vec<_>>().join("\n")
        })?;
        let all = decided.iter().all(|one| one.refused.is_none());
        Ok(if all { Exit::Done } else { Exit::Refused })
    }
}

async fn list(context: &Context) -> anyhow::Result<Exit> {
    let rows = context.read(ListApprovals {}).await?;
    context.output.answer(&rows, || {
        let mut table = Table::new(&["ID", "PERSON", "TIME", "", "DISTANCE", "PHONE", "STATE"]);
        for row in &rows {
            table.row([
                row.id.to_string(),
                format!("{} {}", row.code, row.name),
                row.time.clone(),
                match row.direction {
                    PhoneDirection::In => "in",
                    PhoneDirection::Out => "out",
                }
                .to_owned(),
                row.distance_m.map_or_else(|| "-".to_owned(), |metres| format!("{metres} m")),
                row.phone.clone(),
                state(row),
            ]);
        }
        table.text("No phone punch waits.")
    })?;
    Ok(Exit::Done)
}

fn state(row: &ApprovalRow) -> String {
    let state = match row.state {
        RequestState::Pending => "waits",
        RequestState::Approved => "approved",
        RequestState::Rejected => "rejected",
        RequestState::Cancelled => "taken back",
    };
    match (row.decision.as_deref(), &row.refused) {
        (Some("refused"), Some(why)) => format!("{state}; the decision here was refused ({why})"),
        (Some("decided_here"), _) => format!("{state} here, not yet confirmed"),
        (Some("overruled"), _) => format!("{state}; somebody else was first"),
        (Some(_) | None, _) => state.to_owned(),
    }
}
