//! Warnings before a limit is passed.

use rstest::rstest;
use serde_json::json;
use shared_model::entity::Weekday;
use shift_engine::policy::PolicyRules;
use shift_engine::watch::{Amount, LimitKind, LimitState, Watch, quarter_of, watch};
use shift_engine::{Seconds, Typed};

use crate::scene::Scene;

/// Three worked days from Saturday 2026-11-14 on, the rest of the week rostered; looked at on Monday at noon or evening.
fn watched(limits: &serde_json::Value, out: &str) -> Vec<Watch> {
    let rules = json!({"limits": limits});
    let scene = Scene::factory()
        .policy(rules.clone())
        .with(json!({"to": "2026-11-20", "as_of": "2026-11-16T21:00:00"}))
        .punched("2026-11-14", &format!("08:00 {out}"))
        .punched("2026-11-15", &format!("08:00 {out}"))
        .punched("2026-11-16", &format!("08:00 {out}"));
    let rules = PolicyRules::parse_text(&rules.to_string()).unwrap();
    watch(&rules.limits, Weekday::Saturday, &scene.output().days, "2026-11-16".parse().unwrap())
}

fn hours(amount: Amount) -> i64 {
    match amount {
        Amount::Seconds(time) => time.whole_minutes() / 60,
        Amount::Days(days) => days,
    }
}

#[rstest]
// 24 hours worked, and 8 a day rostered until Thursday: Friday is off.
#[case::within(json!({"week_total_max_min": 48 * 60}), "17:00", LimitState::Within, (24, 48, 48))]
#[case::by_the_roster(json!({"week_total_max_min": 47 * 60}), "17:00", LimitState::Near, (24, 48, 47))]
#[case::passed(json!({"week_total_max_min": 23 * 60}), "17:00", LimitState::Passed, (24, 48, 23))]
#[case::day_reached(json!({"day_total_max_min": 600}), "19:00", LimitState::Near, (10, 10, 10))]
#[case::day_hardly_left(json!({"day_total_max_min": 600}), "18:01", LimitState::Near, (9, 9, 10))]
#[case::day_an_hour_left(json!({"day_total_max_min": 600}), "18:00", LimitState::Within, (9, 9, 10))]
#[case::day_passed(json!({"day_total_max_min": 600}), "19:01", LimitState::Passed, (10, 10, 10))]
#[case::no_warning_wanted(json!({"day_total_max_min": 600, "warn_within_min": 0}), "19:00", LimitState::Within, (10, 10, 10))]
#[case::overtime_of_the_week(json!({"week_overtime_max_min": 5 * 60}), "19:00", LimitState::Passed, (6, 6, 5))]
#[case::overtime_of_the_quarter(json!({"quarter_overtime_max_min": 50 * 60}), "19:00", LimitState::Within, (6, 6, 50))]
#[case::quarter_nearly(json!({"quarter_overtime_max_min": 390}), "19:00", LimitState::Near, (6, 6, 6))]
#[case::days_in_a_row(json!({"days_without_off_max": 6}), "17:00", LimitState::Within, (3, 6, 6))]
#[case::days_in_a_row_by_the_roster(json!({"days_without_off_max": 5}), "17:00", LimitState::Near, (3, 6, 5))]
#[case::days_in_a_row_passed(json!({"days_without_off_max": 2}), "17:00", LimitState::Passed, (3, 6, 2))]
fn a_limit_is_told_of_before_it_is_passed(
    #[case] limits: serde_json::Value,
    #[case] out: &str,
    #[case] state: LimitState,
    #[case] amounts: (i64, i64, i64),
) {
    let [one] = watched(&limits, out)[..] else { panic!("one limit is watched") };
    assert_eq!((hours(one.used), hours(one.forecast), hours(one.most)), amounts, "{one:?}");
    assert_eq!(one.state, state, "{one:?}");
}

#[test]
fn a_policy_without_limits_watches_nothing() {
    assert_eq!(watched(&json!({}), "17:00"), []);
}

#[test]
fn an_absent_person_is_near_no_limit() {
    let limits = json!({"day_total_max_min": 30});
    let rules = PolicyRules::parse_text(&json!({ "limits": limits }).to_string()).unwrap();
    let watched = watch(&rules.limits, Weekday::Saturday, &[], "2026-11-16".parse().unwrap());
    assert_eq!((watched[0].limit, watched[0].state), (LimitKind::DayTotal, LimitState::Within));
    assert_eq!(watched[0].used, Amount::Seconds(Seconds::ZERO));
}

#[test]
fn a_quarter_begins_in_january_april_july_and_october() {
    let of = |date: &str| {
        let (first, last) = quarter_of(date.parse().unwrap());
        format!("{first} {last}")
    };
    assert_eq!(of("2026-11-16"), "2026-10-01 2026-12-31");
    assert_eq!(of("2026-03-31"), "2026-01-01 2026-03-31");
    assert_eq!(of("2026-04-01"), "2026-04-01 2026-06-30");
}
