//! A punch costs a reading of what is new in the log, not of the log; and that loses nothing.

use std::sync::Arc;

use device_protocols::sim::SimClock;
use rstest::rstest;
use shared_model::entity::Device;
use shared_model::text::Name;

use crate::factory::{Factory, clock, eager, punch, serve};

/// Rows of a log of 40-byte records that are too many to read for each punch.
const ROWS: u64 = 6_000;

/// Waits until the agent knows the log to this row.
async fn known(factory: &Factory, serial: &str, rows: u64) {
    let known = async || factory.state(serial).await.and_then(|state| u64::try_from(state.log_position).ok());
    factory.until("the log to be known", async || known().await == Some(rows)).await;
}

/// Waits until a clock has sent so many bytes of tables since.
async fn sent(factory: &Factory, sim: &Arc<SimClock>, since: u64, bytes: u64) {
    factory.until("the whole log", async || sim.tally().table_bytes() - since >= bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_costs_a_few_rows_and_locks_nobody_out() {
    let mut config = eager();
    config.hold_seconds = 60;
    let factory = Factory::with(config).await;
    let sim = SimClock::open(clock("TAIL1", "40", ROWS, 300)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("TAIL1", &server).await;
    known(&factory, "TAIL1", ROWS).await;
    let (bytes, locks) = (sim.tally().table_bytes(), sim.tally().locks());
    assert!(bytes > ROWS * 40);
    for punches in 1..=3 {
        punch(&sim);
        known(&factory, "TAIL1", ROWS + punches).await;
    }
    factory.collected(&[&sim]).await;
    // 32 known records are compared, and between two looks a hint may cause a third.
    let cost = sim.tally().table_bytes() - bytes;
    assert!(cost <= 12 * 35 * 40, "three punches cost {cost} bytes");
    assert_eq!(sim.tally().locks(), locks);
    let counters = factory.state("TAIL1").await.unwrap().counters;
    assert_eq!((counters.new, counters.read), (6_003, 6_003));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_begins_anew_goes_on_behind_the_rows_that_are_known() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("TAIL2", "8b", ROWS, 300)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("TAIL2", &server).await;
    known(&factory, "TAIL2", ROWS).await;
    let (bytes, connections) = (sim.tally().table_bytes(), sim.tally().connections());
    let renamed = factory.store.write(|tx| {
        let known = tx.records::<Device>()?.remove(0);
        let device = Device { name: Name::parse("Gate").unwrap(), ..known.record };
        tx.update(&edge_agent::store::Author::CONSOLE, known.id, None, &device)
    });
    renamed.await.unwrap();
    factory.until("a new session", async || sim.tally().connections() > connections).await;
    punch(&sim);
    known(&factory, "TAIL2", ROWS + 1).await;
    factory.collected(&[&sim]).await;
    // The users, 28 bytes each, are read again, the log is not.
    let cost = sim.tally().table_bytes() - bytes;
    assert!(cost < ROWS * 8 / 4, "going on cost {cost} bytes");
}

#[rstest]
#[case::rotated(ROWS)]
#[case::oldest_lost(ROWS / 2)]
#[case::almost_empty(40)]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_oldest_rows_is_read_whole_and_loses_nothing(#[case] capacity: u64) {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("TAIL3", "40", ROWS, 300)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("TAIL3", &server).await;
    known(&factory, "TAIL3", ROWS).await;
    let bytes = sim.tally().table_bytes();
    sim.change_faults(|faults| faults.capacity = Some(capacity));
    (0..40).for_each(|_| punch(&sim));
    factory.collected(&[&sim]).await;
    sent(&factory, &sim, bytes, 4 + capacity * 40).await;
    known(&factory, "TAIL3", capacity).await;
    // From there on it goes on as before, also in a log that is full.
    punch(&sim);
    factory.collected(&[&sim]).await;
    let counters = factory.state("TAIL3").await.unwrap().counters;
    assert_eq!((counters.new, counters.quarantined), (6_041, 0));
    assert_eq!(counters.read, counters.new + counters.repeat);
}

#[rstest]
#[case::at_once(|faults: &mut device_protocols::sim::Faults| faults.transfer = device_protocols::sim::Transfer::Inline)]
#[case::the_old_way(|faults: &mut device_protocols::sim::Faults| faults.refuse_buffer = true)]
#[case::in_order(|faults: &mut device_protocols::sim::Faults| faults.chunks_in_order = true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_gives_no_part_of_its_log_loses_nothing(
    #[case] fault: fn(&mut device_protocols::sim::Faults),
) {
    let factory = Factory::open().await;
    let mut config = clock("TAIL4", "40", 3_000, 50);
    fault(&mut config.faults);
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("TAIL4", &server).await;
    for punches in 0..3 {
        known(&factory, "TAIL4", 3_000 + punches).await;
        punch(&sim);
    }
    factory.collected(&[&sim]).await;
    let counters = factory.state("TAIL4").await.unwrap().counters;
    assert_eq!((counters.new, counters.quarantined), (3_003, 0));
}
