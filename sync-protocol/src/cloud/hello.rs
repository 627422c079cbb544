//! Judging a hello (the verdict table of sync.md 2.8).

use std::collections::BTreeMap;

use super::store::{CloudStore, CompanyState, LogState};
use super::{Enrolled, SessionError};
use crate::chain::last_common;
use crate::message::{
    Capabilities, Hello, HelloReply, Lease, PROTOCOL, Segment, StreamHead, StreamState, Verdict,
    WantedSegment,
};
use crate::mutation::{Rule, is_off};
use crate::{Chain, Mark, Origin, Stream, limit};

/// Judges a hello and gives the origin to its session.
///
/// `now_ms` is the server's time, milliseconds since 1970.
///
/// # Errors
/// [`SessionError::Contradiction`] for a hello that names another edge or more marks than allowed; otherwise the
/// store's.
pub async fn hello<S: CloudStore>(
    store: &mut S,
    edge: &Enrolled,
    hello: &Hello,
    now_ms: i64,
) -> Result<HelloReply, SessionError<S::Error>> {
    check(edge, hello).map_err(SessionError::Contradiction)?;
    let company = store.company().await.map_err(SessionError::Store)?;
    let mut judge = Judge { store, edge, hello, company, streams: BTreeMap::new() };
    let verdict = judge.verdict().await.map_err(SessionError::Store)?;
    let wanted = judge.wanted(&verdict).await.map_err(SessionError::Store)?;
    let Judge { company, streams, .. } = judge;
    Ok(HelloReply {
        verdict,
        nonce: Some(hello.nonce),
        wanted,
        server_time: now_ms,
        protocol: hello.protocol.common(PROTOCOL).unwrap_or(PROTOCOL.max),
        capabilities: hello
            .capabilities
            .common(&Capabilities::of(&[Capabilities::OBSERVATIONS, Capabilities::PULL])),
        streams,
        feed_head: company.feed_head,
        feed_epoch: company.feed_epoch,
        horizon: company.horizon,
        scope: edge.scope.clone(),
        scope_ver: edge.scope_ver,
        limits: edge.limits,
        not_before: edge.not_before,
    })
}

fn check(edge: &Enrolled, hello: &Hello) -> Result<(), &'static str> {
    if hello.edge_id != edge.edge {
        return Err("the hello names another edge than its signature");
    }
    if hello.closed.len() > limit::SEGMENTS || hello.lease_no < 1 {
        return Err("too many closed segments, or no lease number");
    }
    for head in hello.streams.values() {
        let rising = head.marks.windows(2).all(|pair| pair[0].seq < pair[1].seq);
        let inside = head.marks.iter().all(|mark| (0..=head.head).contains(&mark.seq));
        if head.marks.len() > limit::MARKS || !rising || !inside || !(0..=head.head).contains(&head.acked) {
            return Err("a log's marks or numbers are out of order");
        }
    }
    Ok(())
}

struct Judge<'a, S> {
    store: &'a mut S,
    edge: &'a Enrolled,
    hello: &'a Hello,
    company: CompanyState,
    streams: BTreeMap<Stream, StreamState>,
}

