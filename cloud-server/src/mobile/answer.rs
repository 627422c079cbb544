//! Answers: JSON, never cached; a refusal has a code for the app and a sentence for people.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::BODY;

/// The longest a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A request that was not taken.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_s: Option<u32>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after_s: None }
    }

    pub(super) fn bad(field: &str, cause: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_value", format!("{field}: {cause}"))
    }

    pub(super) fn wait(code: &'static str, seconds: u32) -> Self {
        let message = format!("too many requests: come again in {seconds} seconds");
        Self { retry_after_s: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// The database failed: the phone keeps the punch and comes again.
    pub(super) fn busy(error: &dyn std::error::Error) -> Self {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(%error, cause, "a phone's request failed");
        Self { retry_after_s: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "not now") }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "message": self.message });
        let mut response = answer(self.status, &body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Reads a body within its size and time.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let read = axum::body::to_bytes(body, BODY);
    let malformed = |cause: String| Refused::new(StatusCode::BAD_REQUEST, "malformed", cause);
    let bytes = match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let message = format!("at most {BODY} bytes are taken");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
        }
        Err(_) => return Err(malformed("the body did not arrive".to_owned())),
    };
    serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))
}
