//! What comes in a clock's name is believed only where something ties it to the clock.

use std::net::Ipv4Addr;

use device_protocols::sim::SimClock;
use edge_agent::clock::SystemClock;
use edge_agent::store::{Disbelief, DisbeliefReason, Stamps};
use shared_model::{Clock as _, ClockSerial};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::factory::{Factory, clock, punch, serve};

/// Another machine of the factory's network.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What an attacker posts: a punch that never was, with a stamp beyond all that the clock has.
const INVENTED: &str = "1001\t2026-11-20 08:00:00\t0\t1\n";

/// Sends a request from an address and returns the status of the answer.
async fn send(factory: &Factory, from: Ipv4Addr, request: &str) -> u16 {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(factory.push).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn get(factory: &Factory, from: Ipv4Addr, target: &str) -> u16 {
    send(factory, from, &format!("GET /iclock/{target} HTTP/1.1\r\nConnection: close\r\n\r\n")).await
}

async fn post(factory: &Factory, from: Ipv4Addr, target: &str, body: &str) -> u16 {
    let length = body.len();
    let head =
        format!("POST /iclock/{target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    send(factory, from, &(head + body)).await
}

/// Everything that can be said in a clock's name, but for an introduction.
async fn impersonate(factory: &Factory, serial: &str, from: Ipv4Addr) -> [u16; 6] {
    [
        post(factory, from, &format!("cdata?SN={serial}&table=ATTLOG&Stamp=99999999"), INVENTED).await,
        post(
            factory,
            from,
            &format!("cdata?SN={serial}&table=OPERLOG&OpStamp=99999999"),
            "USER PIN=1\tName=X\n",
        )
        .await,
        post(factory, from, &format!("cdata?SN={serial}&table=options"), "~DeviceName=X,TransactionCount=9")
            .await,
        post(factory, from, &format!("devicecmd?SN={serial}"), "ID=1&Return=0&CMD=DATA\n").await,
        get(factory, from, &format!("getrequest?SN={serial}&INFO=X,1,1,9,1.1.1.1")).await,
        get(factory, from, &format!("ping?SN={serial}")).await,
    ]
}

async fn disbelief(factory: &Factory, serial: &str) -> Option<Disbelief> {
    let (serial, now) = (ClockSerial::parse(serial).unwrap(), SystemClock::start().now());
    factory.store.read(move |tx| tx.disbelief(&serial, now)).await.unwrap()
}

async fn stamps(factory: &Factory, serial: &str) -> Stamps {
    let serial = ClockSerial::parse(serial).unwrap();
    factory.store.read(move |tx| tx.stamps(&serial)).await.unwrap()
}

/// A clock of ten punches with a communication key.
fn keyed(serial: &str, key: u32) -> std::sync::Arc<SimClock> {
    let mut config = clock(serial, "40", 10, 5);
    config.comm_key = key;
    SimClock::open(config).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_with_a_key_is_believed_only_from_where_it_showed_the_key() {
    let factory = Factory::open().await;
    factory.adopt_pushing("KEYED1").await;
    factory.set_key("KEYED1", "4711").await;
    assert_eq!(impersonate(&factory, "KEYED1", STRANGER).await, [503; 6], "before the clock came at all");
    let sim = keyed("KEYED1", 4711);
    let _posting = factory.let_push(&sim);
    factory.collected(&[&sim]).await;
    factory.until("the answers to arrive", async || sim.acknowledged() == 10).await;
    let before = (stamps(&factory, "KEYED1").await, factory.state("KEYED1").await.unwrap().counters);
    assert_eq!(impersonate(&factory, "KEYED1", STRANGER).await, [503; 6]);
    assert_eq!(get(&factory, STRANGER, "cdata?SN=KEYED1&options=all").await, 503);
    assert_eq!(get(&factory, STRANGER, "cdata?SN=KEYED1&options=all&pushcommkey=1").await, 503);
    assert_eq!(impersonate(&factory, "KEYED1", STRANGER).await, [503; 6]);
    let after = (stamps(&factory, "KEYED1").await, factory.state("KEYED1").await.unwrap().counters);
    assert_eq!(after, before);
    let told = disbelief(&factory, "KEYED1").await.unwrap();
    assert_eq!((told.address.as_str(), told.reason), ("127.0.0.2", DisbeliefReason::Address));
    // The clock itself goes on.
    punch(&sim);
    factory.collected(&[&sim]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_clock_showed_its_key_outlives_a_restart_and_ends_with_the_key() {
    let mut factory = Factory::open().await;
    factory.adopt_pushing("KEYED2").await;
    factory.set_key("KEYED2", "4711").await;
    let greeting = "cdata?SN=KEYED2&options=all&pushcommkey=4711";
    assert_eq!(get(&factory, Ipv4Addr::LOCALHOST, greeting).await, 200);
    let first = "cdata?SN=KEYED2&table=ATTLOG&Stamp=1";
    assert_eq!(post(&factory, Ipv4Addr::LOCALHOST, first, INVENTED).await, 200);
    factory = factory.restart().await;
    // It need not introduce itself again.
    assert_eq!(post(&factory, Ipv4Addr::LOCALHOST, first, INVENTED).await, 200);
    factory.set_key("KEYED2", "4712").await;
    assert_eq!(post(&factory, Ipv4Addr::LOCALHOST, first, INVENTED).await, 503);
    assert_eq!(get(&factory, Ipv4Addr::LOCALHOST, greeting).await, 503);
    assert_eq!(disbelief(&factory, "KEYED2").await.unwrap().address, "127.0.0.1");
    let greeting = "cdata?SN=KEYED2&options=all&pushcommkey=4712";
    assert_eq!(get(&factory, Ipv4Addr::LOCALHOST, greeting).await, 200);
    assert_eq!(post(&factory, Ipv4Addr::LOCALHOST, first, INVENTED).await, 200);
    assert_eq!(disbelief(&factory, "KEYED2").await, None, "whoever was not believed has shown the key");
    assert_eq!(post(&factory, STRANGER, first, INVENTED).await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_read_is_believed_from_where_it_is_read() {
    let factory = Factory::open().await;
    let sim = SimClock::open(clock("READ1", "40", 10, 5)).unwrap();
    let server = serve(&sim).await;
    factory.adopt_polled("READ1", &server).await;
    factory.collected(&[&sim]).await;
    assert_eq!(impersonate(&factory, "READ1", STRANGER).await, [503; 6]);
    // Without a key, an introduction proves nothing.
    assert_eq!(get(&factory, STRANGER, "cdata?SN=READ1&options=all").await, 503);
    assert_eq!(impersonate(&factory, "READ1", STRANGER).await, [503; 6]);
    assert_eq!(disbelief(&factory, "READ1").await.unwrap().reason, DisbeliefReason::Address);
    factory.collected(&[&sim]).await;
    let _posting = factory.let_push(&sim);
    punch(&sim);
    factory.collected(&[&sim]).await;
    factory.until("the posts", async || factory.count("SELECT count(*) FROM observation").await == 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_read_with_a_key_may_post_from_elsewhere_by_it() {
    let factory = Factory::open().await;
    let sim = keyed("READ2", 99);
    let server = serve(&sim).await;
    factory.adopt_polled("READ2", &server).await;
    factory.set_key("READ2", "99").await;
    factory.collected(&[&sim]).await;
    let _posting = factory.let_push_from(&sim, STRANGER);
    factory.until("the posts", async || factory.count("SELECT count(*) FROM observation").await == 10).await;
    factory.collected(&[&sim]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_cannot_be_tried_one_after_the_other() {
    let factory = Factory::open().await;
    factory.adopt_pushing("KEYED3").await;
    factory.set_key("KEYED3", "4711").await;
    for key in 0..5 {
        let target = format!("cdata?SN=KEYED3&options=all&pushcommkey={key}");
        assert_eq!(get(&factory, STRANGER, &target).await, 503);
    }
    let right = "cdata?SN=KEYED3&options=all&pushcommkey=4711";
    assert_eq!(get(&factory, STRANGER, right).await, 503, "it has tried too many");
    assert_eq!(get(&factory, Ipv4Addr::LOCALHOST, right).await, 200, "the clock has tried none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_clock_is_shown_with_where_it_posts_from() {
    let factory = Factory::open().await;
    assert_eq!(get(&factory, STRANGER, "cdata?SN=NEW9&options=all").await, 503);
    let waiting = factory.store.read(edge_agent::store::ReadTx::pending_devices).await.unwrap();
    assert_eq!(waiting[0].address, "127.0.0.2");
}
