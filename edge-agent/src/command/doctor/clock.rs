//! The clocks: answering, right, with room in their logs.

use std::time::Duration;

use shared_model::entity::{DeviceState, Transport};

use super::Finding;
use crate::command::context::Context;
use crate::command::device::{address, event, time};
use crate::control::device::{DeviceRow, ListDevices};
use crate::store::Link;

/// Seconds by which a clock may be off without a word.
const OFF: i64 = 60;
/// How long an address is tried where no agent runs.
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks at the clocks.
pub(super) async fn look(context: &Context, running: bool, findings: &mut Vec<Finding>) {
    let list = match context.read(ListDevices { all: false }).await {
        Ok(list) => list,
        Err(error) => {
            findings.push(Finding::problem("clocks", format!("{error:#}"), "look into the agent's log"));
            return;
        }
    };
    if list.devices.is_empty() {
        let fix =
            "add them: `muster-edge device add ADDRESS`, or let them push to this machine and adopt them";
        findings.push(Finding::note("clocks", "there is none yet", fix));
    }
    for device in list.devices.iter().filter(|device| device.state == DeviceState::Active) {
        findings.push(if running { known(device) } else { tried(device).await });
        findings.extend(condition(device));
    }
    for waiting in &list.waiting {
        let found = format!("{} ({}) posts to us and nobody has adopted it", waiting.serial, waiting.address);
        findings.push(Finding::note("clocks", found, format!("muster-edge device adopt {}", waiting.serial)));
    }
}

/// What the running agent has found out.
fn known(device: &DeviceRow) -> Finding {
    let (serial, name) = (&device.serial, &device.name);
    let error = device.last_error.clone().unwrap_or_default();
    if device.link == Link::Online.as_str() {
        return Finding::ok("clocks", format!("{name} ({serial}) answers"));
    }
    if device.link == Link::Unknown.as_str() {
        let fix = "a clock that posts must have this machine's address and port in its menu (cloud server)";
        return Finding::note("clocks", format!("{name} ({serial}) was not heard yet"), fix);
    }
    let fix = format!("`muster-edge device test {serial}` says more");
    Finding::problem("clocks", format!("{name} ({serial}) does not answer: {error}"), fix)
}

/// Whether something listens at a clock's address. No session is opened.
async fn tried(device: &DeviceRow) -> Finding {
    let (serial, name) = (&device.serial, &device.name);
    let Some(place) = device.address.as_ref().filter(|_| device.transport == Transport::Tcp) else {
        return Finding::ok("clocks", format!("{name} ({serial}) posts to us when the agent runs"));
    };
    let fix = format!("`muster-edge device test {serial}` says more");
    let socket = match address::socket(place).await {
        Ok(socket) => socket,
        Err(error) => return Finding::problem("clocks", format!("{name} ({serial}): {error}"), fix),
    };
    match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(socket)).await {
        Ok(Ok(_)) => Finding::ok("clocks", format!("{name} ({serial}) can be reached at {socket}")),
        Ok(Err(error)) => Finding::problem("clocks", format!("{name} ({serial}) at {socket}: {error}"), fix),
        Err(_) => Finding::problem("clocks", format!("{name} ({serial}): nothing answers at {socket}"), fix),
    }
}

fn condition(device: &DeviceRow) -> Vec<Finding> {
    let (serial, name) = (&device.serial, &device.name);
    let mut findings = Vec::new();
    if let (Some(count), Some(capacity)) = (device.log_count, device.log_capacity)
        && capacity > 0
        && count >= capacity / 10 * 9
    {
        let found = format!("{name} ({serial}): its log is nearly full, {count} of {capacity} rows");
        let fix = "once all of it has been read, empty it in the clock's menu: a full clock takes no punches or drops old ones";
        findings.push(Finding::note("clocks", found, fix));
    }
    if let Some(drift) = device.drift_seconds.filter(|drift| drift.abs() > OFF) {
        let found = format!("{name} ({serial}) is {}", time::off(drift));
        let fix = format!(
            "`muster-edge device time {serial} --set`, or let the agent do it: `device set {serial} --set-time true`"
        );
        findings.push(Finding::note("clocks", found, fix));
    }
    if device.quarantine_rows > 0 {
        let found = format!(
            "{name} ({serial}): {} rows cannot be punches and were put aside",
            device.quarantine_rows
        );
        findings.push(Finding::note("clocks", found, "the clock's page shows them and why"));
    }
    if let Some(event) = &device.cleared {
        let found = format!("{name} ({serial}): {}", event::cleared(event));
        let fix =
            "what was punched between these times is in no log: ask who was there, and correct their days";
        findings.push(Finding::note("clocks", found, fix));
    }
    findings
}
