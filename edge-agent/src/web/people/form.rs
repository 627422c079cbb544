//! The form of a person.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use shared_model::access::Permission;
use shared_model::entity::{Department, Employee, EmployeeCategory, Gender};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};
use shared_model::{DepartmentId, EmployeeId, SiteId};
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View};

use super::super::listing::ListQuery;
use super::super::text::bad_code;
use super::super::version::{read_version, version_text};
use super::super::{App, Person};
use crate::control::employee;
use crate::store::{StoreError, Stored};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/people/new", Access::Needs(Permission::PeopleEdit), new)
        .post("/people/new", Access::Needs(Permission::PeopleEdit), add)
        .get("/people/{id}/edit", Access::Needs(Permission::PeopleEdit), edit)
        .post("/people/{id}/edit", Access::Needs(Permission::PeopleEdit), save)
}

#[derive(Template)]
#[template(path = "people/form.html")]
struct FormPage {
    page: Page,
    form: FormState,
    /// Whom it changes; `None` = somebody new.
    id: Option<EmployeeId>,
    departments: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    genders: Vec<(String, String)>,
}

impl FormPage {
    async fn new(app: &App, page: Page, form: FormState, id: Option<EmployeeId>) -> Result<Self, StoreError> {
        let known = app.store().read(crate::store::ReadTx::records::<Department>).await?;
        let mut departments: Vec<(String, String)> =
            known.into_iter().map(|known| (known.id.to_string(), known.record.name.to_string())).collect();
        departments.sort_by_key(|(_, name)| name.to_lowercase());
        departments.insert(0, (String::new(), page.t("department-none").to_string()));
        let categories = EmployeeCategory::ALL
            .iter()
            .map(|category| (category.as_str().to_owned(), page.t(category_key(*category)).to_string()))
            .collect();
        let unknown = (String::new(), page.t("gender-unknown").to_string());
        let genders = Gender::ALL
            .iter()
            .map(|gender| (gender.as_str().to_owned(), page.t(gender_key(*gender)).to_string()));
        let genders = std::iter::once(unknown).chain(genders).collect();
        Ok(Self { page, form, id, departments, categories, genders })
    }
}

pub(in crate::web) const fn category_key(category: EmployeeCategory) -> Key {
    match category {
        EmployeeCategory::Worker => Key::new("category-worker"),
        EmployeeCategory::Staff => Key::new("category-staff"),
    }
}

const fn gender_key(gender: Gender) -> Key {
    match gender {
        Gender::Female => Key::new("gender-female"),
        Gender::Male => Key::new("gender-male"),
        Gender::Other => Key::new("gender-other"),
    }
}

async fn new(State(app): State<App>, page: Page, query: ListQuery) -> Result<View<FormPage>, Failure> {
    let given = |name: &str| query.get(name).chars().take(60).collect::<String>();
    let form = FormState::filled([
        ("code", given("code")),
        ("name", given("name")),
        ("category", EmployeeCategory::Worker.as_str().to_owned()),
    ]);
    Ok(View(FormPage::new(&app, page, form, None).await?))
}

async fn edit(State(app): State<App>, page: Page, Path(id): Path<Uuid>) -> Result<View<FormPage>, Failure> {
    let id = EmployeeId::from_uuid(id);
    let stored = person(&app, id).await?;
    let record = &stored.record;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let date = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    let form = FormState::filled([
        ("version", version_text(&stored.vv)),
        ("code", record.code.to_string()),
        ("name", record.name.to_string()),
        ("department", record.department.map(|id| id.to_string()).unwrap_or_default()),
        ("designation", text(record.designation.as_ref().map(Line::as_str))),
        ("category", record.category.to_string()),
        ("gender", record.gender.map(|gender| gender.to_string()).unwrap_or_default()),
        ("joined", date(record.joined)),
        ("left", date(record.left)),
        ("phone", text(record.phone.as_ref().map(Phone::as_str))),
        ("card", text(record.card.as_ref().map(Code::as_str))),
    ]);
    Ok(View(FormPage::new(&app, page, form, Some(id)).await?))
}

async fn person(app: &App, id: EmployeeId) -> Result<Stored<Employee>, Failure> {
    let found = app.store().read(move |tx| tx.record::<Employee>(id)).await?;
    found.ok_or_else(|| Refusal::NotFound.into())
}

