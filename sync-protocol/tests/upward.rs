//! The upward half under faults: seeded, one event at a time, the real session code of both sides on memory stores.
//!
//! Requests and replies are dropped, repeated and delivered late; edges crash; disks are restored from old copies and
//! cloned; the cloud refuses rows. After a quiet end, every punch on a disk is in the cloud once, every change on a disk
//! has been considered there, and both sides' chains agree.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::json;
use shared_model::punch::Reading;
use shared_model::{ClockSerial, EdgeId, FieldTag, Kind, Punch, PunchId, RawTime, Route, SiteId, UserCode};
use sync_protocol::cloud::{Enrolled, Push, hello, push_all};
use sync_protocol::edge::{About, After, Next, Outgoing, Session, answered, open};
use sync_protocol::memory::{Disk, Edit, MemoryCloud, MemoryEdge, ready};
use sync_protocol::message::{Capabilities, Hello, HelloReply, Nonce, PushReply, Scope};
use sync_protocol::{Change, LedgerEntry, Limits, Observation, Op, Origin, Stream, VersionVector, Watermark};
use uuid::Uuid;

/// A small seeded generator: the whole run follows from the seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

/// What an edge is waiting for.
enum Phase {
    Idle,
    Hello(Hello),
    Open(Session),
    Pushing(Session, Outgoing),
}

struct Edge {
    store: MemoryEdge,
    enrolled: Enrolled,
    phase: Phase,
    ask: BTreeMap<Stream, Vec<i64>>,
    /// The request that is under way; replies to others are no replies.
    token: u64,
}

#[derive(Clone)]
enum Message {
    Hello(Box<Hello>),
    Push(Vec<u8>),
    HelloReply(Box<HelloReply>),
    PushReply(PushReply),
}

struct World {
    dice: Dice,
    cloud: MemoryCloud,
    edges: Vec<Edge>,
    net: Vec<(usize, u64, Message)>,
    images: Vec<(usize, Disk)>,
    keys: Vec<Uuid>,
    made: u64,
    faults: bool,
}

fn origin(dice: &mut Dice) -> Origin {
    Origin::from_number(i64::try_from(dice.next() >> 1).unwrap().max(1)).unwrap()
}

fn about() -> About {
    About { app_version: "0.1.0".into(), schema_ver: 1, capabilities: Capabilities::default() }
}

