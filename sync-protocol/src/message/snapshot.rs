//! Snapshot: the state in the edge's scope, page by page, for an edge whose place in the feed is of no use.
//!
//! It is fuzzy: the first page notes the feed's head, the last is followed by the feed from there. Whatever changed in
//! between comes again at its later place, and the higher place counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared_model::PunchId;
use uuid::Uuid;

use super::push::Nonce;
use crate::{ConflictId, Origin, Stream};

/// How far a snapshot has come: the part, and the last item of it that was sent. Only the cloud reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SnapshotPlace {
    /// Records, by kind's number and key.
    Records(Option<(u16, Uuid)>),
    /// Open conflict rows, by id.
    Conflicts(Option<ConflictId>),
    /// The edge's rows in quarantine, by log and place.
    Notices(Option<(Origin, Stream, i64)>),
    /// The ledger, the newest first.
    Punches(Option<PunchId>),
}

impl SnapshotPlace {
    /// The beginning.
    pub const START: Self = Self::Records(None);

    /// The part after this one.
    #[must_use]
    pub const fn next_part(self) -> Option<Self> {
        match self {
            Self::Records(_) => Some(Self::Conflicts(None)),
            Self::Conflicts(_) => Some(Self::Notices(None)),
            Self::Notices(_) => Some(Self::Punches(None)),
            Self::Punches(_) => None,
        }
    }
}

/// Text that is no place in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no place in a snapshot")]
pub struct BadSnapshotPlace;

impl fmt::Display for SnapshotPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(None) => f.write_str("r"),
            Self::Records(Some((kind, key))) => write!(f, "r.{kind}.{key}"),
            Self::Conflicts(None) => f.write_str("c"),
            Self::Conflicts(Some(id)) => write!(f, "c.{}", id.uuid()),
            Self::Notices(None) => f.write_str("n"),
            Self::Notices(Some((origin, stream, seq))) => write!(f, "n.{origin}.{stream}.{seq}"),
            Self::Punches(None) => f.write_str("p"),
            Self::Punches(Some(id)) => write!(f, "p.{}", id.uuid()),
        }
    }
}

impl FromStr for SnapshotPlace {
    type Err = BadSnapshotPlace;
    fn from_str(text: &str) -> Result<Self, BadSnapshotPlace> {
        let mut parts = text.split('.');
        let part = parts.next();
        let rest: Vec<&str> = parts.collect();
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| BadSnapshotPlace);
        Ok(match (part, &rest[..]) {
            (Some("r"), []) => Self::Records(None),
            (Some("r"), [kind, key]) => {
                Self::Records(Some((kind.parse().map_err(|_| BadSnapshotPlace)?, uuid(key)?)))
            }
            (Some("c"), []) => Self::Conflicts(None),
            (Some("c"), [id]) => Self::Conflicts(Some(ConflictId::from_uuid(uuid(id)?))),
            (Some("n"), []) => Self::Notices(None),
            (Some("n"), [origin, stream, seq]) => Self::Notices(Some((
                origin.parse().map_err(|_| BadSnapshotPlace)?,
                Stream::parse(stream).ok_or(BadSnapshotPlace)?,
                seq.parse().map_err(|_| BadSnapshotPlace)?,
            ))),
            (Some("p"), []) => Self::Punches(None),
            (Some("p"), [id]) => Self::Punches(Some(PunchId::from_uuid(uuid(id)?))),
            _ => return Err(BadSnapshotPlace),
        })
    }
}

impl TryFrom<String> for SnapshotPlace {
    type Error = BadSnapshotPlace;
    fn try_from(text: String) -> Result<Self, BadSnapshotPlace> {
        text.parse()
    }
}

impl From<SnapshotPlace> for String {
    fn from(place: SnapshotPlace) -> Self {
        place.to_string()
    }
}

/// Asks for a page of a snapshot, in the query of a GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRequest {
    /// Whose session.
    pub origin: Origin,
    /// The session's number.
    pub lease_no: i64,
    /// The session's random number.
    pub nonce: Nonce,
    /// The feed epoch the session was opened in.
    pub epoch: u32,
    /// The scope that it is for.
    pub scope_ver: u32,
    /// The feed's head when the snapshot began; absent in the first request.
    #[serde(default)]
    pub from: Option<i64>,
    /// Which page.
    pub at: SnapshotPlace,
    /// The head of the edge's record log.
    pub head_r: i64,
    /// Items at most.
    pub limit: u32,
}

impl SnapshotRequest {
    /// The query, without `?`. Every value is a number, hexadecimal or a place, so nothing needs escaping.
    #[must_use]
    pub fn query(&self) -> String {
        let Self { origin, lease_no, nonce, epoch, scope_ver, from, at, head_r, limit } = self;
        let nonce = String::from(*nonce);
        let from = from.map_or_else(String::new, |from| format!("&from={from}"));
        format!(
            "origin={origin}&lease_no={lease_no}&nonce={nonce}&epoch={epoch}&scope_ver={scope_ver}&at={at}\
             &head_r={head_r}&limit={limit}{from}"
        )
    }
}

/// The head of a snapshot's page; the payload holds the items, one line of JSON each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPage {
    /// The session's random number, as the request named it.
    pub nonce: Nonce,
    /// Which page it is.
    pub at: SnapshotPlace,
    /// The feed's head when the snapshot began: the feed is read on from here.
    pub from: i64,
    /// The next page; `None` after the last.
    pub next: Option<SnapshotPlace>,
    /// Tombstones at or below this place may be gone.
    #[serde(default)]
    pub horizon: i64,
    /// The last place given out in the feed.
    #[serde(default)]
    pub feed_head: i64,
    /// The server's time, milliseconds since 1970.
    #[serde(default)]
    pub server_time: i64,
    /// The number of items.
    pub items: u32,
}

/// Answers a request for a snapshot's page. `Hello` goes with HTTP status 409.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SnapshotHead {
    /// A page follows.
    Ok(SnapshotPage),
    /// The session, the epoch or the scope is not the one the cloud knows, or the snapshot is too old: say hello.
    Hello,
}
