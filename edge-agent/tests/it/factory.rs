//! A factory: an agent's store and fleet, and simulated clocks.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use device_protocols::clock::SystemClock as SimulatorClock;
use device_protocols::sim::push::PushTarget;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Generator, RecordFormat, SimClock, SimConfig, push};
use edge_agent::clock::{OsEntropy, SystemClock};
use edge_agent::config::{PollConfig, PushConfig};
use edge_agent::device::fleet::AskError;
use edge_agent::device::registry::Registry;
use edge_agent::device::supervisor::{Outcome, Setup, Wanted};
use edge_agent::device::{Fleet, FleetHandle};
use edge_agent::ingest::Intake;
use edge_agent::reserve::Reserve;
use edge_agent::store::{Author, DeviceRow, Meta, ReadTx, Store};
use shared_model::entity::{Device, DeviceState, DirectionUse, Site, Transport};
use shared_model::text::{Code, HostAddress, Name};
use shared_model::{ClockSerial, DeviceId, PunchId, RawTime, SiteId, UserCode, ZoneHistory};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Dhaka's minutes east of UTC.
pub(crate) const DHAKA: i32 = 360;

pub(crate) struct Factory {
    pub(crate) store: Store,
    fleet: FleetHandle,
    pub(crate) push: SocketAddr,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    site: SiteId,
    folder: TempDir,
    registry: Arc<Registry>,
}

/// Polls so often that nothing here waits for it.
pub(crate) fn eager() -> PollConfig {
    PollConfig {
        interval_seconds: 1,
        retry_first_ms: 20,
        retry_longest_seconds: 1,
        max_drift_seconds: 60,
        ..PollConfig::default()
    }
}

impl Factory {
    pub(crate) async fn open() -> Self {
        Self::with(eager()).await
    }

