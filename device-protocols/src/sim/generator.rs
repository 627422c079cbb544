//! Punches computed from their place in the log, so that a clock of a million records needs no memory for them.

use chrono::{Days, NaiveDate, NaiveTime};

use super::record::{Method, SimPunch, SimUser};
use crate::zk::time::Parts;

/// Where a simulated clock's first punches come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// Three users and the fixed sequence of the protocol's test vectors. It repeats itself after 336,000 records.
    Vector,
    /// Workers in a day and a night shift, each in and out once a day, never two punches of one person in one second.
    Shifts {
        /// How many workers.
        users: u32,
        /// User id of the first worker; the others follow.
        first_code: u32,
        /// Chooses who comes when.
        seed: u64,
        /// The first day.
        from: NaiveDate,
    },
}

impl Generator {
    /// How many users there are.
    #[must_use]
    pub fn users(&self) -> u32 {
        match self {
            Self::Vector => 3,
            Self::Shifts { users, .. } => (*users).clamp(1, 65_534),
        }
    }

    /// A user by index.
    #[must_use]
    pub fn user(&self, index: u32) -> SimUser {
        let sn = u16::try_from(index + 1).unwrap_or(u16::MAX);
        match self {
            Self::Vector => {
                let code = match index {
                    0 => "1",
                    1 => "1001",
                    _ => "987654321",
                };
                SimUser { sn, code: code.into(), name: format!("User {sn}"), admin: index == 0 }
            }
            Self::Shifts { first_code, .. } => {
                let code = first_code.saturating_add(index).to_string();
                SimUser { sn, name: format!("Worker {code}"), code, admin: false }
            }
        }
    }

    /// The punch at a place in the log.
    #[must_use]
    pub fn punch(&self, index: u64) -> SimPunch {
        match self {
            Self::Vector => vector(index),
            Self::Shifts { seed, from, .. } => shift(index, u64::from(self.users()), *seed, *from),
        }
    }

    /// How many punches a day has.
    #[must_use]
    pub fn punches_a_day(&self) -> u64 {
        match self {
            Self::Vector => 1000,
            Self::Shifts { .. } => 2 * u64::from(self.users()),
        }
    }
}