fn refuse_entry(entry: &LedgerEntry) -> bool {
    matches!(entry, LedgerEntry::Punch(punch) if punch.user_code.as_str() == "refused")
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let cloud = MemoryCloud {
            refuse_entry: Some(refuse_entry),
            refuse_record: Some(|record| record.fields.get(&FieldTag(2)) == Some(&json!("refused"))),
            refuse_change: Some(|change: &Change| change.fields.get(&FieldTag(2)) == Some(&json!("foreign"))),
            ..MemoryCloud::new()
        };
        let edges = (0..3).map(|nth| Edge::new(nth, origin(&mut dice))).collect();
        Self {
            dice,
            cloud,
            edges,
            net: Vec::new(),
            images: Vec::new(),
            keys: Vec::new(),
            made: 0,
            faults: true,
        }
    }

    fn user(&mut self) {
        let at = self.dice.pick(self.edges.len());
        if self.dice.chance(60) {
            let entry = self.entry();
            self.edges[at].store.collect(entry);
            return;
        }
        let mut edits = Vec::new();
        for _ in 0..=self.dice.below(2) {
            edits.push(self.edit(at));
        }
        self.edges[at].store.edit(&edits);
    }

    fn entry(&mut self) -> LedgerEntry {
        let serial = ClockSerial::parse(["CLOCK1", "CLOCK2"][self.dice.pick(2)]).unwrap();
        let code = if self.dice.chance(2) { "refused".to_owned() } else { self.dice.below(30).to_string() };
        let user_code = UserCode::parse(&code).unwrap();
        let seconds = 1_795_000_000 + i64::try_from(self.dice.below(40)).unwrap();
        let raw_time = RawTime::from_seconds(seconds).unwrap();
        let id = PunchId::of_clock(&serial, &user_code, raw_time);
        let at = DateTime::from_timestamp(seconds, 0).unwrap();
        let reading = Reading { state: Some(0), verify: None, work_code: "".into() };
        match self.dice.below(10) {
            0 => LedgerEntry::Watermark(Watermark {
                serial,
                position: i64::try_from(self.made).unwrap(),
                raw_time: Some(raw_time),
                through: at,
                observed_at: at,
            }),
            1 => LedgerEntry::Observation(Observation {
                punch: id,
                serial,
                user_code,
                raw_time,
                route: Route::Push,
                reading,
                received_at: at,
            }),
            _ => LedgerEntry::Punch(Punch {
                id,
                serial,
                user_code,
                raw_time,
                zone: chrono_tz::Tz::UTC,
                instant: at,
                reading,
                route: Route::Pull,
                received_at: at,
                raw: Box::default(),
            }),
        }
    }

    fn edit(&mut self, at: usize) -> Edit {
        self.made += 1;
        if self.keys.is_empty() || self.dice.chance(30) {
            let key = Uuid::from_u128(self.made.into());
            self.keys.push(key);
            let whole = [
                (1, json!(format!("E{}", self.made))),
                (2, json!("Name")),
                (3, json!(Uuid::from_u128(7))),
                (6, json!("worker")),
                (10, json!(true)),
            ];
            let fields = whole.into_iter().map(|(tag, value)| (FieldTag(tag), value)).collect();
            return Edit { key: (Kind::Employee, key), op: Op::Create, saw: VersionVector::new(), fields };
        }
        let key = self.keys[self.dice.pick(self.keys.len())];
        let record = self.edges[at].store.record(Kind::Employee, key);
        let saw = record.map(|record| record.vv).unwrap_or_default();
        let name = match self.dice.below(12) {
            0 => "refused".to_owned(),
            1 => "foreign".to_owned(),
            2 => " ".to_owned(),
            _ => format!("N{}", self.made),
        };
        let op = if self.dice.chance(8) { Op::Delete } else { Op::Update };
        let fields = if op == Op::Delete { [].into() } else { [(FieldTag(2), json!(name))].into() };
        Edit { key: (Kind::Employee, key), op, saw, fields }
    }

    fn send(&mut self, edge: usize, token: u64, message: Message) {
        if self.faults && self.dice.chance(15) {
            return;
        }
        if self.faults && self.dice.chance(12) {
            self.net.push((edge, token, message.clone()));
        }
        self.net.push((edge, token, message));
    }

    fn act(&mut self, at: usize) {
        let nonce = Nonce::from_bytes(self.dice.next().to_be_bytes());
        let token = self.dice.next();
        let stream = if self.dice.chance(50) { Stream::Records } else { Stream::Ledger };
        let edge = &mut self.edges[at];
        let message = match std::mem::replace(&mut edge.phase, Phase::Idle) {
            // Still waiting; otherwise the time-out.
            waiting @ (Phase::Hello(_) | Phase::Pushing(..)) if self.dice.chance(70) => {
                edge.phase = waiting;
                return;
            }
            Phase::Idle | Phase::Hello(_) | Phase::Pushing(..) => {
                let hello = ready(open(&edge.store, &about(), nonce, &edge.ask, 0)).unwrap();
                edge.phase = Phase::Hello(hello.clone());
                Message::Hello(Box::new(hello))
            }
            Phase::Open(mut session) => {
                let push = ready(session.next_push(&edge.store, stream, 0)).unwrap();
                let Some(push) = push else {
                    edge.phase = Phase::Open(session);
                    return;
                };
                let body = push.body.clone();
                edge.phase = Phase::Pushing(session, push);
                Message::Push(body)
            }
        };
        edge.token = token;
        self.send(at, token, message);
    }

    fn deliver(&mut self) {
        if self.net.is_empty() {
            return;
        }
        let at = if self.faults { self.dice.pick(self.net.len()) } else { 0 };
        let (edge, token, message) = self.net.remove(at);
        match message {
            Message::Hello(request) => {
                let mut transaction = self.cloud.clone();
                let enrolled = self.edges[edge].enrolled.clone();
                let reply = ready(hello(&mut transaction, &enrolled, &request, 0)).unwrap();
                if self.commit(transaction) {
                    self.send(edge, token, Message::HelloReply(Box::new(reply)));
                }
            }
            Message::Push(body) => {
                let push = Push::parse(&body).unwrap();
                let mut transaction = self.cloud.clone();
                let enrolled = self.edges[edge].enrolled.clone();
                let replies = ready(push_all(&mut transaction, &[(&enrolled, &push)], 0)).unwrap();
                if self.commit(transaction) {
                    self.send(edge, token, Message::PushReply(replies[0]));
                }
            }
            Message::HelloReply(reply) => self.on_hello(edge, token, &reply),
            Message::PushReply(reply) => self.on_push(edge, token, reply),
        }
    }

    /// The cloud may die before its commit.
    fn commit(&mut self, transaction: MemoryCloud) -> bool {
        if self.faults && self.dice.chance(5) {
            return false;
        }
        self.cloud = transaction;
        true
    }

    fn on_hello(&mut self, at: usize, token: u64, reply: &HelloReply) {
        let new_origin = origin(&mut self.dice);
        let edge = &mut self.edges[at];
        if edge.token != token {
            return;
        }
        let Phase::Hello(hello) = &edge.phase else { return };
        let next = ready(answered(&edge.store, hello, reply, new_origin)).unwrap();
        edge.ask = BTreeMap::new();
        edge.phase = match next {
            Next::Session(session) => Phase::Open(*session),
            Next::Again(ask) => {
                edge.ask = ask;
                Phase::Idle
            }
            Next::Forked { .. } => Phase::Idle,
            Next::Stop(stop) => panic!("stopped: {stop:?}"),
        };
        if matches!(edge.phase, Phase::Idle) {
            edge.token = 0;
        }
    }

    fn on_push(&mut self, at: usize, token: u64, reply: PushReply) {
        let edge = &mut self.edges[at];
        if edge.token != token {
            return;
        }
        if let Phase::Pushing(session, push) = std::mem::replace(&mut edge.phase, Phase::Idle) {
            let after = ready(push.taken(&edge.store, &reply)).unwrap();
            if after == After::Continue {
                edge.phase = Phase::Open(session);
            }
        }
    }

    fn disk(&mut self) {
        let at = self.dice.pick(self.edges.len());
        match self.dice.below(10) {
            0..4 => self.images.push((at, self.edges[at].store.image())),
            4..6 if !self.images.is_empty() => {
                let nth = self.dice.pick(self.images.len());
                let (edge, image) = self.images[nth].clone();
                self.edges[edge].store.restore(image);
                self.edges[edge].crash();
            }
            6 if self.edges.len() < 5 => {
                // A second machine runs on a copied disk, with the same enrolment.
                let mut copy = Edge::new(0, self.edges[at].store.image().origin);
                copy.enrolled = self.edges[at].enrolled.clone();
                copy.store.restore(self.edges[at].store.image());
                self.edges.push(copy);
            }
            _ => self.edges[at].crash(),
        }
    }

    fn settle(&mut self) {
        self.faults = false;
        for _ in 0..3000 {
            for at in 0..self.edges.len() {
                self.act(at);
            }
            while !self.net.is_empty() {
                self.deliver();
            }
            let open = |edge: &Edge| matches!(edge.phase, Phase::Open(_)) && edge.store.image().is_sent();
            if self.edges.iter().all(open) {
                return;
            }
        }
        panic!("does not settle");
    }

    fn check(&self) {
        let cloud = &self.cloud;
        let aside: BTreeSet<(Origin, Stream, i64)> =
            cloud.aside.iter().map(|row| (row.origin, row.stream, row.seq)).collect();
        for edge in &self.edges {
            let disk = edge.store.image();
            for (id, punch) in &disk.ledger {
                let kept = cloud.ledger.get(id);
                assert!(
                    kept.is_some() || refuse_entry(&LedgerEntry::Punch(punch.clone())),
                    "a punch is missing: {id}"
                );
                assert!(kept.is_none_or(|kept| (&kept.serial, &kept.user_code, kept.raw_time)
                    == (&punch.serial, &punch.user_code, punch.raw_time)));
            }
            for (seq, change) in (1..).zip(&disk.oplog) {
                assert_eq!(change.dot.seq, seq, "a log has no gap");
                assert!(cloud.changes.contains_key(&change.identity()), "never considered: {change:?}");
                for earlier in disk.closed.iter().flat_map(|(.., changes)| changes) {
                    assert!(cloud.changes.contains_key(&earlier.identity()));
                }
            }
            // A copied disk may have gone on under the same origin; without one, both sides are at the same row.
            let copies = self.edges.iter().filter(|other| other.store.image().origin == disk.origin).count();
            for stream in Stream::ALL {
                let ahead = cloud.logs[&(disk.origin, stream)].applied - disk.head(stream);
                assert!(if copies == 1 { ahead == 0 } else { ahead >= 0 }, "{ahead} rows ahead");
            }
        }
        for punch in cloud.ledger.values() {
            assert!(!refuse_entry(&LedgerEntry::Punch(punch.clone())));
        }
        for (key, record) in &cloud.records {
            assert_ne!(record.fields.get(&FieldTag(2)), Some(&json!("refused")), "{key:?}");
            assert_ne!(record.fields.get(&FieldTag(2)), Some(&json!(" ")), "{key:?}");
        }
        // Each delivered row is in the log once, or kept aside.
        for (log, state) in &cloud.logs {
            if log.1 == Stream::Ledger {
                for seq in 1..=state.applied {
                    assert!(
                        cloud.ledger_log.contains_key(&(log.0, seq)) != aside.contains(&(log.0, log.1, seq))
                    );
                }
            }
        }
    }
}

