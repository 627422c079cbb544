//! Who may be connected: so many at once, and so many of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Connections at once.
const CONNECTIONS: usize = 512;
/// Of one address: all clocks of a building may stand behind one.
const OF_ADDRESS: usize = 128;
/// The same is told in the log at most so often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The places there are.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    of_address: usize,
    inside: Arc<Mutex<HashMap<IpAddr, usize>>>,
    full: Seldom,
    crowded: Seldom,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    inside: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.inside.lock();
        if let Some(count) = inside.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inside.remove(&self.address);
            }
        }
    }
}

impl Gate {
    pub(super) fn new() -> Self {
        Self::of(CONNECTIONS, OF_ADDRESS)
    }

    fn of(connections: usize, of_address: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(connections)),
            of_address,
            inside: Arc::default(),
            full: Seldom::default(),
            crowded: Seldom::default(),
        }
    }

    /// Waits until there is room for one more, from wherever it comes.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(room);
        }
        if let Some(times) = self.full.now() {
            tracing::warn!(
                connections = CONNECTIONS,
                times,
                "every connection of the push port is taken: clocks wait"
            );
        }
        // Never closed; were it, nobody would get in.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Takes the place for one that comes from an address; `None` where that has as many as it may.
    pub(super) fn enter(&self, room: Option<OwnedSemaphorePermit>, address: IpAddr) -> Option<Place> {
        let room = room?;
        {
            let mut inside = self.inside.lock();
            let count = inside.entry(address).or_insert(0);
            if *count < self.of_address {
                *count += 1;
                return Some(Place { address, inside: Arc::clone(&self.inside), _room: room });
            }
        }
        if let Some(times) = self.crowded.now() {
            tracing::warn!(%address, times, "too many connections to the push port from one address: more are closed");
        }
        None
    }
}

/// Tells seldom what happens often.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// How often it has happened since it was last told, where it is to be told now.
    pub(super) fn now(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock();
        let (told, times) = &mut *state;
        *times += 1;
        if told.is_some_and(|told| now - told < TOLD_EVERY) {
            return None;
        }
        *told = Some(now);
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn one_address_cannot_take_every_place() {
        let gate = Gate::of(8, 3);
        let mut places = Vec::new();
        for _ in 0..5 {
            places.extend(gate.enter(gate.room().await, address(1)));
        }
        assert_eq!(places.len(), 3);
        let others = [gate.enter(gate.room().await, address(2)), gate.enter(gate.room().await, address(3))];
        assert!(others.iter().all(Option::is_some));
        // What was refused has given its room back.
        assert_eq!(gate.places.available_permits(), 3);
        places.pop();
        assert!(gate.enter(gate.room().await, address(1)).is_some());
        drop((places, others));
        assert!(gate.inside.lock().is_empty());
        assert_eq!(gate.places.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_told_seldom() {
        let seldom = Seldom::default();
        assert_eq!((seldom.now(), seldom.now(), seldom.now()), (Some(1), None, None));
        tokio::time::advance(TOLD_EVERY).await;
        assert_eq!(seldom.now(), Some(3));
    }
}
