//! People from a file into the store, in chunks that let other writes through.

use std::collections::HashMap;
use std::sync::Arc;

use shared_model::entity::{Department, DepartmentLevel, Employee, EmployeeCategory};
use shared_model::text::{Code, Name};
use shared_model::{DepartmentId, SiteId};

use super::file::{BadLine, PersonFile, PersonLine};
use super::{CODE, add, change};
use crate::store::{Author, Store, StoreError, WriteTx};

/// Lines of one transaction, that is, of one change group: the cloud applies a group whole, and takes only so many rows.
const CHUNK: usize = 150;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineOutcome {
    /// A new person.
    Added,
    /// A known person with something changed.
    Changed,
    /// A known person, as the line says.
    Same,
    /// Nothing was done.
    Refused(BadLine),
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// New people.
    pub added: u32,
    /// People with something changed.
    pub changed: u32,
    /// People who were as the file says.
    pub same: u32,
    /// New departments.
    pub departments: u32,
    /// Lines that were refused, by their numbers.
    pub refused: Vec<(u64, BadLine)>,
}

/// Takes a file's lines, one transaction for some hundred of them: what was taken stays when a later chunk fails, and
/// importing the same file again does the rest.
///
/// # Errors
/// [`StoreError::Missing`] where this agent has no site yet; otherwise what the store says.
pub async fn import(store: &Store, author: Author, file: PersonFile) -> Result<Imported, StoreError> {
    let Some(site) = store.read(crate::store::ReadTx::site_head).await? else {
        return Err(StoreError::Missing { what: "site", id: "of this agent".to_owned() });
    };
    let columns = Arc::new(file.columns);
    let mut all = Imported::default();
    let mut lines = file.lines.into_iter().peekable();
    while lines.peek().is_some() {
        let chunk: Vec<_> = lines.by_ref().take(CHUNK).collect();
        let (site, columns) = (site.id, Arc::clone(&columns));
        let part = store
            .write(move |tx| {
                let mut taking = Taking::new(tx, author, site)?;
                let mut done = Imported::default();
                for (number, line) in chunk {
                    let outcome = match line {
                        Ok(line) => taking.line(&line, |column| columns.contains(column))?,
                        Err(bad) => LineOutcome::Refused(bad),
                    };
                    match outcome {
                        LineOutcome::Added => done.added += 1,
                        LineOutcome::Changed => done.changed += 1,
                        LineOutcome::Same => done.same += 1,
                        LineOutcome::Refused(bad) => done.refused.push((number, bad)),
                    }
                }
                done.departments = taking.made;
                Ok(done)
            })
            .await?;
        all.added += part.added;
        all.changed += part.changed;
        all.same += part.same;
        all.departments += part.departments;
        all.refused.extend(part.refused);
    }
    Ok(all)
}

struct Taking<'t> {
    tx: &'t WriteTx,
    author: Author,
    site: SiteId,
    /// By name and by code, in lower case.
    departments: HashMap<String, DepartmentId>,
    made: u32,
}

impl<'t> Taking<'t> {
    fn new(tx: &'t WriteTx, author: Author, site: SiteId) -> Result<Self, StoreError> {
        let mut departments = HashMap::new();
        for known in tx.records::<Department>()? {
            departments.insert(known.record.code.as_str().to_lowercase(), known.id);
            departments.insert(known.record.name.as_str().to_lowercase(), known.id);
        }
        Ok(Self { tx, author, site, departments, made: 0 })
    }

    fn line(
        &mut self,
        line: &PersonLine,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<LineOutcome, StoreError> {
        let department = match &line.department {
            Some(name) => Some(self.department(name)?),
            None => None,
        };
        let known = self.tx.record_with::<Employee>(CODE, line.code.as_str())?;
        let old = known.as_ref().map(|known| &known.record);
        macro_rules! or_kept {
            ($column:literal, $new:expr, $field:ident) => {
                if is_there($column) { $new } else { old.and_then(|old| old.$field.clone()) }
            };
        }
        let left = or_kept!("left", line.left, left);
        let record = Employee {
            code: line.code.clone(),
            name: line.name.clone(),
            site: old.map_or(self.site, |old| old.site),
            department: or_kept!("department", department, department),
            designation: or_kept!("designation", line.designation.clone(), designation),
            category: line.category.or(old.map(|old| old.category)).unwrap_or(EmployeeCategory::Worker),
            gender: or_kept!("gender", line.gender, gender),
            joined: or_kept!("joined", line.joined, joined),
            left,
            active: if is_there("left") { left.is_none() } else { old.is_none_or(|old| old.active) },
            phone: or_kept!("phone", line.phone.clone(), phone),
            card: or_kept!("card", line.card.clone(), card),
        };
        match known {
            None => add(self.tx, &self.author, &record).map(|_| LineOutcome::Added),
            Some(known) => {
                let changed = change(self.tx, &self.author, known.id, Some(known.vv), &record)?;
                Ok(if changed { LineOutcome::Changed } else { LineOutcome::Same })
            }
        }
    }

    fn department(&mut self, name: &Name) -> Result<DepartmentId, StoreError> {
        let key = name.as_str().to_lowercase();
        if let Some(known) = self.departments.get(&key) {
            return Ok(*known);
        }
        let id = DepartmentId::mint(self.tx.clock(), self.tx.entropy());
        let record = Department {
            name: name.clone(),
            code: self.free_code(name)?,
            level: DepartmentLevel::Department,
            parent: None,
            site: None,
            active: true,
        };
        self.tx.create(&self.author, id, &record)?;
        self.departments.insert(record.code.as_str().to_lowercase(), id);
        self.departments.insert(key, id);
        self.made += 1;
        Ok(id)
    }

    /// The letters and digits of the name, and a number where that is taken.
    fn free_code(&self, name: &Name) -> Result<Code, StoreError> {
        let plain: String = name
            .as_str()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_uppercase)
            .take(6)
            .collect();
        let stem = if plain.is_empty() { "D".to_owned() } else { plain };
        let taken = |code: &str| self.departments.contains_key(&code.to_lowercase());
        let free = std::iter::once(stem.clone())
            .chain((2_u32..).map(|number| format!("{stem}{number}")))
            .find(|code| !taken(code))
            .unwrap_or(stem);
        Code::parse(&free).map_err(|error| StoreError::Invalid(error.to_string()))
    }
}
