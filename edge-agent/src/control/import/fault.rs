//! What is wrong with a line of an employee file.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::UserCode;
use shared_model::text::{Code, EmployeeCode, Name};

use super::super::Detail;

/// A line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// The line, from 1.
    pub line: u64,
    /// The column's heading or the field's name.
    pub column: String,
    /// What is wrong, in words.
    pub cause: String,
    /// What is wrong.
    pub fault: LineFault,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LineFault {
    /// It names nobody.
    #[error("the employee code is empty")]
    NoCode,
    /// A cell cannot be what its column wants.
    #[error("{cause}")]
    Cell {
        /// What is in it, cut short.
        value: String,
        /// Why not.
        cause: String,
    },
    /// A code as a spreadsheet writes numbers.
    #[error(
        "{value:?} is how a spreadsheet writes a number{}: format the column as Text, type the codes again, save the file \
         as \"CSV UTF-8\" and import that",
        .typed.as_ref().map(|typed| format!(" ({typed})")).unwrap_or_default()
    )]
    SpreadsheetNumber {
        /// What is in the cell, cut short.
        value: String,
        /// What was probably typed; not known where digits are lost.
        typed: Option<String>,
    },
    /// A code with a character in it that nobody sees.
    #[error("{value:?} holds a character that nobody sees ({code_point}): type the code again")]
    Invisible {
        /// What is in the cell, cut short.
        value: String,
        /// The character, as `U+200B`.
        code_point: String,
    },
    /// A new employee without a name.
    #[error("employee {code} is new and needs a name")]
    NoName {
        /// Who.
        code: EmployeeCode,
    },
    /// A site that is not there.
    #[error("there is no site {code}")]
    NoSuchSite {
        /// Its code.
        code: Code,
    },
    /// A new employee without a site, at an agent that has none of its own.
    #[error("{cause}")]
    NoOwnSite {
        /// Why there is none.
        cause: String,
    },
    /// A department that cannot be made.
    #[error("no free code can be made for {name}: add it with `department add`")]
    NoDepartmentCode {
        /// Its name.
        name: Name,
    },
    /// Gone before come.
    #[error("{left} is before the first day of work, {joined}")]
    LeftBeforeJoined {
        /// Last day of work.
        left: NaiveDate,
        /// First day of work.
        joined: NaiveDate,
    },
    /// An employee twice in one file.
    #[error("employee code {code} is on line {first} already")]
    CodeTwice {
        /// Who.
        code: EmployeeCode,
        /// The other line.
        first: u64,
    },
    /// A clock code twice in one file.
    #[error("clock code {code} is line {first}'s already")]
    ClockCodeTwice {
        /// The code.
        code: UserCode,
        /// The other line.
        first: u64,
    },
    /// A clock code that is somebody else's.
    #[error("the clock code {code} is already employee {holder}'s")]
    ClockCodeHeld {
        /// The code.
        code: UserCode,
        /// Whose.
        holder: String,
    },
    /// A new employee whose number is somebody else's code on the clocks.
    #[error("the employee code, as a clock code, {code} is already employee {holder}'s")]
    EmployeeCodeHeld {
        /// The code.
        code: UserCode,
        /// Whose.
        holder: String,
    },
}

impl BadLine {
    pub(super) fn new(line: u64, column: impl Into<String>, fault: LineFault) -> Self {
        Self { line, column: column.into(), cause: fault.to_string(), fault }
    }
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, {}: {}", self.line, self.column, self.cause)
    }
}

impl From<BadLine> for Detail {
    fn from(bad: BadLine) -> Self {
        Self { line: bad.line, column: Some(bad.column), cause: bad.cause }
    }
}
