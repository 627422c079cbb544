use chrono::NaiveDate;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::row::AttendanceRow;
use crate::sim::{Generator, RecordFormat};
use crate::zk::attendance::decoder::LogContext;
use crate::zk::attendance::{LogDecoder, LogPiece};

const FORMATS: [&str; 7] = ["8a", "8b", "16s", "16v", "40", "49", "52"];

fn context(count: u32) -> LogContext {
    let now = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_time(chrono::NaiveTime::MIN);
    LogContext { count: Some(count), body_bytes: None, now, order: None }
}

/// The record bytes of a log.
fn records(format: &str, from: u64, until: u64) -> Vec<u8> {
    let format: RecordFormat = format.parse().unwrap();
    let mut bytes = Vec::new();
    for index in from..until {
        let punch = Generator::Vector.punch(index);
        format.write(&punch, &Generator::Vector.user(punch.user), &mut bytes);
    }
    bytes
}

fn body(records: &[u8]) -> Bytes {
    let length = u32::try_from(records.len()).unwrap();
    [&length.to_le_bytes(), records].concat().into()
}

fn drain(mut decoder: LogDecoder, bytes: &[u8], piece: usize) -> (Vec<AttendanceRow>, LogSummary) {
    let mut rows = Vec::new();
    let mut take = |decoder: &mut LogDecoder| {
        while let Some(part) = decoder.next_piece() {
            let LogPiece::Rows(batch) = part else { panic!("raw bytes in a plausible log") };
            rows.extend(batch);
        }
    };
    for part in bytes.chunks(piece) {
        decoder.push(part);
        take(&mut decoder);
    }
    decoder.end();
    take(&mut decoder);
    (rows, decoder.into_summary())
}

fn read_whole(records: &[u8], count: u64) -> (Vec<AttendanceRow>, LogSummary) {
    drain(LogDecoder::new(context(u32::try_from(count).unwrap())), &body(records), 65_472)
}

/// Reads what follows a mark in a body, as a client does.
fn read_after(
    mark: &LogMark,
    body: &Bytes,
    count: u64,
    piece: usize,
) -> Result<(Vec<AttendanceRow>, LogSummary), Misfit> {
    let total = u32::try_from(body.len()).unwrap();
    mark.check_size(total, None)?;
    let fresh = mark.strip_overlap(body.slice(usize::try_from(mark.start()).unwrap()..))?;
    let decoder = LogDecoder::after(context(u32::try_from(count).unwrap()), mark, total);
    Ok(drain(decoder, &fresh, piece))
}

