//! What comes instead of an answer: a request that is not taken, or not now.

use serde::{Deserialize, Serialize};

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// 401: the request's time is out of the window; `server_time` tells the right one.
    Time,
    /// 401: the signature does not fit, or the edge is not known.
    Signature,
    /// 403: the enrolment code is wrong, used or too old.
    Code,
    /// 403: the enrolment was revoked.
    Retired,
    /// 400: the body cannot be read or contradicts the enrolment.
    Malformed,
    /// 413: the body is too large.
    TooLarge,
    /// 429: too many requests.
    TooMany,
    /// 503: not now.
    Busy,
    /// A code of a newer cloud that this version does not know.
    #[serde(other)]
    Unknown,
}

impl RefusalCode {
    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Time | Self::Signature => 401,
            Self::Code | Self::Retired => 403,
            Self::Malformed => 400,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Busy | Self::Unknown => 503,
        }
    }

    /// Whether trying again later can help without anybody doing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Time | Self::TooMany | Self::Busy | Self::Unknown => true,
            Self::Signature | Self::Code | Self::Retired | Self::Malformed | Self::TooLarge => false,
        }
    }
}

/// The body of a refusal; plain JSON, not compressed, so that a person reads it in a proxy's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub error: RefusalCode,
    /// The same for people.
    #[serde(default)]
    pub message: String,
    /// Not before this many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The server's time, milliseconds since 1970.
    #[serde(default)]
    pub server_time: i64,
}