impl<S: CloudStore> Judge<'_, S> {
    async fn verdict(&mut self) -> Result<Verdict, S::Error> {
        if self.edge.retired {
            return Ok(Verdict::Retired);
        }
        if self.hello.protocol.common(PROTOCOL).is_none() {
            return Ok(Verdict::Upgrade { min: PROTOCOL.min });
        }
        let origin = self.hello.origin;
        let logs = self.store.logs(&Stream::ALL.map(|stream| (origin, stream))).await?;
        let known: Vec<(Stream, LogState)> =
            Stream::ALL.into_iter().zip(logs).filter_map(|(stream, log)| Some((stream, log?))).collect();
        if known.is_empty() { self.first_contact().await } else { self.judge_known(&known).await }
    }

    /// An origin that this cloud has never met.
    async fn first_contact(&mut self) -> Result<Verdict, S::Error> {
        let hello = self.hello;
        let forgotten = hello.feed_epoch == self.company.feed_epoch
            && hello.streams.values().any(|h| h.acked > 0)
            && !is_off(Rule::FeedEpoch);
        if forgotten {
            return Ok(Verdict::CloudRegressed);
        }
        let earlier = self.company.feed_epoch > 1 && hello.feed_epoch != self.company.feed_epoch;
        if earlier && !is_off(Rule::OriginPerEpoch) {
            // What this cloud knew of the origin is lost, and a copy of the disk may have told it something else: numbers
            // of an earlier epoch are never used in this one.
            return Ok(Verdict::Fork { common: Stream::ALL.map(|stream| (stream, 0)).into() });
        }
        self.store.open_logs(hello.origin, self.edge.edge, self.company.feed_epoch).await?;
        self.store.set_lease(hello.origin, Lease { no: hello.lease_no, nonce: hello.nonce }).await?;
        self.streams = Stream::ALL.map(|stream| (stream, StreamState::default())).into();
        Ok(self.snapshot_or_ok(false))
    }

    async fn judge_known(&mut self, known: &[(Stream, LogState)]) -> Result<Verdict, S::Error> {
        let hello = self.hello;
        if known.iter().any(|(_, log)| log.edge != self.edge.edge) {
            // Somebody else's origin: never a word about its logs.
            return Ok(Verdict::Fork { common: Stream::ALL.map(|stream| (stream, 0)).into() });
        }
        let lease_no = known.iter().map(|(_, log)| log.lease.no).max().unwrap_or(0);
        if hello.lease_no <= lease_no && !is_off(Rule::Lease) {
            return Ok(Verdict::Stale { lease_no });
        }
        self.store.set_lease(hello.origin, Lease { no: hello.lease_no, nonce: hello.nonce }).await?;
        for (stream, log) in known {
            let durable = if self.company.archived { log.durable } else { log.applied };
            self.streams.insert(*stream, StreamState { applied: log.applied, durable });
        }
        let told = is_off(Rule::FeedEpoch);
        if known.iter().any(|(stream, log)| {
            !told && hello.feed_epoch == self.company.feed_epoch && log.applied < self.head_of(*stream).acked
        }) {
            return Ok(Verdict::CloudRegressed);
        }
        if let Some(verdict) = self.compare(known).await? {
            return Ok(verdict);
        }
        Ok(self.snapshot_or_ok(known.iter().any(|(_, log)| log.expired)))
    }

    /// Compares the logs; `None` when both go on from one history.
    async fn compare(&mut self, known: &[(Stream, LogState)]) -> Result<Option<Verdict>, S::Error> {
        if is_off(Rule::ChainCheck) {
            return Ok(None);
        }
        let mut forked = known.iter().any(|(_, log)| log.epoch_born != self.company.feed_epoch)
            && !is_off(Rule::OriginPerEpoch);
        let mut unknown = false;
        for (stream, log) in known {
            let head = self.head_of(*stream);
            if head.head < log.applied {
                forked = true;
            } else {
                match chain_at(self.hello.origin, *stream, &head, log.applied) {
                    Some(chain) => forked |= chain != log.chain,
                    None => unknown = true,
                }
            }
        }
        if !forked {
            // Every log's place is asked for, not only the unknown one: the next hello tells only what this asks.
            let at = known.iter().map(|(stream, log)| (*stream, vec![log.applied])).collect();
            return Ok(unknown.then_some(Verdict::Marks { at }));
        }
        let mut common = BTreeMap::new();
        for (stream, log) in known {
            let head = self.head_of(*stream);
            let mut theirs = head.marks.clone();
            theirs.push(Mark { seq: head.head, chain: head.chain });
            let places: Vec<i64> = theirs.iter().map(|mark| mark.seq).collect();
            let mut ours = self.store.marks((self.hello.origin, *stream), &places).await?;
            ours.push(Mark { seq: log.applied, chain: log.chain });
            common.insert(*stream, last_common(&ours, &theirs));
        }
        Ok(Some(Verdict::Fork { common }))
    }

    /// The closed segments of this edge of which rows are missing here, for a session that may send them.
    async fn wanted(&mut self, verdict: &Verdict) -> Result<Vec<WantedSegment>, S::Error> {
        let closed = &self.hello.closed;
        if closed.is_empty() || !matches!(verdict, Verdict::Ok | Verdict::Snapshot) {
            return Ok(Vec::new());
        }
        let ids: Vec<(Origin, Stream)> =
            closed.iter().map(|segment| (segment.origin, segment.stream)).collect();
        let mut logs = self.store.logs(&ids).await?;
        for at in 0..closed.len() {
            let origin = closed[at].origin;
            if logs[at].is_none() {
                // No life goes on under it: whoever does is told that it ended.
                self.store.open_logs(origin, self.edge.edge, 0).await?;
                logs = self.store.logs(&ids).await?;
            }
        }
        let lacks = |(segment, log): (&Segment, Option<LogState>)| {
            let log = log.filter(|log| log.edge == self.edge.edge && log.applied < segment.head)?;
            let Segment { origin, stream, .. } = *segment;
            Some(WantedSegment { origin, stream, applied: log.applied, chain: log.chain })
        };
        Ok(closed.iter().zip(logs).filter_map(lacks).collect())
    }

    fn snapshot_or_ok(&self, expired: bool) -> Verdict {
        let hello = self.hello;
        let below = hello.cursor < self.company.horizon && !is_off(Rule::Horizon);
        let behind =
            hello.feed_epoch != self.company.feed_epoch || hello.scope_ver != self.edge.scope_ver || below;
        // An edge that does not read the feed has no place in it that could be of no use.
        if (expired || behind) && hello.capabilities.has(Capabilities::PULL) {
            Verdict::Snapshot
        } else {
            Verdict::Ok
        }
    }

    fn head_of(&self, stream: Stream) -> StreamHead {
        let empty = || StreamHead {
            head: 0,
            chain: Chain::start(self.hello.origin, stream),
            acked: 0,
            marks: Vec::new(),
        };
        self.hello.streams.get(&stream).cloned().unwrap_or_else(empty)
    }
}

/// The edge's chain at a place, as far as the hello tells it.
fn chain_at(origin: Origin, stream: Stream, head: &StreamHead, seq: i64) -> Option<Chain> {
    if seq == 0 {
        return Some(Chain::start(origin, stream));
    }
    if seq == head.head {
        return Some(head.chain);
    }
    head.marks.iter().find(|mark| mark.seq == seq).map(|mark| mark.chain)
}
