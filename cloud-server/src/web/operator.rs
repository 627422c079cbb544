//! The operator's pages: companies, and one company's machinery at a time. Never its people.
//!
//! Looking into a company goes through [`crate::store::Store::enter_as_operator`], which writes it down.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use shared_model::access::Role;
use shared_model::text::{Code, Name};
use shared_model::{CompanyId, UserId};
use web_kit::{Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, Tone, View, WebApp as _};

use super::{App, OPERATOR, Person};
use crate::store::company::{self, CompanyRow, SiteRow};
use crate::store::edge::{self, EdgeRow};
use crate::store::user::{self, NewUser, UserError, UserRow};
use crate::store::{quarantine, tally};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/companies", OPERATOR, list)
        .post("/companies", OPERATOR, add)
        .get("/companies/{company}", OPERATOR, show)
        .post("/companies/{company}/owner", OPERATOR, add_owner)
}

#[derive(Template)]
#[template(path = "company/list.html")]
struct ListPage {
    page: Page,
    companies: Vec<CompanyRow>,
    form: FormState,
    warn: Tone,
}

#[derive(Template)]
#[template(path = "company/show.html")]
struct ShowPage {
    page: Page,
    company: CompanyRow,
    owners: Vec<UserRow>,
    sites: Vec<SiteRow>,
    edges: Vec<EdgeRow>,
    punches: i64,
    clocks: usize,
    quarantined: i64,
    form: FormState,
    good: Tone,
    pending: Tone,
    warn: Tone,
}

#[derive(Template)]
#[template(path = "company/token.html")]
struct TokenPage {
    page: Page,
    company: CompanyRow,
    email: String,
    token: String,
    hours: i64,
    /// Where the token is typed.
    address: String,
}

impl TokenPage {
    fn new(page: Page, company: CompanyRow, email: String, token: String, cloud: &str) -> Self {
        let address = format!("{cloud}/password");
        Self { page, company, email, token, hours: user::TOKEN_LIFE.num_hours(), address }
    }
}

async fn list(State(app): State<App>, page: Page) -> Result<View<ListPage>, Failure> {
    let companies = app.store().companies().await?;
    Ok(View(ListPage { page, companies, form: FormState::default(), warn: Tone::Warn }))
}

async fn add(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = page.texts.clone();
    let Some(name) = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad")) else {
        let companies = app.store().companies().await?;
        return Ok(FormState::again(View(ListPage { page, companies, form, warn: Tone::Warn })));
    };
    let id = CompanyId::mint(app.clock(), app.entropy());
    let locale = Code::parse("en")?;
    app.store().add_company(id, &name, &locale, who.user.author(app.now()), app.entropy()).await?;
    let to = format!("/companies/{id}");
    Ok((Flash::good("company-added").with("name", name.as_str()), Redirect::to(&to)).into_response())
}

async fn show(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(id): Path<String>,
) -> Result<View<ShowPage>, Failure> {
    look(&app, page, &who.user, &id, FormState::default()).await.map(View)
}

async fn find(app: &App, id: &str) -> Result<CompanyRow, Failure> {
    let id: CompanyId = id.parse().map_err(|_| Refusal::NotFound)?;
    Ok(app.store().company(id).await?.ok_or(Refusal::NotFound)?)
}

async fn look(
    app: &App,
    page: Page,
    person: &Person,
    id: &str,
    form: FormState,
) -> Result<ShowPage, Failure> {
    let company = find(app, id).await?;
    let author = person.author(app.now());
    let access = app.store().enter_as_operator(company.company_id, author, "the company's page").await?;
    let owners = app.store().owners(company.company_id).await?;
    let mut tx = app.store().begin(&access).await?;
    let sites = company::sites(&mut tx).await?;
    let edges = edge::list(&mut tx).await?;
    let clocks = tally::by_clock(&mut tx).await?;
    let quarantined = quarantine::open_count(&mut tx).await?;
    let punches = clocks.iter().map(|clock| clock.punches).sum();
    Ok(ShowPage {
        page,
        company,
        owners,
        sites,
        edges,
        punches,
        clocks: clocks.len(),
        quarantined,
        form,
        good: Tone::Good,
        pending: Tone::Pending,
        warn: Tone::Warn,
    })
}

/// Makes somebody the company's owner; a new person gets a one-time token for the first password, shown once.
async fn add_owner(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut form: FormState,
) -> Result<Response, Failure> {
    let company = find(&app, &id).await?;
    let author = who.user.author(app.now());
    let texts = page.texts.clone();
    let email = form.parse(&texts, "email", user::parse_email, |_| Key::new("email-bad"));
    let name = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad"));
    let (Some(email), Some(name)) = (email, name) else {
        return Ok(FormState::again(View(look(&app, page, &who.user, &id, form).await?)));
    };
    let back = format!("/companies/{}", company.company_id);
    if let Some((known, _)) = app.store().user_by_email(&email).await? {
        app.store().set_membership(known.user_id, company.company_id, Role::Owner, author).await?;
        if known.has_password {
            return Ok(
                (Flash::good("owner-added").with("name", known.name), Redirect::to(&back)).into_response()
            );
        }
        let token = app.store().renew_token(known.user_id, author, app.entropy()).await?.to_string();
        return Ok(
            View(TokenPage::new(page, company, known.email, token, &app.address(&headers))).into_response()
        );
    }
    let new = NewUser { id: UserId::mint(app.clock(), app.entropy()), email, name, operator: false };
    let token = match app.store().add_user(&new, author, app.entropy()).await {
        Ok(token) => token.to_string(),
        // Made by somebody else a moment ago: the next try finds the person.
        Err(UserError::Exists(_)) => return Err(Refusal::Conflict.into()),
        Err(error @ (UserError::BadEmail(_) | UserError::BadToken | UserError::Store(_))) => {
            return Err(error.into());
        }
    };
    app.store().set_membership(new.id, company.company_id, Role::Owner, author).await?;
    Ok(View(TokenPage::new(page, company, new.email, token, &app.address(&headers))).into_response())
}
