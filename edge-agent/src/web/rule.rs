//! Shifts and rules: hours, who works them where nothing is rostered, the policy, holidays.

mod assignment;
mod holiday;
pub(super) mod hours;
mod policy;
mod shift;

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use shared_model::access::Permission;
use shared_model::entity::{
    Department, Employee, Holiday, HolidayType, Policy, Roster, RosterBasis, ScopeKind, Shift, Weekday,
};
use shared_model::{DepartmentId, EmployeeId, ShiftId};
use shift_engine::{PolicyRules, RosterPattern, ShiftDefinition, Typed as _};
use web_kit::{Access, Current, Failure, FormState, Page, RouteTable, View};

use super::local_time::LocalTime;
use super::{App, Person};
use crate::control::policy::policy_on;
use crate::store::{ReadTx, StoreError, Stored};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/rules", Access::Needs(Permission::RulesView), show)
        .extend(shift::routes())
        .extend(assignment::routes())
        .extend(policy::routes())
        .extend(holiday::routes())
}

struct ShiftLine {
    href: String,
    code: String,
    name: String,
    hours: String,
    pause: String,
    is_active: bool,
}

struct AssignmentLine {
    whom: String,
    basis: String,
    what: String,
    from: String,
    to: String,
    is_over: bool,
}

struct RuleLine {
    label: String,
    value: String,
}

struct HolidayLine {
    id: String,
    date: String,
    name: String,
    is_half: bool,
}

/// Everything the page is made of, as stored.
struct Records {
    shifts: Vec<Stored<Shift>>,
    rosters: Vec<Stored<Roster>>,
    policies: Vec<Stored<Policy>>,
    holidays: Vec<Stored<Holiday>>,
    departments: Vec<Stored<Department>>,
    employees: HashMap<EmployeeId, String>,
}

impl Records {
    fn read(tx: &ReadTx) -> Result<Self, StoreError> {
        let rosters = tx.records::<Roster>()?;
        let mut employees = HashMap::new();
        for roster in rosters.iter().filter(|known| known.record.scope_kind == ScopeKind::Employee) {
            let Some(id) = roster.record.scope.map(EmployeeId::from_uuid) else { continue };
            if let Some(employee) = tx.record::<Employee>(id)? {
                employees.insert(id, employee.record.name.to_string());
            }
        }
        Ok(Self {
            shifts: tx.records()?,
            rosters,
            policies: tx.records()?,
            holidays: tx.records()?,
            departments: tx.records()?,
            employees,
        })
    }
}

#[derive(Template)]
#[template(path = "rule/show.html")]
struct RulesPage {
    page: Page,
    form: FormState,
    may_edit: bool,
    shifts: Vec<ShiftLine>,
    assignments: Vec<AssignmentLine>,
    whom: Vec<(String, String)>,
    active: Vec<(String, String)>,
    policy: String,
    policy_from: String,
    rules: Vec<RuleLine>,
    holidays: Vec<HolidayLine>,
}

/// The page, with a form of it that is shown again.
async fn page_of(app: &App, page: Page, person: &Person, form: FormState) -> Result<RulesPage, StoreError> {
    let local = app.local_time().await?;
    let mut records = app.store().read(Records::read).await?;
    records.shifts.sort_by_key(|known| (!known.record.active, known.record.code.as_str().to_lowercase()));
    records.departments.sort_by_key(|known| known.record.name.as_str().to_lowercase());
    let names: HashMap<ShiftId, String> =
        records.shifts.iter().map(|known| (known.id, known.record.name.to_string())).collect();
    let whom = std::iter::once((String::new(), page.t("rule-everybody").to_string()))
        .chain(records.departments.iter().map(|known| (known.id.to_string(), known.record.name.to_string())))
        .collect();
    let active = records
        .shifts
        .iter()
        .filter(|known| known.record.active)
        .map(|known| (known.id.to_string(), known.record.name.to_string()))
        .collect();
    let policy = policy_on(std::mem::take(&mut records.policies), local.today());
    let rules = policy.as_ref().map(|(_, rules)| rules.clone()).unwrap_or_default();
    Ok(RulesPage {
        may_edit: person.role.may(Permission::RulesEdit),
        shifts: records.shifts.iter().map(|known| shift_line(&page, known, &local)).collect(),
        assignments: assignment_lines(&page, &records, &names, &local),
        whom,
        active,
        policy: policy.as_ref().map(|(known, _)| known.record.name.to_string()).unwrap_or_default(),
        policy_from: policy
            .as_ref()
            .map(|(known, _)| page.texts.date(known.record.effective_from))
            .unwrap_or_default(),
        rules: rule_lines(&page, &rules),
        holidays: holiday_lines(&page, &records.holidays, &local),
        form,
        page,
    })
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
) -> Result<View<RulesPage>, Failure> {
    let form = FormState::filled([("from", app.today().await?.to_string())]);
    Ok(View(page_of(&app, page, &current.user, form).await?))
}

