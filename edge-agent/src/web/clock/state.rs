//! A clock's state in words.

use chrono::TimeDelta;
use shared_model::entity::{DeviceState, DirectionUse, Transport};
use web_kit::chart::ShareBar;
use web_kit::{Key, Page, Tone};

use super::super::local_time::LocalTime;
use crate::control::device::is_wrong;
use crate::store::{AdoptedDevice, DeviceCounters, Link, QuarantineReason};

/// A clock that is off by more, in seconds, is shown in amber.
const DRIFT: i64 = 60;

/// A log this full, in percent, is shown in amber.
const FULL: u64 = 80;

/// A clock as a line of the list, and the first facts of its page.
pub(super) struct ClockLine {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) serial: String,
    pub(super) model: String,
    pub(super) state: String,
    pub(super) tone: Tone,
    pub(super) seen: String,
    pub(super) drift: String,
    pub(super) drift_tone: Option<Tone>,
    pub(super) fill: Option<Fill>,
    pub(super) counters: DeviceCounters,
}

/// How full a clock's memory is.
pub(super) struct Fill {
    pub(super) text: String,
    pub(super) bar: ShareBar,
}

impl ClockLine {
    pub(super) fn of(page: &Page, local: &LocalTime, known: &AdoptedDevice) -> Self {
        let (record, state) = (&known.device.record, known.state.as_ref());
        let link = state.map(|state| state.link).unwrap_or_default();
        let (tone, key) = standing(record.state, link);
        let drift = state.and_then(|state| state.drift_seconds);
        let model = state.and_then(|state| state.model.clone());
        let model = model.or_else(|| record.model.as_ref().map(ToString::to_string));
        Self {
            href: format!("/clocks/{}", known.device.id),
            name: record.name.to_string(),
            serial: record.serial.to_string(),
            model: model.unwrap_or_default(),
            state: page.t(key).to_string(),
            tone,
            seen: state
                .and_then(|state| state.last_seen)
                .map_or_else(|| page.t("clock-never").to_string(), |at| page.texts.ago(local.since(at))),
            drift: drift.map(|seconds| drift_text(page, seconds)).unwrap_or_default(),
            drift_tone: drift.and_then(drift_tone),
            fill: state.and_then(|state| fill(page, state.log_rows(), state.log_capacity)),
            counters: state.map(|state| state.counters).unwrap_or_default(),
        }
    }
}

/// How bad it is that a clock is off by so many seconds.
pub(super) fn drift_tone(seconds: i64) -> Option<Tone> {
    if is_wrong(seconds) { Some(Tone::Bad) } else { (seconds.abs() > DRIFT).then_some(Tone::Warn) }
}

/// "4 s ahead", "2 min behind", "right".
pub(super) fn drift_text(page: &Page, seconds: i64) -> String {
    let span = page.texts.span(TimeDelta::seconds(seconds.saturating_abs()));
    match seconds {
        -1..=1 => page.t("clock-drift-none").to_string(),
        2.. => page.t("clock-drift-ahead").with("span", span).to_string(),
        _ => page.t("clock-drift-behind").with("span", span).to_string(),
    }
}

/// That the clock is so far off that every punch is doubtful.
pub(super) fn wrong_time(page: &Page, drift: i64, transport: Transport) -> String {
    let off = drift_text(page, drift);
    match transport {
        Transport::Tcp | Transport::Udp => page.t("clock-wrong-time").with("off", off).to_string(),
        Transport::Push | Transport::File => page.t("clock-wrong-time-posting").with("off", off).to_string(),
    }
}

pub(super) fn fill(page: &Page, count: Option<i64>, capacity: Option<i64>) -> Option<Fill> {
    let (count, capacity) = (u64::try_from(count?).ok()?, u64::try_from(capacity?).ok()?);
    if capacity == 0 {
        return None;
    }
    let text = page.t("clock-fill").with("count", count).with("capacity", capacity).to_string();
    let tone = if count * 100 >= capacity * FULL { Tone::Warn } else { Tone::Good };
    Some(Fill { bar: ShareBar::of(tone, count, capacity, text.clone()), text })
}

pub(super) const fn standing(state: DeviceState, link: Link) -> (Tone, Key) {
    match state {
        DeviceState::Retired => (Tone::Neutral, Key::new("clock-state-retired")),
        DeviceState::Pending => (Tone::Info, Key::new("clock-state-pending")),
        DeviceState::Active => match link {
            Link::Unknown => (Tone::Neutral, Key::new("clock-state-unknown")),
            Link::Online => (Tone::Good, Key::new("clock-state-online")),
            Link::Offline => (Tone::Bad, Key::new("clock-state-offline")),
            Link::WrongClock => (Tone::Bad, Key::new("clock-state-wrong-clock")),
            Link::WrongKey => (Tone::Bad, Key::new("clock-state-wrong-key")),
        },
    }
}

/// What to do about a clock in this state; `None` where nothing is to be done.
pub(super) const fn advice(link: Link, transport: Transport) -> Option<Key> {
    match (link, transport) {
        (Link::Unknown | Link::Online, _) => None,
        (Link::Offline, Transport::Push) => Some(Key::new("clock-advice-silent")),
        (Link::Offline, Transport::Tcp | Transport::Udp | Transport::File) => {
            Some(Key::new("clock-advice-offline"))
        }
        (Link::WrongClock, _) => Some(Key::new("clock-advice-wrong-clock")),
        (Link::WrongKey, _) => Some(Key::new("clock-advice-wrong-key")),
    }
}

/// Why a row cannot be a punch.
pub(in crate::web) const fn reason_key(reason: QuarantineReason) -> Key {
    match reason {
        QuarantineReason::ImpossibleDate => Key::new("bad-impossible-date"),
        QuarantineReason::ImplausibleDate => Key::new("bad-implausible-date"),
        QuarantineReason::BadUser => Key::new("bad-user"),
        QuarantineReason::Doubtful => Key::new("bad-doubtful"),
        QuarantineReason::Malformed => Key::new("bad-malformed"),
    }
}

/// What to do about such rows.
pub(in crate::web) const fn reason_advice(reason: QuarantineReason) -> Key {
    match reason {
        QuarantineReason::ImpossibleDate | QuarantineReason::ImplausibleDate => Key::new("bad-date-advice"),
        QuarantineReason::BadUser => Key::new("bad-user-advice"),
        QuarantineReason::Doubtful | QuarantineReason::Malformed => Key::new("bad-row-advice"),
    }
}

pub(super) const fn transport_key(transport: Transport) -> Key {
    match transport {
        Transport::Tcp => Key::new("transport-tcp"),
        Transport::Udp => Key::new("transport-udp"),
        Transport::Push => Key::new("transport-push"),
        Transport::File => Key::new("transport-file"),
    }
}

pub(super) const fn direction_key(direction: DirectionUse) -> Key {
    match direction {
        DirectionUse::Ignore => Key::new("direction-ignore"),
        DirectionUse::Trust => Key::new("direction-trust"),
        DirectionUse::AlwaysIn => Key::new("direction-in"),
        DirectionUse::AlwaysOut => Key::new("direction-out"),
    }
}

pub(super) fn direction_choices(page: &Page) -> Vec<(String, String)> {
    DirectionUse::ALL
        .iter()
        .map(|direction| (direction.as_str().to_owned(), page.t(direction_key(*direction)).to_string()))
        .collect()
}
