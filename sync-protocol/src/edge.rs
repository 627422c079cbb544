//! The edge's side of a session.
//!
//! ```text
//! loop:  open() -> POST hello -> answered() -> Next::Session | Again | Forked | Stop
//!        while the session lives:  session.next_push() -> POST push -> push.taken()
//!        anything unexpected:      drop the session, open() again later
//! ```
//!
//! The session lives in memory; everything that must survive is in the [`EdgeStore`]. A row counts as delivered only
//! when the cloud said so in answer to this session, and stays in the log until the cloud calls it durable.

mod feed;
mod hello;
mod pull;
mod push;
mod rebase;
mod relog;
mod store;
mod time;

pub use feed::{FeedPlace, FeedStore, FeedTx, Staging};
pub use hello::{About, Next, Stop, TWIN_STALES, answered, leave_twin, open};
pub use pull::{AfterPull, Pull, answered_with_feed};
pub use push::{After, Outgoing, Session};
pub use rebase::{Rebased, rebase};
pub use relog::Relog;
pub use store::{Acknowledged, Adopted, EdgeLog, EdgeState, EdgeStore};
pub use time::ServerTime;
