//! `POST /sync/v1/push`: rows of one log.
//!
//! The pushes of an edge that come while one of its transactions runs share the next one (see [`gather`](super::gather)).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared_model::EdgeId;
use sync_protocol::Stream;
use sync_protocol::cloud::{self, Enrolled, Push, SessionError};
use sync_protocol::message::{PushReply, RefusalCode, Scope};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::Endpoints;
use super::gather::{OVERTAKEN, Waiting};
use super::request::{Refused, Signed, answer};
use crate::store::edge::{self, EdgeState};
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
    let Signed { edge, key, body } = endpoints.signed(request).await?;
    let _turn = endpoints.turn().await?;
    let push = Push::parse(&body).map_err(|bad| {
        tracing::warn!(edge.id = %edge, company.id = %key.company, error = %bad, "unreadable push");
        endpoints.refuse(RefusalCode::Malformed, bad.to_string())
    })?;
    let enrolled = Enrolled {
        edge,
        retired: key.state == EdgeState::Retired,
        // The stored scope counts: it is read with the rows.
        scope: Scope::default(),
        scope_ver: 0,
        limits: endpoints.limits,
        not_before: 0,
    };
    let (reply, mut answered) = oneshot::channel();
    endpoints.gathering.join(edge, Waiting { enrolled, push, since: Instant::now(), reply });
    let access = CompanyAccess::of_verified_edge(key.company, edge);
    serve(endpoints, access, edge);
    let answered = match timeout(OVERTAKEN, &mut answered).await {
        Ok(answered) => answered,
        Err(_) => {
            serve(endpoints, access, edge);
            answered.await
        }
    };
    answered.unwrap_or_else(|_| Err(endpoints.refuse(RefusalCode::Busy, "not now")))
}

/// Works for an edge in a task of its own: others may be in the transaction when a request is given up.
fn serve(endpoints: &Endpoints, access: CompanyAccess, edge: EdgeId) {
    let endpoints = endpoints.clone();
    tokio::spawn(async move {
        let work = async |group| store_group(&endpoints, &access, group).await;
        endpoints.gathering.serve(edge, work).await;
    });
}

/// Stores a group of one edge's pushes and answers them; gives back those that are to wait on.
async fn store_group(endpoints: &Endpoints, access: &CompanyAccess, group: Vec<Waiting>) -> Vec<Waiting> {
    let pushes: Vec<_> = group.iter().map(|waiting| (&waiting.enrolled, &waiting.push)).collect();
    match store(endpoints, access, &pushes).await {
        Ok(replies) => {
            group.into_iter().zip(replies).filter_map(|(waiting, reply)| waiting.answer(reply)).collect()
        }
        Err(error) => {
            let refused = refused(endpoints, &error);
            for waiting in group {
                let _ = waiting.reply.send(Err(refused.clone()));
            }
            Vec::new()
        }
    }
}

fn refused(endpoints: &Endpoints, error: &SessionError<StoreError>) -> Refused {
    match error {
        SessionError::Contradiction(cause) => endpoints.refuse(RefusalCode::Malformed, *cause),
        SessionError::Store(error) => endpoints.busy(error),
    }
}

async fn store(
    endpoints: &Endpoints,
    access: &CompanyAccess,
    pushes: &[(&Enrolled, &Push)],
) -> Result<Vec<PushReply>, SessionError<StoreError>> {
    let mut attempt = 1;
    loop {
        match try_store(endpoints, access, pushes, attempt).await {
            Err(SessionError::Store(error))
                if attempt < TRIES && (error.is_transient() || error.is_data_fault()) =>
            {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn try_store(
    endpoints: &Endpoints,
    access: &CompanyAccess,
    pushes: &[(&Enrolled, &Push)],
    attempt: u32,
) -> Result<Vec<PushReply>, SessionError<StoreError>> {
    let now = endpoints.clock.now();
    let tx = endpoints.store.begin(access).await.map_err(SessionError::Store)?;
    let mut tx = SyncTx::new(tx, now, attempt);
    // Record changes are judged by the sites that the edge has now.
    let records = pushes.iter().find(|(_, push)| push.head().stream == Stream::Records);
    let sites = match records {
        Some((enrolled, _)) => edge::sites(tx.tenant(), enrolled.edge).await.map_err(SessionError::Store)?,
        None => Vec::new(),
    };
    let scoped: Vec<(Enrolled, &Push)> = pushes
        .iter()
        .map(|(enrolled, push)| {
            let scope = Scope { sites: sites.clone() };
            (Enrolled { scope, ..(*enrolled).clone() }, *push)
        })
        .collect();
    let pushes: Vec<(&Enrolled, &Push)> = scoped.iter().map(|(enrolled, push)| (enrolled, *push)).collect();
    let replies = cloud::push_all(&mut tx, &pushes, now.timestamp_millis()).await?;
    let grew = tx.grew();
    crate::fault_point!("cloud.push.before-commit");
    commit(tx).await.map_err(SessionError::Store)?;
    crate::fault_point!("cloud.push.after-commit");
    if grew {
        let is_full = |push: &Push| push.head().rows >= endpoints.limits.batch_rows;
        if pushes.iter().any(|(_, push)| is_full(push)) {
            endpoints.wake.backlog(access.company());
        } else {
            endpoints.wake.company(access.company());
        }
    }
    Ok(replies)
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
