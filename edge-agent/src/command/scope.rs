//! Arguments that several commands take.

use std::fmt::Display;

use clap::Args;
use shared_model::text::{Code, EmployeeCode};

use crate::control::roster::Scope;

/// Whom something is for.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(super) struct ScopeArgs {
    /// For everybody (this is so where none of these is given)
    #[arg(long)]
    company: bool,
    /// For a site's people
    #[arg(long, value_name = "CODE")]
    site: Option<Code>,
    /// For a department's people
    #[arg(long, value_name = "CODE")]
    department: Option<Code>,
    /// For one person
    #[arg(long, value_name = "CODE")]
    employee: Option<EmployeeCode>,
}

impl From<ScopeArgs> for Scope {
    fn from(args: ScopeArgs) -> Self {
        match args {
            ScopeArgs { site: Some(code), .. } => Self::Site(code),
            ScopeArgs { department: Some(code), .. } => Self::Department(code),
            ScopeArgs { employee: Some(code), .. } => Self::Employee(code),
            ScopeArgs { site: None, department: None, employee: None, .. } => Self::Company,
        }
    }
}

/// Reads one of a fixed set of words.
pub(super) fn choice<T: Copy + Display + 'static>(
    parse: fn(&str) -> Option<T>,
    all: &'static [T],
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let word = text.trim().to_lowercase().replace('-', "_");
        parse(&word).ok_or_else(|| {
            let words: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("one of {}", words.join(", "))
        })
    }
}
