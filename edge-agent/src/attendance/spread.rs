//! The queue: rows about many become rows about people, and people are worked out in portions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared_model::EmployeeId;

use super::Attendance;
use crate::store::{DateSpan, Recompute, RecomputeScope, StoreError};

/// Rows of the queue looked at together.
const LOOK: u32 = 500;
/// Rows put into the queue in one transaction.
const SPREAD: usize = 2000;
/// People worked out in one transaction.
const PEOPLE: usize = 64;

/// People to work out together, and the rows of the queue that are done with it.
#[derive(Debug, Default)]
pub(super) struct Portion {
    pub(super) people: BTreeMap<EmployeeId, Vec<DateSpan>>,
    pub(super) rows: Vec<Recompute>,
}

impl Attendance {
    /// Works off a portion of the queue; `false` when there is none.
    pub(super) fn work_portion(&mut self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let rows = self.store.read_blocking(|tx| tx.recompute_queue(LOOK))?;
        if rows.is_empty() {
            return Ok(false);
        }
        // A punch that came after the last distribution may have asked for one of these rows.
        self.distribute()?;
        self.refresh_rules()?;
        let mut portion = Portion::default();
        for row in rows {
            match &row.scope {
                RecomputeScope::Employee(employee) => portion.add(&[*employee], row),
                RecomputeScope::Code(code) => {
                    let owners =
                        self.rules.iter().flat_map(|rules| rules.directory.identities().owners_of_code(code));
                    portion.add(&owners.collect::<Vec<_>>(), row);
                }
                RecomputeScope::Department(_) | RecomputeScope::Site(_) | RecomputeScope::Everyone
                    if portion.rows.is_empty() =>
                {
                    self.spread(row)?;
                }
                // Rows about many come after what is at hand.
                RecomputeScope::Department(_) | RecomputeScope::Site(_) | RecomputeScope::Everyone => break,
            }
            if portion.people.len() >= PEOPLE {
                break;
            }
        }
        if !portion.rows.is_empty() {
            self.compute(portion, now)?;
        }
        Ok(true)
    }

    /// Puts a row for each of its people in place of a row about many.
    fn spread(&self, row: Recompute) -> Result<(), StoreError> {
        let scope = row.scope.clone();
        let people = self.store.read_blocking(move |tx| tx.people_of(&scope))?;
        for portion in people.chunks(SPREAD) {
            let (portion, dates) = (portion.to_vec(), row.dates);
            self.store.write_blocking(move |tx| {
                let ask = |employee| tx.ask_recompute(&RecomputeScope::Employee(employee), dates);
                portion.into_iter().try_for_each(ask)
            })?;
        }
        self.store.write_blocking(move |tx| tx.recomputed(&row))
    }
}

impl Portion {
    fn add(&mut self, people: &[EmployeeId], row: Recompute) {
        for employee in people {
            self.people.entry(*employee).or_default().push(row.dates);
        }
        self.rows.push(row);
    }
}
