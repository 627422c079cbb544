//! Pauses between tries: exponential with full jitter, over `backon`.
//!
//! (The crate named `backoff` is unmaintained.) A pause is drawn evenly from zero to the present ceiling, so that many
//! agents that lost the same peer do not come back together; the first success puts the ceiling back.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use shared_model::Entropy;

/// The pauses of one thing that is tried again and again.
#[derive(Debug)]
pub struct Backoff {
    builder: ExponentialBuilder,
    ceilings: ExponentialBackoff,
    max: Duration,
}

impl Backoff {
    /// Ceilings that double from `first` to `max`.
    #[must_use]
    pub fn new(first: Duration, max: Duration) -> Self {
        let builder = ExponentialBuilder::new().with_min_delay(first).with_max_delay(max).without_max_times();
        Self { builder, ceilings: builder.build(), max }
    }

    /// The pause before the next try.
    pub fn next_pause(&mut self, entropy: &(impl Entropy + ?Sized)) -> Duration {
        let ceiling = self.ceilings.next().unwrap_or(self.max).min(self.max);
        let ceiling_ms = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(entropy.next_u64() % ceiling_ms)
    }

    /// After a success the next pause is short again.
    pub fn reset(&mut self) {
        self.ceilings = self.builder.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Always the largest number.
    struct Most;

    impl Entropy for Most {
        fn fill(&self, target: &mut [u8]) {
            target.fill(0xff);
        }
        fn next_u64(&self) -> u64 {
            u64::MAX - 1
        }
    }

    /// Always zero.
    struct Least;

    impl Entropy for Least {
        fn fill(&self, target: &mut [u8]) {
            target.fill(0);
        }
    }

    #[test]
    fn ceilings_double_up_to_the_longest_and_start_again_after_a_success() {
        let (first, max) = (Duration::from_secs(1), Duration::from_secs(8));
        let mut backoff = Backoff::new(first, max);
        for ceiling in [1000, 2000, 4000, 8000, 8000, 8000] {
            let expected = Duration::from_millis((u64::MAX - 1) % ceiling);
            assert_eq!(backoff.next_pause(&Most), expected);
        }
        backoff.reset();
        assert_eq!(backoff.next_pause(&Most), Duration::from_millis((u64::MAX - 1) % 1000));
    }

    #[test]
    fn the_jitter_is_full_a_pause_may_be_none() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
        assert_eq!(
            (backoff.next_pause(&Least), backoff.next_pause(&Least)),
            (Duration::ZERO, Duration::ZERO)
        );
    }
}
