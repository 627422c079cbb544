//! People: the list, adding and changing somebody, importing a list, codes that nobody has.

pub(super) mod form;
mod import;

use askama::Template;
use axum::extract::State;
use shared_model::DepartmentId;
use shared_model::access::Permission;
use shared_model::entity::Department;
use web_kit::component::{Pager, Sort};
use web_kit::{Access, Failure, Page, RouteTable, View, WebApp as _};

use super::listing::{Links, ListQuery};
use super::{App, Person};
use crate::store::page::clock::UnknownCode;
use crate::store::page::people::{PeopleFilter, PeopleSort, PersonRow};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/people", Access::Needs(Permission::PeopleView), list)
        .get("/people/unknown", Access::Needs(Permission::PeopleView), unknown)
        .extend(form::routes())
        .extend(import::routes())
}

#[derive(Template)]
#[template(path = "people/list.html")]
struct ListPage {
    page: Page,
    may_edit: bool,
    rows: Vec<PersonRow>,
    total: u64,
    everybody: u32,
    unknown: u32,
    search: String,
    choices: Vec<(String, String)>,
    chosen: String,
    shown: String,
    is_filtered: bool,
    sort: Sort,
    pager: Pager,
}

fn sort_of(query: &ListQuery) -> (PeopleSort, &'static str) {
    match query.get("sort") {
        "name" => (PeopleSort::Name, "name"),
        "department" => (PeopleSort::Department, "department"),
        "joined" => (PeopleSort::Joined, "joined"),
        _ => (PeopleSort::Code, "code"),
    }
}

async fn list(
    State(app): State<App>,
    page: Page,
    current: web_kit::Current<Person>,
    query: ListQuery,
) -> Result<View<ListPage>, Failure> {
    let (sort, column) = sort_of(&query);
    let department = query.id::<DepartmentId>("department");
    let active = match query.get("show") {
        "left" => Some(false),
        "all" => None,
        _ => Some(true),
    };
    let filter = PeopleFilter {
        text: query.search(),
        department,
        active,
        sort,
        order: query.order(),
        place: query.place(),
    };
    let now = app.now();
    let (list, departments, everybody, unknown) = app
        .store()
        .read(move |tx| {
            let departments = tx.records::<Department>()?;
            Ok((tx.people(&filter)?, departments, tx.people_counts()?.0, tx.unknown_code_count(now)?))
        })
        .await?;
    let shown = match active {
        Some(true) => "",
        Some(false) => "left",
        None => "all",
    };
    let chosen = department.map(|id| id.to_string()).unwrap_or_default();
    let links = Links::new("/people")
        .keeping("q", query.search())
        .keeping("department", chosen.clone())
        .keeping("show", shown);
    let mut choices: Vec<(String, String)> = departments
        .into_iter()
        .map(|department| (department.id.to_string(), department.record.name.to_string()))
        .collect();
    choices.sort_by_key(|(_, name)| name.to_lowercase());
    choices.insert(0, (String::new(), page.t("department-all").to_string()));
    Ok(View(ListPage {
        may_edit: current.user.role.may(Permission::PeopleEdit),
        total: list.total,
        everybody,
        unknown,
        choices,
        is_filtered: !query.search().is_empty() || department.is_some() || active != Some(true),
        search: query.search(),
        chosen,
        shown: shown.to_owned(),
        sort: links.sort(column, query.direction()),
        pager: links.pager(column, query.direction(), &list, |row| row.id.uuid()),
        rows: list.rows,
        page,
    }))
}

#[derive(Template)]
#[template(path = "people/unknown.html")]
struct UnknownPage {
    page: Page,
    may_edit: bool,
    codes: Vec<UnknownCode>,
}

async fn unknown(
    State(app): State<App>,
    page: Page,
    current: web_kit::Current<Person>,
) -> Result<View<UnknownPage>, Failure> {
    let now = app.now();
    let codes = app.store().read(move |tx| tx.unknown_codes(now)).await?;
    Ok(View(UnknownPage { page, may_edit: current.user.role.may(Permission::PeopleEdit), codes }))
}

impl UnknownPage {
    fn add_href(&self, code: &UnknownCode) -> String {
        use web_kit::path::encode_query_value as encode;
        let name = code.name.as_deref().unwrap_or_default();
        format!("/people/new?code={}&name={}", encode(&code.code), encode(name))
    }
}
