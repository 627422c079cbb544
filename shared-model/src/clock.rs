//! Time and randomness as arguments.
//!
//! The traits are here so that every crate can ask for them; the implementations that read the machine
//! live in one `clock.rs` of each binary, and tests bring their own.

use chrono::{DateTime, Utc};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant by the wall clock, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Milliseconds on a clock that never goes back, from an arbitrary start.
    fn monotonic_ms(&self) -> u64;
}

/// Gives unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `target` with random bytes fit for keys and tokens.
    fn fill(&self, target: &mut [u8]);

    /// A random 64-bit number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
    fn monotonic_ms(&self) -> u64 {
        (**self).monotonic_ms()
    }
}

impl<T: Entropy + ?Sized> Entropy for std::sync::Arc<T> {
    fn fill(&self, target: &mut [u8]) {
        (**self).fill(target);
    }
}
