//! All clocks: who is supervised, who is listened to, and how to ask one for something.

use std::collections::BTreeMap;
use std::sync::Arc;

use device_protocols::driver::{Ask, Carried, Driver as _, Order};
use device_protocols::push::PushDriver;
use parking_lot::Mutex;
use shared_model::entity::Transport;
use shared_model::{ClockSerial, Kind};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::driver_clock::DriverClock;
use super::push_host::PushHost;
use super::push_sink::{PushSink, SILENT_AFTER};
use super::registry::{AdoptedClock, Registry};
use super::supervisor::{Outcome, Request, Setup, Wanted, supervise};
use crate::store::{Author, DeviceReport, Link, Store, StoreEvent};

/// A supervised clock.
struct Watched {
    clock: Arc<AdoptedClock>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// The way to ask a clock for something.
#[derive(Debug, Clone)]
pub struct FleetHandle {
    registry: Arc<Registry>,
    polled: Arc<Mutex<BTreeMap<ClockSerial, mpsc::Sender<Request>>>>,
    pushed: mpsc::Sender<Order>,
}

/// Why a clock was not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no adopted clock of this serial.
    #[error("no adopted clock has the serial {0}: see `device list`")]
    Unknown(String),
    /// The clock or the way to it failed.
    #[error("{0}")]
    Failed(String),
}

impl FleetHandle {
    /// Asks a clock on somebody's behalf and waits for the outcome. Posting clocks only queue it.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &self,
        author: &Author,
        serial: &ClockSerial,
        what: Wanted,
    ) -> Result<Outcome, AskError> {
        let clock = self.registry.of(serial.as_str()).ok_or_else(|| AskError::Unknown(serial.to_string()))?;
        if clock.device.transport == Transport::Push {
            return self.ask_pushing(serial, what).await;
        }
        let gone = || AskError::Failed("the clock is not supervised at the moment".to_owned());
        let requests = self.polled.lock().get(serial).cloned().ok_or_else(gone)?;
        let (reply, outcome) = oneshot::channel();
        requests.send(Request { what, author: *author, reply }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?.map_err(AskError::Failed)
    }

    async fn ask_pushing(&self, serial: &ClockSerial, what: Wanted) -> Result<Outcome, AskError> {
        let failed = |text: &str| AskError::Failed(text.to_owned());
        let ask = match what {
            Wanted::Test => Ask::Facts,
            Wanted::Pull => Ask::Pull { unless_count: None, after: None },
            Wanted::SetTime => {
                return Err(failed(
                    "a clock that posts sets itself by the zone of its site; there is nothing to set",
                ));
            }
        };
        let name =
            serial.as_str().parse().map_err(|_| failed("its serial is none that a posting clock has"))?;
        let (order, outcome) = Order::new(Some(name), ask);
        self.pushed.send(order).await.map_err(|_| failed("the listener is not running"))?;
        match outcome.await.map_err(|_| failed("the listener has stopped"))? {
            Ok(carried) => Ok(Outcome { queued: carried == Carried::Queued, ..Outcome::default() }),
            Err(error) => Err(AskError::Failed(error.to_string())),
        }
    }
}

/// Supervises every adopted clock until stopped.
pub struct Fleet {
    setup: Setup,
    registry: Arc<Registry>,
    watched: BTreeMap<ClockSerial, Watched>,
    handle: FleetHandle,
    orders: Option<mpsc::Receiver<Order>>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("clocks", &self.watched.len()).finish_non_exhaustive()
    }
}

impl Fleet {
    /// A fleet over a registry that is loaded.
    #[must_use]
    pub fn new(setup: Setup, registry: Arc<Registry>) -> Self {
        let (pushed, orders) = mpsc::channel(16);
        let handle = FleetHandle { registry: Arc::clone(&registry), polled: Arc::default(), pushed };
        Self { setup, registry, watched: BTreeMap::new(), handle, orders: Some(orders) }
    }

    /// The way to ask its clocks for something.
    #[must_use]
    pub fn handle(&self) -> FleetHandle {
        self.handle.clone()
    }

