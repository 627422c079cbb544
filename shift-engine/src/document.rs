//! Reading the JSON documents of the change log into types, with errors that name the field.

use serde::de::DeserializeOwned;
use shared_model::record::Document;

/// A document that breaks its type's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {cause}")]
pub struct BadDocument {
    /// The path of the field, such as `hours.fixed.breaks[0].end`; `.` for the whole.
    pub field: String,
    /// What is wrong with it.
    pub cause: String,
}

impl BadDocument {
    pub(crate) fn new(field: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { field: field.into(), cause: cause.into() }
    }
}

/// A type that a document of the change log holds.
pub trait Typed: DeserializeOwned + serde::Serialize {
    /// Checks what the types alone cannot tell.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    fn check(&self) -> Result<(), BadDocument>;

    /// Reads and checks a document: unknown fields are refused.
    ///
    /// # Errors
    /// The first field that is unknown, of another type, or breaks a rule.
    fn parse(document: &Document) -> Result<Self, BadDocument> {
        let typed: Self = serde_path_to_error::deserialize(&document.0)
            .map_err(|e| BadDocument::new(e.path().to_string(), e.inner().to_string()))?;
        typed.check()?;
        Ok(typed)
    }

    /// Reads and checks a document written as text.
    ///
    /// # Errors
    /// As [`Typed::parse`]; text that is no JSON names the place in it.
    fn parse_text(text: &str) -> Result<Self, BadDocument> {
        let value = serde_json::from_str(text).map_err(|e| BadDocument::new(".", e.to_string()))?;
        Self::parse(&Document(value))
    }

    /// Writes it as a document.
    #[must_use]
    fn to_document(&self) -> Document {
        // These types hold texts, whole numbers and lists: all of them have a JSON form.
        Document(serde_json::to_value(self).unwrap_or_default())
    }
}
