//! `GET /sync/v1/bundle`: the people and grants of the company, signed for the edge that asks.

use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sync_protocol::message::{BundleHead, BundleRequest, CONTENT_TYPE, RefusalCode};

use super::Endpoints;
use super::request::{Refused, Signed};
use crate::store::edge::EdgeState;
use crate::store::{CompanyAccess, StoreError, bundle};

pub(super) async fn bundle(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take(&endpoints, request).await {
        Ok(packed) => (StatusCode::OK, [(header::CONTENT_TYPE, CONTENT_TYPE)], packed).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn take(endpoints: &Endpoints, request: Request) -> Result<Vec<u8>, Refused> {
    let asked = Query::<BundleRequest>::try_from_uri(request.uri());
    let Query(asked) = asked.map_err(|e| endpoints.refuse(RefusalCode::Malformed, e.to_string()))?;
    let signed = endpoints.signed(request).await?;
    if signed.key.state == EdgeState::Retired {
        return Err(endpoints.refuse(RefusalCode::Signature, "the enrolment was revoked"));
    }
    let _turn = endpoints.turn().await?;
    let issued = issue(endpoints, &signed, asked).await.map_err(|e| endpoints.busy(&e))?;
    BundleHead::pack(issued.as_ref(), endpoints.now_ms()).map_err(|e| endpoints.busy(&e))
}

async fn issue(
    endpoints: &Endpoints,
    signed: &Signed,
    asked: BundleRequest,
) -> Result<Option<sync_protocol::authority::SignedBundle>, StoreError> {
    let access = CompanyAccess::of_verified_edge(signed.key.company, signed.edge);
    let mut tx = endpoints.store.begin(&access).await?;
    let now = endpoints.clock.now();
    let issued = bundle::issue(&mut tx, signed.edge, asked, &endpoints.entropy, now).await?;
    tx.commit().await?;
    Ok(issued)
}

impl Endpoints {
    /// The company's key for bundles, which an edge learns when it enrols.
    pub(super) async fn bundle_key(&self, access: &CompanyAccess) -> Result<String, StoreError> {
        let mut tx = self.store.begin(access).await?;
        let key = bundle::public_key(&mut tx, &self.entropy, self.clock.now()).await?;
        tx.commit().await?;
        Ok(key)
    }
}
