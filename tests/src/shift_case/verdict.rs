//! What running a case gives.

use std::fmt::Debug;

/// A key whose value was another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key, with its date.
    pub key: String,
    /// What the case expects.
    pub expected: String,
    /// What the engine gave.
    pub got: String,
}

/// What running a case gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every asserted key is as expected.
    Passed,
    /// These are not.
    Failed(Vec<Mismatch>),
    /// The engine or the adapter lacks this.
    Skipped(String),
}

/// Collects what differs.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    mismatches: Vec<Mismatch>,
}

impl Comparison {
    /// Compares a key that the case may assert.
    pub(super) fn key<T: PartialEq + Debug>(
        &mut self,
        key: impl FnOnce() -> String,
        expected: Option<&T>,
        got: &T,
    ) {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            let (expected, got) = (format!("{expected:?}"), format!("{got:?}"));
            self.mismatches.push(Mismatch { key: key(), expected, got });
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        if self.mismatches.is_empty() { Verdict::Passed } else { Verdict::Failed(self.mismatches) }
    }
}
