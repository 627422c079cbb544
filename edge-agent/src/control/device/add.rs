//! Adding a clock, and adopting one that waits for it.

use serde::{Deserialize, Serialize};
use shared_model::entity::{Device, DeviceState, DirectionUse, Transport};
use shared_model::text::{Code, HostAddress, Line, Name};
use shared_model::{ClockSerial, DeviceId};

use super::super::find::Records as _;
use super::super::hidden::Hidden;
use super::super::{Act, Agent, Outcome, Progress, Refusal, Saved, saved};
use crate::store::{Author, StoreError, WriteTx};

/// Adds a clock, or adopts one that waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddDevice {
    /// Its serial number.
    pub serial: ClockSerial,
    /// What it is called.
    pub name: Name,
    /// The code of the site where it hangs; `None` = this agent's.
    pub site: Option<Code>,
    /// How it is reached.
    pub transport: Transport,
    /// Where it is reached; `None` for one that posts.
    pub address: Option<HostAddress>,
    /// What its in/out keys are worth.
    pub direction_use: DirectionUse,
    /// Whether the agent may set its time.
    pub set_time: bool,
    /// Its communication key; empty = none.
    pub comm_key: Hidden,
    /// Its model, where it told one.
    pub model: Option<Line>,
    /// Its firmware, where it told one.
    pub firmware: Option<Line>,
    /// Only a clock that has posted and waits for adoption.
    pub waiting: bool,
}

impl Act for AddDevice {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        if self.waiting {
            let waiting = agent.read(crate::store::ReadTx::pending_devices).await?;
            if !waiting.iter().any(|device| device.serial == self.serial) {
                return Err(Refusal::refused(format!(
                    "no clock {0} waits for adoption: `device list` shows those that do; one that has not come by yet is \
                     added with `device add --transport push --serial {0}`",
                    self.serial
                )));
            }
        }
        let serial = self.serial.clone();
        agent
            .write(move |tx, author| match self.save(tx, author) {
                Err(StoreError::Exists { .. }) => Err(StoreError::Invalid(format!(
                    "clock {serial} is at work already: change it with `device set {serial}`"
                ))),
                saved => saved,
            })
            .await
    }
}

impl AddDevice {
    /// Adds the clock; one that was retired takes up work again. A clock that waited for adoption waits no longer.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a serial that is at work already; otherwise what the store says.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let record = Device {
            serial: self.serial,
            name: self.name,
            site: tx.site_or_own(self.site.as_ref())?,
            transport: self.transport,
            address: self.address,
            state: DeviceState::Active,
            zones: None,
            direction_use: self.direction_use,
            model: self.model,
            firmware: self.firmware,
            set_time: self.set_time,
        };
        let (serial, label) = (&record.serial, record.serial.to_string());
        let id = match tx.with::<Device>(1, serial.as_str())? {
            Some(known) if known.record.state == DeviceState::Active => {
                return Err(StoreError::Exists { what: "clock", id: label });
            }
            Some(known) => {
                tx.update(author, known.id, Some(known.vv), &record)?;
                known.id
            }
            None => {
                let id = DeviceId::mint(tx.clock(), tx.entropy());
                tx.create(author, id, &record)?;
                id
            }
        };
        tx.set_comm_key(serial, self.comm_key.reveal())?;
        tx.forget_pending(serial)?;
        Ok(saved::<Device>(id, label, Outcome::Created))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::organisation::SetSite;
    use crate::store::tests::open;

    fn clock() -> AddDevice {
        AddDevice {
            serial: ClockSerial::parse("C1").unwrap(),
            name: Name::parse("Gate 1").unwrap(),
            site: None,
            transport: Transport::Push,
            address: None,
            direction_use: DirectionUse::Ignore,
            set_time: false,
            comm_key: Hidden::new("4711".to_owned()),
            model: None,
            firmware: None,
            waiting: false,
        }
    }

    #[test]
    fn a_clock_is_added_once_and_a_retired_one_comes_back_as_itself() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let site = SetSite {
            code: Code::parse("U1").unwrap(),
            name: Some(Name::parse("Unit 1").unwrap()),
            zone: Some(chrono_tz::Tz::Asia__Dhaka),
            zone_from: None,
            address: None,
            active: None,
        };
        store.write_blocking(move |tx| site.save(tx, &Author::CONSOLE)).unwrap();
        let put = |clock: AddDevice| {
            store
                .write_blocking(move |tx| clock.save(tx, &Author::CONSOLE))
                .map(|saved| DeviceId::from(saved.id))
        };
        store
            .write_blocking(|tx| {
                let serial = ClockSerial::parse("C1").unwrap();
                tx.remember_pending(&serial, "192.0.2.1", "", "", &[])
            })
            .unwrap();
        let id = put(clock()).unwrap();
        assert!(store.read_blocking(crate::store::ReadTx::pending_devices).unwrap().is_empty());
        assert!(matches!(put(clock()), Err(StoreError::Exists { .. })));

        store
            .write_blocking(move |tx| {
                let Some(mut known) = tx.record::<Device>(id)? else { return Ok(()) };
                known.record.state = DeviceState::Retired;
                tx.update(&Author::CONSOLE, id, Some(known.vv), &known.record).map(drop)
            })
            .unwrap();
        assert_eq!(put(clock()).unwrap(), id);
        let (device, key) = store
            .read_blocking(|tx| {
                Ok((tx.record::<Device>(id)?, tx.comm_key(&ClockSerial::parse("C1").unwrap())?))
            })
            .unwrap();
        assert_eq!(device.unwrap().record.state, DeviceState::Active);
        assert_eq!(key.as_deref(), Some("4711"));
    }
}
