//! Submitted forms: what was typed, and what is wrong with it, field by field.
//!
//! A form is read as text and parsed by the domain's own types, one field at a time; nothing is filled in by the names
//! a browser sends. When a field fails, the same page is shown again with everything that was typed.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, RawForm, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::failure::Refusal;
use crate::locale::{Key, Texts};

/// The most fields read.
const MAX_FIELDS: usize = 500;

/// The typed values and the errors of one form.
///
/// As an extractor it reads an urlencoded body; for an empty form use `FormState::default()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormState {
    values: Vec<(String, String)>,
    errors: BTreeMap<String, String>,
    general: Option<String>,
}

impl FormState {
    /// A form filled with what is stored, for editing.
    #[must_use]
    pub fn filled<const N: usize>(values: [(&str, String); N]) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { values, ..Self::default() }
    }

    /// The same for a list made at run time, where a name may come more than once.
    #[must_use]
    pub fn of(values: Vec<(&str, String)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { values, ..Self::default() }
    }

    /// The value of a field without surrounding spaces; empty when it was not sent.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value exactly as typed, for passwords.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.values.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field that may be sent more than once, such as a group of checkboxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether a checkbox or one option of a group was sent.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|sent| sent == value)
    }

    /// Parses a field; on failure notes the text of the key that `explain` chooses and returns `None`.
    pub fn parse<T, E>(
        &mut self,
        texts: &Texts,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        explain: impl FnOnce(E) -> Key,
    ) -> Option<T> {
        match parse(self.value(name)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(name, texts.t(explain(error)));
                None
            }
        }
    }

    /// A field that must not be empty.
    pub fn required(&mut self, texts: &Texts, name: &str) -> Option<String> {
        let value = self.value(name).to_owned();
        if value.is_empty() {
            self.fail(name, texts.t("form-required"));
            return None;
        }
        Some(value)
    }

    /// Notes an error beside a field; the first one stays.
    pub fn fail(&mut self, name: &str, text: impl Into<String>) {
        self.errors.entry(name.to_owned()).or_insert_with(|| text.into());
    }

    /// Notes an error of the form as a whole, shown above it.
    pub fn fail_all(&mut self, text: impl Into<String>) {
        self.general = Some(text.into());
    }

    /// The error beside a field.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.get(name).map(String::as_str)
    }

    /// The error above the form.
    #[must_use]
    pub fn general(&self) -> Option<&str> {
        self.general.as_deref()
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.general.is_some() || !self.errors.is_empty()
    }

    /// Removes a value that must not be sent back, such as a password.
    pub fn forget(&mut self, name: &str) {
        self.values.retain(|(field, _)| field != name);
    }

    /// The page that shows the form again: status 422, which htmx and browsers both display.
    pub fn again(page: impl IntoResponse) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for FormState {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let RawForm(bytes) = RawForm::from_request(request, state)
            .await
            .map_err(|rejection| Refusal::of_status(rejection.into_response().status()))?;
        let values: Vec<(String, String)> = decode(&bytes)?;
        Ok(Self { values, ..Self::default() })
    }
}

/// Decodes `application/x-www-form-urlencoded` (WHATWG URL, 5.1), refusing what is not UTF-8.
fn decode(bytes: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let mut values = Vec::new();
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if values.len() == MAX_FIELDS {
            return Err(Refusal::TooLarge);
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode_part(halves.next().unwrap_or_default())?;
        let value = decode_part(halves.next().unwrap_or_default())?;
        values.push((name, value));
    }
    Ok(values)
}

fn decode_part(bytes: &[u8]) -> Result<String, Refusal> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = rest.get(..2).ok_or(Refusal::BadRequest)?;
                let mut decoded = [0_u8; 1];
                hex::decode_to_slice(digits, &mut decoded).map_err(|_| Refusal::BadRequest)?;
                out.extend_from_slice(&decoded);
                rest = rest.get(2..).unwrap_or_default();
            }
            other => out.push(*other),
        }
    }
    String::from_utf8(out).map_err(|_| Refusal::BadRequest)
}

#[cfg(test)]
mod tests;
