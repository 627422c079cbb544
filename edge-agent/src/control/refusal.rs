//! Why a request was not carried out, in a form that travels.

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Of what kind.
    pub kind: RefusalKind,
    /// What is wrong and, where there is something, what to do.
    pub message: String,
    /// The lines of a file that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// What kind of refusal it is: each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// What was named is not there, or what was given cannot be taken.
    Refused,
    /// A clock or the cloud cannot be reached.
    Unreachable,
    /// Another process has it.
    InUse,
    /// Something failed that should not.
    Failed,
}

/// What is wrong with a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The line, from 1.
    pub line: u64,
    /// The column's heading or the field's name, where it is one column's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub cause: String,
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.cause),
            None => write!(f, "line {}: {}", self.line, self.cause),
        }
    }
}

impl Refusal {
    /// What was given cannot be taken.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Refused, message: message.into(), details: Vec::new() }
    }

    /// Something is out of reach.
    #[must_use]
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Unreachable, message: message.into(), details: Vec::new() }
    }

    /// Something failed that should not.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Failed, message: message.into(), details: Vec::new() }
    }

    /// The same with the lines that are wrong.
    #[must_use]
    pub fn with(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::BadField(_)
            | StoreError::Stale { .. }
            | StoreError::Missing { .. }
            | StoreError::Exists { .. }
            | StoreError::Invalid(_) => RefusalKind::Refused,
            StoreError::InUse => RefusalKind::InUse,
            StoreError::DiskFull
            | StoreError::SchemaTooNew { .. }
            | StoreError::Damaged(_)
            | StoreError::Corrupt { .. }
            | StoreError::Refused(_)
            | StoreError::Closed
            | StoreError::Panicked
            | StoreError::Sqlite(_)
            | StoreError::Migration(_)
            | StoreError::File { .. } => RefusalKind::Failed,
        };
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self { kind, message, details: Vec::new() }
    }
}
