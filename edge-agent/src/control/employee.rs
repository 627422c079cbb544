//! Employees.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::entity::{Department, Employee, EmployeeCategory, Entity as _, Gender, Identity, Site};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};
use shared_model::{DepartmentId, EmployeeId, IdentityId, SiteId, UserCode};

use super::find::Records;
use super::organisation::{saved, set};
use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{Author, StoreError, WriteTx};

/// What is given of an employee; what is `None` stays as it is, or has its default for a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmployeeFields {
    /// The number on the card: an employee who has it is changed.
    pub code: EmployeeCode,
    /// What the person is called; needed for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The code of the home site; a new one's default is this agent's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Code>,
    /// The department, by code or by name; one that is not known is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Name>,
    /// Nature of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub designation: Option<Line>,
    /// Worker or staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<EmployeeCategory>,
    /// Gender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// First day of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<NaiveDate>,
    /// Last day of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<NaiveDate>,
    /// Whether the person counts in reports of today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Number of the badge card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Code>,
    /// The code under which every clock knows the person; a new one's default is the employee code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_code: Option<UserCode>,
}

impl EmployeeFields {
    /// Nothing but the code.
    #[must_use]
    pub const fn of(code: EmployeeCode) -> Self {
        Self {
            code,
            name: None,
            site: None,
            department: None,
            designation: None,
            category: None,
            gender: None,
            joined: None,
            left: None,
            active: None,
            phone: None,
            card: None,
            clock_code: None,
        }
    }
}

/// Adds one employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddEmployee {
    /// Who.
    pub fields: EmployeeFields,
}

/// Lists employees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEmployees {
    /// Part of a name, code or designation.
    pub search: Option<String>,
    /// Only this department.
    pub department: Option<Code>,
    /// People who left as well.
    pub all: bool,
}

/// Employees, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmployeeList(pub Vec<EmployeeRow>);

/// An employee in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmployeeRow {
    /// The key.
    pub id: EmployeeId,
    /// The number on the card.
    pub code: EmployeeCode,
    /// What the person is called.
    pub name: Name,
    /// The code of the home site.
    pub site: String,
    /// The name of the department.
    pub department: Option<Name>,
    /// Nature of work.
    pub designation: Option<Line>,
    /// First day of work.
    pub joined: Option<NaiveDate>,
    /// Last day of work.
    pub left: Option<NaiveDate>,
    /// Whether the person counts in reports of today.
    pub active: bool,
    /// The codes under which clocks know the person.
    pub clock_codes: BTreeSet<String>,
}

/// Sites and departments as they stand, and the departments that must be made.
pub(super) struct Places {
    own_site: Result<SiteId, String>,
    sites: HashMap<String, SiteId>,
    by_code: HashMap<String, DepartmentId>,
    by_name: HashMap<String, DepartmentId>,
    /// Not yet made, in order.
    pub(super) new: Vec<(DepartmentId, Department)>,
}

