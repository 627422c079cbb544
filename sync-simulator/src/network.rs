//! The network: requests and answers that are lost, repeated and delivered late, and what both ends do with them.

use std::collections::BTreeMap;

use sync_protocol::body::{lines, unpack};
use sync_protocol::cloud::{Answer, Push, hello, pull, push_all, snapshot};
use sync_protocol::edge::{
    About, After, AfterPull, Next, Pull, TWIN_STALES, answered, answered_with_feed, leave_twin, open,
};
use sync_protocol::memory::{MemoryCloud, ready};
use sync_protocol::message::{
    Capabilities, Hello, HelloReply, Lease, Nonce, PageRequest, PushHead, PushReply, SnapshotRequest, Verdict,
};
use sync_protocol::mutation::{Rule, is_off};
use sync_protocol::{Change, LedgerEntry, Origin, Stream, limit};

use crate::disk::{Link, Talk};
use crate::truth::Arrived;
use crate::world::{World, origin, refuse_entry};

/// What is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The edge that sent it, or that it is for.
    edge: usize,
    /// The session that it belongs to.
    lease: Lease,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Hello(Box<Hello>),
    Push(Vec<u8>),
    Pull(PageRequest),
    Snapshot(SnapshotRequest),
    HelloReply(Box<HelloReply>),
    /// To a push of this log: an answer belongs to its request, but perhaps to an earlier one of the same log.
    PushReply((Origin, Stream), PushReply),
    Page(Vec<u8>),
}

fn about(reads: bool) -> About {
    let capabilities = if reads { &[Capabilities::PULL][..] } else { &[] };
    About { app_version: "0".into(), schema_ver: 1, capabilities: Capabilities::of(capabilities) }
}

fn sure<T>(done: Result<T, std::convert::Infallible>) -> T {
    done.unwrap_or_else(|never| match never {})
}

impl World {
    fn send(&mut self, message: Message) {
        if self.faults && self.dice.chance(150) {
            return self.count("drops");
        }
        if self.faults && self.dice.chance(120) {
            self.count("repeats");
            self.net.push(message.clone());
        }
        self.net.push(message);
    }

    /// The edge does the next thing that its session asks for.
    pub(crate) fn edge_net(&mut self, at: usize) {
        let nonce = Nonce::from_bytes(self.dice.next().to_be_bytes());
        let (impatient, late) = (self.dice.chance(300), self.dice.chance(250));
        let (pushes, records) = (self.dice.chance(500), self.dice.chance(500));
        let wall = i64::try_from(self.dice.next() >> 2).unwrap_or_default();
        let edge = &mut self.edges[at];
        let reads = edge.reads;
        match &mut edge.link {
            Link::Greeting(_) if !impatient => {}
            Link::Greeting(_) => edge.hang_up(),
            Link::Closed(ask) => {
                let said = sure(ready(open(&edge.store, &about(reads), nonce, ask, wall)));
                let lease = Lease { no: said.lease_no, nonce };
                edge.link = Link::Greeting(Box::new(said.clone()));
                self.send(Message { edge: at, lease, what: What::Hello(Box::new(said)) });
            }
            Link::Open(talk) if pushes || !reads => {
                if talk.push.is_some() {
                    // The answer never came: what the cloud has is for a hello to find out.
                    if late {
                        edge.hang_up();
                    }
                    return;
                }
                let order = if records { Stream::ALL } else { [Stream::Ledger, Stream::Records] };
                for stream in order {
                    let Some(push) = sure(ready(talk.session.next_push(&edge.store, stream, 0))) else {
                        continue;
                    };
                    let (lease, body) = (talk.session.lease(), push.body.clone());
                    talk.push = Some(push);
                    return self.send(Message { edge: at, lease, what: What::Push(body) });
                }
            }
            Link::Open(talk) => {
                if talk.pull.is_some() && !late {
                    return;
                }
                let Some(asked) = sure(ready(talk.session.next_pull(&edge.store, 0))) else { return };
                talk.pull = Some(asked);
                let what = match asked {
                    Pull::Page(request) => What::Pull(request),
                    Pull::Snapshot(request) => What::Snapshot(request),
                };
                let lease = talk.session.lease();
                self.send(Message { edge: at, lease, what });
            }
        }
    }

