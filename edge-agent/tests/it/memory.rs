//! Resident memory does not grow with the log.

#![cfg(target_os = "linux")]

use device_protocols::sim::SimClock;

use crate::factory::{Factory, clock, serve};

/// The most resident memory of this process so far, and now, KiB.
fn resident(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_read_in_bounded_memory() {
    let factory = Factory::open().await;
    let small = SimClock::open(clock("SMALL1", "40", 1000, 100)).unwrap();
    let server = serve(&small).await;
    factory.adopt_polled("SMALL1", &server).await;
    factory.collected(&[&small]).await;
    // Other tests run beside in this process with some runners: only growth by the log's own size would tell.
    let before = resident("VmRSS");
    let large = SimClock::open(clock("LARGE1", "40", 150_000, 5000)).unwrap();
    let server = serve(&large).await;
    factory.adopt_polled("LARGE1", &server).await;
    factory
        .until("the log to be read", async || {
            factory.state("LARGE1").await.is_some_and(|state| state.counters.new == 150_000)
        })
        .await;
    let grown = resident("VmRSS").saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more than before");
}
