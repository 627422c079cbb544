//! Requests in clocks' names that were not believed, until they are in the store.
//!
//! Each note is a commit, and whoever posts in a clock's name must not keep the disk busy: the first one is noted at
//! once, the others together.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::ClockSerial;

use crate::store::{DISBELIEF_ADDRESSES, DisbeliefReason};

/// Refusals are noted and told at most so often for one clock.
pub(super) const NOTED_EVERY: TimeDelta = TimeDelta::seconds(10);
/// Clocks whose refusals are counted; beyond, the table begins anew.
const CLOCKS: usize = 4096;

/// Requests from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) address: IpAddr,
    /// Why the last of them was not believed.
    pub(super) reason: DisbeliefReason,
    pub(super) requests: u32,
}

#[derive(Debug)]
struct OfClock {
    noted_at: DateTime<Utc>,
    /// The newest address last.
    waiting: Vec<Refusal>,
}

/// What is not noted yet.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<ClockSerial, OfClock>);

impl Refusals {
    /// Counts one more. Gives what is to be noted of the clock now.
    pub(super) fn one_more(
        &mut self,
        serial: &ClockSerial,
        address: IpAddr,
        reason: DisbeliefReason,
        now: DateTime<Utc>,
    ) -> Vec<Refusal> {
        if self.0.len() >= CLOCKS && !self.0.contains_key(serial) {
            self.0.clear();
        }
        let refusal = Refusal { address, reason, requests: 1 };
        let Some(known) = self.0.get_mut(serial) else {
            self.0.insert(serial.clone(), OfClock { noted_at: now, waiting: Vec::new() });
            return vec![refusal];
        };
        known.add(refusal);
        // A time that went back is no wait.
        if (TimeDelta::zero()..NOTED_EVERY).contains(&(now - known.noted_at)) {
            return Vec::new();
        }
        known.noted_at = now;
        std::mem::take(&mut known.waiting)
    }

    /// Takes all that wait.
    pub(super) fn take(&mut self, now: DateTime<Utc>) -> Vec<(ClockSerial, Vec<Refusal>)> {
        let waiting = self.0.iter_mut().filter(|(_, known)| !known.waiting.is_empty());
        waiting
            .map(|(serial, known)| {
                known.noted_at = now;
                (serial.clone(), std::mem::take(&mut known.waiting))
            })
            .collect()
    }
}

impl OfClock {
    fn add(&mut self, mut refusal: Refusal) {
        let same = self.waiting.iter().position(|waiting| waiting.address == refusal.address);
        // Of too many addresses the oldest is forgotten, not its requests.
        let oldest = (self.waiting.len() >= DISBELIEF_ADDRESSES).then_some(0);
        if let Some(at) = same.or(oldest) {
            let before = self.waiting.remove(at);
            refusal.requests = refusal.requests.saturating_add(before.requests);
        }
        self.waiting.push(refusal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASON: DisbeliefReason = DisbeliefReason::Address;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn told(refusals: &[Refusal]) -> Vec<(u8, u32)> {
        let last = |refusal: &Refusal| match refusal.address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        refusals.iter().map(|refusal| (last(refusal), refusal.requests)).collect()
    }

    #[test]
    fn the_first_is_noted_at_once_and_the_others_together() {
        let serial = ClockSerial::parse("A1").unwrap();
        let mut refusals = Refusals::default();
        let mut came = |last, second| told(&refusals.one_more(&serial, address(last), REASON, at(second)));
        assert_eq!(came(1, 0), [(1, 1)]);
        assert_eq!([came(1, 1), came(2, 2), came(1, 3)], [vec![], vec![], vec![]]);
        assert_eq!(came(3, 10), [(2, 1), (1, 2), (3, 1)]);
        assert_eq!(came(3, -60), [(3, 1)], "a time that went back");
    }

    #[test]
    fn what_waits_is_taken_without_another_refusal_and_once() {
        let serial = ClockSerial::parse("A1").unwrap();
        let mut refusals = Refusals::default();
        refusals.one_more(&serial, address(1), REASON, at(0));
        assert!(refusals.take(at(1)).is_empty());
        refusals.one_more(&serial, address(1), REASON, at(2));
        refusals.one_more(&serial, address(2), DisbeliefReason::Key, at(3));
        let taken = refusals.take(at(4));
        assert_eq!(taken.len(), 1);
        assert_eq!((&taken[0].0, told(&taken[0].1)), (&serial, vec![(1, 1), (2, 1)]));
        assert!(refusals.take(at(5)).is_empty());
    }

    #[test]
    fn of_many_addresses_the_newest_are_kept_and_all_requests_counted() {
        let serial = ClockSerial::parse("A1").unwrap();
        let mut refusals = Refusals::default();
        refusals.one_more(&serial, address(0), REASON, at(0));
        for last in 1..=200 {
            refusals.one_more(&serial, address(last), REASON, at(1));
        }
        let taken = told(&refusals.take(at(2))[0].1);
        assert_eq!(taken.iter().map(|(last, _)| *last).collect::<Vec<_>>(), (193..=200).collect::<Vec<_>>());
        assert_eq!(taken.iter().map(|(_, requests)| requests).sum::<u32>(), 200);
    }
}