    /// Delivers a message, any of those under way.
    pub(crate) fn deliver(&mut self) -> Result<(), String> {
        if self.net.is_empty() {
            return Ok(());
        }
        let at = if self.faults { self.dice.pick(self.net.len()) } else { 0 };
        if at > 0 {
            self.count("reorders");
        }
        let Message { edge, lease, what } = self.net.remove(at);
        let what = match what {
            What::Hello(said) => {
                let enrolled = self.edges[edge].enrolled.clone();
                self.serve(|cloud| ready(hello(cloud, &enrolled, &said, 0)).ok())
                    .map(|reply| What::HelloReply(Box::new(reply)))
            }
            What::Push(body) => {
                let push = Push::parse(&body).map_err(|bad| format!("an unreadable push: {bad}"))?;
                let log = (push.head().origin, push.head().stream);
                self.take_push(edge, &push, &body)?.map(|reply| What::PushReply(log, reply))
            }
            What::Pull(request) => {
                let enrolled = self.edges[edge].enrolled.clone();
                let page = self.serve(|cloud| ready(pull(cloud, &enrolled, &request, 0)).ok());
                page.map(|page| What::Page(packed(&page)))
            }
            What::Snapshot(request) => {
                let enrolled = self.edges[edge].enrolled.clone();
                let page = self.serve(|cloud| ready(snapshot(cloud, &enrolled, &request, 0)).ok());
                page.map(|page| What::Page(packed(&page)))
            }
            What::HelloReply(reply) => {
                self.on_hello(edge, lease, &reply);
                None
            }
            What::PushReply(log, reply) => {
                self.on_push(edge, lease, log, reply);
                None
            }
            What::Page(body) => {
                self.on_page(edge, lease, &body);
                None
            }
        };
        if let Some(what) = what {
            self.send(Message { edge, lease, what });
        }
        Ok(())
    }

    /// Runs a request in the cloud. It may die before its commit, and then nothing has happened.
    fn serve<T>(&mut self, request: impl FnOnce(&mut MemoryCloud) -> Option<T>) -> Option<T> {
        if self.faults && self.dice.chance(50) {
            self.count("cloud deaths");
            request(&mut self.cloud.clone());
            return None;
        }
        request(&mut self.cloud)
    }

    fn take_push(&mut self, edge: usize, push: &Push, body: &[u8]) -> Result<Option<PushReply>, String> {
        let enrolled = self.edges[edge].enrolled.clone();
        let log = (push.head().origin, push.head().stream);
        let before = self.cloud.logs.get(&log).map_or(0, |log| log.applied);
        let aside = self.cloud.aside.len();
        let reply = self.serve(|cloud| ready(push_all(cloud, &[(&enrolled, push)], 0)).ok()?.pop());
        let after = self.cloud.logs.get(&log).map_or(0, |log| log.applied);
        if after < before {
            return Err(format!("S13: {log:?} went back from {before} to {after}"));
        }
        if after > before {
            self.tell(|w| {
                format!("the cloud takes {} {} to {after} of {}", log.0, log.1, w.edges[edge].name)
            });
            match log.1 {
                Stream::Records => self.follow(&enrolled.scope, body, before, after, aside)?,
                Stream::Ledger => {
                    let taken = self.cloud.ledger_log.range((log.0, before + 1)..=(log.0, after));
                    let ids = taken.filter_map(|(_, entry)| match entry {
                        LedgerEntry::Punch(punch) if !refuse_entry(entry) => Some(punch.id),
                        LedgerEntry::Punch(_) | LedgerEntry::Observation(_) | LedgerEntry::Watermark(_) => {
                            None
                        }
                    });
                    self.cloud_truth.ledger.extend(ids);
                }
            }
        }
        Ok(reply)
    }

    /// Shows the oracle the rows that were taken.
    fn follow(
        &mut self,
        scope: &sync_protocol::message::Scope,
        body: &[u8],
        before: i64,
        after: i64,
        aside: usize,
    ) -> Result<(), String> {
        let (head, payload): (PushHead, _) = unpack(body).map_err(|bad| bad.to_string())?;
        let lines = lines(&payload, limit::BATCH_ROWS).unwrap_or_default();
        let changes: Vec<Change> = (head.from_seq..)
            .zip(lines)
            .filter(|(seq, _)| (before + 1..=after).contains(seq))
            .filter_map(|(seq, line)| Change::parse(head.origin, seq, line).ok())
            .collect();
        let rows: Vec<Arrived> = changes
            .iter()
            .map(|change| Arrived {
                change: change.clone(),
                aside: self.cloud.aside[aside..]
                    .iter()
                    .find(|row| (row.origin, row.seq) == (change.dot.origin, change.dot.seq))
                    .map(|row| row.poison.code),
                scope: Some(scope.clone()),
                group: changes.iter().filter(|other| other.grp == change.grp).count(),
            })
            .collect();
        for row in &rows {
            self.tell(|w| {
                format!(
                    "  {:?} change {:?}: {:?} {:?} saw {:?}{}",
                    row.change.dot,
                    w.truth.cid(&row.change),
                    row.change.op,
                    row.change.fields,
                    row.change.ctx,
                    row.aside.map_or(String::new(), |code| format!(" -> aside, {code}"))
                )
            });
        }
        self.truth.arrived(&mut self.cloud_truth, &rows, &self.cloud)
    }

