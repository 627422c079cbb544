//! Saying hello and understanding the answer.

use std::collections::{BTreeMap, BTreeSet};

use super::push::Owed;
use super::store::{Acknowledged, Adopted, EdgeLog, EdgeState, EdgeStore};
use super::{Relog, Session};
use crate::message::{
    Capabilities, Hello, HelloReply, Lease, Nonce, PROTOCOL, StreamHead, Verdict, WantedSegment,
};
use crate::mutation::{Rule, is_off};
use crate::{Chain, Origin, Stream, limit};

/// What the program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its version.
    pub app_version: String,
    /// The schema version of its fields.
    pub schema_ver: u16,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// What follows a hello.
#[derive(Debug)]
pub enum Next {
    /// Push and pull.
    Session(Box<Session>),
    /// Say hello again at once, with the chain at these places.
    Again(BTreeMap<Stream, Vec<i64>>),
    /// The log was closed and its tail logged again under a new origin: say hello again at once.
    Forked {
        /// The new life.
        origin: Origin,
        /// Rows of both logs that were logged again.
        relogged: i64,
    },
    /// Nothing can be exchanged for now: keep collecting, show it, ask again later.
    Stop(Stop),
}

/// Why nothing can be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The cloud asks for a snapshot, which this session cannot take.
    Snapshot,
    /// The cloud knows less than it had acknowledged: an operator must raise the feed's epoch.
    CloudRegressed,
    /// The program is too old for the cloud.
    Upgrade {
        /// The oldest protocol that the cloud speaks.
        min: u16,
    },
    /// The enrolment was revoked.
    Retired,
    /// A newer cloud gave a verdict that this version does not know.
    Unknown,
}

/// Begins a session: takes its number for good and writes its hello.
///
/// `ask` are places of which the cloud wanted to know the chain ([`Next::Again`]); `wall_ms` is the edge's wall clock.
///
/// # Errors
/// The store's.
pub async fn open<S: EdgeStore>(
    store: &S,
    about: &About,
    nonce: Nonce,
    ask: &BTreeMap<Stream, Vec<i64>>,
    wall_ms: i64,
) -> Result<Hello, S::Error> {
    let state = store.state().await?;
    let lease_no = state.lease_no + 1;
    store.take_lease(lease_no).await?;
    let mut streams = BTreeMap::new();
    for (&stream, log) in &state.logs {
        let asked = ask.get(&stream).map(Vec::as_slice).unwrap_or_default();
        let marks = store.chain_at(state.origin, stream, &places(log, asked)).await?;
        streams.insert(stream, StreamHead { head: log.head, chain: log.chain, acked: log.acked, marks });
    }
    let EdgeState { edge_id, origin, feed_epoch, cursor, clean, scope_ver, hlc, closed, counts, .. } = state;
    Ok(Hello {
        protocol: PROTOCOL,
        capabilities: about.capabilities.clone(),
        app_version: about.app_version.clone(),
        schema_ver: about.schema_ver,
        edge_id,
        origin,
        lease_no,
        nonce,
        streams,
        feed_epoch,
        cursor,
        clean,
        scope_ver,
        closed: if is_off(Rule::ClosedSegments) { Vec::new() } else { newest(closed) },
        counts,
        wall: wall_ms,
        hlc,
        digest: None,
    })
}

/// The newest closed segments, as many as a hello takes.
fn newest(mut closed: Vec<crate::message::Segment>) -> Vec<crate::message::Segment> {
    let surplus = closed.len().saturating_sub(limit::SEGMENTS);
    closed.drain(..surplus);
    closed
}

