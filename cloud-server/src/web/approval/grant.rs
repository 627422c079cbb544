//! Who may decide about phone punches.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use shared_model::access::Permission;
use shared_model::{SiteId, UserId};
use sync_protocol::authority::{Grant, GrantId};
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _,
};

use super::super::{App, Person};
use crate::store::company::{self, SiteRow};
use crate::store::grant::{self, GrantError, Member, NewGrant};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/approvals/grants", Access::Needs(Permission::MembersView), show)
        .post("/approvals/grants", Access::Needs(Permission::MembersEdit), give)
        .post("/approvals/grants/{grant}/revoke", Access::Needs(Permission::MembersEdit), revoke)
}

/// A grant as the page shows it.
struct Row {
    id: GrantId,
    name: String,
    email: String,
    sites: Option<String>,
    from: String,
    to: Option<String>,
}

#[derive(Template)]
#[template(path = "approval/grants.html")]
struct GrantsPage {
    page: Page,
    rows: Vec<Row>,
    form: FormState,
    members: Vec<(String, String)>,
    sites: Vec<(String, String)>,
    may_edit: bool,
}

async fn show(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<GrantsPage>, Failure> {
    Ok(View(load(&app, page, &who.user, FormState::default()).await?))
}

async fn load(app: &App, page: Page, person: &Person, form: FormState) -> Result<GrantsPage, Failure> {
    let mut tx = app.store().begin(&person.access()?).await?;
    let (grants, members) = (grant::living(&mut tx).await?, grant::deciders(&mut tx).await?);
    let sites = company::sites(&mut tx).await?;
    let zone = sites.first().map_or(Tz::UTC, |site| site.zones.latest());
    let rows = grants.iter().map(|grant| row(&page, grant, &members, &sites, zone)).collect();
    let choose = |key: Key| (String::new(), page.t(key).to_string());
    let members = std::iter::once(choose(Key::new("grant-choose-person")))
        .chain(members.iter().map(|member| (member.user.to_string(), member.name.clone())))
        .collect();
    let sites = std::iter::once(choose(Key::new("grant-every-site")))
        .chain(sites.iter().map(|site| (site.id.to_string(), site.name.clone())))
        .collect();
    let may_edit = app.allows(person, Permission::MembersEdit);
    Ok(GrantsPage { page, rows, form, members, sites, may_edit })
}

fn row(page: &Page, grant: &Grant, members: &[Member], sites: &[SiteRow], zone: Tz) -> Row {
    let member = members.iter().find(|member| member.user == grant.person);
    let named = |ids: &Vec<SiteId>| {
        let known = sites.iter().filter(|site| ids.contains(&site.id)).map(|site| site.name.clone());
        known.collect::<Vec<_>>().join(", ")
    };
    let date = |at: chrono::DateTime<chrono::Utc>| page.texts.date(at.with_timezone(&zone).date_naive());
    Row {
        id: grant.id,
        name: member.map_or_else(|| grant.person.to_string(), |member| member.name.clone()),
        email: member.map_or_else(String::new, |member| member.email.clone()),
        sites: grant.sites.as_ref().map(named),
        from: date(grant.valid_from),
        // The end is the first instant that is not in it.
        to: grant.valid_to.map(|end| date(end - TimeDelta::seconds(1))),
    }
}

async fn give(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = page.texts.clone();
    let person = form.parse(&texts, "person", str::parse::<UserId>, |_| Key::new("grant-person-missing"));
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let sites = company::sites(&mut tx).await?;
    let zone = sites.first().map_or(Tz::UTC, |site| site.zones.latest());
    let site = match form.value("site") {
        "" => None,
        chosen => {
            let found = sites.iter().find(|site| site.id.to_string() == chosen);
            Some(vec![found.ok_or(Refusal::NotFound)?.id])
        }
    };
    let end = match form.value("to") {
        "" => Some(None),
        _ => form.parse(&texts, "to", str::parse::<NaiveDate>, |_| Key::new("grant-date-bad")).map(Some),
    };
    let (Some(person), Some(end)) = (person, end) else {
        return Ok(FormState::again(View(load(&app, page, &who.user, form).await?)));
    };
    // The last day is in it: it ends when the next one begins at the company's first site.
    let midnight = |day: NaiveDate| {
        let wall = day.checked_add_days(chrono::Days::new(1))?.and_time(NaiveTime::MIN);
        Some(shared_model::zone::resolve_in(zone, wall).0)
    };
    let new = NewGrant {
        id: GrantId::from_uuid(shared_model::id::uuid_v7(app.clock(), app.entropy())),
        person,
        sites: site,
        departments: None,
        valid_from: app.now(),
        valid_to: end.and_then(midnight),
    };
    match grant::give(&mut tx, &new, who.user.author(app.now()), app.entropy()).await {
        Ok(()) => {}
        Err(GrantError::Store(error)) => return Err(error.into()),
        Err(GrantError::Times) => {
            form.fail("to", texts.t("grant-date-over"));
            return Ok(FormState::again(View(load(&app, page, &who.user, form).await?)));
        }
        Err(GrantError::NotMember | GrantError::Role(_) | GrantError::NotFound) => {
            form.fail("person", texts.t("grant-person-missing"));
            return Ok(FormState::again(View(load(&app, page, &who.user, form).await?)));
        }
    }
    tx.commit().await?;
    Ok((Flash::good("grant-given"), Redirect::to("/approvals/grants")).into_response())
}

async fn revoke(
    State(app): State<App>,
    who: Current<Person>,
    Path(id): Path<uuid::Uuid>,
) -> Result<Response, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let author = who.user.author(app.now());
    match grant::take_away(&mut tx, GrantId::from_uuid(id), author, app.entropy()).await {
        Ok(()) => {}
        Err(GrantError::Store(error)) => return Err(error.into()),
        Err(GrantError::NotFound | GrantError::NotMember | GrantError::Role(_) | GrantError::Times) => {
            return Err(Refusal::NotFound.into());
        }
    }
    tx.commit().await?;
    Ok((Flash::good("grant-revoked"), Redirect::to("/approvals/grants")).into_response())
}
