//! Sending rows and taking acknowledgements.

use std::collections::BTreeMap;

use super::store::{Acknowledged, EdgeStore};
use crate::body::pack;
use crate::compress::Effort;
use crate::message::{Lease, PushHead, PushReply};
use crate::{Chain, Change, Limits, Mark, Origin, Stream, frame, limit};

/// A session that the cloud has opened. It lives in memory only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    origin: Origin,
    lease: Lease,
    feed_epoch: u32,
    limits: Limits,
    /// Up to where rows have been sent, with the chain there.
    sent: BTreeMap<Stream, Mark>,
    /// Rows of former origins that the cloud lacks. Changes go first: later ones build on them. Punches go before this
    /// origin's punches and hold no change up.
    owed: Vec<Owed>,
}

/// Rows of a closed segment that the cloud lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) origin: Origin,
    pub(super) stream: Stream,
    /// Up to where they have been sent.
    pub(super) sent: Mark,
    pub(super) head: i64,
}

/// A push that is ready to be sent. Several may be on their way at once; one that overtakes another is answered with a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The compressed body.
    pub body: Vec<u8>,
    /// Whose log: the present origin's, or a former one's.
    pub origin: Origin,
    /// Which log.
    pub stream: Stream,
    /// Rows in it.
    pub rows: usize,
    /// The last of them.
    pub to: Mark,
    /// The places to keep once they are acknowledged.
    marks: Vec<Mark>,
}

/// What follows a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Go on.
    Continue,
    /// The session is over: say hello.
    Hello,
}

/// Raw bytes of ledger backlog from which speed counts more than size.
const BACKLOG_ROWS: i64 = 10_000;

impl Session {
    pub(super) const fn new(
        origin: Origin,
        lease: Lease,
        feed_epoch: u32,
        limits: Limits,
        sent: BTreeMap<Stream, Mark>,
        owed: Vec<Owed>,
    ) -> Self {
        Self { origin, lease, feed_epoch, limits, sent, owed }
    }

    /// The feed epoch that the session was opened in.
    #[must_use]
    pub const fn feed_epoch(&self) -> u32 {
        self.feed_epoch
    }

    /// Whether rows of former origins are still to be sent.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.owed.iter().any(|owed| owed.sent.seq < owed.head)
    }

    /// How the cloud wants to be talked to.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The life of the disk that this session speaks for.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The session's number and nonce.
    #[must_use]
    pub const fn lease(&self) -> Lease {
        self.lease
    }

    /// The last row of a log that was sent.
    #[must_use]
    pub fn sent(&self, stream: Stream) -> i64 {
        self.sent.get(&stream).map_or(0, |mark| mark.seq)
    }

    /// The next push of a log; `None` when all is sent. Record changes are to be asked for first: a decision overtakes a
    /// backlog of punches.
    ///
    /// `head` is the log's last row, as far as the caller knows; it only chooses how hard to compress.
    ///
    /// # Errors
    /// The store's.
    pub async fn next_push<S: EdgeStore>(
        &mut self,
        store: &S,
        stream: Stream,
        head: i64,
    ) -> Result<Option<Outgoing>, S::Error> {
        let due = |owed: &Owed| owed.stream == Stream::Records || owed.stream == stream;
        if let Some(nth) = self.owed.iter().position(|owed| owed.sent.seq < owed.head && due(owed)) {
            let Owed { origin, stream, sent, head } = self.owed[nth];
            let push = self.outgoing(store, (origin, stream), sent, head, true).await?;
            if let Some(push) = &push {
                self.owed[nth].sent = push.to;
            } else {
                // The rows are gone: nothing more can be said of that life.
                self.owed.remove(nth);
            }
            return Ok(push);
        }
        let start = Mark { seq: 0, chain: Chain::start(self.origin, stream) };
        let before = self.sent.get(&stream).copied().unwrap_or(start);
        let push = self.outgoing(store, (self.origin, stream), before, head, false).await?;
        if let Some(push) = &push {
            self.sent.insert(stream, push.to);
        }
        Ok(push)
    }

    /// The rows of a log after a place. Behind the head of a closed segment there are rows that were logged again: they
    /// are not part of it.
    async fn outgoing<S: EdgeStore>(
        &self,
        store: &S,
        (origin, stream): (Origin, Stream),
        before: Mark,
        head: i64,
        closed: bool,
    ) -> Result<Option<Outgoing>, S::Error> {
        let mut rows = usize::try_from(self.limits.batch_rows).unwrap_or(limit::BATCH_ROWS);
        if closed {
            rows = rows.min(usize::try_from(head - before.seq).unwrap_or(0));
        }
        let batch = match stream {
            Stream::Ledger => {
                let entries = store.ledger_rows(origin, before.seq + 1, rows).await?;
                let items = entries.iter().map(crate::LedgerEntry::chain_item);
                Batch { marks: walk(before, items), payload: frame::encode(&entries) }
            }
            Stream::Records => {
                let changes = store.record_rows(origin, before.seq + 1, rows).await?;
                let bytes = usize::try_from(self.limits.batch_bytes).unwrap_or(limit::ROW);
                record_batch(before, &changes, bytes, changes.len() == rows && !closed)
            }
        };
        let Some(to) = batch.marks.last().copied() else { return Ok(None) };
        let backlog = stream == Stream::Ledger && head - to.seq > BACKLOG_ROWS;
        let count = to.seq - before.seq;
        let push = PushHead {
            lease: self.lease,
            origin,
            stream,
            feed_epoch: self.feed_epoch,
            from_seq: before.seq + 1,
            prev_chain: before.chain,
            rows: u32::try_from(count).unwrap_or(u32::MAX),
            session: (origin != self.origin).then_some(self.origin),
        };
        let effort = if backlog { Effort::Backlog } else { Effort::Usual };
        // Bytes in memory: neither JSON nor zstd has a reason to fail.
        let Ok(body) = pack(&push, &batch.payload, effort) else { return Ok(None) };
        let kept = |mark: &Mark| mark.seq % Chain::MARK_EVERY == 0 || *mark == to;
        let marks = batch.marks.into_iter().filter(kept).collect();
        Ok(Some(Outgoing { body, origin, stream, rows: usize::try_from(count).unwrap_or(0), to, marks }))
    }
}

