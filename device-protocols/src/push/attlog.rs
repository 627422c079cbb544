//! Punches as a clock posts them: one a line, fields separated by TAB.
//!
//! ```text
//! PIN, YYYY-MM-DD hh:mm:ss, status, verify [, work code [, reserved, reserved
//!     [, mask flag, temperature, converted temperature, time offset in seconds [, extend data]]]]
//! ```

use chrono::NaiveDateTime;

use crate::driver::{BadRow, BadRowReason};
use crate::row::{AttendanceRow, BadTime, Doubt, RawRow, UserCode, UserRef};

use super::line::Line;

/// Farthest offset from UTC in seconds: 14 hours.
const MAX_OFFSET: i32 = 14 * 3600;
/// Longest work code kept, in bytes.
const MAX_WORK_CODE: usize = 64;

/// Reads a line at its place in the upload. A date that does not exist is part of the row; times after `latest` are
/// doubted. A stated time offset is handed on as stated.
///
/// # Errors
/// [`BadRow`] for a line that is no punch; its neighbours are unharmed.
pub fn parse(line: &Line, position: u64, latest: NaiveDateTime) -> Result<AttendanceRow, BadRow> {
    let (raw, row) = match line {
        Line::Whole(raw) => (raw, row(raw, position, latest)),
        Line::TooLong(raw) => (raw, Err(BadRowReason::TooLong)),
    };
    row.map_err(|reason| BadRow { position, reason, raw: RawRow::new(raw) })
}

fn row(raw: &[u8], position: u64, latest: NaiveDateTime) -> Result<AttendanceRow, BadRowReason> {
    let text = std::str::from_utf8(raw).map_err(|_| BadRowReason::Encoding)?;
    let fields: Vec<&str> = text.split('\t').collect();
    let [pin, time, status, verify, ..] = fields.as_slice() else {
        return Err(BadRowReason::TooFewFields);
    };
    let user = UserCode::parse(pin).map_err(|_| BadRowReason::UserId)?;
    let time = time_of(time);
    let later = |at: usize| fields.get(at).map(|field| field.trim()).filter(|field| !field.is_empty());
    let utc_offset = later(10).and_then(|field| field.parse().ok());
    Ok(AttendanceRow {
        position,
        user: UserRef::Code(user),
        doubt: time.as_ref().is_ok_and(|time| *time > latest).then_some(Doubt::Future),
        time,
        utc_offset: utc_offset.filter(|offset: &i32| offset.abs() <= MAX_OFFSET && offset % 60 == 0),
        verify: code(verify)?,
        state: code(status)?,
        work_code: later(4).filter(|code| *code != "0" && code.len() <= MAX_WORK_CODE).map(Into::into),
        known: u16::try_from(raw.len()).unwrap_or(u16::MAX),
        raw: RawRow::new(raw),
    })
}

fn code(field: &str) -> Result<Option<u16>, BadRowReason> {
    match field.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| BadRowReason::Code),
    }
}

/// Reads `YYYY-MM-DD hh:mm:ss`, also with a `T` between.
pub(super) fn time_of(text: &str) -> Result<NaiveDateTime, BadTime> {
    let text = text.trim();
    let digits = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    let shape: Vec<u8> = text.bytes().take(20).map(digits).collect();
    let known = matches!(shape.as_slice(), b"0000-00-00 00:00:00" | b"0000-00-00T00:00:00");
    let parsed =
        known.then(|| NaiveDateTime::parse_from_str(&text.replace('T', " "), "%Y-%m-%d %H:%M:%S").ok());
    // A leap second is none that a clock means, and would not survive the way to the store.
    let parsed = parsed.flatten().filter(|_| !text.ends_with(":60"));
    parsed.ok_or_else(|| BadTime::new(text))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::NaiveDate;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn latest() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 11, 22).unwrap().into()
    }

    fn read(line: &str) -> Result<AttendanceRow, BadRow> {
        parse(&Line::Whole(Bytes::copy_from_slice(line.as_bytes())), 7, latest())
    }

    #[test]
    fn the_captured_line_is_read() {
        let row = read("1001\t2026-11-20 23:47:08\t0\t1\t0\t0\t0").unwrap();
        assert_eq!(row.user.to_string(), "1001");
        assert_eq!(row.time.unwrap().to_string(), "2026-11-20 23:47:08");
        assert_eq!((row.state, row.verify, row.work_code), (Some(0), Some(1), None));
        assert_eq!((row.position, row.utc_offset, row.doubt), (7, None, None));
    }

    #[test]
    fn four_fields_are_enough_and_eleven_carry_an_offset() {
        let row = read("007\t2026-11-20 08:00:00\t1\t15").unwrap();
        assert_eq!((row.user.to_string().as_str(), row.state, row.verify), ("007", Some(1), Some(15)));
        let row = read("1\t2026-11-20 08:00:00\t255\t15\tW7\t0\t0\t1\t36.5\t97.7\t19800").unwrap();
        assert_eq!((row.utc_offset, row.work_code.as_deref()), (Some(19_800), Some("W7")));
        let row = read("1\t2026-11-20 08:00:00\t0\t15\t0\t0\t0\t\t\t\t99999999").unwrap();
        assert_eq!(row.utc_offset, None);
    }

    #[rstest]
    #[case("2024-02-31 08:00:00")]
    #[case("0000-00-00 00:00:00")]
    #[case("2026-11-20 08:00:60")]
    #[case("2026-11-20")]
    #[case("+026-11-20 08:00:00")]
    #[case("yesterday")]
    fn a_time_that_does_not_exist_stays_with_its_row(#[case] said: &str) {
        assert_eq!(read(&format!("1\t{said}\t0\t1")).unwrap().time.unwrap_err().said(), said);
    }

    #[test]
    fn a_time_ahead_is_doubted() {
        assert_eq!(read("1\t2099-01-01 00:00:00\t0\t1").unwrap().doubt, Some(Doubt::Future));
    }

    #[rstest]
    #[case("1\t2026-11-20 08:00:00\t0", BadRowReason::TooFewFields)]
    #[case("\t2026-11-20 08:00:00\t0\t1", BadRowReason::UserId)]
    #[case("1234567890123456789012345\t2026-11-20 08:00:00\t0\t1", BadRowReason::UserId)]
    #[case("1\t2026-11-20 08:00:00\tin\t1", BadRowReason::Code)]
    #[case("1\t2026-11-20 08:00:00\t0\t70000", BadRowReason::Code)]
    fn other_lines_are_told_with_their_bytes(#[case] line: &str, #[case] reason: BadRowReason) {
        let bad = read(line).unwrap_err();
        assert_eq!((bad.reason, &*bad.raw, bad.position), (reason, line.as_bytes(), 7));
    }

    proptest! {
        #[test]
        fn no_line_panics(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&Line::Whole(raw.into()), 0, latest());
        }

        #[test]
        fn no_line_of_fields_panics(line in "[0-9a-z\t :-]{0,60}") {
            let _ = read(&line);
        }
    }
}
