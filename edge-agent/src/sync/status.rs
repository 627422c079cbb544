//! What people are told of sync; all of it from the store, so that a command and a page say the same.

use serde::{Deserialize, Serialize};
use shared_model::{CompanyId, EdgeId};
use sync_protocol::Origin;

use crate::store::{Meta, ReadTx, StoreError};

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
    /// Ledger rows that wait.
    pub ledger_backlog: i64,
    /// Record changes that wait.
    pub record_backlog: i64,
    /// Rows that the cloud has but does not call durable yet.
    pub not_durable: i64,
    /// When the oldest of what waits was received or written, milliseconds UTC.
    pub oldest_unsent_ms: Option<i64>,
    /// Lives of this disk that have ended (restored, copied or enrolled again).
    pub former_lives: usize,
}

impl ReadTx {
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
            ledger_backlog: backlog.ledger,
            record_backlog: backlog.records,
            not_durable: backlog.not_durable,
            oldest_unsent_ms: backlog.oldest_ms,
            former_lives: former.len(),
        })
    }
}
