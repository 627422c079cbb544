//! Two dissimilar drivers behind one trait: one goes and asks, one waits to be told.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, NaiveDate};
use device_protocols::clock::SystemClock;
use device_protocols::driver::{
    Ask, Carried, ClockUser, Driver, DriverError, LogEnd, Observed, Order, Origin, Refused, Route, Sink,
};
use device_protocols::operation::Operation;
use device_protocols::push::command::CommandId;
use device_protocols::push::listener::UploadTable;
use device_protocols::push::{
    Caller, CommandResult, HandshakeOptions, Hello, Host, PushCommand, PushDriver, Stamp,
};
use device_protocols::row::AttendanceRow;
use device_protocols::serial::Serial;
use device_protocols::sim::live::punch_now;
use device_protocols::sim::push::PushTarget;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Generator, SimClock, SimConfig, push};
use device_protocols::text::TextEncoding;
use device_protocols::zk::client::{ClientOptions, Hold};
use device_protocols::zk::key::CommKey;
use device_protocols::zk::{ZkDriver, ZkTarget};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Keeps what any driver brings.
#[derive(Default)]
struct Kept {
    rows: Mutex<Vec<(Origin, AttendanceRow)>>,
    users: Mutex<Vec<ClockUser>>,
    operations: Mutex<Vec<Operation>>,
    ends: Mutex<Vec<LogEnd>>,
    hints: Mutex<u32>,
    refuse: Mutex<Option<Refused>>,
    refused: Mutex<u32>,
    changed: watch::Sender<u64>,
    queue: Mutex<Vec<PushCommand>>,
    results: Mutex<Vec<CommandResult>>,
    stamp: Mutex<Option<Stamp>>,
}

impl Kept {
    /// Waits until what is kept satisfies a condition.
    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        let met = async {
            while !what(self) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), met).await.expect("what was waited for never came");
    }

    fn codes(&self, route: Route) -> BTreeSet<(String, String)> {
        let rows = self.rows.lock();
        rows.iter().filter(|(origin, _)| origin.route == route).map(|(_, row)| name(row)).collect()
    }
}

fn name(row: &AttendanceRow) -> (String, String) {
    let time = row.time.as_ref().map_or_else(|bad| bad.said().to_owned(), ToString::to_string);
    (row.user.to_string(), time)
}

#[derive(Clone, Default)]
struct Keeper(Arc<Kept>);

impl Sink for Keeper {
    async fn accept(&self, origin: &Origin, observed: Observed) -> Result<(), Refused> {
        let refuse = *self.0.refuse.lock();
        if let Some(refused) = refuse {
            *self.0.refused.lock() += 1;
            self.0.changed.send_modify(|count| *count += 1);
            return Err(refused);
        }
        assert_eq!(origin.serial.as_ref().map(Serial::as_str), Some("SIM0000000001"));
        match observed {
            Observed::Rows { rows, bad } => {
                assert!(bad.is_empty());
                self.0.rows.lock().extend(rows.into_iter().map(|row| (origin.clone(), row)));
            }
            Observed::Users { users, .. } => self.0.users.lock().extend(users),
            Observed::Operations(operations) => self.0.operations.lock().extend(operations),
            Observed::LogEnd(end) => self.0.ends.lock().push(end),
            Observed::Hint(hints) => *self.0.hints.lock() += u32::try_from(hints.len()).unwrap(),
            Observed::Time(reading) => assert!(reading.said.is_ok() && reading.asked <= reading.answered),
            Observed::Facts(_) | Observed::Heard => {}
            Observed::Unread { .. } => panic!("a plausible log was not read"),
        }
        self.0.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}

impl Host for Kept {
    async fn greet(&self, _: &Hello) -> Result<HandshakeOptions, Refused> {
        Ok(HandshakeOptions { attlog_stamp: self.stamp.lock().clone(), ..HandshakeOptions::default() })
    }

    async fn commands(&self, _: &Caller) -> Result<Vec<(CommandId, PushCommand)>, Refused> {
        let queued = std::mem::take(&mut *self.queue.lock());
        let named = |(at, command)| (CommandId::parse(&format!("c{at}")).unwrap(), command);
        Ok(queued.into_iter().enumerate().map(named).collect())
    }

