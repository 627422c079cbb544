use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_model::{CompanyId, EdgeId, FieldTag, SiteId};
use uuid::Uuid;

use super::*;
use crate::{Chain, Dot, Hlc, Limits, Mark, Origin, Stream, VersionVector};

fn origin() -> Origin {
    Origin::from_number(0x11).unwrap()
}

fn edge() -> EdgeId {
    EdgeId::from_uuid(Uuid::from_u128(0xe))
}

fn chain(byte: u8) -> Chain {
    Chain::from_bytes(&[byte; 16]).unwrap()
}

fn nonce() -> Nonce {
    Nonce::from_bytes([0, 1, 2, 3, 4, 5, 6, 7])
}

/// The sample is what this version writes, it is read back, and a newer peer's field does not hurt.
fn frozen<M: Serialize + DeserializeOwned + PartialEq + Debug>(message: &M, sample: &str) {
    assert_eq!(serde_json::to_string(message).unwrap(), sample);
    assert_eq!(&serde_json::from_str::<M>(sample).unwrap(), message);
    let newer = sample.replacen('{', r#"{"a_later_field":{"x":[1]},"#, 1);
    assert_eq!(&serde_json::from_str::<M>(&newer).unwrap(), message);
}

fn hello() -> Hello {
    let head = |head, byte, acked| StreamHead {
        head,
        chain: chain(byte),
        acked,
        marks: vec![Mark { seq: 256, chain: chain(byte + 1) }],
    };
    Hello {
        protocol: PROTOCOL,
        capabilities: Capabilities::of(&[Capabilities::OBSERVATIONS]),
        app_version: "0.1.0".into(),
        schema_ver: 1,
        edge_id: edge(),
        origin: origin(),
        lease_no: 4,
        nonce: nonce(),
        streams: [(Stream::Ledger, head(900, 1, 800)), (Stream::Records, head(300, 3, 300))].into(),
        feed_epoch: 1,
        cursor: 50,
        clean: 40,
        scope_ver: 2,
        closed: vec![Segment { origin: origin(), stream: Stream::Ledger, head: 9, chain: chain(5) }],
        counts: Counts { outbox: 100, quarantined: 1, disk_free: None },
        wall: 1_795_000_000_000,
        hlc: Hlc::from_number(117),
        digest: None,
    }
}

fn reply(verdict: Verdict) -> HelloReply {
    let state = |applied, durable| StreamState { applied, durable };
    HelloReply {
        verdict,
        nonce: None,
        wanted: Vec::new(),
        server_time: 1_795_000_000_001,
        protocol: 1,
        capabilities: Capabilities::default(),
        streams: [(Stream::Ledger, state(800, 700)), (Stream::Records, state(300, 300))].into(),
        feed_head: 60,
        feed_epoch: 1,
        horizon: 5,
        scope: Scope { sites: vec![SiteId::from_uuid(Uuid::from_u128(1))] },
        scope_ver: 2,
        limits: Limits::default(),
        not_before: 0,
    }
}

fn feed_record() -> FeedRecord {
    let dot = |seq| Dot::new(origin(), seq);
    let mut vv = VersionVector::new();
    vv.raise(dot(4)).unwrap();
    FeedRecord {
        kind: 2,
        key: Uuid::from_u128(1),
        fseq: 9,
        fields: [(FieldTag(1), "Unit 1".into()), (FieldTag(2), "U1".into())].into(),
        dots: [(2, dot(3)), (3, dot(4))].into(),
        vv,
        deleted: None,
    }
}

#[test]
fn a_feed_record_is_a_record_with_its_kind() {
    let (kind, key, record) = feed_record().into_record().unwrap();
    assert_eq!((kind, key, record.fseq), (shared_model::Kind::Site, Uuid::from_u128(1), 9));
    assert_eq!(FeedRecord::new(kind, key, &record), feed_record());
    let newer = FeedRecord { kind: 999, ..feed_record() };
    assert_eq!(newer.into_record(), Err(BadFeedRecord::Kind(999)));
    let odd = FeedRecord { dots: [(u32::MAX, Dot::new(origin(), 1))].into(), ..feed_record() };
    assert_eq!(odd.into_record(), Err(BadFeedRecord::Fields));
}

#[test]
fn enrolment_is_frozen() {
    frozen(
        &EnrollRequest {
            code: "AB12-CD34".into(),
            public_key: "00".repeat(32),
            name: "gate-pc".into(),
            app_version: "0.1.0".into(),
            protocol: PROTOCOL,
            capabilities: Capabilities::default(),
        },
        r#"{"code":"AB12-CD34","public_key":"0000000000000000000000000000000000000000000000000000000000000000","name":"gate-pc","app_version":"0.1.0","protocol":{"min":1,"max":1},"capabilities":[]}"#,
    );
    frozen(
        &EnrollReply {
            edge_id: edge(),
            company_id: CompanyId::from_uuid(Uuid::from_u128(2)),
            company: "Padma Knit".into(),
            sites: vec![SiteId::from_uuid(Uuid::from_u128(1))],
            records: vec![feed_record()],
            bundle_key: None,
            server_time: 1_795_000_000_000,
        },
        r#"{"edge_id":"00000000-0000-0000-0000-00000000000e","company_id":"00000000-0000-0000-0000-000000000002","company":"Padma Knit","sites":["00000000-0000-0000-0000-000000000001"],"records":[{"kind":2,"key":"00000000-0000-0000-0000-000000000001","fseq":9,"fields":{"1":"Unit 1","2":"U1"},"dots":{"2":["0000000000000011",3],"3":["0000000000000011",4]},"vv":{"0000000000000011":4}}],"server_time":1795000000000}"#,
    );
}

#[test]
fn hello_is_frozen() {
    frozen(
        &hello(),
        r#"{"protocol":{"min":1,"max":1},"capabilities":["observations"],"app_version":"0.1.0","schema_ver":1,"edge_id":"00000000-0000-0000-0000-00000000000e","origin":"0000000000000011","lease_no":4,"nonce":"0001020304050607","streams":{"R":{"head":300,"chain":"03030303030303030303030303030303","acked":300,"marks":[[256,"04040404040404040404040404040404"]]},"L":{"head":900,"chain":"01010101010101010101010101010101","acked":800,"marks":[[256,"02020202020202020202020202020202"]]}},"feed_epoch":1,"cursor":50,"clean":40,"scope_ver":2,"closed_segments":[{"origin":"0000000000000011","stream":"L","head":9,"chain":"05050505050505050505050505050505"}],"counts":{"outbox":100,"quarantined":1,"disk_free":null},"wall":1795000000000,"hlc":117}"#,
    );
}

#[test]
fn the_hello_of_the_first_version_with_nothing_optional_is_read() {
    let least = r#"{"protocol":{"min":1,"max":1},"app_version":"0.1.0","schema_ver":1,"edge_id":"00000000-0000-0000-0000-00000000000e","origin":"0000000000000011","lease_no":1,"nonce":"0001020304050607","streams":{},"wall":0,"hlc":0}"#;
    let hello: Hello = serde_json::from_str(least).unwrap();
    assert_eq!((hello.cursor, hello.closed.len(), hello.counts), (0, 0, Counts::default()));
}

const REPLY_TAIL: &str = r#""server_time":1795000000001,"protocol":1,"capabilities":[],"streams":{"R":{"applied":300,"durable":300},"L":{"applied":800,"durable":700}},"feed_head":60,"feed_epoch":1,"horizon":5,"scope":{"sites":["00000000-0000-0000-0000-000000000001"]},"scope_ver":2,"limits":{"batch_rows":1000,"batch_bytes":524288,"linger_ms":1000,"record_linger_ms":100,"linger_rows":200,"poll_wait_s":25,"idle_s":60},"not_before":0}"#;

#[test]
fn every_verdict_is_frozen() {
    let at = [(Stream::Ledger, vec![768, 900])].into();
    let common = [(Stream::Ledger, 512), (Stream::Records, 300)].into();
    let samples = [
        (Verdict::Ok, r#""verdict":"ok""#),
        (Verdict::Stale { lease_no: 9 }, r#""verdict":"stale","lease_no":9"#),
        (Verdict::Marks { at }, r#""verdict":"marks","at":{"L":[768,900]}"#),
        (Verdict::Fork { common }, r#""verdict":"fork","common":{"R":300,"L":512}"#),
        (Verdict::Snapshot, r#""verdict":"snapshot""#),
        (Verdict::CloudRegressed, r#""verdict":"cloud_regressed""#),
        (Verdict::Upgrade { min: 3 }, r#""verdict":"upgrade","min":3"#),
        (Verdict::Retired, r#""verdict":"retired""#),
    ];
    for (verdict, head) in samples {
        frozen(&reply(verdict), &format!("{{{head},{REPLY_TAIL}"));
    }
    let newer = format!(r#"{{"verdict":"dance","steps":3,{REPLY_TAIL}"#);
    assert_eq!(serde_json::from_str::<HelloReply>(&newer).unwrap(), reply(Verdict::Unknown));
}

#[test]
fn push_is_frozen() {
    frozen(
        &PushHead {
            lease: Lease { no: 4, nonce: nonce() },
            origin: origin(),
            stream: Stream::Ledger,
            feed_epoch: 1,
            from_seq: 801,
            prev_chain: chain(9),
            rows: 100,
            session: None,
        },
        r#"{"lease":{"no":4,"nonce":"0001020304050607"},"origin":"0000000000000011","stream":"L","feed_epoch":1,"from_seq":801,"prev_chain":"09090909090909090909090909090909","rows":100}"#,
    );
    frozen(
        &PushReply::Ok { applied: 900, durable: 800, feed_head: 60, server_time: 5 },
        r#"{"outcome":"ok","applied":900,"durable":800,"feed_head":60,"server_time":5}"#,
    );
    frozen(&PushReply::Gap { applied: 7 }, r#"{"outcome":"gap","applied":7}"#);
    frozen(&PushReply::Hello, r#"{"outcome":"hello"}"#);
}

#[test]
fn pull_is_frozen() {
    let request = PageRequest {
        origin: origin(),
        lease_no: 4,
        nonce: nonce(),
        epoch: 1,
        cursor: 50,
        head_r: 300,
        limit: 1000,
        wait: 25,
        scope_ver: 2,
    };
    assert_eq!(
        request.query(),
        "origin=0000000000000011&lease_no=4&nonce=0001020304050607&epoch=1&cursor=50&head_r=300&limit=1000&wait=25&scope_ver=2"
    );
    let page = Page {
        nonce: nonce(),
        start: 50,
        cursor: 60,
        more: false,
        horizon: 5,
        feed_head: 60,
        server_time: 5,
        items: 3,
    };
    frozen(
        &PageHead::Ok(page),
        r#"{"outcome":"ok","nonce":"0001020304050607","start":50,"cursor":60,"more":false,"horizon":5,"feed_head":60,"server_time":5,"items":3}"#,
    );
    frozen(&PageHead::Hello, r#"{"outcome":"hello"}"#);
}

#[test]
fn a_snapshot_is_frozen() {
    let at = SnapshotPlace::Records(Some((4, Uuid::from_u128(9))));
    let request = SnapshotRequest {
        origin: origin(),
        lease_no: 4,
        nonce: nonce(),
        epoch: 1,
        scope_ver: 2,
        from: Some(60),
        at,
        head_r: 300,
        limit: 1000,
    };
    assert_eq!(
        request.query(),
        "origin=0000000000000011&lease_no=4&nonce=0001020304050607&epoch=1&scope_ver=2\
         &at=r.4.00000000-0000-0000-0000-000000000009&head_r=300&limit=1000&from=60"
    );
    let page = SnapshotPage {
        nonce: nonce(),
        at,
        from: 60,
        next: Some(SnapshotPlace::Conflicts(None)),
        horizon: 5,
        feed_head: 61,
        server_time: 5,
        items: 3,
    };
    frozen(
        &SnapshotHead::Ok(page),
        r#"{"outcome":"ok","nonce":"0001020304050607","at":"r.4.00000000-0000-0000-0000-000000000009","from":60,"next":"c","horizon":5,"feed_head":61,"server_time":5,"items":3}"#,
    );
    frozen(&SnapshotHead::Hello, r#"{"outcome":"hello"}"#);
    for place in [
        at,
        SnapshotPlace::START,
        SnapshotPlace::Conflicts(Some(crate::ConflictId::from_uuid(Uuid::from_u128(3)))),
        SnapshotPlace::Notices(Some((origin(), Stream::Ledger, 7))),
        SnapshotPlace::Notices(None),
        SnapshotPlace::Punches(Some(shared_model::PunchId::from_uuid(Uuid::from_u128(3)))),
        SnapshotPlace::Punches(None),
    ] {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    for bad in ["", "x", "r.4", "r.x.y", "n.1.R.2", "c.1", "p.1.2"] {
        assert_eq!(bad.parse::<SnapshotPlace>(), Err(BadSnapshotPlace), "{bad}");
    }
}

#[test]
fn feed_items_are_frozen() {
    let item = |item: &FeedItem, line: &str| {
        assert_eq!(String::from_utf8(item.line()).unwrap(), line);
        assert_eq!(FeedItem::parse(line.as_bytes()).as_ref(), Ok(item));
    };
    let site = SiteId::from_uuid(Uuid::from_u128(1));
    item(
        &FeedItem::Left(FeedLeft { fseq: 4, kind: 4, key: Uuid::from_u128(2), from: site, to: None }),
        r#"{"item":"left","fseq":4,"kind":4,"key":"00000000-0000-0000-0000-000000000002","from":"00000000-0000-0000-0000-000000000001"}"#,
    );
    item(
        &FeedItem::Quarantine(FeedNotice {
            fseq: 5,
            origin: origin(),
            stream: Stream::Records,
            seq: 7,
            code: "orphan".into(),
            detail: "no such record".into(),
        }),
        r#"{"item":"quarantine","fseq":5,"origin":"0000000000000011","stream":"R","seq":7,"code":"orphan","detail":"no such record"}"#,
    );
    item(
        &FeedItem::Conflict(FeedConflict {
            fseq: 6,
            id: crate::ConflictId::from_uuid(Uuid::from_u128(3)),
            cause: "field".into(),
            kind: 4,
            key: Uuid::from_u128(2),
            slot: Some(crate::Slot::Field(FieldTag(2))),
            standing: [(FieldTag(2), "A".into())].into(),
            standing_dots: vec![Dot::new(origin(), 1)],
            arriving: [(FieldTag(2), "B".into())].into(),
            arriving_dots: vec![Dot::new(origin(), 2)],
            kept: crate::merge::FieldRule::Standing,
            actor: shared_model::ActorId::SYSTEM,
            hlc: crate::Hlc::from_number(9),
            rec_fseq: 5,
            state: ConflictState::Open,
            site: Some(site),
        }),
        r#"{"item":"conflict","fseq":6,"id":"00000000-0000-0000-0000-000000000003","cause":"field","kind":4,"key":"00000000-0000-0000-0000-000000000002","slot":{"field":2},"standing":{"2":"A"},"standing_dots":[["0000000000000011",1]],"arriving":{"2":"B"},"arriving_dots":[["0000000000000011",2]],"kept":"standing","actor":"00000000-0000-0000-0000-000000000000","hlc":9,"rec_fseq":5,"state":"open","site":"00000000-0000-0000-0000-000000000001"}"#,
    );
    item(
        &FeedItem::Record(feed_record()),
        r#"{"item":"record","kind":2,"key":"00000000-0000-0000-0000-000000000001","fseq":9,"fields":{"1":"Unit 1","2":"U1"},"dots":{"2":["0000000000000011",3],"3":["0000000000000011",4]},"vv":{"0000000000000011":4}}"#,
    );
    assert!(matches!(FeedItem::parse(br#"{"item":"full_moon","fseq":1}"#), Err(BadItem::Unknown(_))));
    assert!(matches!(FeedItem::parse(&vec![b' '; crate::limit::ITEM + 1]), Err(BadItem::TooLong(_))));
}

#[test]
fn a_punch_on_its_way_down_must_fit_its_id() {
    let raw_time = shared_model::RawTime::from_seconds(1_795_000_000).unwrap();
    let (serial, user_code) =
        (shared_model::ClockSerial::parse("C1").unwrap(), shared_model::UserCode::parse("7").unwrap());
    let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let punch = shared_model::Punch {
        id: shared_model::PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: chrono_tz::Tz::UTC,
        instant: at,
        reading: shared_model::punch::Reading::default(),
        route: shared_model::Route::Pull,
        received_at: at,
        raw: Box::default(),
    };
    let sent = FeedPunch::new(&punch, 4);
    let line = FeedItem::Punch(sent.clone()).line();
    assert_eq!(FeedItem::parse(&line), Ok(FeedItem::Punch(sent.clone())));
    assert_eq!(sent.clone().into_punch(), Some(punch));
    let forged = FeedPunch { user_code: shared_model::UserCode::parse("8").unwrap(), ..sent.clone() };
    assert_eq!(forged.into_punch(), None);
    let unknown = FeedPunch { route: 250, ..sent };
    assert_eq!(unknown.into_punch(), None);
}

#[test]
fn a_refusal_is_frozen_and_an_unknown_code_is_tried_again() {
    frozen(
        &Refusal {
            error: RefusalCode::Busy,
            message: "later".into(),
            retry_after_ms: Some(2000),
            server_time: 5,
        },
        r#"{"error":"busy","message":"later","retry_after_ms":2000,"server_time":5}"#,
    );
    let newer: Refusal = serde_json::from_str(r#"{"error":"full_moon"}"#).unwrap();
    assert_eq!(newer.error, RefusalCode::Unknown);
    assert!(newer.error.is_transient());
}

#[test]
fn the_newest_common_protocol_is_spoken() {
    let range = |min, max| ProtocolRange { min, max };
    assert_eq!(range(1, 4).common(range(3, 6)), Some(4));
    assert_eq!(range(1, 2).common(range(3, 6)), None);
    assert_eq!(PROTOCOL.common(PROTOCOL), Some(1));
}

#[test]
fn limits_from_the_other_side_are_bounded() {
    let zero: Limits = serde_json::from_str(
        r#"{"batch_rows":0,"batch_bytes":0,"linger_ms":4000000000,"poll_wait_s":4000000000,"idle_s":0}"#,
    )
    .unwrap();
    let bounded = zero.bounded();
    assert_eq!(
        (bounded.batch_rows, bounded.linger_ms, bounded.poll_wait_s, bounded.idle_s),
        (1, 60_000, 55, 1)
    );
    assert!(usize::try_from(bounded.batch_bytes).unwrap() > crate::limit::ROW);
}

#[test]
fn a_bundle_and_its_request_are_as_frozen() {
    frozen(
        &BundleHead { signature: Some("0a".into()), server_time: 1_795_000_000_000 },
        r#"{"signature":"0a","server_time":1795000000000}"#,
    );
    frozen(&BundleHead { signature: None, server_time: 5 }, r#"{"server_time":5}"#);
    let signed = crate::authority::SignedBundle { bundle: r#"{"epoch":3}"#.into(), signature: "0a".into() };
    for signed in [Some(signed), None] {
        let packed = BundleHead::pack(signed.as_ref(), 5).unwrap();
        assert_eq!(BundleHead::unpack(&packed).unwrap().1, signed);
    }
    let kept = "2026-11-20T08:00:00.25Z".parse().unwrap();
    assert_eq!(BundleRequest::of(Some((3, kept))).query(), "epoch=3&issued=1795161600250");
    assert_eq!(BundleRequest::of(None).query(), "epoch=0&issued=0");
}

#[test]
fn an_enrolment_may_name_the_key_of_bundles() {
    let reply = EnrollReply {
        edge_id: edge(),
        company_id: CompanyId::from_uuid(Uuid::from_u128(2)),
        company: "Padma Knit".into(),
        sites: Vec::new(),
        records: Vec::new(),
        bundle_key: Some("ab".repeat(32)),
        server_time: 5,
    };
    let sample = format!(
        r#"{{"edge_id":"00000000-0000-0000-0000-00000000000e","company_id":"00000000-0000-0000-0000-000000000002","company":"Padma Knit","sites":[],"records":[],"bundle_key":"{}","server_time":5}}"#,
        "ab".repeat(32)
    );
    frozen(&reply, &sample);
}

/// The row that an edge logs when somebody approves a phone punch there.
#[test]
fn a_decision_about_a_phone_punch_is_as_frozen() {
    let line = br#"{"seq":7,"hlc":117,"kind":17,"key":"00000000-0000-0000-0000-000000000008","op":"decide","ctx":{"0000000000000011":5},"fields":{"14":"approved","15":"00000000-0000-0000-0000-000000000004","16":"2026-11-20T12:00:00Z","17":3,"18":"2026-11-20T08:00:00Z","19":null},"seen":120,"actor":"00000000-0000-0000-0000-000000000004","ver":1}"#;
    let change = crate::Change::parse(origin(), 7, line).unwrap();
    assert_eq!(change.check().unwrap(), shared_model::Kind::PhonePunch);
    assert_eq!(String::from_utf8(change.line()).unwrap(), String::from_utf8(line.to_vec()).unwrap());
    let decision = crate::authority::Decision::of(&change.fields).unwrap();
    assert!(decision.approve);
    assert_eq!(decision.fields(), change.fields);
}
