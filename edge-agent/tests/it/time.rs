//! Clocks that are wrong.

use chrono::Duration;
use device_protocols::clock::SystemClock as SimulatorClock;
use device_protocols::sim::{Generator, SimClock};
use edge_agent::device::supervisor::Wanted;
use edge_agent::store::ReadTx;
use shared_model::entity::PunchNote;
use shared_model::{Clock as _, ClockSerial, PunchFlag, PunchId};

use crate::factory::{Factory, clock, kept, punch, serve};

/// The marks in the store: punch and name, in order.
async fn marks(factory: &Factory) -> Vec<(PunchId, String)> {
    let notes = factory.store.read(ReadTx::records::<PunchNote>).await.unwrap();
    let mut marks: Vec<_> = notes
        .iter()
        .map(|note| (note.record.punch, note.record.flag.as_ref().unwrap().to_string()))
        .collect();
    marks.sort();
    marks
}

fn mark(punch: PunchId, flag: PunchFlag) -> (PunchId, String) {
    (punch, flag.as_str().to_owned())
}

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
    // That the clock was behind is seen of the punch itself, and again when the clock is set.
    let latest = kept(&sim).last().copied().unwrap();
    assert_eq!(
        marks(&factory).await,
        [mark(latest, PunchFlag::ClockDrift), mark(latest, PunchFlag::DeviceSkew)]
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn punches_from_the_future_are_marked_and_a_right_clock_s_are_not() {
    let factory = Factory::open().await;
    let (right, fast) = ("RIGHT1", "FAST1");
    let sims = [right, fast].map(|serial| SimClock::open(clock(serial, "40", 10, 5)).unwrap());
    let servers = [serve(&sims[0]).await, serve(&sims[1]).await];
    factory.adopt_polled(right, &servers[0]).await;
    factory.adopt_polled(fast, &servers[1]).await;
    factory.collected(&[&sims[0], &sims[1]]).await;
    assert_eq!(marks(&factory).await, [], "what was read first is as old as it is");

    sims[1].set_wall_time(sims[1].wall_time(&SimulatorClock) + Duration::minutes(10), &SimulatorClock);
    punch(&sims[0]);
    punch(&sims[1]);
    factory.collected(&[&sims[0], &sims[1]]).await;
    let latest = kept(&sims[1]).pop().unwrap();
    assert_eq!(marks(&factory).await, [mark(latest, PunchFlag::DeviceSkew)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_turned_back_is_found_out_and_marks_are_not_doubled_by_reading_again() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("BACK1", "40", 10, 5)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("BACK1", &server).await;
    factory.collected(&[&sim]).await;
    punch(&sim);
    factory.collected(&[&sim]).await;
    let read = "SELECT count(*) FROM device_state WHERE log_position = 11";
    factory.until("the reading's end", async || factory.count(read).await == 1).await;

    sim.set_wall_time(sim.wall_time(&SimulatorClock) - Duration::minutes(15), &SimulatorClock);
    punch(&sim);
    factory.collected(&[&sim]).await;
    let first = kept(&sim).pop().unwrap();
    let mut wanted = vec![mark(first, PunchFlag::DeviceBackwards), mark(first, PunchFlag::DeviceSkew)];
    assert_eq!(marks(&factory).await, wanted);

    // The next one is wrong by as much, but did not fall from the one before.
    sim.set_wall_time(sim.wall_time(&SimulatorClock) + Duration::seconds(1), &SimulatorClock);
    punch(&sim);
    factory.collected(&[&sim]).await;
    wanted.push(mark(kept(&sim).pop().unwrap(), PunchFlag::DeviceSkew));
    wanted.sort();
    assert_eq!(marks(&factory).await, wanted);

    // All of it again, by reading and by posting.
    factory.ask(&ClockSerial::parse("BACK1").unwrap(), Wanted::Pull).await.unwrap();
    let _posting = factory.let_push(&sim);
    let repeats = "SELECT count(*) FROM device_state WHERE repeat_rows >= 26";
    factory.until("repeats by both ways", async || factory.count(repeats).await == 1).await;
    assert_eq!(marks(&factory).await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_clock_that_is_ahead_is_marked_too() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("FASTPUSH1", "40", 10, 5)).unwrap();
    factory.adopt_pushing("FASTPUSH1").await;
    let _posting = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    punch(&sim);
    let right = "SELECT count(*) FROM device_state WHERE right_at IS NOT NULL";
    factory.until("the clock to be right", async || factory.count(right).await == 1).await;
    sim.set_wall_time(sim.wall_time(&SimulatorClock) + Duration::minutes(10), &SimulatorClock);
    punch(&sim);
    factory.collected(&[&sim]).await;
    let latest = kept(&sim).pop().unwrap();
    assert_eq!(marks(&factory).await, [mark(latest, PunchFlag::DeviceSkew)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_first_of_a_clock_that_is_hours_wrong_is_marked() {
    let factory = Factory::open().await;
    let now = edge_agent::clock::SystemClock::start().now();
    let mut config = clock("SLOW1", "40", 10, 5);
    // Its first punches are of yesterday, and its time is that of London.
    let yesterday = (now - Duration::days(1)).date_naive();
    config.generator = Generator::Shifts { users: 5, first_code: 1001, seed: 7, from: yesterday };
    config.utc_offset_minutes = 0;
    let sim = SimClock::open(config).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("SLOW1", &server).await;
    factory.collected(&[&sim]).await;
    let wanted = || {
        let mut wanted: Vec<_> =
            kept(&sim).into_iter().map(|punch| mark(punch, PunchFlag::DeviceSkew)).collect();
        wanted.sort();
        wanted
    };
    factory.until("the marks", async || marks(&factory).await.len() == 10).await;
    assert_eq!(marks(&factory).await, wanted());
    // What comes later is judged by when it comes, as ever.
    punch(&sim);
    factory.collected(&[&sim]).await;
    factory.until("the mark", async || marks(&factory).await == wanted()).await;
    let doubted = "SELECT count(*) FROM audit WHERE action = 'device.first_punches_doubted'";
    assert_eq!(factory.count(doubted).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_posting_clock_is_learnt_from_what_it_posts() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("FASTPUSH2", "40", 10, 5)).unwrap();
    factory.adopt_pushing("FASTPUSH2").await;
    let _posting = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    let drift = async || factory.state("FASTPUSH2").await.and_then(|state| state.drift_seconds);
    assert_eq!(drift().await, None, "what it kept tells nothing of its time");
    punch(&sim);
    factory.until("a right time", async || drift().await == Some(0)).await;
    sim.set_wall_time(sim.wall_time(&SimulatorClock) + Duration::hours(6), &SimulatorClock);
    punch(&sim);
    factory
        .until("a wrong time", async || drift().await.is_some_and(|drift| (21_590..=21_610).contains(&drift)))
        .await;
}