/// What is wrong with a line: of which field, and what.
pub(super) type LineError = (&'static str, String);

/// What a line comes to.
pub(super) struct Planned {
    pub(super) id: EmployeeId,
    pub(super) employee: Employee,
    /// Fields that change; all of them for a new employee.
    pub(super) outcome: Outcome,
    pub(super) fields: Vec<&'static str>,
    /// A clock code that must be tied to the employee.
    pub(super) identity: Option<UserCode>,
}

impl Places {
    pub(super) fn load(tx: &impl Records) -> Result<Self, StoreError> {
        let own_site = match tx.site_or_own(None) {
            Ok(id) => Ok(id),
            Err(StoreError::Invalid(text)) => Err(text),
            Err(error) => return Err(error),
        };
        let sites =
            tx.all::<Site>()?.into_iter().map(|site| (folded(site.record.code.as_str()), site.id)).collect();
        let mut this =
            Self { own_site, sites, by_code: HashMap::new(), by_name: HashMap::new(), new: Vec::new() };
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
        code.ok_or_else(|| {
            ("department", format!("no free code can be made for {name}: add it with `department add`"))
        })
    }

    /// What a line comes to over what is stored.
    ///
    /// # Errors
    /// The store's; the inner one is the line's own fault.
    pub(super) fn plan(
        &mut self,
        tx: &impl Records,
        mint: &Mint<'_>,
        line: EmployeeFields,
    ) -> Result<Result<Planned, LineError>, StoreError> {
        let found = tx.with::<Employee>(1, line.code.as_str())?;
        let site = match &line.site {
            Some(code) => match self.sites.get(&folded(code.as_str())) {
                Some(id) => Some(*id),
                None => return Ok(Err(("site", format!("there is no site {code}")))),
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
                    return Ok(Err(("name", format!("employee {} is new and needs a name", line.code))));
                };
                let site = match site.map_or_else(|| self.own_site.clone(), Ok) {
                    Ok(site) => site,
                    Err(text) => return Ok(Err(("site", text))),
                };
                blank(line.code.clone(), name, site)
            }
        };
        let named = line.clock_code.is_some();
        let clock_code = line.clock_code.clone().or_else(|| match before {
            None => UserCode::parse(line.code.as_str()).ok(),
            Some(_) => None,
        });
        fill(&mut employee, line, site, department);
        if let (Some(joined), Some(left)) = (employee.joined, employee.left)
            && left < joined
        {
            return Ok(Err(("left", format!("{left} is before the first day of work, {joined}"))));
        }
        let identity = match clock_code {
            Some(code) => match tx.holder_of(&code)? {
                Some(holder) if holder == id => None,
                Some(holder) => {
                    let whose = tx.one::<Employee>(holder)?.map(|other| other.record.code.to_string());
                    let whose = whose.unwrap_or_else(|| holder.to_string());
                    let what = if named { "clock code" } else { "employee code, as a clock code," };
                    return Ok(Err((
                        "clock_code",
                        format!("the {what} {code} is already employee {whose}'s"),
                    )));
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
pub(super) struct Mint<'a> {
    pub(super) clock: &'a dyn shared_model::Clock,
    pub(super) entropy: &'a dyn shared_model::Entropy,
}

impl Planned {
    /// Saves what a line comes to.
    pub(super) fn save(&self, tx: &WriteTx) -> Result<(), StoreError> {
        match self.outcome {
            Outcome::Created => {
                tx.create(&Author::CONSOLE, self.id, &self.employee)?;
            }
            Outcome::Updated => {
                tx.update(&Author::CONSOLE, self.id, None, &self.employee)?;
            }
            Outcome::Unchanged => {}
        }
        if let Some(code) = &self.identity {
            let identity =
                Identity { serial: None, user_code: code.clone(), employee: self.id, from: None, to: None };
            tx.create(&Author::CONSOLE, IdentityId::mint(tx.clock(), tx.entropy()), &identity)?;
        }
        Ok(())
    }
}

fn folded(text: &str) -> String {
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

impl Act for AddEmployee {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent
            .write(move |tx| {
                let label = self.fields.code.to_string();
                let mut places = Places::load(tx)?;
                let mint = Mint { clock: tx.clock(), entropy: tx.entropy() };
                let planned = places
                    .plan(tx, &mint, self.fields)?
                    .map_err(|(field, cause)| StoreError::Invalid(format!("{field}: {cause}")))?;
                if planned.outcome != Outcome::Created {
                    return Err(StoreError::Exists { what: "employee", id: label });
                }
                for (id, department) in &places.new {
                    tx.create(&Author::CONSOLE, *id, department)?;
                }
                planned.save(tx)?;
                Ok(saved::<Employee>(planned.id, label, Outcome::Created))
            })
            .await
    }
}

impl Act for ListEmployees {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<EmployeeList, Refusal> {
        agent
            .read(move |tx| {
                let only = self.department.as_ref().map(|code| tx.department(code)).transpose()?;
                let sites: HashMap<SiteId, String> = tx
                    .records::<Site>()?
                    .into_iter()
                    .map(|site| (site.id, site.record.code.to_string()))
                    .collect();
                let departments: HashMap<DepartmentId, Name> = tx
                    .records::<Department>()?
                    .into_iter()
                    .map(|department| (department.id, department.record.name))
                    .collect();
                let mut codes: HashMap<EmployeeId, BTreeSet<String>> = HashMap::new();
                for identity in tx.records::<Identity>()? {
                    if identity.record.to.is_none() {
                        let code = identity.record.user_code.to_string();
                        codes.entry(identity.record.employee).or_default().insert(code);
                    }
                }
                let search = self.search.as_deref().map(folded);
                let wanted = |employee: &Employee| {
                    let has = |text: &str, part: &str| folded(text).contains(part);
                    (self.all || employee.active)
                        && only.as_ref().is_none_or(|only| employee.department == Some(only.id))
                        && search.as_deref().is_none_or(|part| {
                            has(employee.name.as_str(), part)
                                || has(employee.code.as_str(), part)
                                || employee.designation.as_ref().is_some_and(|text| has(text.as_str(), part))
                        })
                };
                let mut rows: Vec<EmployeeRow> = tx
                    .records::<Employee>()?
                    .into_iter()
                    .filter(|employee| wanted(&employee.record))
                    .map(|employee| EmployeeRow {
                        id: employee.id,
                        site: sites.get(&employee.record.site).cloned().unwrap_or_default(),
                        department: employee.record.department.and_then(|id| departments.get(&id).cloned()),
                        clock_codes: codes.remove(&employee.id).unwrap_or_default(),
                        code: employee.record.code,
                        name: employee.record.name,
                        designation: employee.record.designation,
                        joined: employee.record.joined,
                        left: employee.record.left,
                        active: employee.record.active,
                    })
                    .collect();
                rows.sort_by(|a, b| natural(a.code.as_str()).cmp(&natural(b.code.as_str())));
                Ok(EmployeeList(rows))
            })
            .await
    }
}

/// Short codes before long ones, so that numbers stand in their order.
fn natural(code: &str) -> (usize, &str) {
    (code.len(), code)
}
