//! Whether what comes in a clock's name is believed.
//!
//! A clock that posts shows its communication key once, when it introduces itself; later requests carry a serial number
//! only, which is printed on its label. So trust is tied to what the key, or our own session with the clock, did show: an
//! address.
//!
//! ```text
//!   posts, has a key          believed from where it last introduced itself with that key
//!   posts, has none           believed from anywhere: nothing is known by which it could be told apart
//!   is read by us             believed from the address at which it is read, or as one that has a key
//! ```
//!
//! The address is kept over restarts, as not every clock introduces itself again after an error. Whoever is not believed
//! is answered 503: a clock keeps its data, comes again and, sooner or later, introduces itself. Somebody in the same
//! network who takes the clock's address is believed as if he were the clock; the protocol has nothing against that.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use device_protocols::driver::Refused;
use device_protocols::push::Hello;
use parking_lot::Mutex;
use shared_model::ClockSerial;
use shared_model::entity::Transport;

use super::address::resolve;
use super::refusals::{Refusal, Refusals};
use super::registry::AdoptedClock;
use crate::ingest::{Intake, refused};
use crate::store::DisbeliefReason;

/// Wrong keys after which an address is not listened to for a while: the key has six digits, and nobody may try them all.
const WRONG_KEYS: u32 = 5;
/// For how long.
const WRONG_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How long the address of a name holds.
const NAME_HOLDS: TimeDelta = TimeDelta::minutes(1);
/// Entries of each of the tables below; beyond, they begin anew.
const ENTRIES: usize = 4096;

/// Who is believed.
#[derive(Debug)]
pub(super) struct PushTrust {
    intake: Intake,
    /// With which key and from where a clock introduced itself.
    greeted: Mutex<HashMap<ClockSerial, (String, IpAddr)>>,
    /// Addresses of clocks that are read by name.
    named: Mutex<HashMap<String, Named>>,
    /// Requests that were not believed and are not noted yet.
    refusals: Mutex<Refusals>,
    /// Wrong keys, since the last pause.
    wrong: Mutex<HashMap<Source, Tally>>,
}

/// A clock's name and an address that uses it.
type Source = (ClockSerial, IpAddr);

/// The address that a name stood for.
#[derive(Debug)]
struct Named {
    at: DateTime<Utc>,
    address: Option<IpAddr>,
}

/// What happened so often, and when it last counted.
#[derive(Debug, Clone, Copy)]
struct Tally {
    at: DateTime<Utc>,
    count: u32,
}

impl Tally {
    /// Whether it last counted within such a span. A time that went back is no span.
    fn is_within(&self, span: TimeDelta, now: DateTime<Utc>) -> bool {
        (TimeDelta::zero()..span).contains(&(now - self.at))
    }
}

/// What an introduction shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The stored key: from here, the clock is believed.
    Key,
    /// Nothing, and nothing is needed.
    Nothing,
    /// Not enough.
    Doubtful(DisbeliefReason),
}

fn bounded<K, V>(table: &mut HashMap<K, V>) {
    if table.len() >= ENTRIES {
        table.clear();
    }
}

/// Whether we go to a clock, and so know where it is.
const fn is_read(clock: &AdoptedClock) -> bool {
    match clock.device.transport {
        Transport::Tcp | Transport::Udp => true,
        Transport::Push | Transport::File => false,
    }
}

/// What an introduction shows, where `at_home` tells whether it comes from where the clock is read.
fn shown(clock: &AdoptedClock, at_home: bool, key: Option<&str>) -> Shown {
    match (clock.comm_key.as_deref(), key) {
        (Some(stored), Some(key)) if stored == key => Shown::Key,
        (Some(_), Some(_)) => Shown::Doubtful(DisbeliefReason::Key),
        (_, None) if at_home => Shown::Nothing,
        (None, Some(_)) if at_home => Shown::Nothing,
        (Some(_), None) => Shown::Doubtful(DisbeliefReason::Key),
        (None, _) if is_read(clock) => Shown::Doubtful(DisbeliefReason::Address),
        (None, _) => Shown::Nothing,
    }
}