/// Where to tell the chain: where the cloud asked, where it last acknowledged, and ever more sparsely backwards, at places
/// that both sides keep.
fn places(log: &EdgeLog, asked: &[i64]) -> Vec<i64> {
    let inside = |seq: &i64| (1..=log.head).contains(seq);
    let mut places: BTreeSet<i64> = asked.iter().copied().filter(inside).take(limit::MARKS / 2).collect();
    places.extend(Some(log.acked).filter(inside));
    let last = log.head / Chain::MARK_EVERY;
    let mut back = 0;
    while back < last && places.len() < limit::MARKS {
        places.insert((last - back) * Chain::MARK_EVERY);
        back = (back * 2).max(back + 1);
    }
    places.into_iter().collect()
}

/// Understands the answer to a hello.
///
/// `new_origin` is used if the log has to be closed. An answer to a hello that is not this edge's last is dropped
/// ([`Next::Again`]).
///
/// # Errors
/// The store's.
pub async fn answered<S: EdgeStore>(
    store: &S,
    hello: &Hello,
    reply: &HelloReply,
    new_origin: Origin,
) -> Result<Next, S::Error> {
    let state = store.state().await?;
    let again = || Ok(Next::Again(BTreeMap::new()));
    if (state.origin, state.lease_no) != (hello.origin, hello.lease_no) || !answers(hello, reply) {
        return again();
    }
    match &reply.verdict {
        Verdict::Ok => begin(store, hello, reply, reply.feed_epoch != state.feed_epoch).await,
        Verdict::Stale { lease_no } => {
            store.take_lease(*lease_no).await?;
            again()
        }
        Verdict::Marks { at } => Ok(Next::Again(at.clone())),
        Verdict::Fork { common } => {
            let next = fork(store, &state, common, new_origin).await?;
            // The new life belongs to the epoch that asked for it.
            store.adopt(&adopted(reply)).await?;
            Ok(next)
        }
        Verdict::Snapshot => Ok(Next::Stop(Stop::Snapshot)),
        Verdict::CloudRegressed => Ok(Next::Stop(Stop::CloudRegressed)),
        Verdict::Upgrade { min } => Ok(Next::Stop(Stop::Upgrade { min: *min })),
        Verdict::Retired => Ok(Next::Stop(Stop::Retired)),
        Verdict::Unknown => Ok(Next::Stop(Stop::Unknown)),
    }
}

/// Whether a reply is to this hello: its number may have been used before by a disk that was restored since.
pub(super) fn answers(hello: &Hello, reply: &HelloReply) -> bool {
    reply.nonce.is_none_or(|nonce| nonce == hello.nonce) || is_off(Rule::Nonce)
}

/// Takes what an answer acknowledges and begins the session. `restart`: the cloud was put back to an earlier time, and what
/// it had acknowledged beyond that is not there any more.
pub(super) async fn begin<S: EdgeStore>(
    store: &S,
    hello: &Hello,
    reply: &HelloReply,
    restart: bool,
) -> Result<Next, S::Error> {
    let state = store.state().await?;
    if (state.origin, state.lease_no) != (hello.origin, hello.lease_no) {
        return Ok(Next::Again(BTreeMap::new()));
    }
    let mut sent = BTreeMap::new();
    for (&stream, log) in &state.logs {
        let told = reply.streams.get(&stream).copied().unwrap_or_default();
        // The cloud cannot have applied what was never written; a claim beyond the head does not count.
        let applied = told.applied.clamp(0, log.head);
        let acked = if restart { applied } else { applied.max(log.acked) };
        let mark = chain_of(store, state.origin, stream, acked).await?;
        store
            .acknowledge(&Acknowledged {
                origin: state.origin,
                stream,
                applied: acked,
                durable: told.durable.clamp(0, acked),
                feed_head: reply.feed_head,
                marks: Vec::new(),
                restart,
            })
            .await?;
        sent.insert(stream, mark);
    }
    for segment in &hello.closed {
        let wanted =
            |wanted: &WantedSegment| (wanted.origin, wanted.stream) == (segment.origin, segment.stream);
        if !reply.wanted.iter().any(wanted) {
            // The cloud was told of it and lacks nothing, whatever answers were lost.
            store
                .acknowledge(&Acknowledged {
                    origin: segment.origin,
                    stream: segment.stream,
                    applied: segment.head,
                    durable: 0,
                    feed_head: reply.feed_head,
                    marks: Vec::new(),
                    restart: false,
                })
                .await?;
        }
    }
    store.adopt(&adopted(reply)).await?;
    Ok(Next::Session(Box::new(Session::new(
        state.origin,
        Lease { no: hello.lease_no, nonce: hello.nonce },
        reply.feed_epoch,
        reply.limits.bounded(),
        sent,
        owed(store, &state, reply).await?,
    ))))
}

