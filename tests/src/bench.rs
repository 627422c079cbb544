//! Benchmarks: each figure beside its peer or its limit, measured in the same run on the same machine.
//!
//! All arithmetic is on integers: a rate is per second, a ratio in hundredths.

pub mod figure;
pub mod insert;
pub mod pull;
pub mod punch;
pub mod push;
pub mod report;
pub mod shift;
pub mod size;
pub mod start;
pub mod sync;

use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs something and tells how long it took.
///
/// # Errors
/// Those of what is run.
pub fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let value = run()?;
    Ok((value, start.elapsed()))
}

/// How many a second.
#[must_use]
pub fn per_second(count: u64, took: Duration) -> u64 {
    let micros = took.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

/// The middle of some values; 0 of none.
#[must_use]
pub fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
