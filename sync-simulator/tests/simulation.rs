//! Thousands of histories of the real sync code under faults, each compared with the oracle.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sync_simulator::{Figures, Plan, run, shrink};

const SEEDS: u64 = 5000;

#[test]
fn both_sides_agree_and_nothing_is_lost_whatever_happens() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    let figures = Mutex::new(Figures::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        break;
                    }
                    let plan = Plan { seed, ..Plan::default() };
                    match run(&plan) {
                        Ok(found) => {
                            let mut all = figures.lock().unwrap();
                            found
                                .into_iter()
                                .for_each(|(what, count)| *all.entry(what).or_default() += count);
                        }
                        Err(violation) => {
                            let story = shrink(&plan).map(|history| history.violation.story.join("\n  "));
                            panic!(
                                "seed {seed}: {}\nreplay: cargo xtask simulate --from {seed} --seeds 1\n  {}",
                                violation.what,
                                story.unwrap_or_default()
                            );
                        }
                    }
                }
            });
        }
    });
    // The faults really happen.
    let figures = figures.into_inner().unwrap();
    for what in [
        "actors revoked",
        "cloud deaths",
        "cloud restores",
        "conflicts",
        "crashes",
        "decisions",
        "deletes",
        "disks cloned",
        "disks restored",
        "drops",
        "forks",
        "nonsense in the feed",
        "old forms",
        "origins expired",
        "overrides",
        "poison",
        "punches",
        "reorders",
        "repeats",
        "restores",
        "rows kept aside",
        "scopes changed",
        "site moves",
        "tombstones collected",
        "twins left",
    ] {
        let count = figures.get(what).copied().unwrap_or_default();
        assert!(count >= 100, "{count} {what} in {SEEDS} seeds");
    }
}

#[test]
fn a_seed_always_tells_the_same_story() {
    let plan = Plan { seed: 7, ..Plan::default() };
    assert_eq!(run(&plan), run(&plan));
}
