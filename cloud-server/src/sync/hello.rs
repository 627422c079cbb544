//! `POST /sync/v1/hello`: opens a session.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use sync_protocol::body;
use sync_protocol::cloud::{self, SessionError};
use sync_protocol::digest::RecordSums;
use sync_protocol::message::{Hello, HelloReply, RefusalCode, Verdict};

use super::Endpoints;
use super::request::{Refused, Signed, answer};
use crate::store::edge;
use crate::store::sync_tx::TRIES;
use crate::store::{CompanyAccess, StoreError, SyncTx, digest, record_digest};

pub(super) async fn hello(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take(&endpoints, request).await {
        Ok(reply) => answer(StatusCode::OK, &reply),
        Err(refused) => refused.into_response(),
    }
}

async fn take(endpoints: &Endpoints, request: Request) -> Result<HelloReply, Refused> {
    let signed = endpoints.signed(request).await?;
    let said: Hello = body::unpack_message(&signed.body)
        .map_err(|e| endpoints.refuse(RefusalCode::Malformed, e.to_string()))?;
    let _turn = endpoints.turn().await?;
    let mut attempt = 1;
    loop {
        match judge(endpoints, &signed, &said, attempt).await {
            Ok(reply) => {
                tracing::info!(
                    edge.id = %signed.edge, company.id = %signed.key.company, origin = %said.origin,
                    verdict = ?reply.verdict, "hello"
                );
                return Ok(reply);
            }
            Err(SessionError::Contradiction(cause)) => {
                tracing::warn!(edge.id = %signed.edge, company.id = %signed.key.company, cause, "contradictory hello");
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

async fn judge(
    endpoints: &Endpoints,
    signed: &Signed,
    said: &Hello,
    attempt: u32,
) -> Result<HelloReply, SessionError<StoreError>> {
    let store = SessionError::Store;
    let now = endpoints.clock.now();
    let access = CompanyAccess::of_verified_edge(signed.key.company, signed.edge);
    let tx = endpoints.store.begin(&access).await.map_err(store)?;
    let mut tx = SyncTx::new(tx, now, attempt);
    let enrolled = endpoints.enrolled(&mut tx, signed).await.map_err(store)?;
    let known = edge::knows_origin(tx.tenant(), signed.edge, said.origin).await.map_err(store)?;
    let reply = cloud::hello(&mut tx, &enrolled, said, now.timestamp_millis()).await?;
    if !known {
        let lives = edge::note_new_life(tx.tenant(), signed.edge, said.origin, said.counts.outbox, now);
        if lives.await.map_err(store)? {
            tracing::warn!(
                edge.id = %signed.edge, company.id = %signed.key.company, origin = %said.origin,
                "an edge begins a new life: its data folder was put back from a copy, or is one"
            );
        }
    }
    let shown = json!({
        "origin": said.origin, "counts": said.counts, "wall": said.wall, "schema_ver": said.schema_ver,
        "server_time": reply.server_time, "verdict": reply.verdict,
        "clocks": said.digest.as_ref().and_then(|digest| digest.get("clocks")),
        "streams": said.streams.iter().map(|(stream, head)| (stream.as_str(), head.head))
            .collect::<std::collections::BTreeMap<_, _>>(),
    });
    edge::seen(tx.tenant(), signed.edge, &said.app_version, &shown, now).await.map_err(store)?;
    if let Some(said) = said.digest.as_ref().and_then(digest::parse) {
        digest::keep(tx.tenant(), signed.edge, &said, now).await.map_err(store)?;
    }
    // Sums of another epoch or scope are about something else.
    let known = (said.feed_epoch, said.scope_ver);
    if let Some(sums) = said.digest.as_ref().and_then(RecordSums::parse)
        && known == (reply.feed_epoch, reply.scope_ver)
        && reply.verdict == Verdict::Ok
    {
        record_digest::keep(tx.tenant(), signed.edge, &sums, known, now).await.map_err(store)?;
    }
    crate::fault_point!("cloud.hello.before-commit");
    tx.commit().await.map_err(store)?;
    crate::fault_point!("cloud.hello.after-commit");
    Ok(reply)
}
