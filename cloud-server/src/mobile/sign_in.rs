//! `POST /api/v1/mobile/sessions`: a one-time code becomes a token.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use shared_model::text::Code;
use web_kit::session::SessionToken;
use web_kit::throttle::Source;

use super::Mobile;
use super::answer::{Refused, answer, read};
use crate::http_server::ClientAddress;
use crate::one_time_code::OneTimeCode;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    code: String,
    phone: String,
}

pub(super) fn source(request: &Request) -> Source {
    let address = request.extensions().get::<ClientAddress>();
    address.map_or(Source::Console, |ClientAddress(address)| Source::of_peer(*address))
}

pub(super) async fn sign_in(State(mobile): State<Mobile>, request: Request) -> Response {
    take(&mobile, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn take(mobile: &Mobile, request: Request) -> Result<Response, Refused> {
    let (source, now) = (source(&request), mobile.clock.now());
    // Guessing is slowed down by source alone: one that guesses must not lock out the others.
    let account = format!("{source:?}");
    let attempt = mobile.guesses.lock().attempt(&account, source, now);
    attempt.map_err(|wait| Refused::wait("too_many", wait.seconds(now)))?;
    let asked: Asked = read(request.into_body()).await?;
    let phone = Code::parse(&asked.phone).map_err(|e| Refused::bad("phone", e))?;
    let wrong = || Refused::new(StatusCode::FORBIDDEN, "code", "the code is wrong, used, or too old");
    let code = OneTimeCode::parse(&asked.code).map_err(|_| wrong())?;
    let mut random = [0; 32];
    mobile.entropy.fill(&mut random);
    let token = SessionToken::from_random(random);
    let session = mobile.store.sign_in_phone(&code, &phone, token.hash().as_bytes(), now).await;
    let session = session.map_err(|e| Refused::busy(&e))?.ok_or_else(wrong)?;
    mobile.guesses.lock().succeeded(&account, source, now);
    tracing::info!(company.id = %session.company, employee.id = %session.employee, "a phone signed in");
    Ok(answer(StatusCode::CREATED, &json!({ "token": token.text(), "employee": session.employee })))
}
