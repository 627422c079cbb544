use chrono::DateTime;
use serde_json::json;
use shared_model::punch::Reading;
use shared_model::{ActorId, ClockSerial, FieldTag, Kind, Punch, PunchId, RawTime, Route, UserCode};
use uuid::Uuid;

use super::*;
use crate::body::pack;
use crate::compress::Effort;
use crate::edge::{About, After, Next, Session, Stop, answered, open};
use crate::memory::{Edit, MemoryCloud, MemoryEdge, ready};
use crate::message::{Capabilities, Hello, HelloReply, Lease, Nonce, PushHead, PushReply, Verdict};
use crate::{Chain, Change, Dot, Hlc, LedgerEntry, Mark, Op, Origin, Slot, Stream, VersionVector};

fn origin(number: i64) -> Origin {
    Origin::from_number(number).unwrap()
}

fn enrolled(number: u128) -> Enrolled {
    Enrolled {
        edge: EdgeId::from_uuid(Uuid::from_u128(number)),
        retired: false,
        scope: Scope { sites: vec![shared_model::SiteId::from_uuid(Uuid::from_u128(7))] },
        scope_ver: 1,
        limits: Limits::default(),
        not_before: 0,
    }
}

fn about(capabilities: &[&str]) -> About {
    About { app_version: "0.1.0".into(), schema_ver: 1, capabilities: Capabilities::of(capabilities) }
}

fn nonce(number: u8) -> Nonce {
    Nonce::from_bytes([number; 8])
}

fn punch(code: &str, serial: &str) -> LedgerEntry {
    let (serial, user_code) = (ClockSerial::parse(serial).unwrap(), UserCode::parse(code).unwrap());
    let raw_time = RawTime::from_seconds(1_795_000_000).unwrap();
    let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    LedgerEntry::Punch(Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: chrono_tz::Tz::UTC,
        instant: at,
        reading: Reading::default(),
        route: Route::Pull,
        received_at: at,
        raw: Box::default(),
    })
}

/// An edge and its cloud with a direct line.
struct Line {
    cloud: MemoryCloud,
    edge: MemoryEdge,
    who: Enrolled,
    about: About,
    nonce: u8,
}

impl Line {
    fn new() -> Self {
        let who = enrolled(1);
        let edge = MemoryEdge::new(who.edge, origin(1));
        Self { cloud: MemoryCloud::new(), edge, who, about: about(&[]), nonce: 0 }
    }

    fn hello(&mut self) -> (Hello, HelloReply) {
        self.nonce += 1;
        let said = ready(open(&self.edge, &self.about, nonce(self.nonce), &[].into(), 0)).unwrap();
        let reply = self.say(&said);
        (said, reply)
    }

    fn say(&mut self, said: &Hello) -> HelloReply {
        ready(hello(&mut self.cloud, &self.who, said, 7)).unwrap()
    }

    fn session(&mut self) -> Session {
        let (said, reply) = self.hello();
        match ready(answered(&self.edge, &said, &reply, origin(99))).unwrap() {
            Next::Session(session) => *session,
            other @ (Next::Again(_) | Next::Forked { .. } | Next::Stop(_)) => panic!("{other:?}"),
        }
    }

    fn post(&mut self, body: &[u8]) -> PushReply {
        let push = Push::parse(body).unwrap();
        ready(push_all(&mut self.cloud, &[(&self.who, &push)], 7)).unwrap()[0]
    }

    /// Sends all that waits.
    fn drain(&mut self) {
        let mut session = self.session();
        for stream in Stream::ALL {
            while let Some(push) = ready(session.next_push(&self.edge, stream, 0)).unwrap() {
                let reply = self.post(&push.body);
                assert_eq!(ready(push.taken(&self.edge, &reply)).unwrap(), After::Continue);
            }
        }
    }

