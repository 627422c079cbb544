//! Enrolment: a one-time code and a key that the edge made become an edge of a company.

use serde::{Deserialize, Serialize};
use shared_model::{CompanyId, EdgeId, SiteId};

use super::{Capabilities, FeedRecord, ProtocolRange};

/// Asks to become an edge. Signed by the new key with no edge id, which proves that the sender holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The one-time code as the person typed it.
    pub code: String,
    /// The edge's public key, 64 hexadecimal digits.
    pub public_key: String,
    /// What to call the edge, usually its host name. At most 120 bytes are kept.
    #[serde(default)]
    pub name: String,
    /// The program's version.
    #[serde(default)]
    pub app_version: String,
    /// The protocols it speaks.
    pub protocol: ProtocolRange,
    /// What it can do beyond the protocol's number.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// The edge is enrolled. Posting the same code with the same key again gives the same answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrollReply {
    /// The edge's id from now on.
    pub edge_id: EdgeId,
    /// Its company.
    pub company_id: CompanyId,
    /// The company's name.
    pub company: String,
    /// The sites that it serves.
    pub sites: Vec<SiteId>,
    /// What the edge needs before its first page of the feed: the company and its sites.
    #[serde(default)]
    pub records: Vec<FeedRecord>,
    /// The company's key for [`crate::authority::SignedBundle`], 64 hexadecimal digits; absent from older clouds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_key: Option<String>,
    /// The server's time, milliseconds since 1970.
    pub server_time: i64,
}
