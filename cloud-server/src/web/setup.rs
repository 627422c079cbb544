//! First run: the superuser is made with the one-time token that the server printed. Afterwards the page is gone.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use http::StatusCode;
use http::header::SET_COOKIE;
use shared_model::UserId;
use shared_model::text::Name;
use web_kit::password::{NewPassword, PolicyError};
use web_kit::{Access, Failure, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _, session};

use super::app::Peer;
use super::{App, Person};
use crate::one_time_code::OneTimeCode;
use crate::store::user::{self, NewUser, UserError};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/setup", Access::Public, show).post("/setup", Access::Public, set_up)
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    page: Page,
    form: FormState,
}

async fn show(State(app): State<App>, page: Page) -> Result<Response, Failure> {
    if !app.store().lacks_operator().await? {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    Ok(View(SetupPage { page, form: FormState::default() }).into_response())
}

async fn set_up(
    State(app): State<App>,
    page: Page,
    headers: HeaderMap,
    Peer(source): Peer,
    mut form: FormState,
) -> Result<Response, Failure> {
    if !app.store().lacks_operator().await? {
        return Err(Refusal::NotFound.into());
    }
    let now = app.now();
    let account = source.alone("/setup");
    if let Err(wait) = app.throttle().lock().attempt(&account, source, now) {
        return Err(Refusal::TooMany { retry_after: wait.seconds(now) }.into());
    }
    let texts = page.texts.clone();
    let email = form.value("email").to_owned();
    let name = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad"));
    form.parse(&texts, "email", user::parse_email, |_| Key::new("email-bad"));
    let password = form.raw("password").to_owned();
    let password =
        form.parse(&texts, "password", |_| NewPassword::parse(&password, &[&email]), PolicyError::key);
    let token = form.parse(&texts, "token", OneTimeCode::parse, |_| Key::new("token-bad"));
    form.forget("password");
    let (Some(name), Some(password), Some(token), false) = (name, password, token, form.has_errors()) else {
        return Ok(FormState::again(View(SetupPage { page, form })));
    };
    let hash = app.passwords().hash(password, app.salt()).await?;
    let new = NewUser { id: UserId::mint(app.clock(), app.entropy()), email, name, operator: true };
    match app.store().set_up_operator(&token, &new, &hash, now).await {
        Ok(()) => {}
        Err(UserError::BadToken) => {
            form.fail("token", texts.t("token-bad"));
            return Ok(FormState::again(View(SetupPage { page, form })));
        }
        Err(UserError::Exists(_)) => {
            form.fail("email", texts.t("email-taken"));
            return Ok(FormState::again(View(SetupPage { page, form })));
        }
        Err(error @ (UserError::BadEmail(_) | UserError::Store(_))) => return Err(error.into()),
    }
    app.throttle().lock().succeeded(&account, source, now);
    let person =
        Person { id: new.id, name: new.name.to_string(), email: new.email, operator: true, company: None };
    let cookie = session::begin(&app, &headers, &person).await?;
    Ok((StatusCode::SEE_OTHER, [(SET_COOKIE, cookie)], Redirect::to("/companies")).into_response())
}
