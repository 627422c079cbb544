//! Policies to start from, by law: documents like any other policy, each figure with its source.
//!
//! A preset is copied into a policy of the company and edited there; nothing refers back to it. Figures that one weak
//! source tells are marked to be verified before they are relied on, and what the law says that no rule of a policy holds
//! is named beside them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::record::Document;

use crate::document::{BadDocument, Typed as _};
use crate::policy::PolicyRules;

/// A policy to start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Its name in commands and addresses.
    pub id: Box<str>,
    /// The law.
    pub title: Box<str>,
    /// Since when these figures are law, where that is known.
    #[serde(default)]
    pub in_force_from: Option<NaiveDate>,
    /// The policy's document; what it leaves out has the default.
    pub rules: Value,
    /// The source of each figure in the document.
    pub figures: Vec<PresetFigure>,
    /// What the law says that no rule of a policy holds.
    pub beside: Vec<Provision>,
}

/// A figure of a preset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetFigure {
    /// The field of the policy, such as `limits.day_total_max_min`.
    pub field: Box<str>,
    /// What the law says.
    pub says: Box<str>,
    /// Where.
    pub source: Box<str>,
    /// Whether one weak source tells it: to be confirmed.
    #[serde(default)]
    pub verify: bool,
}

/// Something that the law says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// What.
    pub says: Box<str>,
    /// Where.
    pub source: Box<str>,
    /// Whether one weak source tells it: to be confirmed.
    #[serde(default)]
    pub verify: bool,
}

const FILES: [&str; 7] = [
    include_str!("../presets/bangladesh-labour-act.json"),
    include_str!("../presets/bangladesh-epz.json"),
    include_str!("../presets/india-factories-act.json"),
    include_str!("../presets/india-osh-code.json"),
    include_str!("../presets/vietnam-labour-code.json"),
    include_str!("../presets/pakistan-factories-act.json"),
    include_str!("../presets/eu-working-time.json"),
];

/// Every preset.
#[must_use]
pub fn all() -> Vec<Preset> {
    // The files are part of the program, and a test reads each.
    FILES.iter().filter_map(|file| serde_json::from_str(file).ok()).collect()
}

/// The preset of a name.
#[must_use]
pub fn named(id: &str) -> Option<Preset> {
    all().into_iter().find(|preset| &*preset.id == id)
}

impl Preset {
    /// The policy it stands for, defaults filled in.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn policy(&self) -> Result<PolicyRules, BadDocument> {
        PolicyRules::parse(&Document(self.rules.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_preset_whose_rules_parse() {
        let all = all();
        assert_eq!(all.len(), FILES.len());
        for preset in &all {
            preset.policy().unwrap_or_else(|error| panic!("{}: {error}", preset.id));
            assert_eq!(named(&preset.id).as_ref(), Some(preset));
        }
    }

    /// The paths of a document's figures: its members, and those of its parts that are parts of a policy.
    fn paths(rules: &Value, before: &str, found: &mut Vec<String>) {
        for (name, value) in rules.as_object().into_iter().flatten() {
            match name.as_str() {
                "overtime" | "limits" | "breaks" if before.is_empty() => {
                    paths(value, &format!("{name}."), found);
                }
                _ => found.push(format!("{before}{name}")),
            }
        }
    }

    #[test]
    fn each_figure_has_a_source_and_each_source_a_figure() {
        for preset in all() {
            let mut fields = Vec::new();
            paths(&preset.rules, "", &mut fields);
            fields.sort();
            let mut named: Vec<_> = preset.figures.iter().map(|figure| figure.field.to_string()).collect();
            named.sort();
            assert_eq!(fields, named, "{}", preset.id);
            assert!(preset.figures.iter().all(|figure| !figure.source.is_empty() && !figure.says.is_empty()));
        }
    }
}
