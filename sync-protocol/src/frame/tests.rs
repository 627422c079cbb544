use chrono::DateTime;
use chrono_tz::Tz;
use proptest::prelude::*;
use shared_model::punch::Reading;
use shared_model::{ClockSerial, CompanyId, Punch, PunchId, RawTime, Route, UserCode};
use uuid::Uuid;

use super::*;
use crate::compress::{Effort, compress};
use crate::{Observation, Watermark};

const MAX: usize = 1000;

fn punch(serial: &str, code: &str, seconds: i64, received_ms: i64) -> Punch {
    let (serial, user_code) = (ClockSerial::parse(serial).unwrap(), UserCode::parse(code).unwrap());
    let raw_time = RawTime::from_seconds(seconds).unwrap();
    Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: Tz::Asia__Dhaka,
        instant: DateTime::from_timestamp(seconds - 21_600, 0).unwrap(),
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: DateTime::from_timestamp_millis(received_ms).unwrap(),
        raw: Box::default(),
    }
}

fn sample() -> Vec<LedgerEntry> {
    let first = punch("CKEX2026", "1042", 1_795_000_000, 1_794_978_400_250);
    let observation = Observation {
        punch: first.id,
        serial: first.serial.clone(),
        user_code: first.user_code.clone(),
        raw_time: first.raw_time,
        route: Route::Push,
        reading: Reading { state: None, verify: Some(15), work_code: "7".into() },
        received_at: first.received_at,
    };
    let mut approved =
        punch("mobile", "0192f0c1-0000-7000-8000-000000000001", 1_795_000_060, 1_794_978_460_000);
    approved.id =
        PunchId::of_approved(CompanyId::from_uuid(Uuid::from_u128(1)), Uuid::from_u128(2), approved.raw_time);
    approved.route = Route::Mobile;
    let watermark = Watermark {
        serial: ClockSerial::parse("CKEX2026").unwrap(),
        position: 4711,
        raw_time: RawTime::from_seconds(1_795_000_060),
        through: DateTime::from_timestamp(1_794_978_470, 0).unwrap(),
        observed_at: DateTime::from_timestamp_millis(1_794_978_470_123).unwrap(),
    };
    vec![
        LedgerEntry::Punch(first),
        LedgerEntry::Observation(observation),
        LedgerEntry::Punch(approved),
        LedgerEntry::Watermark(watermark),
    ]
}

fn entries(rows: Vec<Row>) -> Vec<LedgerEntry> {
    rows.into_iter().map(|row| row.entry.unwrap()).collect()
}

#[test]
fn the_frame_of_a_released_version_is_frozen() {
    let frozen = "0104020008434b45583230323600066d6f62696c6502002430313932663063312d303030302d373030302d383030302d30303030303030303030303100043130343201000a417369612f4468616b610100013701020103000001010100809becaf0d007801a1ee5748608daa98a60e2736b69dff010205010001021002000100f49fe6d0bd6800cca5070000c0d1020000ce4901acd102cccae9af0df601";
    assert_eq!(hex::encode(encode(&sample())), frozen);
    assert_eq!(entries(decode(&hex::decode(frozen).unwrap(), MAX).unwrap()), sample());
}

#[test]
fn what_a_row_adds_to_the_chain_is_the_same_on_both_sides() {
    for row in decode(&encode(&sample()), MAX).unwrap() {
        assert_eq!(row.item, row.entry.unwrap().chain_item());
    }
}

#[test]
fn an_empty_frame_is_a_frame() {
    assert_eq!(decode(&encode(&[]), MAX), Ok(vec![]));
}

#[test]
fn an_unknown_route_or_zone_spoils_only_its_entry() {
    let bytes = encode(&sample());
    let routes = bytes
        .windows(3)
        .position(|w| w == [Route::Pull.number(), Route::Push.number(), Route::Mobile.number()]);
    let mut newer = bytes.clone();
    newer[routes.unwrap()] = 200;
    let rows = decode(&newer, MAX).unwrap();
    let bad = rows[0].entry.as_ref().unwrap_err();
    assert_eq!((bad.code, bad.detail.as_str()), ("unknown_route", "200"));
    assert_eq!(rows[0].item, sample()[0].chain_item(), "its identity is known");
    assert!(rows[1..].iter().all(|row| row.entry.is_ok()));

    let at = bytes.windows(10).position(|w| w == b"Asia/Dhaka").unwrap();
    let mut newer = bytes;
    newer[at..at + 10].copy_from_slice(b"Mars/Dhaka");
    assert_eq!(decode(&newer, MAX).unwrap()[0].entry.as_ref().unwrap_err().code, "unknown_zone");
}

