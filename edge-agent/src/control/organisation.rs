//! The company, its sites, its departments.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shared_model::entity::{Company, Department, DepartmentLevel, Site, Weekday};
use shared_model::text::{Code, Line, Name};
use shared_model::zone::ZoneSpan;
use shared_model::{CompanyId, DepartmentId, SiteId, ZoneHistory};

use super::find::Records as _;
use super::{Act, Agent, Outcome, Progress, Refusal, Saved, saved};
use crate::store::{Author, Meta, StoreError, WriteTx};

/// Sets the company's own settings; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCompany {
    /// What it is called; needed the first time.
    pub name: Option<Name>,
    /// First day of the week for weekly totals.
    pub week_starts_on: Option<Weekday>,
    /// The language of texts for everybody.
    pub locale: Option<Code>,
}

/// Adds or changes a site; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSite {
    /// Its code: a site that has it is changed.
    pub code: Code,
    /// What it is called; needed for a new one.
    pub name: Option<Name>,
    /// Its time zone; needed for a new one.
    pub zone: Option<Tz>,
    /// The first date on which the zone counts, for a site that moves or a country that changes.
    pub zone_from: Option<NaiveDate>,
    /// Its postal address.
    pub address: Option<Line>,
    /// Whether it still works.
    pub active: Option<bool>,
}

/// Lists the sites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSites {}

/// A site in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRow {
    /// Its key.
    pub id: SiteId,
    /// Its code.
    pub code: Code,
    /// What it is called.
    pub name: Name,
    /// Its zone now.
    pub zone: Tz,
    /// Whether this agent stands there.
    pub own: bool,
    /// Whether it still works.
    pub active: bool,
}

/// Adds a department, section, line or floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddDepartment {
    /// Its code.
    pub code: Code,
    /// What it is called.
    pub name: Name,
    /// What it is.
    pub level: DepartmentLevel,
    /// The code of the one it belongs to.
    pub parent: Option<Code>,
    /// The code of its site; `None` = at every site.
    pub site: Option<Code>,
}

/// Lists departments, sections, lines and floors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDepartments {}

/// A department in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentRow {
    /// Its key.
    pub id: DepartmentId,
    /// Its code.
    pub code: Code,
    /// What it is called.
    pub name: Name,
    /// What it is.
    pub level: DepartmentLevel,
    /// The code of the one it belongs to.
    pub parent: Option<Code>,
    /// The code of its site.
    pub site: Option<Code>,
    /// Whether it still exists.
    pub active: bool,
}

impl Act for SetCompany {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl SetCompany {
    pub(crate) fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let enrolled = tx.meta(Meta::COMPANY)?;
        let found = match enrolled {
            Some(id) => tx.record::<Company>(id)?,
            None => tx.records::<Company>()?.into_iter().next(),
        };
        let Some(found) = found else {
            let id = enrolled.unwrap_or_else(|| CompanyId::mint(tx.clock(), tx.entropy()));
            let company = Company {
                name: self.name.ok_or_else(|| needs("the company", "--name"))?,
                week_starts_on: self.week_starts_on.unwrap_or(Weekday::Saturday),
                locale: self.locale.map_or_else(english, Ok)?,
            };
            let label = company.name.to_string();
            tx.create(author, id, &company)?;
            return Ok(saved::<Company>(id, label, Outcome::Created));
        };
        let mut company = found.record;
        set(&mut company.name, self.name);
        set(&mut company.week_starts_on, self.week_starts_on);
        set(&mut company.locale, self.locale);
        let label = company.name.to_string();
        let changed = tx.update(author, found.id, None, &company)?;
        Ok(saved::<Company>(found.id, label, Outcome::of_update(changed.is_some())))
    }
}

fn english() -> Result<Code, StoreError> {
    Code::parse("en").map_err(|error| StoreError::Invalid(error.to_string()))
}

