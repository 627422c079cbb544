//! `punch`.

use chrono::NaiveDate;
use clap::Subcommand;

use super::context::Context;
use super::exit::Exit;
use super::table::{Table, cell};
use crate::control::punch::ListFlags;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the punches whose time is in doubt, and why
    #[command(
        after_help = "clock_drift: made while its clock was wrong, which was then set. device_skew: the clock's time cannot \
        be right for when the punch came. device_backwards: the clock's time fell from the punch before. edge_backwards: \
        this machine's own time had gone back. unanchored: received before the first contact with the cloud, which found \
        this machine's time to be wrong. A mark changes no punch and no figure."
    )]
    Flags {
        /// From this date on, by the clocks
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
        /// Up to this date
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Self::Flags { from, to } = self;
        let flags = context.read(ListFlags { from, to }).await?;
        context.output.answer(&flags, || {
            let mut table = Table::new(&["TIME", "CLOCK", "CODE", "MARK", "WHY"]);
            for flag in &flags {
                table.row([
                    flag.raw_time.to_string(),
                    flag.clock.clone(),
                    flag.user_code.clone(),
                    flag.flag.clone(),
                    cell(flag.reason.as_ref()),
                ]);
            }
            table.text("No punch is marked.")
        })?;
        Ok(Exit::Done)
    }
}
