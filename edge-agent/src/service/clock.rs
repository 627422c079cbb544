//! Clocks: added by address, or adopted once they have posted by themselves.

pub mod probe;

use shared_model::entity::{Device, DeviceState, DirectionUse, Transport};
use shared_model::record::FieldTag;
use shared_model::text::{HostAddress, Line, Name};
use shared_model::{ClockSerial, DeviceId, SiteId};

use crate::store::{Author, StoreError, WriteTx};

/// The field of a device's serial.
const SERIAL: FieldTag = FieldTag(1);

/// A clock to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClock {
    /// Its serial number, as it tells it.
    pub serial: ClockSerial,
    /// What it is called.
    pub name: Name,
    /// Where it hangs.
    pub site: SiteId,
    /// How it is reached.
    pub transport: Transport,
    /// Where it is reached; `None` for one that posts.
    pub address: Option<HostAddress>,
    /// What its in/out keys are worth.
    pub direction_use: DirectionUse,
    /// Whether the agent may set its time.
    pub set_time: bool,
    /// Its communication key; empty = none.
    pub comm_key: String,
    /// Its model, where it told one.
    pub model: Option<Line>,
    /// Its firmware, where it told one.
    pub firmware: Option<Line>,
}

/// Adds a clock; one that was retired takes up work again. A clock that waited for adoption waits no longer.
///
/// # Errors
/// [`StoreError::Exists`] for a serial that is at work already; otherwise what the store says.
pub fn add(tx: &WriteTx, author: &Author, new: &NewClock) -> Result<DeviceId, StoreError> {
    let record = Device {
        serial: new.serial.clone(),
        name: new.name.clone(),
        site: new.site,
        transport: new.transport,
        address: new.address.clone(),
        state: DeviceState::Active,
        zones: None,
        direction_use: new.direction_use,
        model: new.model.clone(),
        firmware: new.firmware.clone(),
        set_time: new.set_time,
    };
    let id = match tx.record_with::<Device>(SERIAL, new.serial.as_str())? {
        Some(known) if known.record.state == DeviceState::Active => {
            return Err(StoreError::Exists { what: "clock", id: new.serial.to_string() });
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
    tx.set_comm_key(&new.serial, &new.comm_key)?;
    tx.forget_pending(&new.serial)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;

    fn clock() -> NewClock {
        NewClock {
            serial: ClockSerial::parse("C1").unwrap(),
            name: Name::parse("Gate 1").unwrap(),
            site: SiteId::from_uuid(uuid::Uuid::from_u128(1)),
            transport: Transport::Push,
            address: None,
            direction_use: DirectionUse::Ignore,
            set_time: false,
            comm_key: "4711".to_owned(),
            model: None,
            firmware: None,
        }
    }

    #[test]
    fn a_clock_is_added_once_and_a_retired_one_comes_back_as_itself() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let put = |clock: NewClock| store.write_blocking(move |tx| add(tx, &Author::CONSOLE, &clock));
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
