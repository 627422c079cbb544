//! Cases of attendance rules in JSON: read, run through the shift engine, compared key by key.
//!
//! Every day's figures are counted again from its explanation alone; a day that does not add up fails its case.
//!
//! The adapter translates a case into the engine's input and the engine's output into the case's keys; it knows no
//! case. What it cannot translate makes a case *not supported*, never passed.

mod expected;
mod policy;
mod recount;
mod schema;
mod setting;
mod verdict;

pub use schema::{Case, File};
pub use verdict::{Mismatch, Verdict};

/// Runs one case.
#[must_use]
pub fn run(case: &serde_json::Value) -> (String, Verdict) {
    let id = case.get("id").and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
    let verdict = match serde_path_to_error::deserialize::<_, Case>(case) {
        Ok(case) => expected::check(&case).unwrap_or_else(Verdict::Skipped),
        Err(e) => Verdict::Skipped(format!("{}: {}", e.path(), e.inner())),
    };
    (id, verdict)
}