impl Outgoing {
    /// Takes the answer to this push.
    ///
    /// # Errors
    /// The store's.
    pub async fn taken<S: EdgeStore>(&self, store: &S, reply: &PushReply) -> Result<After, S::Error> {
        match *reply {
            PushReply::Ok { applied, durable, feed_head, .. } if applied >= self.to.seq => {
                // What the cloud says beyond this push's end was not compared in it.
                let applied = self.to.seq;
                store
                    .acknowledge(&Acknowledged {
                        origin: self.origin,
                        stream: self.stream,
                        applied,
                        durable: durable.clamp(0, applied),
                        feed_head,
                        marks: self.marks.clone(),
                        restart: false,
                    })
                    .await?;
                Ok(After::Continue)
            }
            PushReply::Ok { .. } | PushReply::Gap { .. } | PushReply::Hello => Ok(After::Hello),
        }
    }
}

struct Batch {
    /// The chain after each row.
    marks: Vec<Mark>,
    payload: Vec<u8>,
}

fn walk(before: Mark, items: impl Iterator<Item = crate::chain::Item>) -> Vec<Mark> {
    let step = |at: &mut Mark, item| {
        *at = Mark { seq: at.seq + 1, chain: at.chain.then(&item) };
        Some(*at)
    };
    items.scan(before, step).collect()
}

/// As many changes as fit, without cutting a transaction where that can be helped.
/// `more` tells that the last transaction may go on behind them.
fn record_batch(before: Mark, changes: &[Change], bytes: usize, more: bool) -> Batch {
    let mut payload = Vec::new();
    let mut marks = Vec::new();
    let mut at = before;
    // Where the last whole transaction ended: rows and bytes.
    let mut whole = (0, 0);
    let mut cut = more;
    for (nth, change) in changes.iter().enumerate() {
        if nth > 0 && change.grp == change.dot.seq {
            whole = (nth, payload.len());
        }
        let line = change.line();
        if nth > 0 && payload.len() + line.len() + 1 > bytes {
            cut = true;
            break;
        }
        at = Mark { seq: at.seq + 1, chain: at.chain.then(&crate::change::line_item(&line)) };
        marks.push(at);
        payload.extend(line);
        payload.push(b'\n');
    }
    // A transaction that goes on behind the cut waits for the next push, unless it is alone.
    if cut && whole.0 > 0 {
        marks.truncate(whole.0);
        payload.truncate(whole.1);
    }
    Batch { marks, payload }
}
