//! Each rule of the protocol is missed when it is gone: without it some seed breaks an invariant.
#![cfg(feature = "mutations")]

use std::sync::atomic::{AtomicU64, Ordering};

use sync_protocol::mutation::Rule;
use sync_simulator::{Plan, run};

/// Seeds within which the loss must show.
const SEEDS: u64 = 3000;

/// The first seed that breaks, among those that the threads came to.
fn caught(without: &[Rule]) -> Option<u64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS || found.load(Ordering::Relaxed) < u64::MAX {
                        break;
                    }
                    let plan = Plan { seed, without: without.to_vec(), ..Plan::default() };
                    if run(&plan).is_err() {
                        found.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Some(found.into_inner()).filter(|seed| *seed < u64::MAX)
}

#[test]
fn each_rule_is_missed() {
    // Two pairs of fences back each other up: the loss shows when both are down.
    let gone: [&[Rule]; 14] = [
        &[Rule::DottedContext],
        &[Rule::UpdateNeverCreates],
        &[Rule::TombstoneAbsorbs],
        &[Rule::ChainCheck],
        &[Rule::Lease],
        &[Rule::Nonce],
        &[Rule::PageStart],
        &[Rule::LeaveMarkers],
        &[Rule::Quarantine],
        &[Rule::SettleAtClean],
        &[Rule::StableCollection, Rule::Horizon],
        &[Rule::OwnOriginCheck, Rule::Lease],
        &[Rule::FeedEpoch],
        &[Rule::ClosedSegments],
    ];
    let unnoticed: Vec<_> = gone.into_iter().filter(|rules| caught(rules).is_none()).collect();
    assert_eq!(unnoticed, Vec::<&[Rule]>::new());
}
