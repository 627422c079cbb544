//! Choosing the language of the pages: `kit/language.html` posts here.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;

use crate::app::WebApp;
use crate::form::FormState;
use crate::locale::language_cookie;
use crate::path::LocalPath;

/// Keeps the choice in a cookie and leads back to where it was made. Bind it to `POST /language`, for everybody.
pub async fn choose<A: WebApp>(State(app): State<A>, form: FormState) -> Response {
    let next = LocalPath::parse(form.raw("next")).unwrap_or_else(LocalPath::root);
    let back = Redirect::to(next.as_str());
    match language_cookie(app.kit().locales.languages(), form.value("language")) {
        Some(cookie) => ([(SET_COOKIE, cookie)], back).into_response(),
        None => back.into_response(),
    }
}
