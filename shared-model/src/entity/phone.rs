//! What a phone punch is worth: the ledger's punch that it becomes, and which of its fields are the decision.

use chrono_tz::Tz;

use super::{PhoneDirection, PhonePunch, RequestState};
use crate::punch::{ClockSerial, Punch, PunchId, PunchState, RawTime, Reading, Route, UserCode};
use crate::record::FieldTag;
use crate::{CompanyId, PhonePunchId};

/// The state: pending until it is decided.
pub const STATE: FieldTag = FieldTag(14);
/// Who decided.
pub const DECIDED_BY: FieldTag = FieldTag(15);
/// When.
pub const DECIDED_AT: FieldTag = FieldTag(16);
/// By which epoch of the grants.
pub const EPOCH: FieldTag = FieldTag(17);
/// When those were issued to the decider's side.
pub const BUNDLE_AT: FieldTag = FieldTag(18);
/// Why.
pub const REASON: FieldTag = FieldTag(19);

/// The fields that a decision sets; a phone punch's others never change.
pub const DECISION: [FieldTag; 6] = [STATE, DECIDED_BY, DECIDED_AT, EPOCH, BUNDLE_AT, REASON];

impl PhonePunch {
    /// Whether it counts.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.state == RequestState::Approved
    }

    /// The punch under which it stands in the ledger of `company` once it is approved: the same wherever it is made, so that
    /// two ways into one ledger meet on one key. `None` where zone or person are no such.
    #[must_use]
    pub fn punch(&self, company: CompanyId, id: PhonePunchId) -> Option<Punch> {
        let zone: Tz = self.zone.as_str().parse().ok()?;
        let raw_time = RawTime::new(self.instant.with_timezone(&zone).naive_local());
        let state = match self.direction {
            PhoneDirection::In => PunchState::In,
            PhoneDirection::Out => PunchState::Out,
        };
        Some(Punch {
            id: PunchId::of_approved(company, id.uuid(), raw_time),
            serial: ClockSerial::parse(ClockSerial::MOBILE).ok()?,
            user_code: UserCode::parse(&self.employee.to_string()).ok()?,
            raw_time,
            zone,
            instant: self.instant,
            reading: Reading { state: Some(state.number()), verify: None, work_code: Box::default() },
            route: Route::Mobile,
            received_at: self.received_at,
            raw: Box::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Entity as _;
    use crate::punch::direct_employee;
    use crate::record::Kind;
    use crate::text::Code;
    use crate::{EmployeeId, SiteId};
    use uuid::Uuid;

    fn phone_punch() -> PhonePunch {
        PhonePunch {
            employee: EmployeeId::from_uuid(Uuid::from_u128(4)),
            site: SiteId::from_uuid(Uuid::from_u128(2)),
            department: None,
            instant: "2026-11-20T02:58:07Z".parse().unwrap(),
            zone: Code::parse("Asia/Dhaka").unwrap(),
            direction: PhoneDirection::Out,
            latitude_e7: Some(238_103_000),
            longitude_e7: Some(904_125_000),
            accuracy_m: Some(12),
            phone: Code::parse("pixel-1").unwrap(),
            client_id: Uuid::from_u128(9),
            offline_s: 40,
            received_at: "2026-11-20T02:58:47Z".parse().unwrap(),
            state: RequestState::Pending,
            decided_by: None,
            decided_at: None,
            epoch: None,
            bundle_at: None,
            reason: None,
        }
    }

    #[test]
    fn it_becomes_one_punch_of_its_person_at_the_sites_wall_time() {
        let (company, id) =
            (CompanyId::from_uuid(Uuid::from_u128(1)), PhonePunchId::from_uuid(Uuid::from_u128(8)));
        let punch = phone_punch().punch(company, id).unwrap();
        assert_eq!(punch.raw_time.to_string(), "2026-11-20 08:58:07");
        assert_eq!(direct_employee(&punch.serial, &punch.user_code), Some(phone_punch().employee));
        assert_eq!(punch.reading.punch_state(), Some(PunchState::Out));
        assert_eq!(punch.route, Route::Mobile);
        let approved = PhonePunch { state: RequestState::Approved, ..phone_punch() };
        assert_eq!(approved.punch(company, id), Some(punch.clone()), "the decision changes nothing of it");
        let other = CompanyId::from_uuid(Uuid::from_u128(2));
        assert_ne!(phone_punch().punch(other, id).unwrap().id, punch.id);
    }

    #[test]
    fn a_decision_is_one_group_of_fields_and_nothing_else_is_in_it() {
        let group = |tag: FieldTag| Kind::PhonePunch.field(tag).unwrap().group;
        assert!(DECISION.iter().all(|tag| group(*tag) == 1));
        assert!(PhonePunch::FIELDS.iter().all(|def| (def.group == 1) == DECISION.contains(&def.tag)));
    }
}
