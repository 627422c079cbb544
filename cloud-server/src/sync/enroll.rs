//! `POST /sync/v1/enroll`: a one-time code and a key become an edge.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared_model::EdgeId;
use sync_protocol::message::{EnrollReply, EnrollRequest, FeedRecord, RefusalCode};
use sync_protocol::{body, sign};
use web_kit::throttle::Source;

use super::Endpoints;
use super::request::{Refused, answer};
use crate::http_server::ClientAddress;
use crate::one_time_code::OneTimeCode;
use crate::store::CompanyAccess;
use crate::store::edge::Applicant;

/// The longest name that is kept, in bytes.
const NAME_MAX: usize = 120;

pub(super) async fn enroll(State(endpoints): State<Endpoints>, request: Request) -> Response {
    match take(&endpoints, request).await {
        Ok(reply) => answer(StatusCode::OK, &reply),
        Err(refused) => refused.into_response(),
    }
}

async fn take(endpoints: &Endpoints, request: Request) -> Result<EnrollReply, Refused> {
    let source = request
        .extensions()
        .get::<ClientAddress>()
        .map_or(Source::Console, |ClientAddress(address)| Source::of_peer(*address));
    let now = endpoints.clock.now();
    let account = source.alone("enrolment");
    endpoints.enrolments.lock().attempt(&account, source, now).map_err(|wait| {
        let mut refused = endpoints.refuse(RefusalCode::TooMany, "too many wrong codes");
        refused.wait(u64::from(wait.seconds(now)) * 1000);
        refused
    })?;
    let (head, body) = request.into_parts();
    let body = endpoints.read(body).await?;
    let malformed = |cause: String| endpoints.refuse(RefusalCode::Malformed, cause);
    let asked: EnrollRequest = body::unpack_message(&body).map_err(|e| malformed(e.to_string()))?;
    let key = sign::public_key(&asked.public_key).map_err(|e| malformed(e.to_string()))?;
    endpoints.check(&head, &body, None, &key)?;

    let wrong = || endpoints.refuse(RefusalCode::Code, "the code is wrong, used, or too old");
    let code = OneTimeCode::parse(&asked.code).map_err(|_| wrong())?;
    let applicant = Applicant {
        public_key: *key.as_bytes(),
        name: clean(&asked.name, NAME_MAX),
        app_version: clean(&asked.app_version, 64),
    };
    let id = EdgeId::mint(&endpoints.clock, &endpoints.entropy);
    let enrolled = endpoints.store.enrol(&code, &applicant, id, now).await.map_err(|e| endpoints.busy(&e))?;
    let enrolment = enrolled.ok_or_else(wrong)?;
    endpoints.enrolments.lock().succeeded(&account, source, now);
    tracing::info!(edge.id = %enrolment.edge, company.id = %enrolment.company, "an edge enrolled");
    let access = CompanyAccess::of_verified_edge(enrolment.company, enrolment.edge);
    let bundle_key = endpoints.bundle_key(&access).await.map_err(|e| endpoints.busy(&e))?;
    let records = enrolment.records.iter().map(|(kind, key, record)| FeedRecord::new(*kind, *key, record));
    Ok(EnrollReply {
        edge_id: enrolment.edge,
        company_id: enrolment.company,
        company: enrolment.company_name,
        sites: enrolment.sites,
        records: records.collect(),
        bundle_key: Some(bundle_key),
        server_time: endpoints.now_ms(),
    })
}

/// A text of a stranger for display: no control characters, at most `max` bytes.
fn clean(text: &str, max: usize) -> String {
    let mut kept = String::new();
    for c in text.trim().chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > max {
            break;
        }
        kept.push(c);
    }
    kept
}
