//! Why a day is what it is: worked out anew for somebody who looks at it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use shared_model::EmployeeId;
use shared_model::entity::{Employee, Shift};
use shift_engine::brief::{Brief, BriefStep};
use shift_engine::{Employment, Shared, Whom};

use super::rules::Rules;
use super::settle::read_to;
use crate::store::{ReadTx, StoreError};

/// A day with what made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedDay {
    /// The work date.
    pub date: NaiveDate,
    /// The day in the words of people: wall times, hours and minutes, names.
    pub day: serde_json::Map<String, serde_json::Value>,
    /// The rules that made it, in order.
    pub steps: Vec<BriefStep>,
}

/// Works out a person's days between two dates, with explanations; days without a record are left out.
///
/// # Errors
/// [`StoreError::Missing`] where the person or the person's site is not known; otherwise what the store says.
pub fn explain(
    tx: &ReadTx,
    employee: EmployeeId,
    (from, to): (NaiveDate, NaiveDate),
    now: DateTime<Utc>,
) -> Result<Vec<ExplainedDay>, StoreError> {
    let missing = |what| StoreError::Missing { what, id: employee.to_string() };
    let record = tx.record::<Employee>(employee)?.ok_or_else(|| missing("employee"))?.record;
    let rules = Rules::load(tx, tx.records_version()?)?;
    let site = rules.directory.site(record.site).ok_or_else(|| missing("site of the employee"))?;
    let Some(began) = site.began(&tx.clock_dates(now)?) else { return Ok(Vec::new()) };
    let mut reach = shift_engine::reach(site.book(), employee, &record, from, to);
    reach.ask.0 = reach.ask.0.max(began.first);
    let punched = tx.punched_dates(employee, site.date(now.into()))?;
    let employment = Employment::of(record.joined, punched, began.begins);
    let completeness = site.completeness(&read_to(tx)?);
    let shared = Shared { directory: &rules.directory, site, completeness: &completeness, as_of: now.into() };
    let facts = tx.person_facts(employee, &reach)?;
    let whom = Whom { id: employee, record: &record, employment };
    let output = shift_engine::recompute::explain(&shared, &whom, &facts, &reach);
    let shifts: BTreeMap<_, _> =
        tx.records::<Shift>()?.into_iter().map(|shift| (shift.id, shift.record.code.to_string())).collect();
    let brief = Brief::new(site.zones(), &shifts);
    let days = output.days.iter().zip(&output.explanations);
    let wanted = days.filter(|(day, _)| from <= day.date && day.date <= to);
    Ok(wanted
        .map(|(day, explanation)| ExplainedDay {
            date: day.date,
            day: brief.day(day),
            steps: brief.steps(explanation),
        })
        .collect())
}