fn parse(page: &Page, form: &mut FormState, site: SiteId) -> Option<Employee> {
    let texts = &page.texts;
    let code = form.parse(texts, "code", EmployeeCode::parse, |error| bad_code(&error));
    let name = form.parse(texts, "name", Name::parse, |_| Key::new("form-required"));
    let department = optional(
        page,
        form,
        "department",
        |text| text.parse::<DepartmentId>().ok(),
        Key::new("form-choice-bad"),
    );
    let designation =
        optional(page, form, "designation", |text| Line::parse(text).ok(), Key::new("form-text-bad"));
    let category = form.parse(
        texts,
        "category",
        |text| EmployeeCategory::parse(text).ok_or(()),
        |()| Key::new("form-choice-bad"),
    );
    let gender = optional(page, form, "gender", Gender::parse, Key::new("form-choice-bad"));
    let joined =
        optional(page, form, "joined", |text| text.parse::<NaiveDate>().ok(), Key::new("form-date-bad"));
    let left = optional(page, form, "left", |text| text.parse::<NaiveDate>().ok(), Key::new("form-date-bad"));
    let phone = optional(page, form, "phone", |text| Phone::parse(text).ok(), Key::new("form-phone-bad"));
    let card = optional(page, form, "card", |text| Code::parse(text).ok(), Key::new("form-code-bad"));
    if let (Some(Some(joined)), Some(Some(left))) = (joined, left)
        && left < joined
    {
        form.fail("left", page.t("people-left-before-joined"));
        return None;
    }
    Some(Employee {
        code: code?,
        name: name?,
        site,
        department: department?,
        designation: designation?,
        category: category?,
        gender: gender?,
        joined: joined?,
        left: left?,
        active: true,
        phone: phone?,
        card: card?,
    })
}

/// A field that may be empty. `None` = what was typed is wrong and noted.
fn optional<T>(
    page: &Page,
    form: &mut FormState,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    problem: Key,
) -> Option<Option<T>> {
    if form.value(name).is_empty() {
        return Some(None);
    }
    let parsed = parse(form.value(name));
    if parsed.is_none() {
        form.fail(name, page.t(problem));
    }
    parsed.map(Some)
}

async fn again(app: &App, page: Page, form: FormState, id: Option<EmployeeId>) -> Result<Response, Failure> {
    Ok(FormState::again(View(FormPage::new(app, page, form, id).await?)))
}

async fn add(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let Some(site) = app.store().read(crate::store::ReadTx::site_head).await? else {
        return Err(Refusal::Conflict.into());
    };
    let Some(employee) = parse(&page, &mut form, site.id) else { return again(&app, page, form, None).await };
    let (author, name) = (current.user.author(), employee.name.to_string());
    match app.store().write(move |tx| employee::add(tx, &author, &employee)).await {
        Ok(id) => {
            let next = Redirect::to(&format!("/people/{id}"));
            Ok((Flash::good("people-added").with("name", name), next).into_response())
        }
        Err(StoreError::Exists { .. }) => {
            form.fail("code", page.t("people-code-taken"));
            again(&app, page, form, None).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn save(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let id = EmployeeId::from_uuid(id);
    let stored = person(&app, id).await?;
    let Some(seen) = read_version(form.value("version")) else { return Err(Refusal::BadRequest.into()) };
    let Some(mut employee) = parse(&page, &mut form, stored.record.site) else {
        return again(&app, page, form, Some(id)).await;
    };
    let today = app.today().await?;
    employee.active = employee.left.is_none_or(|left| left >= today);
    let (author, name) = (current.user.author(), employee.name.to_string());
    match app.store().write(move |tx| employee::change(tx, &author, id, Some(seen), &employee)).await {
        Ok(_) => {
            let next = Redirect::to(&format!("/people/{id}"));
            Ok((Flash::good("people-saved").with("name", name), next).into_response())
        }
        Err(StoreError::Exists { .. }) => {
            form.fail("code", page.t("people-code-taken"));
            again(&app, page, form, Some(id)).await
        }
        Err(StoreError::Stale { .. }) => {
            form.fail_all(page.t("form-stale"));
            again(&app, page, form, Some(id)).await
        }
        Err(error) => Err(error.into()),
    }
}
