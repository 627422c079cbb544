//! `holiday` and `leave`.

use chrono::{NaiveDate, NaiveTime};
use clap::Subcommand;
use shared_model::entity::{HolidayType, LeavePortion};
use shared_model::text::{Code, EmployeeCode, Line, Name};

use super::context::Context;
use super::exit::Exit;
use super::scope::choice;
use super::table::{Table, cell};
use crate::control::calendar::{AddHoliday, AddLeave, ListHolidays, ListLeaves};

#[derive(Debug, Subcommand)]
pub(super) enum HolidayCommand {
    /// Add a holiday
    Add {
        /// The date
        #[arg(long)]
        date: NaiveDate,
        /// What it is called
        #[arg(long)]
        name: Name,
        /// Only half of the day
        #[arg(long)]
        half_day: bool,
        /// The code of the site it is kept at; without one it is kept everywhere
        #[arg(long, value_name = "CODE")]
        site: Option<Code>,
        /// The group of people it is for; without one it is for everybody
        #[arg(long, value_name = "CODE")]
        group: Option<Code>,
    },
    /// List the holidays
    List {
        /// From this date on
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
        /// Up to this date
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum LeaveCommand {
    /// Add a leave
    Add {
        /// Whose: the employee code
        #[arg(long, value_name = "CODE")]
        employee: EmployeeCode,
        /// First date
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// Last date; without one it is the first
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
        /// Its type, such as CL, SL, EL or ML
        #[arg(long = "type", value_name = "CODE")]
        leave_type: Code,
        /// full, first-half, second-half or hours
        #[arg(long, default_value = "full", value_parser = choice(LeavePortion::parse, LeavePortion::ALL))]
        portion: LeavePortion,
        /// Start of an hourly leave
        #[arg(long, value_name = "TIME", value_parser = time, requires = "end")]
        start: Option<NaiveTime>,
        /// End of an hourly leave
        #[arg(long, value_name = "TIME", value_parser = time, requires = "start")]
        end: Option<NaiveTime>,
        /// It is not paid
        #[arg(long)]
        unpaid: bool,
        /// It has been granted; without this it waits for a decision and does not count yet
        #[arg(long)]
        approved: bool,
        /// Why
        #[arg(long)]
        reason: Option<Line>,
    },
    /// List leaves
    List {
        /// Only this person's
        #[arg(long, value_name = "CODE")]
        employee: Option<EmployeeCode>,
        /// That last until this date or longer
        #[arg(long, value_name = "DATE")]
        from: Option<NaiveDate>,
        /// That begin on this date or before
        #[arg(long, value_name = "DATE")]
        to: Option<NaiveDate>,
    },
}

/// A time of day, `09:30`.
fn time(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "write it as 09:30".to_owned())
}

impl HolidayCommand {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add { date, name, half_day, site, group } => {
                let holiday_type = if half_day { HolidayType::HalfDay } else { HolidayType::Public };
                context.save(AddHoliday { date, name, holiday_type, site, group }).await
            }
            Self::List { from, to } => {
                let holidays = context.read(ListHolidays { from, to }).await?;
                context.output.answer(&holidays, || {
                    let mut table = Table::new(&["DATE", "NAME", "DAY", "SITE", "GROUP"]);
                    for holiday in &holidays {
                        let day = if holiday.holiday_type == HolidayType::HalfDay { "half" } else { "whole" };
                        table.row([
                            holiday.date.to_string(),
                            holiday.name.to_string(),
                            day.to_owned(),
                            cell(holiday.site.as_ref()),
                            cell(holiday.group.as_ref()),
                        ]);
                    }
                    table.text("There is no holiday.")
                })?;
                Ok(Exit::Done)
            }
        }
    }
}

impl LeaveCommand {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add { employee, from, to, leave_type, portion, start, end, unpaid, approved, reason } => {
                let leave = AddLeave {
                    employee,
                    from,
                    to: to.unwrap_or(from),
                    portion,
                    hours: start.zip(end),
                    leave_type,
                    paid: !unpaid,
                    approved,
                    reason,
                };
                context.save(leave).await
            }
            Self::List { employee, from, to } => {
                let leaves = context.read(ListLeaves { employee, from, to }).await?;
                context.output.answer(&leaves, || {
                    let mut table =
                        Table::new(&["EMPLOYEE", "TYPE", "FROM", "TO", "PORTION", "PAID", "STATE"]);
                    for leave in &leaves {
                        table.row([
                            leave.employee.clone(),
                            leave.leave_type.to_string(),
                            leave.from.to_string(),
                            leave.to.to_string(),
                            leave.portion.to_string(),
                            if leave.paid { "yes" } else { "no" }.to_owned(),
                            leave.state.to_string(),
                        ]);
                    }
                    table.text("There is no leave.")
                })?;
                Ok(Exit::Done)
            }
        }
    }
}
