//! How often one account and one source may send, so that a phone gone wild, or a stolen token, stays small.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::EmployeeId;
use web_kit::throttle::Source;

/// Punches that one account may send a window: a phone that was offline for a fortnight has some sixty.
const PER_ACCOUNT: u32 = 60;
/// The same for one source: a whole factory may stand behind one address.
const PER_SOURCE: u32 = 3_000;
/// The length of a window.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Names kept at most; beyond it the windows that ended are forgotten.
const KEPT: usize = 50_000;

/// Counts by name, each in a window of its own.
#[derive(Debug)]
struct Windows<K> {
    begun: HashMap<K, (DateTime<Utc>, u32)>,
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self { begun: HashMap::new() }
    }
}

impl<K: Eq + Hash> Windows<K> {
    /// Counts one; or tells how many seconds are left of the window that is full.
    fn count(&mut self, of: K, limit: u32, now: DateTime<Utc>) -> Result<(), u32> {
        if self.begun.len() >= KEPT {
            self.begun.retain(|_, (since, _)| now - *since < WINDOW);
        }
        let (since, count) = self.begun.entry(of).or_insert((now, 0));
        // A clock that was put back must not close a window for longer than its length.
        if now - *since >= WINDOW || now < *since {
            (*since, *count) = (now, 0);
        }
        if *count >= limit {
            let left = (*since + WINDOW - now).num_seconds().max(1);
            return Err(u32::try_from(left).unwrap_or(u32::MAX));
        }
        *count += 1;
        Ok(())
    }
}

/// The counts of this process.
#[derive(Debug, Default)]
pub(super) struct Rates {
    accounts: Windows<EmployeeId>,
    sources: Windows<Source>,
}

impl Rates {
    pub(super) fn of_source(&mut self, source: Source, now: DateTime<Utc>) -> Result<(), u32> {
        self.sources.count(source, PER_SOURCE, now)
    }

    pub(super) fn of_account(&mut self, account: EmployeeId, now: DateTime<Utc>) -> Result<(), u32> {
        self.accounts.count(account, PER_ACCOUNT, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_full_for_its_length_and_for_its_name_only() {
        let start: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let mut windows = Windows::default();
        for _ in 0..3 {
            assert_eq!(windows.count("a", 3, start), Ok(()));
        }
        assert_eq!(windows.count("a", 3, start + TimeDelta::seconds(59)), Err(1));
        assert_eq!(windows.count("b", 3, start), Ok(()));
        assert_eq!(windows.count("a", 3, start + WINDOW), Ok(()));
        assert_eq!(windows.count("a", 3, start), Ok(()), "the clock was put back");
    }
}
