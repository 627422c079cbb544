//! Which mark a day gets on the pages.

use chrono::{DateTime, Utc};
use web_kit::DayMark;

use crate::store::page::today::DayCells;

/// The one word for a day in a list, as things are now. What decides the wage stands in the day's record, not here.
pub(super) fn day_mark(day: &DayCells, now: DateTime<Utc>) -> DayMark {
    let came = day.first_in.is_some();
    let inside = came && day.last_out.is_none();
    match day.status.as_deref() {
        Some("present") | Some("pending") if came => {
            if inside && !day.provisional {
                DayMark::MissingPunch
            } else if day.late > 0 {
                DayMark::Late
            } else if inside {
                DayMark::Working
            } else if day.early > 0 {
                DayMark::LeftEarly
            } else {
                DayMark::Present
            }
        }
        Some("present") if day.last_out.is_some() => DayMark::MissingPunch,
        Some("present") => DayMark::OnDuty,
        Some("half_day") => DayMark::HalfDay,
        Some("absent") => DayMark::Absent,
        Some("weekly_off") => DayMark::WeeklyOff,
        Some("holiday") => DayMark::Holiday,
        Some("on_leave") => DayMark::Leave,
        Some("pending") => match (day.starts, day.closes) {
            (Some(starts), _) if now < starts => DayMark::NotStarted,
            (Some(_), Some(closes)) if now <= closes => DayMark::NotIn,
            _ => DayMark::Provisional,
        },
        Some(_) | None => DayMark::Provisional,
    }
}

/// The letter of a day as a muster roll writes it.
pub(super) const fn letter(mark: DayMark) -> &'static str {
    match mark {
        DayMark::Present | DayMark::Working | DayMark::LeftEarly | DayMark::MissingPunch => "P",
        DayMark::Late => "PL",
        DayMark::HalfDay => "HD",
        DayMark::Absent => "A",
        DayMark::Leave => "L",
        DayMark::WeeklyOff => "W",
        DayMark::Holiday => "H",
        DayMark::OnDuty => "OD",
        DayMark::Provisional | DayMark::NotStarted | DayMark::NotIn | DayMark::Unscheduled => "",
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;

    fn day(status: &str, came: bool, left: bool, provisional: bool, late: i64, early: i64) -> DayCells {
        let at = |is: bool| is.then(chrono::DateTime::<chrono::Utc>::default);
        let status = (!status.is_empty()).then(|| status.to_owned());
        DayCells {
            status,
            provisional,
            first_in: at(came),
            last_out: at(left),
            late,
            early,
            ..DayCells::default()
        }
    }

    #[rstest]
    #[case(day("present", true, false, true, 0, 0), DayMark::Working)]
    #[case(day("pending", true, false, true, 60, 0), DayMark::Late)]
    #[case(day("present", true, true, false, 0, 0), DayMark::Present)]
    #[case(day("present", true, true, false, 0, 60), DayMark::LeftEarly)]
    #[case(day("present", true, false, false, 60, 0), DayMark::MissingPunch)]
    #[case(day("present", false, true, true, 0, 0), DayMark::MissingPunch)]
    #[case(day("present", false, false, false, 0, 0), DayMark::OnDuty)]
    #[case(day("pending", false, false, true, 0, 0), DayMark::Provisional)]
    #[case(day("absent", false, false, false, 0, 0), DayMark::Absent)]
    #[case(day("", false, false, true, 0, 0), DayMark::Provisional)]
    #[case(day("of a newer program", false, false, false, 0, 0), DayMark::Provisional)]
    fn a_day_has_one_mark(#[case] day: DayCells, #[case] mark: DayMark) {
        assert_eq!(day_mark(&day, DateTime::default()), mark);
    }

    #[rstest]
    #[case(-1, DayMark::NotStarted)]
    #[case(0, DayMark::NotIn)]
    #[case(9 * 3600, DayMark::NotIn)]
    #[case(14 * 3600 + 1, DayMark::Provisional)]
    fn who_has_not_come_is_awaited_from_the_start_until_the_window_closes(
        #[case] seconds_after_start: i64,
        #[case] mark: DayMark,
    ) {
        let starts = DateTime::<Utc>::default();
        let mut day = day("pending", false, false, true, 0, 0);
        (day.starts, day.closes) = (Some(starts), Some(starts + TimeDelta::hours(14)));
        assert_eq!(day_mark(&day, starts + TimeDelta::seconds(seconds_after_start)), mark);
    }
}
