//! What of the time between first in and last out is not worked.

use serde::{Deserialize, Serialize};

use crate::time::Minutes;

/// Break rules of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakRules {
    /// Time inside unpaid scheduled breaks is not worked, punched out or not; not on weekly offs, nor on public
    /// holidays whose work is all overtime.
    pub deduct_scheduled: bool,
    /// Taken off where nobody punches for lunch.
    pub auto_deduct: Vec<AutoDeduction>,
    /// So much of the time punched out is paid.
    pub paid_punched_break_min: Minutes,
    /// A break punched longer than this is an exception.
    pub longest_min: Option<Minutes>,
    /// Somebody in for longer than `after_min` without any break is an exception.
    pub required_after_min: Option<Minutes>,
}

impl Default for BreakRules {
    fn default() -> Self {
        Self {
            deduct_scheduled: true,
            auto_deduct: Vec::new(),
            paid_punched_break_min: Minutes::new(0),
            longest_min: None,
            required_after_min: None,
        }
    }
}

/// A deduction that applies by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoDeduction {
    /// Once more than this was worked …
    pub after_min: Minutes,
    /// … this is taken off, once a day.
    pub deduct_min: Minutes,
}
