//! The messages under `/sync/v1`.
//!
//! JSON whose unknown fields are read over and whose later fields are optional, so that an old edge and a new cloud
//! understand each other. A frozen sample of every released form is a test.

mod bundle;
mod enroll;
mod feed;
mod hello;
mod pull;
mod push;
mod record;
mod refusal;
mod snapshot;

pub use bundle::{BundleHead, BundleRequest};
pub use enroll::{EnrollReply, EnrollRequest};
pub use feed::{BadItem, ConflictState, FeedConflict, FeedItem, FeedLeft, FeedNotice, FeedPunch};
pub use hello::{
    Capabilities, Counts, Hello, HelloReply, PROTOCOL, ProtocolRange, Scope, Segment, StreamHead,
    StreamState, Verdict, WantedSegment,
};
pub use pull::{Page, PageHead, PageRequest};
pub use push::{Lease, Nonce, PushHead, PushReply};
pub use record::{BadFeedRecord, FeedRecord};
pub use refusal::{Refusal, RefusalCode};
pub use snapshot::{BadSnapshotPlace, SnapshotHead, SnapshotPage, SnapshotPlace, SnapshotRequest};

/// Where an enrolment is posted.
pub const ENROLL: &str = "/sync/v1/enroll";
/// Where a hello is posted.
pub const HELLO: &str = "/sync/v1/hello";
/// Where a push is posted.
pub const PUSH: &str = "/sync/v1/push";
/// Where a page is fetched.
pub const PULL: &str = "/sync/v1/pull";
/// Where a page of a snapshot is fetched.
pub const SNAPSHOT: &str = "/sync/v1/snapshot";
/// Where the bundle of people and grants is fetched.
pub const BUNDLE: &str = "/sync/v1/bundle";
/// The content type of every body: zstd over a head line and a payload, or over one message.
pub const CONTENT_TYPE: &str = "application/vnd.muster.sync+zstd";

#[cfg(test)]
mod tests;
