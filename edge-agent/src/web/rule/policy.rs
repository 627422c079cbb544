//! Changing the policy from a date on.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDate;
use shared_model::access::Permission;
use shared_model::entity::{Policy, Weekday};
use shared_model::text::Name;
use shift_engine::{PolicyRules, Typed as _};
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, RouteTable, View};

use super::super::{App, Person};
use super::hours::weekday_choices;
use super::shift::minutes;
use crate::control::policy::{SetPolicy, policy_on};
use crate::control::roster::Scope;
use crate::store::StoreError;

/// The longest time that can be typed, in minutes.
const DAY: u32 = 24 * 60;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/rules/policy", Access::Needs(Permission::RulesEdit), edit).post(
        "/rules/policy",
        Access::Needs(Permission::RulesEdit),
        save,
    )
}

#[derive(Template)]
#[template(path = "rule/policy.html")]
struct PolicyPage {
    page: Page,
    form: FormState,
    weekdays: Vec<(String, String)>,
}

impl PolicyPage {
    fn new(page: Page, form: FormState) -> Self {
        Self { weekdays: weekday_choices(&page), page, form }
    }
}

async fn current_rules(app: &App) -> Result<(Option<Name>, PolicyRules), StoreError> {
    let today = app.today().await?;
    let policies = app.store().read(crate::store::ReadTx::records::<Policy>).await?;
    Ok(match policy_on(policies, today) {
        Some((known, rules)) => (Some(known.record.name), rules),
        None => (None, PolicyRules::default()),
    })
}

async fn edit(State(app): State<App>, page: Page) -> Result<View<PolicyPage>, Failure> {
    let (name, rules) = current_rules(&app).await?;
    let name = name.map_or_else(|| page.t("policy-name").to_string(), |name| name.to_string());
    let mut values = vec![
        ("name", name),
        ("from", app.today().await?.to_string()),
        ("late", rules.grace.late_min.get().to_string()),
        ("early", rules.grace.early_min.get().to_string()),
        ("half_day", rules.thresholds.half_day_below_min.get().to_string()),
        ("absent", rules.thresholds.absent_below_min.get().to_string()),
        ("final", rules.absent_final_after_min.get().to_string()),
    ];
    values.extend(rules.weekly_off.iter().map(|day| ("weekly_off", day.as_str().to_owned())));
    let form = FormState::of(values);
    Ok(View(PolicyPage::new(page, form)))
}

fn parse(page: &Page, form: &mut FormState, before: PolicyRules) -> Option<(Name, NaiveDate, PolicyRules)> {
    let texts = &page.texts;
    let name = form.parse(texts, "name", Name::parse, |_| Key::new("form-required"));
    let from = form.parse(texts, "from", str::parse::<NaiveDate>, |_| Key::new("form-date-bad"));
    let mut field = |name: &str| form.parse(texts, name, |text| minutes(text, DAY), |key| key);
    let (late, early, half_day) = (field("late"), field("early"), field("half_day"));
    let (absent, wait) = (field("absent"), field("final"));
    let weekly_off: BTreeSet<Weekday> = form.all("weekly_off").filter_map(Weekday::parse).collect();
    let mut rules = PolicyRules { weekly_off, absent_final_after_min: wait?, ..before };
    rules.grace.late_min = late?;
    rules.grace.early_min = early?;
    rules.thresholds.half_day_below_min = half_day?;
    rules.thresholds.absent_below_min = absent?;
    if rules.weekly_off.len() == Weekday::ALL.len() {
        form.fail("weekly_off", texts.t("policy-all-off"));
        return None;
    }
    if half_day? < absent? && half_day?.get() > 0 {
        form.fail("absent", texts.t("policy-absent-above"));
        return None;
    }
    Some((name?, from?, rules))
}

async fn save(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let (_, before) = current_rules(&app).await?;
    let Some((name, from, rules)) = parse(&page, &mut form, before) else {
        return Ok(FormState::again(View(PolicyPage::new(page, form))));
    };
    let author = current.user.author();
    let set = SetPolicy { name, from, scope: Scope::Company, rules: rules.to_document() };
    match app.store().write(move |tx| set.save(tx, &author)).await {
        Ok(_) => Ok((Flash::good("policy-saved"), Redirect::to("/rules")).into_response()),
        Err(StoreError::Invalid(problem)) => {
            tracing::info!(problem, "rules that contradict each other were refused");
            form.fail_all(page.t("policy-refused"));
            Ok(FormState::again(View(PolicyPage::new(page, form))))
        }
        Err(error) => Err(error.into()),
    }
}