impl PushTrust {
    pub(super) fn new(intake: Intake) -> Self {
        Self {
            intake,
            greeted: Mutex::default(),
            named: Mutex::default(),
            refusals: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// Takes an introduction, and remembers from where the clock showed its key.
    pub(super) async fn introduced(&self, clock: &AdoptedClock, hello: &Hello) -> Result<(), Refused> {
        let address = hello.caller.address;
        if self.tries_keys(clock, address) {
            return self.disbelieve(clock, address, DisbeliefReason::Key).await;
        }
        let at_home = self.home(clock).await == Some(address);
        match shown(clock, at_home, hello.key.as_deref()) {
            Shown::Nothing => Ok(()),
            Shown::Key => self.greeted(clock, address).await,
            Shown::Doubtful(reason) => {
                if hello.key.is_some() {
                    self.tried_wrong(clock, address);
                }
                self.disbelieve(clock, address, reason).await
            }
        }
    }

    /// Takes any other request.
    pub(super) async fn came(&self, clock: &AdoptedClock, address: IpAddr) -> Result<(), Refused> {
        let needs_key = clock.comm_key.is_some();
        if !needs_key && !is_read(clock) {
            return Ok(());
        }
        if needs_key && self.greeted_from(clock).await? == Some(address) {
            return Ok(());
        }
        if self.home(clock).await == Some(address) {
            return Ok(());
        }
        self.disbelieve(clock, address, DisbeliefReason::Address).await
    }

    /// From where a clock last showed the key that it has now.
    async fn greeted_from(&self, clock: &AdoptedClock) -> Result<Option<IpAddr>, Refused> {
        let Some(key) = &clock.comm_key else { return Ok(None) };
        if let Some((shown, address)) = self.greeted.lock().get(&clock.serial)
            && shown == key
        {
            return Ok(Some(*address));
        }
        let serial = clock.serial.clone();
        let kept = self.intake.store().read(move |tx| tx.greeted_from(&serial)).await;
        let kept = kept.map_err(|error| refused(&error))?;
        if let Some(address) = kept {
            self.remember(clock, key, address);
        }
        Ok(kept)
    }

    fn remember(&self, clock: &AdoptedClock, key: &str, address: IpAddr) {
        let mut greeted = self.greeted.lock();
        bounded(&mut greeted);
        greeted.insert(clock.serial.clone(), (key.to_owned(), address));
    }

    async fn greeted(&self, clock: &AdoptedClock, address: IpAddr) -> Result<(), Refused> {
        let Some(key) = clock.comm_key.clone() else { return Ok(()) };
        self.wrong.lock().remove(&(clock.serial.clone(), address));
        let before = self.greeted_from(clock).await?;
        let (serial, shown) = (clock.serial.clone(), key.clone());
        let noted = self.intake.store().write(move |tx| tx.greeted(&serial, &shown, address)).await;
        if !noted.map_err(|error| refused(&error))? {
            // It is another key since; the clock comes again.
            return Err(Refused::UnknownClock);
        }
        self.remember(clock, &key, address);
        if before != Some(address) {
            tracing::info!(clock.serial = %clock.serial, %address, "the clock has shown its key: it is believed from here");
        }
        Ok(())
    }

    /// Where a clock that we read is.
    async fn home(&self, clock: &AdoptedClock) -> Option<IpAddr> {
        if !is_read(clock) {
            return None;
        }
        let text = clock.device.address.as_ref()?.as_str();
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(ip.to_canonical());
        }
        if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
            return Some(socket.ip().to_canonical());
        }
        let now = self.intake.clock().now();
        if let Some(Named { at, address }) = self.named.lock().get(text)
            && (TimeDelta::zero()..NAME_HOLDS).contains(&(now - *at))
        {
            return *address;
        }
        let found = resolve(text).await.ok().map(|socket| socket.ip().to_canonical());
        let mut named = self.named.lock();
        bounded(&mut named);
        named.insert(text.to_owned(), Named { at: now, address: found });
        found
    }

    /// Whether an address has shown so many wrong keys that it is not listened to for now.
    fn tries_keys(&self, clock: &AdoptedClock, address: IpAddr) -> bool {
        let now = self.intake.clock().now();
        let mut wrong = self.wrong.lock();
        let place = (clock.serial.clone(), address);
        match wrong.get(&place) {
            Some(tally) if tally.is_within(WRONG_PAUSE, now) => tally.count >= WRONG_KEYS,
            Some(_) => {
                wrong.remove(&place);
                false
            }
            None => false,
        }
    }

