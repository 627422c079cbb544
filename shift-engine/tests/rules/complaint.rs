//! What people complain about in other systems, each with a test named after what it guards.

use rstest::rstest;
use serde_json::{Value, json};

use crate::scene::Scene;

fn hours(start: &str, end: &str) -> Value {
    json!({"hours": {"fixed": {"start": start, "end": end}}})
}

/// Day and night shifts with windows that overlap, by a roster of every day.
fn rostered(code: &str) -> Scene {
    Scene::factory().with(json!({
        "shifts": {"D": hours("08:00", "20:00"), "N": hours("20:00", "08:00")},
        "rosters": [{"fixed": {"shifts": [code]}}],
    }))
}

#[test]
fn the_out_of_a_night_stays_with_the_night_where_windows_overlap() {
    // A night, then a day shift whose window begins two hours before the night ends.
    let scene = rostered("D")
        .with(json!({"cells": {"2026-11-16": ["N"]}}))
        .punched("2026-11-16", "19:55 +08:00")
        .punched("2026-11-17", "20:05");
    scene.gives("2026-11-16", "shifts N, out 2026-11-17 08:00, worked 12:05");
    scene.gives("2026-11-17", "shifts D, in -, flags missing_in");
}

#[test]
fn the_out_of_a_night_is_not_the_in_of_the_next_day() {
    let nights = ["2026-11-16", "2026-11-17", "2026-11-18"];
    let scene = nights.iter().fold(rostered("N"), |scene, date| scene.punched(date, "19:58 +08:03"));
    for date in nights {
        scene.gives(date, "worked 12:05, flags -");
    }
}

#[rstest]
#[case("Asia/Kolkata")]
#[case("Asia/Dhaka")]
#[case("America/New_York")]
#[case("UTC")]
fn overtime_does_not_grow_where_a_shift_crosses_midnight_here_or_in_greenwich(#[case] zone: &str) {
    let scene = rostered("N").with(json!({"zone": zone})).punched("2026-11-16", "20:00 +08:45");
    scene.gives("2026-11-16", "worked 12:45, overtime 0:45");
}

#[test]
fn a_night_can_be_split_into_its_dates() {
    let scene = rostered("N")
        .with(json!({"rosters": []}))
        .policy(json!({"attribution": "split_midnight"}))
        .punched("2026-11-16", "20:00 +08:00");
    scene.gives("2026-11-16", "worked 4:00");
    scene.gives("2026-11-17", "worked 8:00");
}

