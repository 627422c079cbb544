//! One's own account: password, sessions, language.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use web_kit::password::{NewPassword, PasswordError};
use web_kit::{Access, Current, Failure, Flash, FormState, Page, Refusal, RouteTable, View, WebApp as _};

use super::local_time::LocalTime;
use super::peer::Peer;
use super::{App, Person, text};
use crate::store::{SessionRow, StoreError};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/account", Access::SignedIn, show)
        .post("/account/password", Access::SignedIn, change_password)
        .post("/account/sign-out-others", Access::SignedIn, sign_out_others)
}

struct SessionLine {
    here: bool,
    since: String,
    seen: String,
    address: String,
    agent: String,
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    page: Page,
    form: FormState,
    person: Person,
    role: String,
    sessions: Vec<SessionLine>,
}

async fn page_of(
    app: &App,
    page: Page,
    current: &Current<Person>,
    form: FormState,
) -> Result<AccountPage, Failure> {
    let id = current.user.id;
    let rows = app.store().read(move |tx| tx.sessions_of(id)).await?;
    let local = app.local_time().await?;
    let sessions = rows.iter().map(|row| line(row, current, &local, &page)).collect();
    let role = page.t(text::role(current.user.role)).to_string();
    Ok(AccountPage { person: current.user.clone(), role, form, sessions, page })
}

fn line(row: &SessionRow, current: &Current<Person>, local: &LocalTime, page: &Page) -> SessionLine {
    SessionLine {
        here: row.token_hash == *current.session.as_bytes(),
        since: page.texts.date_time(local.wall(row.signed_in_at)),
        seen: page.texts.ago(local.since(row.last_seen_at)),
        address: row.address.clone(),
        agent: browser(&row.agent).to_owned(),
    }
}

/// The browser's family; the whole line it sends says too much and nothing.
fn browser(agent: &str) -> &'static str {
    const FAMILIES: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    FAMILIES.iter().find(|(mark, _)| agent.contains(mark)).map_or("", |(_, name)| name)
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
) -> Result<View<AccountPage>, Failure> {
    Ok(View(page_of(&app, page, &current, FormState::default()).await?))
}

async fn change_password(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    peer: Peer,
    mut form: FormState,
) -> Result<Response, Failure> {
    let person = &current.user;
    let now = app.now();
    // A thief at an open page must not guess the password here either.
    if let Err(wait) = app.throttle().attempt(&person.name, peer.source(), now) {
        return Err(Refusal::TooMany { retry_after: wait.seconds(now) }.into());
    }
    let name = person.name.clone();
    let stored = app.store().read(move |tx| tx.local_user_named(&name)).await?;
    let stored = stored.as_ref().map(|user| user.password_hash.as_str());
    let right = match app.passwords().verify(form.raw("old"), stored).await {
        Ok(right) => right,
        Err(error @ PasswordError::Busy) => return Err(Failure::new(Refusal::Busy, error)),
        Err(error) => return Err(error.into()),
    };
    if right {
        app.throttle().succeeded(&person.name, peer.source(), now);
    } else {
        form.fail("old", page.t("account-password-wrong"));
    }
    let new = match NewPassword::parse(form.raw("new"), &[&person.name, &person.full_name, &page.frame.site])
    {
        Ok(password) => Some(password),
        Err(error) => {
            form.fail("new", page.t(error.key()));
            None
        }
    };
    form.forget("old");
    form.forget("new");
    let Some(new) = new.filter(|_| right) else {
        return Ok(FormState::again(View(page_of(&app, page, &current, form).await?)));
    };
    let hash = app.passwords().hash(new, app.salt()).await?;
    let (author, id, keep) = (person.author(), person.id, *current.session.as_bytes());
    match app.store().write(move |tx| tx.set_password(&author, id, &hash, Some(&keep))).await {
        Ok(()) => {}
        Err(StoreError::Invalid(_)) => {
            form.fail("new", page.t("account-password-of-cloud"));
            return Ok(FormState::again(View(page_of(&app, page, &current, form).await?)));
        }
        Err(error) => return Err(error.into()),
    }
    Ok((Flash::good("account-password-changed"), Redirect::to("/account")).into_response())
}

async fn sign_out_others(State(app): State<App>, current: Current<Person>) -> Result<Response, Failure> {
    let (id, keep) = (current.user.id, *current.session.as_bytes());
    app.store().write(move |tx| tx.end_sessions_of(id, Some(&keep))).await?;
    Ok((Flash::good("account-others-out"), Redirect::to("/account")).into_response())
}
