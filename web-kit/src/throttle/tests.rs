use std::net::{Ipv4Addr, Ipv6Addr};

use rstest::rstest;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn lan(last: u8) -> Source {
    Source::Address(IpAddr::V4(Ipv4Addr::new(192, 168, 1, last)))
}

/// Fails as often as it may until a try is refused, and returns the moment of the last one.
fn fail(
    throttle: &mut Throttle,
    account: &str,
    source: Source,
    times: u32,
    from: DateTime<Utc>,
) -> DateTime<Utc> {
    let mut now = from;
    let mut done = 0;
    while done < times {
        match throttle.attempt(account, source, now) {
            Ok(()) => done += 1,
            Err(MustWait { until }) => now = until,
        }
    }
    now
}

#[test]
fn five_tries_are_free_and_then_the_wait_doubles_to_15_minutes() {
    let mut throttle = Throttle::default();
    for _ in 0..5 {
        throttle.attempt("amina", lan(1), at(0)).unwrap();
    }
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let MustWait { until } = throttle.attempt("amina", lan(1), now).unwrap_err();
        waits.push(until.signed_duration_since(now).num_seconds());
        now = until;
        throttle.attempt("amina", lan(1), now).unwrap();
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
}

#[test]
fn a_refused_try_does_not_prolong_the_wait() {
    let mut throttle = Throttle::default();
    fail(&mut throttle, "amina", lan(1), 5, at(0));
    let first = throttle.attempt("amina", lan(1), at(0)).unwrap_err();
    for _ in 0..100 {
        assert_eq!(throttle.attempt("amina", lan(1), at(1)).unwrap_err(), first);
    }
    assert_eq!(first.seconds(at(0)), 2);
    assert_eq!(first.seconds(at(1)), 1);
}

#[test]
fn one_account_tried_from_many_places_waits() {
    let mut throttle = Throttle::default();
    for last in 1..=5 {
        throttle.attempt("amina", lan(last), at(0)).unwrap();
    }
    throttle.attempt("Amina ", lan(6), at(0)).unwrap_err();
    throttle.attempt("other", lan(6), at(0)).unwrap();
}

#[test]
fn many_accounts_tried_from_one_place_wait() {
    let mut throttle = Throttle::default();
    for name in ["a", "b", "c", "d", "e"] {
        throttle.attempt(name, lan(1), at(0)).unwrap();
    }
    throttle.attempt("f", lan(1), at(0)).unwrap_err();
    throttle.attempt("f", lan(2), at(0)).unwrap();
}

#[test]
fn nobody_on_the_network_can_lock_out_the_console() {
    let mut throttle = Throttle::default();
    let now = fail(&mut throttle, "owner", lan(1), 50, at(0));
    throttle.attempt("owner", lan(2), now).unwrap_err();
    throttle.attempt("owner", Source::Console, now).unwrap();
    let now = fail(&mut throttle, "owner", Source::Console, 10, now);
    throttle.attempt("owner", Source::Console, now).unwrap_err();
}

#[test]
fn a_right_password_clears_the_account_and_gives_the_source_its_try_back() {
    let mut throttle = Throttle::default();
    for _ in 0..100 {
        throttle.attempt("amina", lan(1), at(0)).unwrap();
        throttle.succeeded("amina", lan(1), at(0));
    }
    assert!(throttle.counters.is_empty());
    fail(&mut throttle, "other", lan(1), 4, at(0));
    throttle.attempt("amina", lan(1), at(0)).unwrap();
    throttle.succeeded("amina", lan(1), at(0));
    throttle.attempt("third", lan(1), at(0)).unwrap();
    throttle.attempt("fourth", lan(1), at(0)).unwrap_err();
}

#[test]
fn tries_sent_at_once_are_counted_before_they_are_judged() {
    let mut throttle = Throttle::default();
    let passed = (0..1_000).filter(|_| throttle.attempt("amina", lan(1), at(0)).is_ok()).count();
    assert_eq!(passed, 5);
}

#[test]
fn counts_are_forgotten_in_time() {
    let mut throttle = Throttle::default();
    let now = fail(&mut throttle, "amina", lan(1), 9, at(0));
    throttle.attempt("amina", lan(2), now + TimeDelta::hours(23)).unwrap();
    throttle.attempt("amina", lan(2), now + TimeDelta::hours(23)).unwrap_err();
    throttle.attempt("other", lan(1), now + TimeDelta::minutes(59)).unwrap();
    let mut throttle = Throttle::default();
    let now = fail(&mut throttle, "amina", lan(1), 9, at(0)) + TimeDelta::hours(24);
    for _ in 0..5 {
        throttle.attempt("amina", lan(1), now).unwrap();
    }
}

#[test]
fn a_clock_set_back_locks_nobody_out() {
    let mut throttle = Throttle::default();
    let now = fail(&mut throttle, "amina", lan(1), 9, at(0));
    throttle.attempt("amina", lan(1), now - TimeDelta::days(400)).unwrap();
}

#[test]
fn the_table_is_bounded_and_keeps_those_who_failed_most() {
    let mut throttle = Throttle::new(Rules { capacity: 50, ..Rules::default() });
    let now = fail(&mut throttle, "victim", lan(1), 8, at(0));
    for number in 0..500 {
        let source = Source::Address(IpAddr::V4(Ipv4Addr::from(0x0A00_0000 + number)));
        throttle.attempt(&format!("name{number}"), source, now).unwrap();
        assert!(throttle.counters.len() <= 50);
    }
    throttle.attempt("victim", lan(9), now).unwrap_err();
}

#[rstest]
#[case("127.0.0.1", true)]
#[case("127.1.2.3", true)]
#[case("::1", true)]
#[case("::ffff:127.0.0.1", true)]
#[case("192.168.1.5", false)]
#[case("fe80::1", false)]
fn the_console_is_known_by_the_connection(#[case] address: &str, #[case] console: bool) {
    assert_eq!(Source::of_peer(address.parse().unwrap()) == Source::Console, console);
}

#[test]
fn ipv6_addresses_count_by_network() {
    let mut throttle = Throttle::default();
    let source = |last| Source::Address(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last)));
    for (name, last) in ["a", "b", "c", "d", "e"].into_iter().zip(1..) {
        throttle.attempt(name, source(last), at(0)).unwrap();
    }
    throttle.attempt("f", source(99), at(0)).unwrap_err();
}
