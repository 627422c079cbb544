//! Slows down the guessing of passwords.
//!
//! Five failures are free; after that each further failure doubles the wait, up to 15 minutes, for the account and
//! for the source by itself. The console of the machine (a browser on 127.0.0.1) counts apart, so that somebody on
//! the network cannot lock out the only administrator.
//!
//! An attempt is counted *before* the password is looked at and taken back when it was right: a thousand tries sent
//! at once are a thousand failures. The state is in memory and bounded; a restart forgets it.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

/// Where a sign-in comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A browser on this very machine.
    Console,
    /// Another machine, by the address of the connection (never by a header a client can write).
    Address(IpAddr),
}

impl Source {
    /// The source of a connection that reached the listener directly.
    #[must_use]
    pub fn of_peer(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() {
            Self::Console
        } else {
            Self::Address(address.to_canonical())
        }
    }

    /// The account to count under where there is none (a one-time code): guessing is slowed down by source alone, for one
    /// that guesses must not lock out the others. `what` is what is guessed.
    #[must_use]
    pub fn alone(self, what: &str) -> String {
        match self.network() {
            Self::Console => format!("{what} console"),
            Self::Address(address) => format!("{what} {address}"),
        }
    }

    /// One household or provider holds a /64, so single IPv6 addresses mean nothing.
    fn network(self) -> Self {
        match self {
            Self::Address(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Address(IpAddr::from([a, b, c, d, 0, 0, 0, 0]))
            }
            Self::Console | Self::Address(IpAddr::V4(_)) => self,
        }
    }
}

/// The numbers of a [`Throttle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures without a wait.
    pub free: u32,
    /// The wait after the next failure; it doubles with each further one.
    pub first_wait: TimeDelta,
    /// The longest wait.
    pub longest_wait: TimeDelta,
    /// How long after its last failure an account's count is forgotten.
    pub forget_account: TimeDelta,
    /// How long after its last failure a source's count is forgotten; short, as an office shares one address.
    pub forget_source: TimeDelta,
    /// The most counters kept.
    pub capacity: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            free: 5,
            first_wait: TimeDelta::seconds(2),
            longest_wait: TimeDelta::minutes(15),
            forget_account: TimeDelta::hours(24),
            forget_source: TimeDelta::hours(1),
            capacity: 20_000,
        }
    }
}

/// A sign-in must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustWait {
    /// Until when.
    pub until: DateTime<Utc>,
}

impl MustWait {
    /// Seconds from `now`, rounded up, at least one.
    #[must_use]
    pub fn seconds(self, now: DateTime<Utc>) -> u32 {
        let milliseconds = self.until.signed_duration_since(now).num_milliseconds().max(1);
        u32::try_from((milliseconds + 999) / 1_000).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    /// An account as tried from the network or from the console.
    Account {
        name: String,
        console: bool,
    },
    Source(Source),
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    failures: u32,
    last: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// The counters of a process.
#[derive(Debug, Default)]
pub struct Throttle {
    rules: Rules,
    counters: HashMap<Counted, Counter>,
}

impl Throttle {
    /// A throttle with rules of its own.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, counters: HashMap::new() }
    }

    /// Announces a try to sign in, before the password is looked at.
    ///
    /// # Errors
    /// [`MustWait`] when the account or the source has failed too often; the try is then not counted.
    pub fn attempt(&mut self, account: &str, source: Source, now: DateTime<Utc>) -> Result<(), MustWait> {
        let keys = keys(account, source);
        let until = keys.iter().filter_map(|key| self.counter(key, now)).map(|counter| counter.until).max();
        if let Some(until) = until
            && until > now
            // A longer wait than any rule gives means that the clock was set back.
            && until.signed_duration_since(now) <= self.rules.longest_wait
        {
            return Err(MustWait { until });
        }
        for key in keys {
            let failures = self.counter(&key, now).map_or(0, |counter| counter.failures).saturating_add(1);
            let until = now + self.wait(failures);
            self.make_room(now);
            self.counters.insert(key, Counter { failures, last: now, until });
        }
        Ok(())
    }

    /// The password of the announced try was right: the account starts anew, the source gets this one try back.
    pub fn succeeded(&mut self, account: &str, source: Source, now: DateTime<Utc>) {
        let [account, source] = keys(account, source);
        self.counters.remove(&account);
        if let Some(mut counter) = self.counter(&source, now) {
            counter.failures = counter.failures.saturating_sub(1);
            counter.until = now;
            if counter.failures == 0 {
                self.counters.remove(&source);
            } else {
                self.counters.insert(source, counter);
            }
        }
    }

    fn counter(&self, key: &Counted, now: DateTime<Utc>) -> Option<Counter> {
        self.counters.get(key).copied().filter(|counter| !self.is_forgotten(key, counter, now))
    }

    fn is_forgotten(&self, key: &Counted, counter: &Counter, now: DateTime<Utc>) -> bool {
        let keep = match key {
            Counted::Account { .. } => self.rules.forget_account,
            Counted::Source(_) => self.rules.forget_source,
        };
        now.signed_duration_since(counter.last) >= keep
    }

    fn wait(&self, failures: u32) -> TimeDelta {
        let Some(beyond) = failures.checked_sub(self.rules.free) else { return TimeDelta::zero() };
        let factor = 1_i32.checked_shl(beyond).filter(|factor| *factor > 0);
        factor
            .and_then(|factor| self.rules.first_wait.checked_mul(factor))
            .unwrap_or(self.rules.longest_wait)
            .min(self.rules.longest_wait)
    }

    /// Keeps the table within its bound: forgotten counters go first, then the one that failed longest ago.
    fn make_room(&mut self, now: DateTime<Utc>) {
        if self.counters.len() < self.rules.capacity {
            return;
        }
        let forgotten: Vec<Counted> = self
            .counters
            .iter()
            .filter(|(key, counter)| self.is_forgotten(key, counter, now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in forgotten {
            self.counters.remove(&key);
        }
        while self.counters.len() >= self.rules.capacity {
            let oldest = self.counters.iter().min_by_key(|(_, counter)| (counter.failures, counter.last));
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.counters.remove(&oldest);
        }
    }
}

fn keys(account: &str, source: Source) -> [Counted; 2] {
    // Bounded, so that a long name cannot fill the memory; case differences are no new account.
    let name: String = account.trim().chars().take(100).flat_map(char::to_lowercase).collect();
    [Counted::Account { name, console: source == Source::Console }, Counted::Source(source.network())]
}

#[cfg(test)]
mod tests;
