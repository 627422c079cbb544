//! `shift`: employee-days a core works out, zone conversion included, with and without explanations.
//!
//! Twenty policies, a month of a worker by each, four punches a day at times that a fixed seed shakes. Rules and facts
//! are made before the clock runs; what is measured is from punches to records.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use shift_engine::scenario::{Scenario, Setting};
use shift_engine::{Ask, compute};

use super::figure::{Figure, Target};
use super::timed;

const POLICIES: u32 = 20;
const DAYS: u32 = 30;
/// So long at least each figure is measured.
const ENOUGH: Duration = Duration::from_secs(3);

/// Runs it.
///
/// # Errors
/// When a scenario is not one.
pub fn run() -> Result<Vec<Figure>> {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let settings: Vec<Setting> =
        (0..POLICIES).map(|number| setting(number, &mut seed)).collect::<Result<_>>()?;
    let figure = |what: &str, nanoseconds: u64, most: u64| Figure {
        bench: "shift",
        what: what.to_owned(),
        value: nanoseconds,
        unit: "ns an employee-day, one core",
        peer: None,
        target: Target::AtMost(most),
    };
    Ok(vec![
        // A million employee-days a second, and three hundred thousand.
        figure("records", nanoseconds_a_day(&settings, false)?, 1_000),
        figure("records with explanations", nanoseconds_a_day(&settings, true)?, 3_333),
    ])
}

fn nanoseconds_a_day(settings: &[Setting], explain: bool) -> Result<u64> {
    let (mut days, mut took) = (0_u64, Duration::ZERO);
    while took < ENOUGH {
        let (made, time) = timed(|| {
            let mut made = 0;
            for setting in settings {
                let ask = Ask { explain, ..setting.ask() };
                let output = compute(&setting.book, &setting.person(&[]), &ask);
                anyhow::ensure!(explain != output.explanations.is_empty(), "explanations as asked for");
                made += output.days.len();
            }
            Ok(u64::try_from(made)?)
        })?;
        days += made;
        took += time;
    }
    Ok(u64::try_from(took.as_nanos() / u128::from(days.max(1)))?)
}

/// One policy with a worker's month.
fn setting(number: u32, seed: &mut u64) -> Result<Setting> {
    // xorshift: the same punches on every machine.
    let mut shaken = |most: u32| {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        u32::try_from(*seed % u64::from(most)).unwrap_or_default()
    };
    let night = number % 4 == 3;
    let (start, end) = if night { ("20:00", "05:00") } else { ("08:00", "17:00") };
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let lunch = if night { ("00:00", "01:00") } else { ("13:00", "14:00") };
    let mut punches = Vec::new();
    for day in 0..DAYS {
        for hour in [8, 13, 14, 17] {
            let minute = (if night { hour + 12 } else { hour }) * 60 + shaken(40);
            let date = 1 + day + minute / (24 * 60);
            punches.push(format!("2026-{:02}-{:02} {}", 10 + date / 32, (date - 1) % 31 + 1, clock(minute)));
        }
    }
    let scenario: Value = json!({
        "zone": (["Asia/Dhaka", "Asia/Kolkata", "Europe/Berlin", "Asia/Ho_Chi_Minh"][(number % 4) as usize]),
        "week_starts_on": "saturday",
        "shifts": {"A": {"hours": {"fixed": {"start": start, "end": end, "breaks": [{"start": lunch.0, "end": lunch.1}]}}}},
        "rosters": [{"fixed": {"shifts": ["A"]}}],
        "policy": policy(number),
        "punches": punches,
        "from": "2026-10-01", "to": "2026-10-30",
    });
    Scenario::parse(scenario)?.setting().context("a scenario of the bench")
}

fn policy(number: u32) -> Value {
    let basis =
        ["after_shift_end", "worked_over_schedule", "outside_schedule", "worked"][(number % 4) as usize];
    let pairing = ["first_last", "alternate"][(number / 2 % 2) as usize];
    let tiers = json!([{"id": "a", "over_min": if basis == "worked" { 480 } else { 0 }, "rate": "3/2"},
                       {"id": "b", "over_min": if basis == "worked" { 600 } else { 120 }, "rate": "2"}]);
    let mut rules = json!({
        "pairing": pairing,
        "grace": {"late_min": number % 10, "early_min": 5},
        "overtime": {"basis": basis, "daily_tiers": tiers, "cap_min": 240},
        "thresholds": {"absent_below_min": 120, "half_day_below_min": 300},
    });
    if number.is_multiple_of(3) {
        rules["rounding"] = json!({"in": {"round": {"mode": "up", "unit_sec": 900, "grace_sec": 300}}});
    }
    if number.is_multiple_of(5) {
        rules["night_window"] = json!({"start": "22:00", "end": "06:00"});
        rules["overtime"]["weekly"] =
            json!({"counts": "not_daily_ot", "tiers": [{"id": "w", "over_min": 2880, "rate": "2"}]});
    }
    if number.is_multiple_of(7) {
        rules["limits"] = json!({"day_total_max_min": 600, "week_total_max_min": 3600});
    }
    rules
}
