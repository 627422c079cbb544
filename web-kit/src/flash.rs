//! A message that survives one redirect: "The clock was added."
//!
//! It travels in a cookie as the key of a text with its arguments, never as markup. Whoever can set cookies could
//! show a wrong message, but only one that exists in the locale files.

use axum::response::{IntoResponseParts, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

use crate::component::Tone;
use crate::locale::{Key, Texts};
use crate::session::cookie;

const COOKIE: &str = "flash";

/// The longest argument kept, in characters.
const MAX_ARGUMENT: usize = 120;

/// A message for the next page. Return it before the redirect: `(Flash::good("device-added"), Redirect::to(…))`.
#[derive(Clone, Debug)]
pub struct Flash {
    tone: Tone,
    key: Key,
    arguments: Vec<(&'static str, String)>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    tone: Tone,
    key: String,
    #[serde(default)]
    arguments: Vec<(String, String)>,
}

/// A flash that arrived with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is coloured.
    pub tone: Tone,
    /// The message in the reader's language.
    pub text: String,
}

impl Flash {
    /// A message of any tone.
    pub fn new(tone: Tone, key: Key) -> Self {
        Self { tone, key, arguments: Vec::new() }
    }

    /// Something was done.
    pub fn good(key: impl Into<Key>) -> Self {
        Self::new(Tone::Good, key.into())
    }

    /// Something was not done.
    pub fn bad(key: impl Into<Key>) -> Self {
        Self::new(Tone::Bad, key.into())
    }

    /// Gives an argument of the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, value.into().chars().take(MAX_ARGUMENT).collect()));
        self
    }

    pub(crate) fn cookie(&self) -> HeaderValue {
        let wire = Wire {
            tone: self.tone,
            key: self.key.as_str().to_owned(),
            arguments: self
                .arguments
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        };
        let json = serde_json::to_vec(&wire).unwrap_or_default();
        let value = URL_SAFE_NO_PAD.encode(json);
        cookie::header_value(&format!("{COOKIE}={value}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"))
    }
}

impl IntoResponseParts for Flash {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().append(header::SET_COOKIE, self.cookie());
        Ok(response)
    }
}

/// The message a request carries.
pub(crate) fn take(headers: &HeaderMap, texts: &Texts) -> Option<Notice> {
    let bytes = URL_SAFE_NO_PAD.decode(cookie::value(headers, COOKIE)?).ok()?;
    let wire: Wire = serde_json::from_slice(&bytes).ok()?;
    let text = texts.known(&wire.key, wire.arguments)?;
    Some(Notice { tone: wire.tone, text })
}

pub(crate) fn is_pending(headers: &HeaderMap) -> bool {
    cookie::value(headers, COOKIE).is_some()
}

pub(crate) fn is_set(response: &Response) -> bool {
    let prefix = format!("{COOKIE}=");
    response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|value| value.as_bytes().starts_with(prefix.as_bytes()))
}

pub(crate) fn clear() -> HeaderValue {
    cookie::cleared(COOKIE, false)
}

#[cfg(test)]
mod tests;
