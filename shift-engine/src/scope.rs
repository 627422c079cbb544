//! Whose attendance something has a say in, and on which dates: what both sides ask to be worked out again.

use chrono::NaiveDate;
use serde_json::Value;
use shared_model::entity::ScopeKind;
use shared_model::{DepartmentId, EmployeeId, FieldMap, FieldTag, Kind, SiteId, UserCode};
use uuid::Uuid;

/// Whose attendance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One person's.
    Employee(EmployeeId),
    /// Of whoever has this code on any clock.
    Code(UserCode),
    /// A department's people.
    Department(DepartmentId),
    /// A site's people.
    Site(SiteId),
    /// Everybody's.
    Everyone,
}

/// Work dates, both included; `None` = open at that end. The dates of [`Scope::Code`] are those of the clock's wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateSpan {
    /// The first.
    pub from: Option<NaiveDate>,
    /// The last.
    pub to: Option<NaiveDate>,
}

impl DateSpan {
    /// Every date.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// One date.
    #[must_use]
    pub const fn day(date: NaiveDate) -> Self {
        Self { from: Some(date), to: Some(date) }
    }
}

/// What a record with these fields has a say in. Asked for a record as it was and as it is; nothing where it stands for no
/// one yet, and for notes, which are about one punch: that punch's code and date are asked for instead.
#[must_use]
pub fn affected(kind: Kind, key: Uuid, fields: &FieldMap) -> Vec<(Scope, DateSpan)> {
    let mut all: Vec<_> = person_or_many(kind, key, fields).into_iter().collect();
    if kind == Kind::Identity
        && let Some((_, dates)) = all.first()
        && let Some(Ok(code)) = fields.get(&FieldTag(2)).and_then(Value::as_str).map(UserCode::parse)
    {
        // What one person gets another loses.
        all.push((Scope::Code(code), *dates));
    }
    all
}

fn person_or_many(kind: Kind, key: Uuid, fields: &FieldMap) -> Option<(Scope, DateSpan)> {
    let text = |tag: u16| fields.get(&FieldTag(tag)).and_then(Value::as_str);
    let id = |tag: u16| text(tag).and_then(|text| text.parse::<Uuid>().ok());
    // Dates and instants both begin with the date; that of an instant may be a day off the local one, which the margin
    // of the work window covers.
    let date = |tag: u16| text(tag).and_then(|text| text.get(..10)?.parse().ok());
    let span = |from: u16, to: u16| DateSpan { from: date(from), to: date(to) };
    let employee = |tag: u16| id(tag).map(|id| Scope::Employee(EmployeeId::from_uuid(id)));
    let site = |tag: u16| id(tag).map_or(Scope::Everyone, |id| Scope::Site(SiteId::from_uuid(id)));
    let scoped =
        |kind_tag: u16, scope_tag: u16| match (text(kind_tag).and_then(ScopeKind::parse), id(scope_tag)) {
            (Some(ScopeKind::Employee), Some(id)) => Scope::Employee(EmployeeId::from_uuid(id)),
            (Some(ScopeKind::Department), Some(id)) => Scope::Department(DepartmentId::from_uuid(id)),
            (Some(ScopeKind::Site), Some(id)) => Scope::Site(SiteId::from_uuid(id)),
            (Some(ScopeKind::Company) | None, _) | (_, None) => Scope::Everyone,
        };
    match kind {
        Kind::Site => Some((Scope::Site(SiteId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Department => Some((Scope::Department(DepartmentId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Employee => Some((Scope::Employee(EmployeeId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Company | Kind::Shift => Some((Scope::Everyone, DateSpan::ALWAYS)),
        Kind::Roster => Some((scoped(1, 2), span(4, 5))),
        Kind::RosterDay | Kind::DayDecision => employee(1).map(|who| (who, span(2, 2))),
        Kind::Policy => Some((scoped(3, 4), DateSpan { from: date(2), to: None })),
        Kind::Holiday => Some((site(4), span(1, 1))),
        Kind::Leave => employee(1).map(|who| (who, span(2, 3))),
        Kind::Device => Some((site(3), DateSpan::ALWAYS)),
        Kind::Identity => employee(3).map(|who| (who, span(4, 5))),
        Kind::PhonePunch => employee(1).map(|who| (who, span(4, 4))),
        Kind::PunchNote => None,
        Kind::PayPeriod => Some((site(1), span(2, 3))),
        Kind::CompanyRule => Some((Scope::Everyone, DateSpan { from: date(2), to: None })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(values: &[(u16, Value)]) -> FieldMap {
        values.iter().map(|(tag, value)| (FieldTag(*tag), value.clone())).collect()
    }

    #[test]
    fn a_record_has_a_say_in_those_it_names_and_in_everybody_where_it_names_nobody() {
        let (key, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let from = |date: &str| DateSpan { from: Some(date.parse().unwrap()), to: None };
        let policy = fields(&[(2, json!("2026-11-01")), (3, json!("department")), (4, json!(other))]);
        let department = Scope::Department(DepartmentId::from_uuid(other));
        assert_eq!(affected(Kind::Policy, key, &policy), [(department, from("2026-11-01"))]);
        let whole = fields(&[(2, json!("2026-11-01")), (3, json!("company"))]);
        assert_eq!(affected(Kind::Policy, key, &whole), [(Scope::Everyone, from("2026-11-01"))]);
        // Half a record: rather everybody than nobody.
        let torn = fields(&[(2, json!("2026-11-01")), (3, json!("department"))]);
        assert_eq!(affected(Kind::Policy, key, &torn), [(Scope::Everyone, from("2026-11-01"))]);
        let identity = fields(&[(2, json!("7")), (3, json!(other)), (4, json!("2026-11-20T18:30:00Z"))]);
        let person = Scope::Employee(EmployeeId::from_uuid(other));
        let code = Scope::Code("7".parse().unwrap());
        let since = from("2026-11-20");
        assert_eq!(affected(Kind::Identity, key, &identity), [(person, since), (code, since)]);
        assert_eq!(affected(Kind::Identity, key, &FieldMap::default()), []);
        assert_eq!(affected(Kind::PunchNote, key, &fields(&[(1, json!(other))])), []);
    }
}
