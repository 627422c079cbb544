//! People punching at a simulated clock as time goes by.

use std::sync::Arc;
use std::time::Duration;

use chrono::Timelike;
use tokio_util::sync::CancellationToken;

use super::SimClock;
use super::generator::mix;
use super::memory::MemoryError;
use super::record::{Method, SimPunch};
use crate::clock::Clock;
use crate::zk::time::Parts;

/// Makes one punch at the clock's present time, by whoever is next.
///
/// # Errors
/// [`MemoryError`] when it could not be kept.
pub fn punch_now(sim: &SimClock, clock: &impl Clock) -> Result<SimPunch, MemoryError> {
    let place = sim.count();
    let users = sim.config().generator.users();
    // In turn, so that one person does not punch twice in a second unless there are fewer people than punches.
    let user = u32::try_from(place % u64::from(users)).unwrap_or(0);
    let time = sim.wall_time(clock);
    let method = match mix(place) % 4 {
        0 | 1 => Method::Finger,
        2 => Method::Face,
        _ => Method::Card,
    };
    let key = u8::from(time.hour() >= 12);
    let punch = SimPunch { user, time: Parts::from(time), method, key };
    sim.keep(punch)?;
    Ok(punch)
}

/// Makes punches at an interval until stopped. Nobody punches while the keypad is locked.
///
/// # Errors
/// [`MemoryError`] when one could not be kept.
pub async fn run(
    sim: Arc<SimClock>,
    clock: impl Clock,
    every: Duration,
    limit: Option<u64>,
    stop: CancellationToken,
) -> Result<(), MemoryError> {
    let mut ticks = tokio::time::interval(every);
    let mut made = 0;
    while limit.is_none_or(|limit| made < limit) {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        if sim.is_enabled() && !sim.is_rebooting() {
            punch_now(&sim, &clock)?;
            made += 1;
        }
    }
    Ok(())
}
