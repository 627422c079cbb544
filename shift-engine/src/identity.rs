//! Whose punch is it: from a clock's user code to an employee.

use std::collections::HashMap;

use shared_model::entity::Identity;
use shared_model::punch::{Reading, direct_employee};
use shared_model::{ClockSerial, EmployeeId, IdentityId, Route, UserCode};

use crate::input::Keyed;
use crate::time::Instant;

/// Finds the owner of a punch.
///
/// Of the identities that hold at the punch's instant, one for the very clock goes before one for every clock; of
/// equals the one made last counts.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    by_code: HashMap<UserCode, Vec<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    serial: Option<ClockSerial>,
    id: IdentityId,
    employee: EmployeeId,
    from: Option<Instant>,
    to: Option<Instant>,
}

impl Identities {
    /// Reads the records; their order does not matter.
    #[must_use]
    pub fn new(records: &[Keyed<Identity>]) -> Self {
        let mut by_code: HashMap<UserCode, Vec<Known>> = HashMap::new();
        for (id, record) in records {
            let known = Known {
                serial: record.serial.clone(),
                id: *id,
                employee: record.employee,
                from: record.from.map(Instant::from),
                to: record.to.map(Instant::from),
            };
            by_code.entry(record.user_code.clone()).or_default().push(known);
        }
        Self { by_code }
    }

    /// Whose a punch is; `None` = nobody's that is known.
    #[must_use]
    pub fn owner(&self, serial: &ClockSerial, code: &UserCode, at: Instant) -> Option<EmployeeId> {
        direct_employee(serial, code).or_else(|| {
            let known = self.by_code.get(code)?.iter().filter(|known| known.holds(serial, at));
            known.max_by_key(|known| (known.serial.is_some(), known.id)).map(|known| known.employee)
        })
    }

    /// Everybody who ever had a code on any clock.
    pub fn owners_of_code(&self, code: &UserCode) -> impl Iterator<Item = EmployeeId> {
        self.by_code.get(code).into_iter().flatten().map(|known| known.employee)
    }

    /// Every code that an employee ever had on any clock.
    pub fn codes_of(&self, employee: EmployeeId) -> impl Iterator<Item = &UserCode> {
        let has = move |known: &Known| known.employee == employee;
        self.by_code.iter().filter(move |(_, all)| all.iter().any(has)).map(|(code, _)| code)
    }
}

impl Known {
    fn holds(&self, serial: &ClockSerial, at: Instant) -> bool {
        self.serial.as_ref().is_none_or(|own| own == serial)
            && self.from.is_none_or(|from| from <= at)
            && self.to.is_none_or(|to| at < to)
    }
}

/// The reading of a punch that counts: that of the best route, of equal routes the lowest one. The same on both
/// sides, whichever route arrived first there.
#[must_use]
pub fn best_reading(readings: impl IntoIterator<Item = (Route, Reading)>) -> Option<Reading> {
    let ranked = readings
        .into_iter()
        .map(|(route, reading)| (std::cmp::Reverse(route.rank()), route.number(), reading));
    ranked.min().map(|(_, _, reading)| reading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn identity(
        n: u128,
        serial: Option<&str>,
        code: &str,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Keyed<Identity> {
        let at = |seconds: Option<i64>| seconds.map(|seconds| Instant::from_unix(seconds).to_utc());
        let record = Identity {
            serial: serial.map(|serial| serial.parse().unwrap()),
            user_code: code.parse().unwrap(),
            employee: EmployeeId::from_uuid(Uuid::from_u128(n)),
            from: at(from),
            to: at(to),
        };
        (IdentityId::from_uuid(Uuid::from_u128(n)), record)
    }

    fn owner(records: &[Keyed<Identity>], serial: &str, at: i64) -> Option<u128> {
        let found = Identities::new(records).owner(
            &serial.parse().unwrap(),
            &"7".parse().unwrap(),
            Instant::from_unix(at),
        );
        found.map(|employee| employee.uuid().as_u128())
    }

    #[test]
    fn a_clocks_own_identity_goes_before_one_for_every_clock() {
        let records = [identity(1, None, "7", None, None), identity(2, Some("A"), "7", None, None)];
        assert_eq!((owner(&records, "A", 0), owner(&records, "B", 0)), (Some(2), Some(1)));
    }

    #[test]
    fn a_code_given_to_another_person_counts_from_its_instant_on() {
        let records = [identity(1, None, "7", None, Some(100)), identity(2, None, "7", Some(100), None)];
        assert_eq!((owner(&records, "A", 99), owner(&records, "A", 100)), (Some(1), Some(2)));
        assert_eq!(owner(&records[..1], "A", 100), None);
    }

    #[test]
    fn of_two_claims_the_later_made_counts_in_any_order() {
        let records = [identity(2, None, "7", None, None), identity(1, None, "7", None, None)];
        assert_eq!(owner(&records, "A", 0), Some(2));
    }

    #[test]
    fn an_approved_punch_names_its_employee() {
        let employee = EmployeeId::from_uuid(Uuid::from_u128(9));
        let code = employee.to_string().parse().unwrap();
        let serial = ClockSerial::MOBILE.parse().unwrap();
        assert_eq!(Identities::default().owner(&serial, &code, Instant::from_unix(0)), Some(employee));
    }

    #[test]
    fn the_best_route_is_believed_whatever_arrived_first() {
        let reading = |state| Reading { state: Some(state), ..Reading::default() };
        let all = [(Route::Pull, reading(1)), (Route::Push, reading(5)), (Route::Push, reading(4))];
        let mut turned = all.clone();
        turned.reverse();
        assert_eq!(best_reading(all), Some(reading(4)));
        assert_eq!(best_reading(turned), Some(reading(4)));
    }
}
