//! The documents inside records, judged by the shift engine before they are saved.

use shared_model::record::{Document, FieldTag};
use shared_model::{FieldMap, Kind};
use shift_engine::{
    BadDocument, CompanyRuleDefinition, PolicyRules, RosterDayShifts, RosterPattern, ShiftDefinition,
    Typed as _,
};

use crate::store::StoreError;

/// Refuses documents that the shift engine cannot read; what is not there passes.
///
/// # Errors
/// [`StoreError::Invalid`] names the field of the record and the field within the document.
pub fn check_documents(kind: Kind, fields: &FieldMap) -> Result<(), StoreError> {
    let check = |tag: u16, check: fn(&Document) -> Result<(), BadDocument>| match fields.get(&FieldTag(tag)) {
        Some(value) if !value.is_null() => check(&Document(value.clone())).map_err(|error| {
            let field = kind.field(FieldTag(tag)).map_or("document", |def| def.name);
            StoreError::Invalid(format!("{}.{field}: {error}", kind.as_str()))
        }),
        Some(_) | None => Ok(()),
    };
    match kind {
        Kind::Shift => check(3, |document| ShiftDefinition::parse(document).map(drop)),
        Kind::Roster => check(6, |document| RosterPattern::parse(document).map(drop)),
        Kind::RosterDay => check(3, |document| RosterDayShifts::parse(document).map(drop)),
        Kind::Policy => check(5, |document| PolicyRules::parse(document).map(drop)),
        Kind::CompanyRule => check(3, |document| CompanyRuleDefinition::parse(document).map(drop)),
        Kind::Company
        | Kind::Site
        | Kind::Department
        | Kind::Employee
        | Kind::Holiday
        | Kind::Leave
        | Kind::Device
        | Kind::Identity
        | Kind::PunchNote
        | Kind::DayDecision
        | Kind::PayPeriod
        | Kind::PhonePunch => Ok(()),
    }
}
