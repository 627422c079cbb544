//! Attendance policies.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::PolicyId;
use shared_model::entity::{Policy, ScopeKind};
use shared_model::record::Document;
use shared_model::text::Name;
use shift_engine::{PolicyRules, Typed as _};

use super::find::Records as _;
use super::roster::Scope;
use super::{Act, Agent, Progress, Refusal, Saved, put};
use crate::store::{Author, StoreError, Stored, WriteTx};

/// Sets the rules that count from a date on. A policy with the same scope and first date is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPolicy {
    /// What it is called.
    pub name: Name,
    /// First work date.
    pub from: NaiveDate,
    /// For whom.
    pub scope: Scope,
    /// The rules, as the shift engine reads them.
    pub rules: Document,
}

/// Lists the policies with their rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPolicies {}

/// A policy in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// Its key.
    pub id: PolicyId,
    /// What it is called.
    pub name: Name,
    /// First work date.
    pub from: NaiveDate,
    /// For whom, with the code.
    pub scope: String,
    /// The rules.
    pub rules: Document,
}

impl Act for SetPolicy {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Saved, Refusal> {
        agent.write(move |tx, author| self.save(tx, author)).await
    }
}

impl SetPolicy {
    /// Saves it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for rules that cannot be read or contradict each other and for a scope that no policy has;
    /// [`StoreError::Missing`] for a site or department that is not there; otherwise what the store says.
    pub fn save(self, tx: &WriteTx, author: &Author) -> Result<Saved, StoreError> {
        if matches!(self.scope, Scope::Employee(_)) {
            let text = "a policy is for the company, a site or a department";
            return Err(StoreError::Invalid(text.to_owned()));
        }
        let rules = PolicyRules::parse(&self.rules)
            .map_err(|error| StoreError::Invalid(format!("the policy's rules: {error}")))?;
        let (scope_kind, scope) = tx.scope(&self.scope)?;
        let label = format!("{} from {}", tx.scope_label(scope_kind, scope)?, self.from);
        let policy = Policy {
            name: self.name,
            effective_from: self.from,
            scope_kind,
            scope,
            rules: rules.to_document(),
        };
        put(tx, author, label, &policy, |found| {
            (found.scope_kind, found.scope, found.effective_from) == (scope_kind, scope, self.from)
        })
    }
}

/// The company's policy that counts on a date, with its rules.
#[must_use]
pub fn policy_on(policies: Vec<Stored<Policy>>, date: NaiveDate) -> Option<(Stored<Policy>, PolicyRules)> {
    policies
        .into_iter()
        .filter(|known| known.record.scope_kind == ScopeKind::Company && known.record.effective_from <= date)
        .max_by_key(|known| (known.record.effective_from, known.id))
        .and_then(|known| {
            Some((PolicyRules::parse(&known.record.rules).ok()?, known)).map(|(rules, known)| (known, rules))
        })
}

impl Act for ListPolicies {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<PolicyRow>, Refusal> {
        agent
            .read(|tx| {
                tx.records::<Policy>()?
                    .into_iter()
                    .map(|policy| -> Result<PolicyRow, StoreError> {
                        Ok(PolicyRow {
                            id: policy.id,
                            scope: tx.scope_label(policy.record.scope_kind, policy.record.scope)?,
                            name: policy.record.name,
                            from: policy.record.effective_from,
                            rules: policy.record.rules,
                        })
                    })
                    .collect()
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;
    use shift_engine::Minutes;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn rules_of_a_date_are_changed_and_of_a_new_date_added() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let put = |from: &str, late: u32| {
            let (from, mut rules) = (date(from), PolicyRules::default());
            rules.grace.late_min = Minutes::new(late);
            let name = Name::parse("General").unwrap();
            let set = SetPolicy { name, from, scope: Scope::Company, rules: rules.to_document() };
            store.write_blocking(move |tx| set.save(tx, &Author::CONSOLE)).unwrap();
        };
        put("2026-01-01", 5);
        put("2026-06-01", 10);
        put("2026-06-01", 15);
        let late_on = |day: &str| {
            let policies = store.read_blocking(crate::store::ReadTx::records::<Policy>).unwrap();
            assert_eq!(policies.len(), 2);
            policy_on(policies, date(day)).map(|(_, rules)| rules.grace.late_min)
        };
        assert_eq!(late_on("2025-12-31"), None);
        assert_eq!(late_on("2026-05-31"), Some(Minutes::new(5)));
        assert_eq!(late_on("2026-06-01"), Some(Minutes::new(15)));
    }
}
