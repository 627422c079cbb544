//! Scenarios of every kind: all policies that parse, all kinds of shifts, rosters, calendars and punches.

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use shared_model::ZoneHistory;
use shared_model::entity::{
    DayDecisionType, HolidayType, LeavePortion, PayPeriodState, RequestState, RosterBasis, Weekday,
};
use shift_engine::policy::{
    Approval, Attribution, AutoDeduction, AutoOut, BreakRules, ConsecutiveDays, DailyWindow, Grace,
    HolidayOvertime, HolidayPunches, LateOn, LatePenalty, Limits, MissingPunch, Near, NearTotal,
    OffDayOvertime, OvertimeBasis, OvertimeRules, Pairing, PenaltyCost, PeriodOvertime, PolicyRules,
    PunchRounding, Rate, Round, RoundMode, Rounding, SessionRule, SinglePunch, Thresholds, Tier,
    TotalRounding, UndertimeRule, Unrostered, WeeklyCounts, WeeklyOvertime,
};
use shift_engine::scenario::{
    PunchLine, ScenarioDecision, ScenarioEmployee, ScenarioLeave, ScenarioPeriod, ScenarioRoster,
    ScenarioZone,
};
use shift_engine::{Minutes, Scenario, TimeOfDay, Typed};

/// A scenario that a failing test prints as the file that `muster-edge shift eval` takes.
#[derive(Clone)]
pub(crate) struct Case(pub(crate) Scenario);

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let usual = |rules: &mut Value, usual: &Value| {
            if let (Some(rules), Some(usual)) = (rules.as_object_mut(), usual.as_object()) {
                rules.retain(|name, value| usual.get(name) != Some(value));
            }
        };
        let mut file = serde_json::to_value(&self.0).unwrap();
        usual(&mut file["policy"], &PolicyRules::default().to_document().0);
        usual(&mut file, &serde_json::to_value(Scenario::default()).unwrap());
        write!(f, "{file}")
    }
}

/// The codes of a scenario's shifts.
const CODES: [&str; 3] = ["A", "B", "C"];

fn minutes(range: std::ops::Range<u32>) -> impl Strategy<Value = Minutes> {
    range.prop_map(Minutes::new)
}

fn time() -> impl Strategy<Value = TimeOfDay> {
    prop_oneof![
        4 => (0..96u32).prop_map(|quarter| quarter * 15),
        1 => 0..=24 * 60u32,
    ]
    .prop_map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60).parse().unwrap())
}

fn weekday() -> impl Strategy<Value = Weekday> {
    select(Weekday::ALL)
}

fn round() -> impl Strategy<Value = Round> {
    let mode = select(vec![RoundMode::Up, RoundMode::Down, RoundMode::Nearest]);
    (mode, select(vec![1u32, 60, 300, 900, 1800, 3600, 86_400, 777]), 0..100u32)
        .prop_map(|(mode, unit_sec, grace)| Round { mode, unit_sec, grace_sec: unit_sec * grace / 101 })
}

fn punch_rounding() -> impl Strategy<Value = PunchRounding> {
    let near = prop_oneof![
        (time(), minutes(0..120)).prop_map(|(time, within_min)| Near::Time { time, within_min }),
        minutes(0..120).prop_map(|within_min| Near::Schedule { within_min }),
    ];
    (round(), option::of(near)).prop_map(|(round, only_near)| PunchRounding { round, only_near })
}

fn rounding() -> impl Strategy<Value = Rounding> {
    let near = (minutes(0..800), minutes(0..60))
        .prop_map(|(total_min, within_min)| NearTotal { total_min, within_min });
    let total = (round(), option::of(near))
        .prop_map(|(round, only_near_total_min)| TotalRounding { round, only_near_total_min });
    let (punch_in, punch_out) = (option::of(punch_rounding()), option::of(punch_rounding()));
    (punch_in, punch_out, option::of(round()), option::of(total)).prop_map(
        |(punch_in, punch_out, break_duration, total)| Rounding {
            punch_in,
            punch_out,
            break_duration,
            total,
        },
    )
}

