//! Signing in and out.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use shared_model::ActorId;
use web_kit::password::PasswordError;
use web_kit::sign_in::SignInPage;
use web_kit::{Access, Failure, FormState, LocalPath, Page, Refusal, RouteTable, View, WebApp as _, session};

use super::app::Peer;
use super::{App, Person};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/sign-in", Access::Public, show)
        .post("/sign-in", Access::Public, sign_in)
        .post("/sign-out", Access::SignedIn, sign_out)
        .post("/language", Access::Public, web_kit::language::choose::<App>)
}

fn by_email(mut page: SignInPage) -> SignInPage {
    page.by_email = true;
    page
}

async fn show(
    State(app): State<App>,
    page: Page,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    if app.store().lacks_operator().await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    Ok(View(by_email(SignInPage::new(page, query.get("next").map(String::as_str)))).into_response())
}

async fn sign_in(
    State(app): State<App>,
    page: Page,
    headers: HeaderMap,
    Peer(source): Peer,
    form: FormState,
) -> Result<Response, Failure> {
    let email = form.value("name").to_owned();
    let now = app.now();
    if let Err(wait) = app.throttle().lock().attempt(&email, source, now) {
        let page = by_email(SignInPage::must_wait(page, form, wait.seconds(now)));
        return Ok((StatusCode::TOO_MANY_REQUESTS, View(page)).into_response());
    }
    let found = app.store().user_by_email(&email).await?;
    let stored = found.as_ref().and_then(|(_, password)| password.as_deref());
    let right = match app.passwords().verify(form.raw("password"), stored).await {
        Ok(right) => right,
        Err(error @ PasswordError::Busy) => return Err(Failure::new(Refusal::Busy, error)),
        Err(error) => return Err(error.into()),
    };
    let user = found.map(|(user, _)| user).filter(|user| right && user.state == "active");
    let actor = user.as_ref().map_or(ActorId::SYSTEM, |user| user.user_id.into());
    app.store().audit_sign_in(actor, &format!("{source:?}"), user.is_some(), now).await?;
    let Some(user) = user else {
        tracing::info!(?source, "a sign-in was refused");
        return Ok(FormState::again(View(by_email(SignInPage::refused(page, form)))));
    };
    app.throttle().lock().succeeded(&email, source, now);
    let person = Person {
        id: user.user_id,
        name: user.name,
        email: user.email,
        operator: user.operator,
        company: None,
    };
    let cookie = session::begin(&app, &headers, &person).await?;
    let next = LocalPath::parse(form.raw("next")).unwrap_or_else(LocalPath::root);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(next.as_str())).into_response())
}

async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let cookie = session::end(&app, &headers).await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}
