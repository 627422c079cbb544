//! `muster-cloud employee-account …`: phones of employees.

use std::fmt::{self, Display};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::json;
use shared_model::entity::{Employee, Entity as _};
use shared_model::text::{BadText, EmployeeCode};
use shared_model::{EmployeeId, Kind};

use super::{Report, author, find_company};
use crate::clock::OsEntropy;
use crate::store::{CompanyAccess, Store, TenantTx, grant, mobile, record};

#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// The company's id or name; may be left out when there is only one
    #[arg(long)]
    company: Option<String>,
    /// The number on the card, or the record's id where two have one number
    #[arg(long, value_name = "CODE|ID", value_parser = Named::parse)]
    employee: Named,
}

/// How a command names an employee.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// By the record's id.
    Id(EmployeeId),
    /// By the number on the card.
    Code(EmployeeCode),
}

impl Named {
    /// An id is longer than any number.
    fn parse(text: &str) -> Result<Self, BadText> {
        text.parse().map_or_else(|_| EmployeeCode::parse(text).map(Self::Code), |id| Ok(Self::Id(id)))
    }
}

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Code(code) => code.fmt(f),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a one-time code with which an employee's phone signs in
    Add(Whose),
    /// Sign all of an employee's phones out and end his codes
    Revoke(Whose),
    /// Say which employee a person who signs in is: nobody decides about himself
    Link {
        /// Whose
        #[command(flatten)]
        whose: Whose,
        /// The address under which the person signs in
        #[arg(long)]
        email: String,
    },
}

pub(super) async fn run(store: &Store, command: Command) -> Result<Report> {
    match command {
        Command::Add(whose) => {
            let (mut tx, employee) = find(store, &whose).await?;
            let code = mobile::make_code(&mut tx, employee, author(), &OsEntropy).await?.to_string();
            tx.commit().await?;
            let hours = mobile::CODE_LIFE.num_hours();
            let text =
                format!("One-time code for the phone of {}, good for {hours} hours: {code}", whose.employee);
            Ok(Report::new(json!({ "employee": employee, "code": code }), text))
        }
        Command::Revoke(whose) => {
            let (mut tx, employee) = find(store, &whose).await?;
            let phones = mobile::sign_out_all(&mut tx, employee, author()).await?;
            tx.commit().await?;
            let text = format!("Signed {phones} phones of {} out.", whose.employee);
            Ok(Report::new(json!({ "employee": employee, "phones": phones }), text))
        }
        Command::Link { whose, email } => {
            let found = store.user_by_email(&email).await?;
            let (user, _) = found.with_context(|| format!("there is no user {email:?}"))?;
            let (mut tx, employee) = find(store, &whose).await?;
            grant::link_employee(&mut tx, user.user_id, Some(employee), author()).await?;
            tx.commit().await?;
            let text = format!("{} is the employee {}.", user.email, whose.employee);
            Ok(Report::new(json!({ "user": user.user_id, "employee": employee }), text))
        }
    }
}

/// A transaction of the company, and the employee who is named.
async fn find(store: &Store, whose: &Whose) -> Result<(TenantTx, EmployeeId)> {
    let company = find_company(store, whose.company.as_deref()).await?;
    let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
    let all = record::all(&mut tx, Kind::Employee).await?;
    let read = |(key, record): (uuid::Uuid, sync_protocol::Record)| {
        Some((EmployeeId::from_uuid(key), Employee::from_fields(&record.fields).ok()?))
    };
    let all: Vec<(EmployeeId, Employee)> = all.into_iter().filter_map(read).collect();
    let employee = choose(&all, &whose.employee)?;
    Ok((tx, employee))
}

/// Which of a company's employees is named: of those with a number the one in use.
fn choose(all: &[(EmployeeId, Employee)], named: &Named) -> Result<EmployeeId> {
    let code = match named {
        Named::Id(id) => {
            let found = all.iter().find(|(key, _)| key == id);
            return found.map(|(key, _)| *key).with_context(|| format!("there is no employee {id}"));
        }
        Named::Code(code) => code,
    };
    let of_code = || all.iter().filter(|(_, employee)| employee.code == *code);
    let mut fitting: Vec<_> = of_code().filter(|(_, employee)| employee.active).collect();
    if fitting.is_empty() {
        fitting = of_code().collect();
    }
    match fitting.as_slice() {
        [] => bail!("there is no employee with the number {code}"),
        [(key, _)] => Ok(*key),
        several => {
            let names: Vec<String> =
                several.iter().map(|(key, employee)| format!("{} ({key})", employee.name)).collect();
            bail!("{} people have the number {code}: {}; name one by the id", several.len(), names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