fn shift_line(page: &Page, known: &Stored<Shift>, local: &LocalTime) -> ShiftLine {
    let record = &known.record;
    let definition = ShiftDefinition::parse(&record.definition).ok();
    let today = definition.as_ref().map(|definition| definition.hours_on(local.today()));
    ShiftLine {
        href: format!("/rules/shifts/{}", known.id),
        code: record.code.to_string(),
        name: record.name.to_string(),
        hours: today
            .map_or_else(|| page.t("shift-unreadable").to_string(), |hours| hours::hours_text(page, hours)),
        pause: today.map(|hours| hours::breaks_text(page, hours)).unwrap_or_default(),
        is_active: record.active,
    }
}

fn assignment_lines(
    page: &Page,
    records: &Records,
    names: &HashMap<ShiftId, String>,
    local: &LocalTime,
) -> Vec<AssignmentLine> {
    let mut rosters: Vec<&Stored<Roster>> = records.rosters.iter().collect();
    rosters.sort_by_key(|known| (known.record.scope_kind, std::cmp::Reverse(known.record.from)));
    rosters
        .into_iter()
        .map(|known| {
            let record = &known.record;
            let department = |id: DepartmentId| {
                records
                    .departments
                    .iter()
                    .find(|known| known.id == id)
                    .map(|known| known.record.name.to_string())
            };
            let whom = match record.scope_kind {
                ScopeKind::Company => Some(page.t("rule-everybody").to_string()),
                ScopeKind::Site => Some(page.frame.site.clone()),
                ScopeKind::Department => record.scope.map(DepartmentId::from_uuid).and_then(department),
                ScopeKind::Employee => {
                    record.scope.and_then(|id| records.employees.get(&EmployeeId::from_uuid(id)).cloned())
                }
            };
            let basis = match record.basis {
                RosterBasis::Roster => page.t("rule-basis-roster"),
                RosterBasis::Default => page.t("rule-basis-default"),
            };
            AssignmentLine {
                whom: whom.unwrap_or_else(|| page.t("rule-whom-unknown").to_string()),
                basis: basis.to_string(),
                what: pattern_text(page, record, names),
                from: page.texts.date(record.from),
                to: record.to.map(|to| page.texts.date(to)).unwrap_or_default(),
                is_over: record.to.is_some_and(|to| to < local.today()),
            }
        })
        .collect()
}

/// The names of a pattern's shifts, each once.
fn pattern_text(page: &Page, record: &Roster, names: &HashMap<ShiftId, String>) -> String {
    let Ok(pattern) = RosterPattern::parse(&record.pattern) else {
        return page.t("shift-unreadable").to_string();
    };
    let mut seen: Vec<&str> = Vec::new();
    for shift in pattern.shifts() {
        let name = names.get(&shift).map_or("?", String::as_str);
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.join(" · ")
}

fn rule_lines(page: &Page, rules: &PolicyRules) -> Vec<RuleLine> {
    let minutes =
        |minutes: shift_engine::Minutes| page.texts.span(chrono::TimeDelta::seconds(minutes.seconds().get()));
    let line = |label: web_kit::locale::Text<'_>, value: String| RuleLine { label: label.to_string(), value };
    let off: Vec<String> = Weekday::ALL
        .iter()
        .filter(|day| rules.weekly_off.contains(day))
        .map(|day| page.texts.weekday_in_full(hours::chrono_weekday(*day)))
        .collect();
    let off = if off.is_empty() { page.t("rule-off-none").to_string() } else { off.join(", ") };
    let threshold = |limit: shift_engine::Minutes| {
        if limit.get() == 0 { page.t("rule-none").to_string() } else { minutes(limit) }
    };
    vec![
        line(page.t("rule-weekly-off"), off),
        line(page.t("rule-late-grace"), minutes(rules.grace.late_min)),
        line(page.t("rule-early-grace"), minutes(rules.grace.early_min)),
        line(page.t("rule-half-day-below"), threshold(rules.thresholds.half_day_below_min)),
        line(page.t("rule-absent-below"), threshold(rules.thresholds.absent_below_min)),
        line(page.t("rule-final-after"), minutes(rules.absent_final_after_min)),
    ]
}

fn holiday_lines(page: &Page, holidays: &[Stored<Holiday>], local: &LocalTime) -> Vec<HolidayLine> {
    let from = local.today() - chrono::Days::new(31);
    let mut coming: Vec<&Stored<Holiday>> =
        holidays.iter().filter(|known| known.record.date >= from).collect();
    coming.sort_by_key(|known| known.record.date);
    coming
        .into_iter()
        .map(|known| HolidayLine {
            id: known.id.to_string(),
            date: page.texts.date_long(known.record.date),
            name: known.record.name.to_string(),
            is_half: known.record.holiday_type == HolidayType::HalfDay,
        })
        .collect()
}
