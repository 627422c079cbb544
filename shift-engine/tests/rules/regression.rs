//! What once was wrong, each found by a property.

use serde_json::json;
use shift_engine::{Instant, compute};

use crate::scene::Scene;

#[test]
fn a_punch_that_counts_for_nothing_is_not_lost_where_a_session_is_split_at_midnight() {
    let scene = Scene::factory()
        .policy(json!({
            "attribution": "split_midnight", "pairing": "directed_first_last", "fold_within_sec": 0,
            "sessions": {"new_session_gap_min": 0, "max_session_min": 955},
        }))
        .punched("2026-11-16", "22:00/out +08:05/in");
    assert_eq!(scene.output().punches.len(), 2);
}

#[test]
fn an_in_and_out_of_one_instant_are_not_lost_where_a_session_is_split_at_midnight() {
    let scene = Scene::factory()
        .policy(json!({"attribution": "split_midnight", "pairing": "alternate", "fold_within_sec": 0}))
        .punched("2026-11-16", "22:00/in 22:00/out");
    assert_eq!(scene.output().punches.len(), 2);
}

#[test]
fn a_day_waits_for_an_out_that_a_rule_will_set_after_its_window() {
    let scene = Scene::factory()
        .policy(json!({"single_punch": "in", "auto_out": {"after_expected_plus_min": 60}}))
        .with(json!({"shifts": {"A": {
            "hours": {"fixed": {"start": "08:00", "end": "10:00"}},
            "window": {"before_min": 60, "after_min": 60},
        }}}))
        .punched("2026-11-16", "10:45");
    scene
        .clone()
        .with(json!({"as_of": "2026-11-16T13:00:00"}))
        .gives("2026-11-16", "final false, worked -, flags late");
    scene
        .with(json!({"as_of": "2026-11-16T14:16:00"}))
        .gives("2026-11-16", "final true, worked 3:00, out 2026-11-16 13:45, flags late+auto_out");
}

#[test]
fn a_moment_out_of_every_calendar_is_no_reason_to_stop() {
    let setting =
        Scene::factory().with(json!({"zone": "America/New_York"})).punched("2026-11-16", "08:00").setting();
    for as_of in [i64::MIN, i64::MAX] {
        let mut ask = setting.ask();
        ask.as_of = Instant::from_unix(as_of);
        assert_eq!(compute(&setting.book, &setting.person(&[]), &ask).days.len(), 1);
    }
}

#[test]
fn the_sum_of_a_pay_period_that_begins_in_another_month_builds_on_all_its_stored_days() {
    let period = json!([{"from": "2026-10-26", "to": "2026-11-25", "state": "open"}]);
    let setting =
        Scene::factory().with(json!({"pay_periods": period})).punched("2026-11-16", "08:00").setting();
    let date = "2026-11-16".parse().unwrap();
    let reach = shift_engine::reach(&setting.book, setting.person(&[]).id, &setting.record, date, date);
    assert_eq!(reach.stored.0.to_string(), "2026-10-26");
}

#[test]
fn a_week_goes_on_from_what_was_found_on_its_stored_days_not_from_what_counted() {
    let tier = |over: u32| json!([{"id": "t", "over_min": over, "rate": "2"}]);
    let scene = Scene::factory()
        .policy(json!({"weekly_off": [], "overtime": {
            "basis": "worked", "daily_tiers": tier(480), "ignore_up_to_min": 60,
            "weekly": {"tiers": tier(900), "counts": "not_daily_ot"},
        }}))
        .punched("2026-11-16", "08:00 17:30")
        .punched("2026-11-17", "08:00 17:00");
    scene.gives("2026-11-17", "regular 7:00, overtime_found 1:00, overtime -");
    let setting = scene.setting();
    let all = setting.compute();
    let mut ask = setting.ask();
    ask.from = "2026-11-17".parse().unwrap();
    let second = compute(&setting.book, &setting.person(&all.days), &ask);
    assert_eq!(second.days[0], all.days[1]);
}

#[test]
fn a_company_rule_that_requires_approval_sees_the_overtime() {
    let rule = json!([{"when": "overtime_min > 60", "then": "require_approval"}]);
    let scene = Scene::factory().with(json!({"company_rules": rule}));
    scene
        .clone()
        .punched("2026-11-16", "08:00 18:01")
        .gives("2026-11-16", "overtime 1:01, overtime_approval to_approve, overtime_payable -");
    scene
        .punched("2026-11-16", "08:00 18:00")
        .gives("2026-11-16", "overtime 1:00, overtime_approval -, overtime_payable 1:00");
}
