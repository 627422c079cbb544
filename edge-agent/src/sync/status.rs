//! What people are told of sync; all of it from the store, so that a command and a page say the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::{CompanyId, EdgeId};
use sync_protocol::Origin;

use crate::store::{Meta, NewLife, ReadTx, StoreError};

/// How things stand between this agent and the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has enrolled this agent.
    NotEnrolled,
    /// Enrolled, and the cloud was not reached yet.
    Waiting,
    /// The last exchange succeeded.
    Ok,
    /// The last exchange failed; it is tried again by itself.
    Failing,
    /// The cloud revoked the enrolment. Collecting goes on.
    Retired,
}

/// What kind of failure keeps this agent and the cloud apart: what helps depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No connection, or it broke.
    Unreachable,
    /// Something that is no cloud answers.
    NotTheCloud,
    /// The cloud does not know this enrolment: it was put back to a time before it, or the key is another's.
    Unknown,
    /// The cloud knows less than it had confirmed, and its operator has not said that it was restored.
    CloudRegressed,
    /// This version is too old.
    TooOld,
    /// Anything else.
    Other,
}

impl Trouble {
    const ALL: [Self; 6] = [
        Self::Unreachable,
        Self::NotTheCloud,
        Self::Unknown,
        Self::CloudRegressed,
        Self::TooOld,
        Self::Other,
    ];

    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotTheCloud => "not_the_cloud",
            Self::Unknown => "unknown",
            Self::CloudRegressed => "cloud_regressed",
            Self::TooOld => "too_old",
            Self::Other => "other",
        }
    }
}

/// The state of sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// In one word.
    pub standing: Standing,
    /// Where the cloud is.
    pub cloud: Option<String>,
    /// The enrolment.
    pub edge: Option<EdgeId>,
    /// The company.
    pub company: Option<CompanyId>,
    /// The present life of the disk.
    pub origin: Option<Origin>,
    /// The last exchange that succeeded, milliseconds UTC.
    pub last_exchange_ms: Option<i64>,
    /// What the last failure said, until the next success.
    pub last_error: Option<String>,
    /// What kind of failure that is.
    pub trouble: Option<Trouble>,
    /// Ledger rows that wait.
    pub ledger_backlog: i64,
    /// Record changes that wait.
    pub record_backlog: i64,
    /// Rows that the cloud has but does not call durable yet.
    pub not_durable: i64,
    /// When the oldest of what waits was received or written, milliseconds UTC.
    pub oldest_unsent_ms: Option<i64>,
    /// The last place of the cloud's feed that was taken.
    pub cursor: i64,
    /// The last one with nothing more behind it: up to there this agent has seen all.
    pub clean: i64,
    /// Whether a snapshot of the cloud's records is being taken.
    pub filling: bool,
    /// What waits, by kind: `punch`, `observation`, `watermark` and the kinds of records.
    pub waiting: BTreeMap<String, i64>,
    /// Conflicts that nobody has looked at.
    pub open_conflicts: i64,
    /// Rows of this agent that the cloud keeps aside.
    pub kept_aside_by_cloud: i64,
    /// Lines of the feed that this version cannot take.
    pub not_taken: i64,
    /// Lives of this disk that have ended (restored, copied or enrolled again).
    pub former_lives: usize,
    /// The last of them that began by itself.
    pub new_life: Option<NewLife>,
}

impl ReadTx {
    /// What kind of failure the last one was, until the next success.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sync_trouble(&self) -> Result<Option<Trouble>, StoreError> {
        if self.meta(Meta::SYNC_ERROR)?.is_none() {
            return Ok(None);
        }
        let name = self.meta(Meta::SYNC_TROUBLE)?;
        Ok(Some(
            Trouble::ALL.into_iter().find(|t| Some(t.as_str()) == name.as_deref()).unwrap_or(Trouble::Other),
        ))
    }

    /// The state of sync.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sync_status(&self) -> Result<SyncStatus, StoreError> {
        let edge = self.meta(Meta::EDGE)?;
        let last_exchange_ms = self.meta(Meta::SYNCED_AT)?;
        let last_error = self.meta(Meta::SYNC_ERROR)?;
        let standing = match (edge, self.meta(Meta::RETIRED)?, &last_error, last_exchange_ms) {
            (None, ..) => Standing::NotEnrolled,
            (Some(_), Some(_), ..) => Standing::Retired,
            (Some(_), None, Some(_), _) => Standing::Failing,
            (Some(_), None, None, None) => Standing::Waiting,
            (Some(_), None, None, Some(_)) => Standing::Ok,
        };
        let backlog = self.backlog()?;
        let former: std::collections::BTreeSet<Origin> =
            self.streams()?.into_iter().filter(|stream| stream.closed).map(|stream| stream.origin).collect();
        Ok(SyncStatus {
            standing,
            cloud: self.meta(Meta::CLOUD_URL)?,
            edge,
            company: self.meta(Meta::COMPANY)?,
            origin: self.meta(Meta::ORIGIN)?,
            last_exchange_ms,
            last_error,
            trouble: self.sync_trouble()?,
            ledger_backlog: backlog.ledger,
            record_backlog: backlog.records,
            not_durable: backlog.not_durable,
            oldest_unsent_ms: backlog.oldest_ms,
            cursor: self.meta(Meta::CURSOR)?.unwrap_or(0),
            clean: self.meta(Meta::CLEAN)?.unwrap_or(0),
            filling: self.meta(Meta::SNAPSHOT)?.is_some(),
            waiting: self.waiting_by_kind()?,
            open_conflicts: self.open_conflict_count()?,
            kept_aside_by_cloud: self.notice_count()?,
            not_taken: self.parked_count()?,
            former_lives: former.len(),
            new_life: self.new_life()?,
        })
    }
}
