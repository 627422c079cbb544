//! The adopted clocks, in memory, so that a row need not ask the database whose it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use shared_model::entity::{Device, DeviceState, Site};
use shared_model::{ClockSerial, DeviceId, SiteId, ZoneHistory};

use crate::store::{ReadTx, Store, StoreError};

/// A clock that may feed the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedClock {
    /// Its record's key.
    pub id: DeviceId,
    /// Its serial.
    pub serial: ClockSerial,
    /// Its record.
    pub device: Device,
    /// Its zones: its own, or its site's.
    pub zones: ZoneHistory,
    /// Its communication key.
    pub comm_key: Option<String>,
}

/// All adopted clocks.
#[derive(Debug, Default)]
pub struct Registry {
    clocks: RwLock<BTreeMap<ClockSerial, Arc<AdoptedClock>>>,
}

impl Registry {
    /// Reads the clocks from the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let this = Self::default();
        this.reload(store).await?;
        Ok(this)
    }

    /// Reads the clocks anew, after a record changed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let found = store.read(adopted).await?;
        *self.clocks.write() = found;
        Ok(())
    }

    /// A clock by its serial, if it is adopted.
    #[must_use]
    pub fn of(&self, serial: &str) -> Option<Arc<AdoptedClock>> {
        let serial = ClockSerial::parse(serial).ok()?;
        self.clocks.read().get(&serial).cloned()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<AdoptedClock>> {
        self.clocks.read().values().cloned().collect()
    }
}

fn adopted(tx: &ReadTx) -> Result<BTreeMap<ClockSerial, Arc<AdoptedClock>>, StoreError> {
    let sites: BTreeMap<SiteId, ZoneHistory> =
        tx.records::<Site>()?.into_iter().map(|site| (site.id, site.record.zones)).collect();
    let mut found = BTreeMap::new();
    for stored in tx.records::<Device>()? {
        let device = stored.record;
        if device.state != DeviceState::Active {
            continue;
        }
        let Some(zones) = device.zones.clone().or_else(|| sites.get(&device.site).cloned()) else {
            tracing::error!(
                clock.serial = %device.serial,
                "the clock's site is not known here, so its time has no zone: nothing is taken from it"
            );
            continue;
        };
        let serial = device.serial.clone();
        let comm_key = tx.comm_key(&serial)?;
        let clock = AdoptedClock { id: stored.id, serial: serial.clone(), device, zones, comm_key };
        found.insert(serial, Arc::new(clock));
    }
    Ok(found)
}
