//! `employee`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use shared_model::entity::{EmployeeCategory, Gender};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};
use shared_model::{ClockSerial, UserCode};

use super::context::Context;
use super::exit::Exit;
use super::file;
use super::scope::choice;
use super::table::{Table, cell};
use crate::control::Refusal;
use crate::control::employee::{AddEmployee, EmployeeFields, EmployeeRow, EndCode, ListEmployees};
use crate::control::import::{Column, GROUP, ImportEmployees, ImportReport, Sheet, mapping};

const HELP: &str = "\
The first line holds the headings. Understood, in any case and spelling (\"Employee Code\", \"emp_code\"):
  code (needed), name, department, designation, joined, left, site, category, gender, phone, card, clock code, active.
Employees are known by their code: those who are there are changed, others are added. An empty cell leaves what is
stored. Dates are 2026-11-21, or day first: 21/11/2026, 21.11.2026, 21-Nov-2026. Without a clock code, a new employee's
clock code is the employee code, on every clock. Departments that are not known are made.

While one line is wrong, nothing is imported; --skip-bad leaves such lines out. The same file may be imported again:
what is as the file says is not touched, and after an interruption (a power cut, a full disk) the rest follows.

Codes that a spreadsheet spoilt (1005.0, 1.001E+03) are refused: format the column as Text and type them again. Blanks and
marks that nobody sees are cut off the ends of a cell and refused within a code. A first line sep=; is understood.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add and change many employees from a CSV file
    #[command(after_help = HELP)]
    Import(ImportArgs),
    /// List employees
    List {
        /// Only those with this text in name, code or designation
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those of this department
        #[arg(long, value_name = "CODE")]
        department: Option<Code>,
        /// Those who left as well
        #[arg(long)]
        all: bool,
    },
    /// Add one employee
    Add(AddArgs),
    /// End a clock code: from a date on it is nobody's, or another person's; punches before keep their owner
    EndCode(EndCodeArgs),
}

#[derive(Debug, Args)]
pub(super) struct EndCodeArgs {
    /// The code, as the clocks know it
    code: UserCode,
    /// The first date on which it is not the person's any more
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// The employee code of whom it is from then on; nobody's without it
    #[arg(long, value_name = "CODE")]
    give_to: Option<EmployeeCode>,
    /// Only the code that counts on this clock alone, by serial
    #[arg(long, value_name = "SERIAL")]
    clock: Option<ClockSerial>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file; - for standard input
    file: PathBuf,
    /// Which heading stands for which field, where it is not understood by itself
    #[arg(long = "column", value_name = "FIELD=HEADING", value_parser = mapping)]
    columns: Vec<(Column, String)>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Leave out bad lines instead of refusing the file
    #[arg(long)]
    skip_bad: bool,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The number on the card
    #[arg(long)]
    code: EmployeeCode,
    /// What the person is called
    #[arg(long)]
    name: Name,
    /// The code of the home site, where it is not this agent's
    #[arg(long, value_name = "CODE")]
    site: Option<Code>,
    /// The department, by code or name; one that is not known is made
    #[arg(long)]
    department: Option<Name>,
    /// Nature of work
    #[arg(long)]
    designation: Option<Line>,
    /// worker or staff
    #[arg(long, value_parser = choice(EmployeeCategory::parse, EmployeeCategory::ALL))]
    category: Option<EmployeeCategory>,
    /// female, male or other
    #[arg(long, value_parser = choice(Gender::parse, Gender::ALL))]
    gender: Option<Gender>,
    /// First day of work
    #[arg(long, value_name = "DATE")]
    joined: Option<NaiveDate>,
    /// Telephone number
    #[arg(long)]
    phone: Option<Phone>,
    /// Number of the badge card
    #[arg(long)]
    card: Option<Code>,
    /// The code under which the clocks know the person, where it is not the employee code
    #[arg(long, value_name = "CODE")]
    clock_code: Option<UserCode>,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Import(args) => import(context, args).await,
            Self::List { search, department, all } => {
                list(context, ListEmployees { search, department, all }).await
            }
            Self::EndCode(EndCodeArgs { code, from, give_to, clock }) => {
                context.save(EndCode { code, clock, from, give_to }).await
            }
            Self::Add(args) => {
                let fields = EmployeeFields {
                    name: Some(args.name),
                    site: args.site,
                    department: args.department,
                    designation: args.designation,
                    category: args.category,
                    gender: args.gender,
                    joined: args.joined,
                    phone: args.phone,
                    card: args.card,
                    clock_code: args.clock_code,
                    ..EmployeeFields::of(args.code)
                };
                context.save(AddEmployee { fields }).await
            }
        }
    }
}

