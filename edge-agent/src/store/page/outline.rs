//! What stands around every page: the site, what waits, how sync stands.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::entity::Site;
use shared_model::{SiteId, ZoneHistory};

use super::super::{Meta, ReadTx, StoreError};
use crate::sync::status::Trouble;

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

/// After a last exchange so long ago the cloud counts as away, even where nothing failed since.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// How things stand between this agent and the cloud, in the words of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// The agent belongs to no cloud.
    Alone,
    /// The cloud has retired it.
    Retired,
    /// It belongs to a cloud that was never reached yet.
    Connecting,
    /// The last exchange failed or is long ago.
    Away,
    /// Something is on its way.
    Sending,
    /// All of it has arrived.
    InStep,
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
    /// What kind of failure that was.
    pub trouble: Option<Trouble>,
    /// Ledger rows the cloud has not applied.
    pub ledger_unsent: i64,
    /// Changes of records the cloud has not applied.
    pub records_unsent: i64,
}

impl SyncStanding {
    /// What waits, of punches and of changes.
    #[must_use]
    pub const fn waiting(&self) -> i64 {
        self.ledger_unsent.saturating_add(self.records_unsent)
    }

    /// The state at an instant.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> SyncState {
        let since = self.synced_at.map(|at| now.signed_duration_since(at));
        match since {
            _ if !self.enrolled => SyncState::Alone,
            _ if self.retired.is_some() => SyncState::Retired,
            _ if self.error.is_some() => SyncState::Away,
            None => SyncState::Connecting,
            Some(since) if since >= FRESH => SyncState::Away,
            Some(_) if self.waiting() > 0 => SyncState::Sending,
            Some(_) => SyncState::InStep,
        }
    }
}

/// What every page shows around itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The site; `None` before the set-up.
    pub site: Option<SiteHead>,
    /// Clocks that wait for adoption.
    pub pending_clocks: u32,
    /// Phone punches that wait for a decision.
    pub pending_approvals: i64,
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
            pending_approvals: self.waiting_phone_punch_count()?,
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
            trouble: self.sync_trouble()?,
            ledger_unsent: unsent("L")?,
            records_unsent: unsent("R")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn standing(synced_minutes_ago: Option<i64>, unsent: i64, error: bool) -> SyncStanding {
        SyncStanding {
            enrolled: true,
            synced_at: synced_minutes_ago.map(|minutes| DateTime::default() - TimeDelta::minutes(minutes)),
            error: error.then(|| "connection refused".to_owned()),
            ledger_unsent: unsent,
            ..SyncStanding::default()
        }
    }

    #[rstest]
    #[case(SyncStanding::default(), SyncState::Alone)]
    #[case(SyncStanding { retired: Some("sold".to_owned()), ..standing(Some(0), 0, true) }, SyncState::Retired)]
    #[case(standing(None, 5, false), SyncState::Connecting)]
    #[case(standing(None, 5, true), SyncState::Away)]
    #[case(standing(Some(0), 5, true), SyncState::Away)]
    #[case(standing(Some(10), 0, false), SyncState::Away)]
    #[case(standing(Some(9), 1, false), SyncState::Sending)]
    #[case(standing(Some(9), 0, false), SyncState::InStep)]
    fn a_failure_counts_more_than_a_success_before_it(
        #[case] standing: SyncStanding,
        #[case] state: SyncState,
    ) {
        assert_eq!(standing.state(DateTime::default()), state);
    }
}