    fn collect(&self, codes: std::ops::Range<u32>) {
        codes.for_each(|code| self.edge.collect(punch(&code.to_string(), "CLOCK1")));
    }
}

fn employee(key: u128, name: &str) -> Edit {
    let whole = [
        (1, json!(format!("E{key}"))),
        (2, json!(name)),
        (3, json!(Uuid::from_u128(7))),
        (6, json!("worker")),
        (10, json!(true)),
    ];
    Edit {
        key: (Kind::Employee, Uuid::from_u128(key)),
        op: Op::Create,
        saw: VersionVector::new(),
        fields: whole.into_iter().map(|(tag, value)| (FieldTag(tag), value)).collect(),
    }
}

fn name(edge: &MemoryEdge, key: u128, text: &str) -> Edit {
    let record = edge.record(Kind::Employee, Uuid::from_u128(key));
    Edit {
        op: Op::Update,
        saw: record.map(|record| record.vv).unwrap_or_default(),
        fields: [(FieldTag(2), json!(text))].into(),
        ..employee(key, text)
    }
}

#[test]
fn a_first_session_delivers_both_logs() {
    let mut line = Line::new();
    line.collect(0..2500);
    line.edge.edit(&[employee(1, "Rahima"), employee(2, "Karim")]);
    line.drain();
    assert_eq!((line.cloud.ledger.len(), line.cloud.records.len()), (2500, 2));
    assert!(line.edge.image().is_sent());
    let log = &line.cloud.logs[&(origin(1), Stream::Ledger)];
    assert_eq!(log.applied, 2500);
    for seq in [256, 512, 2304, 2500] {
        assert!(line.cloud.marks.contains_key(&((origin(1), Stream::Ledger), seq)), "{seq}");
    }
}

#[test]
fn a_thousand_rows_cost_a_handful_of_calls() {
    let mut line = Line::new();
    line.collect(0..1000);
    (0..300).for_each(|key| line.edge.edit(&[employee(key, "Name")]));
    line.session();
    let before = line.cloud.calls;
    line.drain();
    assert!(line.cloud.calls - before < 30, "{}", line.cloud.calls - before);
}

#[test]
fn a_used_session_number_is_stale_and_the_edge_counts_on_from_it() {
    let mut line = Line::new();
    let (said, _) = line.hello();
    let reply = line.say(&said);
    assert_eq!(reply.verdict, Verdict::Stale { lease_no: 1 });
    assert!(matches!(ready(answered(&line.edge, &said, &reply, origin(99))).unwrap(), Next::Again(_)));
    assert_eq!(line.hello().1.verdict, Verdict::Ok);
}