proptest! {
    #[test]
    fn any_series_of_tails_is_the_whole_log(
        format in prop::sample::select(&FORMATS[..]),
        first in 1..200_u64,
        growths in prop::collection::vec(prop_oneof![Just(0), Just(1), 2..60_u64, Just(3000)], 0..8),
        piece in 1..3000_usize,
    ) {
        let mut count = first;
        let (mut rows, summary) = read_whole(&records(format, 0, count), count);
        let mut mark = summary.mark.unwrap();
        for growth in growths {
            count += growth;
            // What was kept of the mark is what is used.
            let kept = LogMark::parse(&mark.to_bytes()).unwrap();
            prop_assert_eq!(&kept, &mark);
            let (new, summary) = read_after(&kept, &body(&records(format, 0, count)), count, piece).unwrap();
            prop_assert_eq!(u64::try_from(new.len()).unwrap(), growth);
            rows.extend(new);
            mark = match kept.check_summary(&summary) {
                Ok(()) => summary.mark.unwrap(),
                Err(why) => {
                    prop_assert_eq!(why, Shortfall::Misfit(Misfit::Layout));
                    let (whole, summary) = read_whole(&records(format, 0, count), count);
                    rows = whole;
                    summary.mark.unwrap()
                }
            };
        }
        let (whole, summary) = read_whole(&records(format, 0, count), count);
        prop_assert_eq!(rows, whole);
        prop_assert_eq!(mark, summary.mark.unwrap());
    }

    #[test]
    fn a_rotated_log_is_never_taken_for_the_known_one(
        format in prop::sample::select(&FORMATS[..]),
        known in 1..200_u64,
        lost in 1..100_u64,
        more in 0..100_u64,
    ) {
        let mark = read_whole(&records(format, 0, known), known).1.mark.unwrap();
        let now = body(&records(format, lost, known + lost + more));
        prop_assert_eq!(read_after(&mark, &now, known + more, 1000), Err(Misfit::Changed));
    }

    #[test]
    fn a_change_in_the_overlap_is_noticed_and_one_before_it_is_not(
        format in prop::sample::select(&FORMATS[..]),
        known in 1..100_usize,
        at: prop::sample::Index,
        bit in 0..8,
    ) {
        let mut bytes = records(format, 0, 120);
        let known_bytes = known * format.parse::<RecordFormat>().unwrap().stride();
        let known = u64::try_from(known).unwrap();
        let mark = read_whole(&bytes[..known_bytes], known).1.mark.unwrap();
        let at = at.index(known_bytes);
        bytes[at] ^= 1_u8 << bit;
        let seen = at + mark.overlap().len() >= known_bytes;
        let read = read_after(&mark, &body(&bytes), 120, 1000);
        prop_assert_eq!(read.err(), seen.then_some(Misfit::Changed));
    }

    #[test]
    fn no_bytes_break_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200), version: bool) {
        let mut bytes = bytes;
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = VERSION;
        }
        if let Ok(mark) = LogMark::parse(&bytes) {
            prop_assert_eq!(mark.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_mark_that_was_cut_is_none() {
    let whole = read_whole(&records("40", 0, 50), 50).1.mark.unwrap().to_bytes();
    assert_eq!(whole.len(), HEADER + 32 * 40);
    for length in 0..whole.len() {
        assert_eq!(LogMark::parse(&whole[..length]), Err(BadMark), "{length}");
    }
}

#[rstest]
#[case::empty(&[], 0)]
#[case::unreadable(&[0xEE; 400], 10)]
#[case::cut(&records("40", 0, 50)[..1990], 50)]
fn there_is_no_mark_where_a_log_was_not_read_whole(#[case] records: &[u8], #[case] count: u32) {
    let mut decoder = LogDecoder::new(context(count));
    decoder.push(&body(records));
    decoder.end();
    while decoder.next_piece().is_some() {}
    assert_eq!(decoder.into_summary().mark, None);
}

#[test]
fn there_is_no_mark_where_lengths_disagree() {
    let longer = [&body(&records("40", 0, 50))[..], &[0; 40]].concat();
    assert_eq!(drain(LogDecoder::new(context(50)), &longer, 500).1.mark, None);
    let shorter = &body(&records("40", 0, 50))[..4 + 49 * 40];
    assert_eq!(drain(LogDecoder::new(context(50)), shorter, 500).1.mark, None);
}

#[test]
fn sizes_that_cannot_be_are_told() {
    let mark = read_whole(&records("16v", 0, 50), 50).1.mark.unwrap();
    assert_eq!(mark.layout(), Layout::Medium(MediumOrder::VerifyFirst));
    let (same, state_first) = (Some(MediumOrder::VerifyFirst), Some(MediumOrder::StateFirst));
    for (total, order, expected) in [
        (0, None, Err(Misfit::Shorter)),
        (4 + 49 * 16, None, Err(Misfit::Shorter)),
        (4 + 50 * 16, None, Ok(())),
        (4 + 50 * 16, same, Ok(())),
        (4 + 50 * 16, state_first, Err(Misfit::Layout)),
        (4 + 51 * 16, None, Ok(())),
        (4 + 51 * 16 - 1, None, Err(Misfit::Layout)),
        (4 + 51 * 16 + 9, None, Err(Misfit::Layout)),
    ] {
        assert_eq!(mark.check_size(total, order), expected, "{total}");
    }
}

#[test]
fn junk_among_known_records_shifts_nothing() {
    let with_junk = |until| {
        let mut bytes = records("40", 0, until);
        let junk: [u8; 9] = *b"\xff255\0\0\0\0\0";
        bytes.splice(45 * 40..45 * 40, junk);
        bytes
    };
    let (_, summary) = read_whole(&with_junk(50), 50);
    let mark = summary.mark.unwrap();
    assert_eq!((mark.rows(), mark.offset(), summary.junk_blocks), (50, 50 * 40 + 9, 1));
    let (rows, summary) = read_after(&mark, &body(&with_junk(53)), 53, 1000).unwrap();
    assert_eq!(rows.iter().map(|row| row.position).collect::<Vec<_>>(), [50, 51, 52]);
    assert_eq!(summary.mark, read_whole(&with_junk(53), 53).1.mark);
}

#[test]
fn learning_that_the_known_records_were_misread_is_no_tail() {
    let mark = read_whole(&records("16v", 0, 1), 1).1.mark.unwrap();
    assert_eq!(mark.layout(), Layout::Medium(MediumOrder::StateFirst));
    let (_, summary) = read_after(&mark, &body(&records("16v", 0, 2)), 2, 100).unwrap();
    assert_eq!(mark.check_summary(&summary), Err(Shortfall::Misfit(Misfit::Layout)));
}

#[test]
fn a_date_goes_on_from_the_last_known_record() {
    // A clock that lost its battery counts on in the year 2000: plausible only after rows that did the same.
    let at =
        |seconds: u32| [&1_u32.to_le_bytes()[..], &seconds.to_le_bytes(), &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let mut bytes: Vec<u8> = (0..400).flat_map(|index| at(800_000_000 + index * 60)).collect();
    bytes.extend(at(800_024_000).into_iter().chain(at(100)).chain(at(800_024_500)));
    let mark = read_whole(&bytes[..400 * 16], 400).1.mark.unwrap();
    let (rows, summary) = read_after(&mark, &body(&bytes), 403, 1000).unwrap();
    let (whole, _) = read_whole(&bytes, 403);
    assert_eq!(rows, whole[400..]);
    assert!(summary.is_whole());
}

#[rstest]
#[case::all_came(100, 0, 101, 101, false)]
#[case::one_is_missing(100, 0, 102, 101, true)]
#[case::more_came_than_was_counted(100, 0, 101, 103, false)]
#[case::the_count_was_ahead_before(103, 3, 104, 101, false)]
#[case::further_ahead_than_before(103, 3, 105, 101, true)]
fn a_count_is_compared_with_what_it_was_before(
    #[case] counted: u64,
    #[case] ahead: u32,
    #[case] counts: u32,
    #[case] rows: u64,
    #[case] behind: bool,
) {
    let mark = read_whole(&records("40", 0, 100), counted).1.mark.unwrap();
    assert_eq!(mark.ahead(), ahead);
    let read = |counted| LogSummary { counted, first_row: 100, rows: rows - 100, ..LogSummary::default() };
    assert_eq!(mark.check_summary(&read(Some(counts))), if behind { Err(Shortfall::Count) } else { Ok(()) });
    assert_eq!(mark.check_summary(&read(None)), Ok(()));
    let grown = body(&records("40", 0, 101));
    assert_eq!(read_after(&mark, &grown, counted, 100).unwrap().1.mark.unwrap().ahead(), ahead);
}
