//! From a clock's words to a punch, or to a row that cannot be one.
//!
//! A clock says a wall time without a zone; the zone is its own or its site's. Impossible and implausible dates, ids
//! that are none and rows that do not look like punches go to quarantine with their bytes; nothing is guessed.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use device_protocols::driver::{BadRow as UnreadRow, BadRowReason};
use device_protocols::operation::Operation;
use device_protocols::row::{AttendanceRow, Doubt, UserRef};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode, ZoneHistory};

use crate::store::{BadRow, Delivered, NewClockEvent, QuarantineReason};

/// The first wall time that can be true. A clock that lost its battery starts again at 2000-01-01 and runs on from there:
/// taken as true, one such punch would make everybody absent for all the years since.
const FIRST: NaiveDateTime = match NaiveDate::from_ymd_opt(2010, 1, 1) {
    Some(date) => NaiveDateTime::new(date, NaiveTime::MIN),
    None => NaiveDateTime::MIN,
};
/// How far ahead of true time a clock may be for its punches to be taken.
const AHEAD: Duration = Duration::hours(48);
/// The longest work code kept, characters.
const WORK_CODE: usize = 64;

/// What is needed to read one clock's rows by one route.
#[derive(Debug, Clone)]
pub struct Translator<'a> {
    /// The clock.
    pub serial: &'a ClockSerial,
    /// Its zones, or its site's.
    pub zones: &'a ZoneHistory,
    /// The way the rows came.
    pub route: Route,
    /// The present time.
    pub now: DateTime<Utc>,
}

impl Translator<'_> {
    /// Translates a row.
    #[must_use]
    pub fn row(&self, row: &AttendanceRow) -> Delivered {
        self.punch(row).map_or_else(
            |(reason, detail)| Delivered::Bad(BadRow { reason, detail, raw: kept(&row.raw) }),
            Delivered::Punch,
        )
    }

    /// Translates a line that the protocol could not read.
    #[must_use]
    pub fn bad(&self, row: &UnreadRow) -> Delivered {
        let reason = match row.reason {
            BadRowReason::UserId => QuarantineReason::BadUser,
            BadRowReason::TooFewFields
            | BadRowReason::Code
            | BadRowReason::TooLong
            | BadRowReason::Encoding => QuarantineReason::Malformed,
        };
        Delivered::Bad(BadRow { reason, detail: row.reason.to_string(), raw: kept(&row.raw) })
    }

    fn punch(&self, row: &AttendanceRow) -> Result<Punch, (QuarantineReason, String)> {
        let wall =
            *row.time.as_ref().map_err(|bad| (QuarantineReason::ImpossibleDate, bad.said().to_owned()))?;
        let raw_time = RawTime::new(wall);
        let latest = self.now.with_timezone(&self.zones.latest()).naive_local() + AHEAD;
        if raw_time.wall() <= FIRST || raw_time.wall() > latest {
            return Err((QuarantineReason::ImplausibleDate, raw_time.to_string()));
        }
        if row.doubt == Some(Doubt::Shape) {
            return Err((QuarantineReason::Doubtful, format!("user {}", row.user)));
        }
        let user_code = code(&row.user).ok_or_else(|| (QuarantineReason::BadUser, row.user.to_string()))?;
        let (instant, zone) = self.instant(raw_time.wall(), row.utc_offset);
        let small = |code: Option<u16>| code.and_then(|code| u8::try_from(code).ok());
        let work_code =
            row.work_code.as_deref().unwrap_or_default().chars().take(WORK_CODE).collect::<String>();
        Ok(Punch {
            id: PunchId::of_clock(self.serial, &user_code, raw_time),
            serial: self.serial.clone(),
            user_code,
            raw_time,
            zone,
            instant,
            reading: Reading {
                state: small(row.state),
                verify: small(row.verify),
                work_code: work_code.into(),
            },
            route: self.route,
            received_at: self.now,
            raw: kept(&row.raw),
        })
    }

    /// The instant of a wall time. An offset that the clock itself states goes before its configured zone.
    fn instant(&self, wall: NaiveDateTime, offset: Option<i32>) -> (DateTime<Utc>, Tz) {
        let (instant, zone, _) = self.zones.resolve(wall);
        let Some(offset) = offset else { return (instant, zone) };
        let configured = zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
        match fixed_zone(offset) {
            Some(stated) if offset != configured => (shared_model::zone::resolve_in(stated, wall).0, stated),
            Some(_) | None => (instant, zone),
        }
    }
}

/// Something that was done at a clock, as the store keeps it.
#[must_use]
pub fn event(operation: &Operation, zones: &ZoneHistory) -> NewClockEvent {
    NewClockEvent {
        code: operation.code,
        admin: operation.admin.clone(),
        said: match &operation.time {
            Ok(time) => time.to_string(),
            Err(bad) => bad.said().to_owned(),
        },
        instant: operation.time.as_ref().ok().map(|wall| zones.resolve(*wall).0),
        objects: operation.objects.join(","),
    }
}

/// The zone that is always so many seconds east of UTC, where there is one: whole hours from -12 to 14.
fn fixed_zone(offset: i32) -> Option<Tz> {
    if offset % 3600 != 0 {
        return None;
    }
    // These zones are named the other way round: Etc/GMT-6 is six hours east.
    match offset / 3600 {
        0 => Some(Tz::Etc__UTC),
        hours @ 1..=14 => format!("Etc/GMT-{hours}").parse().ok(),
        hours @ -12..=-1 => format!("Etc/GMT+{}", -hours).parse().ok(),
        _ => None,
    }
}

