//! What the exit code tells.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::control::{ClientError, Refusal, RefusalKind};
use crate::store::StoreError;

/// How a command ended. The numbers are an interface: scripts read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Something failed that should not.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// What was named is not there, or what was given cannot be taken.
    Refused = 3,
    /// A clock or the cloud cannot be reached.
    Unreachable = 4,
    /// Another process has the data folder.
    InUse = 5,
    /// `doctor` found something to repair.
    Findings = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::InUse => "in_use",
            Self::Findings => "findings",
        }
    }

    /// How a command ends that failed with this error.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let of_refusal = |refusal: &Refusal| match refusal.kind {
            RefusalKind::Refused => Self::Refused,
            RefusalKind::Unreachable => Self::Unreachable,
            RefusalKind::InUse => Self::InUse,
            RefusalKind::Failed => Self::Failed,
        };
        for cause in error.chain() {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return of_refusal(refusal);
            }
            if let Some(ClientError::Refused(refusal)) = cause.downcast_ref::<ClientError>() {
                return of_refusal(refusal);
            }
            if cause.is::<ConfigError>() {
                return Self::Usage;
            }
            if let Some(error) = cause.downcast_ref::<StoreError>() {
                return if matches!(error, StoreError::InUse) { Self::InUse } else { Self::Failed };
            }
        }
        Self::Failed
    }
}

/// The refusal that an error is or is made of.
pub(super) fn refusal_of(error: &anyhow::Error) -> Option<&Refusal> {
    error.chain().find_map(|cause| match cause.downcast_ref::<ClientError>() {
        Some(ClientError::Refused(refusal)) => Some(refusal),
        Some(_) | None => cause.downcast_ref::<Refusal>(),
    })
}
