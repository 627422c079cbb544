//! Pull: a page of the company's feed, downward.

use serde::{Deserialize, Serialize};

use super::push::Nonce;
use crate::Origin;

/// Asks for the page after `cursor`, in the query of a GET. The cursor acknowledges the page before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Whose session.
    pub origin: Origin,
    /// The session's number.
    pub lease_no: i64,
    /// The session's random number.
    pub nonce: Nonce,
    /// The feed epoch the session was opened in.
    pub epoch: u32,
    /// The last place that the edge has committed.
    pub cursor: i64,
    /// The head of the edge's record log when it committed that place.
    pub head_r: i64,
    /// Items at most.
    pub limit: u32,
    /// How long the cloud may hold the request when there is nothing to say, seconds.
    #[serde(default)]
    pub wait: u32,
    /// The scope that the edge knows.
    #[serde(default)]
    pub scope_ver: u32,
}

impl PageRequest {
    /// The query, without `?`. Every value is a number or hexadecimal, so nothing needs escaping.
    #[must_use]
    pub fn query(&self) -> String {
        let Self { origin, lease_no, nonce, epoch, cursor, head_r, limit, wait, scope_ver } = self;
        let nonce = String::from(*nonce);
        format!(
            "origin={origin}&lease_no={lease_no}&nonce={nonce}&epoch={epoch}&cursor={cursor}&head_r={head_r}\
             &limit={limit}&wait={wait}&scope_ver={scope_ver}"
        )
    }
}

/// The head of a page; the payload holds the items, one line of JSON each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The session's random number, as the request named it.
    pub nonce: Nonce,
    /// The cursor of the request: a page that starts elsewhere is not applied.
    pub start: i64,
    /// The place after the page.
    pub cursor: i64,
    /// Whether more waits behind it.
    pub more: bool,
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

/// Answers a pull. `Hello` goes with HTTP status 409.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PageHead {
    /// A page follows.
    Ok(Page),
    /// The session or the epoch is not the one the cloud knows: say hello.
    Hello,
}