#[test]
fn a_forged_id_of_another_time_is_refused() {
    let mut forged = sample();
    if let LedgerEntry::Punch(punch) = &mut forged[2] {
        punch.id = PunchId::of_approved(
            CompanyId::from_uuid(Uuid::from_u128(1)),
            Uuid::from_u128(2),
            RawTime::from_seconds(0).unwrap(),
        );
    }
    assert_eq!(decode(&encode(&forged), MAX), Err(BadFrame::Malformed("an explicit id of another time")));
}

#[test]
fn counts_are_limited_before_anything_is_read() {
    assert_eq!(decode(&encode(&sample()), 3), Err(BadFrame::TooMany { found: 4, max: 3 }));
    let mut huge = vec![1];
    crate::varint::put(&mut huge, u64::MAX);
    assert_eq!(decode(&huge, MAX), Err(BadFrame::TooMany { found: u64::MAX, max: MAX }));
    assert_eq!(decode(&[2, 0], MAX), Err(BadFrame::Format));
    assert_eq!(decode(&[], MAX), Err(BadFrame::Malformed("empty")));
}

#[test]
fn every_cut_of_a_frame_is_refused() {
    let bytes = encode(&sample());
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length], MAX).is_err(), "{length}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(decode(&longer, MAX), Err(BadFrame::Malformed("bytes left over")));
}

/// A morning at the gate: workers in no order, a few seconds apart, over three clocks.
fn morning(count: usize, live: bool) -> Vec<LedgerEntry> {
    let mut state = 88_172_645_463_325_252u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut seconds = 1_795_000_000i64;
    (0..count)
        .map(|_| {
            seconds += i64::try_from(random(4)).unwrap();
            let clock = ["CKEX20260001", "CKEX20260002", "CKEX20260003"][usize::try_from(random(3)).unwrap()];
            let code = (100_000 + random(2_000)).to_string();
            let delay = if live { 200 + i64::try_from(random(1_500)).unwrap() } else { 0 };
            let base = if live { seconds * 1000 } else { 1_795_009_000_000 };
            LedgerEntry::Punch(punch(clock, &code, seconds, base - 21_600_000 + delay))
        })
        .collect()
}

#[test]
fn a_punch_costs_at_most_eight_bytes_on_the_wire() {
    for (count, live) in [(100, false), (1000, false), (100, true), (1000, true)] {
        let size = compress(&encode(&morning(count, live)), Effort::Usual).unwrap().len();
        assert!(size <= 8 * count, "{count} punches, live={live}: {size} bytes");
    }
}

fn any_entry() -> impl Strategy<Value = LedgerEntry> {
    let common = (
        "[A-Z0-9]{1,12}",
        prop_oneof!["[0-9]{1,9}", "[a-zA-Zঅ-হ]{1,8}", Just("sn:7".to_owned())],
        0i64..4_000_000_000,
        any::<Option<u8>>(),
        any::<Option<u8>>(),
        "[a-z0-9]{0,5}",
        0usize..Route::ALL.len(),
        0i64..4_000_000_000_000,
        -50_400i64..50_400,
    );
    let sort = prop_oneof![Just(0), Just(1), Just(2)];
    (common, sort, any::<Option<bool>>()).prop_map(
        |((serial, code, seconds, state, verify, work, route, received, offset), sort, raw)| {
            let mut p = punch(&serial, &code, seconds, received);
            p.reading = Reading { state, verify, work_code: work.into() };
            p.route = Route::ALL[route];
            p.instant = DateTime::from_timestamp(seconds - offset, 0).unwrap();
            match sort {
                0 => LedgerEntry::Punch(p),
                1 => LedgerEntry::Observation(Observation {
                    punch: p.id,
                    serial: p.serial,
                    user_code: p.user_code,
                    raw_time: p.raw_time,
                    route: p.route,
                    reading: p.reading,
                    received_at: p.received_at,
                }),
                _ => LedgerEntry::Watermark(Watermark {
                    serial: p.serial,
                    position: received,
                    raw_time: raw.map(|_| p.raw_time),
                    through: p.instant,
                    observed_at: p.received_at,
                }),
            }
        },
    )
}

proptest! {
    #[test]
    fn every_entry_survives(list in proptest::collection::vec(any_entry(), 0..40)) {
        prop_assert_eq!(entries(decode(&encode(&list), MAX).unwrap()), list);
    }

    #[test]
    fn any_bytes_are_refused_or_read_within_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut framed = vec![1];
        framed.extend(&bytes);
        for input in [&bytes, &framed] {
            if let Ok(rows) = decode(input, 50) {
                prop_assert!(rows.len() <= 50);
            }
        }
    }

    #[test]
    fn a_damaged_frame_never_panics(at in 0usize..200, byte: u8) {
        let mut bytes = encode(&sample());
        let at = at % bytes.len();
        bytes[at] = byte;
        drop(decode(&bytes, MAX));
    }
}
