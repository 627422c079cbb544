//! `GET /sync/v1/pull` and `GET /sync/v1/snapshot`: the company's feed on its way down.
//!
//! A pull that finds nothing waits for the feed to grow, without a transaction and without one of the server's turns; the
//! cursor that came with it is noted before. All statements of a page see one moment of the database, so that a record which
//! moves to a later place while the page is read is on this page or on a later one.

use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_protocol::cloud::{self, Answer, Enrolled, SessionError};
use sync_protocol::message::{
    CONTENT_TYPE, PageHead, PageRequest, RefusalCode, SnapshotHead, SnapshotRequest,
};
use tokio::time::{Instant, timeout_at};

use super::Endpoints;
use super::request::{Refused, Signed};
use crate::store::sync_tx::TRIES;
use crate::store::{CompanyAccess, StoreError, SyncTx};

pub(super) async fn pull(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take(&endpoints, request).await {
        Ok(answer) => {
            let ok = matches!(answer.head, PageHead::Ok(_));
            packed(&endpoints, ok, &answer)
        }
        Err(refused) => refused.into_response(),
    }
}

pub(super) async fn snapshot(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take_snapshot(&endpoints, request).await {
        Ok(answer) => {
            let ok = matches!(answer.head, SnapshotHead::Ok(_));
            packed(&endpoints, ok, &answer)
        }
        Err(refused) => refused.into_response(),
    }
}

fn packed<H: Serialize>(endpoints: &Endpoints, ok: bool, answer: &Answer<H>) -> Response {
    let status = if ok { StatusCode::OK } else { StatusCode::CONFLICT };
    match answer.body() {
        Ok(body) => (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(error) => endpoints.busy(&error).into_response(),
    }
}

/// A request for a page.
trait Wanted: DeserializeOwned + Sync {
    /// What opens the answer.
    type Head: Send;

    /// Reads the page.
    fn page(
        &self,
        tx: &mut SyncTx,
        edge: &Enrolled,
        now_ms: i64,
    ) -> impl Future<Output = Result<Answer<Self::Head>, SessionError<StoreError>>> + Send;
}

impl Wanted for PageRequest {
    type Head = PageHead;

    async fn page(
        &self,
        tx: &mut SyncTx,
        edge: &Enrolled,
        now_ms: i64,
    ) -> Result<Answer<PageHead>, SessionError<StoreError>> {
        cloud::pull(tx, edge, self, now_ms).await
    }
}

impl Wanted for SnapshotRequest {
    type Head = SnapshotHead;

    async fn page(
        &self,
        tx: &mut SyncTx,
        edge: &Enrolled,
        now_ms: i64,
    ) -> Result<Answer<SnapshotHead>, SessionError<StoreError>> {
        cloud::snapshot(tx, edge, self, now_ms).await
    }
}

async fn asked<W: Wanted>(endpoints: &Endpoints, request: Request) -> Result<(Signed, W), Refused> {
    let uri = request.uri().clone();
    let signed = endpoints.signed(request).await?;
    let Query(asked) =
        Query::try_from_uri(&uri).map_err(|e| endpoints.refuse(RefusalCode::Malformed, e.to_string()))?;
    Ok((signed, asked))
}

async fn take(endpoints: &Endpoints, request: Request) -> Result<Answer<PageHead>, Refused> {
    let (signed, asked) = asked::<PageRequest>(endpoints, request).await?;
    let wait = asked.wait.min(endpoints.limits.bounded().poll_wait_s);
    let until = Instant::now() + Duration::from_secs(wait.into());
    let mut growth = endpoints.store.feed_growth(signed.key.company);
    loop {
        let answer = page(endpoints, &signed, &asked).await?;
        let PageHead::Ok(page) = answer.head else { return Ok(answer) };
        let nothing = page.items == 0 && !page.more && page.cursor == page.start;
        if !nothing || !timeout_at(until, growth.wait()).await.unwrap_or_default() {
            return Ok(answer);
        }
    }
}

async fn take_snapshot(endpoints: &Endpoints, request: Request) -> Result<Answer<SnapshotHead>, Refused> {
    let (signed, asked) = asked::<SnapshotRequest>(endpoints, request).await?;
    page(endpoints, &signed, &asked).await
}

/// Reads a page in a transaction of its own, again where another one was in its way.
async fn page<W: Wanted>(
    endpoints: &Endpoints,
    signed: &Signed,
    asked: &W,
) -> Result<Answer<W::Head>, Refused> {
    let _turn = endpoints.turn().await?;
    let mut attempt = 1;
    loop {
        match once(endpoints, signed, asked, attempt).await {
            Ok(answer) => return Ok(answer),
            Err(SessionError::Contradiction(cause)) => {
                tracing::warn!(edge.id = %signed.edge, company.id = %signed.key.company, cause, "contradictory pull");
                return Err(endpoints.refuse(RefusalCode::Malformed, cause));
            }
            Err(SessionError::Store(error)) if attempt < TRIES && error.is_transient() => attempt += 1,
            Err(SessionError::Store(error)) => return Err(endpoints.busy(&error)),
        }
    }
}

async fn once<W: Wanted>(
    endpoints: &Endpoints,
    signed: &Signed,
    asked: &W,
    attempt: u32,
) -> Result<Answer<W::Head>, SessionError<StoreError>> {
    let now = endpoints.clock.now();
    let access = CompanyAccess::of_verified_edge(signed.key.company, signed.edge);
    let tx = endpoints.store.begin_frozen(&access).await.map_err(SessionError::Store)?;
    let mut tx = SyncTx::new(tx, now, attempt);
    let enrolled = endpoints.enrolled(&mut tx, signed).await.map_err(SessionError::Store)?;
    let answer = asked.page(&mut tx, &enrolled, now.timestamp_millis()).await?;
    tx.commit().await.map_err(SessionError::Store)?;
    Ok(answer)
}
