//! One polled clock, looked after.
//!
//! ```text
//!        ┌────────────── pause: interval, or backoff after a failure, cut short by a hint or a request
//!        ▼                                                                            │
//!   facts (who are you?) ─ time (how far off?) ─ users (changed?) ─ log (grown?) ─ set time ─┘
//! ```
//!
//! There is one session with a clock at a time. The log is read when its count changed, when somebody seems to have
//! punched, when asked, and once after a start; only what follows the known rows of it, unless the plan (`ReadingPlan`)
//! wants all. A reading that did not get to its end moves nothing forward and comes again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Offset as _, TimeZone as _, Utc};
use device_protocols::driver::{Ask, Carried, Driver as _, DriverError, LogKind, LogMark, Order, Refused};
use device_protocols::text::TextEncoding;
use device_protocols::zk::client::{ClientOptions, Hold};
use device_protocols::zk::driver::{ZkDriver, ZkTarget};
use device_protocols::zk::key::CommKey;
use serde::Serialize;
use shared_model::Entropy;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::address::resolve;
use super::driver_clock::DriverClock;
use super::polled_sink::PolledSink;
use super::reading_plan::{Reading, ReadingPlan};
use super::registry::AdoptedClock;
use crate::backoff::Backoff;
use crate::config::{PollConfig, PushConfig};
use crate::ingest::Intake;
use crate::store::{Author, DeviceReport, Link, LogPlace, StoreError, Taken};

/// Longest wait for an order: a whole log over a bad line.
const ORDER: Duration = Duration::from_secs(40 * 60);
/// After a hint, so that a crowd at the gate is one reading.
const SETTLE: Duration = Duration::from_millis(700);
/// Between tries with a key that the clock refuses: some clocks lock themselves after a few.
const KEY_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Rounds between questions for facts that seldom change.
const FACTS_EVERY: u32 = 30;

/// Something that is wanted of a clock now.
#[derive(Debug)]
pub struct Request {
    /// What.
    pub what: Wanted,
    /// Who wants it.
    pub author: Author,
    /// Where to tell what came of it.
    pub reply: oneshot::Sender<Result<Outcome, String>>,
}

/// What can be wanted of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Its facts and its time.
    Test,
    /// Its log, whole, without trusting what was read before.
    Pull,
    /// Its time set to the true one.
    SetTime,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Outcome {
    /// What became of the rows read.
    pub taken: Taken,
    /// The clock's time minus the true one, seconds.
    pub drift_seconds: Option<i64>,
    /// Whether it waits for the clock to come by.
    pub queued: bool,
}

/// What a supervisor needs.
#[derive(Clone)]
pub struct Setup {
    /// The way into the ledger.
    pub intake: Intake,
    /// Randomness for pauses.
    pub entropy: Arc<dyn Entropy>,
    /// How to poll.
    pub config: PollConfig,
    /// What clocks that post are taken to be like.
    pub push: PushConfig,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error("the log came incomplete ({0}); it is read again")]
    Incomplete(String),
    #[error("no answer within {}", ORDER.as_secs())]
    Silent,
    #[error("{address} is no address: {cause}")]
    Address { address: String, cause: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A log that was read to its end.
struct Read {
    place: LogPlace,
    unchanged: u64,
    grew: bool,
    whole: bool,
}

struct Supervisor<'p> {
    setup: Setup,
    clock: Arc<AdoptedClock>,
    sink: Arc<PolledSink>,
    orders: mpsc::Sender<Order>,
    plan: &'p mut ReadingPlan,
    /// The log's count at the last reading.
    count: Option<u32>,
    users: Option<u32>,
    operations: Option<u32>,
    rounds: u32,
    /// Somebody seems to have punched since the last round.
    hinted: bool,
}

/// Looks after a clock until stopped.
pub async fn supervise(
    setup: Setup,
    clock: Arc<AdoptedClock>,
    mut requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
) {
    let poll = setup.config.clone();
    let mut backoff = Backoff::new(poll.retry_first(), poll.retry_longest());
    let mut plan = ReadingPlan::begin(setup.intake.clock().now());
    while !stop.is_cancelled() {
        let failed = match address(&clock).await {
            Ok(address) => {
                let way = Way { address, backoff: &mut backoff, plan: &mut plan };
                serve(&setup, &clock, way, &mut requests, &stop).await;
                continue;
            }
            Err(error) => error,
        };
        let report = DeviceReport {
            link: Some(Link::Offline),
            error: Some(Some(failed.to_string())),
            ..DeviceReport::default()
        };
        // The store tells in the log when it cannot keep a report.
        let _ = setup.intake.report(&clock.serial, report).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff.next_pause(&*setup.entropy)) => {}
            Some(request) = requests.recv() => { let _ = request.reply.send(Err(failed.to_string())); }
        }
    }
}

