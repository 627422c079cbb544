//! What clocks kept is in the ledger, each punch once, whatever the way.

use device_protocols::sim::SimClock;
use edge_agent::store::{Link, ReadTx};
use rstest::rstest;

use crate::factory::{Factory, clock, punch, serve};

#[rstest]
#[case("40")]
#[case("16s")]
#[case("8a")]
#[case("8b")]
#[case("49")]
#[tokio::test(flavor = "multi_thread")]
async fn a_polled_clock_of_any_layout_gives_each_punch_once_under_the_persons_code(#[case] format: &str) {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("POLLED1", format, 700, 30)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("POLLED1", &server).await;
    factory.collected(&[&sim]).await;
    // Live punches come by a hint, or by the next look.
    (0..5).for_each(|_| punch(&sim));
    factory.collected(&[&sim]).await;
    let state = factory.state("POLLED1").await.unwrap();
    let c = state.counters;
    assert_eq!((c.new, c.quarantined), (705, 0), "{state:?}");
    assert_eq!(c.read, c.new + c.repeat + c.quarantined);
    // Only what followed the known part of the log was sent again.
    assert!(c.repeat < 700, "{c:?}");
    assert_eq!(state.link, Link::Online);
    assert_eq!(state.user_count, Some(30));
    factory.close().await;
    assert!(sim.is_enabled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushing_clock_gives_each_punch_once_also_when_it_sends_all_again() {
    let factory = Factory::open().await;
    factory.adopt_pushing("PUSHED1").await;
    let sim = SimClock::open(clock("PUSHED1", "40", 500, 30)).unwrap();
    let _pushing = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    sim.change_faults(|faults| faults.push_twice = true);
    sim.resend_all();
    punch(&sim);
    factory.collected(&[&sim]).await;
    factory
        .until("the history to be sent again", async || {
            factory.state("PUSHED1").await.unwrap().counters.repeat >= 500
        })
        .await;
    let counters = factory.state("PUSHED1").await.unwrap().counters;
    assert_eq!(counters.new, 501);
    assert_eq!(counters.read, counters.new + counters.repeat);
    assert_eq!(factory.count("SELECT count(*) FROM observation").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushing_clock_that_introduces_itself_again_goes_on_where_it_stopped() {
    let factory = Factory::open().await;
    factory.adopt_pushing("PUSHED2").await;
    let sim = SimClock::open(clock("PUSHED2", "40", 500, 30)).unwrap();
    let pushing = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    factory.until("the answers to arrive", async || sim.acknowledged() == 500).await;
    drop(pushing);
    punch(&sim);
    // A clock sends everything from where it is told when it introduces itself.
    let _pushing = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    let counters = factory.state("PUSHED2").await.unwrap().counters;
    assert_eq!((counters.new, counters.read), (501, 501));
}

#[rstest]
#[case("40")]
#[case("8b")]
#[tokio::test(flavor = "multi_thread")]
async fn one_clock_read_and_pushing_at_once_gives_each_punch_once(#[case] format: &str) {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("BOTH1", format, 600, 40)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("BOTH1", &server).await;
    let _pushing = factory.let_push(&sim);
    (0..20).for_each(|_| punch(&sim));
    factory.collected(&[&sim]).await;
    // The ways read the same punch differently; the second reading is kept beside the first.
    factory
        .until("the other way's readings", async || {
            factory.count("SELECT count(*) FROM observation").await == 620
        })
        .await;
    assert_eq!(factory.count("SELECT count(*) FROM rec_punch_note").await, 0);
    factory.collected(&[&sim]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_impossible_dates_are_quarantined_and_hold_up_nothing() {
    let factory = Factory::open().await;
    let mut config = clock("BAD1", "40", 300, 20);
    config.faults.bad_date_rows = [0, 150, 299].into();
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("BAD1", &server).await;
    factory.collected(&[&sim]).await;
    punch(&sim);
    factory.collected(&[&sim]).await;
    let counters = factory.state("BAD1").await.unwrap().counters;
    assert_eq!((counters.new, counters.quarantined), (298, 3));
    let rows = factory.store.read(|tx| tx.quarantined_before(i64::MAX, 10)).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.detail.contains("02-31")), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_clock_is_shown_and_keeps_its_data_until_it_is_adopted() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("NEW1", "40", 50, 10)).unwrap();
    let _pushing = factory.let_push(&sim);
    let pending = || factory.store.read(ReadTx::pending_devices);
    factory.until("the clock to be shown", async || pending().await.unwrap().len() == 1).await;
    assert_eq!(factory.ledger().await.len(), 0);
    assert_eq!(sim.acknowledged(), 0);
    factory.adopt_pushing("NEW1").await;
    factory.collected(&[&sim]).await;
    assert_eq!(pending().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_only_grew_is_not_looked_at_again_and_one_that_was_cleared_is() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("GROW1", "40", 400, 20)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("GROW1", &server).await;
    factory.collected(&[&sim]).await;
    let asked = edge_agent::device::supervisor::Wanted::Pull;
    let serial = shared_model::ClockSerial::parse("GROW1").unwrap();
    let outcome = factory.ask(&serial, asked).await.unwrap();
    assert_eq!((outcome.taken.read, outcome.taken.repeat), (400, 400));
    drop(server);
    // A clock of the same serial whose log begins otherwise: an older one was cleared.
    let mut config = clock("GROW1", "40", 450, 20);
    config.generator = device_protocols::sim::Generator::Shifts {
        users: 20,
        first_code: 1001,
        seed: 8,
        from: "2026-11-01".parse().unwrap(),
    };
    let other = SimClock::open(config).unwrap();
    let server = serve(&other).await;
    factory
        .store
        .write(move |tx| {
            let known = tx.records::<shared_model::entity::Device>()?.remove(0);
            let mut device = known.record;
            device.address = shared_model::text::HostAddress::parse(&server.address().to_string()).ok();
            tx.update(&edge_agent::store::Author::CONSOLE, known.id, None, &device)?;
            // Kept listening until the test ends.
            std::mem::forget(server);
            Ok(())
        })
        .await
        .unwrap();
    factory.collected(&[&sim, &other]).await;
}