async fn import(context: &Context, args: ImportArgs) -> anyhow::Result<Exit> {
    let bytes = file::read(&args.file)?;
    let sheet = Sheet::read(&bytes, &args.columns).map_err(|bad| Refusal::refused(bad.to_string()))?;
    if !sheet.ignored.is_empty() {
        let names = sheet.ignored.join(", ");
        context.output.note(&format!("These columns are not understood and are left out: {names}"));
    }
    if !args.dry_run && sheet.lines.len() > GROUP {
        context.output.note(&format!(
            "Lines are written {GROUP} at a time. Should this stop in between, import the same file again: what is there \
             stays as it is, and the rest follows."
        ));
    }
    let request = ImportEmployees {
        lines: sheet.lines,
        bad: sheet.bad,
        skip_bad: args.skip_bad,
        dry_run: args.dry_run,
    };
    // A look changes nothing, and so needs an agent that is there.
    let report = if args.dry_run { context.read(request).await? } else { context.write(request).await? };
    context.output.answer(&report, || told(&report))?;
    let refused = args.dry_run && !args.skip_bad && !report.errors.is_empty();
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

fn told(report: &ImportReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{} lines: {} employees {would}created, {} {would}changed, {} as they are",
        report.read, report.created, report.updated, report.unchanged
    );
    if report.clock_codes > 0 {
        text.push_str(&format!("\n{} clock codes {would}tied to employees", report.clock_codes));
    }
    if !report.departments.is_empty() {
        text.push_str(&format!("\ndepartments {would}made: {}", report.departments.join(", ")));
    }
    for line in &report.lines {
        let fields =
            if line.fields.is_empty() { String::new() } else { format!(": {}", line.fields.join(", ")) };
        text.push_str(&format!("\n  line {}: {} {}{fields}", line.line, line.code, line.outcome.as_str()));
    }
    if !report.errors.is_empty() {
        text.push_str(&format!("\n{} bad lines:", report.errors.len()));
        for error in &report.errors {
            text.push_str(&format!("\n  {error}"));
        }
    }
    text
}

/// The first day of work, or what stands in its place.
fn joined(employee: &EmployeeRow) -> String {
    match (employee.joined, employee.counted_from) {
        (None, Some(from)) => format!("no joining date: counted from {from}"),
        (joined, _) => cell(joined.as_ref()),
    }
}

async fn list(context: &Context, request: ListEmployees) -> anyhow::Result<Exit> {
    let employees = context.read(request).await?;
    context.output.answer(&employees, || {
        let mut table = Table::new(&["CODE", "NAME", "DEPARTMENT", "DESIGNATION", "JOINED", "CLOCK CODES"]);
        for employee in &employees.0 {
            let codes: Vec<&str> = employee.clock_codes.iter().map(String::as_str).collect();
            table.row([
                employee.code.to_string(),
                employee.name.to_string(),
                cell(employee.department.as_ref()),
                cell(employee.designation.as_ref()),
                joined(employee),
                if codes.is_empty() { "-".to_owned() } else { codes.join(", ") },
            ]);
        }
        table.text("There is no such employee.")
    })?;
    Ok(Exit::Done)
}