impl Act for SetSite {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl SetSite {
    pub(crate) fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let label = self.code.to_string();
        if let Some(found) = tx.with::<Site>(2, self.code.as_str())? {
            let mut site = found.record;
            set(&mut site.name, self.name);
            if let Some(zone) = self.zone {
                site.zones = moved(&site.zones, zone, self.zone_from)?;
            }
            if self.address.is_some() {
                site.address = self.address;
            }
            set(&mut site.active, self.active);
            let changed = tx.update(author, found.id, None, &site)?;
            return Ok(saved::<Site>(found.id, label, Outcome::of_update(changed.is_some())));
        }
        // An enrolled agent knows the key of its site before it has the record.
        let own = tx.meta(Meta::SITE)?;
        let free = match own {
            Some(id) if tx.record::<Site>(id)?.is_none() => Some(id),
            Some(_) | None => None,
        };
        let id = free.unwrap_or_else(|| SiteId::mint(tx.clock(), tx.entropy()));
        let zone = self.zone.ok_or_else(|| needs("a new site", "--zone"))?;
        let site = Site {
            name: self.name.ok_or_else(|| needs("a new site", "--name"))?,
            code: self.code,
            zones: ZoneHistory::single(zone),
            address: self.address,
            latitude_e7: None,
            longitude_e7: None,
            radius_m: None,
            active: self.active.unwrap_or(true),
        };
        tx.create(author, id, &site)?;
        if own.is_none() {
            tx.set_meta(Meta::SITE, &id)?;
        }
        Ok(saved::<Site>(id, label, Outcome::Created))
    }
}

/// A history in which `zone` counts: from a date on, or, where there was only ever one, always.
fn moved(zones: &ZoneHistory, zone: Tz, from: Option<NaiveDate>) -> Result<ZoneHistory, StoreError> {
    let mut spans = zones.spans().to_vec();
    match (from, spans.as_mut_slice()) {
        (None, _) if zones.latest() == zone => {}
        (None, [only]) => only.zone = zone,
        (None, _) => {
            let text =
                "the site's zone has changed before: say from which date the new one counts with --zone-from";
            return Err(StoreError::Invalid(text.to_owned()));
        }
        (Some(from), _) => {
            spans.retain(|span| span.from.is_none_or(|before| before < from));
            spans.push(ZoneSpan { from: Some(from), zone });
        }
    }
    ZoneHistory::try_from(spans).map_err(|error| StoreError::Invalid(error.to_string()))
}

impl Act for ListSites {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<SiteRow>, Refusal> {
        agent
            .read(|tx| {
                let own = tx.site_head()?.map(|site| site.id);
                let row = |site: crate::store::Stored<Site>| SiteRow {
                    id: site.id,
                    own: own == Some(site.id),
                    zone: site.record.zones.latest(),
                    code: site.record.code,
                    name: site.record.name,
                    active: site.record.active,
                };
                Ok(tx.records::<Site>()?.into_iter().map(row).collect())
            })
            .await
    }
}

impl Act for AddDepartment {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent
            .write(move |tx, author| {
                let parent = self.parent.as_ref().map(|code| tx.department(code)).transpose()?;
                let site = self.site.as_ref().map(|code| tx.site(code)).transpose()?;
                let id = DepartmentId::mint(tx.clock(), tx.entropy());
                let label = self.code.to_string();
                let department = Department {
                    name: self.name,
                    code: self.code,
                    level: self.level,
                    parent: parent.map(|parent| parent.id),
                    site: site.map(|site| site.id),
                    active: true,
                };
                tx.create(author, id, &department)?;
                Ok(saved::<Department>(id, label, Outcome::Created))
            })
            .await
    }
}

impl Act for ListDepartments {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<DepartmentRow>, Refusal> {
        agent
            .read(|tx| {
                let departments = tx.records::<Department>()?;
                let sites: HashMap<SiteId, Code> =
                    tx.records::<Site>()?.into_iter().map(|site| (site.id, site.record.code)).collect();
                let codes: HashMap<DepartmentId, Code> = departments
                    .iter()
                    .map(|department| (department.id, department.record.code.clone()))
                    .collect();
                let row = |department: crate::store::Stored<Department>| DepartmentRow {
                    id: department.id,
                    parent: department.record.parent.and_then(|id| codes.get(&id).cloned()),
                    site: department.record.site.and_then(|id| sites.get(&id).cloned()),
                    code: department.record.code,
                    name: department.record.name,
                    level: department.record.level,
                    active: department.record.active,
                };
                Ok(departments.into_iter().map(row).collect())
            })
            .await
    }
}

/// Sets what was given.
pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

pub(super) fn needs(what: &str, flag: &str) -> StoreError {
    StoreError::Invalid(format!("{what} needs {flag}"))
}