fn breaks() -> impl Strategy<Value = BreakRules> {
    let deduction = (minutes(0..700), minutes(0..120))
        .prop_map(|(after_min, deduct_min)| AutoDeduction { after_min, deduct_min });
    let limits = (option::of(minutes(0..120)), option::of(minutes(0..700)));
    (any::<bool>(), vec(deduction, 0..3), minutes(0..90), limits).prop_map(
        |(deduct_scheduled, auto_deduct, paid_punched_break_min, (longest_min, required_after_min))| {
            BreakRules {
                deduct_scheduled,
                auto_deduct,
                paid_punched_break_min,
                longest_min,
                required_after_min,
            }
        },
    )
}

fn rate() -> impl Strategy<Value = Rate> {
    select(vec!["1", "3/2", "2", "5/4", "3"]).prop_map(|text| text.parse().unwrap())
}

fn tiers(most_min: u32) -> impl Strategy<Value = Vec<Tier>> {
    btree_map(0..most_min, rate(), 0..4).prop_map(|tiers| {
        let tier = |(at, (over_min, rate)): (usize, (u32, Rate))| Tier {
            id: format!("t{at}").into(),
            over_min: Minutes::new(over_min),
            rate,
        };
        tiers.into_iter().enumerate().map(tier).collect()
    })
}

