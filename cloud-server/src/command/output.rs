//! What commands print: a text for people or JSON for scripts, and the server's events.

use std::io::Write as _;

use anyhow::Result;
use serde_json::Value;

/// The result of a command, in both forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    json: Value,
    text: String,
    good: bool,
}

impl Report {
    /// A result.
    #[must_use]
    pub fn new(json: Value, text: String) -> Self {
        Self { json, text, good: true }
    }

    /// A list of findings, and whether all is in order.
    #[must_use]
    pub fn findings(json: Value, text: String, good: bool) -> Self {
        Self { json, text, good }
    }

    /// Whether all is in order.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.good
    }

    /// Prints it, as one line of JSON or as text.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&self, json: bool) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            writeln!(out, "{}", self.json)?;
        } else {
            writeln!(out, "{}", self.text)?;
        }
        Ok(out.flush()?)
    }
}

/// Prints one event of the server as a line of JSON.
///
/// # Errors
/// When standard output is closed.
pub(super) fn event(event: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}")?;
    Ok(out.flush()?)
}
