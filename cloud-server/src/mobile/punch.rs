//! `POST /api/v1/mobile/punches`: a punch, held until somebody decides.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use shared_model::entity::PhoneDirection;
use shared_model::{ActorId, PhonePunchId};
use uuid::Uuid;
use web_kit::session::SessionToken;

use super::Mobile;
use super::answer::{Refused, answer, read};
use super::sign_in::source;
use crate::store::audit::{Author, Via};
use crate::store::mobile::MobileSession;
use crate::store::own_change::OwnChangeError;
use crate::store::phone_punch::{self, Kept, Told};
use crate::store::{CompanyAccess, StoreError};

/// How far ahead of the server's clock a phone's may be.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// The oldest punch that is taken: a phone that was offline for longer is a matter for a correction.
const OLDEST: TimeDelta = TimeDelta::days(14);
/// The least exact place that is taken, metres.
const ACCURACY_MAX: i64 = 10_000;
/// How often a transaction is tried that met another one.
const TRIES: u32 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    client_id: Uuid,
    at: DateTime<Utc>,
    direction: PhoneDirection,
    latitude_e7: i64,
    longitude_e7: i64,
    accuracy_m: i64,
    #[serde(default)]
    offline_s: i64,
}

impl Body {
    fn check(self, now: DateTime<Utc>) -> Result<Told, Refused> {
        let within = |field: &'static str, value: i64, from: i64, to: i64| {
            let cause = format!("{value} is not between {from} and {to}");
            if (from..=to).contains(&value) { Ok(value) } else { Err(Refused::bad(field, cause)) }
        };
        if self.at > now + AHEAD || self.at < now - OLDEST {
            return Err(Refused::bad("at", format!("not within the last {} days", OLDEST.num_days())));
        }
        Ok(Told {
            client_id: self.client_id,
            at: self.at,
            direction: self.direction,
            latitude_e7: within("latitude_e7", self.latitude_e7, -900_000_000, 900_000_000)?,
            longitude_e7: within("longitude_e7", self.longitude_e7, -1_800_000_000, 1_800_000_000)?,
            accuracy_m: within("accuracy_m", self.accuracy_m, 0, ACCURACY_MAX)?,
            offline_s: within("offline_s", self.offline_s, 0, OLDEST.num_seconds())?,
        })
    }
}

pub(super) async fn punch(State(mobile): State<Mobile>, request: Request) -> Response {
    take(&mobile, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn take(mobile: &Mobile, request: Request) -> Result<Response, Refused> {
    let now = mobile.clock.now();
    let counted = mobile.rates.lock().of_source(source(&request), now);
    counted.map_err(|seconds| Refused::wait("too_many", seconds))?;
    let session = session(mobile, request.headers(), now).await?;
    let counted = mobile.rates.lock().of_account(session.employee, now);
    counted.map_err(|seconds| Refused::wait("too_many", seconds))?;
    let body: Body = read(request.into_body()).await?;
    let told = body.check(now)?;
    let kept = keep(mobile, &session, &told, now).await?;
    if !kept.repeated {
        mobile.wake.company(session.company);
        tracing::info!(company.id = %session.company, phone_punch.id = %kept.id, "a phone punch waits");
    }
    let status = if kept.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, &json!({ "id": kept.id, "state": kept.state })))
}

async fn session(mobile: &Mobile, headers: &HeaderMap, now: DateTime<Utc>) -> Result<MobileSession, Refused> {
    let unknown = || Refused::new(StatusCode::UNAUTHORIZED, "signed_out", "this phone is not signed in");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(unknown)?;
    if values.next().is_some() {
        return Err(unknown());
    }
    let token = value.strip_prefix("Bearer ").and_then(SessionToken::parse).ok_or_else(unknown)?;
    let found = mobile.store.mobile_session(token.hash().as_bytes(), now).await;
    found.map_err(|e| Refused::busy(&e))?.ok_or_else(unknown)
}

/// Tried again where the same punch came twice at once: the second finds the first.
async fn keep(
    mobile: &Mobile,
    session: &MobileSession,
    told: &Told,
    now: DateTime<Utc>,
) -> Result<Kept, Refused> {
    let mut attempt = 1;
    loop {
        match try_keep(mobile, session, told, now).await {
            Ok(kept) => return Ok(kept),
            Err(phone_punch::Refused::Write(OwnChangeError::Store(error)))
                if attempt < TRIES && (error.is_transient() || error.is_data_fault()) =>
            {
                attempt += 1;
            }
            Err(refused) => return Err(told_why(refused)),
        }
    }
}

async fn try_keep(
    mobile: &Mobile,
    session: &MobileSession,
    told: &Told,
    now: DateTime<Utc>,
) -> Result<Kept, phone_punch::Refused> {
    let mut tx = mobile.store.begin(&CompanyAccess::of_phone(session.company, session.employee)).await?;
    let author = Author { actor: ActorId::from_uuid(session.employee.uuid()), via: Via::Phone, at: now };
    let id = PhonePunchId::mint(&mobile.clock, &mobile.entropy);
    let kept = phone_punch::keep(&mut tx, session, id, told, author).await?;
    tx.commit().await?;
    Ok(kept)
}

fn told_why(refused: phone_punch::Refused) -> Refused {
    match refused {
        phone_punch::Refused::NotEmployed => {
            Refused::new(StatusCode::FORBIDDEN, "not_employed", "this person does not work here any more")
        }
        phone_punch::Refused::OtherContent => {
            Refused::new(StatusCode::CONFLICT, "client_id", "another punch was sent under this client_id")
        }
        phone_punch::Refused::Write(OwnChangeError::Store(error)) => busy(&error),
        phone_punch::Refused::Write(error) => Refused::busy(&error),
    }
}

fn busy(error: &StoreError) -> Refused {
    Refused::busy(error)
}