    /// Runs until stopped; `listener` takes the clocks that post.
    pub async fn run(mut self, listener: Option<TcpListener>, stop: CancellationToken) {
        let store = self.setup.intake.store().clone();
        let mut events = store.listen();
        let listening = self.listen(listener, &stop);
        let mut silence = tokio::time::interval(std::time::Duration::from_secs(60));
        self.refresh(&store).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = events.recv() => match event {
                    Ok(StoreEvent::Records(Kind::Device | Kind::Site)) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.refresh(&store).await;
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                _ = silence.tick() => self.note_silence().await,
            }
        }
        for watched in self.watched.values() {
            watched.stop.cancel();
        }
        for (_, watched) in std::mem::take(&mut self.watched) {
            let _ = watched.task.await;
        }
        if let Some(listening) = listening {
            let _ = listening.await;
        }
    }

    fn listen(
        &mut self,
        listener: Option<TcpListener>,
        stop: &CancellationToken,
    ) -> Option<tokio::task::JoinHandle<()>> {
        let (listener, orders) = (listener?, self.orders.take()?);
        let settled = chrono::Duration::seconds(self.setup.push.settled_seconds.into());
        let sink = Arc::new(PushSink::new(self.setup.intake.clone(), Arc::clone(&self.registry), settled));
        let host = Arc::new(PushHost::new(Arc::clone(&sink)));
        let driver = PushDriver::new(listener, host, DriverClock(Arc::clone(self.setup.intake.clock())));
        let stop = stop.clone();
        Some(tokio::spawn(async move {
            tokio::select! {
                served = driver.serve(Arc::clone(&sink), orders, stop) => {
                    if let Err(error) = served {
                        tracing::error!(error = %error, "the listener for posting clocks has failed");
                    }
                }
                () = sink.keep_noting_refusals() => {}
            }
            sink.note_refusals().await;
        }))
    }

    /// Follows the records: begins to supervise, stops, begins anew where the record changed.
    async fn refresh(&mut self, store: &Store) {
        if let Err(error) = self.registry.reload(store).await {
            tracing::error!(error = %error, "the clocks could not be read from the store");
            return;
        }
        let mut wanted: BTreeMap<ClockSerial, Arc<AdoptedClock>> = self
            .registry
            .all()
            .into_iter()
            .filter(|clock| clock.device.transport == Transport::Tcp)
            .map(|clock| (clock.serial.clone(), clock))
            .collect();
        let same = |watched: &Watched| wanted.get(&watched.clock.serial) == Some(&watched.clock);
        let gone: Vec<ClockSerial> = self
            .watched
            .iter()
            .filter(|(_, watched)| !same(watched))
            .map(|(serial, _)| serial.clone())
            .collect();
        for serial in gone {
            let Some(watched) = self.watched.remove(&serial) else { continue };
            self.handle.polled.lock().remove(&serial);
            watched.stop.cancel();
            // The session must be closed before another one with the same clock is begun.
            let _ = watched.task.await;
        }
        wanted.retain(|serial, _| !self.watched.contains_key(serial));
        for (serial, clock) in wanted {
            let (requests, inbox) = mpsc::channel(4);
            let stop = CancellationToken::new();
            let task = tokio::spawn(supervise(self.setup.clone(), Arc::clone(&clock), inbox, stop.clone()));
            self.handle.polled.lock().insert(serial.clone(), requests);
            self.watched.insert(serial, Watched { clock, stop, task });
        }
    }

    /// A posting clock that stays away is offline; nobody else would notice.
    async fn note_silence(&self) {
        let now = self.setup.intake.clock().now();
        for clock in self.registry.all() {
            if clock.device.transport != Transport::Push {
                continue;
            }
            let serial = clock.serial.clone();
            let state = self.setup.intake.store().read(move |tx| tx.device_state(&serial)).await;
            let Ok(Some(state)) = state else { continue };
            let silent = state.last_seen.is_none_or(|seen| now - seen > SILENT_AFTER);
            if silent && state.link == Link::Online {
                let report = DeviceReport {
                    link: Some(Link::Offline),
                    error: Some(Some("the clock has not come by for some minutes".to_owned())),
                    ..DeviceReport::default()
                };
                let _ = self.setup.intake.report(&clock.serial, report).await;
            }
        }
    }
}
