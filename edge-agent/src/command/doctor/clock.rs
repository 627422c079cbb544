//! The clocks: answering, right, with room in their logs.

use std::time::Duration;

use shared_model::entity::{DeviceState, Transport};

use super::Finding;
use crate::command::context::Context;
use crate::command::device::{address, alarm, event, time};
use crate::control::device::{DeviceRow, ListDevices, is_wrong};
use crate::store::Link;

/// Seconds by which a clock may be off without a word. Where the time of its punches is in doubt, it is to be repaired.
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
    if let Some(alarm::Alarm { found, fix }) = list.dropped.as_ref().map(alarm::dropped) {
        findings.push(Finding::problem("clocks", found, fix));
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
    findings
        .extend(alarm::of(device).into_iter().map(|told| Finding::problem("clocks", told.found, told.fix)));
    findings.extend(missing(device));
    if let Some(drift) = device.drift_seconds.filter(|drift| drift.abs() > OFF && !is_wrong(*drift)) {
        let found = format!("{name} ({serial}) is {}", time::off(drift));
        let fix = format!(
            "`muster-edge device time {serial} --set`, or let the agent do it: `device set {serial} --set-time true`"
        );
        findings.push(Finding::note("clocks", found, fix));
    }
    if device.quarantine_rows > 0 {
        let left_out = match device.left_out_rows {
            0 => String::new(),
            left_out => format!("; {left_out} of them, unreadable, were more than is kept"),
        };
        let found = format!(
            "{name} ({serial}): {} rows cannot be punches and were put aside{left_out}",
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

/// That a clock says it has more than is here, and why that may be.
fn missing(device: &DeviceRow) -> Option<Finding> {
    let (count, missing) = (device.log_count?, device.missing_rows()?);
    let (serial, name) = (&device.serial, &device.name);
    let found = format!(
        "{name} ({serial}): its log says {count} rows, {} were read: {missing} are missing ({} punches are here, {} rows were \
         put aside)",
        count - missing,
        device.new_rows,
        device.quarantine_rows
    );
    let error = device.last_error.as_ref();
    if matches!(device.transport, Transport::Push | Transport::File) {
        let fix = format!(
            "it is asked for all it has once a day; `muster-edge device read {serial}` asks now. Rows that it counts twice \
             stay missing for ever, and do no harm"
        );
        return Some(if device.new_rows == 0 {
            Finding::problem("clocks", found, fix)
        } else {
            Finding::note("clocks", found, fix)
        });
    }
    let first = device.last_read.is_none() && error.is_none();
    if first {
        let fix = format!("it was not read to its end yet; `muster-edge device read {serial}` reads it now");
        return Some(Finding::note("clocks", found, fix));
    }
    let why = error.map_or_else(String::new, |error| format!("the last reading failed: {error}. "));
    let fix = format!(
        "{why}`muster-edge device read {serial}` reads it again, and `device pull {serial}` prints what it sends while the \
         agent is stopped. If it sends nothing, the model keeps its punches elsewhere (as some for access control do): let \
         it post to this machine instead (`device add --transport push`)"
    );
    Some(Finding::problem("clocks", found, fix))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use shared_model::entity::DirectionUse;
    use shared_model::text::Name;
    use shared_model::{ClockSerial, DeviceId};
    use uuid::Uuid;

    use super::super::State;
    use super::*;

    fn device(transport: Transport) -> DeviceRow {
        DeviceRow {
            id: DeviceId::from_uuid(Uuid::nil()),
            serial: ClockSerial::parse("C1").unwrap(),
            name: Name::parse("Gate 1").unwrap(),
            site: "F1".into(),
            transport,
            address: None,
            state: DeviceState::Active,
            direction_use: DirectionUse::Ignore,
            set_time: false,
            link: "online".into(),
            last_seen: None,
            last_read: None,
            last_error: None,
            drift_seconds: None,
            firmware: None,
            model: None,
            log_count: Some(100),
            log_capacity: None,
            user_count: None,
            read_rows: 0,
            new_rows: 0,
            repeat_rows: 0,
            quarantine_rows: 0,
            cleared: None,
            left_out_rows: 0,
            log_position: 0,
            disbelief: None,
        }
    }

    fn bad(findings: &[Finding]) -> Vec<State> {
        findings.iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn a_log_that_says_more_than_was_read_is_told_with_why() {
        let mut clock = device(Transport::Tcp);
        assert_eq!(bad(&condition(&clock)), [State::Note], "it may be read at this moment");
        clock.last_error = Some("the log came incomplete (0 rows); it is read again".into());
        let findings = condition(&clock);
        assert_eq!(bad(&findings), [State::Problem]);
        assert!(
            findings[0].found.contains("its log says 100 rows, 0 were read: 100 are missing"),
            "{findings:?}"
        );
        assert!(findings[0].fix.as_ref().unwrap().contains("came incomplete"), "{findings:?}");
        clock.last_error = None;
        clock.log_position = 100;
        assert_eq!(bad(&condition(&clock)), []);
    }

    #[rstest]
    #[case(0, 0, &[State::Problem])]
    #[case(40, 10, &[State::Note, State::Note])]
    #[case(90, 10, &[State::Note])]
    fn a_posting_clock_s_count_is_compared_with_punches_and_what_was_put_aside(
        #[case] new: i64,
        #[case] quarantined: i64,
        #[case] told: &[State],
    ) {
        let clock = DeviceRow { new_rows: new, quarantine_rows: quarantined, ..device(Transport::Push) };
        assert_eq!(bad(&condition(&clock)), told);
    }

    #[rstest]
    #[case(30, &[])]
    #[case(-90, &[State::Note])]
    #[case(-6 * 3600, &[State::Problem])]
    fn a_time_that_puts_punches_in_doubt_is_to_be_repaired(#[case] drift: i64, #[case] told: &[State]) {
        let clock = DeviceRow { drift_seconds: Some(drift), log_count: None, ..device(Transport::Tcp) };
        let findings = condition(&clock);
        assert_eq!(bad(&findings), told);
        if let [Finding { state: State::Problem, fix, .. }] = findings.as_slice() {
            assert!(fix.as_ref().unwrap().contains("another zone"), "{findings:?}");
        }
    }
}
