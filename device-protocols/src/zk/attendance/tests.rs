use chrono::NaiveDate;
use proptest::prelude::*;
use rstest::rstest;

use super::decoder::{BATCH, LogContext, RUN, SAMPLE};
use super::*;
use crate::sim::{Generator, RecordFormat, SimPunch};

fn now() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

fn context(count: Option<u32>) -> LogContext {
    LogContext { count, body_bytes: None, now: now(), order: None }
}

#[derive(Debug, Default)]
struct Read {
    rows: Vec<AttendanceRow>,
    raw: Vec<(u64, Vec<u8>)>,
    summary: LogSummary,
    largest_buffer: usize,
}

/// Decodes a body that comes in pieces of `piece` bytes.
fn decode_with(body: &[u8], context: LogContext, piece: usize) -> Read {
    let mut decoder = LogDecoder::new(context);
    let mut read = Read::default();
    let mut take = |decoder: &mut LogDecoder| {
        while let Some(part) = decoder.next_piece() {
            match part {
                LogPiece::Rows(rows) => {
                    assert!(!rows.is_empty() && rows.len() <= BATCH + RUN);
                    read.rows.extend(rows);
                }
                LogPiece::Raw { offset, bytes } => read.raw.push((offset, bytes.to_vec())),
            }
        }
    };
    for part in body.chunks(piece.max(1)) {
        decoder.push(part);
        take(&mut decoder);
        read.largest_buffer = read.largest_buffer.max(decoder.buffered());
    }
    decoder.end();
    take(&mut decoder);
    read.summary = decoder.into_summary();
    read
}

fn decode(hex: &str, count: u32) -> Read {
    decode_with(&hex::decode(hex).unwrap(), context(Some(count)), 7)
}

/// A body of generated records.
fn generated(format: &str, records: u64) -> Vec<u8> {
    let format: RecordFormat = format.parse().unwrap();
    let mut body = vec![0; 4];
    for index in 0..records {
        let punch = Generator::Vector.punch(index);
        format.write(&punch, &Generator::Vector.user(punch.user), &mut body);
    }
    set_length(&mut body, 0);
    body
}

fn set_length(body: &mut [u8], extra: u32) {
    let length = u32::try_from(body.len()).unwrap() - 4 + extra;
    body[..4].copy_from_slice(&length.to_le_bytes());
}

fn told(rows: &[AttendanceRow]) -> Vec<(String, String, u16, u16)> {
    let time = |row: &AttendanceRow| match &row.time {
        Ok(time) => time.format("%m-%d %H:%M:%S").to_string(),
        Err(bad) => bad.said().to_owned(),
    };
    rows.iter()
        .map(|row| (row.user.to_string(), time(row), row.verify.unwrap(), row.state.unwrap()))
        .collect()
}

fn expected(names: [&str; 4]) -> Vec<(String, String, u16, u16)> {
    [
        (names[0], "01-01 06:00:00", 1, 0),
        (names[1], "01-01 06:01:01", 15, 1),
        (names[2], "01-01 06:02:02", 4, 0),
        (names[3], "01-01 06:03:03", 0, 1),
    ]
    .map(|(user, time, verify, state)| (user.into(), time.into(), verify, state))
    .into()
}

const LONG: &str = "c80000000100310000000000000000000000000000000000000000000000016080cf310000000000ff00000002003130303100000000000000000000000000000000000000000f9d80cf310100000000ff000000030039383736353433323100000000000000000000000000000004da80cf310000000000ff0000000100310000000000000000000000000000000000000000000000001781cf310100000000ff0000000200313030310000000000000000000000000000000000000000015481cf310000000000ff000000";
const STATE_FIRST: &str = "40000000010000006080cf310001000000000000e90300009d80cf31010f000000000000b168de3ada80cf310004000000000000010000001781cf310100000000000000";
const VERIFY_FIRST: &str = "40000000010000006080cf310100000000000000e90300009d80cf310f01000000000000b168de3ada80cf310400000000000000010000001781cf310001000000000000";
const VARIANT_A: &str = "200000000100016080cf310002000f9d80cf3101030004da80cf31000100001781cf3101";
const VARIANT_B: &str = "20000000010001006080cf3102000f019d80cf3103000400da80cf31010000011781cf31";

