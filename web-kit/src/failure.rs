//! Requests that are not answered with what was asked for.
//!
//! A handler returns [`Failure`]; everything else (guards, layers, extractors) answers with a [`Refusal`]. Neither
//! carries text for the reader: [`crate::harden()`] renders the page in the reader's language, so no error text of a
//! library and no path or query of ours reaches a browser.

use std::error::Error;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::locale::Key;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request cannot be read.
    BadRequest,
    /// Nobody is signed in.
    NotSignedIn,
    /// The person lacks the permission.
    Forbidden,
    /// The request comes from another site's page.
    CrossSite,
    /// There is no such page, or the person may not know of it.
    NotFound,
    /// The page exists, the method does not.
    MethodNotAllowed,
    /// The request took too long to arrive or to answer.
    Timeout,
    /// The object was changed meanwhile.
    Conflict,
    /// The body is larger than the route takes.
    TooLarge,
    /// The body is not of the kind the route takes.
    UnsupportedMedia,
    /// The `Host` header names a site that is not served here.
    UnknownHost,
    /// Too many tries; seconds until the next may be made.
    TooMany {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// Something of ours failed; the cause is in the log.
    Internal,
    /// A limit of ours is reached; the same request may succeed later.
    Busy,
}

impl Refusal {
    /// The status the response carries.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The refusal that a bare status of some layer stands for.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::NotSignedIn,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMedia,
            StatusCode::MISDIRECTED_REQUEST => Self::UnknownHost,
            StatusCode::TOO_MANY_REQUESTS => Self::TooMany { retry_after: 60 },
            StatusCode::SERVICE_UNAVAILABLE => Self::Busy,
            other if other.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }

    /// The word API clients get.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotSignedIn => "not_signed_in",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::UnsupportedMedia => "unsupported_media",
            Self::UnknownHost => "unknown_host",
            Self::TooMany { .. } => "too_many_requests",
            Self::Internal => "internal",
            Self::Busy => "busy",
        }
    }

    /// Heading and advice for a reader.
    pub(crate) const fn texts(self) -> (Key, Key) {
        match self {
            Self::BadRequest | Self::UnsupportedMedia | Self::MethodNotAllowed => {
                (Key::new("error-bad-request"), Key::new("error-bad-request-advice"))
            }
            Self::NotSignedIn => (Key::new("error-signed-out"), Key::new("error-signed-out-advice")),
            Self::Forbidden => (Key::new("error-forbidden"), Key::new("error-forbidden-advice")),
            Self::CrossSite => (Key::new("error-cross-site"), Key::new("error-cross-site-advice")),
            Self::NotFound => (Key::new("error-not-found"), Key::new("error-not-found-advice")),
            Self::Timeout => (Key::new("error-timeout"), Key::new("error-timeout-advice")),
            Self::Conflict => (Key::new("error-conflict"), Key::new("error-conflict-advice")),
            Self::TooLarge => (Key::new("error-too-large"), Key::new("error-too-large-advice")),
            Self::UnknownHost => (Key::new("error-unknown-host"), Key::new("error-unknown-host-advice")),
            Self::TooMany { .. } => (Key::new("error-too-many"), Key::new("error-too-many-advice")),
            Self::Internal => (Key::new("error-internal"), Key::new("error-internal-advice")),
            Self::Busy => (Key::new("error-busy"), Key::new("error-busy-advice")),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(format!("{{\"error\":\"{}\"}}", self.code())));
        *response.status_mut() = self.status();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::TooMany { retry_after } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The error type of handlers: what the browser is told, and the cause that only the log is told.
#[derive(Debug)]
pub struct Failure {
    refusal: Refusal,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A refusal with the error that led to it.
    pub fn new(refusal: Refusal, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { refusal, cause: Some(cause.into()) }
    }

    /// What the browser is told.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        self.refusal
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None }
    }
}

// `Failure` and `Refusal` are no `Error`s themselves, so that `?` can take any error here as an internal one.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Refusal::Internal, error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            let mut chain = cause.to_string();
            let mut source = cause.source();
            while let Some(error) = source {
                chain.push_str(": ");
                chain.push_str(&error.to_string());
                source = error.source();
            }
            if self.refusal.status().is_server_error() {
                tracing::error!(error = chain, "request failed");
            } else {
                tracing::debug!(error = chain, refusal = self.refusal.code(), "request refused");
            }
        }
        self.refusal.into_response()
    }
}
