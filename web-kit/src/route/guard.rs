//! The check in front of every route.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use super::Access;
use crate::app::WebApp;
use crate::component::Tone;
use crate::failure::{Failure, Refusal};
use crate::flash::{self, Flash};
use crate::locale::Key;
use crate::path::{LocalPath, encode_query_value};
use crate::session::{self, Activity};

/// What a route's guard needs to decide.
#[derive(Clone)]
pub(super) struct Guard<A: WebApp> {
    pub(super) app: A,
    pub(super) access: Access<A::Permission>,
    pub(super) activity: Activity,
}

pub(super) async fn check<A: WebApp>(
    State(guard): State<Guard<A>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let required = match guard.access {
        Access::Public => None,
        Access::SignedIn => Some(None),
        Access::Needs(permission) => Some(Some(permission)),
    };
    if let Some(permission) = required {
        // Scripts ask with HEAD whether the session still lives, which must not keep it alive.
        let activity = if parts.method == Method::HEAD { Activity::Passive } else { guard.activity };
        let current = match session::resolve(&guard.app, &parts.headers, activity).await {
            Ok(Some(current)) => current,
            Ok(None) => return ask_to_sign_in(&guard.app, &parts),
            Err(error) => return Failure::new(Refusal::Internal, error).into_response(),
        };
        if let Some(permission) = permission
            && !guard.app.allows(&current.user, permission)
        {
            tracing::info!(http.path = parts.uri.path(), permission = ?permission, "request without permission");
            return Refusal::Forbidden.into_response();
        }
        parts.extensions.insert(current);
    }
    let shown = flash::is_pending(&parts.headers) && !is_fragment(&parts);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if shown && is_page(&response) && !flash::is_set(&response) {
        response.headers_mut().append(header::SET_COOKIE, flash::clear());
    }
    response
}

fn is_page(response: &Response) -> bool {
    response.status() == StatusCode::OK
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn is_fragment(parts: &Parts) -> bool {
    parts.headers.contains_key("hx-request")
}

/// Whether the request is a browser going to a page, rather than a script fetching data.
pub(crate) fn wants_page(headers: &http::HeaderMap) -> bool {
    !headers.contains_key("hx-request")
        && headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

/// Sends a signed-out visitor to the sign-in page in the way the request can follow.
pub(crate) fn ask_to_sign_in<A: WebApp>(app: &A, parts: &Parts) -> Response {
    let kit = app.kit();
    let wanted = if is_fragment(parts) {
        parts
            .headers
            .get("hx-current-url")
            .and_then(|url| url.to_str().ok())
            .and_then(|url| url.parse::<http::Uri>().ok())
            .and_then(|url| url.path_and_query().map(|path| path.as_str().to_owned()))
    } else if parts.method == Method::GET {
        parts.uri.path_and_query().map(|path| path.as_str().to_owned())
    } else {
        None
    };
    let target = match wanted.as_deref().and_then(LocalPath::parse) {
        Some(path) if path.as_str() != "/" && !path.as_str().starts_with(kit.sign_in_path) => {
            format!("{}?next={}", kit.sign_in_path, encode_query_value(path.as_str()))
        }
        _ => kit.sign_in_path.to_owned(),
    };
    let target = HeaderValue::from_str(&target).unwrap_or(HeaderValue::from_static(kit.sign_in_path));
    let mut response = if is_fragment(parts) {
        // htmx follows this header whatever the status.
        let mut response = Refusal::NotSignedIn.into_response();
        response.headers_mut().insert("hx-redirect", target);
        response
    } else if wants_page(&parts.headers) {
        let status = if parts.method == Method::GET { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
        (status, [(header::LOCATION, target)]).into_response()
    } else {
        Refusal::NotSignedIn.into_response()
    };
    if kit.cookies.read(&parts.headers).is_some() {
        response.headers_mut().append(header::SET_COOKIE, kit.cookies.clear());
        if wants_page(&parts.headers) {
            let ended = Flash::new(Tone::Info, Key::new("sign-in-ended")).cookie();
            response.headers_mut().append(header::SET_COOKIE, ended);
        }
    }
    response
}
