//! Employees: who they are, and changing that for every edge of their sites.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use shared_model::access::Permission;
use shared_model::entity::{Employee, EmployeeCategory, Entity as _};
use shared_model::text::{EmployeeCode, Name};
use shared_model::{DepartmentId, EmployeeId, FieldMap, Kind, SiteId};
use web_kit::{
    Access, Chip, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, Tone, View, WebApp as _,
};

use super::{App, Person, seen};
use crate::store::own_change::{self, OwnChangeError};
use crate::store::people::{self, PersonRow};
use crate::store::{StoreError, TenantTx, company, record};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/people", Access::Needs(Permission::PeopleView), list)
        .get("/people/new", Access::Needs(Permission::PeopleEdit), new)
        .post("/people/new", Access::Needs(Permission::PeopleEdit), add)
        .get("/people/{person}", Access::Needs(Permission::PeopleEdit), edit)
        .post("/people/{person}", Access::Needs(Permission::PeopleEdit), save)
}

/// People on one page.
const PAGE: i64 = 100;

#[derive(Template)]
#[template(path = "people/list.html")]
struct ListPage {
    page: Page,
    people: Vec<PersonRow>,
    search: String,
    /// Where the next page begins.
    next: Option<String>,
    may_edit: bool,
}

impl ListPage {
    fn state(&self, person: &PersonRow) -> Chip<'_> {
        if person.active {
            self.page.chip(Tone::Good, self.page.t("person-active").to_string())
        } else {
            self.page.chip(Tone::Neutral, self.page.t("person-inactive").to_string())
        }
    }
}

#[derive(Template)]
#[template(path = "people/form.html")]
struct FormPage {
    page: Page,
    form: FormState,
    /// Whom it changes; `None` = somebody new.
    id: Option<EmployeeId>,
    sites: Vec<(String, String)>,
    departments: Vec<(String, String)>,
    states: Vec<(String, String)>,
}

