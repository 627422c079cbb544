//! Employees.

mod code;
mod plan;

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::entity::{Department, Employee, EmployeeCategory, Gender, Identity, Site};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};
use shared_model::{DepartmentId, EmployeeId, IdentityId, SiteId, UserCode};
use sync_protocol::VersionVector;

use super::find::Records as _;
use super::{Act, Agent, Outcome, Progress, Refusal, Saved, saved};
use crate::store::{Author, StoreError, WriteTx};
use plan::folded;

pub use code::EndCode;

pub(super) use plan::{LineError, Mint, Places};

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
    /// Without that, since when missing days count; none before the days are worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<NaiveDate>,
    /// Last day of work.
    pub left: Option<NaiveDate>,
    /// Whether the person counts in reports of today.
    pub active: bool,
    /// The codes under which clocks know the person.
    pub clock_codes: BTreeSet<String>,
}

/// Adds a person and ties the employee code to the person on every clock.
///
/// # Errors
/// [`StoreError::Exists`] for a code that is taken, as an employee's or on the clocks.
pub fn add(tx: &WriteTx, author: &Author, person: &Employee) -> Result<EmployeeId, StoreError> {
    let id = EmployeeId::mint(tx.clock(), tx.entropy());
    tx.create(author, id, person)?;
    tie(tx, author, id, person.code.as_str())?;
    Ok(id)
}

/// Changes a person; `seen` is the version that the form was filled from. Whether anything differed.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Stale`], [`StoreError::Exists`] for a code that is taken, as an employee's or on the
/// clocks.
pub fn change(
    tx: &WriteTx,
    author: &Author,
    id: EmployeeId,
    seen: Option<VersionVector>,
    person: &Employee,
) -> Result<bool, StoreError> {
    let before = tx.record::<Employee>(id)?;
    let changed = tx.update(author, id, seen, person)?.is_some();
    if before.is_some_and(|before| before.record.code != person.code) {
        // The old code stays tied: the punches under it are still this person's.
        tie(tx, author, id, person.code.as_str())?;
    }
    Ok(changed)
}

/// Ties a code to a person on every clock: from always on, or from when it was another person's last. A code that no clock
/// can hold needs no tie.
///
/// # Errors
/// [`StoreError::Exists`] where it is somebody else's: punches under it would go on being that person's.
fn tie(tx: &WriteTx, author: &Author, person: EmployeeId, code: &str) -> Result<(), StoreError> {
    let Ok(user_code) = UserCode::parse(code) else { return Ok(()) };
    match tx.holder_of_code(user_code.as_str())? {
        Some(holder) if holder == person => return Ok(()),
        Some(_) => return Err(StoreError::Exists { what: "clock code", id: code.to_owned() }),
        None => {}
    }
    let from = tx.code_ended(user_code.as_str(), person)?;
    let record = Identity { serial: None, user_code, employee: person, from, to: None };
    tx.create(author, IdentityId::mint(tx.clock(), tx.entropy()), &record)?;
    Ok(())
}

impl Act for AddEmployee {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent
            .write(move |tx, author| {
                let label = self.fields.code.to_string();
                let mint = Mint { clock: tx.clock(), entropy: tx.entropy() };
                let mut places = Places::load(tx, tx.clock().now())?;
                let planned = places.plan(tx, &mint, self.fields)?.map_err(|(column, fault)| {
                    StoreError::Invalid(format!("{}: {fault}", column.as_str()))
                })?;
                if planned.outcome != Outcome::Created {
                    return Err(StoreError::Exists { what: "employee", id: label });
                }
                for (id, department) in &places.new {
                    tx.create(author, *id, department)?;
                }
                planned.save(tx, author)?;
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
                let mut counted_from = tx.counted_from_without_joining_date()?;
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
                        counted_from: counted_from.remove(&employee.id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{create, employee, open, site};

    #[test]
    fn a_code_that_clocks_know_another_person_by_is_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let site = create(&store, site()).unwrap();
        let put = |person: Employee| store.write_blocking(move |tx| add(tx, &Author::CONSOLE, &person));
        let first = put(employee(site, "1001")).unwrap();
        // A new card: the punches under the old code are still this person's.
        let moved = employee(site, "2001");
        store.write_blocking(move |tx| change(tx, &Author::CONSOLE, first, None, &moved)).unwrap();
        let taken = put(employee(site, "1001"));
        assert!(matches!(&taken, Err(StoreError::Exists { what: "clock code", .. })), "{taken:?}");
        let back = employee(site, "1001");
        store.write_blocking(move |tx| change(tx, &Author::CONSOLE, first, None, &back)).unwrap();
    }
}