fn overtime() -> impl Strategy<Value = OvertimeRules> {
    let basis = select(vec![
        OvertimeBasis::None,
        OvertimeBasis::Worked,
        OvertimeBasis::WorkedOverSchedule,
        OvertimeBasis::AfterShiftEnd,
        OvertimeBasis::BeforeShiftStart,
        OvertimeBasis::OutsideSchedule,
    ]);
    let counts = select(vec![WeeklyCounts::NotDailyOt, WeeklyCounts::AllWorkedUnion]);
    let weekly = (tiers(3000), counts).prop_map(|(tiers, counts)| WeeklyOvertime { tiers, counts });
    let period = (tiers(4000), 1..20u16, 0..40i64).prop_map(|(tiers, days, from)| PeriodOvertime {
        start: day("2026-03-01") + TimeDelta::days(from),
        days,
        tiers,
    });
    let run = (1..8u16, rate()).prop_map(|(from_day, rate)| ConsecutiveDays { from_day, rate });
    let off_day = select(vec![OffDayOvertime::AsUsual, OffDayOvertime::AllWorked]);
    let holiday = select(vec![
        HolidayOvertime::AsUsual,
        HolidayOvertime::AllWorked,
        HolidayOvertime::FirstThenDailyTiers,
    ]);
    let approval = select(vec![Approval::Automatic, Approval::Manual]);
    let longer = (option::of(weekly), option::of(period), option::of(run));
    let special = (off_day, option::of(rate()), holiday, option::of(rate()));
    let counted = (minutes(0..90), option::of(round()), option::of(minutes(0..240)), approval);
    (basis, rate(), tiers(700), longer, special, counted).prop_map(
        |(basis, rate, daily_tiers, (weekly, period, consecutive_days), special, counted)| {
            let (off_day, off_day_rate, holiday, holiday_rate) = special;
            let (ignore_up_to_min, unit, cap_min, approval) = counted;
            OvertimeRules {
                basis,
                rate,
                daily_tiers,
                weekly,
                period,
                consecutive_days,
                off_day,
                off_day_rate,
                holiday,
                holiday_rate,
                ignore_up_to_min,
                unit,
                cap_min,
                approval,
            }
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    let some = |most: u32| option::of(minutes(0..most));
    let off = option::of(1..12u16);
    (some(700), some(3600), some(300), some(900), some(3000), some(800), off).prop_map(
        |(day_total, week_total, day_overtime, week_overtime, quarter_overtime, spread, off)| Limits {
            day_total_max_min: day_total,
            week_total_max_min: week_total,
            day_overtime_max_min: day_overtime,
            week_overtime_max_min: week_overtime,
            quarter_overtime_max_min: quarter_overtime,
            spread_over_max_min: spread,
            days_without_off_max: off,
            ..Limits::default()
        },
    )
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    (0..300u32, 0..300u32, any::<bool>()).prop_map(|(absent, more, halve_on_half_holiday)| Thresholds {
        absent_below_min: Minutes::new(absent),
        half_day_below_min: Minutes::new(absent + more),
        halve_on_half_holiday,
    })
}

/// A policy that a document can hold.
pub(crate) fn policy(attribution: impl Strategy<Value = Attribution>) -> impl Strategy<Value = PolicyRules> {
    let pairing = select(vec![
        Pairing::FirstLast,
        Pairing::Alternate,
        Pairing::DirectedFirstLast,
        Pairing::DirectedPairs,
    ]);
    let sessions = (minutes(0..600), minutes(1..1500)).prop_map(|(new_session_gap_min, max_session_min)| {
        SessionRule { new_session_gap_min, max_session_min }
    });
    let unrostered = select(vec![Unrostered::Unassigned, Unrostered::Detect { among: Vec::new() }]);
    let punches = (
        attribution,
        pairing,
        select(vec![0u32, 30, 60, 600, 3600]),
        select(vec![SinglePunch::In, SinglePunch::Nearest]),
        select(vec![MissingPunch::Present, MissingPunch::ByThresholds]),
        option::of(sessions),
        unrostered,
    );
    let calendar = (
        btree_set(weekday(), 0..4),
        select(vec![HolidayPunches::Count, HolidayPunches::Ignore]),
        minutes(0..600),
    );
    let judged = (
        (minutes(0..30), minutes(0..30)).prop_map(|(late_min, early_min)| Grace { late_min, early_min }),
        select(vec![LateOn::Raw, LateOn::Rounded]),
        thresholds(),
        minutes(0..120).prop_map(|ignore_up_to_min| UndertimeRule { ignore_up_to_min }),
    );
    let night = (time(), time(), option::of(btree_set(weekday(), 0..7)))
        .prop_map(|(start, end, days)| DailyWindow { start, end, days });
    let auto_out = minutes(0..240).prop_map(|minutes| AutoOut { after_expected_plus_min: minutes });
    let penalty = (1..5u16, select(vec![PenaltyCost::HalfDay, PenaltyCost::FullDay]))
        .prop_map(|(every, costs)| LatePenalty { every, costs });
    let rest = (option::of(night), option::of(auto_out), option::of(penalty), limits());
    (punches, calendar, judged, rounding(), breaks(), overtime(), rest).prop_map(
        |(punches, calendar, judged, rounding, breaks, overtime, rest)| {
            let (attribution, pairing, fold_within_sec, single_punch, missing_punch, sessions, unrostered) =
                punches;
            let (weekly_off, holiday_punches, absent_final_after_min) = calendar;
            let (grace, late_on, thresholds, undertime) = judged;
            let (night_window, auto_out, late_penalty, limits) = rest;
            PolicyRules {
                attribution,
                pairing,
                fold_within_sec,
                single_punch,
                missing_punch,
                sessions,
                unrostered,
                weekly_off,
                holiday_punches,
                absent_final_after_min,
                grace,
                late_on,
                thresholds,
                rounding,
                breaks,
                overtime,
                undertime,
                night_window,
                auto_out,
                late_penalty,
                limits,
            }
        },
    )
}

/// Every way of attribution.
pub(crate) fn attribution() -> impl Strategy<Value = Attribution> {
    prop_oneof![
        4 => Just(Attribution::ShiftStart),
        1 => Just(Attribution::FirstPunch),
        1 => Just(Attribution::LastPunch),
        1 => Just(Attribution::Majority),
        1 => Just(Attribution::SplitMidnight),
    ]
}

fn hours() -> impl Strategy<Value = Value> {
    let pause = option::of((1..5u32, select(vec![15u32, 30, 60]), any::<bool>()));
    let fixed =
        (0..96u32, 1..15u32, pause, option::of(0..700u32)).prop_map(|(start, length, pause, expected)| {
            let clock = |minute: u32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
            let start = start * 15;
            let pause = pause.filter(|(_, long, _)| length > 6 && *long < length * 60);
            let breaks: Vec<_> = pause
                .map(|(after, long, paid)| {
                    let from = start + after * 60;
                    json!({"start": clock(from), "end": clock(from + long), "paid": paid})
                })
                .into_iter()
                .collect();
            let mut fixed =
                json!({"start": clock(start), "end": clock(start + length * 60), "breaks": breaks});
            if let Some(expected) = expected {
                fixed["expected_min"] = expected.into();
            }
            json!({"fixed": fixed})
        });
    let split = (5..12u32, 1..5u32, 1..5u32, 1..6u32).prop_map(|(start, first, gap, second)| {
        let clock = |hour: u32| format!("{:02}:00", hour % 24);
        let again = start + first + gap;
        json!({"split": {"blocks": [
            {"start": clock(start), "end": clock(start + first)},
            {"start": clock(again), "end": clock(again + second)},
        ]}})
    });
    let flexible = (5..9u32, 15..23u32, option::of(10..14u32), 0..600u32).prop_map(
        |(earliest, latest, core, expected)| {
            let clock = |hour: u32| format!("{hour:02}:00");
            let mut flex =
                json!({"earliest": clock(earliest), "latest": clock(latest), "expected_min": expected});
            if let Some(core) = core {
                flex["core"] = json!({"start": clock(core), "end": clock(core + 1)});
            }
            json!({"flexible": flex})
        },
    );
    let open = option::of(0..600u32).prop_map(|expected| match expected {
        Some(expected) => json!({"open": {"expected_min": expected}}),
        None => json!({"open": {}}),
    });
    prop_oneof![6 => fixed, 1 => split, 1 => flexible, 1 => open]
}

fn shift() -> impl Strategy<Value = Value> {
    let window =
        (0..300u32, 0..600u32).prop_map(|(before, after)| json!({"before_min": before, "after_min": after}));
    (hours(), window, option::of((weekday(), hours())), option::of(hours())).prop_map(
        |(hours, window, weekday, season)| {
            let mut shift = json!({"hours": hours, "window": window});
            if let Some((day, hours)) = weekday {
                shift["weekdays"] = json!({day.as_str(): hours});
            }
            if let Some(hours) = season {
                shift["seasons"] = json!([{"from": "2026-03-28", "to": "2026-10-26", "hours": hours}]);
            }
            shift
        },
    )
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn roster() -> impl Strategy<Value = ScenarioRoster> {
    let code = || select(CODES.to_vec());
    let fixed = (code(), option::of(btree_set(weekday(), 1..7))).prop_map(|(code, days)| {
        let days = days.map(|days| days.iter().map(|day| day.as_str()).collect::<Vec<_>>());
        ("fixed", json!({"shifts": [code], "weekdays": days}))
    });
    let cycle = (code(), 1..7u16, 0..3u16).prop_map(|(code, on, off)| {
        let mut runs = vec![json!({"days": on, "shifts": [code]})];
        if off > 0 {
            runs.push(json!({"days": off, "shifts": []}));
        }
        ("cycle", json!({"anchor": "2026-03-01", "runs": runs}))
    });
    let both = Just(("fixed", json!({"shifts": ["A", "B"]})));
    let pattern = prop_oneof![4 => fixed, 2 => cycle, 1 => both];
    let basis = select(vec![RosterBasis::Roster, RosterBasis::Default]);
    (basis, pattern).prop_map(|(basis, (name, pattern))| ScenarioRoster {
        basis,
        from: None,
        to: None,
        pattern: [(name.to_owned(), pattern)].into(),
    })
}

/// A scenario by a policy's rules: up to eleven days, some of them around a change of the clocks.
pub(crate) fn scenario(
    rules: impl Strategy<Value = PolicyRules>,
    zoned: bool,
) -> impl Strategy<Value = Case> {
    let zone = if zoned {
        select(vec![
            "\"Asia/Dhaka\"",
            "\"Europe/Berlin\"",
            "\"America/New_York\"",
            "\"Australia/Lord_Howe\"",
            r#"[{"from": null, "zone": "Asia/Kolkata"}, {"from": "2026-10-25", "zone": "Asia/Dhaka"}]"#,
        ])
        .boxed()
    } else {
        Just("\"Asia/Dhaka\"").boxed()
    };
    let first = select(vec!["2026-03-06", "2026-03-27", "2026-10-22", "2026-10-31", "2026-11-14"]);
    let frame = (zone, first, 0..11u64, weekday(), option::of(0..15i64 * 24 * 60));
    let works = (
        vec(shift(), CODES.len()),
        vec(roster(), 0..3),
        rules,
        option::of((0..11u64, any::<bool>())),
        btree_map(0..11u64, vec(select(CODES.to_vec()), 0..2), 0..2),
    );
    let calendar = (
        btree_map(0..11u64, select(HolidayType::ALL), 0..2),
        vec((0..11u64, select(LeavePortion::ALL), 0..23i64, 1..9i64, any::<bool>()), 0..2),
        vec((0..11u64, select(DayDecisionType::ALL), option::of(0..300i64), 0..3usize), 0..3),
        option::of((0..6u64, 0..6u64)),
    );
    let employee = (option::of(0..5u64), option::of(5..11u64), prop::bool::weighted(0.9));
    let punches = vec((0..11i64 * 24 * 3600, 0..3u8, prop::bool::weighted(0.05)), 0..28);
    let days = vec((0..11i64, 4..12i64, 6..16i64, -20..20i64), 0..8);
    (frame, works, calendar, employee, punches, days).prop_map(
        |((zone, first, length, week, as_of), works, calendar, employee, punches, days)| {
            let first = day(first);
            let on = |days: u64| first.checked_add_days(Days::new(days)).unwrap();
            let midnight = first.and_time(chrono::NaiveTime::MIN);
            let (shifts, rosters, rules, change, cells) = works;
            let (holidays, leaves, decisions, locked) = calendar;
            let stray = punches.into_iter().map(|(second, way, void)| PunchLine {
                at: midnight + TimeDelta::seconds(second),
                offset: None,
                is_in: [None, Some(true), Some(false)][usize::from(way)],
                void,
            });
            // Beside punches at any time, days of work as people have them.
            let worked = days.into_iter().flat_map(|(day, from, hours, shaken)| {
                let start = midnight + TimeDelta::minutes((day * 24 + from) * 60 + shaken);
                let punch = |at: NaiveDateTime, is_in| PunchLine {
                    at,
                    offset: None,
                    is_in: Some(is_in),
                    void: false,
                };
                [punch(start, true), punch(start + TimeDelta::hours(hours), false)]
            });
            Case(Scenario {
                zone: serde_json::from_str::<ScenarioZone>(zone).unwrap(),
                week_starts_on: week,
                shifts: CODES.iter().map(|code| (*code).to_owned()).zip(shifts).collect(),
                rosters,
                cells: cells
                    .into_iter()
                    .map(|(day, codes)| (on(day), codes.into_iter().map(str::to_owned).collect()))
                    .collect(),
                policy: rules.to_document().0,
                policy_from: change
                    .map(|(day, streams)| {
                        let way = if streams { "first_punch" } else { "shift_start" };
                        (on(day), json!({"attribution": way}))
                    })
                    .into_iter()
                    .collect(),
                company_rules: vec![json!({"when": "overtime_min > 60", "then": {"flag": "LONG"}})],
                holidays: holidays.into_iter().map(|(day, kind)| (on(day), kind)).collect(),
                leaves: leaves
                    .into_iter()
                    .map(|(day, portion, start, hours, paid)| {
                        let start = on(day).and_time(chrono::NaiveTime::MIN) + TimeDelta::hours(start);
                        ScenarioLeave {
                            from: on(day),
                            to: None,
                            portion,
                            start: Some(start),
                            end: Some(start + TimeDelta::hours(hours)),
                            paid,
                            state: RequestState::Approved,
                        }
                    })
                    .collect(),
                decisions: decisions
                    .into_iter()
                    .map(|(day, decision_type, minutes, state)| ScenarioDecision {
                        date: on(day),
                        decision_type,
                        minutes,
                        start: None,
                        end: None,
                        status: Some("present+late".parse().unwrap()),
                        state: [RequestState::Approved, RequestState::Rejected, RequestState::Pending][state],
                    })
                    .collect(),
                pay_periods: locked
                    .map(|(from, days)| ScenarioPeriod {
                        from: on(from),
                        to: on(from + days),
                        state: PayPeriodState::Open,
                    })
                    .into_iter()
                    .collect(),
                employee: ScenarioEmployee {
                    joined: employee.0.map(on),
                    left: employee.1.map(on),
                    active: employee.2,
                    ..ScenarioEmployee::default()
                },
                punches: stray.chain(worked).collect(),
                from: Some(first),
                to: Some(on(length)),
                as_of: as_of.map(|minutes| midnight + TimeDelta::minutes(minutes)),
                clocks: [].into(),
            })
        },
    )
}

/// Zones with any history.
pub(crate) fn zones() -> impl Strategy<Value = ZoneHistory> {
    select(vec!["Asia/Dhaka", "Pacific/Apia", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12"])
        .prop_map(|name| ZoneHistory::single(name.parse().unwrap()))
}
