//! What a case expects, against what the engine gives.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, Timelike as _};
use serde_json::{Number, Value};
use shared_model::entity::DayDecisionType;
use shift_engine::geofence::{Place, is_inside};
use shift_engine::interval::{Interval, may_close};
use shift_engine::shift::{FixedHours, Hours};
use shift_engine::{
    DayRecord, Figures, Flag, Instant, Output, OvertimeState, PeriodKind, PunchUse, Seconds, ShiftRecord,
    Status,
};

use super::policy;
use super::recount::recount;
use super::schema::{Case, Expected, ExpectedDay};
use super::setting::{Setting, decision, decision_id, instant};
use super::verdict::{Comparison, Verdict};

/// Runs a case.
///
/// # Errors
/// What the engine or the adapter lacks.
pub(super) fn check(case: &Case) -> Result<Verdict, String> {
    let rules = policy::rules(case)?;
    let mut setting = Setting::new(case, &rules)?;
    let mut comparison = Comparison::default();
    let mut output = setting.compute(&[]);
    for _ in 1..case.expected.recalculate_times.unwrap_or(1) {
        let again = setting.compute(&output.days);
        comparison.key(|| "recalculated".to_owned(), Some(&output), &again);
        output = again;
    }
    explanations(&output, &mut comparison)?;
    for day in &case.expected.days {
        Day::find(&setting, &output, day)?.compare(day, &mut comparison)?;
    }
    punches(&setting, &output, &case.expected, &mut comparison);
    periods(&output, &case.expected, &mut comparison);
    tables(case, &mut comparison)?;
    if let Some(expected) = &case.expected.after_approval {
        let approval = decision(setting.employee(), expected.date, DayDecisionType::Overtime);
        setting.decisions.push((decision_id(setting.decisions.len()), approval));
        let approved = setting.compute(&[]);
        let record = approved.days.iter().find(|day| day.date == expected.date);
        let state = record.map(|day| overtime_state(day.overtime.approval)).unwrap_or_default().to_owned();
        comparison.key(|| "after_approval.ot_status".to_owned(), expected.ot_status.as_ref(), &state);
        let payable = record.map(|day| day.overtime.payable).unwrap_or_default();
        let wanted = expected.ot_payable_min.map(Seconds::minutes);
        comparison.key(|| "after_approval.ot_payable_min".to_owned(), wanted.as_ref(), &payable);
    }
    Ok(comparison.verdict())
}

/// Every day's figures against those that its explanation alone gives.
fn explanations(output: &Output, comparison: &mut Comparison) -> Result<(), String> {
    if output.days.len() != output.explanations.len() {
        return Err("a day has no explanation".to_owned());
    }
    for (day, explanation) in output.days.iter().zip(&output.explanations) {
        let counted = recount(&serde_json::to_value(explanation).map_err(|e| e.to_string())?);
        let counted = counted.map_err(|e| format!("the explanation of {}: {e}", day.date))?;
        let (figures, overtime) = (&day.figures, &day.overtime);
        for (name, figure) in [
            ("worked", figures.worked),
            ("regular", figures.regular),
            ("late", figures.late),
            ("early", figures.early),
            ("undertime", figures.undertime),
            ("night", figures.night),
            ("overtime_found", overtime.found),
            ("overtime_counted", overtime.counted),
            ("overtime_payable", overtime.payable),
        ] {
            let counted = Seconds::new(counted.get(name).copied().unwrap_or_default());
            comparison.key(|| format!("{}.explained.{name}", day.date), Some(&figure), &counted);
        }
    }
    Ok(())
}

/// One expected day with the record, and the shift of it that is meant.
struct Day<'a> {
    date: NaiveDate,
    zone: chrono_tz::Tz,
    record: Option<&'a DayRecord>,
    records: usize,
    part: Option<&'a ShiftRecord>,
    shift: Option<&'a str>,
}

