//! Who works which shift.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::RosterId;
use shared_model::entity::{Roster, RosterBasis, Shift};
use shared_model::record::Document;
use shared_model::text::{Code, EmployeeCode};
use shift_engine::{RosterPattern, Typed as _};

use super::find::Records as _;
use super::organisation::{saved, updated};
use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{Author, StoreError, WriteTx};

/// Whom something is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody.
    Company,
    /// A site's people.
    Site(Code),
    /// A department's people.
    Department(Code),
    /// One person.
    Employee(EmployeeCode),
}

/// Says who works which shift from a date on. An assignment with the same scope, basis and first date is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRoster {
    /// For whom.
    pub scope: Scope,
    /// Whether it is planned or counts where nothing is planned.
    pub basis: RosterBasis,
    /// First work date.
    pub from: NaiveDate,
    /// Last work date; `None` = until further notice.
    pub to: Option<NaiveDate>,
    /// The shifts: a pattern of the shift engine, in which a shift's code may stand for its id.
    pub pattern: Document,
}

/// Lists the assignments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRosters {}

/// An assignment in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterRow {
    /// Its key.
    pub id: RosterId,
    /// For whom, with the code.
    pub scope: String,
    /// Planned or by default.
    pub basis: RosterBasis,
    /// First work date.
    pub from: NaiveDate,
    /// Last work date.
    pub to: Option<NaiveDate>,
    /// The codes of its shifts.
    pub shifts: Vec<String>,
    /// The pattern.
    pub pattern: Document,
}

impl Act for SetRoster {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx| self.save(tx)).await
    }
}

impl SetRoster {
    fn save(self, tx: &WriteTx) -> Result<Saved, StoreError> {
        if self.to.is_some_and(|to| to < self.from) {
            return Err(StoreError::Invalid(format!(
                "the roster would end before it begins on {}",
                self.from
            )));
        }
        let mut pattern = self.pattern.0;
        name_shifts(tx, &mut pattern)?;
        let pattern = RosterPattern::parse(&Document(pattern))
            .map_err(|error| StoreError::Invalid(format!("the roster's pattern: {error}")))?;
        for shift in pattern.shifts() {
            if tx.record::<Shift>(shift)?.is_none() {
                return Err(super::find::missing("shift", shift));
            }
        }
        let (scope_kind, scope) = tx.scope(&self.scope)?;
        let label = format!("{} from {}", tx.scope_label(scope_kind, scope)?, self.from);
        let roster = Roster {
            scope_kind,
            scope,
            basis: self.basis,
            from: self.from,
            to: self.to,
            pattern: pattern.to_document(),
        };
        let same = |found: &Roster| {
            (found.scope_kind, found.scope, found.basis, found.from)
                == (roster.scope_kind, roster.scope, roster.basis, roster.from)
        };
        match tx.records::<Roster>()?.into_iter().find(|found| same(&found.record)) {
            Some(found) => {
                let changed = tx.update(&Author::CONSOLE, found.id, None, &roster)?;
                Ok(saved::<Roster>(found.id, label, updated(changed.is_some())))
            }
            None => {
                let id = RosterId::mint(tx.clock(), tx.entropy());
                tx.create(&Author::CONSOLE, id, &roster)?;
                Ok(saved::<Roster>(id, label, Outcome::Created))
            }
        }
    }
}

/// Puts ids in the place of shift codes: the texts in a pattern's lists.
fn name_shifts(tx: &WriteTx, pattern: &mut Value) -> Result<(), StoreError> {
    match pattern {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name != "anchor" && name != "weekdays" {
                    name_shifts(tx, value)?;
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Value::String(text) = item
                    && uuid::Uuid::parse_str(text).is_err()
                {
                    let code = Code::parse(text).map_err(|error| StoreError::Invalid(error.to_string()))?;
                    *text = tx.shift(&code)?.id.to_string();
                } else {
                    name_shifts(tx, item)?;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

impl Act for ListRosters {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<RosterRow>, Refusal> {
        agent
            .read(|tx| {
                let mut rows = Vec::new();
                for roster in tx.records::<Roster>()? {
                    let record = roster.record;
                    let pattern = RosterPattern::parse(&record.pattern).ok();
                    let mut shifts = Vec::new();
                    for id in pattern.iter().flat_map(RosterPattern::shifts) {
                        let found = tx.record::<Shift>(id)?;
                        let code =
                            found.map_or_else(|| id.to_string(), |shift| shift.record.code.to_string());
                        if !shifts.contains(&code) {
                            shifts.push(code);
                        }
                    }
                    rows.push(RosterRow {
                        id: roster.id,
                        scope: tx.scope_label(record.scope_kind, record.scope)?,
                        basis: record.basis,
                        from: record.from,
                        to: record.to,
                        shifts,
                        pattern: record.pattern,
                    });
                }
                Ok(rows)
            })
            .await
    }
}