/// The address of a clock now: a name may move.
async fn address(clock: &AdoptedClock) -> Result<SocketAddr, RoundError> {
    let text = clock.device.address.as_ref().map_or("", |address| address.as_str());
    resolve(text)
        .await
        .map_err(|error| RoundError::Address { address: text.to_owned(), cause: error.to_string() })
}

/// How to talk to a clock.
#[must_use]
pub fn client_options(comm_key: Option<&str>, hold_seconds: u32) -> ClientOptions {
    ClientOptions {
        key: comm_key.and_then(|key| key.parse().ok()).map(CommKey::new),
        hold: if hold_seconds == 0 { Hold::Open } else { Hold::Locked { seconds: hold_seconds } },
        ..ClientOptions::default()
    }
}

/// Where a clock is now, and what outlives that.
struct Way<'p> {
    address: SocketAddr,
    backoff: &'p mut Backoff,
    plan: &'p mut ReadingPlan,
}

/// Runs one driver for a clock until stopped, or until the address must be looked up anew.
async fn serve(
    setup: &Setup,
    clock: &Arc<AdoptedClock>,
    way: Way<'_>,
    requests: &mut mpsc::Receiver<Request>,
    stop: &CancellationToken,
) {
    let Way { address, backoff, plan } = way;
    let target = ZkTarget {
        address,
        options: client_options(clock.comm_key.as_deref(), setup.config.hold_seconds),
        encoding: TextEncoding::Utf8,
        live: setup.config.live,
    };
    let (orders, inbox) = mpsc::channel(4);
    let sink = Arc::new(PolledSink::new(setup.intake.clone(), Arc::clone(clock)));
    let driver = ZkDriver::new(target, DriverClock(Arc::clone(setup.intake.clock())));
    let ended = stop.child_token();
    let driving = tokio::spawn(driver.serve(Arc::clone(&sink), inbox, ended.clone()));
    let mut supervisor = Supervisor {
        setup: setup.clone(),
        clock: Arc::clone(clock),
        sink,
        orders,
        plan,
        count: None,
        users: None,
        operations: None,
        rounds: 0,
        hinted: false,
    };
    supervisor.run(requests, backoff, stop).await;
    // The driver says goodbye to the clock, which is then free for others; never left locked.
    ended.cancel();
    let _ = driving.await;
}