/// The code of a user as the ledger names it.
#[must_use]
pub fn code(user: &UserRef) -> Option<UserCode> {
    match user {
        UserRef::Code(code) => UserCode::parse(code.as_str()).ok(),
        UserRef::Number(number) => UserCode::parse(&number.to_string()).ok(),
        UserRef::Internal(number) => Some(UserCode::internal(*number)),
        UserRef::Unreadable => None,
    }
}

/// The bytes of a row, as many as are kept.
#[must_use]
pub fn kept(raw: &[u8]) -> Box<[u8]> {
    raw.get(..Punch::RAW_MAX).unwrap_or(raw).into()
}

#[cfg(test)]
mod tests {
    use device_protocols::row::{BadTime, RawRow};
    use rstest::rstest;

    use super::*;

    fn row(time: Result<NaiveDateTime, BadTime>) -> AttendanceRow {
        AttendanceRow {
            position: 0,
            user: UserRef::Number(7),
            time,
            utc_offset: None,
            verify: Some(1),
            state: Some(255),
            work_code: None,
            doubt: None,
            raw: RawRow::new(b"raw"),
            known: 3,
        }
    }

    fn translate(row: &AttendanceRow) -> Delivered {
        let serial = ClockSerial::parse("A1").unwrap();
        let zones = ZoneHistory::single(Tz::Asia__Dhaka);
        let now = "2026-11-20T06:00:00Z".parse().unwrap();
        Translator { serial: &serial, zones: &zones, route: Route::Pull, now }.row(row)
    }

    fn wall(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_row_becomes_a_punch_with_raw_time_zone_and_instant() {
        let Delivered::Punch(punch) = translate(&row(Ok(wall("2026-11-20T09:30:15")))) else { panic!() };
        assert_eq!(punch.instant.to_rfc3339(), "2026-11-20T03:30:15+00:00");
        assert_eq!((punch.zone, punch.user_code.as_str()), (Tz::Asia__Dhaka, "7"));
        assert_eq!((punch.reading.state, punch.reading.verify), (Some(255), Some(1)));
        assert_eq!(&*punch.raw, b"raw");
    }

    #[rstest]
    // 12:00 in Dhaka now; 48 hours ahead is the last second taken.
    #[case("2026-11-22T12:00:00", None)]
    #[case("2026-11-22T12:00:01", Some(QuarantineReason::ImplausibleDate))]
    #[case("2000-01-01T00:00:00", Some(QuarantineReason::ImplausibleDate))]
    #[case("2000-01-03T08:10:00", Some(QuarantineReason::ImplausibleDate))]
    #[case("2010-01-01T00:00:00", Some(QuarantineReason::ImplausibleDate))]
    #[case("2010-01-01T00:00:01", None)]
    #[case("2079-12-31T23:59:59", Some(QuarantineReason::ImplausibleDate))]
    fn what_lies_outside_the_plausible_is_quarantined(
        #[case] time: &str,
        #[case] wanted: Option<QuarantineReason>,
    ) {
        let found = match translate(&row(Ok(wall(time)))) {
            Delivered::Punch(_) => None,
            Delivered::Bad(bad) => Some(bad.reason),
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_date_that_does_not_exist_keeps_what_the_clock_said() {
        let bad = translate(&row(Err(BadTime::new("2026-02-31 09:00:00"))));
        let wanted = BadRow {
            reason: QuarantineReason::ImpossibleDate,
            detail: "2026-02-31 09:00:00".to_owned(),
            raw: b"raw".to_vec().into(),
        };
        assert_eq!(bad, Delivered::Bad(wanted));
    }

    #[test]
    fn users_that_are_none_and_rows_that_look_wrong_are_quarantined() {
        let at = || row(Ok(wall("2026-11-20T09:30:15")));
        let reason = |row: AttendanceRow| match translate(&row) {
            Delivered::Bad(bad) => bad.reason,
            Delivered::Punch(punch) => panic!("{punch:?}"),
        };
        assert_eq!(reason(AttendanceRow { user: UserRef::Unreadable, ..at() }), QuarantineReason::BadUser);
        assert_eq!(reason(AttendanceRow { doubt: Some(Doubt::Shape), ..at() }), QuarantineReason::Doubtful);
    }

    #[rstest]
    #[case(None, "2026-11-20T03:30:15+00:00", "Asia/Dhaka")]
    #[case(Some(6 * 3600), "2026-11-20T03:30:15+00:00", "Asia/Dhaka")]
    #[case(Some(7 * 3600), "2026-11-20T02:30:15+00:00", "Etc/GMT-7")]
    #[case(Some(-5 * 3600), "2026-11-20T14:30:15+00:00", "Etc/GMT+5")]
    // No zone has this offset for good: the configured one counts.
    #[case(Some(19_800), "2026-11-20T03:30:15+00:00", "Asia/Dhaka")]
    fn an_offset_that_the_clock_states_goes_before_the_configured_zone(
        #[case] offset: Option<i32>,
        #[case] instant: &str,
        #[case] zone: &str,
    ) {
        let row = AttendanceRow { utc_offset: offset, ..row(Ok(wall("2026-11-20T09:30:15"))) };
        let Delivered::Punch(punch) = translate(&row) else { panic!() };
        assert_eq!((punch.instant.to_rfc3339().as_str(), punch.zone.name()), (instant, zone));
    }
}
