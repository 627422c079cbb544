//! From an HTTP request to an edge that is believed, and back to an HTTP response.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use shared_model::EdgeId;
use sync_protocol::cloud::Enrolled;
use sync_protocol::message::{CONTENT_TYPE, Refusal, RefusalCode, Scope};
use sync_protocol::{body, limit, sign};

use super::{Endpoints, PATIENCE, RETRY_AFTER_MS};
use crate::store::edge::{self, EdgeKey, EdgeState};
use crate::store::{StoreError, SyncTx};

/// The longest a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// A request whose signature fits.
pub(super) struct Signed {
    pub(super) edge: EdgeId,
    pub(super) key: EdgeKey,
    pub(super) body: Bytes,
}

/// A response that is no answer.
#[derive(Debug, Clone)]
pub(super) struct Refused(Refusal);

impl Refused {
    pub(super) fn new(code: RefusalCode, message: impl Into<String>, now_ms: i64) -> Self {
        let retry_after_ms =
            matches!(code, RefusalCode::Busy | RefusalCode::TooMany).then_some(RETRY_AFTER_MS);
        Self(Refusal { error: code, message: message.into(), retry_after_ms, server_time: now_ms })
    }

    /// Says when the request may be made again, in milliseconds.
    pub(super) fn wait(&mut self, ms: u64) {
        self.0.retry_after_ms = Some(ms);
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        tracing::debug!(code = ?refusal.error, message = refusal.message, "sync request refused");
        let status = StatusCode::from_u16(refusal.error.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut response = (status, axum::Json(&refusal)).into_response();
        if let Some(ms) = refusal.retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        response
    }
}

/// A packed answer.
pub(super) fn answer(status: StatusCode, message: &impl Serialize) -> Response {
    match body::pack_message(message) {
        Ok(packed) => (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], packed).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot pack an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Endpoints {
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    pub(super) fn refuse(&self, code: RefusalCode, message: impl Into<String>) -> Refused {
        Refused::new(code, message, self.now_ms())
    }

    /// The database is away or over-worked: the edge keeps its rows and comes again.
    pub(super) fn busy(&self, error: &dyn std::error::Error) -> Refused {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        tracing::error!(error = chain, "a sync request failed");
        self.refuse(RefusalCode::Busy, "not now")
    }

    /// Waits for a turn to work on a request.
    pub(super) async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Refused> {
        let turn = std::sync::Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.refuse(RefusalCode::Busy, "too many requests at once")),
        }
    }

    /// What the enrolment says of the edge that speaks.
    pub(super) async fn enrolled(&self, tx: &mut SyncTx, signed: &Signed) -> Result<Enrolled, StoreError> {
        Ok(Enrolled {
            edge: signed.edge,
            retired: signed.key.state == EdgeState::Retired,
            scope: Scope { sites: edge::sites(tx.tenant(), signed.edge).await? },
            scope_ver: edge::scope_ver(tx.tenant(), signed.edge).await?,
            limits: self.limits,
            not_before: 0,
        })
    }

    /// Finds the edge, reads the body, checks the signature: in this order, so that a stranger's body is not read.
    pub(super) async fn signed(&self, request: Request) -> Result<Signed, Refused> {
        let unknown =
            || self.refuse(RefusalCode::Signature, "the signature does not fit, or the edge is not known");
        let edge: EdgeId = text(request.headers(), sign::HEADER_EDGE)
            .and_then(|text| text.parse().ok())
            .ok_or_else(unknown)?;
        let key = self.store.edge_key(edge).await.map_err(|e| self.busy(&e))?.ok_or_else(unknown)?;
        let public = VerifyingKey::from_bytes(&key.public_key).map_err(|_| unknown())?;
        let body = self.verified(request, Some(edge), &public).await?;
        Ok(Signed { edge, key, body })
    }

    /// Reads the body of a request and checks that `key` signed it.
    pub(super) async fn verified(
        &self,
        request: Request,
        edge: Option<EdgeId>,
        key: &VerifyingKey,
    ) -> Result<Bytes, Refused> {
        let (head, body) = request.into_parts();
        let body = self.read(body).await?;
        self.check(&head, &body, edge, key)?;
        Ok(body)
    }

    pub(super) fn check(
        &self,
        head: &http::request::Parts,
        body: &Bytes,
        edge: Option<EdgeId>,
        key: &VerifyingKey,
    ) -> Result<(), Refused> {
        let unsigned = || self.refuse(RefusalCode::Signature, "the request is not signed");
        let time_ms =
            text(&head.headers, sign::HEADER_TIME).and_then(|text| text.parse().ok()).ok_or_else(unsigned)?;
        let signature = text(&head.headers, sign::HEADER_SIGNATURE).ok_or_else(unsigned)?;
        let path_and_query = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = sign::Request { method: head.method.as_str(), path_and_query, edge, time_ms, body };
        request.verify(key, signature, self.now_ms()).map_err(|refused| {
            let code = match refused {
                sign::Refused::Time { .. } => RefusalCode::Time,
                sign::Refused::Signature | sign::Refused::Key => RefusalCode::Signature,
            };
            self.refuse(code, refused.to_string())
        })
    }

    /// Reads a body within the protocol's size and a time of its own.
    pub(super) async fn read(&self, body: Body) -> Result<Bytes, Refused> {
        let read = axum::body::to_bytes(body, limit::BODY_COMPRESSED);
        match tokio::time::timeout(BODY_TIME, read).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) if is_too_large(&error) => Err(self.refuse(
                RefusalCode::TooLarge,
                format!("at most {} bytes are taken", limit::BODY_COMPRESSED),
            )),
            Ok(Err(_)) | Err(_) => Err(self.refuse(RefusalCode::Malformed, "the body did not arrive")),
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    // Two values: neither is believed.
    if values.next().is_some() { None } else { value.to_str().ok() }
}
