//! The note that a new life of this disk began, for people: an agent that says nothing of it looks as if nothing had
//! happened, while its changes were logged a second time.

use serde::{Deserialize, Serialize};
use shared_model::ActorId;
use sync_protocol::Origin;

use super::{Meta, ReadTx, StoreError, StoreEvent, Via, WriteTx};

/// Why a new life began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeCause {
    /// At its start the folder was not the one that ran last on this machine: put back from a copy, or brought from
    /// another machine.
    Replaced,
    /// The cloud knew another history under this agent's origin: the folder is a copy, or was put back from one.
    Copied,
    /// The cloud was put back to an earlier time.
    CloudRestored,
}

/// A new life of this disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLife {
    /// When it began, milliseconds UTC.
    pub at_ms: i64,
    /// Why.
    pub cause: LifeCause,
    /// The origin before it.
    pub former: Origin,
    /// Its own.
    pub origin: Origin,
    /// Ledger rows and record changes that were logged again.
    pub relogged: i64,
}

impl ReadTx {
    /// The last new life that began here by itself; none for one that an enrolment began.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new_life(&self) -> Result<Option<NewLife>, StoreError> {
        Ok(self.meta(Meta::NEW_LIFE)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

impl WriteTx {
    /// Notes a new life and writes it to the audit log.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn note_new_life(&self, cause: LifeCause, former: Origin, relogged: i64) -> Result<(), StoreError> {
        let Some(origin) = self.meta(Meta::ORIGIN)? else { return Ok(()) };
        let life = NewLife { at_ms: self.now_ms(), cause, former, origin, relogged };
        let text = serde_json::to_string(&life).unwrap_or_default();
        self.set_meta(Meta::NEW_LIFE, &text)?;
        let before = serde_json::json!({ "origin": former }).to_string();
        self.audit(ActorId::SYSTEM, Via::System, "sync.new_life", &origin.to_string(), &before, &text)?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }
}
