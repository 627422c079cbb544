//! Signing in and out, and the language of the pages.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use web_kit::password::PasswordError;
use web_kit::sign_in::SignInPage;
use web_kit::{Access, Failure, FormState, LocalPath, Page, Refusal, RouteTable, View, WebApp as _, session};

use super::listing::ListQuery;
use super::peer::Peer;
use super::{App, Person};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/sign-in", Access::Public, show)
        .post("/sign-in", Access::Public, sign_in)
        .post("/sign-out", Access::SignedIn, sign_out)
        .post("/language", Access::Public, web_kit::language::choose::<App>)
}

async fn show(State(app): State<App>, page: Page, query: ListQuery) -> Result<Response, Failure> {
    if !app.store().read(crate::store::ReadTx::has_any_user).await? {
        return Ok(Redirect::to("/set-up").into_response());
    }
    Ok(View(offered(SignInPage::new(page, Some(query.get("next"))))).into_response())
}

/// The page with what to do about a forgotten password.
fn offered(page: SignInPage) -> SignInPage {
    let help = Some(page.page.t("account-forgotten").to_string());
    SignInPage { help, ..page }
}

async fn sign_in(
    State(app): State<App>,
    page: Page,
    headers: HeaderMap,
    peer: Peer,
    form: FormState,
) -> Result<Response, Failure> {
    let name = form.value("name").to_owned();
    let now = app.now();
    if let Err(wait) = app.throttle().attempt(&name, peer.source(), now) {
        let page = SignInPage::must_wait(page, form, wait.seconds(now));
        return Ok((StatusCode::TOO_MANY_REQUESTS, View(offered(page))).into_response());
    }
    let wanted = name.clone();
    let user = app.store().read(move |tx| tx.local_user_named(&wanted)).await?;
    let stored = user.as_ref().map(|user| user.password_hash.as_str());
    let right = match app.passwords().verify(form.raw("password"), stored).await {
        Ok(right) => right,
        Err(error @ PasswordError::Busy) => return Err(Failure::new(Refusal::Busy, error)),
        Err(error) => return Err(error.into()),
    };
    let Some(user) = user.filter(|user| right && user.active) else {
        tracing::info!(source = ?peer.source(), "a sign-in was refused");
        return Ok(FormState::again(View(offered(SignInPage::refused(page, form)))));
    };
    app.throttle().succeeded(&name, peer.source(), now);
    let person = Person { origin: peer.origin(), ..Person::of(user) };
    let cookie = session::begin(&app, &headers, &person).await?;
    let next = LocalPath::parse(form.raw("next")).unwrap_or_else(LocalPath::root);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(next.as_str())).into_response())
}

async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let cookie = session::end(&app, &headers).await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}
