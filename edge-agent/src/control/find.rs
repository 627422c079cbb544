//! From the codes that people type to records.

use shared_model::entity::{Department, Device, Employee, Entity, ScopeKind, Shift, Site};
use shared_model::record::FieldTag;
use shared_model::text::{Code, EmployeeCode};
use shared_model::{ClockSerial, EmployeeId, SiteId, UserCode};
use uuid::Uuid;

use super::roster::Scope;
use crate::store::{Meta, MetaValue, ReadTx, StoreError, Stored, WriteTx};

/// Reading records in either kind of transaction.
pub(super) trait Records {
    fn with<E: Entity>(&self, tag: u16, value: &str) -> Result<Option<Stored<E>>, StoreError>;
    fn all<E: Entity>(&self) -> Result<Vec<Stored<E>>, StoreError>;
    fn one<E: Entity>(&self, id: E::Id) -> Result<Option<Stored<E>>, StoreError>;
    fn known<T: MetaValue>(&self, which: Meta<T>) -> Result<Option<T>, StoreError>;
    /// Whose a code is now on every clock.
    fn holder_of(&self, code: &UserCode) -> Result<Option<EmployeeId>, StoreError>;

    fn site(&self, code: &Code) -> Result<Stored<Site>, StoreError> {
        self.with(2, code.as_str())?.ok_or_else(|| missing("site", code))
    }

    /// The site of a code; without one the site that this agent stands at.
    fn site_or_own(&self, code: Option<&Code>) -> Result<SiteId, StoreError> {
        if let Some(code) = code {
            return Ok(self.site(code)?.id);
        }
        if let Some(id) = self.known(Meta::SITE)? {
            return Ok(id);
        }
        let mut sites = self.all::<Site>()?;
        match (sites.pop(), sites.is_empty()) {
            (Some(site), true) => Ok(site.id),
            (Some(_), false) => Err(StoreError::Invalid("there are several sites: say which with --site".to_owned())),
            (None, _) => Err(StoreError::Invalid(
                "there is no site yet: add one with `muster-edge site set --code F1 --name \"Factory 1\" --zone Asia/Dhaka`"
                    .to_owned(),
            )),
        }
    }

    fn department(&self, code: &Code) -> Result<Stored<Department>, StoreError> {
        self.with(2, code.as_str())?.ok_or_else(|| missing("department", code))
    }

    fn employee(&self, code: &EmployeeCode) -> Result<Stored<Employee>, StoreError> {
        self.with(1, code.as_str())?.ok_or_else(|| missing("employee", code))
    }

    fn shift(&self, code: &Code) -> Result<Stored<Shift>, StoreError> {
        self.with(1, code.as_str())?.ok_or_else(|| missing("shift", code))
    }

    fn device(&self, serial: &ClockSerial) -> Result<Stored<Device>, StoreError> {
        self.with(1, serial.as_str())?.ok_or_else(|| missing("clock", serial))
    }

    /// Whom something is for, as the records name it.
    fn scope(&self, scope: &Scope) -> Result<(ScopeKind, Option<Uuid>), StoreError> {
        Ok(match scope {
            Scope::Company => (ScopeKind::Company, None),
            Scope::Site(code) => (ScopeKind::Site, Some(self.site(code)?.id.uuid())),
            Scope::Department(code) => (ScopeKind::Department, Some(self.department(code)?.id.uuid())),
            Scope::Employee(code) => (ScopeKind::Employee, Some(self.employee(code)?.id.uuid())),
        })
    }

    /// The way back: the code of whom something is for.
    fn scope_label(&self, kind: ScopeKind, key: Option<Uuid>) -> Result<String, StoreError> {
        let Some(key) = key else { return Ok(kind.as_str().to_owned()) };
        let code = match kind {
            ScopeKind::Company => None,
            ScopeKind::Site => self.one::<Site>(key.into())?.map(|site| site.record.code.to_string()),
            ScopeKind::Department => {
                self.one::<Department>(key.into())?.map(|department| department.record.code.to_string())
            }
            ScopeKind::Employee => {
                self.one::<Employee>(key.into())?.map(|employee| employee.record.code.to_string())
            }
        };
        Ok(format!("{kind} {}", code.unwrap_or_else(|| key.to_string())))
    }
}

pub(super) fn missing(what: &'static str, id: impl std::fmt::Display) -> StoreError {
    StoreError::Missing { what, id: id.to_string() }
}

macro_rules! records {
    ($($tx:ty),+) => {$(
        impl Records for $tx {
            fn with<E: Entity>(&self, tag: u16, value: &str) -> Result<Option<Stored<E>>, StoreError> {
                self.record_with(FieldTag(tag), value)
            }
            fn all<E: Entity>(&self) -> Result<Vec<Stored<E>>, StoreError> {
                self.records()
            }
            fn one<E: Entity>(&self, id: E::Id) -> Result<Option<Stored<E>>, StoreError> {
                self.record(id)
            }
            fn known<T: MetaValue>(&self, which: Meta<T>) -> Result<Option<T>, StoreError> {
                self.meta(which)
            }
            fn holder_of(&self, code: &UserCode) -> Result<Option<EmployeeId>, StoreError> {
                self.holder_of_code(code.as_str())
            }
        }
    )+};
}
records!(ReadTx, WriteTx);