#[test]
fn the_40_byte_vector_is_read() {
    let read = decode(LONG, 5);
    let mut all = expected(["1", "1001", "987654321", "1"]);
    all.push(("1001".into(), "01-01 06:04:04".into(), 1, 0));
    assert_eq!(told(&read.rows), all);
    assert_eq!(read.summary.layout, Some(Layout::Long(40)));
    assert_eq!(read.rows.iter().map(|row| row.position).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(hex::encode(&*read.rows[4].raw), LONG[LONG.len() - 80..]);
    assert!(read.summary.is_whole() && read.rows.iter().all(|row| row.doubt.is_none()));
}

#[rstest]
#[case(STATE_FIRST, Layout::Medium(MediumOrder::StateFirst), ["1", "1001", "987654321", "1"])]
#[case(VERIFY_FIRST, Layout::Medium(MediumOrder::VerifyFirst), ["1", "1001", "987654321", "1"])]
#[case(VARIANT_A, Layout::Short(ShortOrder::TimeThenState), ["sn:1", "sn:2", "sn:3", "sn:1"])]
#[case(VARIANT_B, Layout::Short(ShortOrder::StateThenTime), ["sn:1", "sn:2", "sn:3", "sn:1"])]
fn the_short_vectors_are_read(#[case] body: &str, #[case] layout: Layout, #[case] names: [&str; 4]) {
    for count in [4, 3, 5, 0] {
        let read = decode(body, count);
        assert_eq!(read.summary.layout, Some(layout), "count {count}");
        assert_eq!(told(&read.rows), expected(names), "count {count}");
        assert!(read.summary.order_seen);
    }
}

#[test]
fn a_captured_record_is_read() {
    let record = "0d00393939313131333333000000000000000000000000000000016bb368230000000000ff000000";
    let row = Layout::Long(40).read(&hex::decode(record).unwrap(), 0, now()).unwrap();
    assert_eq!(row.user.to_string(), "999111333");
    assert_eq!(row.time.unwrap().to_string(), "2018-06-25 17:50:35");
    assert_eq!((row.verify, row.state), (Some(1), Some(0)));
}

#[rstest]
fn any_layout_and_count_and_split_gives_the_same_rows(
    #[values("8a", "8b", "16s", "16v", "40", "49", "56")] format: &str,
    #[values(-1, 0, 1, 3)] off: i64,
    #[values(100, 1000, 5000)] records: u32,
) {
    let body = generated(format, records.into());
    let count = u32::try_from(i64::from(records) + off).unwrap();
    let whole = decode_with(&body, context(Some(count)), usize::MAX);
    assert_eq!(whole.rows.len(), usize::try_from(records).unwrap());
    assert!(whole.summary.is_whole(), "{:?}", whole.summary);
    for (index, row) in whole.rows.iter().enumerate() {
        let punch = Generator::Vector.punch(u64::try_from(index).unwrap());
        assert_eq!(row.time, Ok(punch.time.existing().unwrap()));
        assert_eq!(row.verify, Some(punch.method.tcp_code().into()));
        assert_eq!(row.state, Some(punch.tcp_state().into()));
    }
    for piece in [1, 39, 1024, 65_472] {
        let cut = decode_with(&body, context(Some(count)), piece);
        assert_eq!(cut.rows, whole.rows, "pieces of {piece}");
        assert_eq!(cut.summary, whole.summary, "pieces of {piece}");
    }
}

#[rstest]
fn a_log_the_clock_does_not_count_is_read_all_the_same(
    #[values("8a", "8b", "16s", "16v", "40", "49")] format: &str,
    #[values(None, Some(0))] count: Option<u32>,
    #[values(1, 2, 7, 1000)] records: u64,
) {
    let read = decode_with(&generated(format, records), context(count), 1024);
    let format: RecordFormat = format.parse().unwrap();
    assert_eq!(read.summary.layout.map(Layout::stride), Some(format.stride()));
    assert_eq!(read.summary.rows, records);
}

#[test]
fn a_log_that_contradicts_the_count_is_not_imported() {
    let read = decode_with(&generated("40", 1000), context(Some(77)), 1024);
    assert_eq!((read.summary.layout, read.rows.len()), (None, 0));
    assert_eq!(read.raw.concat_bytes().len(), 40_000);
}

#[test]
fn a_punch_between_count_and_log_does_not_change_the_layout() {
    for format in ["8a", "8b", "16s", "40", "49"] {
        for records in 1..40_u32 {
            let read = decode_with(&generated(format, records.into()), context(Some(records - 1)), 1024);
            assert_eq!(read.rows.len(), usize::try_from(records).unwrap(), "{format} {records}");
        }
    }
}

#[test]
fn a_clock_that_was_never_set_is_read() {
    for format in ["8a", "8b", "16s", "40"] {
        let layout: RecordFormat = format.parse().unwrap();
        let mut body = vec![0; 4];
        for index in 0..50_u32 {
            let punch =
                SimPunch { time: Parts::unpack(index * 600), ..Generator::Vector.punch(index.into()) };
            layout.write(&punch, &Generator::Vector.user(punch.user), &mut body);
        }
        set_length(&mut body, 0);
        let read = decode_with(&body, context(Some(50)), 1024);
        assert_eq!(read.summary.rows, 50, "{format}: {:?}", read.summary);
        assert_eq!(read.summary.layout.map(Layout::stride), Some(layout.stride()));
    }
}

#[test]
fn the_tail_of_a_longer_record_is_kept() {
    let read = decode_with(&generated("49", 100), context(Some(100)), 500);
    assert_eq!(read.rows[7].tail(), [1, 0x6d, 1, 0, 0, 0, 0, 0, 0]);
    let read = decode_with(&generated("40", 100), context(Some(100)), 500);
    assert!(read.rows[7].tail().is_empty());
}

#[rstest]
fn an_impossible_date_costs_no_other_row(#[values("8a", "8b", "16s", "40", "49")] format: &str) {
    let mut body = generated(format, 100);
    let stride = format.parse::<RecordFormat>().unwrap().stride();
    let time_at = match stride {
        8 if format == "8a" => 3,
        8 | 16 => 4,
        _ => 27,
    };
    let at = 4 + 50 * stride + time_at;
    body[at..at + 4].copy_from_slice(&776_649_600_u32.to_le_bytes());
    let read = decode_with(&body, context(Some(100)), 333);
    assert_eq!(read.rows.len(), 100);
    assert_eq!(read.rows[50].time.as_ref().unwrap_err().said(), "2024-02-31 00:00:00");
    assert_eq!(read.summary.bad_times, 1);
    assert!(read.rows.iter().enumerate().all(|(index, row)| row.time.is_ok() == (index != 50)));
}

#[test]
fn a_short_log_with_a_bad_date_is_read_where_the_count_confirms_it() {
    for format in ["16s", "40"] {
        let format: RecordFormat = format.parse().unwrap();
        let mut body = vec![0; 4];
        for index in 0..3 {
            let punch = Generator::Vector.punch(index);
            let punch = if index == 1 { punch.on_impossible_date() } else { punch };
            format.write(&punch, &Generator::Vector.user(punch.user), &mut body);
        }
        set_length(&mut body, 0);
        let read = decode_with(&body, context(Some(3)), 1000);
        assert_eq!((read.summary.rows, read.summary.bad_times), (3, 1), "{format}");
    }
}

#[test]
fn a_clock_with_a_lost_battery_is_read_though_all_its_dates_are_wrong() {
    // After a hundred good rows the clock counts on from 2099, and later from a day that does not exist.
    for (format, from) in
        [("8a", 3_214_000_000_u32), ("16s", 3_214_000_000), ("8b", 776_649_600), ("40", 776_649_600)]
    {
        let layout: RecordFormat = format.parse().unwrap();
        let mut body = vec![0; 4];
        for index in 0..200_u32 {
            let mut punch = Generator::Vector.punch(index.into());
            if index >= 100 {
                punch.time = Parts::unpack(from + index * 60);
            }
            layout.write(&punch, &Generator::Vector.user(punch.user), &mut body);
        }
        set_length(&mut body, 0);
        let read = decode_with(&body, context(Some(200)), 1000);
        let wrong =
            read.rows.iter().filter(|row| row.time.is_err() || row.doubt == Some(Doubt::Future)).count();
        assert_eq!((read.rows.len(), wrong), (200, 100), "{format}: {:?}", read.summary);
    }
}

#[rstest]
fn junk_before_a_record_is_skipped(
    #[values("8a", "8b", "16s", "40")] format: &str,
    #[values(0, 3, 99)] row: usize,
    #[values(1, 13, 9000)] piece: usize,
) {
    let stride = format.parse::<RecordFormat>().unwrap().stride();
    let mut body = generated(format, 100);
    let at = 4 + row * stride;
    body.splice(at..at, JUNK);
    set_length(&mut body, 0);
    let read = decode_with(&body, context(Some(100)), piece);
    assert_eq!(read.rows, decode_with(&generated(format, 100), context(Some(100)), 9000).rows);
    assert_eq!(read.summary.junk_blocks, 1);
}

#[test]
fn a_length_word_larger_than_the_body_gives_what_is_there() {
    for body_bytes in [None, Some(4004)] {
        let mut body = generated("40", 100);
        set_length(&mut body, 400);
        let read = decode_with(&body, LogContext { body_bytes, ..context(Some(100)) }, 1000);
        assert_eq!((read.rows.len(), read.summary.missing_bytes), (100, 400));
        assert!(!read.summary.is_whole());
    }
}

#[test]
fn bytes_beyond_the_length_word_are_not_read() {
    let mut body = generated("40", 100);
    body.extend([0xEE; 77]);
    let read = decode_with(&body, context(Some(100)), 1000);
    assert_eq!((read.rows.len(), read.summary.excess_bytes), (100, 77));
}

#[rstest]
#[case(&[])]
#[case(&[0, 0, 0, 0])]
#[case(&[1, 2])]
fn a_body_without_records_has_no_rows(#[case] body: &[u8]) {
    let read = decode_with(body, context(Some(0)), 1);
    assert_eq!((read.rows.len(), read.raw.len(), read.summary.rows), (0, 0, 0));
}

#[test]
fn noise_is_kept_and_not_imported() {
    let mut seed = 7_u32;
    let mut body: Vec<u8> = (0..100_004)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        })
        .collect();
    set_length(&mut body, 0);
    let read = decode_with(&body, context(Some(2500)), 65_472);
    assert_eq!(read.rows.len(), 0);
    assert_eq!(read.raw.concat_bytes(), body[4..]);
    let unread = read.summary.unread.unwrap();
    assert_eq!((unread.reason, unread.offset, unread.bytes), (UnreadReason::NoLayout, 0, 100_000));
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<(u64, Vec<u8>)> {
    fn concat_bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let first = self.first().map_or(0, |(offset, _)| *offset);
        for (offset, bytes) in self {
            assert_eq!(*offset, first + u64::try_from(all.len()).unwrap());
            all.extend(bytes);
        }
        all
    }
}