impl FormPage {
    async fn new(
        tx: &mut TenantTx,
        page: Page,
        form: FormState,
        id: Option<EmployeeId>,
    ) -> Result<Self, StoreError> {
        let sites = company::sites(tx).await?;
        let sites = sites.into_iter().map(|site| (site.id.to_string(), site.name.to_string())).collect();
        let mut departments = vec![(String::new(), page.t("department-none").to_string())];
        for (key, department) in people::departments(tx).await? {
            departments.push((key.to_string(), department.name.to_string()));
        }
        let states = [("yes", page.t("person-active")), ("no", page.t("person-inactive"))];
        let states = states.into_iter().map(|(value, text)| (value.to_owned(), text.to_string())).collect();
        Ok(Self { page, form, id, sites, departments, states })
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

async fn list(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Query(asked): Query<Asked>,
) -> Result<View<ListPage>, Failure> {
    let clean = |text: &str| text.trim().chars().filter(|c| !c.is_control()).take(60).collect::<String>();
    let (search, after) = (clean(&asked.q), clean(&asked.after));
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let people = people::list(&mut tx, &search, &after, PAGE).await?;
    let is_full = i64::try_from(people.len()) == Ok(PAGE);
    let next = people.last().filter(|_| is_full).and_then(|person| person.code.clone());
    let may_edit = app.allows(&who.user, Permission::PeopleEdit);
    Ok(View(ListPage { page, people, search, next, may_edit }))
}

async fn new(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<FormPage>, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    Ok(View(FormPage::new(&mut tx, page, FormState::default(), None).await?))
}

async fn add(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = page.texts.clone();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let code = form.parse(&texts, "code", EmployeeCode::parse, |_| Key::new("person-code-bad"));
    let name = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad"));
    let site = form.parse(&texts, "site", str::parse::<SiteId>, |_| Key::new("person-site-bad"));
    let department = department(&texts, &mut form);
    let (Some(code), Some(name), Some(site), Some(department)) = (code, name, site, department) else {
        return Ok(FormState::again(View(FormPage::new(&mut tx, page, form, None).await?)));
    };
    if !company::sites(&mut tx).await?.iter().any(|known| known.id == site) {
        return Err(Refusal::NotFound.into());
    }
    if is_taken(&mut tx, &code, None).await? {
        form.fail("code", texts.t("person-code-taken"));
        return Ok(FormState::again(View(FormPage::new(&mut tx, page, form, None).await?)));
    }
    let employee = Employee {
        code,
        name: name.clone(),
        site,
        department,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: None,
        left: None,
        active: true,
        phone: None,
        card: None,
    };
    let id = EmployeeId::mint(app.clock(), app.entropy());
    own_change::create(&mut tx, id.uuid(), &employee, who.user.author(app.now())).await?;
    tx.commit().await?;
    Ok((Flash::good("person-saved").with("name", name.as_str()), Redirect::to("/people")).into_response())
}

/// The department chosen; `Some(None)` for none, `None` for nonsense.
fn department(texts: &web_kit::Texts, form: &mut FormState) -> Option<Option<DepartmentId>> {
    if form.value("department").is_empty() {
        return Some(None);
    }
    form.parse(texts, "department", str::parse::<DepartmentId>, |_| Key::new("person-department-bad"))
        .map(Some)
}

/// Whether somebody else has a code. The look-up is for a good answer; a race is settled like one between two sides.
async fn is_taken(
    tx: &mut TenantTx,
    code: &EmployeeCode,
    but: Option<EmployeeId>,
) -> Result<bool, StoreError> {
    let fits = people::list(tx, code.as_str(), "", PAGE).await?;
    Ok(fits.iter().any(|row| row.code.as_deref() == Some(code.as_str()) && Some(row.id) != but))
}

async fn edit(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(id): Path<String>,
) -> Result<View<FormPage>, Failure> {
    let id: EmployeeId = id.parse().map_err(|_| Refusal::NotFound)?;
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let stored = record::one(&mut tx, Kind::Employee, id.uuid()).await?;
    let stored = stored.filter(|record| record.deleted.is_none()).ok_or(Refusal::NotFound)?;
    let value = |name: &str| {
        let def = Kind::Employee.fields().iter().find(|def| def.name == name);
        let value = def.and_then(|def| stored.fields.get(&def.tag)).and_then(serde_json::Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let active = stored.fields.iter().any(|(tag, value)| {
        Kind::Employee.field(*tag).is_some_and(|def| def.name == "active") && value == &json!(true)
    });
    let active = if active { "yes" } else { "no" }.to_owned();
    let form = FormState::filled([
        (seen::FIELD, seen::text(&stored.vv)),
        ("code", value("code")),
        ("name", value("name")),
        ("was-name", value("name")),
        ("department", value("department")),
        ("was-department", value("department")),
        ("active", active.clone()),
        ("was-active", active),
    ]);
    Ok(View(FormPage::new(&mut tx, page, form, Some(id)).await?))
}

async fn save(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(id): Path<String>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let id: EmployeeId = id.parse().map_err(|_| Refusal::NotFound)?;
    let texts = page.texts.clone();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let name = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad"));
    let department = department(&texts, &mut form);
    let (Some(name), Some(department)) = (name, department) else {
        return Ok(FormState::again(View(FormPage::new(&mut tx, page, form, Some(id)).await?)));
    };
    let ctx = seen::read(&form).ok_or(Refusal::NotFound)?;
    let mut fields = FieldMap::new();
    let changed = [
        ("name", json!(name)),
        ("department", json!(department)),
        ("active", json!(form.value("active") == "yes")),
    ];
    for (field, value) in changed {
        if seen::is_changed(&form, field)
            && let Some(def) = Employee::KIND.fields().iter().find(|def| def.name == field)
        {
            fields.insert(def.tag, value);
        }
    }
    if !fields.is_empty() {
        let author = who.user.author(app.now());
        match own_change::update(&mut tx, Kind::Employee, id.uuid(), fields, ctx, author).await {
            Ok(()) => tx.commit().await?,
            Err(OwnChangeError::NotFound) => return Err(Refusal::NotFound.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((Flash::good("person-saved").with("name", name.as_str()), Redirect::to("/people")).into_response())
}