fn small(value: u64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn vector(i: u64) -> SimPunch {
    let (k, m) = (i / 1000, i % 1000);
    let time = Parts {
        year: 2026,
        month: small(1 + (k / 28) % 12),
        day: small(1 + k % 28),
        hour: small(6 + (m / 60) % 17),
        minute: small(m % 60),
        second: small(i % 60),
    };
    let method = match i % 4 {
        0 => Method::Finger,
        1 => Method::Face,
        2 => Method::Card,
        _ => Method::Password,
    };
    SimPunch { user: u32::try_from(i % 3).unwrap_or(0), time, method, key: small(i % 2) }
}

/// A turn of people at the clock: who comes, within which time, doing what.
struct Turn {
    first: u64,
    people: u64,
    opens: u32,
    seconds: u64,
    key: u8,
}

/// A day has four turns in the order of their times: the night shift leaves, the day shift comes and leaves, the night
/// shift comes. One in ten is on nights.
fn shift(i: u64, users: u64, seed: u64, from: NaiveDate) -> SimPunch {
    let (day, slot) = (i / (2 * users), i % (2 * users));
    let nights = users / 10;
    let days = users - nights;
    let turns = [
        Turn { first: days, people: nights, opens: 5 * 3600, seconds: 1500, key: 1 },
        Turn { first: 0, people: days, opens: 7 * 3600 + 2400, seconds: 2100, key: 0 },
        Turn { first: 0, people: days, opens: 17 * 3600, seconds: 9000, key: 1 },
        Turn { first: days, people: nights, opens: 19 * 3600 + 2700, seconds: 1500, key: 0 },
    ];
    let mut place = slot;
    let mut turns = turns.iter();
    let turn = loop {
        match turns.next() {
            Some(turn) if place < turn.people => break turn,
            Some(turn) => place -= turn.people,
            None => return vector(i),
        }
    };
    let chance = mix(seed ^ mix(day).wrapping_add(u64::from(turn.opens)));
    // Another order of people each time: a step that shares no factor with their number visits each once.
    let step = (chance % turn.people.max(1)..).find(|step| gcd(*step, turn.people) == 1).unwrap_or(1);
    let who = turn.first + (place * step + chance % turn.people) % turn.people;
    let within = turn.seconds * place / turn.people;
    let slack = (turn.seconds / turn.people).max(1);
    let at = u64::from(turn.opens) + within + mix(chance ^ place) % slack;
    let date = from.checked_add_days(Days::new(day)).unwrap_or(from);
    let time =
        NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(at).unwrap_or(0), 0).unwrap_or_default();
    let method = match mix(seed ^ who) % 10 {
        0..=5 => Method::Finger,
        6..=7 => Method::Face,
        8 => Method::Card,
        _ => Method::Password,
    };
    SimPunch {
        user: u32::try_from(who).unwrap_or(0),
        time: date.and_time(time).into(),
        method,
        key: turn.key,
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Scatters a number over all 64 bits (the finaliser of splitmix64).
pub(super) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rstest::rstest;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::sim::RecordFormat;

    #[rstest]
    #[case("40", 5, "f8ff5eab5aa47f7189ed7c34c46ac8225e261f2d869599d4b410e09adf6d710c")]
    #[case("40", 2_000, "ebab28faf9b65a61f6050d6b693cfe03bda914f72e507328f2e55861b7f16d00")]
    #[case("40", 100_000, "578778f2f38ae2a72575b66998e1691085bd0a521f2e9fd3d380ff65251824c1")]
    #[case("16s", 5, "846966b2c3799d08fc45f51227b6d5eabfb10b86c9e610d0014bb0a6ccae07d8")]
    #[case("16s", 2_000, "4f8da6cdbd28be32be6b279b7c24c5d187893dcea74a11153ce26ae37d105118")]
    #[case("16s", 100_000, "b3d998545f12001710f089a7f6226f3e9b0f253c41ac779989ee6b754eb6c61f")]
    #[case("8a", 5, "3ac07738032b9364d4d93a1fd8f286220b5f73d54f10f7fc1b03e33cab5d159f")]
    #[case("8a", 2_000, "1e8f3c168b0937abaf6216de2b429f65715856dde0f6542017056089f9d5246e")]
    #[case("8a", 100_000, "9ebacbfd71a24e989b09298fecf3b04d0b3a62e153435181afd5dd5b8667032d")]
    fn the_vector_generator_makes_the_published_bodies(
        #[case] format: RecordFormat,
        #[case] records: u32,
        #[case] sha256: &str,
    ) {
        let length = records * u32::try_from(format.stride()).unwrap();
        let mut body = length.to_le_bytes().to_vec();
        for index in 0..records {
            let punch = Generator::Vector.punch(index.into());
            format.write(&punch, &Generator::Vector.user(punch.user), &mut body);
        }
        assert_eq!(hex::encode(Sha256::digest(&body)), sha256);
    }

    #[rstest]
    #[case(1, 400)]
    #[case(7, 3_000)]
    #[case(50, 20_000)]
    #[case(9_999, 60_000)]
    fn shift_punches_are_in_order_and_never_the_same_twice(#[case] users: u32, #[case] records: u64) {
        let from = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        let generator = Generator::Shifts { users, first_code: 1001, seed: 7, from };
        let punches: Vec<_> = (0..records).map(|index| generator.punch(index)).collect();
        assert!(punches.is_sorted_by_key(|punch| punch.time.pack()));
        assert!(punches.iter().all(|punch| punch.time.existing().is_some()));
        let ids: HashSet<_> = punches.iter().map(|punch| (punch.user, punch.time.pack())).collect();
        assert_eq!(ids.len(), punches.len());
        let people: HashSet<_> = punches.iter().map(|punch| punch.user).collect();
        assert_eq!(people.len(), usize::try_from(users).unwrap());
    }
}