impl Edge {
    fn new(nth: u128, origin: Origin) -> Self {
        let edge = EdgeId::from_uuid(Uuid::from_u128(100 + nth));
        let limits = Limits { batch_rows: 7, ..Limits::default() };
        let scope = Scope { sites: vec![SiteId::from_uuid(Uuid::from_u128(7))] };
        let enrolled = Enrolled { edge, retired: false, scope, scope_ver: 1, limits, not_before: 0 };
        Self {
            store: MemoryEdge::new(edge, origin),
            enrolled,
            phase: Phase::Idle,
            ask: BTreeMap::new(),
            token: 0,
        }
    }

    fn crash(&mut self) {
        self.phase = Phase::Idle;
        self.ask = BTreeMap::new();
        self.token = 0;
    }
}

fn run(seed: u64) -> (usize, usize, usize) {
    let mut world = World::new(seed);
    for _ in 0..350 {
        match world.dice.below(100) {
            0..25 => world.user(),
            25..58 => {
                let at = world.dice.pick(world.edges.len());
                world.act(at);
            }
            58..95 => world.deliver(),
            _ => world.disk(),
        }
    }
    world.settle();
    world.check();
    (world.cloud.ledger.len(), world.cloud.conflicts.len(), world.cloud.aside.len())
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens_on_the_way() {
    let (mut punches, mut conflicts, mut aside) = (0, 0, 0);
    for seed in 0..500 {
        let counts = run(seed);
        punches += counts.0;
        conflicts += counts.1;
        aside += counts.2;
    }
    // The faults really happen.
    assert!(punches > 3_000 && conflicts > 100 && aside > 100, "{punches} {conflicts} {aside}");
}
