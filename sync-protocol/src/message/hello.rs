//! Hello: opens every session, after each start, error or refusal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared_model::{EdgeId, SiteId};

use super::push::Nonce;
use crate::{Chain, Hlc, Limits, Mark, Origin, Stream};

/// The protocol that this version speaks.
pub const PROTOCOL: ProtocolRange = ProtocolRange { min: 1, max: 1 };

/// The protocols that a side speaks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl ProtocolRange {
    /// The newest protocol that both sides speak.
    #[must_use]
    pub fn common(self, other: Self) -> Option<u16> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// Named abilities beyond the protocol's number. Names that a side does not know are carried and ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeSet<String>);

impl Capabilities {
    /// Reads and writes observations and watermarks beside punches.
    pub const OBSERVATIONS: &'static str = "observations";
    /// Fetches pages of the company's feed.
    pub const PULL: &'static str = "pull";

    /// A set of names.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Whether a name is in it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// What both sides can do.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }
}

/// How far a log has come at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHead {
    /// The last row written.
    pub head: i64,
    /// The chain there.
    pub chain: Chain,
    /// Up to where the cloud had acknowledged.
    #[serde(default)]
    pub acked: i64,
    /// Chain values at earlier places, [`crate::limit::MARKS`] at most, in rising order.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

/// A log of a former origin, kept for a cloud that was restored to an earlier time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The former origin.
    pub origin: Origin,
    /// Which of its logs.
    pub stream: Stream,
    /// Its last row.
    pub head: i64,
    /// The chain there.
    pub chain: Chain,
}

/// A closed segment that the cloud wants rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedSegment {
    /// The former origin.
    pub origin: Origin,
    /// Which of its logs.
    pub stream: Stream,
    /// The last row that the cloud has.
    pub applied: i64,
    /// The chain there.
    pub chain: Chain,
}

/// What the cloud shows about an edge. None of it decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows that wait, both logs.
    pub outbox: i64,
    /// Rows that clocks delivered and that cannot be punches.
    pub quarantined: i64,
    /// Free bytes where the edge's data lies.
    pub disk_free: Option<i64>,
}

/// Opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocols the edge speaks.
    pub protocol: ProtocolRange,
    /// What it can do beyond the number.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The program's version.
    pub app_version: String,
    /// The schema version of its fields.
    pub schema_ver: u16,
    /// The enrolment.
    pub edge_id: EdgeId,
    /// The life of its disk.
    pub origin: Origin,
    /// The session's number: one more than the last that the edge stored.
    pub lease_no: i64,
    /// The session's random number, which lives in memory only.
    pub nonce: Nonce,
    /// Both logs.
    pub streams: BTreeMap<Stream, StreamHead>,
    /// The feed epoch it knows; 0 before the first hello.
    #[serde(default)]
    pub feed_epoch: u32,
    /// Its place in the feed.
    #[serde(default)]
    pub cursor: i64,
    /// Its place at the last page with nothing more behind it.
    #[serde(default)]
    pub clean: i64,
    /// The scope it knows.
    #[serde(default)]
    pub scope_ver: u32,
    /// Logs of former origins, [`crate::limit::SEGMENTS`] at most.
    #[serde(default, rename = "closed_segments")]
    pub closed: Vec<Segment>,
    /// For display.
    #[serde(default)]
    pub counts: Counts,
    /// The edge's wall clock, milliseconds since 1970.
    pub wall: i64,
    /// The edge's hybrid logical clock.
    pub hlc: Hlc,
    /// Digests to compare, by name; absent most of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<serde_json::Value>,
}

/// How far a log has come at the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamState {
    /// The last row applied.
    pub applied: i64,
    /// The last row that survives the loss of the cloud's host.
    pub durable: i64,
}

/// What an edge may see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Its sites. Company-wide kinds come to every edge.
    pub sites: Vec<SiteId>,
}

/// What the edge is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Push and pull.
    Ok,
    /// The session's number was used before: take the next after this one and say hello again.
    Stale {
        /// The highest number known for this origin.
        lease_no: i64,
    },
    /// The cloud cannot compare yet: say hello again with the chain at these places among the marks.
    Marks {
        /// Places of each log.
        at: BTreeMap<Stream, Vec<i64>>,
    },
    /// The log has two histories: keep what is common as closed segments, log the rest again under a new origin.
    Fork {
        /// The last common row of each log.
        common: BTreeMap<Stream, i64>,
    },
    /// The place in the feed is of no use: take a snapshot, keeping log and outbox.
    Snapshot,
    /// The cloud knows less than it had acknowledged in the same epoch: stop syncing, keep collecting, show it.
    CloudRegressed,
    /// The edge's protocol is too old: keep collecting, show it.
    Upgrade {
        /// The oldest protocol that the cloud speaks.
        min: u16,
    },
    /// The enrolment was revoked: stop syncing, keep the data.
    Retired,
    /// A verdict of a newer cloud that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Answers a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// What to do.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The session's random number, as the hello named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// Closed segments of which the cloud lacks rows, with the last row that it has: it was restored to an earlier time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<WantedSegment>,
    /// The server's time, milliseconds since 1970.
    pub server_time: i64,
    /// The protocol that is spoken from here on.
    pub protocol: u16,
    /// What both sides can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Both logs as the cloud knows them.
    #[serde(default)]
    pub streams: BTreeMap<Stream, StreamState>,
    /// The last place given out in the company's feed.
    #[serde(default)]
    pub feed_head: i64,
    /// The feed's epoch: another after the cloud was restored to an earlier time.
    #[serde(default)]
    pub feed_epoch: u32,
    /// Tombstones at or below this place may be gone.
    #[serde(default)]
    pub horizon: i64,
    /// What the edge may see.
    #[serde(default)]
    pub scope: Scope,
    /// Changes whenever the scope does.
    #[serde(default)]
    pub scope_ver: u32,
    /// How the cloud wants to be talked to.
    #[serde(default)]
    pub limits: Limits,
    /// Wait this long before the first exchange, milliseconds: admission after an outage.
    #[serde(default)]
    pub not_before: i64,
}
