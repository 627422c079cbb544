//! Gathering an edge's pushes into transactions.
//!
//! One transaction an edge takes pushes at a time; those that come meanwhile go into the next one together. So a lone push
//! waits for nobody, and while a backlog drains a commit is shared by as many as came during the one before. A push that
//! overtook another on its way (requests come on several connections) waits a moment for that one. Who waits holds one of
//! the server's turns, which bounds how much is gathered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use shared_model::EdgeId;
use sync_protocol::cloud::{Enrolled, Push};
use sync_protocol::message::PushReply;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::request::Refused;

/// How long a push waits for one that it overtook.
pub(super) const OVERTAKEN: Duration = Duration::from_millis(500);

/// A push that was read and is in no transaction yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) enrolled: Enrolled,
    pub(super) push: Push,
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Result<PushReply, Refused>>,
}

impl Waiting {
    /// Answers; or gives the push back if it came before one that it follows and has time left.
    pub(super) fn answer(self, reply: PushReply) -> Option<Self> {
        let has_time = self.since.elapsed() < OVERTAKEN && !self.reply.is_closed();
        if matches!(reply, PushReply::Gap { .. }) && has_time {
            return Some(self);
        }
        // Whoever hung up meanwhile finds out by the next hello.
        let _ = self.reply.send(Ok(reply));
        None
    }
}

/// The pushes of every edge that wait.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    lines: Mutex<HashMap<EdgeId, Arc<Line>>>,
}

/// The pushes of one edge that wait, and the right to take them.
#[derive(Debug, Default)]
struct Line {
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

impl Gathering {
    /// Lines a push up. Then somebody must [`serve`](Self::serve) its edge, and once more when it has waited long enough.
    pub(super) fn join(&self, edge: EdgeId, waiting: Waiting) {
        self.lines.lock().entry(edge).or_default().waiting.lock().push(waiting);
    }

    /// Waits until nobody else works for the edge, and hands all that waits then to `work`, in the order of the logs; `work`
    /// gives back what is to wait on.
    pub(super) async fn serve(&self, edge: EdgeId, work: impl AsyncFnOnce(Vec<Waiting>) -> Vec<Waiting>) {
        let Some(line) = self.lines.lock().get(&edge).map(Arc::clone) else { return };
        {
            let _turn = line.turn.lock().await;
            let mut group = std::mem::take(&mut *line.waiting.lock());
            if !group.is_empty() {
                group.sort_by_key(|waiting| {
                    let head = waiting.push.head();
                    (head.origin, head.stream, head.from_seq)
                });
                let left = work(group).await;
                line.waiting.lock().extend(left);
            }
        }
        let mut lines = self.lines.lock();
        let unused = Arc::strong_count(&line) == 2 && line.waiting.lock().is_empty();
        if unused {
            lines.remove(&edge);
        }
    }
}
