//! Shifts.

use serde::{Deserialize, Serialize};
use shared_model::ShiftId;
use shared_model::entity::Shift;
use shared_model::record::Document;
use shared_model::text::{Code, Name};
use shift_engine::{ShiftDefinition, Typed as _};

use super::find::Records as _;
use super::organisation::{saved, updated};
use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{Author, StoreError};

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
        let definition = ShiftDefinition::parse(&self.definition)
            .map_err(|error| Refusal::refused(format!("the shift's definition: {error}")))?;
        agent
            .write(move |tx| {
                let label = self.code.to_string();
                let found = tx.with::<Shift>(1, self.code.as_str())?;
                let shift = Shift {
                    code: self.code,
                    name: self.name,
                    definition: definition.to_document(),
                    active: true,
                };
                match found {
                    Some(found) if self.replace => {
                        let changed = tx.update(&Author::CONSOLE, found.id, None, &shift)?;
                        Ok(saved::<Shift>(found.id, label, updated(changed.is_some())))
                    }
                    Some(_) => Err(StoreError::Invalid(format!(
                        "shift {label} exists already: change it with --replace"
                    ))),
                    None => {
                        let id = ShiftId::mint(tx.clock(), tx.entropy());
                        tx.create(&Author::CONSOLE, id, &shift)?;
                        Ok(saved::<Shift>(id, label, Outcome::Created))
                    }
                }
            })
            .await
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
