//! A list of people as a CSV file, read line by line into typed records.
//!
//! ```text
//! code,name,department,designation,category,gender,joined,left,phone,card
//! 1001,Rahima Begum,Sewing,Operator,worker,female,2024-02-01,,01700000000,
//! ```
//!
//! The first line names the columns, in any order; `code` and `name` must be there, others may be missing. Dates are
//! `YYYY-MM-DD` or `DD/MM/YYYY`. A byte order mark and semicolons between fields, as spreadsheets write them, are
//! understood.

use std::collections::HashSet;

use chrono::NaiveDate;
use shared_model::entity::{EmployeeCategory, Gender};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};

/// The columns that are understood.
pub const COLUMNS: [&str; 10] =
    ["code", "name", "department", "designation", "category", "gender", "joined", "left", "phone", "card"];

/// The largest file taken, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most lines taken.
pub const MAX_LINES: usize = 50_000;

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// Nothing in it.
    #[error("the file is empty: its first line must name the columns, such as code,name,department")]
    Empty,
    /// Too large.
    #[error("the file is larger than {MAX_BYTES} bytes or has more than {MAX_LINES} lines: split it")]
    TooLarge,
    /// Not UTF-8.
    #[error("the file is not UTF-8 text: save it as \"CSV UTF-8\"")]
    Encoding,
    /// A needed column is missing.
    #[error("the first line does not name the column {0:?}: it must name at least code and name")]
    NoColumn(&'static str),
    /// A column has a name that is not known.
    #[error(
        "the column {0:?} is not known: known are code, name, department, designation, category, gender, joined, left, phone, card"
    )]
    UnknownColumn(String),
}

/// The lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFile {
    /// Each line with its number in the file: the person, or the column that is wrong.
    pub lines: Vec<(u64, Result<PersonLine, BadLine>)>,
    /// The columns that are there: what is not is left as it is stored.
    pub columns: HashSet<&'static str>,
}

/// What a line says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLine {
    /// Employee code.
    pub code: EmployeeCode,
    /// Name.
    pub name: Name,
    /// Department, by its code or name.
    pub department: Option<Name>,
    /// Nature of work.
    pub designation: Option<Line>,
    /// Worker or staff.
    pub category: Option<EmployeeCategory>,
    /// Gender.
    pub gender: Option<Gender>,
    /// First day of work.
    pub joined: Option<NaiveDate>,
    /// Last day of work.
    pub left: Option<NaiveDate>,
    /// Telephone.
    pub phone: Option<Phone>,
    /// Badge card.
    pub card: Option<Code>,
}

/// Why a line is no person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// A value cannot be what its column wants.
    #[error("{column} cannot be {value:?}")]
    Value {
        /// The column.
        column: &'static str,
        /// The value, cut short.
        value: String,
    },
    /// The same code stood in an earlier line.
    #[error("the code {0} stands in an earlier line")]
    Twice(EmployeeCode),
    /// The line cannot be taken apart.
    #[error("the line cannot be taken apart into fields")]
    Broken,
}

/// Reads a file.
///
/// # Errors
/// [`BadFile`] where nothing can be read; a bad line is told beside its number and stops no other.
pub fn read_csv(bytes: &[u8]) -> Result<PersonFile, BadFile> {
    if bytes.len() > MAX_BYTES {
        return Err(BadFile::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadFile::Encoding)?;
    let text = text.trim_start_matches('\u{feff}');
    let heading = text.lines().next().unwrap_or_default();
    if heading.trim().is_empty() {
        return Err(BadFile::Empty);
    }
    let delimiter = ["\t", ";"].into_iter().find(|mark| heading.contains(mark)).unwrap_or(",");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.as_bytes().first().copied().unwrap_or(b','))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns =
        reader.headers().map_err(|_| BadFile::Empty)?.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    for needed in ["code", "name"] {
        if !columns.contains(&needed) {
            return Err(BadFile::NoColumn(needed));
        }
    }
    let mut lines = Vec::new();
    let mut codes = HashSet::new();
    for record in reader.records() {
        if lines.len() == MAX_LINES {
            return Err(BadFile::TooLarge);
        }
        let (number, outcome) = match record {
            Ok(record) if record.iter().all(str::is_empty) => continue,
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                let field = |name: &str| {
                    let at = columns.iter().position(|column| *column == name);
                    at.and_then(|at| record.get(at)).filter(|value| !value.is_empty())
                };
                (number, line(&field))
            }
            Err(error) => (error.position().map_or(0, csv::Position::line), Err(BadLine::Broken)),
        };
        let outcome = outcome.and_then(|line| {
            if codes.insert(line.code.clone()) { Ok(line) } else { Err(BadLine::Twice(line.code)) }
        });
        lines.push((number, outcome));
    }
    Ok(PersonFile { lines, columns: columns.into_iter().collect() })
}

fn column(name: &str) -> Result<&'static str, BadFile> {
    let plain = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let known = match plain.as_str() {
        "employee_code" | "employee_id" | "id" | "card_no" | "no" => "code",
        "full_name" | "employee_name" => "name",
        "section" | "line" => "department",
        "join_date" | "joining_date" => "joined",
        "leave_date" | "leaving_date" => "left",
        "mobile" | "telephone" => "phone",
        other => {
            return COLUMNS
                .into_iter()
                .find(|column| *column == other)
                .ok_or_else(|| BadFile::UnknownColumn(name.chars().take(40).collect()));
        }
    };
    Ok(known)
}

fn line<'r>(field: &impl Fn(&str) -> Option<&'r str>) -> Result<PersonLine, BadLine> {
    Ok(PersonLine {
        code: needed(field, "code", |text| EmployeeCode::parse(text).ok())?,
        name: needed(field, "name", |text| Name::parse(text).ok())?,
        department: optional(field, "department", |text| Name::parse(text).ok())?,
        designation: optional(field, "designation", |text| Line::parse(text).ok())?,
        category: optional(field, "category", |text| EmployeeCategory::parse(&text.to_ascii_lowercase()))?,
        gender: optional(field, "gender", gender)?,
        joined: optional(field, "joined", date)?,
        left: optional(field, "left", date)?,
        phone: optional(field, "phone", |text| Phone::parse(text).ok())?,
        card: optional(field, "card", |text| Code::parse(text).ok())?,
    })
}

fn bad(column: &'static str, value: &str) -> BadLine {
    BadLine::Value { column, value: value.chars().take(60).collect() }
}

fn needed<'r, T>(
    field: &impl Fn(&str) -> Option<&'r str>,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, BadLine> {
    let value = field(column).unwrap_or_default();
    parse(value).ok_or_else(|| bad(column, value))
}

fn optional<'r, T>(
    field: &impl Fn(&str) -> Option<&'r str>,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, BadLine> {
    field(column).map(|value| parse(value).ok_or_else(|| bad(column, value))).transpose()
}

fn gender(text: &str) -> Option<Gender> {
    match text.to_ascii_lowercase().as_str() {
        "f" => Some(Gender::Female),
        "m" => Some(Gender::Male),
        other => Gender::parse(other),
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    let written = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"];
    let found = written.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())?;
    // A year of two digits is read as one of the first century.
    (NaiveDate::from_ymd_opt(1900, 1, 1)? <= found).then_some(found)
}