    fn on_hello(&mut self, at: usize, lease: Lease, reply: &HelloReply) {
        let new_origin = origin(&mut self.dice);
        let edge = &mut self.edges[at];
        let Link::Greeting(said) = &edge.link else { return };
        if said.lease_no != lease.no || (said.nonce != lease.nonce && !is_off(Rule::Nonce)) {
            return;
        }
        let next = if edge.reads {
            ready(answered_with_feed(&edge.store, said, reply, new_origin))
        } else {
            ready(answered(&edge.store, said, reply, new_origin))
        };
        let verdict = &reply.verdict;
        if matches!(verdict, Verdict::Stale { .. }) {
            edge.stales += 1;
        }
        let twin = edge.stales >= TWIN_STALES;
        edge.link = match sure(next) {
            Next::Session(session) => {
                Link::Open(Box::new(Talk { session: *session, push: None, pull: None }))
            }
            Next::Again(ask) => Link::Closed(ask),
            Next::Forked { .. } => {
                for change in edge.store.look(|disk| disk.oplog.clone()) {
                    self.truth.relogged(&change);
                }
                *self.figures.entry("forks").or_default() += 1;
                Link::Closed(BTreeMap::new())
            }
            // It says so and asks again later.
            Next::Stop(_) => Link::Closed(BTreeMap::new()),
        };
        if twin {
            edge.stales = 0;
            edge.hang_up();
            let again = edge.store.look(|disk| disk.acked(Stream::Records));
            for change in
                edge.store.look(|disk| disk.oplog.clone()).iter().filter(|change| change.dot.seq > again)
            {
                self.truth.relogged(change);
            }
            sure(ready(leave_twin(&edge.store, new_origin)));
            *self.figures.entry("twins left").or_default() += 1;
        }
        let verdict = format!("{verdict:?}");
        self.tell(|w| {
            format!("{} hears {verdict}, is {}", w.edges[at].name, w.edges[at].store.look(|d| d.origin))
        });
    }

    fn on_push(&mut self, at: usize, lease: Lease, log: (Origin, Stream), reply: PushReply) {
        let edge = &mut self.edges[at];
        let Link::Open(talk) = &mut edge.link else { return };
        if !is_same(talk.session.lease(), lease) {
            return;
        }
        let Some(push) = talk.push.take_if(|push| (push.origin, push.stream) == log) else { return };
        if sure(ready(push.taken(&edge.store, &reply))) == After::Hello {
            edge.hang_up();
        }
    }

    fn on_page(&mut self, at: usize, lease: Lease, body: &[u8]) {
        let edge = &mut self.edges[at];
        let Link::Open(talk) = &mut edge.link else { return };
        if !is_same(talk.session.lease(), lease) {
            return;
        }
        let Some(asked) = talk.pull.take() else { return };
        let before = edge.store.look(|disk| (disk.cursor, disk.clean));
        // A page of the other sort than was asked for last is no answer to it.
        let after = sure(ready(talk.session.pulled(&edge.store, &asked, body))).unwrap_or(AfterPull::Hello);
        if after == AfterPull::Hello {
            edge.hang_up();
        }
        let now = self.edges[at].store.look(|disk| (disk.cursor, disk.clean));
        if now != before {
            self.tell(|w| format!("{} takes a page, cursor {}, clean {}", w.edges[at].name, now.0, now.1));
        }
    }
}

/// Whether an answer belongs to the present session.
fn is_same(session: Lease, answer: Lease) -> bool {
    session.no == answer.no && (session.nonce == answer.nonce || is_off(Rule::Nonce))
}

fn packed<H: serde::Serialize>(answer: &Answer<H>) -> Vec<u8> {
    answer.body().unwrap_or_default()
}
