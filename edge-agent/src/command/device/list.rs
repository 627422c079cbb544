//! `device list`, and `device info` of a clock that the agent knows.

use chrono::{DateTime, Utc};
use shared_model::ClockSerial;
use shared_model::entity::{DeviceState, Transport};

use super::time::off;
use super::{alarm, event};
use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::command::table::{Table, cell};
use crate::control::device::{DeviceRow, ListDevices, ShowDevice};
use crate::store::DeviceCommand;

/// Prints the clocks.
pub(super) async fn list(context: &Context, all: bool) -> anyhow::Result<Exit> {
    let list = context.read(ListDevices { all }).await?;
    context.output.answer(&list, || {
        let mut table =
            Table::new(&["SERIAL", "NAME", "REACHED BY", "STATE", "LAST SEEN (UTC)", "PUNCHES", "READ"]);
        for device in &list.devices {
            let state = match device.state {
                DeviceState::Active if device.wrong_time().is_some() => {
                    format!("{}, wrong time", device.link)
                }
                DeviceState::Active => device.link.clone(),
                DeviceState::Pending | DeviceState::Retired => device.state.to_string(),
            };
            table.row([
                device.serial.to_string(),
                device.name.to_string(),
                way(device),
                state,
                moment(device.last_seen),
                device.new_rows.to_string(),
                device.read_rows.to_string(),
            ]);
        }
        let mut text = table.text("There is no clock yet: `device add` adds one.");
        if !list.waiting.is_empty() {
            let mut table = Table::new(&["WAITS FOR ADOPTION", "MODEL", "POSTS FROM", "LAST SEEN (UTC)"]);
            for device in &list.waiting {
                table.row([
                    device.serial.to_string(),
                    device.model.clone(),
                    device.address.clone(),
                    moment(Some(device.last_seen)),
                ]);
            }
            text.push_str(&format!("\n\n{}", table.text("")));
        }
        let active = list.devices.iter().filter(|device| device.state == DeviceState::Active);
        for told in active.flat_map(alarm::of).chain(list.dropped.as_ref().map(alarm::dropped)) {
            text.push_str(&format!("\n\n! {}\n  -> {}", told.found, told.fix));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Prints one clock.
pub(super) async fn show(context: &Context, serial: ClockSerial) -> anyhow::Result<Exit> {
    let detail = context.read(ShowDevice { serial }).await?;
    context.output.answer(&detail, || {
        let device = &detail.device;
        let log = match (device.log_count, device.log_capacity) {
            (Some(count), Some(capacity)) => format!("{count} of {capacity}"),
            (count, _) => cell(count.as_ref()),
        };
        let lines = [
            ("Serial number", device.serial.to_string()),
            ("Name", device.name.to_string()),
            ("Site", device.site.clone()),
            ("Reached by", way(device)),
            ("State", format!("{}, {}", device.state, device.link)),
            ("Model", cell(device.model.as_ref())),
            ("Firmware", cell(device.firmware.as_ref())),
            ("Last seen", moment(device.last_seen)),
            ("Last read", moment(device.last_read)),
            ("Last error", cell(device.last_error.as_ref())),
            ("Its time", device.drift_seconds.map_or_else(|| "-".to_owned(), off)),
            ("May be set", if device.set_time { "yes" } else { "no" }.to_owned()),
            ("In/out keys", device.direction_use.to_string()),
            ("Log", log),
            ("Users", cell(device.user_count.as_ref())),
            ("Rows read", device.read_rows.to_string()),
            ("  new", device.new_rows.to_string()),
            ("  known", device.repeat_rows.to_string()),
            (
                "  no punches",
                match device.left_out_rows {
                    0 => device.quarantine_rows.to_string(),
                    left_out => format!("{}, of them {left_out} not kept", device.quarantine_rows),
                },
            ),
        ];
        let mut text = lines.map(|(name, value)| format!("{name:<15}{value}")).join("\n");
        for told in alarm::of(device) {
            text.push_str(&format!("\n\n! {}\n  -> {}", told.found, told.fix));
        }
        if let Some(event) = &device.cleared {
            text.push_str(&format!("\n{:<15}{}", "Punches gone", event::cleared(event)));
        }
        if !detail.commands.is_empty() {
            text.push_str(&format!("\n\n{}", commands(&detail.commands)));
        }
        if !detail.events.is_empty() {
            let acts =
                detail.events.iter().take(5).map(|event| format!("{} {}", event.said, event::what(event)));
            let acts: Vec<String> = acts.collect();
            text.push_str(&format!("\n\nDone at the clock (`device events`):\n  {}", acts.join("\n  ")));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// What the clock was asked to do when it comes by.
fn commands(commands: &[DeviceCommand]) -> String {
    let mut table = Table::new(&["ASKED (UTC)", "COMMAND", "STATE", "TOLD", "RESULT"]);
    for command in commands {
        let result = match (command.code, &command.error) {
            (Some(code), Some(error)) => format!("{error} ({code})"),
            (Some(code), None) => code.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "-".to_owned(),
        };
        table.row([
            moment(Some(command.asked_at)),
            command.name.clone(),
            command.state.as_str().to_owned(),
            match command.attempts {
                0 => "-".to_owned(),
                1 => "once".to_owned(),
                attempts => format!("{attempts} times"),
            },
            result,
        ]);
    }
    table.text("")
}

fn way(device: &DeviceRow) -> String {
    match (device.transport, &device.address) {
        (Transport::Push, _) => "push".to_owned(),
        (transport, Some(address)) => format!("{transport} {address}"),
        (transport, None) => transport.to_string(),
    }
}

pub(super) fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}
