//! `POST /sync/v1/push`: rows of one log.
//!
//! One push is one transaction here. [`cloud::push_all`] takes many at once: gathering the pushes of some milliseconds into
//! one commit is a change of this file alone.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sync_protocol::cloud::{self, Enrolled, Push, SessionError};
use sync_protocol::message::{PushReply, RefusalCode, Scope};

use super::Endpoints;
use super::request::{Refused, Signed, answer};
use crate::store::edge::EdgeState;
use crate::store::sync_tx::TRIES;
use crate::store::{CompanyAccess, StoreError, SyncTx};

pub(super) async fn push(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take(&endpoints, request).await {
        Ok(reply) => answer(status(&reply), &reply),
        Err(refused) => refused.into_response(),
    }
}

const fn status(reply: &PushReply) -> StatusCode {
    match reply {
        PushReply::Ok { .. } => StatusCode::OK,
        PushReply::Gap { .. } | PushReply::Hello => StatusCode::CONFLICT,
    }
}

async fn take(endpoints: &Endpoints, request: Request) -> Result<PushReply, Refused> {
    let signed = endpoints.signed(request).await?;
    let _turn = endpoints.turn().await?;
    let push = Push::parse(&signed.body).map_err(|bad| {
        tracing::warn!(edge.id = %signed.edge, company.id = %signed.key.company, error = %bad, "unreadable push");
        endpoints.refuse(RefusalCode::Malformed, bad.to_string())
    })?;
    let mut attempt = 1;
    loop {
        match apply(endpoints, &signed, &push, attempt).await {
            Ok(reply) => return Ok(reply),
            Err(SessionError::Contradiction(cause)) => {
                return Err(endpoints.refuse(RefusalCode::Malformed, cause));
            }
            Err(SessionError::Store(error))
                if attempt < TRIES && (error.is_transient() || error.is_data_fault()) =>
            {
                attempt += 1;
            }
            Err(SessionError::Store(error)) => return Err(endpoints.busy(&error)),
        }
    }
}

async fn apply(
    endpoints: &Endpoints,
    signed: &Signed,
    push: &Push,
    attempt: u32,
) -> Result<PushReply, SessionError<StoreError>> {
    let now = endpoints.clock.now();
    let access = CompanyAccess::of_verified_edge(signed.key.company, signed.edge);
    let tx = endpoints.store.begin(&access).await.map_err(SessionError::Store)?;
    let mut tx = SyncTx::new(tx, now, attempt);
    let enrolled = Enrolled {
        edge: signed.edge,
        retired: signed.key.state == EdgeState::Retired,
        // A push says nothing about the scope; its rows are judged by the stored one.
        scope: Scope::default(),
        scope_ver: 0,
        limits: endpoints.limits,
        not_before: 0,
    };
    let mut replies = cloud::push_all(&mut tx, &[(&enrolled, push)], now.timestamp_millis()).await?;
    let grew = tx.grew();
    crate::fault_point!("cloud.push.before-commit");
    commit(tx).await.map_err(SessionError::Store)?;
    crate::fault_point!("cloud.push.after-commit");
    if grew {
        endpoints.wake.company(signed.key.company);
    }
    Ok(replies.pop().unwrap_or(PushReply::Hello))
}

#[cfg(not(feature = "ack-before-commit"))]
async fn commit(tx: SyncTx) -> Result<(), StoreError> {
    tx.commit().await
}

/// The fault that the crash tests must find: the answer goes out, the commit follows a while later or never.
#[cfg(feature = "ack-before-commit")]
#[expect(clippy::unused_async, reason = "the other build commits here")]
async fn commit(tx: SyncTx) -> Result<(), StoreError> {
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        tx.commit().await
    });
    Ok(())
}