    fn tried_wrong(&self, clock: &AdoptedClock, address: IpAddr) {
        let now = self.intake.clock().now();
        let mut wrong = self.wrong.lock();
        bounded(&mut wrong);
        let tally = wrong.entry((clock.serial.clone(), address)).or_insert(Tally { at: now, count: 0 });
        *tally = Tally { at: now, count: tally.count + 1 };
    }

    /// Refuses a request, and tells of it where that is due.
    async fn disbelieve(
        &self,
        clock: &AdoptedClock,
        address: IpAddr,
        reason: DisbeliefReason,
    ) -> Result<(), Refused> {
        let now = self.intake.clock().now();
        let due = self.refusals.lock().one_more(&clock.serial, address, reason, now);
        self.note(&clock.serial, due).await?;
        Err(Refused::UnknownClock)
    }

    /// Notes the refusals that wait: otherwise they would wait for another one.
    pub(super) async fn note_refusals(&self) {
        let waiting = self.refusals.lock().take(self.intake.clock().now());
        for (serial, refusals) in waiting {
            // The store has said in the log what it cannot do.
            let _ = self.note(&serial, refusals).await;
        }
    }

    async fn note(&self, serial: &ClockSerial, refusals: Vec<Refusal>) -> Result<(), Refused> {
        if refusals.is_empty() {
            return Ok(());
        }
        for Refusal { address, reason, requests } in &refusals {
            tracing::warn!(
                clock.serial = %serial,
                %address,
                requests,
                reason = match reason {
                    DisbeliefReason::Address => "the address is not the clock's",
                    DisbeliefReason::Key => "the communication key is not the stored one",
                },
                "what came in the name of this clock was refused"
            );
        }
        let serial = serial.clone();
        let noted = self.intake.store().write(move |tx| {
            refusals.iter().try_for_each(|refusal| {
                tx.disbelieved(&serial, refusal.address, refusal.reason, refusal.requests)
            })
        });
        noted.await.map_err(|error| refused(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64;

    use shared_model::entity::{Device, DeviceState, DirectionUse};
    use shared_model::text::Name;
    use shared_model::{DeviceId, SiteId, ZoneHistory};
    use uuid::Uuid;

    use super::*;
    use crate::store::tests::{TestClock, open};

    /// A posting clock that has a key.
    fn posting() -> AdoptedClock {
        let serial = ClockSerial::parse("A1").unwrap();
        let device = Device {
            serial: serial.clone(),
            name: Name::parse("Gate 1").unwrap(),
            site: SiteId::from_uuid(Uuid::from_u128(1)),
            transport: Transport::Push,
            address: None,
            state: DeviceState::Active,
            zones: None,
            direction_use: DirectionUse::Ignore,
            model: None,
            firmware: None,
            set_time: false,
        };
        let zones = ZoneHistory::single(chrono_tz::Tz::Asia__Dhaka);
        let id = DeviceId::from_uuid(Uuid::from_u128(2));
        AdoptedClock { id, serial, device, zones, comm_key: Some("123456".to_owned()) }
    }

    #[tokio::test]
    async fn what_was_refused_is_noted_without_another_refusal() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let now: DateTime<Utc> = "2026-11-20T06:00:00Z".parse().unwrap();
        let time = Arc::new(TestClock(AtomicI64::new(now.timestamp_millis())));
        let (trust, clock) = (PushTrust::new(Intake::new(store.clone(), time)), posting());
        for last in [1, 2, 3, 2] {
            assert!(trust.came(&clock, IpAddr::from([192, 0, 2, last])).await.is_err());
        }
        let found = async || {
            let serial = clock.serial.clone();
            let found = store.read(move |tx| tx.disbelief(&serial, now)).await.unwrap().unwrap();
            (found.requests, found.addresses.join(" "))
        };
        assert_eq!(found().await, (1, "192.0.2.1".to_owned()));
        trust.note_refusals().await;
        assert_eq!(found().await, (4, "192.0.2.2 192.0.2.3 192.0.2.1".to_owned()));
    }
}