#[rstest]
fn a_log_that_stops_making_sense_is_kept_raw_from_there(
    #[values("8a", "8b", "16s", "40", "49")] format: &str,
    #[values(200, 3000, 20_000)] good: usize,
) {
    let stride = format.parse::<RecordFormat>().unwrap().stride();
    let records = good + 20_000;
    let mut body = generated(format, u64::try_from(records).unwrap());
    let from = 4 + good * stride;
    // Three bytes lost: every later record is shifted.
    body.drain(from..from + 3);
    set_length(&mut body, 0);
    let read = decode_with(&body, context(Some(u32::try_from(records).unwrap())), 65_472);
    if read.summary.layout.is_none() {
        // Where most of the sample is shifted nothing is imported at all.
        assert!(good * stride < SAMPLE * 95 / 100);
        assert_eq!(read.raw.concat_bytes(), body[4..]);
        return;
    }
    assert_eq!(
        told(&read.rows),
        told(&decode_with(&generated(format, u64::try_from(good).unwrap()), context(None), 999).rows)
    );
    let unread = read.summary.unread.unwrap();
    assert_eq!(unread.reason, UnreadReason::StoppedMakingSense);
    assert_eq!(unread.offset, u64::try_from(from - 4).unwrap());
    assert_eq!(read.raw.concat_bytes(), body[from..]);
    assert_eq!(unread.bytes, u64::try_from(body.len() - from).unwrap());
}