    pub(crate) async fn with(config: PollConfig) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(SystemClock::start());
        let store = Store::open(folder.path(), clock.clone(), Arc::new(OsEntropy)).unwrap();
        let site = store
            .write(|tx| {
                let id = SiteId::mint(tx.clock(), tx.entropy());
                let site = Site {
                    name: Name::parse("Factory").unwrap(),
                    code: Code::parse("F1").unwrap(),
                    zones: ZoneHistory::single(Tz::Asia__Dhaka),
                    address: None,
                    latitude_e7: None,
                    longitude_e7: None,
                    radius_m: None,
                    active: true,
                };
                tx.create(&Author::CONSOLE, id, &site)?;
                tx.set_meta(Meta::SITE, &id)?;
                Ok(id)
            })
            .await
            .unwrap();
        Self::begin(store, clock, config, site, folder).await
    }

    async fn begin(
        store: Store,
        clock: Arc<SystemClock>,
        config: PollConfig,
        site: SiteId,
        folder: TempDir,
    ) -> Self {
        let registry = Arc::new(Registry::load(&store).await.unwrap());
        let setup = Setup {
            intake: Intake::new(store.clone(), clock),
            entropy: Arc::new(OsEntropy),
            config,
            push: PushConfig::default(),
        };
        let fleet = Fleet::new(setup, Arc::clone(&registry));
        let handle = fleet.handle();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let push = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(fleet.run(Some(listener), stop.clone()));
        Self { store, fleet: handle, push, stop, running, site, folder, registry }
    }

    /// The collecting side anew, with nothing but what is stored.
    pub(crate) async fn restart(self) -> Self {
        self.stop.cancel();
        self.running.await.unwrap();
        Self::begin(self.store, Arc::new(SystemClock::start()), eager(), self.site, self.folder).await
    }

    /// As a running agent does: room is kept back, and clocks are heard again when there is some.
    pub(crate) fn keep_room_back(&self) {
        let reserve = Reserve::begin(self.folder.path(), self.store.clone());
        tokio::spawn(reserve.run(self.stop.clone()));
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }

    async fn adopt(&self, serial: &str, transport: Transport, address: Option<SocketAddr>, set_time: bool) {
        let device = Device {
            serial: ClockSerial::parse(serial).unwrap(),
            name: Name::parse(serial).unwrap(),
            site: self.site,
            transport,
            address: address.map(|address| HostAddress::parse(&address.to_string()).unwrap()),
            state: DeviceState::Active,
            zones: None,
            direction_use: DirectionUse::Ignore,
            model: None,
            firmware: None,
            set_time,
        };
        let written = self.store.write(move |tx| {
            tx.forget_pending(&device.serial)?;
            tx.create(&Author::CONSOLE, DeviceId::mint(tx.clock(), tx.entropy()), &device)
        });
        written.await.unwrap();
    }

    pub(crate) async fn adopt_polled(&self, serial: &str, at: &TcpServer) {
        self.adopt(serial, Transport::Tcp, Some(at.address()), false).await;
    }

    pub(crate) async fn adopt_polled_and_set(&self, serial: &str, at: &TcpServer) {
        self.adopt(serial, Transport::Tcp, Some(at.address()), true).await;
    }

    pub(crate) async fn adopt_pushing(&self, serial: &str) {
        self.adopt(serial, Transport::Push, None, false).await;
    }

    /// Stores a clock's communication key, and waits until it is in force.
    pub(crate) async fn set_key(&self, serial: &str, key: &str) {
        let (serial, key) = (ClockSerial::parse(serial).unwrap(), key.to_owned());
        let (of, stored) = (serial.clone(), key.clone());
        self.store.write(move |tx| tx.set_comm_key(&of, &stored)).await.unwrap();
        let known = || self.registry.of(serial.as_str()).and_then(|clock| clock.comm_key.clone());
        self.until("the key to be in force", async || known().as_deref() == Some(key.as_str())).await;
    }

    /// Lets a clock post to the agent until the token is dropped.
    pub(crate) fn let_push(&self, sim: &Arc<SimClock>) -> tokio_util::sync::DropGuard {
        self.let_push_from(sim, Ipv4Addr::LOCALHOST)
    }

    /// Lets a clock with this address post to the agent until the token is dropped.
    pub(crate) fn let_push_from(&self, sim: &Arc<SimClock>, from: Ipv4Addr) -> tokio_util::sync::DropGuard {
        let stop = CancellationToken::new();
        let mut target = PushTarget::new(format!("http://{}", self.push).parse().unwrap());
        target.retry = Some(Duration::from_millis(50));
        target.poll = Some(Duration::from_millis(50));
        target.from = Some(from);
        tokio::spawn(push::run(Arc::clone(sim), target, stop.clone()));
        stop.drop_guard()
    }

    /// Asks a clock from the console.
    pub(crate) async fn ask(&self, serial: &ClockSerial, what: Wanted) -> Result<Outcome, AskError> {
        self.fleet.ask(&Author::CONSOLE, serial, what).await
    }

    pub(crate) async fn ledger(&self) -> BTreeSet<PunchId> {
        let read = self.store.read(|tx| {
            let mut query = tx.connection().prepare("SELECT punch_id FROM ledger")?;
            let ids = query.query_map([], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        });
        read.await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.store.read(move |tx| Ok(tx.connection().query_row(sql, [], |row| row.get(0))?)).await.unwrap()
    }

    pub(crate) async fn state(&self, serial: &str) -> Option<DeviceRow> {
        let serial = ClockSerial::parse(serial).unwrap();
        self.store.read(move |tx| tx.device_state(&serial)).await.unwrap()
    }

    /// Waits until the ledger holds exactly what the clocks kept.
    pub(crate) async fn collected(&self, sims: &[&Arc<SimClock>]) {
        let kept: BTreeSet<PunchId> = sims.iter().flat_map(|sim| kept(sim)).collect();
        let start = tokio::time::Instant::now();
        loop {
            let held = self.ledger().await;
            if held == kept {
                return;
            }
            if start.elapsed() > PATIENCE {
                let states = self.store.read(ReadTx::device_states).await.unwrap();
                panic!("the ledger holds {} punches, the clocks {}: {states:#?}", held.len(), kept.len());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain: {what}");
    }
}

/// The ids of the punches that a clock holds and that can be punches.
pub(crate) fn kept(sim: &SimClock) -> Vec<PunchId> {
    sim.sent()
        .filter(|line| line.ok)
        .map(|line| {
            let wall = NaiveDateTime::parse_from_str(&line.time, "%Y-%m-%d %H:%M:%S").unwrap();
            PunchId::of_clock(
                &ClockSerial::parse(&line.serial).unwrap(),
                &UserCode::parse(&line.user).unwrap(),
                RawTime::new(wall),
            )
        })
        .collect()
}

/// A clock with so many punches of so many workers.
pub(crate) fn clock(serial: &str, format: &str, records: u64, users: u32) -> SimConfig {
    let mut config = SimConfig::new(serial);
    config.format = format.parse::<RecordFormat>().unwrap();
    let from = "2026-10-01".parse().unwrap();
    config.generator = Generator::Shifts { users, first_code: 1001, seed: 7, from };
    config.records = records;
    config.utc_offset_minutes = DHAKA;
    config
}

/// Serves a clock over TCP.
pub(crate) async fn serve(sim: &Arc<SimClock>) -> TcpServer {
    TcpServer::start(Arc::clone(sim), "127.0.0.1:0".parse().unwrap(), SimulatorClock).await.unwrap()
}

/// Somebody punches.
pub(crate) fn punch(sim: &SimClock) {
    device_protocols::sim::live::punch_now(sim, &SimulatorClock).unwrap();
}