    async fn results(&self, _: &Caller, results: Vec<CommandResult>) -> Result<(), Refused> {
        self.results.lock().extend(results);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn uploaded(&self, _: &Caller, table: UploadTable, stamp: Stamp) -> Result<(), Refused> {
        if table == UploadTable::Attendance {
            *self.stamp.lock() = Some(stamp);
        }
        Ok(())
    }

    async fn enqueue(&self, _: &Serial, command: PushCommand) -> Result<(), Refused> {
        self.queue.lock().push(command);
        Ok(())
    }
}

/// A clock of 3,000 punches by 40 people, and one of them on 31 February.
fn clock(change: impl FnOnce(&mut SimConfig)) -> Arc<SimClock> {
    let mut config = SimConfig::new("SIM0000000001");
    let from = NaiveDate::from_ymd_opt(2026, 8, 1).unwrap();
    config.generator = Generator::Shifts { users: 40, first_code: 1001, seed: 5, from };
    config.records = 3_000;
    config.faults.bad_date_rows = [77].into();
    change(&mut config);
    SimClock::open(config).unwrap()
}

fn sent(sim: &SimClock) -> BTreeSet<(String, String)> {
    sim.sent().map(|line| (line.user, line.time)).collect()
}

struct Driven {
    orders: mpsc::Sender<Order>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), DriverError>>,
}

/// Any driver, served by the same few lines.
fn drive(driver: impl Driver + 'static, sink: Keeper) -> Driven {
    let (orders, receiver) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let ended = tokio::spawn(driver.serve(sink, receiver, stop.clone()));
    Driven { orders, stop, ended }
}

impl Driven {
    async fn order(&self, what: Ask) -> Result<Carried, DriverError> {
        let (order, outcome) = Order::new(Some("SIM0000000001".parse().unwrap()), what);
        self.orders.send(order).await.unwrap();
        outcome.await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

fn target(address: SocketAddr) -> ZkTarget {
    let options = ClientOptions { hold: Hold::Open, ..ClientOptions::default() };
    ZkTarget { address, options, encoding: TextEncoding::Utf8, live: false }
}

async fn serve_tcp(sim: &Arc<SimClock>) -> TcpServer {
    TcpServer::start(Arc::clone(sim), "127.0.0.1:0".parse().unwrap(), SystemClock).await.unwrap()
}

struct PushSide {
    driven: Driven,
    address: SocketAddr,
}

async fn listen(keeper: &Keeper) -> PushSide {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let driver = PushDriver::new(listener, Arc::clone(&keeper.0), SystemClock);
    assert_eq!(driver.route(), Route::Push);
    PushSide { driven: drive(driver, keeper.clone()), address }
}

fn push_to(sim: &Arc<SimClock>, address: SocketAddr) -> CancellationToken {
    let stop = CancellationToken::new();
    let mut target = PushTarget::new(format!("http://{address}").parse().unwrap());
    target.retry = Some(Duration::from_millis(10));
    target.poll = Some(Duration::from_millis(10));
    tokio::spawn(push::run(Arc::clone(sim), target, stop.clone()));
    stop
}

#[tokio::test]
async fn the_polling_driver_brings_what_it_is_sent_for() {
    let (sim, keeper) = (clock(|_| {}), Keeper::default());
    let server = serve_tcp(&sim).await;
    let driver = ZkDriver::new(target(server.address()), SystemClock);
    assert_eq!(driver.route(), Route::ZkTcp);
    let driven = drive(driver, keeper.clone());
    assert_eq!(driven.order(Ask::Pull { unless_count: None, after: None }).await, Ok(Carried::Out));
    assert_eq!(keeper.0.codes(Route::ZkTcp), sent(&sim));
    let end = keeper.0.ends.lock().pop().unwrap();
    assert_eq!((end.rows, end.counted, end.whole), (3_000, Some(3_000), true));
    assert_eq!(
        driven.order(Ask::Pull { unless_count: Some(3_000), after: None }).await,
        Ok(Carried::Unchanged)
    );
    assert_eq!(driven.order(Ask::Users).await, Ok(Carried::Out));
    assert_eq!(keeper.0.users.lock().len(), 40);
    for ask in [Ask::Facts, Ask::Time, Ask::SetTime(FixedOffset::east_opt(19_800).unwrap())] {
        assert_eq!(driven.order(ask).await, Ok(Carried::Out));
    }
    driven.stop().await;
}

#[tokio::test]
async fn a_pull_that_is_not_kept_fails_and_is_done_again() {
    let (sim, keeper) = (clock(|_| {}), Keeper::default());
    let server = serve_tcp(&sim).await;
    let driven = drive(ZkDriver::new(target(server.address()), SystemClock), keeper.clone());
    *keeper.0.refuse.lock() = Some(Refused::Unavailable);
    let pull = Ask::Pull { unless_count: None, after: None };
    assert_eq!(driven.order(pull.clone()).await, Err(DriverError::Refused(Refused::Unavailable)));
    assert!(keeper.0.rows.lock().is_empty());
    *keeper.0.refuse.lock() = None;
    assert_eq!(driven.order(pull).await, Ok(Carried::Out));
    assert_eq!(keeper.0.codes(Route::ZkTcp), sent(&sim));
}

#[tokio::test]
async fn a_clock_out_of_reach_fails_the_order_and_not_the_driver() {
    let (sim, keeper) = (clock(|config| config.comm_key = 7), Keeper::default());
    let nobody = drive(ZkDriver::new(target("127.0.0.1:1".parse().unwrap()), SystemClock), keeper.clone());
    for _ in 0..2 {
        let error = nobody.order(Ask::Time).await.unwrap_err();
        assert!(matches!(error, DriverError::Clock { transient: true, .. }), "{error}");
    }
    let server = serve_tcp(&sim).await;
    let mut wrong = target(server.address());
    wrong.options.key = Some(CommKey::new(8));
    let driven = drive(ZkDriver::new(wrong, SystemClock), keeper);
    let error = driven.order(Ask::Time).await.unwrap_err();
    assert!(matches!(error, DriverError::Key(_)), "{error}");
}

#[tokio::test]
async fn a_live_session_brings_hints_between_orders() {
    let (sim, keeper) = (clock(|_| {}), Keeper::default());
    let server = serve_tcp(&sim).await;
    let live = ZkTarget { live: true, ..target(server.address()) };
    let driven = drive(ZkDriver::new(live, SystemClock), keeper.clone());
    driven.order(Ask::Time).await.unwrap();
    for _ in 0..3 {
        punch_now(&sim, &SystemClock).unwrap();
    }
    keeper.0.until(|kept| *kept.hints.lock() == 3).await;
    assert_eq!(driven.order(Ask::Pull { unless_count: Some(3_000), after: None }).await, Ok(Carried::Out));
    assert_eq!(keeper.0.codes(Route::ZkTcp), sent(&sim));
    assert_eq!(sim.tally().connections(), 1);
    driven.stop().await;
}

#[tokio::test]
async fn the_receiving_driver_brings_what_clocks_tell() {
    let (sim, keeper) = (clock(|_| {}), Keeper::default());
    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    keeper.0.until(|kept| kept.rows.lock().len() >= 3_000).await;
    assert_eq!(keeper.0.codes(Route::Push), sent(&sim));
    assert_eq!(keeper.0.users.lock().len(), 40);
    punch_now(&sim, &SystemClock).unwrap();
    keeper.0.until(|kept| kept.rows.lock().len() >= 3_001).await;
    // Each punch came once: a clock that is acknowledged goes on.
    assert_eq!(keeper.0.rows.lock().len(), 3_001);
    stop.cancel();
    side.driven.stop().await;
}

#[tokio::test]
async fn a_push_clock_sends_until_it_is_kept() {
    let (sim, keeper) = (clock(|config| config.faults.push_drop_every = Some(3)), Keeper::default());
    *keeper.0.refuse.lock() = Some(Refused::Unavailable);
    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    // Nothing is kept for a while, and the clock does not forget.
    keeper.0.until(|kept| *kept.refused.lock() >= 3).await;
    assert_eq!((sim.acknowledged(), keeper.0.rows.lock().len()), (0, 0));
    *keeper.0.refuse.lock() = None;
    keeper.0.until(|kept| kept.codes(Route::Push) == sent(&sim)).await;
    stop.cancel();
    side.driven.stop().await;
}

#[tokio::test]
async fn a_whole_history_sent_again_is_brought_again() {
    let (sim, keeper) = (clock(|config| config.faults.push_twice = true), Keeper::default());
    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    keeper.0.until(|kept| kept.rows.lock().len() >= 6_000).await;
    sim.resend_all();
    keeper.0.until(|kept| kept.rows.lock().len() >= 12_000).await;
    assert_eq!(keeper.0.codes(Route::Push), sent(&sim));
    stop.cancel();
    side.driven.stop().await;
}

#[tokio::test]
async fn orders_for_a_push_clock_wait_for_its_poll() {
    let (sim, keeper) = (clock(|config| config.records = 10), Keeper::default());
    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    keeper.0.until(|kept| kept.rows.lock().len() >= 10).await;
    assert_eq!(side.driven.order(Ask::Pull { unless_count: None, after: None }).await, Ok(Carried::Queued));
    assert_eq!(side.driven.order(Ask::Facts).await, Ok(Carried::Queued));
    assert_eq!(side.driven.order(Ask::Users).await, Ok(Carried::Queued));
    assert_eq!(side.driven.order(Ask::Time).await, Err(DriverError::Unable));
    keeper.0.until(|kept| kept.results.lock().len() == 3).await;
    assert_eq!(keeper.0.rows.lock().len(), 20);
    assert_eq!(keeper.0.users.lock().len(), 80);
    let codes: Vec<_> = keeper.0.results.lock().iter().map(|result| result.code).collect();
    assert_eq!(codes, [10, 0, 0]);
    stop.cancel();
    side.driven.stop().await;
}

#[tokio::test]
async fn what_was_done_at_a_clock_is_told_alike_by_both_routes() {
    let (sim, keeper) = (clock(|config| config.records = 10), Keeper::default());
    sim.operate(4, 1, &SystemClock);
    sim.clear_log(1, &SystemClock);
    let server = serve_tcp(&sim).await;
    let polled = drive(ZkDriver::new(target(server.address()), SystemClock), keeper.clone());
    assert_eq!(polled.order(Ask::Operations).await, Ok(Carried::Out));
    let read = std::mem::take(&mut *keeper.0.operations.lock());
    assert_eq!(read.iter().map(|operation| operation.code).collect::<Vec<_>>(), [4, 23]);
    assert_eq!(polled.order(Ask::Pull { unless_count: None, after: None }).await, Ok(Carried::Out));
    assert!(keeper.0.rows.lock().is_empty(), "the log was cleared");

    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    keeper.0.until(|kept| kept.operations.lock().len() >= 2).await;
    assert_eq!(*keeper.0.operations.lock(), read);
    assert_eq!(side.driven.order(Ask::Operations).await, Err(DriverError::Unable));
    sim.operate(30, 1, &SystemClock);
    keeper.0.until(|kept| kept.operations.lock().len() >= 3).await;
    stop.cancel();
    side.driven.stop().await;
}

#[tokio::test]
async fn both_routes_of_one_clock_name_the_same_punches_and_disagree_on_the_rest() {
    let (sim, keeper) = (clock(|_| {}), Keeper::default());
    let server = serve_tcp(&sim).await;
    let polled = drive(ZkDriver::new(target(server.address()), SystemClock), keeper.clone());
    let side = listen(&keeper).await;
    let stop = push_to(&sim, side.address);
    polled.order(Ask::Pull { unless_count: None, after: None }).await.unwrap();
    keeper.0.until(|kept| kept.rows.lock().len() >= 6_000).await;
    assert_eq!(keeper.0.codes(Route::ZkTcp), keeper.0.codes(Route::Push));
    let rows = keeper.0.rows.lock();
    let codes = |route: Route| {
        let mut codes: Vec<_> = rows
            .iter()
            .filter(|(origin, _)| origin.route == route)
            .map(|(_, row)| (name(row), row.verify, row.state, row.work_code.clone()))
            .collect();
        codes.sort();
        codes
    };
    for (tcp, push) in codes(Route::ZkTcp).into_iter().zip(codes(Route::Push)) {
        assert_eq!(tcp.0, push.0);
        assert!(tcp.1 != push.1 && tcp.2 != push.2 && tcp.3 != push.3, "{tcp:?} {push:?}");
    }
    stop.cancel();
}
