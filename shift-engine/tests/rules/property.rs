//! What holds for every input.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use proptest::prelude::*;
use shared_model::entity::Entity;
use shift_engine::policy::{Attribution, PolicyRules, Unrostered};
use shift_engine::scenario::Setting;
use shift_engine::{
    Ask, Completeness, DayRecord, DayState, Explanation, Figure, Instant, Keyed, Output, Person, PunchRole,
    Seconds, compute,
};

use crate::arbitrary::{Case, attribution, policy, scenario};

fn any_scenario() -> impl Strategy<Value = Case> {
    scenario(policy(attribution()), true)
}

/// Policies of people whose shifts are rostered.
fn rostered() -> impl Strategy<Value = PolicyRules> {
    let rules = policy(Just(Attribution::ShiftStart));
    rules.prop_map(|rules| PolicyRules { unrostered: Unrostered::Unassigned, ..rules })
}

/// What a change between two dates makes the engine work out, with the facts that the two stores hand over for it.
fn part_of(setting: &Setting, stored: &[DayRecord], from: NaiveDate, to: NaiveDate) -> Output {
    let reach = shift_engine::reach(&setting.book, setting.person(&[]).id, &setting.record, from, to);
    let within = |(from, to): (NaiveDate, NaiveDate), date: NaiveDate| from <= date && date <= to;
    let punches: Vec<_> = setting
        .punches
        .iter()
        .filter(|punch| within(reach.punches, punch.raw_time.wall().date()))
        .copied()
        .collect();
    let stored: Vec<_> = stored.iter().filter(|day| within(reach.stored, day.date)).cloned().collect();
    let person = Person { punches: &punches, ..setting.person(&stored) };
    let ask = Ask { from: reach.ask.0.max(setting.from), to: reach.ask.1.min(setting.to), ..setting.ask() };
    compute(&setting.book, &person, &ask)
}

/// What a run gives, as bytes.
fn bytes(output: &Output) -> Vec<u8> {
    let mut all = Vec::new();
    output.days.iter().for_each(|day| all.extend(day.canonical()));
    output.periods.iter().for_each(|period| all.extend(period.canonical()));
    all.extend(format!("{:?}{:?}", output.punches, output.adjustments).into_bytes());
    all.extend(serde_json::to_vec(&output.explanations).unwrap());
    all
}

fn turned<T: Clone>(list: &[T], by: usize) -> Vec<T> {
    let mut list = list.to_vec();
    if !list.is_empty() {
        let by = by % list.len();
        list.rotate_left(by);
        if by % 2 == 1 {
            list.reverse();
        }
    }
    list
}

fn twice<T: Entity + Clone>(list: &[Keyed<T>]) -> Vec<Keyed<T>> {
    list.iter().chain(list).cloned().collect()
}

/// The explained figures of a day with what the record says of them.
fn explained(day: &DayRecord) -> Vec<(Figure, Seconds)> {
    let (figures, overtime) = (&day.figures, &day.overtime);
    vec![
        (Figure::Worked, figures.worked),
        (Figure::Late, figures.late),
        (Figure::Early, figures.early),
        (Figure::Undertime, figures.undertime),
        (Figure::Night, figures.night),
        (Figure::OvertimeFound, overtime.found),
        (Figure::OvertimeCounted, overtime.counted),
        (Figure::OvertimePayable, overtime.payable),
        (Figure::Regular, figures.regular),
    ]
}

fn total_of_part(explanation: &Explanation, figure: Figure, part: usize) -> Seconds {
    let of_part = |step: &&shift_engine::Step| step.part.map(usize::from) == Some(part);
    explanation.of(figure).filter(of_part).map(|step| step.effect).sum()
}

