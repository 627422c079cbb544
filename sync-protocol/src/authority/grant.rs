//! Who may decide about whose phone punches, from when until when.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_model::{DepartmentId, EmployeeId, SiteId, UserId};
use uuid::Uuid;

use super::Subject;

/// A grant's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(Uuid);

impl GrantId {
    /// Takes an id from a database row or a wire message.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a UUID, for storage.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The right to decide about phone punches, given to a person in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Whose.
    pub person: UserId,
    /// For people of which sites; `None` = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<SiteId>>,
    /// For people of which departments; `None` = all of those sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departments: Option<Vec<DepartmentId>>,
    /// The first instant at which it counts.
    pub valid_from: DateTime<Utc>,
    /// The first at which it no longer does; `None` = until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<DateTime<Utc>>,
    /// The epoch in which it was given: whoever decides by an earlier one did not have it.
    pub since_epoch: u32,
    /// When it was taken away. Only the cloud knows such grants: a bundle leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Grant {
    /// Whether a decision about a person at a time lies within it, by what was known in an epoch. That it was revoked does
    /// not count here.
    #[must_use]
    pub fn covers(&self, subject: &Subject, at: DateTime<Utc>, epoch: u32) -> bool {
        let site = self.sites.as_ref().is_none_or(|sites| sites.contains(&subject.site));
        let department = self
            .departments
            .as_ref()
            .is_none_or(|list| subject.department.is_some_and(|department| list.contains(&department)));
        let then = self.valid_from <= at && self.valid_to.is_none_or(|end| at < end);
        site && department && then && self.since_epoch <= epoch
    }
}

/// A person of the company as far as deciding goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub person: UserId,
    /// The employee that the person is, where he is one.
    pub employee: Option<EmployeeId>,
    /// Whether the person may decide at all now: is a member whose role has the right. A person who no longer may is one
    /// whose authority ended.
    pub may_decide: bool,
}