impl<'a> Day<'a> {
    fn find(setting: &'a Setting, output: &'a Output, expected: &ExpectedDay) -> Result<Self, String> {
        let date = expected.0.get("date").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let date = date.ok_or("an expected day without a date")?;
        let of_date = |day: &&DayRecord| day.date == date && day.status != Status::Pending;
        let records = output.days.iter().filter(of_date).count();
        let record = output.days.iter().find(of_date);
        let name_of = |part: &ShiftRecord| {
            setting.shifts.iter().find(|(_, id)| Some(**id) == part.shift).map(|(name, _)| name.as_str())
        };
        let wanted = expected.0.get("shift").and_then(Value::as_str);
        let parts = record.map_or(&[][..], |record| &record.shifts);
        let part = parts.iter().find(|part| wanted.is_some() && name_of(part) == wanted);
        let shift = part.or(parts.first()).and_then(name_of);
        Ok(Self { date, zone: setting.zone, record, records, part, shift })
    }

    fn figures(&self) -> Figures {
        let of_day = || self.record.map(|record| record.figures).unwrap_or_default();
        self.part.map_or_else(of_day, |part| part.figures)
    }

    fn status(&self) -> Option<Status> {
        let of_day = || self.record.map(|record| record.status);
        match self.part {
            Some(part) if self.record.is_some_and(|record| record.shifts.len() > 1) => Some(part.status),
            _ => of_day(),
        }
    }

    fn wall(&self, at: Option<Instant>) -> Option<NaiveDateTime> {
        at.map(|at| shift_engine::civil::local_time(self.zone, at).naive_local())
    }

    fn times(&self) -> [Option<Instant>; 4] {
        let first = self.record.and_then(|record| record.shifts.first());
        let last = self.record.and_then(|record| record.shifts.last());
        let (first, last) = (self.part.or(first), self.part.or(last));
        [
            first.and_then(|part| part.first_in),
            last.and_then(|part| part.last_out),
            first.and_then(|part| part.in_rounded),
            last.and_then(|part| part.out_rounded),
        ]
    }

    fn sessions(&self) -> u64 {
        let parts = self.record.map_or(&[][..], |record| &record.shifts);
        self.part.map_or_else(
            || parts.iter().map(|part| u64::from(part.sessions)).sum(),
            |part| part.sessions.into(),
        )
    }

    fn flags(&self) -> Vec<Flag> {
        self.record.map(|record| record.flags.iter().collect()).unwrap_or_default()
    }

    fn compare(&self, expected: &ExpectedDay, comparison: &mut Comparison) -> Result<(), String> {
        let figures = self.figures();
        let overtime = self.record.map(|record| record.overtime.clone()).unwrap_or_default();
        let [first_in, last_out, in_rounded, out_rounded] = self.times();
        for (key, value) in &expected.0 {
            let got = match key.as_str() {
                "date" => continue,
                "status" => Value::from(self.status().map(Status::as_str)),
                "status_not" => {
                    let status = self.status().map(Status::as_str);
                    let is = list(value)?.into_iter().find(|not| Some(*not) == status);
                    comparison.key(|| self.at(key), Some(&None), &is);
                    continue;
                }
                "shift" => Value::from(self.shift),
                "in" => self.wall_json(first_in),
                "out" => self.wall_json(last_out),
                "in_rounded" => self.wall_json(in_rounded),
                "out_rounded" => self.wall_json(out_rounded),
                "worked_sec" => Value::from(figures.worked.get()),
                "worked_min" => minutes(figures.worked),
                "regular_min" => {
                    minutes(self.record.map(|record| record.figures.regular).unwrap_or_default())
                }
                "late_min" => minutes(figures.late),
                "early_min" => minutes(figures.early),
                "undertime_min" => minutes(figures.undertime),
                "night_min" => minutes(figures.night),
                "ot_min" => minutes(overtime.counted),
                "ot_payable_min" => minutes(overtime.payable),
                "ot_status" => Value::from(overtime_state(overtime.approval)),
                "ot" => {
                    self.tiers(value, &overtime.tiers, comparison)?;
                    continue;
                }
                "sessions" => Value::from(self.sessions()),
                "other_half" => {
                    Value::from(self.record.and_then(|record| record.other_half).map(Status::as_str))
                }
                "flags" | "flags_absent" => {
                    self.compare_flags(key, value, comparison)?;
                    continue;
                }
                "final" => Value::from(
                    self.record.is_some_and(|record| record.state == shift_engine::DayState::Final),
                ),
                "record_count" => Value::from(self.records),
                other => return Err(format!("expected.days.{other}: unknown key")),
            };
            comparison.key(|| self.at(key), Some(value), &got);
        }
        Ok(())
    }

