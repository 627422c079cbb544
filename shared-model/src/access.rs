//! Who may do what.
//!
//! Permission has three levels: the kind of thing (here), the object (a site, a department), the field. Routes and
//! commands name the [`Permission`] they need; roles are lists of permissions, as data, in one table.

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Something that a person may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Permission { $($(#[$doc])* #[serde(rename = $text)] $name,)+ }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in grants, audit and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

permissions! {
    /// See today's attendance and the live feed.
    AttendanceView = "attendance.view",
    /// See employees.
    PeopleView = "people.view",
    /// Add, change and import employees and departments.
    PeopleEdit = "people.edit",
    /// See clocks and their counters.
    ClocksView = "clocks.view",
    /// Add, adopt, change and command clocks.
    ClocksEdit = "clocks.edit",
    /// See shifts, rosters, policies, holidays and leave.
    RulesView = "rules.view",
    /// Change them.
    RulesEdit = "rules.edit",
    /// See the state of sync.
    SyncView = "sync.view",
    /// Enrol, retire and override.
    SyncEdit = "sync.edit",
    /// See punches that wait for approval.
    ApprovalsView = "approvals.view",
    /// Decide them.
    ApprovalsDecide = "approvals.decide",
    /// See settings and the audit log.
    SettingsView = "settings.view",
    /// Change settings and local accounts.
    SettingsEdit = "settings.edit",
    /// See the company's sites.
    SitesView = "sites.view",
    /// Add and change sites, enrol edges.
    SitesEdit = "sites.edit",
    /// See members and their roles.
    MembersView = "members.view",
    /// Invite members and change roles.
    MembersEdit = "members.edit",
    /// The operator's: see and add companies.
    CompaniesEdit = "companies.edit",
}

impl Permission {
    /// Whether it changes nothing.
    #[must_use]
    pub fn looks(self) -> bool {
        self.as_str().ends_with(".view")
    }
}

/// A role in a company. What it may do is [`Role::permissions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns the company.
    Owner,
    /// Runs personnel for all sites.
    HrAdmin,
    /// Runs one or more sites.
    SiteAdmin,
    /// Sees and decides for his people.
    Supervisor,
    /// Sees everything, changes nothing.
    Auditor,
    /// Before enrolment: the edge's first account, made at set-up. Cannot approve.
    LocalOwner,
    /// Hosts the cloud; sees companies, not their people.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Owner,
        Self::HrAdmin,
        Self::SiteAdmin,
        Self::Supervisor,
        Self::Auditor,
        Self::LocalOwner,
        Self::Operator,
    ];

    /// Its name in storage and locale keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::HrAdmin => "hr_admin",
            Self::SiteAdmin => "site_admin",
            Self::Supervisor => "supervisor",
            Self::Auditor => "auditor",
            Self::LocalOwner => "local_owner",
            Self::Operator => "operator",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// What it may do.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Owner => &[
                P::AttendanceView,
                P::PeopleView,
                P::PeopleEdit,
                P::ClocksView,
                P::ClocksEdit,
                P::RulesView,
                P::RulesEdit,
                P::SyncView,
                P::SyncEdit,
                P::ApprovalsView,
                P::ApprovalsDecide,
                P::SettingsView,
                P::SettingsEdit,
                P::SitesView,
                P::SitesEdit,
                P::MembersView,
                P::MembersEdit,
            ],
            Self::HrAdmin => &[
                P::AttendanceView,
                P::PeopleView,
                P::PeopleEdit,
                P::ClocksView,
                P::ClocksEdit,
                P::RulesView,
                P::RulesEdit,
                P::SyncView,
                P::ApprovalsView,
                P::ApprovalsDecide,
                P::SettingsView,
                P::SitesView,
                P::MembersView,
            ],
            Self::SiteAdmin => &[
                P::AttendanceView,
                P::PeopleView,
                P::PeopleEdit,
                P::ClocksView,
                P::ClocksEdit,
                P::RulesView,
                P::SyncView,
                P::ApprovalsView,
                P::ApprovalsDecide,
                P::SettingsView,
                P::SitesView,
            ],
            Self::Supervisor => &[P::AttendanceView, P::PeopleView, P::ApprovalsView, P::ApprovalsDecide],
            Self::Auditor => &[
                P::AttendanceView,
                P::PeopleView,
                P::ClocksView,
                P::RulesView,
                P::SyncView,
                P::ApprovalsView,
                P::SettingsView,
                P::SitesView,
                P::MembersView,
            ],
            Self::LocalOwner => &[
                P::AttendanceView,
                P::PeopleView,
                P::PeopleEdit,
                P::ClocksView,
                P::ClocksEdit,
                P::RulesView,
                P::RulesEdit,
                P::SyncView,
                P::SyncEdit,
                P::ApprovalsView,
                P::SettingsView,
                P::SettingsEdit,
                P::SitesView,
            ],
            Self::Operator => &[P::CompaniesEdit],
        }
    }

    /// Whether it may do something.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_company_people_decides_approvals() {
        assert!(!Role::LocalOwner.may(Permission::ApprovalsDecide));
        assert!(!Role::Auditor.may(Permission::ApprovalsDecide));
        assert!(Role::Supervisor.may(Permission::ApprovalsDecide));
    }

    #[test]
    fn an_auditor_changes_nothing_and_an_operator_sees_no_people() {
        let changes = |p: &&Permission| p.as_str().ends_with(".edit") || p.as_str().ends_with(".decide");
        assert_eq!(Role::Auditor.permissions().iter().find(changes), None);
        assert!(!Role::Operator.may(Permission::PeopleView));
    }

    #[test]
    fn every_role_is_read_back_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
    }
}
