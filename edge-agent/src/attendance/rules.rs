//! What is the same for many people, read once and kept until a record changes.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::entity::{
    Company, CompanyRule, Department, Device, DeviceState, DirectionUse, Entity, Holiday, Identity,
    PayPeriod, Policy, Roster, Shift, Site, Transport, Weekday,
};
use shared_model::text::{Code, Name};
use shared_model::{ClockSerial, SiteId};
use shift_engine::{ClockProgress, Completeness, Identities, Instant, Keyed, Rulebook, Sources};

use crate::store::{ReadTx, StoreError};

/// What is the same for many people.
pub(super) struct Rules {
    /// What rises whenever a record changes.
    pub(super) version: (i64, i64),
    pub(super) identities: Identities,
    pub(super) directions: HashMap<ClockSerial, DirectionUse>,
    sites: HashMap<SiteId, SiteRules>,
}

/// A site's rules and clocks.
pub(super) struct SiteRules {
    pub(super) book: Rulebook,
    site: Site,
    clocks: Vec<ClockSerial>,
}

fn all<E: Entity>(tx: &ReadTx) -> Result<Vec<Keyed<E>>, StoreError> {
    Ok(tx.records::<E>()?.into_iter().map(|stored| (stored.id, stored.record)).collect())
}

/// A company that nobody described yet.
fn nameless() -> Result<Company, StoreError> {
    let invalid = |error: shared_model::text::BadText| StoreError::Invalid(error.to_string());
    Ok(Company {
        name: Name::parse("-").map_err(invalid)?,
        week_starts_on: Weekday::Saturday,
        locale: Code::parse("en").map_err(invalid)?,
    })
}

impl Rules {
    pub(super) fn load(tx: &ReadTx, version: (i64, i64)) -> Result<Self, StoreError> {
        let company = all::<Company>(tx)?.pop().map_or_else(nameless, |(_, company)| Ok(company))?;
        let departments = all::<Department>(tx)?;
        let shifts = all::<Shift>(tx)?;
        let rosters = all::<Roster>(tx)?;
        let policies = all::<Policy>(tx)?;
        let holidays = all::<Holiday>(tx)?;
        let pay_periods = all::<PayPeriod>(tx)?;
        let company_rules = all::<CompanyRule>(tx)?;
        let devices = all::<Device>(tx)?;
        let mut sites = HashMap::new();
        for (id, site) in all::<Site>(tx)? {
            let book = Rulebook::build(&Sources {
                company: &company,
                site: id,
                zones: &site.zones,
                departments: &departments,
                shifts: &shifts,
                rosters: &rosters,
                policies: &policies,
                holidays: &holidays,
                pay_periods: &pay_periods,
                company_rules: &company_rules,
            });
            // A file says nothing of what comes after it: no day can wait for it.
            let here = devices.iter().filter(|(_, device)| {
                device.site == id
                    && device.state == DeviceState::Active
                    && device.transport != Transport::File
            });
            let clocks = here.map(|(_, device)| device.serial.clone()).collect();
            sites.insert(id, SiteRules { book, site, clocks });
        }
        let directions =
            devices.into_iter().map(|(_, device)| (device.serial, device.direction_use)).collect();
        Ok(Self { version, identities: Identities::new(&all::<Identity>(tx)?), directions, sites })
    }

    pub(super) fn site(&self, id: SiteId) -> Option<&SiteRules> {
        self.sites.get(&id)
    }

    pub(super) fn sites(&self) -> impl Iterator<Item = (SiteId, &SiteRules)> {
        self.sites.iter().map(|(id, rules)| (*id, rules))
    }

    /// Says which records are of no use as they are.
    pub(super) fn report_problems(&self) {
        for (site, rules) in &self.sites {
            for problem in rules.book.problems() {
                tracing::warn!(
                    site.id = %site,
                    record.kind = problem.kind.as_str(),
                    record.key = %problem.key,
                    cause = %problem.error,
                    "a record is left out of attendance because it cannot be read"
                );
            }
        }
    }
}

impl SiteRules {
    /// The local date of an instant.
    pub(super) fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.site.zones.latest()).date_naive()
    }

    /// How far the site's clocks have been read.
    pub(super) fn completeness(&self, read_to: &HashMap<ClockSerial, Instant>) -> Completeness {
        if self.clocks.is_empty() {
            return Completeness::NoClockYet;
        }
        let progress = |serial: &ClockSerial| ClockProgress {
            serial: serial.clone(),
            read_to: read_to.get(serial).copied(),
        };
        Completeness::Clocks(self.clocks.iter().map(progress).collect())
    }
}