#[test]
fn a_lost_reply_is_made_up_for_by_asking_for_the_chain_there() {
    let mut line = Line::new();
    line.collect(0..10);
    let mut session = line.session();
    let push = ready(session.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    line.post(&push.body);
    line.collect(10..20);
    let (said, reply) = line.hello();
    assert_eq!(
        reply.verdict,
        Verdict::Marks { at: [(Stream::Ledger, vec![10]), (Stream::Records, vec![0])].into() }
    );
    let Next::Again(ask) = ready(answered(&line.edge, &said, &reply, origin(99))).unwrap() else { panic!() };
    let said = ready(open(&line.edge, &line.about, nonce(50), &ask, 0)).unwrap();
    let reply = line.say(&said);
    assert_eq!(reply.verdict, Verdict::Ok);
    assert!(matches!(ready(answered(&line.edge, &said, &reply, origin(99))).unwrap(), Next::Session(_)));
    assert_eq!(line.edge.image().acked(Stream::Ledger), 10);
}

#[test]
fn a_repeated_push_changes_nothing() {
    let mut line = Line::new();
    line.collect(0..10);
    let mut session = line.session();
    let push = ready(session.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    let first = line.post(&push.body);
    let before = line.cloud.clone();
    assert_eq!(line.post(&push.body), first);
    assert_eq!((before.ledger_log, before.logs), (line.cloud.ledger_log.clone(), line.cloud.logs.clone()));
}

#[test]
fn a_gap_is_refused() {
    let mut line = Line::new();
    line.collect(0..2000);
    let mut session = line.session();
    let first = ready(session.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    let second = ready(session.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    assert_eq!(line.post(&second.body), PushReply::Gap { applied: 0 });
    assert!(matches!(line.post(&first.body), PushReply::Ok { applied: 1000, .. }));
    assert!(matches!(line.post(&second.body), PushReply::Ok { applied: 2000, .. }));
}

#[test]
fn an_earlier_session_and_another_edge_are_refused() {
    let mut line = Line::new();
    line.collect(0..10);
    let mut old = line.session();
    let late = ready(old.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    let mut new = line.session();
    assert_eq!(line.post(&late.body), PushReply::Hello);
    let push = ready(new.next_push(&line.edge, Stream::Ledger, 0)).unwrap().unwrap();
    line.who = enrolled(2);
    assert_eq!(line.post(&push.body), PushReply::Hello, "the origin is registered to another enrolment");
    assert!(line.cloud.ledger.is_empty());
}

#[test]
fn somebody_elses_origin_is_a_fork_that_tells_nothing() {
    let mut line = Line::new();
    line.collect(0..10);
    line.drain();
    line.who = enrolled(2);
    let thief = MemoryEdge::new(line.who.edge, origin(1));
    let said = ready(open(&thief, &line.about, nonce(9), &[].into(), 0)).unwrap();
    let reply = line.say(&said);
    let nothing = [(Stream::Ledger, 0), (Stream::Records, 0)].into();
    assert_eq!((reply.verdict, reply.streams.len()), (Verdict::Fork { common: nothing }, 0));
}

#[test]
fn a_hello_for_another_edge_or_with_unordered_marks_is_a_contradiction() {
    let mut line = Line::new();
    let (mut said, _) = line.hello();
    let mark = |seq| Mark { seq, chain: Chain::start(origin(1), Stream::Ledger) };
    let said_by = |line: &mut Line, said: &Hello| ready(hello(&mut line.cloud, &line.who, said, 7)).is_err();
    said.streams.get_mut(&Stream::Ledger).unwrap().marks = vec![mark(0), mark(0)];
    assert!(said_by(&mut line, &said));
    said.streams.get_mut(&Stream::Ledger).unwrap().marks = vec![mark(5)];
    assert!(said_by(&mut line, &said), "a mark beyond the head");
    let (mut said, _) = line.hello();
    said.edge_id = enrolled(2).edge;
    assert!(said_by(&mut line, &said));
}

#[test]
fn a_restored_disk_closes_what_is_common_and_logs_the_rest_again() {
    let mut line = Line::new();
    line.collect(0..600);
    line.drain();
    let image = line.edge.image();
    line.collect(600..700);
    line.drain();
    line.edge.restore(image);
    line.collect(800..805);
    let (said, reply) = line.hello();
    assert_eq!(reply.verdict, Verdict::Stale { lease_no: 2 }, "the copy counts through old session numbers");
    ready(answered(&line.edge, &said, &reply, origin(2))).unwrap();
    let (said, reply) = line.hello();
    let common = [(Stream::Ledger, 600), (Stream::Records, 0)].into();
    assert_eq!(reply.verdict, Verdict::Fork { common });
    let next = ready(answered(&line.edge, &said, &reply, origin(2))).unwrap();
    assert!(matches!(next, Next::Forked { relogged: 5, .. }), "{next:?}");
    line.drain();
    assert_eq!(line.cloud.ledger.len(), 705);
    assert_eq!(line.cloud.logs[&(origin(2), Stream::Ledger)].applied, 5);
    assert_eq!(line.edge.image().closed[0].0.head, 600);
}

#[test]
fn two_histories_of_one_log_are_found_even_without_a_kept_mark_between_them() {
    let mut line = Line::new();
    let image = line.edge.image();
    line.collect(0..10);
    line.drain();
    // The copy went its own way; it has more rows than the cloud applied, and other ones.
    let clone = MemoryEdge::new(line.who.edge, origin(1));
    clone.restore(image);
    (100..120u32).for_each(|code| clone.collect(punch(&code.to_string(), "CLOCK1")));
    ready(crate::edge::EdgeStore::take_lease(&clone, 50)).unwrap();
    line.edge = clone;
    let (said, reply) = line.hello();
    let Next::Again(ask) = ready(answered(&line.edge, &said, &reply, origin(2))).unwrap() else { panic!() };
    let said = ready(open(&line.edge, &line.about, nonce(60), &ask, 0)).unwrap();
    let common = [(Stream::Ledger, 0), (Stream::Records, 0)].into();
    assert_eq!(line.say(&said).verdict, Verdict::Fork { common });
}

#[test]
fn a_push_that_ends_before_applied_is_taken_only_from_the_same_history() {
    let mut line = Line::new();
    line.collect(0..10);
    let session = line.session();
    line.drain();
    line.session();
    let lease = line.cloud.logs[&(origin(1), Stream::Ledger)].lease;
    let entries: Vec<LedgerEntry> = (0..5u32).map(|code| punch(&code.to_string(), "CLOCK1")).collect();
    let head = PushHead {
        lease,
        origin: origin(1),
        stream: Stream::Ledger,
        feed_epoch: 1,
        from_seq: 1,
        prev_chain: Chain::start(origin(1), Stream::Ledger),
        rows: 5,
        session: None,
    };
    let body = pack(&head, &crate::frame::encode(&entries), Effort::Usual).unwrap();
    assert_eq!(line.post(&body), PushReply::Hello, "no mark is kept there, so nothing can be compared");
    assert_ne!(session.lease(), lease);
}

#[test]
fn a_cloud_that_forgot_what_it_acknowledged_is_not_trusted() {
    let mut line = Line::new();
    let before = line.cloud.clone();
    line.collect(0..10);
    line.drain();
    let half = line.cloud.clone();
    line.collect(10..20);
    line.drain();
    for cloud in [half, before] {
        line.cloud = cloud;
        let (said, reply) = line.hello();
        assert_eq!(reply.verdict, Verdict::CloudRegressed);
        let next = ready(answered(&line.edge, &said, &reply, origin(2))).unwrap();
        assert!(matches!(next, Next::Stop(Stop::CloudRegressed)));
    }
}

#[test]
fn a_restored_cloud_with_a_new_epoch_gets_everything_again() {
    let mut line = Line::new();
    let empty = line.cloud.clone();
    line.collect(0..10);
    line.edge.edit(&[employee(1, "Rahima")]);
    line.drain();
    let half = line.cloud.clone();
    line.collect(10..20);
    line.drain();
    for (epoch, cloud) in [(2, half), (3, empty)] {
        line.cloud = cloud;
        line.cloud.company.feed_epoch = epoch;
        if let (said, HelloReply { verdict: Verdict::Fork { common }, .. }) = line.hello() {
            // An origin of an earlier epoch is left behind.
            let reply = HelloReply { verdict: Verdict::Fork { common }, ..line.say(&said) };
            ready(answered(&line.edge, &said, &reply, origin(100 + i64::from(epoch)))).unwrap();
        }
        line.drain();
        assert!(line.edge.image().is_sent());
    }
}

#[test]
fn an_edge_that_reads_the_feed_is_sent_for_a_snapshot_when_its_place_is_of_no_use() {
    let mut line = Line::new();
    line.about = about(&[Capabilities::PULL]);
    assert_eq!(line.hello().1.verdict, Verdict::Snapshot, "it has no place yet");
    line.about = about(&[]);
    assert_eq!(line.hello().1.verdict, Verdict::Ok, "an edge that only sends needs none");
}

#[test]
fn old_and_retired_edges_are_told_so() {
    let mut line = Line::new();
    let (mut said, _) = line.hello();
    said.protocol = crate::message::ProtocolRange { min: 0, max: 0 };
    said.lease_no += 1;
    assert_eq!(line.say(&said).verdict, Verdict::Upgrade { min: 1 });
    line.who.retired = true;
    let (said, reply) = line.hello();
    assert_eq!(reply.verdict, Verdict::Retired);
    let next = ready(answered(&line.edge, &said, &reply, origin(2))).unwrap();
    assert!(matches!(next, Next::Stop(Stop::Retired)));
}

#[test]
fn a_row_that_the_database_refuses_is_kept_aside_and_the_rest_goes_on() {
    let mut line = Line::new();
    line.cloud.refuse_entry =
        Some(|entry| matches!(entry, LedgerEntry::Punch(p) if p.user_code.as_str() == "77"));
    line.collect(0..200);
    line.drain();
    assert_eq!(line.cloud.ledger.len(), 199);
    let [aside] = &line.cloud.aside[..] else { panic!("{:?}", line.cloud.aside) };
    assert_eq!((aside.seq, aside.poison.code), (78, "constraint"));
    assert!(String::from_utf8(aside.raw.clone()).unwrap().contains("\"user_code\":\"77\""));
    assert!(line.edge.image().is_sent());
}

#[test]
fn an_edge_cannot_enter_phone_punches_or_corrections() {
    let mut line = Line::new();
    let LedgerEntry::Punch(mut forged) = punch("1", "mobile") else { panic!() };
    forged.id = PunchId::of_approved(
        shared_model::CompanyId::from_uuid(Uuid::from_u128(1)),
        Uuid::from_u128(2),
        forged.raw_time,
    );
    line.edge.collect(LedgerEntry::Punch(forged));
    line.drain();
    assert_eq!((line.cloud.ledger.len(), line.cloud.aside[0].poison.code), (0, "not_from_an_edge"));
}

#[test]
fn a_transaction_is_applied_whole_or_not_at_all() {
    let mut line = Line::new();
    line.edge.edit(&[employee(1, "Rahima")]);
    // The second change of this transaction is not admitted; the first one alone would be fine.
    line.cloud.refuse_change = Some(|change| change.fields.get(&FieldTag(2)) == Some(&json!("foreign")));
    line.edge.edit(&[name(&line.edge, 1, "Changed"), employee(2, "foreign")]);
    line.edge.edit(&[employee(3, "Karim")]);
    line.drain();
    let names: Vec<_> =
        line.cloud.records.values().map(|record| record.fields[&FieldTag(2)].clone()).collect();
    assert_eq!(names, [json!("Rahima"), json!("Karim")]);
    let codes: Vec<_> = line.cloud.aside.iter().map(|row| (row.seq, row.poison.code)).collect();
    assert_eq!(codes, [(2, "group"), (3, "scope")]);
}

#[test]
fn a_transaction_that_the_database_refuses_is_kept_aside_alone() {
    let mut line = Line::new();
    line.cloud.refuse_record = Some(|record| record.fields.get(&FieldTag(2)) == Some(&json!("refused")));
    (0..20).for_each(|key| line.edge.edit(&[employee(key, if key == 13 { "refused" } else { "fine" })]));
    line.drain();
    line.edge.edit(&[name(&line.edge, 13, "later")]);
    line.drain();
    assert_eq!(line.cloud.records.len(), 19);
    let codes: Vec<_> = line.cloud.aside.iter().map(|row| (row.seq, row.poison.code)).collect();
    assert_eq!(codes, [(14, "constraint"), (21, "orphan")], "what builds on it is kept aside too");
}

fn raw_push(line: &mut Line, changes: &[Change]) -> PushReply {
    let log = (line.edge.image().origin, Stream::Records);
    if !line.cloud.logs.contains_key(&log) {
        line.session();
    }
    let lines: Vec<u8> = changes.iter().flat_map(|change| [change.line(), b"\n".to_vec()].concat()).collect();
    let head = PushHead {
        lease: line.cloud.logs[&log].lease,
        origin: log.0,
        stream: Stream::Records,
        feed_epoch: 1,
        from_seq: 1,
        prev_chain: Chain::start(log.0, Stream::Records),
        rows: u32::try_from(changes.len()).unwrap(),
        session: None,
    };
    let body = pack(&head, &lines, Effort::Usual).unwrap();
    line.post(&body)
}

fn change(seq: i64, op: Op, ctx: &[(i64, i64)], text: &str) -> Change {
    let edit = if op == Op::Create { employee(1, text) } else { Edit { op, ..employee(1, text) } };
    let mut vv = VersionVector::new();
    ctx.iter().for_each(|(o, seq)| vv.raise(Dot::new(origin(*o), *seq)).unwrap());
    let fields = if op == Op::Create { edit.fields } else { [(FieldTag(2), json!(text))].into() };
    Change {
        dot: Dot::new(origin(1), seq),
        hlc: Hlc::default(),
        grp: seq,
        kind: Kind::Employee.number().into(),
        key: edit.key.1,
        op,
        ctx: vv,
        fields,
        seen: 0,
        actor: ActorId::SYSTEM,
        resolves: None,
        relog_of: None,
        ver: 1,
    }
}

#[test]
fn a_forged_context_cannot_overwrite_what_its_author_cannot_have_seen() {
    let mut line = Line::new();
    // Somebody at the cloud changed the record; its log is published up to 5.
    let cloud_dot = Dot::new(origin(500), 5);
    line.cloud.own = Some(cloud_dot);
    raw_push(&mut line, &[change(1, Op::Create, &[], "Rahima")]);
    let record = line.cloud.records.values_mut().next().unwrap();
    record.dots.0.insert(Slot::Field(FieldTag(2)), Dot::new(origin(500), 6));
    record.fields.insert(FieldTag(2), json!("cloud's"));
    let mut forged = change(2, Op::Update, &[(500, i64::MAX), (1, i64::MAX), (777, 9)], "edge's");
    forged.grp = 2;
    raw_push(&mut line, &[change(1, Op::Create, &[], "Rahima"), forged]);
    let record = line.cloud.records.values().next().unwrap();
    assert_eq!(record.fields[&FieldTag(2)], json!("cloud's"));
    assert_eq!(line.cloud.conflicts.len(), 1);
}

#[test]
fn a_change_that_two_disks_carried_is_applied_once() {
    let mut line = Line::new();
    let first = change(1, Op::Create, &[], "Rahima");
    let update = change(2, Op::Update, &[(1, 1)], "Khatun");
    raw_push(&mut line, &[first, update.clone()]);
    let clone = MemoryEdge::new(line.who.edge, origin(2));
    line.edge = clone;
    let again = Change { dot: Dot::new(origin(2), 1), grp: 1, relog_of: Some(update.identity()), ..update };
    raw_push(&mut line, &[again]);
    let record = line.cloud.records.values().next().unwrap();
    assert!(record.vv.covers(Dot::new(origin(2), 1)), "its second number is settled too");
    assert_eq!(record.dots.0[&Slot::Field(FieldTag(2))], Dot::new(origin(1), 2));
    assert_eq!((line.cloud.changes.len(), line.cloud.conflicts.len()), (2, 0));
}

#[test]
fn a_line_that_is_no_change_keeps_its_place() {
    let mut line = Line::new();
    let session = line.session();
    let good = change(2, Op::Create, &[], "Rahima").line();
    let payload = [b"{broken".to_vec(), b"\n".to_vec(), good, b"\n".to_vec()].concat();
    let head = PushHead {
        lease: session.lease(),
        origin: origin(1),
        stream: Stream::Records,
        feed_epoch: 1,
        from_seq: 1,
        prev_chain: Chain::start(origin(1), Stream::Records),
        rows: 2,
        session: None,
    };
    let body = pack(&head, &payload, Effort::Usual).unwrap();
    assert!(matches!(line.post(&body), PushReply::Ok { applied: 2, .. }));
    assert_eq!((line.cloud.records.len(), line.cloud.aside[0].poison.code), (1, "malformed"));
    assert_eq!(line.cloud.aside[0].raw, b"{broken");
}

#[test]
fn pushes_of_many_edges_are_one_transaction_with_one_answer_each() {
    let mut cloud = MemoryCloud::new();
    let mut bodies = Vec::new();
    for number in 1..=50u8 {
        let who = enrolled(u128::from(number));
        let edge = MemoryEdge::new(who.edge, origin(i64::from(number)));
        (0..5u32).for_each(|code| edge.collect(punch(&format!("{number}-{code}"), "CLOCK1")));
        let said = ready(open(&edge, &about(&[]), nonce(number), &[].into(), 0)).unwrap();
        let reply = ready(hello(&mut cloud, &who, &said, 0)).unwrap();
        let next = ready(answered(&edge, &said, &reply, origin(99))).unwrap();
        let Next::Session(mut session) = next else { panic!("{next:?}") };
        let push = ready(session.next_push(&edge, Stream::Ledger, 0)).unwrap().unwrap();
        bodies.push((who, Push::parse(&push.body).unwrap()));
    }
    let before = cloud.calls;
    let pushes: Vec<(&Enrolled, &Push)> = bodies.iter().map(|(who, push)| (who, push)).collect();
    let replies = ready(push_all(&mut cloud, &pushes, 0)).unwrap();
    assert!(replies.iter().all(|reply| matches!(reply, PushReply::Ok { applied: 5, .. })));
    assert_eq!((cloud.ledger.len(), cloud.calls - before), (250, 5));
}

#[test]
fn a_push_whose_head_and_rows_differ_is_refused() {
    let head = |stream, rows| PushHead {
        lease: Lease { no: 1, nonce: nonce(1) },
        origin: origin(1),
        stream,
        feed_epoch: 1,
        from_seq: 1,
        prev_chain: Chain::start(origin(1), stream),
        rows,
        session: None,
    };
    let frame = crate::frame::encode(&[punch("1", "CLOCK1")]);
    for (head, payload) in [
        (head(Stream::Ledger, 0), &frame[..]),
        (head(Stream::Ledger, 2), &frame),
        (head(Stream::Records, 2), b"{}\n"),
        (head(Stream::Records, 1), b"{}\n{}\n"),
        (head(Stream::Records, 1001), b"{}\n"),
        (PushHead { from_seq: 0, ..head(Stream::Ledger, 1) }, &frame),
        (PushHead { from_seq: i64::MAX, ..head(Stream::Ledger, 1) }, &frame),
    ] {
        let body = pack(&head, payload, Effort::Usual).unwrap();
        assert!(matches!(Push::parse(&body), Err(BadPush::Rows)), "{head:?}");
    }
}

/// The futures may be run by a runtime of many threads.
#[expect(dead_code, reason = "checked by the compiler")]
fn sessions_can_be_sent(mut cloud: MemoryCloud, edge: MemoryEdge, said: Hello, mut session: Session) {
    fn send<T: Send>(_: T) {}
    let who = enrolled(1);
    send(async move {
        drop(hello(&mut cloud, &who, &said, 0).await);
        drop(push_all(&mut cloud, &[], 0).await);
        drop(session.next_push(&edge, Stream::Ledger, 0).await);
        drop(open(&edge, &about(&[]), nonce(1), &[].into(), 0).await);
    });
}
