//! Whether a decision about a phone punch counts: one pure function that both sides ask.
//!
//! ```text
//! the author is not who the decision names, or nobody of the company    forged       refused
//! about oneself                                                          own_punch    refused
//! by grants of an epoch that was not in force when they were issued      epoch        refused
//! before those grants were issued, or after their lease                  lease        refused
//! no grant covers person and time, by what that epoch knew               not_granted  refused
//! each grant that does was taken away since, or the person's role        second_look  kept for a person; still pending
//! otherwise                                                              it counts
//! ```
//!
//! So a grant that was given only after the decision does not help, and a revocation, whether before or after the
//! decision, never lets it pass silently.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::entity::{RequestState, phone};
use shared_model::text::Line;
use shared_model::{ActorId, DepartmentId, EmployeeId, FieldMap, SiteId, UserId};

use super::{Bundle, Grant, Standing};
use crate::cloud::Poison;

/// How far a side's idea of the cloud's time may be off.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Whose punch is decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The person.
    pub employee: EmployeeId,
    /// Home site when the punch was made.
    pub site: SiteId,
    /// Department then.
    pub department: Option<DepartmentId>,
}

/// A decision as its change row carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// For or against.
    pub approve: bool,
    /// Who decided.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// The epoch of the grants that he decided by.
    pub epoch: u32,
    /// When those were issued to his side; `None` = the cloud itself was asked.
    pub bundle_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<Line>,
}

impl Decision {
    /// The fields that a change row sets.
    #[must_use]
    pub fn fields(&self) -> FieldMap {
        let state = if self.approve { RequestState::Approved } else { RequestState::Rejected };
        FieldMap::from([
            (phone::STATE, state.as_str().into()),
            (phone::DECIDED_BY, self.by.to_string().into()),
            (phone::DECIDED_AT, value(&self.at)),
            (phone::EPOCH, self.epoch.into()),
            (phone::BUNDLE_AT, value(&self.bundle_at)),
            (phone::REASON, value(&self.reason)),
        ])
    }

    /// Reads what a change row sets; `None` where who, when, epoch or outcome are missing.
    #[must_use]
    pub fn of(fields: &FieldMap) -> Option<Self> {
        let text = |tag| fields.get(&tag).and_then(serde_json::Value::as_str);
        let approve = match RequestState::parse(text(phone::STATE)?)? {
            RequestState::Approved => true,
            RequestState::Rejected => false,
            RequestState::Pending | RequestState::Cancelled => return None,
        };
        Some(Self {
            approve,
            by: text(phone::DECIDED_BY)?.parse().ok()?,
            at: text(phone::DECIDED_AT)?.parse().ok()?,
            epoch: fields.get(&phone::EPOCH)?.as_u64().and_then(|epoch| u32::try_from(epoch).ok())?,
            bundle_at: match text(phone::BUNDLE_AT) {
                Some(at) => Some(at.parse().ok()?),
                None => None,
            },
            reason: text(phone::REASON).and_then(|reason| Line::parse(reason).ok()),
        })
    }
}

fn value<T: serde::Serialize>(of: &T) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// What the judging side knows.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The person, if the company has him.
    pub standing: Option<&'a Standing>,
    /// His grants, those taken away included.
    pub grants: &'a [Grant],
    /// The epoch that was in force when the decider's grants were issued (now, where the cloud was asked).
    pub epoch: u32,
    /// The cloud's time now.
    pub now: DateTime<Utc>,
}

/// Why a decision does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its author is not whom it names, or nobody of the company.
    #[error("it names a person who did not take it, or who is none of this company's")]
    Forged,
    /// It is about its author's own punch.
    #[error("nobody decides about his own punch")]
    OwnPunch,
    /// It names grants that were not the ones in force.
    #[error("it names another state of the grants than its edge was given")]
    Epoch,
    /// It was taken before its grants were issued, or after their lease ended.
    #[error("it was taken outside the lease of its edge's grants")]
    Lease,
    /// Nothing allowed it when it was taken.
    #[error("its author had no grant for this person when it was taken")]
    NotGranted,
    /// What allowed it was taken away since.
    #[error("its author's authority was taken away: somebody else must look at it")]
    SecondLook,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 6] =
        [Self::Forged, Self::OwnPunch, Self::Epoch, Self::Lease, Self::NotGranted, Self::SecondLook];

    /// Its name in storage, on the wire and in locale keys.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::OwnPunch => "own_punch",
            Self::Epoch => "epoch",
            Self::Lease => "lease",
            Self::NotGranted => "not_granted",
            Self::SecondLook => "second_look",
        }
    }
}

impl From<Refusal> for Poison {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code(), detail: refusal.to_string() }
    }
}

/// Whether a decision by `actor` about `subject` counts.
///
/// # Errors
/// The first [`Refusal`] of the table above.
pub fn verify(
    decision: &Decision,
    actor: ActorId,
    subject: &Subject,
    known: &Known<'_>,
) -> Result<(), Refusal> {
    let standing = known.standing.filter(|standing| standing.person == decision.by).ok_or(Refusal::Forged)?;
    if actor != decision.by.into() {
        return Err(Refusal::Forged);
    }
    if standing.employee == Some(subject.employee) {
        return Err(Refusal::OwnPunch);
    }
    if decision.epoch != known.epoch {
        return Err(Refusal::Epoch);
    }
    let too_early = |at: DateTime<Utc>| decision.at < at - CLOCK_TOLERANCE;
    let ended = |at: DateTime<Utc>| decision.at >= Bundle::decide_until(at);
    let from_the_future = decision.at > known.now + CLOCK_TOLERANCE;
    if from_the_future || decision.bundle_at.is_some_and(|at| too_early(at) || ended(at)) {
        return Err(Refusal::Lease);
    }
    let covers =
        |grant: &&Grant| grant.person == decision.by && grant.covers(subject, decision.at, decision.epoch);
    let mut covering = known.grants.iter().filter(covers).peekable();
    if covering.peek().is_none() {
        return Err(Refusal::NotGranted);
    }
    if !standing.may_decide || covering.all(|grant| grant.revoked_at.is_some()) {
        return Err(Refusal::SecondLook);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