proptest! {
    // What a property finds becomes a test with a name, in `regression.rs`.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_facts_does_not_matter(Case(scenario) in any_scenario(), by in 1..40usize) {
        let setting = scenario.setting().unwrap();
        let straight = bytes(&setting.compute());
        let mut other = scenario.setting().unwrap();
        other.punches = turned(&other.punches, by);
        other.notes = turned(&other.notes, by);
        other.cells = turned(&other.cells, by);
        other.leaves = turned(&other.leaves, by);
        other.decisions = turned(&other.decisions, by);
        prop_assert_eq!(straight, bytes(&other.compute()));
    }

    #[test]
    fn a_fact_told_twice_counts_once(Case(scenario) in any_scenario()) {
        let setting = scenario.setting().unwrap();
        let once = bytes(&setting.compute());
        let mut other = scenario.setting().unwrap();
        other.punches.extend(setting.punches.clone());
        other.notes = twice(&other.notes);
        other.cells = twice(&other.cells);
        other.decisions = twice(&other.decisions);
        prop_assert_eq!(once, bytes(&other.compute()));
    }

    #[test]
    fn what_is_stored_already_changes_nothing(Case(scenario) in any_scenario()) {
        let setting = scenario.setting().unwrap();
        let first = setting.compute();
        let again = compute(&setting.book, &setting.person(&first.days), &setting.ask());
        prop_assert_eq!(bytes(&first), bytes(&again));
    }

    #[test]
    fn the_same_input_gives_the_same_bytes_and_they_read_back(Case(scenario) in any_scenario()) {
        let output = scenario.setting().unwrap().compute();
        prop_assert_eq!(bytes(&output), bytes(&scenario.setting().unwrap().compute()));
        for day in &output.days {
            prop_assert_eq!(&DayRecord::from_canonical(&day.canonical()).unwrap(), day);
        }
    }

    #[test]
    fn each_punch_is_told_of_once(Case(scenario) in any_scenario()) {
        let setting = scenario.setting().unwrap();
        let output = setting.compute();
        let mut met = BTreeMap::new();
        for used in &output.punches {
            *met.entry(used.punch).or_insert(0) += 1;
        }
        prop_assert!(met.values().all(|times| *times == 1), "a punch is told of twice");
        let zones = scenario.zones();
        let midnight = |date: NaiveDate| Instant::from(zones.resolve(date.and_time(chrono::NaiveTime::MIN)).0);
        let (first, after) = (midnight(setting.from), midnight(setting.to.succ_opt().unwrap()));
        for punch in setting.punches.iter().filter(|punch| first <= punch.instant && punch.instant < after) {
            prop_assert!(met.contains_key(&punch.id), "{} is lost", punch.raw_time);
        }
        let void: BTreeSet<_> = setting.notes.iter().map(|(_, note)| note.punch).collect();
        for used in &output.punches {
            prop_assert_eq!(used.role == PunchRole::Void, void.contains(&used.punch));
        }
    }

    #[test]
    fn the_terms_of_an_explanation_sum_to_the_figure(Case(scenario) in any_scenario()) {
        let output = scenario.setting().unwrap().compute();
        prop_assert_eq!(output.days.len(), output.explanations.len());
        for (day, explanation) in output.days.iter().zip(&output.explanations) {
            prop_assert_eq!(day.date, explanation.date);
            for (figure, seconds) in explained(day) {
                prop_assert_eq!(explanation.total(figure), seconds, "{} of {}", figure, day.date);
            }
            for (at, shift) in day.shifts.iter().enumerate() {
                let figures = &shift.figures;
                for (figure, seconds) in [
                    (Figure::Worked, figures.worked),
                    (Figure::Late, figures.late),
                    (Figure::Early, figures.early),
                    (Figure::Undertime, figures.undertime),
                    (Figure::Night, figures.night),
                ] {
                    prop_assert_eq!(total_of_part(explanation, figure, at), seconds, "{} of shift {}", figure, at);
                }
            }
        }
    }

    #[test]
    fn figures_agree_with_one_another(Case(scenario) in any_scenario()) {
        let output = scenario.setting().unwrap().compute();
        for day in &output.days {
            let (figures, overtime) = (&day.figures, &day.overtime);
            prop_assert_eq!(figures.regular + overtime.found, figures.worked);
            prop_assert!(figures.regular >= Seconds::ZERO, "more overtime than work on {}", day.date);
            let tiers: Seconds = overtime.tiers.iter().map(|tier| tier.seconds).sum();
            prop_assert_eq!(tiers, overtime.counted);
            prop_assert!(overtime.payable <= overtime.counted);
            prop_assert!(overtime.above_limit <= overtime.counted);
            prop_assert!(overtime.tiers.iter().all(|tier| tier.seconds > Seconds::ZERO));
            for part in &day.shifts {
                let all = [part.figures.worked, part.figures.late, part.figures.early, part.figures.undertime,
                    part.figures.night, part.figures.breaks, part.figures.gaps, part.figures.credited];
                prop_assert!(all.iter().all(|figure| *figure >= Seconds::ZERO), "{:?}", part.figures);
            }
        }
    }

    #[test]
    fn a_final_day_stays_as_it_is(Case(scenario) in any_scenario(), earlier in 0..12i64 * 24, later in 1..600i64) {
        let mut scenario = scenario;
        let start = scenario.from.unwrap().and_time(chrono::NaiveTime::MIN);
        scenario.as_of = Some(start + chrono::TimeDelta::hours(earlier));
        let before = scenario.setting().unwrap().compute();
        scenario.as_of = Some(start + chrono::TimeDelta::hours(earlier) + chrono::TimeDelta::minutes(later));
        let after = scenario.setting().unwrap().compute();
        for day in before.days.iter().filter(|day| day.state == DayState::Final) {
            let same = after.days.iter().find(|other| other.date == day.date);
            prop_assert_eq!(Some(day), same);
        }
    }

    #[test]
    fn what_a_change_reaches_is_worked_out_as_everything_is(
        Case(scenario) in scenario(rostered(), true),
        from in 0..20u64,
        days in 0..3u64,
    ) {
        let mut scenario = scenario;
        scenario.policy_from.clear();
        let setting = scenario.setting().unwrap();
        let all = setting.compute();
        let from = setting.from.checked_add_days(chrono::Days::new(from)).unwrap();
        let to = from.checked_add_days(chrono::Days::new(days)).unwrap();
        let part = part_of(&setting, &all.days, from, to);
        for day in &part.days {
            prop_assert_eq!(Some(day), all.days.iter().find(|other| other.date == day.date));
        }
        let asked = part.days.iter().map(|day| day.date);
        let (first, last) = (asked.clone().min(), asked.max());
        let within = all.days.iter().filter(|day| first <= Some(day.date) && Some(day.date) <= last);
        prop_assert_eq!(within.count(), part.days.len());
        for period in &part.periods {
            prop_assert!(all.periods.contains(period), "{:?}", period);
        }
    }

    /// People who work a shift or two with a day off a week: detection and the stream of punches find the same days
    /// wherever they begin to look.
    #[test]
    fn what_a_change_reaches_is_worked_out_as_everything_is_without_a_roster_too(
        start in 0..24u32,
        hours in 6..13u32,
        shaken in prop::collection::vec((-30..30i64, -30..240i64), 21),
        days_off in prop::sample::select(vec![6i64, 7, 3]),
        way in attribution(),
        pairing in prop::sample::select(vec!["first_last", "alternate"]),
        sessions in any::<bool>(),
        from in 8..20u64,
    ) {
        let clock = |hour: u32| format!("{:02}:00", hour % 24);
        let shift = |from: u32| serde_json::json!({
            "hours": {"fixed": {"start": clock(from), "end": clock(from + hours)}},
            "window": {"before_min": 90, "after_min": 240},
        });
        let first = crate::arbitrary::day("2026-11-01").and_time(chrono::NaiveTime::MIN);
        let work = |(day, (early, late)): (i64, &(i64, i64))| {
            let start = first + chrono::TimeDelta::hours(day * 24 + i64::from(start));
            let end = start + chrono::TimeDelta::hours(i64::from(hours));
            let lines = [start + chrono::TimeDelta::minutes(*early), end + chrono::TimeDelta::minutes(*late)];
            lines.map(|at| at.format("%Y-%m-%d %H:%M").to_string())
        };
        let worked = (0..).zip(&shaken).filter(|(day, _)| day % days_off != 0);
        let punches: Vec<_> = worked.flat_map(work).collect();
        let sessions = sessions.then(|| serde_json::json!({"new_session_gap_min": 300, "max_session_min": 1020}));
        let scenario: shift_engine::Scenario = serde_json::from_value(serde_json::json!({
            "zone": "Asia/Dhaka",
            "shifts": {"D": shift(start), "E": shift(start + 8), "N": shift(start + 16)},
            "policy": {"attribution": way, "pairing": pairing, "sessions": sessions, "weekly_off": []},
            "punches": punches,
            "from": "2026-11-01", "to": "2026-11-21",
        })).unwrap();
        let setting = scenario.setting().unwrap();
        let all = setting.compute();
        let from = setting.from.checked_add_days(chrono::Days::new(from)).unwrap();
        let part = part_of(&setting, &all.days, from, from);
        for day in &part.days {
            prop_assert_eq!(Some(day), all.days.iter().find(|other| other.date == day.date));
        }
    }

    #[test]
    fn instants_out_of_every_calendar_break_nothing(
        Case(scenario) in any_scenario(),
        instants in prop::collection::vec(any::<i64>(), 0..28),
        as_of in any::<i64>(),
        read_to in any::<i64>(),
        seconds in any::<i64>(),
    ) {
        let mut setting = scenario.setting().unwrap();
        for (punch, instant) in setting.punches.iter_mut().zip(instants) {
            punch.instant = Instant::from_unix(instant);
        }
        for (_, decision) in &mut setting.decisions {
            decision.seconds = Some(seconds);
        }
        setting.completeness = Completeness::Clocks(vec![shift_engine::ClockProgress {
            serial: "C".parse().unwrap(),
            read_to: Some(Instant::from_unix(read_to)),
        }]);
        setting.as_of = Instant::from_unix(as_of);
        let _ = setting.compute();
    }

    #[test]
    fn the_first_and_last_dates_there_are_break_nothing(
        Case(scenario) in any_scenario(),
        zones in crate::arbitrary::zones(),
        last in any::<bool>(),
    ) {
        let mut scenario = scenario;
        scenario.zone = shift_engine::scenario::ScenarioZone::History(zones);
        let setting = scenario.setting().unwrap();
        let person: Person<'_> = setting.person(&[]);
        let date = if last { chrono::NaiveDate::MAX } else { chrono::NaiveDate::MIN };
        let ask = Ask { from: date, to: date, ..setting.ask() };
        let _ = compute(&setting.book, &person, &ask);
    }
}
