//! Holidays and leave.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use shared_model::entity::{Holiday, HolidayType, Leave, LeavePortion, RequestState};
use shared_model::text::{Code, EmployeeCode, Line, Name};
use shared_model::{HolidayId, LeaveId};

use super::find::Records as _;
use super::{Act, Agent, Progress, Refusal, Saved, put};
use crate::store::{Author, Meta, StoreError, WriteTx};

/// Adds a holiday. One of the same date, site and group is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddHoliday {
    /// The date.
    pub date: NaiveDate,
    /// What it is called.
    pub name: Name,
    /// Whole or half.
    pub holiday_type: HolidayType,
    /// The code of the site it is kept at; `None` = every site.
    pub site: Option<Code>,
    /// The group it is for; `None` = everybody.
    pub group: Option<Code>,
}

/// Lists the holidays between two dates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListHolidays {
    /// From this date on.
    pub from: Option<NaiveDate>,
    /// Up to this date.
    pub to: Option<NaiveDate>,
}

/// A holiday in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolidayRow {
    /// Its key.
    pub id: HolidayId,
    /// The date.
    pub date: NaiveDate,
    /// What it is called.
    pub name: Name,
    /// Whole or half.
    pub holiday_type: HolidayType,
    /// The code of its site.
    pub site: Option<String>,
    /// The group it is for.
    pub group: Option<Code>,
}

/// Adds a leave. One of the same person, type and dates is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddLeave {
    /// Whose.
    pub employee: EmployeeCode,
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// How much of each day.
    pub portion: LeavePortion,
    /// Start and end of an hourly leave.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// Its type: CL, SL, EL, ML …
    pub leave_type: Code,
    /// Whether it is paid.
    pub paid: bool,
    /// Whether it is granted; otherwise it waits for a decision.
    pub approved: bool,
    /// Why.
    pub reason: Option<Line>,
}

/// Lists leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListLeaves {
    /// Only this person's.
    pub employee: Option<EmployeeCode>,
    /// That last until this date or longer.
    pub from: Option<NaiveDate>,
    /// That begin on this date or before.
    pub to: Option<NaiveDate>,
}

/// A leave in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveRow {
    /// Its key.
    pub id: LeaveId,
    /// Whose, by code.
    pub employee: String,
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// How much of each day.
    pub portion: LeavePortion,
    /// Its type.
    pub leave_type: Code,
    /// Whether it is paid.
    pub paid: bool,
    /// Where it stands.
    pub state: RequestState,
}

impl Act for AddHoliday {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl AddHoliday {
    /// Saves it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for a site that is not there; otherwise what the store says.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        let site = self.site.as_ref().map(|code| tx.site(code)).transpose()?.map(|site| site.id);
        let label = format!("{} {}", self.date, self.name);
        let holiday = Holiday {
            date: self.date,
            name: self.name,
            holiday_type: self.holiday_type,
            site,
            group: self.group,
        };
        put(tx, author, label, &holiday, |found| {
            (found.date, found.site, &found.group) == (holiday.date, holiday.site, &holiday.group)
        })
    }
}

impl Act for ListHolidays {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<HolidayRow>, Refusal> {
        agent
            .read(move |tx| {
                let mut rows = Vec::new();
                for holiday in tx.records::<Holiday>()? {
                    let record = holiday.record;
                    if self.from.is_some_and(|from| record.date < from)
                        || self.to.is_some_and(|to| record.date > to)
                    {
                        continue;
                    }
                    let site =
                        record.site.map(|id| tx.record::<shared_model::entity::Site>(id)).transpose()?;
                    rows.push(HolidayRow {
                        id: holiday.id,
                        date: record.date,
                        name: record.name,
                        holiday_type: record.holiday_type,
                        site: site.flatten().map(|site| site.record.code.to_string()),
                        group: record.group,
                    });
                }
                rows.sort_by_key(|row| row.date);
                Ok(rows)
            })
            .await
    }
}

impl Act for AddLeave {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl AddLeave {
    fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        if self.to < self.from {
            return Err(StoreError::Invalid(format!(
                "the leave would end before it begins on {}",
                self.from
            )));
        }
        if self.portion != LeavePortion::Full && self.to != self.from {
            return Err(StoreError::Invalid("a part of a day is for one day: leave --to away".to_owned()));
        }
        let hours = match (self.portion, self.hours) {
            (LeavePortion::Hours, Some((start, end))) if start < end => Some((start, end)),
            (LeavePortion::Hours, _) => {
                return Err(StoreError::Invalid("an hourly leave needs --start before --end".to_owned()));
            }
            (LeavePortion::Full | LeavePortion::FirstHalf | LeavePortion::SecondHalf, _) => None,
        };
        // A decision needs a person with the right to it; whoever has the console is nobody in particular.
        if self.approved && tx.meta(Meta::EDGE)?.is_some() {
            let text = "this agent belongs to a cloud, where leave is granted by a person: add it without --approved, \
                        and decide it on the pages or in the cloud";
            return Err(StoreError::Invalid(text.to_owned()));
        }
        let employee = tx.employee(&self.employee)?;
        let label = format!("{} {} from {}", self.employee, self.leave_type, self.from);
        let leave = Leave {
            employee: employee.id,
            from: self.from,
            to: self.to,
            portion: self.portion,
            start: hours.map(|(start, _)| self.from.and_time(start)),
            end: hours.map(|(_, end)| self.from.and_time(end)),
            leave_type: self.leave_type,
            paid: self.paid,
            state: if self.approved { RequestState::Approved } else { RequestState::Pending },
            reason: self.reason,
        };
        put(tx, author, label, &leave, |found| {
            (found.employee, found.from, &found.leave_type) == (leave.employee, leave.from, &leave.leave_type)
        })
    }
}

impl Act for ListLeaves {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<LeaveRow>, Refusal> {
        agent
            .read(move |tx| {
                let only = self.employee.as_ref().map(|code| tx.employee(code)).transpose()?;
                let mut rows = Vec::new();
                for leave in tx.records::<Leave>()? {
                    let record = leave.record;
                    if only.as_ref().is_some_and(|only| only.id != record.employee)
                        || self.from.is_some_and(|from| record.to < from)
                        || self.to.is_some_and(|to| record.from > to)
                    {
                        continue;
                    }
                    let employee = tx.record::<shared_model::entity::Employee>(record.employee)?;
                    rows.push(LeaveRow {
                        id: leave.id,
                        employee: employee.map_or_else(
                            || record.employee.to_string(),
                            |employee| employee.record.code.to_string(),
                        ),
                        from: record.from,
                        to: record.to,
                        portion: record.portion,
                        leave_type: record.leave_type,
                        paid: record.paid,
                        state: record.state,
                    });
                }
                rows.sort_by(|a, b| (a.from, &a.employee).cmp(&(b.from, &b.employee)));
                Ok(rows)
            })
            .await
    }
}
