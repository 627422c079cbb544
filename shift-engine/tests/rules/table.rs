//! Tables of the rules' borders: one line, one case.

use rstest::rstest;
use serde_json::{Value, json};
use shift_engine::{CompanyRuleDefinition, DayRecord, Seconds, Status, Typed, compute};

use crate::scene::Scene;

fn day_and_night() -> Scene {
    Scene::factory().with(json!({
        "shifts": {
            "D": {"hours": {"fixed": {"start": "08:00", "end": "16:00"}}},
            "E": {"hours": {"fixed": {"start": "10:00", "end": "18:00"}}},
            "N": {"hours": {"fixed": {"start": "20:00", "end": "04:00"}}},
        },
        "rosters": [],
    }))
}

#[rstest]
#[case::nearest("07:00 16:00", "shifts D")]
#[case::nearest_of_later_start("09:01 16:00", "shifts E")]
#[case::tie_is_the_earlier_start("09:00 18:00", "shifts D")]
#[case::start_of_night("18:10 +04:00", "shifts N")]
#[case::out_of_all_windows("05:00", "shifts -, status -")]
#[case::one_shift_a_day("08:00 16:00 23:00", "shifts D, exceptions shift_detected+punch_without_shift")]
fn a_shift_is_found_by_its_nearest_start(#[case] punches: &str, #[case] expected: &str) {
    let scene = day_and_night().punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[test]
fn of_equal_starts_the_lower_code_is_found_and_only_named_candidates_count() {
    let same = json!({"hours": {"fixed": {"start": "08:00", "end": "16:00"}}});
    let scene = Scene::factory()
        .with(json!({"shifts": {"B": same, "A": same, "C": same}, "rosters": []}))
        .punched("2026-11-16", "08:00 16:00");
    scene.gives("2026-11-16", "shifts A");
    scene.policy(json!({"unrostered": {"detect": {"among": ["C", "B"]}}})).gives("2026-11-16", "shifts B");
}

#[rstest]
#[case::before("05:59", "in -")]
#[case::first_minute("06:00", "in 2026-11-16 06:00")]
#[case::last_minute("23:00", "out 2026-11-16 23:00")]
#[case::after("23:01", "out -")]
fn a_window_holds_both_its_ends(#[case] punch: &str, #[case] expected: &str) {
    let scene = Scene::factory().punched("2026-11-16", punch);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::within_grace("08:05 16:55", "late -, early -")]
#[case::a_second_beyond("08:05:01 16:54:59", "late 0:05:01, early 0:05:01")]
#[case::never_in_at_all("17:30 18:00", "late 9:00, early -")]
#[case::gone_before_the_start("06:10 07:00", "late -, early 9:00")]
fn beyond_grace_all_of_it_counts(#[case] punches: &str, #[case] expected: &str) {
    Scene::factory().punched("2026-11-16", punches).gives("2026-11-16", expected);
}

#[rstest]
#[case::core_kept("09:59 15:01", "late -, early -, undertime 2:58")]
#[case::core_missed("10:01 14:59", "late 0:01, early 0:01, undertime 3:02")]
fn a_flexible_shift_judges_its_core_and_its_total(#[case] punches: &str, #[case] expected: &str) {
    let core = json!({"start": "10:00", "end": "15:00"});
    let hours =
        json!({"flexible": {"earliest": "06:00", "latest": "22:00", "core": core, "expected_min": 480}});
    let scene = Scene::factory()
        .policy(json!({"grace": {"late_min": 0, "early_min": 0}}))
        .with(json!({"shifts": {"A": {"hours": hours}}}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case("11:00 15:00", "worked 4:00, late -, early -, undertime -, overtime -")]
#[case("00:10 23:50", "worked 23:40, late -, early -, overtime -")]
fn an_open_shift_owes_nothing_and_nobody_is_late(#[case] punches: &str, #[case] expected: &str) {
    let scene = Scene::factory()
        .with(json!({"shifts": {"A": {"hours": {"open": {}}, "window": {"before_min": 0, "after_min": 0}}}}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::friday("2026-11-20", "{}", "kind weekly_off, status weekly_off, worked -")]
#[case::worked(
    "2026-11-20",
    r#"{"punch": "08:00 17:00"}"#,
    "status present, worked 9:00, overtime 9:00, late -, undertime -"
)]
#[case::as_usual(
    "2026-11-20",
    r#"{"punch": "08:00 18:00", "policy": {"overtime": {"off_day": "as_usual"}}}"#,
    "status present, worked 10:00, overtime 1:00"
)]
#[case::holiday_wins("2026-11-20", r#"{"holiday": "public"}"#, "kind holiday, status holiday")]
#[case::half_holiday_on_an_off_day("2026-11-20", r#"{"holiday": "half_day"}"#, "kind weekly_off")]
#[case::holiday_punches_ignored(
    "2026-11-16",
    r#"{"holiday": "public", "punch": "08:00 17:00", "policy": {"holiday_punches": "ignore"}}"#,
    "status holiday"
)]
#[case::half_holiday(
    "2026-11-16",
    r#"{"holiday": "half_day", "punch": "08:00 12:00"}"#,
    "status present, expected 4:00, undertime -"
)]
#[case::half_holiday_short(
    "2026-11-16",
    r#"{"holiday": "half_day", "punch": "08:00 11:00"}"#,
    "expected 4:00, undertime 1:00"
)]
fn days_off_and_holidays(#[case] date: &str, #[case] what: &str, #[case] expected: &str) {
    let what: Value = serde_json::from_str(what).unwrap();
    let mut scene = Scene::factory();
    if let Some(kind) = what.get("holiday") {
        scene = scene.with(json!({"holidays": {date: kind}}));
    }
    if let Some(rules) = what.get("policy") {
        scene = scene.policy(rules.clone());
    }
    if let Some(times) = what.get("punch") {
        scene = scene.punched(date, times.as_str().unwrap());
    }
    scene.gives(date, expected);
}

