//! People: their record, and the code under which the clocks know them.

mod file;
mod import;

use shared_model::entity::{Employee, Identity};
use shared_model::record::FieldTag;
use shared_model::{EmployeeId, IdentityId, UserCode};
use sync_protocol::VersionVector;

use crate::store::{Author, StoreError, WriteTx};

pub use file::{BadFile, BadLine, COLUMNS, MAX_BYTES, MAX_LINES, PersonFile, PersonLine, read_csv};
pub use import::{Imported, LineOutcome, import};

/// The field of an employee's code.
const CODE: FieldTag = FieldTag(1);

/// Adds a person and ties the employee code to the person on every clock, unless somebody has that code there.
///
/// # Errors
/// [`StoreError::Exists`] for an employee code that is taken.
pub fn add(tx: &WriteTx, author: &Author, person: &Employee) -> Result<EmployeeId, StoreError> {
    let id = EmployeeId::mint(tx.clock(), tx.entropy());
    tx.create(author, id, person)?;
    tie(tx, author, id, person.code.as_str())?;
    Ok(id)
}

/// Changes a person; `seen` is the version that the form was filled from. Whether anything differed.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Stale`], [`StoreError::Exists`] for an employee code that is taken.
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

/// Ties a code to a person on every clock and from always on, unless somebody has it. Whether it was tied.
///
/// # Errors
/// What the store says.
pub fn tie(tx: &WriteTx, author: &Author, person: EmployeeId, code: &str) -> Result<bool, StoreError> {
    let Ok(user_code) = UserCode::parse(code) else { return Ok(false) };
    if tx.holder_of_code(user_code.as_str())?.is_some() {
        return Ok(false);
    }
    let record = Identity { serial: None, user_code, employee: person, from: None, to: None };
    tx.create(author, IdentityId::mint(tx.clock(), tx.entropy()), &record)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
