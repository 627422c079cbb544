//! A case's policy as the engine's. What a case leaves out is neutral: no grace, no breaks, no overtime.

use std::collections::BTreeSet;

use serde_json::Number;
use shift_engine::Minutes;
use shift_engine::policy::{
    Approval, Attribution, BreakRules, ConsecutiveDays, HolidayOvertime, HolidayPunches, LateOn,
    MissingPunch, Near, OffDayOvertime, OvertimeBasis, OvertimeRules, Pairing, PeriodOvertime, PolicyRules,
    PunchRounding, Rate, Round, Rounding, SinglePunch, Thresholds, Tier, TotalRounding, Unrostered,
    WeeklyCounts, WeeklyOvertime,
};

use super::schema::{Case, CaseOvertime, CaseRound, CaseTier};

pub(super) fn rules(case: &Case) -> Result<PolicyRules, String> {
    let policy = &case.policy;
    Ok(PolicyRules {
        attribution: policy.attribution.unwrap_or(Attribution::ShiftStart),
        pairing: policy.pairing.unwrap_or(Pairing::FirstLast),
        fold_within_sec: 0,
        single_punch: SinglePunch::In,
        missing_punch: MissingPunch::ByThresholds,
        sessions: policy.sessions,
        unrostered: Unrostered::Unassigned,
        weekly_off: BTreeSet::from_iter(case.calendar.weekly_off.iter().copied()),
        holiday_punches: policy.holiday_punches.unwrap_or(HolidayPunches::Count),
        absent_final_after_min: Minutes::new(policy.absent_final_after_min),
        grace: policy.grace.unwrap_or_default(),
        late_on: policy.late_on.unwrap_or(LateOn::Raw),
        thresholds: Thresholds {
            absent_below_min: Minutes::new(policy.thresholds.absent_below_min),
            half_day_below_min: Minutes::new(policy.thresholds.half_day_below_min),
            halve_on_half_holiday: policy.halve_thresholds_on_half_holiday,
        },
        rounding: rounding(case)?,
        breaks: BreakRules {
            deduct_scheduled: policy.breaks.deduct_scheduled,
            auto_deduct: policy.breaks.auto_deduct.clone(),
            paid_punched_break_min: Minutes::new(policy.breaks.paid_punched_break_min),
            longest_min: None,
            required_after_min: None,
        },
        overtime: policy.overtime.as_ref().map_or_else(|| Ok(no_overtime()), overtime)?,
        undertime: policy.undertime.unwrap_or_default(),
        night_window: policy.night_window.clone(),
        auto_out: policy.auto_out,
        late_penalty: None,
        limits: policy.limits,
    })
}

pub(super) fn round(rule: &CaseRound) -> Round {
    Round { mode: rule.mode, unit_sec: rule.unit_sec, grace_sec: rule.grace_sec }
}

fn rounding(case: &Case) -> Result<Rounding, String> {
    let mut rounding = Rounding::default();
    let punch = |rule: &CaseRound| {
        let near = |near: &super::schema::CaseNear| Near::Time {
            time: near.time,
            within_min: Minutes::new(near.within_min),
        };
        PunchRounding { round: round(rule), only_near: rule.only_near.as_ref().map(near) }
    };
    for (name, rule) in &case.policy.rounding {
        match name.as_str() {
            "in" => rounding.punch_in = Some(punch(rule)),
            "out" => rounding.punch_out = Some(punch(rule)),
            "total" => {
                let near = rule.only_near_total_min;
                rounding.total = Some(TotalRounding { round: round(rule), only_near_total_min: near });
            }
            "break_duration" => rounding.break_duration = Some(round(rule)),
            // Only tables use these; they apply the rule themselves.
            "any" | "duration" => {}
            other => return Err(format!("policy.rounding.{other}: unknown rounding")),
        }
    }
    Ok(rounding)
}

fn no_overtime() -> OvertimeRules {
    OvertimeRules {
        basis: OvertimeBasis::None,
        off_day: OffDayOvertime::AsUsual,
        holiday: HolidayOvertime::AsUsual,
        ..OvertimeRules::default()
    }
}

fn overtime(case: &CaseOvertime) -> Result<OvertimeRules, String> {
    let weekly = || -> Result<WeeklyOvertime, String> {
        let counts = case.weekly_counts.unwrap_or(WeeklyCounts::NotDailyOt);
        Ok(WeeklyOvertime { tiers: tiers(&case.weekly_tiers)?, counts })
    };
    let period = case.period.as_ref().map(|period| -> Result<PeriodOvertime, String> {
        Ok(PeriodOvertime { start: period.start, days: period.days, tiers: tiers(&period.tiers)? })
    });
    let consecutive = case.consecutive_days.as_ref().map(|run| -> Result<ConsecutiveDays, String> {
        Ok(ConsecutiveDays { from_day: run.from_day, rate: rate(run.rate.as_ref())? })
    });
    Ok(OvertimeRules {
        basis: case.basis.unwrap_or(OvertimeBasis::None),
        daily_tiers: tiers(&case.daily_tiers)?,
        weekly: if case.weekly_tiers.is_empty() { None } else { Some(weekly()?) },
        period: period.transpose()?,
        consecutive_days: consecutive.transpose()?,
        off_day: case.off_day.unwrap_or(OffDayOvertime::AsUsual),
        holiday: case.holiday.unwrap_or(HolidayOvertime::AsUsual),
        ignore_up_to_min: Minutes::new(case.ignore_up_to_min),
        cap_min: case.cap_min.map(Minutes::new),
        approval: case.approval.unwrap_or(Approval::Automatic),
        ..OvertimeRules::default()
    })
}

fn tiers(list: &[CaseTier]) -> Result<Vec<Tier>, String> {
    let mut tiers: Vec<Tier> = Vec::new();
    for tier in list {
        let (id, over_min) = (tier.id.as_str().into(), Minutes::new(tier.over_min));
        tiers.push(Tier { id, over_min, rate: rate(tier.rate.as_ref())? });
    }
    tiers.sort_by_key(|tier| tier.over_min);
    Ok(tiers)
}

/// A decimal number as an exact fraction.
fn rate(number: Option<&Number>) -> Result<Rate, String> {
    let Some(number) = number else { return Ok(Rate::SINGLE) };
    let text = number.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digits = u32::try_from(decimals.len()).map_err(|e| e.to_string())?;
    let numerator = format!("{whole}{decimals}").parse::<u32>().ok();
    let rate = numerator.zip(10_u32.checked_pow(digits)).and_then(|(top, bottom)| Rate::new(top, bottom));
    rate.ok_or_else(|| format!("the rate {text} is no fraction that the engine takes"))
}
