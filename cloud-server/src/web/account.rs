//! One's own account: password and language.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use web_kit::password::{NewPassword, PasswordError, PolicyError};
use web_kit::{Access, Current, Failure, Flash, FormState, Page, Refusal, RouteTable, View, WebApp as _};

use super::app::Peer;
use super::{App, Person};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/account", Access::SignedIn, show).post(
        "/account/password",
        Access::SignedIn,
        change_password,
    )
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    form: FormState,
    email: String,
}

async fn show(page: Page, who: Current<Person>) -> View<AccountPage> {
    View(AccountPage { page, form: FormState::default(), email: who.user.email })
}

async fn change_password(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Peer(source): Peer,
    mut form: FormState,
) -> Result<Response, Failure> {
    let (person, now) = (who.user, app.now());
    // A thief at an open page must not guess the password here either.
    if let Err(wait) = app.throttle().lock().attempt(&person.email, source, now) {
        return Err(Refusal::TooMany { retry_after: wait.seconds(now) }.into());
    }
    let stored = app.store().user_by_email(&person.email).await?.and_then(|(_, password)| password);
    let right = match app.passwords().verify(form.raw("old"), stored.as_deref()).await {
        Ok(right) => right,
        Err(error @ PasswordError::Busy) => return Err(Failure::new(Refusal::Busy, error)),
        Err(error) => return Err(error.into()),
    };
    let texts = page.texts.clone();
    if right {
        app.throttle().lock().succeeded(&person.email, source, now);
    } else {
        form.fail("old", texts.t("account-password-wrong"));
    }
    let typed = form.raw("new").to_owned();
    let known = [person.email.as_str(), person.name.as_str()];
    let new = form.parse(&texts, "new", |_| NewPassword::parse(&typed, &known), PolicyError::key);
    form.forget("old");
    form.forget("new");
    let Some(new) = new.filter(|_| right) else {
        return Ok(FormState::again(View(AccountPage { page, form, email: person.email })));
    };
    let hash = app.passwords().hash(new, app.salt()).await?;
    app.store().change_password(person.id, &hash, who.session.as_bytes(), now).await?;
    Ok((Flash::good("account-password-changed"), Redirect::to("/account")).into_response())
}
