//! `device events`: what was done at a clock itself.

use shared_model::ClockSerial;

use super::list::moment;
use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::command::table::Table;
use crate::control::device::ListClockEvents;
use crate::store::{ClockAct, ClockEvent};

/// Prints it, the newest first.
pub(super) async fn list(context: &Context, serial: ClockSerial, limit: u32) -> anyhow::Result<Exit> {
    let events = context.read(ListClockEvents { serial, limit }).await?;
    context.output.answer(&events, || {
        let mut table = Table::new(&["ITS TIME", "WHAT", "BY", "ABOUT", "TOLD (UTC)"]);
        for event in &events.0 {
            table.row([
                event.said.clone(),
                what(event),
                if event.admin == "0" { "-".to_owned() } else { event.admin.clone() },
                event.objects.clone(),
                moment(Some(event.received_at)),
            ]);
        }
        table.text("The clock has told of nothing that was done at it.")
    })?;
    Ok(Exit::Done)
}

/// What was done, in words.
pub(in crate::command) fn what(event: &ClockEvent) -> String {
    let known = match event.act {
        ClockAct::PowerOn => "switched on",
        ClockAct::Menu => "menu opened",
        ClockAct::Setting => "setting changed",
        ClockAct::UserDeleted => "user deleted",
        ClockAct::DataCleared => "ALL DATA CLEARED",
        ClockAct::TimeSet => "time set",
        ClockAct::FactoryReset => "FACTORY RESET",
        ClockAct::LogCleared => "LOG CLEARED",
        ClockAct::UserEnrolled => "user enrolled",
        ClockAct::Other => return format!("operation {}", event.code),
    };
    known.to_owned()
}

/// What it means that punches were cleared at a clock.
pub(in crate::command) fn cleared(event: &ClockEvent) -> String {
    let until = event.read_until.map_or_else(
        || "up to when its punches had been read is not known".to_owned(),
        |until| format!("all punches until {} UTC had been read", until.format("%Y-%m-%d %H:%M:%S")),
    );
    format!("{} at {} (its time) by {}; {until}", what(event).to_lowercase(), event.said, event.admin)
}
