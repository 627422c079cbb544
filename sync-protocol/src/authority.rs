//! Who may write what, and whether a change counts although its author lost his authority (sync.md 2.10, 2.15, 2.17).
//!
//! - [`edge_may`]: the table of who writes which field of which kind; the rest of a record comes from the cloud alone.
//! - [`Grant`], [`Standing`], [`verify`]: whether a person may decide about another's phone punch, at a time.
//! - [`Bundle`]: the people and grants of a company as the cloud signs them for an edge, with an epoch and a lease.
//! - [`judge`]: ordinary changes of people whose authority ended.

mod bundle;
mod decision;
mod grant;
mod table;

pub use bundle::{BadBundle, Bundle, BundlePerson, SignedBundle};
pub use decision::{Decision, Known, Refusal, Subject, verify};
pub use grant::{Grant, GrantId, Standing};
pub use table::{Writer, edge_may, writer};

use crate::cloud::Poison;
use crate::{Change, Op};

/// Judges a change whose author was revoked at a place in the feed; `None` = he never was.
///
/// What matters is what the writer's edge could know: a change whose author's place in the feed is before the news of the
/// revocation was written in good faith. An ordinary change of that sort counts; a decision gets a second look, because
/// it cannot be taken back quietly.
///
/// # Errors
/// `revoked` for what was written after the news, `second_look` for a decision from before it.
pub fn judge(change: &Change, revoked_at: Option<i64>) -> Result<(), Poison> {
    let Some(place) = revoked_at else { return Ok(()) };
    if change.seen >= place {
        return Err(Poison { code: "revoked", detail: "its author has no authority any more".to_owned() });
    }
    match change.op {
        Op::Decide => {
            let detail = "its author lost the authority before the decision arrived".to_owned();
            Err(Poison { code: "second_look", detail })
        }
        Op::Create | Op::Update | Op::Delete | Op::Restore => Ok(()),
    }
}