#[rstest]
#[case::exactly_the_threshold("08:00 12:00", "status half_day")]
#[case::a_second_less("08:00 11:59:59", "status absent")]
#[case::whole("08:00 16:00", "status present")]
#[case::a_second_less_than_whole("08:00 15:59:59", "status half_day")]
fn exactly_a_threshold_is_not_below_it(#[case] punches: &str, #[case] expected: &str) {
    let scene = Scene::factory()
        .policy(json!({"thresholds": {"absent_below_min": 240, "half_day_below_min": 420}}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::first_half_worked_second("first_half", "12:30 17:00", "status half_day, other_half present, late -")]
#[case::second_half_worked_first(
    "second_half",
    "08:00 12:30",
    "status half_day, other_half present, early -"
)]
#[case::first_half_not_worked("first_half", "", "status half_day, other_half absent, expected 4:00")]
#[case::full("full", "", "status on_leave, expected -, undertime -")]
fn part_day_leave(#[case] portion: &str, #[case] punches: &str, #[case] expected: &str) {
    let scene = Scene::factory()
        .with(json!({"leaves": [{"from": "2026-11-16", "portion": portion}]}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[test]
fn two_halves_of_leave_make_a_full_day_and_a_request_is_no_leave() {
    let both = json!([{"from": "2026-11-16", "portion": "second_half"}, {"from": "2026-11-16", "portion": "first_half"}]);
    Scene::factory().with(json!({"leaves": both})).gives("2026-11-16", "status on_leave");
    let asked = json!([{"from": "2026-11-16", "portion": "full", "state": "pending"}]);
    Scene::factory().with(json!({"leaves": asked})).gives("2026-11-16", "status absent");
}

#[test]
fn duty_elsewhere_for_some_hours_covers_them() {
    let duty = json!([{"date": "2026-11-16", "type": "on_duty", "start": "2026-11-16T14:00:00", "end": "2026-11-16T17:00:00"}]);
    let scene = Scene::factory().with(json!({"decisions": duty})).punched("2026-11-16", "08:00 14:00");
    scene.gives("2026-11-16", "status present, early -, worked 5:00, credited 3:00, undertime -");
}

#[rstest]
#[case::run_over_the_weeks_start(&["2026-11-12", "2026-11-13", "2026-11-14"], "2026-11-14", "tiers consecutive:consecutive x2 8:00")]
#[case::a_day_between_breaks_it(&["2026-11-11", "2026-11-12", "2026-11-14"], "2026-11-14", "tiers -")]
#[case::the_day_before_is_not_enough(&["2026-11-13", "2026-11-14"], "2026-11-14", "tiers -")]
fn days_worked_in_a_row(#[case] dates: &[&str], #[case] date: &str, #[case] expected: &str) {
    let rules = json!({"weekly_off": [], "overtime": {"basis": "none", "consecutive_days": {"from_day": 3, "rate": "2"}}});
    let scene =
        dates.iter().fold(Scene::factory().policy(rules), |scene, date| scene.punched(date, "08:00 17:00"));
    scene.gives(date, expected);
}

#[rstest]
#[case::below_all(480, "tiers -")]
#[case::into_the_first(1000, "tiers period:a x3/2 1:00")]
#[case::over_both(800, "tiers period:a x3/2 1:40; period:b x2 2:40")]
fn a_period_has_tiers_of_its_own(#[case] over: u32, #[case] expected: &str) {
    // Three days of eight hours: 1440 minutes.
    let over = if over == 480 {
        1440
    } else if over == 1000 {
        1380
    } else {
        1180
    };
    let tiers = json!([{"id": "a", "over_min": over, "rate": "3/2"}, {"id": "b", "over_min": over + 100, "rate": "2"}]);
    let period = json!({"start": "2026-11-14", "days": 14, "tiers": tiers});
    let scene = ["2026-11-15", "2026-11-16", "2026-11-17"].iter().fold(
        Scene::factory().policy(json!({"overtime": {"basis": "none", "period": period}})),
        |scene, date| scene.punched(date, "08:00 17:00"),
    );
    scene.gives("2026-11-17", expected);
}

#[rstest]
#[case::autumn_night("2026-10-24", "22:00 +06:00", "expected 9:00, worked 9:00, undertime -")]
#[case::spring_night("2026-03-28", "22:00 +06:00", "expected 7:00, worked 7:00, undertime -")]
#[case::late_into_spring("2026-03-28", "22:30 +06:00", "late 0:30, worked 6:30")]
#[case::before("2026-10-23", "22:00 +06:00", "expected 8:00, worked 8:00")]
fn a_night_is_as_long_as_it_was(#[case] date: &str, #[case] punches: &str, #[case] expected: &str) {
    let scene = Scene::factory()
        .with(json!({"zone": "Europe/Berlin"}))
        .policy(json!({"weekly_off": []}))
        .with(json!({"shifts": {"A": {"hours": {"fixed": {"start": "22:00", "end": "06:00"}}}}}))
        .punched(date, punches);
    scene.gives(date, expected);
}

#[test]
fn of_a_repeated_hour_the_offset_tells_which() {
    let scene = Scene::factory()
        .with(json!({"zone": "Europe/Berlin", "rosters": []}))
        .policy(json!({"attribution": "first_punch", "pairing": "alternate"}));
    let between = |first: &str, second: &str| {
        let lines = json!([format!("2026-10-25 02:30 {first}"), format!("2026-10-25 02:30 {second} out")]);
        scene.clone().with(json!({ "punches": lines }))
    };
    between("+02:00", "+01:00").gives("2026-10-25", "worked 1:00");
    let first = scene.clone().with(json!({"punches": ["2026-10-25 02:30", "2026-10-25 03:30"]}));
    first.gives("2026-10-25", "worked 2:00");
}

#[rstest]
#[case::skipped_start("02:30", "10:30", "expected 7:00")]
#[case::midnight("00:00", "08:00", "expected 7:00")]
fn a_shift_that_begins_in_a_skipped_hour_begins_just_after_it(
    #[case] start: &str,
    #[case] end: &str,
    #[case] expected: &str,
) {
    let hours = json!({"fixed": {"start": start, "end": end}});
    let scene = Scene::factory()
        .with(json!({"zone": "Europe/Berlin"}))
        .policy(json!({"weekly_off": []}))
        .with(json!({"shifts": {"A": {"hours": hours}}}));
    scene.gives("2026-03-29", expected);
}

#[test]
fn a_zone_that_changes_in_the_middle_of_a_window_keeps_every_punch() {
    let zones = json!([{"from": null, "zone": "Asia/Dhaka"}, {"from": "2026-11-17", "zone": "Asia/Kolkata"}]);
    let scene = Scene::factory()
        .with(
            json!({"zone": zones, "shifts": {"A": {"hours": {"fixed": {"start": "22:00", "end": "06:00"}}}}}),
        )
        .punched("2026-11-16", "22:00 +06:00")
        .punched("2026-11-17", "22:00 +06:00");
    scene.gives("2026-11-16", "worked 8:30, expected 8:30, late -, early -");
    scene.gives("2026-11-17", "worked 8:00, expected 8:00, late -");
    assert_eq!(scene.output().unassigned().count(), 0);
}

fn locked() -> (Scene, Vec<DayRecord>) {
    let scene = Scene::factory().punched("2026-11-16", "08:00 17:00");
    let stored = scene.output().days;
    let period = json!([{"from": "2026-11-01", "to": "2026-11-30", "state": "locked"}]);
    (scene.with(json!({"pay_periods": period})), stored)
}

#[test]
fn a_locked_day_stays_and_what_it_would_be_is_an_adjustment() {
    let (scene, stored) = locked();
    let setting = scene.punched("2026-11-16", "19:00").setting();
    let output = compute(&setting.book, &setting.person(&stored), &setting.ask());
    let day = &output.days[0];
    assert!(day.locked);
    assert_eq!(DayRecord { locked: false, ..day.clone() }, stored[0]);
    let adjustment = &output.adjustments[0];
    assert_eq!(adjustment.status, (Status::Present, Status::Present));
    assert_eq!(
        (adjustment.worked, adjustment.payable_overtime),
        (Seconds::minutes(120), Seconds::minutes(120))
    );
    let month =
        output.periods.iter().find(|period| period.kind == shift_engine::PeriodKind::PayPeriod).unwrap();
    assert_eq!(month.figures.worked, stored[0].figures.worked);
}

#[test]
fn a_locked_day_stays_even_if_nobody_would_be_missed_on_it_any_more() {
    let (scene, stored) = locked();
    let setting = scene.with(json!({"employee": {"joined": "2026-11-30"}})).setting();
    let output = compute(&setting.book, &setting.person(&stored), &setting.ask());
    assert_eq!(output.days.iter().map(|day| day.date).collect::<Vec<_>>(), [stored[0].date]);
}

#[test]
fn a_locked_day_that_would_be_the_same_needs_no_adjustment() {
    let (scene, stored) = locked();
    let setting = scene.setting();
    let output = compute(&setting.book, &setting.person(&stored), &setting.ask());
    assert!(output.adjustments.is_empty());
}

#[rstest]
#[case("worked_min >", "when: ")]
#[case("worked_hours > 3", "there is no fact \"worked_hours\"")]
fn a_company_rule_is_checked_before_it_is_saved(#[case] when: &str, #[case] error: &str) {
    let rule = json!({"when": when, "then": {"flag": "X"}}).to_string();
    let found = CompanyRuleDefinition::parse_text(&rule).unwrap_err().to_string();
    assert!(found.contains(error), "{found}");
}

#[test]
fn a_company_rule_is_not_longer_than_allowed() {
    let when = format!("{}true", "true && ".repeat(200));
    let rule = json!({"when": when, "then": {"flag": "X"}}).to_string();
    assert!(CompanyRuleDefinition::parse_text(&rule).unwrap_err().to_string().contains("1000 bytes"));
}

#[rstest]
#[case::holds("late_min > 5 && category == 'worker'", "company_flags X, exceptions -")]
#[case::does_not("late_min > 30", "company_flags -, exceptions -")]
#[case::no_truth("late_min + 1", "company_flags -, exceptions company_rule_failed")]
#[case::breaks("late_min / 0 > 1", "company_flags -, exceptions company_rule_failed")]
#[case::overflows("9223372036854775807 + late_min > 0", "company_flags -, exceptions company_rule_failed")]
#[case::wrong_type("status > 3", "company_flags -, exceptions company_rule_failed")]
fn a_company_rule_that_fails_is_an_exception_of_the_day(#[case] when: &str, #[case] expected: &str) {
    let rules = json!([{"when": when, "then": {"flag": "X"}}]);
    let scene = Scene::factory().with(json!({ "company_rules": rules })).punched("2026-11-16", "08:10 17:00");
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::joined_later(r#"{"joined": "2026-11-17"}"#)]
#[case::left_before(r#"{"left": "2026-11-15"}"#)]
fn who_is_not_employed_has_no_record_and_the_punch_is_told(#[case] employee: &str) {
    let employee: Value = serde_json::from_str(employee).unwrap();
    let scene = Scene::factory().with(json!({ "employee": employee })).punched("2026-11-16", "08:00");
    scene.gives("2026-11-16", "status -");
    assert_eq!(scene.output().punches[0].role, shift_engine::PunchRole::NotEmployed);
}

#[rstest]
#[case::first_from_cell("2026-11-16", "A+B")]
#[case::only_b("2026-11-17", "B")]
fn several_shifts_a_day_share_its_punches(#[case] date: &str, #[case] shifts: &str) {
    let hours = |start: &str, end: &str| json!({"hours": {"fixed": {"start": start, "end": end}}, "window": {"before_min": 60, "after_min": 60}});
    let scene = Scene::factory()
        .with(json!({
            "shifts": {"A": hours("06:00", "10:00"), "B": hours("14:00", "18:00")},
            "rosters": [{"fixed": {"shifts": ["B"]}}],
            "cells": {"2026-11-16": ["B", "A"]},
        }))
        .punched("2026-11-16", "06:00 10:00 14:10 18:00")
        .punched("2026-11-17", "14:10 18:00");
    scene.gives(date, &format!("shifts {shifts}, late 0:10"));
}

#[rstest]
#[case::exactly_the_seconds("08:00:00 08:01:00 17:00:00", "flags -, worked 8:00")]
#[case::a_second_more("08:00:00 08:01:01 17:00:00", "flags missing_out, worked 0:01:01")]
fn a_punch_folds_up_to_exactly_the_seconds(#[case] punches: &str, #[case] expected: &str) {
    let scene = Scene::factory().policy(json!({"pairing": "alternate"})).punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::nearer_the_start("12:29", "in 2026-11-16 12:29")]
#[case::half_way_is_the_in("12:30", "in 2026-11-16 12:30")]
#[case::nearer_the_end("12:31", "in -")]
fn a_single_punch_is_what_it_is_nearer_to(#[case] punch: &str, #[case] expected: &str) {
    Scene::factory().punched("2026-11-16", punch).gives("2026-11-16", expected);
}

fn in_sessions(attribution: &str) -> Scene {
    Scene::factory().with(json!({"rosters": []})).policy(json!({
        "attribution": attribution, "pairing": "alternate",
        "sessions": {"new_session_gap_min": 240, "max_session_min": 600},
    }))
}

#[rstest]
#[case::exactly_the_longest("08:00 18:00", "worked 10:00, flags -")]
#[case::a_second_longer("08:00 18:00:01", "worked -, flags missing_out")]
fn a_session_is_at_most_as_long_as_allowed(#[case] punches: &str, #[case] expected: &str) {
    in_sessions("first_punch").punched("2026-11-16", punches).gives("2026-11-16", expected);
}

#[rstest]
#[case::exactly_the_gap("06:00 08:00 12:00 14:00", 2)]
#[case::a_second_less("06:00 08:00:01 12:00 14:00", 1)]
fn so_long_out_begins_a_new_session(#[case] punches: &str, #[case] sessions: u16) {
    let output = in_sessions("first_punch").punched("2026-11-16", punches).output();
    assert_eq!(output.days[0].shifts[0].sessions, sessions);
}

#[rstest]
#[case("first_punch", "2026-11-16", "worked 8:00")]
#[case("last_punch", "2026-11-17", "worked 8:00")]
#[case("majority", "2026-11-17", "worked 8:00")]
#[case("split_midnight", "2026-11-16", "worked 2:00")]
fn a_night_counts_on_the_date_of_the_policy(
    #[case] attribution: &str,
    #[case] date: &str,
    #[case] expected: &str,
) {
    in_sessions(attribution).punched("2026-11-16", "22:00 +06:00").gives(date, expected);
}

#[test]
fn a_policy_version_counts_from_its_date_on() {
    let scene = Scene::factory()
        .with(json!({"policy_from": {"2026-11-17": {"grace": {"late_min": 30}}, "2026-11-18": {}}}))
        .punched("2026-11-16", "08:20 17:00")
        .punched("2026-11-17", "08:20 17:00")
        .punched("2026-11-18", "08:20 17:00");
    scene.gives("2026-11-16", "late 0:20");
    scene.gives("2026-11-17", "late -");
    scene.gives("2026-11-18", "late 0:20");
}

#[rstest]
#[case::monday(json!(["monday"]), "night 2:00")]
#[case::tuesday(json!(["tuesday"]), "night 6:00")]
#[case::both(json!(["monday", "tuesday"]), "night 8:00")]
fn a_night_window_starts_on_its_weekdays(#[case] days: Value, #[case] expected: &str) {
    // From Monday evening into Tuesday, the window being from midnight to midnight.
    let scene = Scene::factory()
        .with(json!({"shifts": {"A": {"hours": {"fixed": {"start": "22:00", "end": "06:00"}}}}}))
        .policy(json!({"night_window": {"start": "00:00", "end": "24:00", "days": days}}))
        .punched("2026-11-16", "22:00 +06:00");
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::a_weekday_of_the_season("2026-11-21", "expected 4:00")]
#[case::another_day_of_it("2026-11-16", "expected 7:00")]
#[case::the_weekday_out_of_it("2026-12-05", "expected 5:00")]
fn of_a_season_and_a_weekday_the_season_counts(#[case] date: &str, #[case] expected: &str) {
    let hours = |end: &str| json!({"fixed": {"start": "08:00", "end": end}});
    let season = json!({
        "from": "2026-11-15", "to": "2026-11-30", "hours": hours("15:00"), "weekdays": {"saturday": hours("12:00")},
    });
    let scene = Scene::factory().with(json!({"shifts": {"A": {
        "hours": hours("17:00"), "weekdays": {"saturday": hours("13:00")}, "seasons": [season],
    }}}));
    scene.gives(date, expected);
}

#[rstest]
#[case::halved(true, "08:00 11:00", "status present")]
#[case::below_half(true, "08:00 10:59", "status half_day")]
#[case::whole(false, "08:00 11:00", "status half_day")]
fn thresholds_may_be_halved_on_a_half_holiday(
    #[case] halve: bool,
    #[case] punches: &str,
    #[case] expected: &str,
) {
    let thresholds =
        json!({"absent_below_min": 120, "half_day_below_min": 360, "halve_on_half_holiday": halve});
    let scene = Scene::factory()
        .policy(json!({ "thresholds": thresholds }))
        .with(json!({"holidays": {"2026-11-16": "half_day"}}))
        .punched("2026-11-16", punches);
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::all(None, "overtime_payable 2:00, overtime_approval approved")]
#[case::in_part(Some(30), "overtime_payable 0:30, overtime_approval approved")]
#[case::more_than_there_is(Some(600), "overtime_payable 2:00, overtime_approval approved")]
fn no_more_overtime_is_paid_than_was_approved(#[case] minutes: Option<i64>, #[case] expected: &str) {
    let decision = json!([{"date": "2026-11-16", "type": "overtime", "minutes": minutes}]);
    let scene = Scene::factory()
        .policy(json!({"overtime": {"approval": "manual"}}))
        .with(json!({ "decisions": decision }))
        .punched("2026-11-16", "08:00 19:00");
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case("approved", "overtime_payable 1:00, overtime_approval approved")]
#[case("rejected", "overtime_payable -, overtime_approval rejected")]
#[case("pending", "overtime_payable -, overtime_approval to_approve")]
fn a_request_counts_once_it_is_decided(#[case] state: &str, #[case] expected: &str) {
    let decision = json!([{"date": "2026-11-16", "type": "overtime", "minutes": 60, "state": state}]);
    let scene = Scene::factory()
        .policy(json!({"overtime": {"approval": "manual"}}))
        .with(json!({ "decisions": decision }))
        .punched("2026-11-16", "08:00 19:00");
    scene.gives("2026-11-16", expected);
}

#[rstest]
#[case::off_day("2026-11-20", json!({"off_day_rate": "5/4"}), "tiers off_day:off_day x5/4 4:00")]
#[case::holiday("2026-11-16", json!({"holiday_rate": "5/4"}), "tiers holiday:holiday x5/4 4:00")]
fn days_off_have_rates_of_their_own(#[case] date: &str, #[case] overtime: Value, #[case] expected: &str) {
    let scene = Scene::factory()
        .policy(json!({ "overtime": overtime }))
        .with(json!({"holidays": {"2026-11-16": "public"}}))
        .punched(date, "08:00 12:00");
    scene.gives(date, expected);
}
