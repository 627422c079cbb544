//! Signed-in sessions: random token in a cookie, its SHA-256 in the binary's own database.
//!
//! The kit decides when a session lives ([`Lifetime`]), how its cookie looks ([`CookieRules`]) and that signing in
//! always makes a new token. Where rows are kept is the binary's: it implements [`SessionStore`]. Its `find` joins
//! the user and returns nothing for one who may no longer sign in, so that disabling a user ends the sessions at once.

pub mod cookie;
mod lifetime;
mod store;
mod token;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::app::WebApp;
use crate::failure::{Failure, Refusal};
use crate::route::ask_to_sign_in;

pub use cookie::CookieRules;
pub use lifetime::{Lifetime, Verdict};
pub use store::{SessionStore, StoredSession};
pub use token::{SessionToken, TokenHash};

/// The person a request belongs to, and the session it came in.
#[derive(Clone, Debug)]
pub struct Current<U> {
    /// Who is signed in, as the store returned it.
    pub user: U,
    /// The key of the session's row, for "sign out everywhere else".
    pub session: TokenHash,
    /// When the person typed the password.
    pub signed_in_at: DateTime<Utc>,
}

impl<U> Current<U> {
    /// Whether the password was typed within `window`, for actions that ask for it again.
    #[must_use]
    pub fn signed_in_within(&self, window: TimeDelta, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(self.signed_in_at);
        age >= TimeDelta::zero() && age <= window
    }
}

/// Whether a request counts as the person being active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// A click or a typed address: the idle time starts anew.
    Active,
    /// A page refreshing itself: the idle time runs on.
    Passive,
}

/// Finds the living session of a request and drops one that has ended.
pub(crate) async fn resolve<A: WebApp>(
    app: &A,
    headers: &HeaderMap,
    activity: Activity,
) -> Result<Option<Current<A::User>>, <A::Sessions as SessionStore>::Error> {
    let Some(token) = app.kit().cookies.read(headers) else { return Ok(None) };
    let key = token.hash();
    let Some(stored) = app.sessions().find(&key).await? else { return Ok(None) };
    let now = app.now();
    match app.kit().lifetime.judge(stored.signed_in_at, stored.last_seen_at, now) {
        Verdict::Live { touch } => {
            if touch && activity == Activity::Active {
                app.sessions().touch(&key, now).await?;
            }
            Ok(Some(Current { user: stored.user, session: key, signed_in_at: stored.signed_in_at }))
        }
        Verdict::Idle | Verdict::TooOld | Verdict::ClockWentBack => {
            app.sessions().delete(&key).await?;
            Ok(None)
        }
    }
}

/// Starts a session for a person whose password was just verified, ending the one the browser had.
///
/// Returns the `Set-Cookie` value.
///
/// # Errors
/// What the store answers.
pub async fn begin<A: WebApp>(
    app: &A,
    headers: &HeaderMap,
    user: &A::User,
) -> Result<HeaderValue, <A::Sessions as SessionStore>::Error> {
    if let Some(old) = app.kit().cookies.read(headers) {
        app.sessions().delete(&old.hash()).await?;
    }
    let token = SessionToken::from_random(app.random());
    app.sessions().insert(&token.hash(), user, app.now()).await?;
    Ok(app.kit().cookies.set(&token, app.kit().lifetime))
}

/// Ends the browser's session, if it has one, and returns the `Set-Cookie` value that clears the cookie.
///
/// # Errors
/// What the store answers.
pub async fn end<A: WebApp>(
    app: &A,
    headers: &HeaderMap,
) -> Result<HeaderValue, <A::Sessions as SessionStore>::Error> {
    if let Some(token) = app.kit().cookies.read(headers) {
        app.sessions().delete(&token.hash()).await?;
    }
    Ok(app.kit().cookies.clear())
}

impl<A: WebApp> FromRequestParts<A> for Current<A::User> {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, app: &A) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse as _;
        match <Self as OptionalFromRequestParts<A>>::from_request_parts(parts, app).await {
            Ok(Some(current)) => Ok(current),
            Ok(None) => Err(ask_to_sign_in(app, parts)),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

impl<A: WebApp> OptionalFromRequestParts<A> for Current<A::User> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &A) -> Result<Option<Self>, Self::Rejection> {
        // The route's guard has usually resolved it already.
        if let Some(current) = parts.extensions.get::<Self>() {
            return Ok(Some(current.clone()));
        }
        match resolve(app, &parts.headers, Activity::Passive).await {
            Ok(current) => Ok(current),
            Err(error) => Err(Failure::new(Refusal::Internal, error)),
        }
    }
}

#[cfg(test)]
mod tests;