fn adopted(reply: &HelloReply) -> Adopted {
    Adopted { feed_epoch: reply.feed_epoch, scope_ver: reply.scope_ver, scope: reply.scope.clone() }
}

/// The rows of former origins that the cloud lacks, the oldest life first. A chain that differs is another disk's history
/// of that life, which is not ours to tell.
async fn owed<S: EdgeStore>(store: &S, state: &EdgeState, reply: &HelloReply) -> Result<Vec<Owed>, S::Error> {
    let mut owed = Vec::new();
    for segment in &state.closed {
        let wanted = reply.wanted.iter().find(|w| (w.origin, w.stream) == (segment.origin, segment.stream));
        let Some(wanted) = wanted.filter(|wanted| (0..segment.head).contains(&wanted.applied)) else {
            continue;
        };
        let ours = chain_of(store, segment.origin, segment.stream, wanted.applied).await?;
        if (ours.seq, ours.chain) == (wanted.applied, wanted.chain) {
            owed.push(Owed {
                origin: segment.origin,
                stream: segment.stream,
                sent: ours,
                head: segment.head,
            });
        }
    }
    Ok(owed)
}

async fn chain_of<S: EdgeStore>(
    store: &S,
    origin: Origin,
    stream: Stream,
    seq: i64,
) -> Result<crate::Mark, S::Error> {
    let start = crate::Mark { seq: 0, chain: Chain::start(origin, stream) };
    if seq == 0 {
        return Ok(start);
    }
    Ok(store.chain_at(origin, stream, &[seq]).await?.first().copied().unwrap_or(start))
}

/// Closes the logs at what is common and logs the rest again under a new origin.
pub(super) async fn fork<S: EdgeStore>(
    store: &S,
    state: &EdgeState,
    common: &BTreeMap<Stream, i64>,
    to: Origin,
) -> Result<Next, S::Error> {
    let mut kept = BTreeMap::new();
    let mut relogged = 0;
    for (&stream, log) in &state.logs {
        let seq = common.get(&stream).copied().unwrap_or(0).clamp(0, log.head);
        relogged += log.head - seq;
        kept.insert(stream, seq);
    }
    store.re_origin(state.origin, to, &kept).await?;
    Ok(Next::Forked { origin: to, relogged })
}

/// How often in a row a hello may be told that its number was used, before a twin is certain: a restored disk is told so
/// once, a disk whose copy runs elsewhere again and again.
pub const TWIN_STALES: u32 = 3;

/// Begins a new life because another disk speaks under the present one ([`TWIN_STALES`]). What was acknowledged stays with
/// the old life; the rest is logged again. Returns the number of rows that are.
///
/// # Errors
/// The store's.
pub async fn leave_twin<S: EdgeStore>(store: &S, new_origin: Origin) -> Result<i64, S::Error> {
    let state = store.state().await?;
    let common = state.logs.iter().map(|(stream, log)| (*stream, log.acked)).collect();
    store.re_origin(state.origin, new_origin, &common).await?;
    Ok(state.logs.values().map(|log| log.head - log.acked).sum())
}

/// The renumbering that goes with a fork of the record log.
impl Relog {
    /// From one life to the next, the record log being common up to `common`'s place.
    #[must_use]
    pub fn new(from: Origin, to: Origin, common: &BTreeMap<Stream, i64>) -> Self {
        Self { from, to, common: common.get(&Stream::Records).copied().unwrap_or(0) }
    }
}