#[rstest]
#[case("22:00", "06:00", "20:00 +08:00", "8:00")]
#[case("22:00", "05:00", "20:00 +04:00", "6:00")]
#[case("00:00", "06:00", "20:00 +08:00", "6:00")]
#[case("18:00", "24:00", "20:00 +08:00", "4:00")]
#[case("18:00", "23:00", "20:00 +08:00", "3:00")]
#[case("06:00", "20:00", "20:00 +08:00", "2:00")]
#[case("09:00", "17:00", "20:00 +08:00", "-")]
fn night_hours_are_right_for_windows_with_and_without_midnight(
    #[case] start: &str,
    #[case] end: &str,
    #[case] punches: &str,
    #[case] night: &str,
) {
    let scene = rostered("N")
        .policy(json!({"night_window": {"start": start, "end": end}}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", &format!("night {night}"));
}

#[test]
fn days_settle_by_what_the_clocks_reported_not_by_hand() {
    let scene = Scene::factory().with(json!({"from": "2026-11-16", "to": "2026-11-16"}));
    let read_to = |wall: &str| scene.clone().with(json!({"clocks": {"G1": wall}}));
    read_to("2026-11-16T22:59:59").gives("2026-11-16", "status pending, final false");
    read_to("2026-11-16T23:00:01").gives("2026-11-16", "status absent, final true");
}

#[test]
fn each_rostered_day_without_a_punch_is_absent_and_none_is_skipped() {
    let scene = rostered("N").with(json!({"from": "2026-11-14", "to": "2026-11-19"}));
    for date in 14..=19 {
        scene.gives(&format!("2026-11-{date}"), "status absent, shifts N");
    }
}

#[test]
fn nobody_is_absent_who_punched_or_whose_shift_is_not_over() {
    let scene = rostered("N").with(json!({"as_of": "2026-11-17T03:00:00"}));
    scene.clone().punched("2026-11-16", "20:00").gives("2026-11-16", "status present, final false");
    scene.clone().gives("2026-11-16", "status pending");
    scene.gives("2026-11-17", "status pending");
}

#[test]
fn who_has_not_come_yet_is_shown_the_same_day() {
    let scene = Scene::factory().with(json!({"as_of": "2026-11-16T08:30:00"}));
    scene.gives("2026-11-16", "status pending, shifts A, expected 8:00");
}

#[test]
fn a_roster_goes_before_a_default_shift_and_only_one_counts() {
    let scene = rostered("D")
        .with(json!({"rosters": [
            {"basis": "default", "fixed": {"shifts": ["D"]}},
            {"basis": "roster", "from": "2026-11-16", "to": "2026-11-16", "fixed": {"shifts": ["N"]}},
        ]}))
        .with(json!({"from": "2026-11-15", "to": "2026-11-17"}));
    scene.gives("2026-11-15", "shifts D");
    scene.gives("2026-11-16", "shifts N");
    scene.gives("2026-11-17", "shifts D");
}

#[test]
fn a_weekly_off_rotates_with_the_worker_and_shifts_can_be_swapped() {
    let runs = json!([{"days": 4, "shifts": ["D"]}, {"days": 1, "shifts": []}]);
    let scene = rostered("D").with(json!({
        "rosters": [{"cycle": {"anchor": "2026-11-14", "runs": runs}}],
        "cells": {"2026-11-19": [], "2026-11-18": ["N"]},
        "from": "2026-11-14", "to": "2026-11-24",
    }));
    scene.gives("2026-11-17", "kind working, shifts D");
    scene.gives("2026-11-18", "kind working, shifts N");
    scene.gives("2026-11-19", "status weekly_off");
    scene.gives("2026-11-20", "kind working, shifts D");
    scene.gives("2026-11-23", "status weekly_off");
}

#[test]
fn saturday_may_be_half_and_friday_have_a_long_break() {
    let long = json!([{"start": "12:00", "end": "14:30"}]);
    let scene = Scene::factory()
        .policy(json!({"weekly_off": ["sunday"]}))
        .with(json!({"shifts": {"A": {
            "hours": {"fixed": {"start": "08:00", "end": "17:00"}},
            "weekdays": {
                "saturday": {"fixed": {"start": "08:00", "end": "13:00"}},
                "friday": {"fixed": {"start": "08:00", "end": "18:00", "breaks": long}},
            },
        }}}))
        .punched("2026-11-14", "08:00 13:00")
        .punched("2026-11-20", "08:00 18:00");
    scene.gives("2026-11-14", "expected 5:00, worked 5:00, undertime -");
    scene.gives("2026-11-20", "expected 7:30, worked 7:30, breaks 2:30");
}

#[test]
fn lunch_is_taken_off_whether_it_is_punched_or_not() {
    let scene = Scene::factory()
        .policy(json!({"pairing": "alternate"}))
        .punched("2026-11-16", "08:00 17:00")
        .punched("2026-11-17", "08:00 13:00 14:00 17:00")
        .punched("2026-11-18", "08:00 13:10 13:50 17:00");
    for date in ["2026-11-16", "2026-11-17", "2026-11-18"] {
        scene.gives(date, "worked 8:00");
    }
}

#[test]
fn the_long_middle_of_a_split_shift_is_not_worked() {
    let blocks = json!([{"start": "06:00", "end": "10:00"}, {"start": "15:00", "end": "19:00"}]);
    let scene = Scene::factory()
        .with(json!({"shifts": {"A": {"hours": {"split": {"blocks": blocks}}}}}))
        .punched("2026-11-16", "06:00 19:00")
        .punched("2026-11-17", "06:00 10:30 14:45 19:30");
    scene.gives("2026-11-16", "worked 8:00, overtime -");
    scene.gives("2026-11-17", "worked 8:30, overtime 0:30");
}

#[test]
fn break_minutes_are_no_overtime() {
    let scene = Scene::factory()
        .policy(json!({"overtime": {"basis": "worked_over_schedule"}}))
        .punched("2026-11-16", "08:00 17:00");
    scene.gives("2026-11-16", "worked 8:00, overtime -");
}

#[rstest]
#[case("after_shift_end", "-")]
#[case("before_shift_start", "0:45")]
#[case("outside_schedule", "0:45")]
fn coming_early_is_overtime_only_where_the_policy_says_so(#[case] basis: &str, #[case] overtime: &str) {
    let scene =
        Scene::factory().policy(json!({"overtime": {"basis": basis}})).punched("2026-11-16", "07:15 17:00");
    scene.gives("2026-11-16", &format!("overtime {overtime}"));
}

#[test]
fn overtime_is_the_same_however_often_it_is_worked_out() {
    let setting = Scene::factory().punched("2026-11-16", "08:00 19:00").setting();
    let mut stored = setting.compute().days;
    for _ in 0..3 {
        let again = shift_engine::compute(&setting.book, &setting.person(&stored), &setting.ask()).days;
        assert_eq!(again, stored);
        stored = again;
    }
}

#[test]
fn two_stretches_of_a_day_are_one_days_overtime() {
    let scene = Scene::factory()
        .policy(json!({"pairing": "alternate", "overtime": {"basis": "worked_over_schedule"}}))
        .punched("2026-11-16", "08:00 15:00 16:00 20:00");
    scene.gives("2026-11-16", "worked 10:00, overtime 2:00");
}

#[rstest]
#[case("16:50", "-")]
#[case("16:45", "-")]
#[case("16:44", "0:16")]
fn short_hours_within_the_tolerance_are_none_and_beyond_it_count_in_full(
    #[case] out: &str,
    #[case] undertime: &str,
) {
    let scene = Scene::factory()
        .policy(json!({"undertime": {"ignore_up_to_min": 15}}))
        .punched("2026-11-16", &format!("08:00 {out}"));
    scene.gives("2026-11-16", &format!("undertime {undertime}"));
}

#[rstest]
#[case(2, "half_day", 0)]
#[case(3, "half_day", 1)]
#[case(6, "half_day", 2)]
#[case(3, "full_day", 2)]
fn three_lates_cost_what_the_policy_says(#[case] lates: u32, #[case] costs: &str, #[case] half_days: u16) {
    let rules = json!({"weekly_off": [], "late_penalty": {"every": 3, "costs": costs}});
    let scene = (0..lates).fold(Scene::factory().policy(rules), |scene, day| {
        scene.punched(&format!("2026-11-{}", 10 + day), "08:20 17:00")
    });
    let output = scene.output();
    let month = output.periods.iter().find(|period| period.kind == shift_engine::PeriodKind::Month).unwrap();
    assert_eq!((u32::from(month.late_count), month.penalty_half_days), (lates, half_days));
    assert_eq!(month.figures.late, shift_engine::Seconds::minutes(20 * i64::from(lates)));
}

#[test]
fn one_late_can_be_waived_and_no_longer_costs_anything() {
    let scene = Scene::factory()
        .policy(json!({"late_penalty": {"every": 1, "costs": "half_day"}}))
        .with(json!({"decisions": [{"date": "2026-11-16", "type": "waive_late"}]}))
        .punched("2026-11-16", "08:20 17:00");
    scene.gives("2026-11-16", "late -, flags late_waived");
    assert!(scene.output().periods.iter().all(|period| period.penalty_half_days == 0));
}

#[test]
fn a_forgotten_out_is_shown_or_closed_by_rule_and_never_guessed() {
    let scene = Scene::factory().punched("2026-11-16", "08:00");
    scene.gives("2026-11-16", "status present, worked -, exceptions missing_out");
    scene
        .policy(json!({"auto_out": {"after_expected_plus_min": 0}}))
        .gives("2026-11-16", "worked 8:00, out 2026-11-16 17:00, exceptions auto_out");
}

#[rstest]
#[case("08:00/out 13:00/out 17:00/out")]
#[case("08:00/in 17:00/in")]
#[case("08:00/out 17:00/in")]
#[case("08:00 17:00")]
fn useless_directions_of_a_clock_do_no_harm(#[case] punches: &str) {
    Scene::factory().punched("2026-11-16", punches).gives("2026-11-16", "worked 8:00, flags -");
}

#[test]
fn a_later_out_replaces_an_earlier_one() {
    let scene = Scene::factory().punched("2026-11-16", "08:00 17:00");
    scene.gives("2026-11-16", "out 2026-11-16 17:00, overtime -");
    scene.punched("2026-11-16", "18:30").gives("2026-11-16", "out 2026-11-16 18:30, overtime 1:30");
}

#[test]
fn an_in_of_a_clock_and_an_out_of_a_correction_join() {
    // A correction has no key of a clock: its direction is not known.
    let scene =
        Scene::factory().policy(json!({"pairing": "directed_pairs"})).punched("2026-11-16", "08:00/in 17:00");
    scene.gives("2026-11-16", "worked 8:00, flags -");
}

#[rstest]
#[case("first_last")]
#[case("alternate")]
#[case("directed_pairs")]
fn a_card_read_twice_and_a_log_sent_again_count_once(#[case] pairing: &str) {
    let once = Scene::factory()
        .policy(json!({"pairing": pairing}))
        .punched("2026-11-16", "08:00:00/in 08:00:03/in 17:00:00/out 17:00:59/out");
    once.gives("2026-11-16", "worked 8:00, flags -");
    let again = once.clone().punched("2026-11-16", "08:00:00/in 17:00:00/out");
    again.gives("2026-11-16", "worked 8:00, flags -");
}

#[rstest]
#[case("08:00", "10:00", "10:00 17:00", "late -, early -, undertime -")]
#[case("15:00", "17:00", "08:00 15:00", "late -, early -, undertime -")]
#[case("08:00", "10:00", "10:20 17:00", "late 0:20, early -, undertime 0:20")]
#[case("12:30", "14:00", "08:00 12:30 14:00 17:00", "late -, early -, undertime -")]
fn hourly_leave_is_judged_against_the_shifts_hours(
    #[case] from: &str,
    #[case] to: &str,
    #[case] punches: &str,
    #[case] expected: &str,
) {
    let at = |time: &str| format!("2026-11-16T{time}:00");
    let leave =
        json!([{"from": "2026-11-16", "portion": "hours", "start": at(from), "end": at(to), "paid": true}]);
    let scene = Scene::factory()
        .policy(json!({"pairing": "alternate"}))
        .with(json!({"leaves": leave}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}
