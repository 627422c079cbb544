//! Shifts.

use serde::{Deserialize, Serialize};
use shared_model::ShiftId;
use shared_model::entity::Shift;
use shared_model::record::Document;
use shared_model::text::{Code, Name};
use shift_engine::{ShiftDefinition, Typed as _};

use super::find::Records as _;
use super::{Act, Agent, Progress, Refusal, Saved, put};
use crate::store::{Author, StoreError, WriteTx};

/// Adds a shift, or changes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddShift {
    /// Its code.
    pub code: Code,
    /// What it is called.
    pub name: Name,
    /// Its hours, as the shift engine reads them.
    pub definition: Document,
    /// Whether a shift that has the code is changed; otherwise that is refused.
    pub replace: bool,
}

/// Lists the shifts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListShifts {}

/// A shift in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftRow {
    /// Its key.
    pub id: ShiftId,
    /// Its code.
    pub code: Code,
    /// What it is called.
    pub name: Name,
    /// Its hours.
    pub definition: Document,
    /// Whether it may be assigned.
    pub active: bool,
}

impl Act for AddShift {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl AddShift {
    /// Saves it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for hours that cannot be read and for a code that is taken; otherwise what the store says.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let definition = ShiftDefinition::parse(&self.definition)
            .map_err(|error| StoreError::Invalid(format!("the shift's definition: {error}")))?;
        let label = self.code.to_string();
        if !self.replace && tx.with::<Shift>(1, self.code.as_str())?.is_some() {
            return Err(StoreError::Invalid(format!(
                "shift {label} exists already: change it with --replace"
            )));
        }
        let shift =
            Shift { code: self.code, name: self.name, definition: definition.to_document(), active: true };
        put(tx, author, label, &shift, |found| found.code == shift.code)
    }
}

impl Act for ListShifts {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<ShiftRow>, Refusal> {
        agent
            .read(|tx| {
                let row = |shift: crate::store::Stored<Shift>| ShiftRow {
                    id: shift.id,
                    code: shift.record.code,
                    name: shift.record.name,
                    definition: shift.record.definition,
                    active: shift.record.active,
                };
                Ok(tx.records::<Shift>()?.into_iter().map(row).collect())
            })
            .await
    }
}
