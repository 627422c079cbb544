//! Attendance policies.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::PolicyId;
use shared_model::entity::Policy;
use shared_model::record::Document;
use shared_model::text::Name;
use shift_engine::{PolicyRules, Typed as _};

use super::find::Records as _;
use super::organisation::{saved, updated};
use super::roster::Scope;
use super::{Act, Agent, Outcome, Progress, Refusal, Saved};
use crate::store::{Author, StoreError};

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
        if matches!(self.scope, Scope::Employee(_)) {
            return Err(Refusal::refused("a policy is for the company, a site or a department"));
        }
        let rules = PolicyRules::parse(&self.rules)
            .map_err(|error| Refusal::refused(format!("the policy's rules: {error}")))?;
        agent
            .write(move |tx| {
                let (scope_kind, scope) = tx.scope(&self.scope)?;
                let label = format!("{} from {}", tx.scope_label(scope_kind, scope)?, self.from);
                let policy = Policy {
                    name: self.name,
                    effective_from: self.from,
                    scope_kind,
                    scope,
                    rules: rules.to_document(),
                };
                let same = |found: &Policy| {
                    (found.scope_kind, found.scope, found.effective_from) == (scope_kind, scope, self.from)
                };
                match tx.records::<Policy>()?.into_iter().find(|found| same(&found.record)) {
                    Some(found) => {
                        let changed = tx.update(&Author::CONSOLE, found.id, None, &policy)?;
                        Ok(saved::<Policy>(found.id, label, updated(changed.is_some())))
                    }
                    None => {
                        let id = PolicyId::mint(tx.clock(), tx.entropy());
                        tx.create(&Author::CONSOLE, id, &policy)?;
                        Ok(saved::<Policy>(id, label, Outcome::Created))
                    }
                }
            })
            .await
    }
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
