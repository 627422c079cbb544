//! Both stores in memory: the oracle for the real ones, and what simulations run on.
//!
//! Their futures are always ready, so no runtime is needed: see [`ready`].

mod cloud;
mod edge;

pub use cloud::{KeptChange, MemoryCloud};
pub use edge::{Disk, Edit, MemoryEdge};

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future that never waits.
///
/// # Panics
/// When the future waits: it did not come from a memory store.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a memory store's future waited"),
    }
}
