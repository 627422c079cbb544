use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn id(serial: &str, code: &str, raw: &str) -> PunchId {
    PunchId::of_clock(
        &ClockSerial::parse(serial).unwrap(),
        &UserCode::parse(code).unwrap(),
        RawTime::new(raw.parse().unwrap()),
    )
}

/// The id is a promise to every ledger ever written: these values may never change. They were worked out apart from
/// this code, from the layout in the module's header.
#[rstest]
#[case("SIM0000000001", "1001", "2026-11-20T09:30:15", "01a1f84a-d058-8c0d-9b12-aed36c489e7b")]
#[case("CGXH201360001", "sn:12", "2000-01-01T00:00:00", "00dc6acf-ac00-84ae-a7e8-63ce05b47987")]
fn the_id_of_a_punch_is_fixed_for_good(
    #[case] serial: &str,
    #[case] code: &str,
    #[case] raw: &str,
    #[case] expected: &str,
) {
    assert_eq!(id(serial, code, raw).to_string(), expected);
}

#[test]
fn what_routes_disagree_on_does_not_enter_the_id_and_what_they_agree_on_does() {
    let base = id("A1", "7", "2026-01-01T08:00:00");
    assert_eq!(base, id("A1", " 7 ", "2026-01-01T08:00:00.900"), "below the second and padding do not count");
    assert_ne!(base, id("A1", "007", "2026-01-01T08:00:00"));
    assert_ne!(base, id("A2", "7", "2026-01-01T08:00:00"));
    assert_ne!(base, id("A1", "7", "2026-01-01T08:00:01"));
    assert_ne!(id("A", "17", "2026-01-01T08:00:00"), id("A1", "7", "2026-01-01T08:00:00"));
}

proptest! {
    #[test]
    fn ids_sort_by_raw_time_and_lie_in_their_times_range(a in 0i64..4_000_000_000, b in 0i64..4_000_000_000, code in "[0-9]{1,9}") {
        let serial = ClockSerial::parse("X").unwrap();
        let code = UserCode::parse(&code).unwrap();
        let (ta, tb) = (RawTime::from_seconds(a).unwrap(), RawTime::from_seconds(b).unwrap());
        let (ia, ib) = (PunchId::of_clock(&serial, &code, ta), PunchId::of_clock(&serial, &code, tb));
        prop_assert_eq!(ia.cmp(&ib), a.cmp(&b));
        prop_assert!(PunchId::lower_bound(ta) <= ia);
        prop_assert!(ia < PunchId::lower_bound(RawTime::from_seconds(a + 1).unwrap()));
        prop_assert_eq!(ia.uuid().get_version_num(), 8);
    }
}

#[test]
fn a_code_known_only_by_its_internal_number_says_so() {
    assert_eq!(UserCode::internal(12).as_str(), "sn:12");
    assert_eq!(UserCode::internal(12).internal_serial(), Some(12));
    assert_eq!(UserCode::parse("12").unwrap().internal_serial(), None);
}

#[rstest]
#[case("", "empty")]
#[case("A\u{0}B", "not allowed")]
#[case("'; DROP TABLE ledger; --", "not allowed")]
fn a_serial_that_is_none_is_refused(#[case] text: &str, #[case] cause: &str) {
    assert!(ClockSerial::parse(text).unwrap_err().to_string().contains(cause));
}

#[test]
fn numbers_of_routes_and_states_are_read_back() {
    for route in Route::ALL {
        assert_eq!(Route::from_number(route.number()), Some(*route));
    }
    assert_eq!(Reading { state: Some(1), ..Reading::default() }.punch_state(), Some(PunchState::Out));
    assert_eq!(Reading { state: Some(255), ..Reading::default() }.punch_state(), None);
}