    fn at(&self, key: &str) -> String {
        format!("{} {key}", self.date)
    }

    fn wall_json(&self, at: Option<Instant>) -> Value {
        Value::from(self.wall(at).map(|wall| wall.format("%Y-%m-%dT%H:%M:%S").to_string()))
    }

    fn tiers(
        &self,
        value: &Value,
        tiers: &[shift_engine::record::TierTime],
        comparison: &mut Comparison,
    ) -> Result<(), String> {
        let wanted = value.as_object().ok_or("expected.days.ot: not an object")?;
        for (name, expected) in wanted {
            let got = tiers.iter().filter(|tier| *tier.id == **name).map(|tier| tier.seconds).sum();
            comparison.key(|| self.at(&format!("ot.{name}")), Some(expected), &minutes(got));
        }
        Ok(())
    }

    fn compare_flags(&self, key: &str, value: &Value, comparison: &mut Comparison) -> Result<(), String> {
        for name in list(value)? {
            let flag =
                Flag::parse(name).ok_or_else(|| format!("expected.days.{key}: unknown flag {name:?}"))?;
            let there = self.flags().contains(&flag);
            comparison.key(|| self.at(&format!("{key} {name}")), Some(&(key == "flags")), &there);
        }
        Ok(())
    }
}

/// Whole minutes as a number; a figure with seconds left over as text, so that it equals no number.
fn minutes(seconds: Seconds) -> Value {
    if seconds.get() % 60 == 0 {
        Value::from(seconds.whole_minutes())
    } else {
        Value::from(format!("{} s", seconds.get()))
    }
}

fn list(value: &Value) -> Result<Vec<&str>, String> {
    let items = value.as_array().ok_or_else(|| format!("{value} is no list"))?;
    items.iter().map(|item| item.as_str().ok_or_else(|| format!("{item} is no text"))).collect()
}

fn overtime_state(state: OvertimeState) -> &'static str {
    match state {
        OvertimeState::None => "none",
        OvertimeState::Automatic | OvertimeState::Approved => "approved",
        OvertimeState::ToApprove => "to_approve",
        OvertimeState::Rejected => "rejected",
    }
}

fn punches(setting: &Setting, output: &Output, expected: &Expected, comparison: &mut Comparison) {
    let at = |wall: NaiveDateTime| instant(setting.zone, wall);
    let wall = |used: &PunchUse| shift_engine::civil::local_time(setting.zone, used.at).naive_local();
    if let Some(wanted) = &expected.unassigned {
        let mut wanted = wanted.clone();
        let mut got: Vec<_> = output.unassigned().map(wall).collect();
        wanted.sort();
        got.sort();
        comparison.key(|| "unassigned".to_owned(), Some(&wanted), &got);
    }
    for punch in &expected.punch_shift {
        let used = output.punches.iter().find(|used| used.at == at(punch.at));
        let counted = used.filter(|used| used.role.counts());
        let shift = counted.and_then(|used| used.shift);
        let name = setting.shifts.iter().find(|(_, id)| Some(**id) == shift).map(|(name, _)| name.clone());
        comparison.key(|| format!("punch {} shift", punch.at), Some(&punch.shift), &name);
        let date = Some(counted.map(|used| used.date));
        comparison.key(
            || format!("punch {} date", punch.at),
            punch.date.map(|date| Some(Some(date))).as_ref(),
            &date,
        );
    }
    for schedule in &expected.scheduled {
        let day = output.days.iter().find(|day| day.date == schedule.date);
        let id = setting.shifts.get(&schedule.shift).copied();
        let part = day.and_then(|day| day.shifts.iter().find(|part| part.shift == id));
        let length = part.and_then(|part| Some(part.scheduled_end? - part.scheduled_start?));
        let wanted = Some(Seconds::minutes(schedule.scheduled_min));
        comparison.key(|| format!("{} scheduled_min", schedule.date), Some(&wanted), &length);
    }
}

