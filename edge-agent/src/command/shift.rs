//! `shift`.

mod eval;
mod explain;

use std::path::PathBuf;

use clap::Subcommand;
use shared_model::record::Document;
use shared_model::text::{Code, Name};
use shift_engine::shift::{Break, FixedHours, Hours, PunchWindow, ShiftDefinition};
use shift_engine::{Minutes, TimeOfDay, Typed as _};

use super::context::Context;
use super::exit::Exit;
use super::file;
use super::table::Table;
use crate::control::Refusal;
use crate::control::shift::{AddShift, ListShifts};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a shift
    #[command(
        after_help = "Example: muster-edge shift add --code G --name General --start 08:00 --end 17:00 \
        --break 13:00-14:00"
    )]
    Add {
        /// Its short code
        #[arg(long)]
        code: Code,
        /// What it is called
        #[arg(long)]
        name: Name,
        /// When it starts, such as 08:00
        #[arg(long, value_name = "TIME", required_unless_present = "definition", requires = "end")]
        start: Option<TimeOfDay>,
        /// When it ends; not after the start means the next day
        #[arg(long, value_name = "TIME", requires = "start")]
        end: Option<TimeOfDay>,
        /// An unpaid break; may be given several times
        #[arg(long = "break", value_name = "FROM-TO", value_parser = span)]
        breaks: Vec<(TimeOfDay, TimeOfDay)>,
        /// A paid break; may be given several times
        #[arg(long, value_name = "FROM-TO", value_parser = span)]
        paid_break: Vec<(TimeOfDay, TimeOfDay)>,
        /// Minutes before the start from which punches belong to the shift
        #[arg(long, value_name = "MINUTES")]
        before: Option<u32>,
        /// Minutes after the end until which punches belong to it: the longest overtime
        #[arg(long, value_name = "MINUTES")]
        after: Option<u32>,
        /// A JSON file with the whole definition, for split, flexible and seasonal hours
        #[arg(long, value_name = "FILE", conflicts_with_all = ["start", "end", "breaks", "paid_break", "before", "after"])]
        definition: Option<PathBuf>,
        /// Change the shift that has the code
        #[arg(long)]
        replace: bool,
    },
    /// List the shifts
    List,
    Explain(explain::ExplainArgs),
    Eval(eval::EvalArgs),
}

/// A stretch of wall time, `13:00-14:00`.
fn span(text: &str) -> Result<(TimeOfDay, TimeOfDay), String> {
    let parts = text.split_once('-').ok_or_else(|| "write it as 13:00-14:00".to_owned())?;
    let time = |part: &str| part.trim().parse().map_err(|error| format!("{part}: {error}"));
    Ok((time(parts.0)?, time(parts.1)?))
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add { code, name, start, end, breaks, paid_break, before, after, definition, replace } => {
                let definition = match (definition, start, end) {
                    (Some(path), ..) => file::read_document(&path)?,
                    (None, Some(start), Some(end)) => fixed(start, end, &breaks, &paid_break, before, after)?,
                    (None, ..) => anyhow::bail!("a shift needs --start and --end, or --definition"),
                };
                context.save(AddShift { code, name, definition, replace }).await
            }
            Self::List => list(context).await,
            Self::Explain(args) => args.run(context).await,
            Self::Eval(args) => args.run(context),
        }
    }
}

fn fixed(
    start: TimeOfDay,
    end: TimeOfDay,
    unpaid: &[(TimeOfDay, TimeOfDay)],
    paid: &[(TimeOfDay, TimeOfDay)],
    before: Option<u32>,
    after: Option<u32>,
) -> Result<Document, Refusal> {
    let of =
        |paid: bool| move |(start, end): &(TimeOfDay, TimeOfDay)| Break { start: *start, end: *end, paid };
    let mut breaks: Vec<Break> = unpaid.iter().map(of(false)).chain(paid.iter().map(of(true))).collect();
    breaks.sort_by_key(|pause| pause.start.seconds());
    let usual = PunchWindow::default();
    let minutes = |given: Option<u32>, usual: Minutes| {
        given.map_or(Ok(usual), Minutes::try_from).map_err(Refusal::refused)
    };
    let window = PunchWindow {
        before_min: minutes(before, usual.before_min)?,
        after_min: minutes(after, usual.after_min)?,
    };
    let hours = Hours::Fixed(FixedHours { start, end, breaks, expected_min: None });
    Ok(ShiftDefinition { window, hours, ..ShiftDefinition::fixed(start, end) }.to_document())
}

async fn list(context: &Context) -> anyhow::Result<Exit> {
    let shifts = context.read(ListShifts {}).await?;
    context.output.answer(&shifts, || {
        let mut table = Table::new(&["CODE", "NAME", "HOURS"]);
        for shift in &shifts {
            let hours = ShiftDefinition::parse(&shift.definition)
                .map_or_else(|error| error.to_string(), |s| hours(&s));
            table.row([shift.code.to_string(), shift.name.to_string(), hours]);
        }
        table.text("There is no shift yet.")
    })?;
    Ok(Exit::Done)
}

/// A shift's hours in a few words.
fn hours(shift: &ShiftDefinition) -> String {
    let mut text = match &shift.hours {
        Hours::Fixed(fixed) => format!("{}–{}", fixed.start, fixed.end),
        Hours::Split(split) => {
            let blocks: Vec<String> =
                split.blocks.iter().map(|block| format!("{}–{}", block.start, block.end)).collect();
            blocks.join(" and ")
        }
        Hours::Flexible(flexible) => format!("flexible within {}–{}", flexible.earliest, flexible.latest),
        Hours::Open(open) => format!("open within {}–{}", open.from, open.to),
    };
    for pause in shift.hours.breaks() {
        let paid = if pause.paid { "paid " } else { "" };
        text.push_str(&format!(", {paid}break {}–{}", pause.start, pause.end));
    }
    if !shift.weekdays.is_empty() || !shift.seasons.is_empty() {
        text.push_str(", other hours on some days");
    }
    text
}
