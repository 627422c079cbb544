//! What a line of given fields comes to over what is stored.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use shared_model::entity::{Department, Employee, EmployeeCategory, Entity as _, Site};
use shared_model::text::{Code, EmployeeCode, Name};
use shared_model::{DepartmentId, EmployeeId, SiteId, UserCode};

use super::super::Outcome;
use super::super::find::Records;
use super::super::import::{Column, LineFault};
use super::super::organisation::set;
use super::{EmployeeFields, tie};
use crate::store::{Author, StoreError, WriteTx};

/// Sites and departments as they stand, and the departments that must be made.
pub(in crate::control) struct Places {
    /// The date it is at this agent's site: who has left before it works here no longer.
    today: NaiveDate,
    own_site: Result<SiteId, String>,
    sites: HashMap<String, SiteId>,
    by_code: HashMap<String, DepartmentId>,
    by_name: HashMap<String, DepartmentId>,
    /// Not yet made, in order.
    pub(in crate::control) new: Vec<(DepartmentId, Department)>,
}

/// What is wrong with a line: of which field, and what.
pub(in crate::control) type LineError = (Column, LineFault);

/// What a line comes to.
pub(in crate::control) struct Planned {
    pub(in crate::control) id: EmployeeId,
    pub(in crate::control) employee: Employee,
    /// Fields that change; all of them for a new employee.
    pub(in crate::control) outcome: Outcome,
    pub(in crate::control) fields: Vec<&'static str>,
    /// A clock code that must be tied to the employee.
    pub(in crate::control) identity: Option<UserCode>,
}

impl Places {
    pub(in crate::control) fn load(tx: &impl Records, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let own_site = match tx.site_or_own(None) {
            Ok(id) => Ok(id),
            Err(StoreError::Invalid(text)) => Err(text),
            Err(error) => return Err(error),
        };
        let all = tx.all::<Site>()?;
        let zones = all.iter().find(|site| own_site.as_ref() == Ok(&site.id)).map(|site| &site.record.zones);
        let zone = zones.map_or(Tz::UTC, |zones| zones.zone_on(now.date_naive()));
        let mut this = Self {
            today: now.with_timezone(&zone).date_naive(),
            own_site,
            sites: all.iter().map(|site| (folded(site.record.code.as_str()), site.id)).collect(),
            by_code: HashMap::new(),
            by_name: HashMap::new(),
            new: Vec::new(),
        };
        for department in tx.all::<Department>()? {
            this.know(department.id, &department.record);
        }
        Ok(this)
    }

    fn know(&mut self, id: DepartmentId, department: &Department) {
        self.by_code.entry(folded(department.code.as_str())).or_insert(id);
        self.by_name.entry(folded(department.name.as_str())).or_insert(id);
    }

    /// The department of a code or name; one that is not known is put on the list of new ones.
    fn department(
        &mut self,
        name: &Name,
        mint: impl FnOnce() -> DepartmentId,
    ) -> Result<DepartmentId, LineError> {
        let key = folded(name.as_str());
        if let Some(id) = self.by_code.get(&key).or_else(|| self.by_name.get(&key)) {
            return Ok(*id);
        }
        let (id, code) = (mint(), self.free_code(name)?);
        let department = Department {
            name: name.clone(),
            code,
            level: shared_model::entity::DepartmentLevel::Department,
            parent: None,
            site: None,
            active: true,
        };
        self.know(id, &department);
        self.new.push((id, department));
        Ok(id)
    }

    /// A code for a new department, made of its name.
    fn free_code(&self, name: &Name) -> Result<Code, LineError> {
        let mut base = String::new();
        for c in name.as_str().chars() {
            let c = if c.is_alphanumeric() { c } else { '-' };
            let last = base.chars().last();
            if base.len() + c.len_utf8() > Code::MAX - 4 {
                break;
            }
            if c != '-' || last.is_some_and(|last| last != '-') {
                base.extend(c.to_uppercase());
            }
        }
        let base = base.trim_end_matches('-');
        let base = if base.is_empty() { "D" } else { base };
        let numbered = (2..1000).map(|n| format!("{base}-{n}"));
        let free = std::iter::once(base.to_owned())
            .chain(numbered)
            .find(|code| code.len() <= Code::MAX && !self.by_code.contains_key(&folded(code)));
        let code = free.and_then(|code| Code::parse(&code).ok());
        code.ok_or_else(|| (Column::Department, LineFault::NoDepartmentCode { name: name.clone() }))
    }

