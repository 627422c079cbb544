//! Who works which shift.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::entity::{Roster, RosterBasis, ScopeKind, Shift};
use shared_model::record::Document;
use shared_model::text::{Code, EmployeeCode};
use shared_model::{DepartmentId, RosterId, ShiftId};
use shift_engine::{RosterPattern, Typed as _};

use super::find::Records as _;
use super::{Act, Agent, Progress, Refusal, Saved, put};
use crate::store::{Author, StoreError, Stored, WriteTx};

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
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl SetRoster {
    /// Saves it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for dates or a pattern that make no sense, [`StoreError::Missing`] for what is not there;
    /// otherwise what the store says.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
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
        put(tx, author, label, &roster, |found| {
            (found.scope_kind, found.scope, found.basis, found.from)
                == (roster.scope_kind, roster.scope, roster.basis, roster.from)
        })
    }
}

/// Gives everybody, or a department, a shift from a date on where nothing is rostered. What counted until then ends the
/// day before; what was to count from that date or later is replaced.
///
/// # Errors
/// What the store says.
pub fn assign_default(
    tx: &WriteTx,
    author: &Author,
    department: Option<DepartmentId>,
    shift: ShiftId,
    from: NaiveDate,
) -> Result<(), StoreError> {
    let scope = department.map(DepartmentId::uuid);
    let scope_kind = if scope.is_some() { ScopeKind::Department } else { ScopeKind::Company };
    let same = |known: &Stored<Roster>| {
        let record = &known.record;
        record.basis == RosterBasis::Default && record.scope_kind == scope_kind && record.scope == scope
    };
    for known in tx.records::<Roster>()?.into_iter().filter(same) {
        if known.record.from >= from {
            tx.delete::<Roster>(author, known.id, Some(known.vv))?;
        } else if known.record.to.is_none_or(|to| to >= from) {
            let ended = Roster { to: from.pred_opt(), ..known.record };
            tx.update(author, known.id, Some(known.vv), &ended)?;
        }
    }
    let record = Roster {
        scope_kind,
        scope,
        basis: RosterBasis::Default,
        from,
        to: None,
        pattern: RosterPattern::every_day(shift).to_document(),
    };
    tx.create(author, RosterId::mint(tx.clock(), tx.entropy()), &record).map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;
    use uuid::Uuid;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_later_default_ends_the_one_before_and_replaces_what_was_to_come() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let shift = |number: u128| ShiftId::from_uuid(Uuid::from_u128(number));
        let assign = |department: Option<DepartmentId>, number, from: &str| {
            let from = date(from);
            store
                .write_blocking(move |tx| {
                    assign_default(tx, &Author::CONSOLE, department, shift(number), from)
                })
                .unwrap();
        };
        let line = DepartmentId::from_uuid(Uuid::from_u128(9));
        assign(None, 1, "2026-01-01");
        assign(Some(line), 2, "2026-01-01");
        assign(None, 3, "2026-06-01");
        assign(None, 4, "2026-03-01");
        let rosters = store.read_blocking(crate::store::ReadTx::records::<Roster>).unwrap();
        let mut seen: Vec<(Option<Uuid>, String, Option<String>, ShiftId)> = rosters
            .iter()
            .map(|known| {
                let record = &known.record;
                let pattern = RosterPattern::parse(&record.pattern).unwrap();
                let to = record.to.map(|to| to.to_string());
                (record.scope, record.from.to_string(), to, pattern.shifts().next().unwrap())
            })
            .collect();
        seen.sort();
        assert_eq!(
            seen,
            [
                (None, "2026-01-01".to_owned(), Some("2026-02-28".to_owned()), shift(1)),
                (None, "2026-03-01".to_owned(), None, shift(4)),
                (Some(line.uuid()), "2026-01-01".to_owned(), None, shift(2)),
            ]
        );
    }
}
