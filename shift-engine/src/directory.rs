//! What is the same for many people of a company: rules and clocks of each site, whose codes are whose.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use shared_model::entity::{
    Company, CompanyRule, Department, Device, DeviceState, DirectionUse, Holiday, Identity, PayPeriod,
    Policy, Roster, Shift, Site, Transport,
};
use shared_model::{ClockSerial, EmployeeId, PunchId, RawTime, SiteId, UserCode, ZoneHistory};

use crate::employment;
use crate::identity::Identities;
use crate::input::{ClockProgress, Completeness, Keyed};
use crate::recompute::StoredPunch;
use crate::rulebook::{Rulebook, Sources};
use crate::time::Instant;

/// The records that a directory is made of.
#[derive(Debug, Clone)]
pub struct DirectoryRecords {
    /// The company.
    pub company: Company,
    /// Its sites.
    pub sites: Vec<Keyed<Site>>,
    /// Its departments.
    pub departments: Vec<Keyed<Department>>,
    /// Its shifts.
    pub shifts: Vec<Keyed<Shift>>,
    /// Its roster assignments.
    pub rosters: Vec<Keyed<Roster>>,
    /// Its policies.
    pub policies: Vec<Keyed<Policy>>,
    /// Its holidays.
    pub holidays: Vec<Keyed<Holiday>>,
    /// Its pay periods.
    pub pay_periods: Vec<Keyed<PayPeriod>>,
    /// Its own rules.
    pub company_rules: Vec<Keyed<CompanyRule>>,
    /// Its clocks.
    pub devices: Vec<Keyed<Device>>,
    /// Whose codes are whose.
    pub identities: Vec<Keyed<Identity>>,
}

/// What is the same for many people of a company.
#[derive(Debug)]
pub struct Directory {
    identities: Identities,
    directions: HashMap<ClockSerial, DirectionUse>,
    sites: BTreeMap<SiteId, SiteDirectory>,
}

/// A site: its rules, its clocks.
#[derive(Debug)]
pub struct SiteDirectory {
    book: Rulebook,
    zones: ZoneHistory,
    /// Clocks that days wait for.
    reporting: Vec<ClockSerial>,
    /// Every clock that ever hung here.
    all: Vec<ClockSerial>,
}

impl Directory {
    /// Reads the records.
    #[must_use]
    pub fn new(records: &DirectoryRecords) -> Self {
        let site = |(id, site): &Keyed<Site>| {
            let book = Rulebook::build(&Sources {
                company: &records.company,
                site: *id,
                zones: &site.zones,
                departments: &records.departments,
                shifts: &records.shifts,
                rosters: &records.rosters,
                policies: &records.policies,
                holidays: &records.holidays,
                pay_periods: &records.pay_periods,
                company_rules: &records.company_rules,
            });
            let here =
                || records.devices.iter().map(|(_, device)| device).filter(|device| device.site == *id);
            // A file says nothing of what comes after it: no day can wait for it.
            let reports =
                |device: &&Device| device.state == DeviceState::Active && device.transport != Transport::File;
            let directory = SiteDirectory {
                book,
                zones: site.zones.clone(),
                reporting: here().filter(reports).map(|device| device.serial.clone()).collect(),
                all: here().map(|device| device.serial.clone()).collect(),
            };
            (*id, directory)
        };
        let directions =
            records.devices.iter().map(|(_, device)| (device.serial.clone(), device.direction_use)).collect();
        let sites = records.sites.iter().map(site).collect();
        Self { identities: Identities::new(&records.identities), directions, sites }
    }

    /// Whose codes are whose.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// What the in/out keys of each clock are worth.
    #[must_use]
    pub const fn directions(&self) -> &HashMap<ClockSerial, DirectionUse> {
        &self.directions
    }

    /// A site.
    #[must_use]
    pub fn site(&self, id: SiteId) -> Option<&SiteDirectory> {
        self.sites.get(&id)
    }

    /// Every site, by id.
    pub fn sites(&self) -> impl Iterator<Item = (SiteId, &SiteDirectory)> {
        self.sites.iter().map(|(id, site)| (*id, site))
    }

    /// Sorts punches by owner; what is nobody's by code.
    #[must_use]
    pub fn distribute<'p>(&self, punches: impl IntoIterator<Item = &'p StoredPunch>) -> Distribution {
        let mut found = Distribution::default();
        for punch in punches {
            let date = punch.raw_time.wall().date();
            match self.identities.owner(&punch.serial, &punch.code, punch.instant) {
                Some(owner) => found.owned.push((owner, date, punch.id)),
                None => found.add_stray(punch.code.clone(), punch.raw_time, punch.raw_time),
            }
            found.dates.entry(punch.serial.clone()).or_default().insert(date);
        }
        found
    }
}

impl SiteDirectory {
    /// Its rules.
    #[must_use]
    pub const fn book(&self) -> &Rulebook {
        &self.book
    }

    /// Its zones.
    #[must_use]
    pub const fn zones(&self) -> &ZoneHistory {
        &self.zones
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(&self, at: Instant) -> NaiveDate {
        at.to_utc().with_timezone(&self.zones.latest()).date_naive()
    }

    /// How far the site's clocks have been read.
    #[must_use]
    pub fn completeness(&self, read_to: &HashMap<ClockSerial, Instant>) -> Completeness {
        if self.reporting.is_empty() {
            return Completeness::NoClockYet;
        }
        let progress = |serial: &ClockSerial| ClockProgress {
            serial: serial.clone(),
            read_to: read_to.get(serial).copied(),
        };
        Completeness::Clocks(self.reporting.iter().map(progress).collect())
    }

    /// Since when there is something to work out, of the dates on which clocks have punches: stretch by stretch, as
    /// [`employment::stretch_end`] says, none after today. `None` = never yet.
    #[must_use]
    pub fn began(&self, dates: &HashMap<ClockSerial, Vec<NaiveDate>>) -> Option<Began> {
        let here = || self.all.iter().filter_map(|serial| dates.get(serial)).flatten().copied();
        Some(Began { first: here().min()?, begins: employment::site_begins(here())? })
    }
}

/// Since when a site has attendance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began {
    /// The oldest punch at one of its clocks: before it there is nothing at all to work out.
    pub first: NaiveDate,
    /// Since when somebody who does not punch is missed: [`employment::site_begins`].
    pub begins: NaiveDate,
}

/// Punches with their owners.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    /// Whose, by which date of the clock, which.
    pub owned: Vec<(EmployeeId, NaiveDate, PunchId)>,
    /// Nobody's: codes, and the first and last raw time of such a punch.
    pub strays: BTreeMap<UserCode, (RawTime, RawTime)>,
    /// The dates on which each clock has one of them.
    pub dates: BTreeMap<ClockSerial, BTreeSet<NaiveDate>>,
}

impl Distribution {
    /// Adds a span of raw times in which a code has punches that are nobody's.
    pub fn add_stray(&mut self, code: UserCode, from: RawTime, to: RawTime) {
        let span = self.strays.entry(code).or_insert((from, to));
        *span = (span.0.min(from), span.1.max(to));
    }
}