impl Supervisor<'_> {
    async fn run(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) {
        let interval = self.setup.config.interval();
        let mut wanted: Option<Request> = None;
        loop {
            let what = wanted.as_ref().map(|request| (request.what, request.author));
            let round = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                round = self.round(what) => round,
            };
            let failed = round.as_ref().err().map(ToString::to_string);
            if let Some(request) = wanted.take() {
                let told = round.as_ref().map(|outcome| *outcome).map_err(ToString::to_string);
                let _ = request.reply.send(told);
            }
            let pause = match &round {
                Ok(_) => {
                    backoff.reset();
                    interval
                }
                Err(RoundError::Driver(DriverError::Key(_))) => KEY_PAUSE,
                Err(_) => backoff.next_pause(&*self.setup.entropy),
            };
            self.tell(&round, failed).await;
            // A clock that cannot be reached may have moved: the address is looked up before the next try.
            let lost = matches!(round, Err(RoundError::Driver(DriverError::Clock { .. })));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.sink.hinted() => {
                    self.plan.punched(self.setup.intake.clock().now());
                    self.hinted = true;
                    tokio::time::sleep(SETTLE).await;
                }
                Some(request) = requests.recv() => wanted = Some(request),
            }
            if lost && wanted.is_none() {
                return;
            }
        }
    }

    /// Keeps and tells how a round went.
    async fn tell(&self, round: &Result<Outcome, RoundError>, failed: Option<String>) {
        let link = match round {
            Ok(_) | Err(RoundError::Incomplete(_) | RoundError::Store(_)) => Link::Online,
            Err(RoundError::Driver(DriverError::Refused(Refused::Unavailable))) => Link::Online,
            Err(RoundError::Driver(DriverError::Refused(Refused::UnknownClock))) => Link::WrongClock,
            Err(RoundError::Driver(DriverError::Key(_))) => Link::WrongKey,
            Err(RoundError::Driver(_) | RoundError::Silent | RoundError::Address { .. }) => Link::Offline,
        };
        let failed = match (link, self.sink.wrong_clock()) {
            (Link::WrongClock, Some(other)) => Some(format!(
                "the clock at this address is {other}, not {}: correct the address or adopt {other}",
                self.clock.serial
            )),
            _ => failed,
        };
        if let Some(error) = &failed {
            tracing::warn!(clock.serial = %self.clock.serial, error, "the clock could not be served");
        }
        let report = DeviceReport {
            link: Some(link),
            heard: round.is_ok(),
            error: Some(failed),
            ..DeviceReport::default()
        };
        let _ = self.setup.intake.report(&self.clock.serial, report).await;
    }

    async fn order(&self, what: Ask) -> Result<Carried, RoundError> {
        let (order, outcome) = Order::new(None, what);
        let gone = || DriverError::Clock { reason: "the driver has ended".to_owned(), transient: true };
        self.orders.send(order).await.map_err(|_| gone())?;
        match tokio::time::timeout(ORDER, outcome).await {
            Ok(Ok(carried)) => Ok(carried?),
            Ok(Err(_)) => Err(gone().into()),
            Err(_) => Err(RoundError::Silent),
        }
    }

    /// One look at the clock.
    async fn round(&mut self, wanted: Option<(Wanted, Author)>) -> Result<Outcome, RoundError> {
        let (wanted, author) = wanted.unzip();
        if self.rounds.is_multiple_of(FACTS_EVERY) || wanted == Some(Wanted::Test) {
            self.order(Ask::Facts).await?;
        }
        let begun = self.setup.intake.clock().now();
        self.order(Ask::Time).await?;
        let drift = self.sink.drift();
        if wanted != Some(Wanted::Test) {
            self.read_users().await?;
            self.read_operations().await?;
        }
        let taken = match wanted {
            Some(Wanted::Test) => Taken::default(),
            Some(Wanted::Pull) => self.read_log(begun, true).await?,
            Some(Wanted::SetTime) | None => self.read_log(begun, false).await?,
        };
        let off = drift.is_none_or(|drift| drift.abs() > self.setup.config.max_drift_seconds);
        let by_policy = self.clock.device.set_time && off && wanted != Some(Wanted::Test);
        if by_policy || wanted == Some(Wanted::SetTime) {
            self.set_time(drift, author.unwrap_or(Author::SYSTEM)).await?;
        }
        self.rounds = self.rounds.wrapping_add(1);
        Ok(Outcome { taken, drift_seconds: self.sink.drift(), queued: false })
    }

    /// Reads the users when there are more or fewer than before. Before the log, so that the log's internal numbers are
    /// known.
    async fn read_users(&mut self) -> Result<(), RoundError> {
        let users = self.sink.counts().users;
        if self.users.is_some() && self.users == users {
            return Ok(());
        }
        match self.order(Ask::Users).await {
            Ok(_) => self.users = users,
            // A clock without a readable user table still has punches.
            Err(RoundError::Driver(DriverError::Clock { reason, .. })) => {
                tracing::warn!(clock.serial = %self.clock.serial, error = reason, "the users could not be read");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads the operation log when there is more or less in it than before. Before the attendance log: where that was
    /// cleared, it is known from then on why rows are missing.
    async fn read_operations(&mut self) -> Result<(), RoundError> {
        let operations = self.sink.counts().operations;
        if operations.is_none() || self.operations == operations {
            return Ok(());
        }
        match self.order(Ask::Operations).await {
            Ok(_) => self.operations = operations,
            Err(RoundError::Driver(DriverError::Clock { reason, .. })) => {
                // It is asked again when the count changes: punches matter more.
                self.operations = operations;
                tracing::info!(clock.serial = %self.clock.serial, error = reason, "the operation log could not be read");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn read_log(&mut self, begun: DateTime<Utc>, full: bool) -> Result<Taken, RoundError> {
        let capacity = self.sink.counts().record_capacity;
        let place = if full { LogPlace::default() } else { self.place().await? };
        let Reading { after, in_any_case } = self.plan.choose(&place, begun);
        let in_any_case = in_any_case || (std::mem::take(&mut self.hinted) && after.is_some());
        // A full log of some clocks drops its oldest row for each new one: its count tells nothing any more.
        let telling = |count: &u32| !in_any_case && capacity.is_none_or(|capacity| *count < capacity);
        let count = self.count.filter(telling);
        let (mut taken, again) = self.read_once(begun, count, place, after).await?;
        if again {
            tracing::info!(clock.serial = %self.clock.serial, "the log begins otherwise than before: it is read in full");
            let (all, _) = self.read_once(begun, None, LogPlace::default(), None).await?;
            taken += all;
        }
        Ok(taken)
    }

    async fn place(&self) -> Result<LogPlace, StoreError> {
        let serial = self.clock.serial.clone();
        self.setup.intake.store().read(move |tx| tx.log_place(&serial)).await
    }

    /// One reading, of all or of what follows a mark; whether it must be done again from the first row.
    async fn read_once(
        &mut self,
        begun: DateTime<Utc>,
        count: Option<u32>,
        place: LogPlace,
        after: Option<LogMark>,
    ) -> Result<(Taken, bool), RoundError> {
        let rest = after.is_some();
        self.sink.begin_reading(place, rest);
        let carried = self.order(Ask::Pull { unless_count: count, after }).await;
        if rest && matches!(carried, Err(RoundError::Driver(DriverError::Clock { .. }) | RoundError::Silent))
        {
            self.plan.part_failed(begun);
        }
        if carried? == Carried::Unchanged {
            self.read_through(begun, None).await?;
            return Ok((Taken::default(), false));
        }
        let done = self.sink.end_reading();
        let Some(end) = done.end else {
            return Err(RoundError::Incomplete("it has no end".to_owned()));
        };
        for note in &end.notes {
            tracing::warn!(clock.serial = %self.clock.serial, note, "noticed in the log");
        }
        let whole = match end.kind {
            LogKind::Tail { .. } => false,
            LogKind::Whole(why) => {
                tracing::info!(clock.serial = %self.clock.serial, reason = %why, rows = end.rows, "the whole log was read");
                true
            }
        };
        self.plan.ended(end.kind, begun);
        if done.taken.new > 0 {
            self.plan.punched(begun);
        }
        let Some(place) = done.place else { return Ok((done.taken, true)) };
        if !end.whole {
            return Err(RoundError::Incomplete(format!("{} rows", end.rows)));
        }
        crate::fault_point!("pull.before_place");
        let read = Read { place, unchanged: done.unchanged, grew: done.taken.new > 0, whole };
        self.read_through(begun, Some(read)).await?;
        self.count = end.counted;
        if done.taken.new > 0 || done.taken.quarantined > 0 {
            tracing::info!(
                clock.serial = %self.clock.serial,
                rows.read = done.taken.read,
                rows.new = done.taken.new,
                rows.repeat = done.taken.repeat,
                rows.quarantined = done.taken.quarantined,
                "log read"
            );
        }
        let mut taken = done.taken;
        taken += Taken { read: done.unchanged, repeat: done.unchanged, ..Taken::default() };
        Ok((taken, false))
    }

    /// Notes how far the log has been read: to its end, when the reading began, by the slower of the two clocks.
    async fn read_through(&self, begun: DateTime<Utc>, read: Option<Read>) -> Result<(), RoundError> {
        let drift = self.sink.drift();
        let behind = drift.unwrap_or(0).min(0);
        let through = begun + chrono::Duration::seconds(behind.max(-86_400 * 366));
        let serial = self.clock.serial.clone();
        let written = self.setup.intake.store().write(move |tx| {
            let grew = read.as_ref().is_some_and(|read| read.grew);
            if let (Some(_), Some(drift)) = (&read, drift) {
                tx.doubt_what_came_first(&serial, drift)?;
            }
            if let Some(read) = read {
                tx.count_repeats(&serial, read.unchanged)?;
                tx.set_log_place(&serial, &read.place, read.whole)?;
            }
            tx.read_complete(&serial, begun)?;
            tx.read_through(&serial, through, grew)
        });
        Ok(written.await?)
    }

    /// Sets the clock, tells the audit log, and marks what was punched while it was wrong.
    async fn set_time(&self, drift: Option<i64>, author: Author) -> Result<(), RoundError> {
        let now = self.setup.intake.clock().now();
        let zone = self.clock.zones.zone_on(now.naive_utc().date());
        let offset = zone.offset_from_utc_datetime(&now.naive_utc()).fix();
        let serial = self.clock.serial.clone();
        // Once it is set it is right again: from when it was wrong must be known before.
        let right = self.setup.intake.store().read(move |tx| tx.clock_was_right(&serial)).await?;
        self.order(Ask::SetTime(offset)).await?;
        let serial = self.clock.serial.clone();
        let written =
            self.setup.intake.store().write(move |tx| tx.clock_was_set(&author, &serial, drift, right, now));
        let noted = written.await?;
        tracing::info!(
            clock.serial = %self.clock.serial,
            drift_seconds = drift,
            punches.noted = noted,
            "the clock was set"
        );
        Ok(())
    }
}
