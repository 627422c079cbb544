//! Company rules over the finished figures of a day.

use cel::{Context, Value};

use super::plan::DayPlan;
use crate::company_rule::Effect;
use crate::exception::{Exception, ExceptionKind};
use crate::input::Person;
use crate::record::{Allowance, DayKind, DayRecord};
use crate::rulebook::{KnownRule, Rulebook};
use crate::shift::weekday_of;
use crate::time::Seconds;

/// Whether there are rules that may make overtime need approval.
pub(super) fn may_require_approval(book: &Rulebook) -> bool {
    book.company_rules().iter().any(|rule| rule.definition.then == Effect::RequireApproval)
}

/// Whether a rule makes the day's overtime need approval.
pub(super) fn requires_approval(
    book: &Rulebook,
    person: &Person<'_>,
    day: &DayRecord,
    plan: &DayPlan<'_>,
) -> bool {
    let mut rules = book.company_rules().iter().filter(|rule| rule.effective_from <= day.date);
    rules.any(|rule| {
        rule.definition.then == Effect::RequireApproval && holds(rule, person, day, plan) == Some(true)
    })
}

/// Sets flags and gives allowances.
pub(super) fn apply(book: &Rulebook, person: &Person<'_>, day: &mut DayRecord, plan: &DayPlan<'_>) {
    for rule in book.company_rules().iter().filter(|rule| rule.effective_from <= plan.date) {
        match (holds(rule, person, day, plan), &rule.definition.then) {
            (Some(false), _) | (Some(true), Effect::RequireApproval) => {}
            (Some(true), Effect::Flag(code)) => {
                day.company_flags.insert(code.clone());
            }
            (Some(true), Effect::Allowance(given)) => day.allowances.push(Allowance {
                rule: rule.id,
                code: given.code.clone(),
                seconds: Seconds::minutes(given.minutes.into()),
                minor_units: given.minor_units.into(),
            }),
            (None, _) => day.exceptions.push(Exception::new(ExceptionKind::CompanyRuleFailed)),
        }
    }
}

/// Whether the condition is true; `None` = it does not give true or false on this day's facts.
fn holds(rule: &KnownRule, person: &Person<'_>, day: &DayRecord, plan: &DayPlan<'_>) -> Option<bool> {
    let mut context = Context::default();
    let minutes = |seconds: Seconds| Value::Int(seconds.whole_minutes());
    let figures = &day.figures;
    let facts = [
        ("worked_min", minutes(figures.worked)),
        ("regular_min", minutes(figures.regular)),
        ("overtime_min", minutes(day.overtime.counted)),
        ("payable_overtime_min", minutes(day.overtime.payable)),
        ("night_min", minutes(figures.night)),
        ("late_min", minutes(figures.late)),
        ("early_min", minutes(figures.early)),
        ("undertime_min", minutes(figures.undertime)),
        ("expected_min", minutes(figures.expected)),
        ("status", Value::from(day.status.as_str())),
        ("weekday", Value::from(weekday_of(day.date).as_str())),
        ("weekly_off", Value::Bool(plan.kind == DayKind::WeeklyOff)),
        ("holiday", Value::Bool(plan.kind == DayKind::Holiday)),
        ("on_leave", Value::Bool(day.leave.is_some())),
        ("sessions", Value::Int(day.shifts.iter().map(|shift| i64::from(shift.sessions)).sum())),
        ("category", Value::from(person.record.category.as_str())),
    ];
    for (name, value) in facts {
        context.add_variable_from_value(name, value);
    }
    match rule.program.execute(&context) {
        Ok(Value::Bool(holds)) => Some(holds),
        Ok(_) | Err(_) => None,
    }
}