#[test]
fn a_few_odd_rows_are_handed_out_with_their_doubt() {
    let mut body = generated("40", 1000);
    for row in 50..50 + RUN - 1 {
        let at = 4 + row * 40;
        body[at + 2..at + 26].fill(0xEE);
    }
    let read = decode_with(&body, context(Some(1000)), 700);
    assert_eq!((read.rows.len(), read.summary.doubtful), (1000, 15));
    assert_eq!(read.rows[50].user, UserRef::Unreadable);
    assert!(read.rows.iter().enumerate().all(|(index, row)| row.position == u64::try_from(index).unwrap()));
    // Also at the very end, where nothing follows them.
    let mut body = generated("40", 20);
    let last = body.len() - 40;
    body[last + 2..last + 26].fill(0xEE);
    let read = decode_with(&body, context(Some(20)), 700);
    assert_eq!((read.rows.len(), read.rows[19].doubt), (20, Some(Doubt::Shape)));
}

#[test]
fn the_order_of_codes_is_learnt_late_if_it_must_be() {
    // All fingers and check-ins in the sample tell nothing; a face far behind it does.
    let mut body = vec![0; 4];
    for index in 0..10_000_u32 {
        body.extend(1_u32.to_le_bytes());
        body.extend((800_000_000 + index * 7).to_le_bytes());
        body.extend(if index == 9_000 { [15, 1] } else { [1, 0] });
        body.extend([0; 6]);
    }
    set_length(&mut body, 0);
    let read = decode_with(&body, context(Some(10_000)), 65_472);
    assert_eq!(read.summary.order_changed_at, Some(9_000));
    assert_eq!(read.summary.layout, Some(Layout::Medium(MediumOrder::VerifyFirst)));
    assert_eq!((read.rows[9_000].verify, read.rows[9_000].state), (Some(15), Some(1)));
    assert_eq!((read.rows[9_001].verify, read.rows[9_001].state), (Some(1), Some(0)));
    // Told beforehand, nothing has to be learnt.
    let told = LogContext { order: Some(MediumOrder::VerifyFirst), ..context(Some(10_000)) };
    let read = decode_with(&body, told, 65_472);
    assert_eq!((read.summary.order_changed_at, read.rows[0].verify), (None, Some(1)));
    assert!(read.rows.iter().all(|row| row.doubt.is_none()));
}