    /// What a line comes to over what is stored.
    ///
    /// # Errors
    /// The store's; the inner one is the line's own fault.
    pub(in crate::control) fn plan(
        &mut self,
        tx: &impl Records,
        mint: &Mint<'_>,
        line: EmployeeFields,
    ) -> Result<Result<Planned, LineError>, StoreError> {
        let found = tx.with::<Employee>(1, line.code.as_str())?;
        let site = match &line.site {
            Some(code) => match self.sites.get(&folded(code.as_str())) {
                Some(id) => Some(*id),
                None => return Ok(Err((Column::Site, LineFault::NoSuchSite { code: code.clone() }))),
            },
            None => None,
        };
        let department = match &line.department {
            Some(name) => match self.department(name, || DepartmentId::mint(mint.clock, mint.entropy)) {
                Ok(id) => Some(id),
                Err(error) => return Ok(Err(error)),
            },
            None => None,
        };
        let (id, before) = match found {
            Some(found) => (found.id, Some(found.record)),
            None => (EmployeeId::mint(mint.clock, mint.entropy), None),
        };
        let mut employee = match &before {
            Some(before) => before.clone(),
            None => {
                let Some(name) = line.name.clone() else {
                    return Ok(Err((Column::Name, LineFault::NoName { code: line.code })));
                };
                let site = match site.map_or_else(|| self.own_site.clone(), Ok) {
                    Ok(site) => site,
                    Err(cause) => return Ok(Err((Column::Site, LineFault::NoOwnSite { cause }))),
                };
                blank(line.code.clone(), name, site)
            }
        };
        let named = line.clock_code.is_some();
        let clock_code = line.clock_code.clone().or_else(|| match before {
            None => UserCode::parse(line.code.as_str()).ok(),
            Some(_) => None,
        });
        let said = line.active.or_else(|| line.left.map(|left| left >= self.today));
        fill(&mut employee, EmployeeFields { active: said, ..line }, site, department);
        if let (Some(joined), Some(left)) = (employee.joined, employee.left)
            && left < joined
        {
            return Ok(Err((Column::Left, LineFault::LeftBeforeJoined { left, joined })));
        }
        let identity = match clock_code {
            Some(code) => match tx.holder_of(&code)? {
                Some(holder) if holder == id => None,
                Some(holder) => {
                    let whose = tx.one::<Employee>(holder)?.map(|other| other.record.code.to_string());
                    let whose = whose.unwrap_or_else(|| holder.to_string());
                    let fault = if named {
                        LineFault::ClockCodeHeld { code, holder: whose }
                    } else {
                        LineFault::EmployeeCodeHeld { code, holder: whose }
                    };
                    return Ok(Err((Column::ClockCode, fault)));
                }
                None => Some(code),
            },
            None => None,
        };
        let (outcome, fields) = match &before {
            None => (Outcome::Created, Vec::new()),
            Some(before) => {
                let changed = employee.changed_from(before);
                let names: Vec<&'static str> = Employee::FIELDS
                    .iter()
                    .filter(|def| changed.contains_key(&def.tag))
                    .map(|def| def.name)
                    .collect();
                let same = names.is_empty() && identity.is_none();
                (if same { Outcome::Unchanged } else { Outcome::Updated }, names)
            }
        };
        Ok(Ok(Planned { id, employee, outcome, fields, identity }))
    }
}

/// Where new ids come from.
pub(in crate::control) struct Mint<'a> {
    pub(in crate::control) clock: &'a dyn shared_model::Clock,
    pub(in crate::control) entropy: &'a dyn shared_model::Entropy,
}

impl Planned {
    /// Saves what a line comes to.
    pub(in crate::control) fn save(&self, tx: &WriteTx, author: &Author) -> Result<(), StoreError> {
        match self.outcome {
            Outcome::Created => {
                tx.create(author, self.id, &self.employee)?;
            }
            Outcome::Updated => {
                tx.update(author, self.id, None, &self.employee)?;
            }
            Outcome::Unchanged => {}
        }
        if let Some(code) = &self.identity {
            tie(tx, author, self.id, code.as_str())?;
        }
        Ok(())
    }
}

pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn blank(code: EmployeeCode, name: Name, site: SiteId) -> Employee {
    Employee {
        code,
        name,
        site,
        department: None,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: None,
        left: None,
        active: true,
        phone: None,
        card: None,
    }
}

/// Puts what was given in its place.
fn fill(
    employee: &mut Employee,
    line: EmployeeFields,
    site: Option<SiteId>,
    department: Option<DepartmentId>,
) {
    fn optional<T>(field: &mut Option<T>, value: Option<T>) {
        if value.is_some() {
            *field = value;
        }
    }
    set(&mut employee.name, line.name);
    set(&mut employee.site, site);
    set(&mut employee.category, line.category);
    set(&mut employee.active, line.active);
    optional(&mut employee.department, department);
    optional(&mut employee.designation, line.designation);
    optional(&mut employee.gender, line.gender);
    optional(&mut employee.joined, line.joined);
    optional(&mut employee.left, line.left);
    optional(&mut employee.phone, line.phone);
    optional(&mut employee.card, line.card);
}