fn periods(output: &Output, expected: &Expected, comparison: &mut Comparison) {
    let weeks: BTreeMap<NaiveDate, _> = output
        .periods
        .iter()
        .filter(|period| period.kind == PeriodKind::Week)
        .map(|week| (week.from, week))
        .collect();
    for wanted in &expected.week_totals {
        let week = weeks.range(..=wanted.week_of).next_back().map(|(_, week)| *week);
        let at = |key: &str| format!("week {} {key}", wanted.week_of);
        let worked = week.map(|week| week.figures.worked.whole_minutes());
        comparison.key(|| at("worked_min"), wanted.worked_min.map(Some).as_ref(), &worked);
        let overtime = week.map(|week| week.overtime.whole_minutes());
        comparison.key(|| at("ot_min"), wanted.ot_min.map(Some).as_ref(), &overtime);
        let breached = week.map(|week| week.limit_breached);
        comparison.key(|| at("limit_breached"), wanted.limit_breached.map(Some).as_ref(), &breached);
    }
}

fn tables(case: &Case, comparison: &mut Comparison) -> Result<(), String> {
    let expected = &case.expected;
    for row in &expected.rounding_table {
        let rule = case.policy.rounding.get("any").ok_or("policy.rounding.any: missing for a table")?;
        let second = |time: NaiveDateTime| Seconds::new(time.num_seconds_from_midnight().into());
        let rounded = policy::round(rule).apply(second(row.before));
        let days = (row.after.date() - row.before.date()).num_days();
        let wanted = second(row.after) + Seconds::new(days * 86_400);
        comparison.key(|| format!("rounded {}", row.before), Some(&wanted), &rounded);
    }
    for pair in &expected.overlap_pairs {
        let hours =
            |(start, end)| Hours::Fixed(FixedHours { start, end, breaks: Vec::new(), expected_min: None });
        let overlap = hours(pair.a).overlap(&hours(pair.b));
        comparison.key(|| format!("overlap {:?} {:?}", pair.a, pair.b), Some(&pair.overlap), &overlap);
    }
    for fence in &expected.geofence {
        let centre =
            Place { latitude_e7: degrees_e7(&fence.site.lat)?, longitude_e7: degrees_e7(&fence.site.lon)? };
        let point =
            Place { latitude_e7: degrees_e7(&fence.point.lat)?, longitude_e7: degrees_e7(&fence.point.lon)? };
        let inside = is_inside(centre, fence.site.radius_m, point);
        comparison.key(|| format!("inside {point:?}"), Some(&fence.inside), &inside);
    }
    for insert in &expected.insert_checks {
        let at = |wall| instant(case.timezone, wall);
        let existing: Vec<_> =
            insert.existing.iter().map(|(from, to)| Interval::new(at(*from), at(*to))).collect();
        let accepted = may_close(at(insert.open_in), at(insert.new_out), &existing);
        comparison.key(|| format!("accepted {}", insert.new_out), Some(&insert.accepted), &accepted);
    }
    Ok(())
}

/// Degrees as a decimal number, in ten-millionths.
fn degrees_e7(number: &Number) -> Result<i64, String> {
    let text = number.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let seven: String = decimals.chars().chain(std::iter::repeat('0')).take(7).collect();
    format!("{whole}{seven}").parse().map_err(|_| format!("{text} is no angle in degrees"))
}
