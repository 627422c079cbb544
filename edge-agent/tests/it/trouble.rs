//! Cut lines, restarts, full disks: late, but whole.

use std::time::Duration;

use device_protocols::sim::{SimClock, Transfer};
use edge_agent::device::supervisor::Wanted;
use edge_agent::store::Link;
use rstest::rstest;
use shared_model::ClockSerial;

use crate::factory::{Factory, clock, punch, serve};

#[rstest]
#[case::cut(|faults: &mut device_protocols::sim::Faults| faults.drop_after_chunk = Some(1))]
#[case::restart(|faults: &mut device_protocols::sim::Faults| {
    faults.reboot_after_chunk = Some(1);
    faults.reboot_ms = 300;
})]
#[case::torn(|faults: &mut device_protocols::sim::Faults| faults.torn = Some(7))]
#[case::coalesced(|faults: &mut device_protocols::sim::Faults| faults.coalesce = true)]
#[case::events(|faults: &mut device_protocols::sim::Faults| faults.event_before_reply = true)]
#[case::inline(|faults: &mut device_protocols::sim::Faults| faults.transfer = Transfer::Inline)]
#[case::pieces(|faults: &mut device_protocols::sim::Faults| faults.transfer = Transfer::Pieces)]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_in_trouble_loses_nothing(#[case] trouble: fn(&mut device_protocols::sim::Faults)) {
    let factory = Factory::open().await;
    let mut config = clock("TROUBLE1", "40", 3000, 50);
    trouble(&mut config.faults);
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("TROUBLE1", &server).await;
    factory.collected(&[&sim]).await;
    let counters = factory.state("TROUBLE1").await.unwrap().counters;
    assert_eq!(counters.read, counters.new + counters.repeat + counters.quarantined);
    factory.close().await;
    assert!(sim.is_enabled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_shown_and_read_when_it_is_back() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("OFF1", "40", 100, 10)).unwrap();
    let server = serve(&sim).await;
    let address = server.address();
    factory.adopt_polled("OFF1", &server).await;
    factory.collected(&[&sim]).await;
    drop(server);
    sim.change_faults(|faults| faults.silent_after = Some(0));
    let link = async || factory.state("OFF1").await.unwrap().link;
    factory.until("the clock to be offline", async || link().await == Link::Offline).await;
    assert!(factory.state("OFF1").await.unwrap().last_error.is_some());
    punch(&sim);
    sim.change_faults(|faults| faults.silent_after = None);
    let _server = device_protocols::sim::tcp::TcpServer::start(
        sim.clone(),
        address,
        device_protocols::clock::SystemClock,
    )
    .await
    .unwrap();
    factory.collected(&[&sim]).await;
    factory.until("the clock to be online", async || link().await == Link::Online).await;
    assert_eq!(factory.state("OFF1").await.unwrap().last_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clock_at_the_address_is_told_and_nothing_is_taken_from_it() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("OTHER1", "40", 100, 10)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("WANTED1", &server).await;
    factory
        .until("the other clock to be told", async || {
            factory.state("WANTED1").await.is_some_and(|state| state.link == Link::WrongClock)
        })
        .await;
    let state = factory.state("WANTED1").await.unwrap();
    assert!(state.last_error.unwrap().contains("OTHER1"));
    assert_eq!(factory.ledger().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_not_tried_again_and_again() {
    let factory = Factory::open().await;
    let mut config = clock("KEY1", "40", 100, 10);
    config.comm_key = 4711;
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("KEY1", &server).await;
    factory
        .until("the key to be refused", async || {
            factory.state("KEY1").await.is_some_and(|state| state.link == Link::WrongKey)
        })
        .await;
    let tried = sim.tally().connections();
    // Another clock tells by its rounds that this one would have been tried again by now.
    let other = SimClock::open(clock("KEY2", "40", 100, 10)).unwrap();
    let beside = serve(&other).await;
    factory.adopt_polled("KEY2", &beside).await;
    factory.collected(&[&other]).await;
    let rounds = other.tally().requests();
    factory.until("other rounds", async || other.tally().requests() > rounds + 6).await;
    assert_eq!(sim.tally().connections(), tried);
    let serial = ClockSerial::parse("KEY1").unwrap();
    factory.store.write(move |tx| tx.set_comm_key(&serial, "4711")).await.unwrap();
    factory.collected(&[&sim, &other]).await;
}

#[rstest]
#[case::polled(true)]
#[case::pushing(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_goes_on_without_a_restart(#[case] polled: bool) {
    let factory = Factory::open().await;
    factory.keep_room_back();
    let sim = SimClock::open(clock("FULL1", "40", 4000, 100)).unwrap();
    let limit = async |pages: i64| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        factory.store.write(move |tx| Ok(tx.connection().query_row(&sql, [], |_| Ok(()))?)).await.unwrap();
    };
    let pages = factory.count("PRAGMA page_count").await;
    limit(pages + 40).await;
    let server = serve(&sim).await;
    let pushing;
    if polled {
        factory.adopt_polled("FULL1", &server).await;
    } else {
        factory.adopt_pushing("FULL1").await;
        pushing = factory.let_push(&sim);
        let _ = &pushing;
    }
    let probe = async || {
        let filled = factory.store.write(|tx| {
            Ok(tx.connection().execute_batch(
            "CREATE TABLE filler (x BLOB); INSERT INTO filler VALUES (zeroblob(400000)); DROP TABLE filler")?)
        });
        matches!(filled.await, Err(edge_agent::store::StoreError::DiskFull))
    };
    factory.until("the disk to be full", probe).await;
    let held = i64::try_from(factory.ledger().await.len()).unwrap();
    assert!(held < 4000);
    assert_eq!(factory.count("SELECT count(*) FROM ledger_log WHERE entry = 1").await, held);
    if !polled {
        assert!(sim.acknowledged() <= u64::try_from(held).unwrap(), "acknowledged more than is kept");
    }
    limit(1_000_000).await;
    factory.collected(&[&sim]).await;
    let counters = factory.state("FULL1").await.unwrap().counters;
    assert_eq!(counters.new, 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_stops_in_the_middle_of_a_reading_leaves_the_clock_free() {
    let mut config = crate::factory::eager();
    config.hold_seconds = 60;
    let factory = Factory::with(config).await;
    let mut config = clock("HALF1", "40", 20_000, 50);
    config.faults.delay_ms = 20;
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("HALF1", &server).await;
    factory.until("the reading to have begun", async || sim.tally().locks() > 0 && !sim.is_enabled()).await;
    factory.close().await;
    let start = tokio::time::Instant::now();
    while !sim.is_enabled() {
        assert!(start.elapsed() < Duration::from_secs(10), "the clock stayed locked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_posts_cannot_be_asked_what_only_polled_ones_can() {
    let factory = Factory::open().await;
    factory.adopt_pushing("ASK1").await;
    let serial = ClockSerial::parse("ASK1").unwrap();
    factory
        .until("the clock to be known", async || {
            !matches!(
                factory.ask(&serial, Wanted::SetTime).await,
                Err(edge_agent::device::fleet::AskError::Unknown(_))
            )
        })
        .await;
    assert!(factory.ask(&serial, Wanted::SetTime).await.is_err());
    let sim = SimClock::open(clock("ASK1", "40", 60, 10)).unwrap();
    let _pushing = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    let queued = factory.ask(&serial, Wanted::Pull).await.unwrap();
    assert!(queued.queued);
    factory
        .until("the log to be sent again", async || {
            factory.state("ASK1").await.unwrap().counters.repeat >= 60
        })
        .await;
    let nobody = ClockSerial::parse("NOBODY").unwrap();
    assert!(factory.ask(&nobody, Wanted::Test).await.is_err());
}
