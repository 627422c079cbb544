//! The messages under `/sync/v1`.
//!
//! JSON whose unknown fields are read over and whose later fields are optional, so that an old edge and a new cloud
//! understand each other. A frozen sample of every released form is a test.

mod enroll;
mod hello;
mod pull;
mod push;
mod record;
mod refusal;

pub use enroll::{EnrollReply, EnrollRequest};
pub use hello::{
    Capabilities, Counts, Hello, HelloReply, PROTOCOL, ProtocolRange, Scope, Segment, StreamHead,
    StreamState, Verdict,
};
pub use pull::{Page, PageHead, PageRequest};
pub use push::{Lease, Nonce, PushHead, PushReply};
pub use record::{BadFeedRecord, FeedRecord};
pub use refusal::{Refusal, RefusalCode};

/// Where an enrolment is posted.
pub const ENROLL: &str = "/sync/v1/enroll";
/// Where a hello is posted.
pub const HELLO: &str = "/sync/v1/hello";
/// Where a push is posted.
pub const PUSH: &str = "/sync/v1/push";
/// Where a page is fetched.
pub const PULL: &str = "/sync/v1/pull";
/// The content type of every body: zstd over a head line and a payload, or over one message.
pub const CONTENT_TYPE: &str = "application/vnd.muster.sync+zstd";

#[cfg(test)]
mod tests;
