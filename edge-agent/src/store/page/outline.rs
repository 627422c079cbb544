//! What stands around every page: the site, what waits, how sync stands.

use chrono::{DateTime, Utc};
use shared_model::entity::Site;
use shared_model::{SiteId, ZoneHistory};

use super::super::{Meta, ReadTx, StoreError};

/// The site of this agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteHead {
    /// Which.
    pub id: SiteId,
    /// What it is called.
    pub name: String,
    /// Its zones.
    pub zones: ZoneHistory,
}

/// How sync stands, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncStanding {
    /// Whether this agent belongs to a cloud.
    pub enrolled: bool,
    /// Why the cloud retired it, if it did.
    pub retired: Option<String>,
    /// The last exchange that succeeded.
    pub synced_at: Option<DateTime<Utc>>,
    /// What the last failed exchange said.
    pub error: Option<String>,
    /// Ledger rows the cloud has not applied.
    pub ledger_unsent: i64,
    /// Changes of records the cloud has not applied.
    pub records_unsent: i64,
}

/// What every page shows around itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The site; `None` before the set-up.
    pub site: Option<SiteHead>,
    /// Clocks that wait for adoption.
    pub pending_clocks: u32,
    /// How sync stands.
    pub sync: SyncStanding,
}

impl ReadTx {
    /// What stands around every page.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn outline(&self) -> Result<Outline, StoreError> {
        Ok(Outline {
            site: self.site_head()?,
            pending_clocks: self
                .connection()
                .prepare_cached("SELECT count(*) FROM pending_device")?
                .query_row([], |row| row.get(0))?,
            sync: self.sync_standing()?,
        })
    }

    /// The site this agent stands at; where none is named, the only one or the oldest.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn site_head(&self) -> Result<Option<SiteHead>, StoreError> {
        let own = match self.meta(Meta::SITE)? {
            Some(id) => self.record::<Site>(id)?,
            None => None,
        };
        let site = match own {
            Some(site) => Some(site),
            None => self.records::<Site>()?.into_iter().next(),
        };
        Ok(site.map(|site| SiteHead {
            id: site.id,
            name: site.record.name.to_string(),
            zones: site.record.zones,
        }))
    }

    /// How sync stands.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sync_standing(&self) -> Result<SyncStanding, StoreError> {
        let unsent = |stream: &str| -> Result<i64, StoreError> {
            Ok(self
                .connection()
                .prepare_cached("SELECT coalesce(sum(head - acked), 0) FROM stream WHERE stream = ?1")?
                .query_row([stream], |row| row.get(0))?)
        };
        Ok(SyncStanding {
            enrolled: self.meta(Meta::EDGE)?.is_some(),
            retired: self.meta(Meta::RETIRED)?,
            synced_at: self.meta(Meta::SYNCED_AT)?.and_then(DateTime::from_timestamp_millis),
            error: self.meta(Meta::SYNC_ERROR)?,
            ledger_unsent: unsent("L")?,
            records_unsent: unsent("R")?,
        })
    }
}
