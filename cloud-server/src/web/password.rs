//! Setting a first password with a one-time token.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use web_kit::password::{NewPassword, PolicyError};
use web_kit::{Access, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _};

use super::App;
use super::app::Peer;
use crate::one_time_code::OneTimeCode;
use crate::store::user::UserError;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/password", Access::Public, show).post("/password", Access::Public, set)
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    form: FormState,
}

async fn show(page: Page) -> View<PasswordPage> {
    View(PasswordPage { page, form: FormState::default() })
}

async fn set(
    State(app): State<App>,
    page: Page,
    Peer(source): Peer,
    mut form: FormState,
) -> Result<Response, Failure> {
    let now = app.now();
    let account = source.alone("/password");
    if let Err(wait) = app.throttle().lock().attempt(&account, source, now) {
        return Err(Refusal::TooMany { retry_after: wait.seconds(now) }.into());
    }
    let texts = page.texts.clone();
    let typed = form.raw("password").to_owned();
    let password = form.parse(&texts, "password", |_| NewPassword::parse(&typed, &[]), PolicyError::key);
    let token = form.parse(&texts, "token", OneTimeCode::parse, |_| Key::new("token-bad"));
    form.forget("password");
    let (Some(password), Some(token)) = (password, token) else {
        return Ok(FormState::again(View(PasswordPage { page, form })));
    };
    let hash = app.passwords().hash(password, app.salt()).await?;
    match app.store().set_password(&token, &hash, now).await {
        Ok(_) => {
            app.throttle().lock().succeeded(&account, source, now);
            Ok((Flash::good("password-set"), Redirect::to("/sign-in")).into_response())
        }
        Err(UserError::BadToken) => {
            form.fail("token", texts.t("token-bad"));
            Ok(FormState::again(View(PasswordPage { page, form })))
        }
        Err(error @ (UserError::BadEmail(_) | UserError::Exists(_) | UserError::Store(_))) => {
            Err(error.into())
        }
    }
}
