//! `muster-cloud employee-account …`: phones of employees.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;
use shared_model::entity::{Employee, Entity as _};
use shared_model::text::EmployeeCode;
use shared_model::{EmployeeId, Kind};

use super::{Report, author, find_company};
use crate::clock::OsEntropy;
use crate::store::{CompanyAccess, Store, TenantTx, grant, mobile, record};

#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// The company's id or name; may be left out when there is only one
    #[arg(long)]
    company: Option<String>,
    /// The number on the card
    #[arg(long, value_parser = EmployeeCode::parse)]
    employee: EmployeeCode,
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
            let text = format!(
                "One-time code for the phone of {}, good for {hours} hours: {code}",
                whose.employee.as_str()
            );
            Ok(Report::new(json!({ "employee": employee, "code": code }), text))
        }
        Command::Revoke(whose) => {
            let (mut tx, employee) = find(store, &whose).await?;
            let phones = mobile::sign_out_all(&mut tx, employee, author()).await?;
            tx.commit().await?;
            let text = format!("Signed {phones} phones of {} out.", whose.employee.as_str());
            Ok(Report::new(json!({ "employee": employee, "phones": phones }), text))
        }
        Command::Link { whose, email } => {
            let found = store.user_by_email(&email).await?;
            let (user, _) = found.with_context(|| format!("there is no user {email:?}"))?;
            let (mut tx, employee) = find(store, &whose).await?;
            grant::link_employee(&mut tx, user.user_id, Some(employee), author()).await?;
            tx.commit().await?;
            let text = format!("{} is the employee {}.", user.email, whose.employee.as_str());
            Ok(Report::new(json!({ "user": user.user_id, "employee": employee }), text))
        }
    }
}

/// A transaction of the company, and the employee with the number.
async fn find(store: &Store, whose: &Whose) -> Result<(TenantTx, EmployeeId)> {
    let company = find_company(store, whose.company.as_deref()).await?;
    let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
    let all = record::all(&mut tx, Kind::Employee).await?;
    let fits = |record: &sync_protocol::Record| {
        Employee::from_fields(&record.fields).is_ok_and(|employee| employee.code == whose.employee)
    };
    let found = all.iter().find(|(_, record)| fits(record));
    let (key, _) =
        found.with_context(|| format!("there is no employee with the number {}", whose.employee.as_str()))?;
    Ok((tx, EmployeeId::from_uuid(*key)))
}
