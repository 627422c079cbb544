//! The cloud's side of a session, as functions over one transaction of one company.
//!
//! ```text
//! handler:  verify the signature -> parse the body -> begin a transaction -> hello() or push_all()
//!           -> commit -> only then send the reply
//! ```
//!
//! A reply that is lost, or a request that comes twice, changes nothing: rows up to `applied` are compared with the log's
//! chain and skipped. Whatever cannot be compared leads to a hello, and a hello leads to work or to a reason.

mod apply;
mod collect;
mod dispute;
mod feed;
mod hello;
mod ledger;
mod pull;
mod push;
mod store;

pub use collect::{collect, collectable};
pub use dispute::merge_own;
pub use feed::{FeedRow, FeedStore, OriginAck};
pub use hello::hello;
pub use pull::{Answer, pull, snapshot};
pub use push::{BadPush, Push, push_all};
pub use store::{
    ChangeBatch, CloudStore, CompanyState, ConflictMove, Departure, LedgerRow, LogId, LogMove, LogState,
    LoggedChange, OpenConflict, Outcome, Poison, Quarantined, RecordKey, RecordWrite,
};

use shared_model::EdgeId;

use crate::Limits;
use crate::message::Scope;

/// What the enrolment says of the edge that speaks. Company and edge come from the credential, never from a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The edge.
    pub edge: EdgeId,
    /// Whether the enrolment was revoked.
    pub retired: bool,
    /// The sites that it serves.
    pub scope: Scope,
    /// Rises whenever the scope changes.
    pub scope_ver: u32,
    /// How it is to talk.
    pub limits: Limits,
    /// How long it is to wait before its first exchange, milliseconds.
    pub not_before: i64,
}

/// A request that contradicts itself or the enrolment, or a store that failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError<E> {
    /// HTTP 400; the edge is at fault.
    #[error("contradictory request: {0}")]
    Contradiction(&'static str),
    /// The transaction must be rolled back.
    #[error("the store failed")]
    Store(#[source] E),
}

#[cfg(test)]
mod tests;
