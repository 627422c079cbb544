//! The right to touch one company's rows.

use shared_model::{ActorId, CompanyId, EdgeId, EmployeeId, UserId};

/// One company, and who acts in it. Every way to make one is named after the check that stands before it, so that a
/// reader can find all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompanyAccess {
    company: CompanyId,
    actor: ActorId,
}

impl CompanyAccess {
    /// For an edge whose request's signature was verified; `company` is from its enrolment.
    #[must_use]
    pub fn of_verified_edge(company: CompanyId, edge: EdgeId) -> Self {
        Self { company, actor: ActorId::from_uuid(edge.uuid()) }
    }

    /// For a signed-in user whose membership of `company` was looked up for this request.
    #[must_use]
    pub fn of_member(company: CompanyId, user: UserId) -> Self {
        Self { company, actor: user.into() }
    }

    /// For the operator, by a named function that writes to the operator's audit log.
    #[must_use]
    pub fn of_operator(company: CompanyId, operator: ActorId) -> Self {
        Self { company, actor: operator }
    }

    /// For the program's own work: jobs, and the command line on the server itself.
    #[must_use]
    pub fn of_system(company: CompanyId) -> Self {
        Self { company, actor: ActorId::SYSTEM }
    }

    /// For an employee's phone whose token was looked up for this request; `company` is from its sign-in.
    #[must_use]
    pub fn of_phone(company: CompanyId, employee: EmployeeId) -> Self {
        Self { company, actor: ActorId::from_uuid(employee.uuid()) }
    }

    /// The company.
    #[must_use]
    pub fn company(&self) -> CompanyId {
        self.company
    }

    /// Who acts, for the audit log.
    #[must_use]
    pub fn actor(&self) -> ActorId {
        self.actor
    }
}
