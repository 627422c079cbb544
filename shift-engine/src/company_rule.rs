//! A company's own rules: small expressions over a day's facts.
//!
//! ```json
//! {"when": "worked_min > 600 && !weekly_off", "then": {"flag": "LONG"}}
//! {"when": "night_min >= 240", "then": {"allowance": {"code": "NIGHT", "minor_units": 5000}}}
//! ```
//!
//! The language is CEL: no loops, no input or output, no side effects. Facts: see [`FACTS`].

use serde::{Deserialize, Serialize};
use shared_model::text::Code;

use crate::document::{BadDocument, Typed};

/// The facts that an expression may name, all of the day as it stands after every other rule: times in whole minutes.
pub const FACTS: &[&str] = &[
    "worked_min",
    "regular_min",
    "overtime_min",
    "payable_overtime_min",
    "night_min",
    "late_min",
    "early_min",
    "undertime_min",
    "expected_min",
    "status",
    "weekday",
    "weekly_off",
    "holiday",
    "on_leave",
    "sessions",
    "category",
];

/// The document of a company rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyRuleDefinition {
    /// The condition, a CEL expression that gives true or false.
    pub when: String,
    /// What happens where it is true.
    pub then: Effect,
}

/// What a company rule does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Marks the day.
    Flag(Code),
    /// Adds an allowance.
    Allowance(AllowanceEffect),
    /// The day's overtime needs approval, whatever the policy says.
    RequireApproval,
}

/// An allowance: time or money or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowanceEffect {
    /// Its name on reports.
    pub code: Code,
    /// Minutes paid on top.
    #[serde(default)]
    pub minutes: u32,
    /// Money paid on top, in minor units.
    #[serde(default)]
    pub minor_units: u32,
}

impl CompanyRuleDefinition {
    /// The longest expression taken, in bytes.
    pub const MAX_EXPRESSION: usize = 1000;
}

impl Typed for CompanyRuleDefinition {
    fn check(&self) -> Result<(), BadDocument> {
        if self.when.len() > Self::MAX_EXPRESSION {
            let cause = format!("longer than {} bytes", Self::MAX_EXPRESSION);
            return Err(BadDocument::new("when", cause));
        }
        let program =
            cel::Program::compile(&self.when).map_err(|e| BadDocument::new("when", e.to_string()))?;
        let named = program.references();
        if let Some(unknown) = named.variables().into_iter().find(|name| !FACTS.contains(name)) {
            let cause = format!("there is no fact {unknown:?}; known are {}", FACTS.join(", "));
            return Err(BadDocument::new("when", cause));
        }
        Ok(())
    }
}
