//! The one place where refusals become pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::app::Kit;
use crate::failure::Refusal;
use crate::page::{Frame, Page};
use crate::route::wants_page;

#[derive(Template)]
#[template(path = "kit/error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    heading: String,
    advice: String,
}

#[derive(Template)]
#[template(path = "kit/error_alert.html")]
struct ErrorAlert {
    page: Page,
    heading: String,
    advice: String,
}

pub(super) async fn render(State(kit): State<Arc<Kit>>, request: Request, next: Next) -> Response {
    let asked = asked_for(request.headers());
    let headers = request.headers().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    match (refusal(&response), asked) {
        (Some(refusal), Asked::Page) => page(&kit, &headers, &path, refusal, response),
        (Some(refusal), Asked::Fragment) => fragment(&kit, &headers, &path, refusal, response),
        (Some(_), Asked::Data) | (None, _) => response,
    }
}

#[derive(Clone, Copy)]
enum Asked {
    Page,
    Fragment,
    Data,
}

fn asked_for(headers: &HeaderMap) -> Asked {
    if headers.contains_key("hx-request") {
        Asked::Fragment
    } else if wants_page(headers) {
        Asked::Page
    } else {
        Asked::Data
    }
}

/// Our own refusals, and what layers and extractors answer with a bare status or a line of English.
fn refusal(response: &Response) -> Option<Refusal> {
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return Some(*refusal);
    }
    let status = response.status();
    let bare = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    ((status.is_client_error() || status.is_server_error()) && bare).then(|| Refusal::of_status(status))
}

fn page(kit: &Arc<Kit>, headers: &HeaderMap, path: &str, refusal: Refusal, old: Response) -> Response {
    let texts = kit.locales.texts(headers);
    let (heading, advice) = refusal.texts();
    let (heading, advice) = (texts.t(heading).to_string(), texts.t(advice).to_string());
    let page = Page::bare(Arc::clone(kit), texts, path);
    let status = old.status();
    let body = ErrorPage { page, status: status.as_u16(), heading, advice }.render();
    with_body(old, status, body)
}

/// An alert that htmx puts on top of the page the person is on.
fn fragment(kit: &Arc<Kit>, headers: &HeaderMap, path: &str, refusal: Refusal, old: Response) -> Response {
    let texts = kit.locales.texts(headers);
    let (heading, advice) = refusal.texts();
    let (heading, advice) = (texts.t(heading).to_string(), texts.t(advice).to_string());
    let page = Page::bare(Arc::clone(kit), texts, path);
    let status = old.status();
    let mut response = with_body(old, status, ErrorAlert { page, heading, advice }.render());
    response.headers_mut().insert("hx-retarget", HeaderValue::from_static("#notices"));
    response.headers_mut().insert("hx-reswap", HeaderValue::from_static("innerHTML"));
    response
}

fn with_body(old: Response, status: StatusCode, body: askama::Result<String>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(error = %error, "the error page cannot be rendered");
            return old;
        }
    };
    let mut response = (status, axum::response::Html(body)).into_response();
    for name in [header::SET_COOKIE, header::RETRY_AFTER, header::ALLOW, header::LOCATION] {
        for value in old.headers().get_all(&name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    for name in ["hx-redirect"] {
        if let Some(value) = old.headers().get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

impl Page {
    /// A page without navigation, for errors and before sign-in.
    pub(crate) fn bare(kit: Arc<Kit>, texts: crate::Texts, path: &str) -> Self {
        let frame = Frame { site: kit.product.clone(), ..Frame::default() };
        Self::new(kit, texts, path, frame, None)
    }
}
