//! What is done at the clocks themselves, and what posting clocks are asked to do.

use device_protocols::clock::SystemClock;
use device_protocols::sim::SimClock;
use edge_agent::device::supervisor::Wanted;
use edge_agent::store::{ClockAct, ClockEvent, CommandState, DeviceCommand};
use rstest::rstest;
use shared_model::ClockSerial;

use crate::factory::{Factory, clock, kept, punch, serve};

async fn events(factory: &Factory, serial: &str) -> Vec<ClockEvent> {
    let serial = ClockSerial::parse(serial).unwrap();
    factory.store.read(move |tx| tx.clock_events(&serial, 100)).await.unwrap()
}

async fn commands(factory: &Factory, serial: &str) -> Vec<DeviceCommand> {
    let serial = ClockSerial::parse(serial).unwrap();
    factory.store.read(move |tx| tx.device_commands(&serial, 100)).await.unwrap()
}

#[rstest]
#[case::polled(true)]
#[case::pushing(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_somebody_clears_at_the_clock_is_told_and_what_was_read_stays(#[case] polled: bool) {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("MENU1", "40", 300, 20)).unwrap();
    let server = serve(&sim).await;
    let _pushing = if polled {
        factory.adopt_polled("MENU1", &server).await;
        None
    } else {
        factory.adopt_pushing("MENU1").await;
        Some(factory.let_push(&sim))
    };
    factory.collected(&[&sim]).await;
    sim.operate(4, 7, &SystemClock);
    sim.clear_log(7, &SystemClock);
    let serial = ClockSerial::parse("MENU1").unwrap();
    factory
        .until("the clock to tell", async || {
            if polled {
                // The supervisor looks for more now and then; somebody who asks sees it at once.
                factory.ask(&serial, Wanted::Test).await.unwrap();
                factory.ask(&serial, Wanted::Pull).await.unwrap();
            }
            events(&factory, "MENU1").await.len() >= 2
        })
        .await;
    let told = events(&factory, "MENU1").await;
    let acts: Vec<(ClockAct, &str)> = told.iter().map(|event| (event.act, event.admin.as_str())).collect();
    assert_eq!(acts, [(ClockAct::LogCleared, "7"), (ClockAct::Menu, "7")]);
    assert_eq!(factory.ledger().await.len(), 300, "the ledger keeps what the clock has not");
    punch(&sim);
    factory.until("the next punch", async || factory.ledger().await.len() == 301).await;
    assert_eq!(factory.ledger().await, kept(&sim).into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_posting_clock_is_asked_to_do_waits_for_it_and_is_done_when_it_says_so() {
    let factory = Factory::open().await;
    factory.adopt_pushing("ASKED1").await;
    let serial = ClockSerial::parse("ASKED1").unwrap();
    let sim = SimClock::open(clock("ASKED1", "40", 250, 20)).unwrap();
    factory
        .until("the clock to be known", async || {
            factory.ask(&serial, Wanted::Pull).await.is_ok_and(|o| o.queued)
        })
        .await;
    let waiting = commands(&factory, "ASKED1").await;
    assert_eq!((waiting.len(), waiting[0].state, waiting[0].attempts), (1, CommandState::Queued, 0));
    let _pushing = factory.let_push(&sim);
    factory
        .until("the clock to have done it", async || {
            commands(&factory, "ASKED1").await[0].state == CommandState::Answered
        })
        .await;
    let done = commands(&factory, "ASKED1").await.remove(0);
    assert_eq!((done.code, done.attempts), (Some(250), 1));
    factory.collected(&[&sim]).await;
}
