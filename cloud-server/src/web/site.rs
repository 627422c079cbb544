//! Sites, and codes with which their edges enrol.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use http::HeaderMap;
use shared_model::SiteId;
use shared_model::access::Permission;
use shared_model::text::{Code, Name};
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _,
};

use super::{App, Person};
use crate::store::company::{self, SiteRow};
use crate::store::edge::{self, CODE_LIFE, EdgeRow, EdgeState};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/sites", Access::Needs(Permission::SitesView), list)
        .get("/sites/new", Access::Needs(Permission::SitesEdit), new)
        .post("/sites/new", Access::Needs(Permission::SitesEdit), add)
        .post("/sites/{site}/code", Access::Needs(Permission::SitesEdit), make_code)
}

#[derive(Template)]
#[template(path = "site/list.html")]
struct ListPage {
    page: Page,
    sites: Vec<(SiteRow, Vec<EdgeRow>)>,
    may_edit: bool,
}

#[derive(Template)]
#[template(path = "site/new.html")]
struct NewPage {
    page: Page,
    form: FormState,
    zones: Vec<(String, String)>,
}

impl NewPage {
    fn new(page: Page, form: FormState) -> Self {
        let zones = web_kit::zone::choices(page.t("zone-choose").to_string());
        Self { page, form, zones }
    }
}

#[derive(Template)]
#[template(path = "site/code.html")]
struct CodePage {
    page: Page,
    site: SiteRow,
    code: String,
    minutes: i64,
    /// Where the edge finds this cloud.
    address: String,
    /// What is typed at the edge's console.
    command: String,
}

async fn list(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let edges = edge::list(&mut tx).await?;
    let of_site = |site: &SiteRow| {
        let serves = |edge: &&EdgeRow| edge.state == EdgeState::Active && edge.sites.contains(&site.id);
        edges.iter().filter(serves).cloned().collect()
    };
    let sites = company::sites(&mut tx).await?;
    let sites = sites
        .into_iter()
        .map(|site| {
            let edges = of_site(&site);
            (site, edges)
        })
        .collect();
    let may_edit = app.allows(&who.user, Permission::SitesEdit);
    Ok(View(ListPage { page, sites, may_edit }))
}

async fn new(page: Page) -> View<NewPage> {
    View(NewPage::new(page, FormState::default()))
}

async fn add(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = page.texts.clone();
    let name = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad"));
    let code = form.parse(&texts, "code", Code::parse, |_| Key::new("code-bad"));
    let zone = form.parse(&texts, "zone", str::parse::<Tz>, |_| Key::new("zone-bad"));
    let (Some(name), Some(code), Some(zone)) = (name, code, zone) else {
        return Ok(FormState::again(View(NewPage::new(page, form))));
    };
    let id = SiteId::mint(app.clock(), app.entropy());
    let mut tx = app.store().begin(&who.user.access()?).await?;
    if company::sites(&mut tx).await?.iter().any(|site| site.code == code.as_str()) {
        form.fail("code", texts.t("code-taken"));
        return Ok(FormState::again(View(NewPage::new(page, form))));
    }
    company::add_site(&mut tx, id, &name, &code, zone, who.user.author(app.now())).await?;
    tx.commit().await?;
    Ok((Flash::good("site-added").with("name", name.as_str()), Redirect::to("/sites")).into_response())
}

/// The answer holds the code itself: it is shown once and never stored in clear.
async fn make_code(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<View<CodePage>, Failure> {
    let id: SiteId = id.parse().map_err(|_| Refusal::NotFound)?;
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let sites = company::sites(&mut tx).await?;
    let site = sites.into_iter().find(|site| site.id == id).ok_or(Refusal::NotFound)?;
    let new = edge::make_code(&mut tx, id, who.user.author(app.now()), app.entropy()).await?;
    tx.commit().await?;
    let (code, address) = (new.code.to_string(), app.address(&headers));
    let command = format!("muster-edge enroll --cloud {address} --code {code}");
    Ok(View(CodePage { page, site, code, minutes: CODE_LIFE.num_minutes(), address, command }))
}
