//! Clocks that are wrong.

use chrono::Duration;
use device_protocols::clock::SystemClock as SimulatorClock;
use device_protocols::sim::SimClock;
use edge_agent::device::supervisor::Wanted;
use edge_agent::store::{CLOCK_DRIFT, ReadTx};
use shared_model::ClockSerial;
use shared_model::entity::PunchNote;

use crate::factory::{Factory, clock, punch, serve};

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_measured_and_left_alone_where_the_clock_may_not_be_set() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("DRIFT1", "40", 10, 5)).unwrap();
    sim.set_wall_time(sim.wall_time(&SimulatorClock) + Duration::seconds(300), &SimulatorClock);
    let server = serve(&sim).await;
    factory.adopt_polled("DRIFT1", &server).await;
    factory
        .until("the drift", async || {
            let state = factory.state("DRIFT1").await;
            state.and_then(|state| state.drift_seconds).is_some_and(|drift| (298..=302).contains(&drift))
        })
        .await;
    factory.collected(&[&sim]).await;
    assert_eq!(factory.count("SELECT count(*) FROM audit WHERE action = 'device.set_time'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_beyond_the_limit_is_set_and_what_was_punched_meanwhile_is_marked() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("DRIFT2", "40", 10, 5)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled_and_set("DRIFT2", &server).await;
    let drift = async || factory.state("DRIFT2").await.and_then(|state| state.drift_seconds);
    factory.until("the clock to be right", async || drift().await.is_some_and(|d| d.abs() < 3)).await;
    factory.collected(&[&sim]).await;

    sim.set_wall_time(sim.wall_time(&SimulatorClock) - Duration::seconds(900), &SimulatorClock);
    punch(&sim);
    let set = "SELECT count(*) FROM audit WHERE action = 'device.set_time' AND via = 'system'";
    factory.until("the clock to be set", async || factory.count(set).await == 1).await;
    factory.until("the clock to be right again", async || drift().await.is_some_and(|d| d.abs() < 3)).await;
    factory.collected(&[&sim]).await;
    let notes = factory.store.read(ReadTx::records::<PunchNote>).await.unwrap();
    let marked: Vec<_> = notes.iter().filter_map(|note| note.record.flag.as_ref()).collect();
    assert_eq!(marked.iter().map(|flag| flag.as_str()).collect::<Vec<_>>(), [CLOCK_DRIFT]);
    let latest = crate::factory::kept(&sim).last().copied().unwrap();
    assert_eq!(notes[0].record.punch, latest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_set_a_clock_that_the_agent_may_not() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("DRIFT3", "40", 10, 5)).unwrap();
    sim.set_wall_time(sim.wall_time(&SimulatorClock) + Duration::seconds(30), &SimulatorClock);
    let server = serve(&sim).await;
    factory.adopt_polled("DRIFT3", &server).await;
    factory.collected(&[&sim]).await;
    let serial = ClockSerial::parse("DRIFT3").unwrap();
    let outcome = factory.ask(&serial, Wanted::SetTime).await.unwrap();
    assert!(outcome.drift_seconds.unwrap().abs() < 3, "{outcome:?}");
    let set = "SELECT count(*) FROM audit WHERE action = 'device.set_time' AND via = 'console'";
    assert_eq!(factory.count(set).await, 1);
}
