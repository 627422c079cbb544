//! What must not be overlooked of a clock, with what to do.

use shared_model::entity::Transport;

use super::list::moment;
use super::time::off;
use crate::control::device::DeviceRow;
use crate::store::{Disbelief, DisbeliefReason, DroppedAnnouncements};

/// Seconds by which a time may miss a whole half hour and still look like another zone's.
const NEARLY: i64 = 300;

/// What is wrong, in words.
pub(in crate::command) struct Alarm {
    /// What.
    pub(in crate::command) found: String,
    /// What to do.
    pub(in crate::command) fix: String,
}

/// Said where a clock has been named already.
pub(super) const OFF: &str = "THE CLOCK'S TIME IS WRONG: days, lateness and overtime made of its punches are wrong too. Set it with \
    `device time SERIAL --set`; if it is wrong by whole hours, look first whether the site's zone is right.";

/// Everything about a clock that must not be overlooked.
pub(in crate::command) fn of(device: &DeviceRow) -> Vec<Alarm> {
    let name = named(device);
    let wrong = device.wrong_time().map(|drift| match device.transport {
        Transport::Push | Transport::File => wrong_time_posting(&name, device.serial.as_str(), drift),
        Transport::Tcp | Transport::Udp => wrong_time_of(&name, device.serial.as_str(), drift),
    });
    let disbelief = device.disbelief.as_ref().map(|disbelief| disbelieved(device, disbelief));
    wrong.into_iter().chain(disbelief).collect()
}

pub(in crate::command) fn named(device: &DeviceRow) -> String {
    format!("{} ({})", device.name, device.serial)
}

/// That a clock's time is wrong, where it is known by its serial number alone.
pub(super) fn wrong_time(serial: &str, drift: i64) -> Alarm {
    wrong_time_of(serial, serial, drift)
}

fn wrong(name: &str, drift: i64) -> String {
    format!(
        "{name} is {}: every punch is at a wrong time, and days, lateness and overtime are wrong with it",
        off(drift)
    )
}

fn counted(count: i64, what: &str) -> String {
    if count == 1 { format!("one {what}") } else { format!("{count} {what}s") }
}

/// Whether a clock looks as if it showed the time of another zone.
fn is_zone(drift: i64) -> bool {
    let part = drift.rem_euclid(1800);
    drift.abs() >= 1800 - NEARLY && (part <= NEARLY || part >= 1800 - NEARLY)
}

fn wrong_time_of(name: &str, serial: &str, drift: i64) -> Alarm {
    let set = format!(
        "`muster-edge device time {serial} --set` sets it, `device set {serial} --set-time true` lets the agent keep it right; \
         then look through the punches that are marked for review"
    );
    let fix = if is_zone(drift) {
        format!(
            "it looks like the time of another zone: is the site's zone right (`site list`)? If it is, {set}"
        )
    } else {
        set
    };
    Alarm { found: wrong(name, drift), fix }
}

fn wrong_time_posting(name: &str, serial: &str, drift: i64) -> Alarm {
    let fix = format!(
        "set time and time zone in the clock's menu, or let the agent tell it the zone when it introduces itself \
         (`muster-edge device set {serial} --set-time true`, then switch the clock off and on); is the site's zone right \
         (`site list`)? Then look through its punches of these days"
    );
    Alarm { found: wrong(name, drift), fix }
}

fn disbelieved(device: &DeviceRow, disbelief: &Disbelief) -> Alarm {
    let Disbelief { address, reason, last_at, requests, addresses, .. } = disbelief;
    let (name, serial) = (named(device), &device.serial);
    let why = match reason {
        DisbeliefReason::Address => "posts from an unexpected address",
        DisbeliefReason::Key => "posts with another communication key",
    };
    let others: Vec<&str> = addresses.iter().map(String::as_str).filter(|other| other != address).collect();
    let also =
        if others.is_empty() { String::new() } else { format!("; others came from {}", others.join(", ")) };
    let found = format!(
        "{name}: {why}: {} in its name refused, the last from {address} at {} UTC{also}",
        counted(*requests, "request"),
        moment(Some(*last_at))
    );
    let itself = match (reason, device.transport) {
        (DisbeliefReason::Key, _) => format!(
            "look its key up in its menu (Comm., PC Connection, Comm Key) and store it: `muster-edge device set {serial} --comm-key KEY`"
        ),
        (DisbeliefReason::Address, Transport::Tcp | Transport::Udp) => {
            format!("correct its address: `muster-edge device set {serial} --address {address}`")
        }
        (DisbeliefReason::Address, Transport::Push | Transport::File) => {
            "switch it off and on, so that it introduces itself with its key".to_owned()
        }
    };
    let fix = format!(
        "nothing was taken and the clock keeps its punches. If {address} is the clock itself, {itself}. If it is not, some \
         other machine tries to post punches in its name: find it"
    );
    Alarm { found, fix }
}

/// That announcements of unknown clocks fell out of the list.
pub(in crate::command) fn dropped(dropped: &DroppedAnnouncements) -> Alarm {
    let DroppedAnnouncements { clocks, address, last_at } = dropped;
    Alarm {
        found: format!(
            "{} fell out of the list of those that wait for adoption, the last at {} UTC for one from {address}",
            counted(*clocks, "unknown clock"),
            moment(Some(*last_at))
        ),
        fix: "a clock that is really there comes again by itself; so many at once are invented: find the machine at that \
              address, and keep the clocks in a network of their own"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_hours_look_like_another_zone() {
        let found: Vec<bool> = [6 * 3600, -6 * 3600 + 40, 19_800, -3_500, 1_750, 900, 4_500, 130]
            .into_iter()
            .map(is_zone)
            .collect();
        assert_eq!(found, [true, true, true, true, true, false, false, false]);
    }
}