#[test]
fn work_codes_are_told_where_there_are_any() {
    let mut body = hex::decode(STATE_FIRST).unwrap();
    body[4 + 12] = 7;
    let read = decode_with(&body, context(Some(4)), 100);
    assert_eq!(read.rows[0].work_code.as_deref(), Some("7"));
    assert_eq!(read.rows[1].work_code, None);
}

#[test]
fn memory_is_bounded_by_what_was_pushed_and_the_sample() {
    let body = generated("40", 100_000);
    let read = decode_with(&body, context(Some(100_000)), 65_472);
    assert_eq!(read.rows.len(), 100_000);
    assert!(read.largest_buffer <= SAMPLE + 65_472, "{}", read.largest_buffer);
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_give_the_same(
        mut body in prop::collection::vec(any::<u8>(), 4..2000),
        honest: bool,
        count in prop::option::of(0..200_u32),
        piece in 1..500_usize,
    ) {
        if honest {
            set_length(&mut body, 0);
        }
        let whole = decode_with(&body, context(count), usize::MAX);
        let cut = decode_with(&body, context(count), piece);
        prop_assert_eq!(whole.raw.concat_bytes(), cut.raw.concat_bytes());
        prop_assert_eq!(whole.rows, cut.rows);
        prop_assert_eq!(whole.summary, cut.summary);
    }

    #[test]
    fn every_byte_is_a_row_or_raw_or_accounted_for(
        records in prop::collection::vec(any::<u8>(), 0..60),
        good in 0..60_u64,
        format in prop_oneof![Just("8a"), Just("8b"), Just("16s"), Just("40"), Just("49")],
    ) {
        let mut body = generated(format, good);
        body.extend(&records);
        set_length(&mut body, 0);
        let read = decode_with(&body, context(Some(u32::try_from(good).unwrap())), 100);
        let rows: usize = read.rows.iter().map(|row| row.raw.len()).sum();
        let raw = read.raw.concat_bytes().len();
        let rest = usize::try_from(read.summary.trailing_bytes + 9 * read.summary.junk_blocks).unwrap();
        prop_assert_eq!(rows + raw + rest, body.len() - 4);
    }
}
