//! Fetching the people and grants of the company: `GET /sync/v1/bundle`, answered by a [`body`] whose head
//! has the signature and whose payload is the bundle as it was signed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::authority::SignedBundle;
use crate::body::{self, BadBody};
use crate::compress::Effort;

/// What the edge has, as the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BundleRequest {
    /// The epoch of the bundle that it keeps; 0 = none.
    #[serde(default)]
    pub epoch: u32,
    /// When that was issued, milliseconds since 1970.
    #[serde(default)]
    pub issued: i64,
}

impl BundleRequest {
    /// For the bundle that is kept.
    #[must_use]
    pub fn of(kept: Option<(u32, DateTime<Utc>)>) -> Self {
        kept.map_or_else(Self::default, |(epoch, at)| Self { epoch, issued: at.timestamp_millis() })
    }

    /// The query, without the question mark.
    #[must_use]
    pub fn query(&self) -> String {
        format!("epoch={}&issued={}", self.epoch, self.issued)
    }
}

/// Leads the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleHead {
    /// Of the bundle that follows, 128 hexadecimal digits; absent while the edge's own is of the present epoch and young.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The server's time, milliseconds since 1970.
    pub server_time: i64,
}

impl BundleHead {
    /// Writes an answer.
    ///
    /// # Errors
    /// What zstd or the JSON report; neither has a reason to.
    pub fn pack(signed: Option<&SignedBundle>, server_time: i64) -> std::io::Result<Vec<u8>> {
        let head = Self { signature: signed.map(|signed| signed.signature.clone()), server_time };
        body::pack(&head, signed.map(|signed| signed.bundle.as_bytes()).unwrap_or_default(), Effort::Usual)
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`BadBody`] for one that is too large, damaged or no answer.
    pub fn unpack(answer: &[u8]) -> Result<(Self, Option<SignedBundle>), BadBody> {
        let (head, payload): (Self, Vec<u8>) = body::unpack(answer)?;
        let Some(signature) = head.signature.clone() else { return Ok((head, None)) };
        let bundle = String::from_utf8(payload).map_err(|e| BadBody::Json(e.to_string()))?;
        Ok((head, Some(SignedBundle { bundle, signature })))
    }
}
