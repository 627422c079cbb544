//! The running agent: store, clocks, control channel, and what others add to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use serde_json::json;
use shared_model::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attendance::Attendance;
use crate::clock::{OsEntropy, SystemClock};
use crate::config::Config;
use crate::control::account::set_up_link;
use crate::device::registry::Registry;
use crate::device::supervisor::Setup;
use crate::device::{Fleet, FleetHandle};
use crate::ingest::Intake;
use crate::reserve::Reserve;
use crate::store::Store;
use crate::sync::Sync;
use crate::sync::boot::{self, TokenFile};
use crate::web::{self, App, Certificate, Listen};

/// What every part of a running agent may use.
#[derive(Clone)]
pub struct Agent {
    /// The data folder.
    pub folder: PathBuf,
    /// The configuration.
    pub config: Arc<Config>,
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The clocks.
    pub fleet: FleetHandle,
    /// Cancelled when the agent is to stop.
    pub stop: CancellationToken,
    /// Where parts are spawned: the agent waits for them before it closes the store.
    pub parts: TaskTracker,
    /// Where the pages are, once they are served.
    pub pages: Arc<OnceLock<String>>,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The data folder.
    pub folder: PathBuf,
    /// The configuration.
    pub config: Config,
    /// Tells events for machines, one JSON line each.
    pub tell: fn(&serde_json::Value),
}

/// Runs the agent until `stop` is cancelled.
///
/// # Errors
/// When it cannot start.
pub async fn run(options: RunOptions, stop: CancellationToken) -> anyhow::Result<()> {
    let RunOptions { folder, config, tell } = options;
    warn_of_test_build();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let store = open(&folder, &clock, &entropy).await?;
    check_disk(&store, &folder, &entropy).await?;
    let reserve = reserve(&store, &folder).await?;
    // One that owns the process listens before anything is served, so that a taken port is told at once.
    let push = listener(config.push.enabled.then_some(config.push.listen), "push.listen").await?;

    let registry = Arc::new(Registry::load(&store).await?);
    let intake = Intake::new(store.clone(), Arc::clone(&clock));
    let setup = Setup {
        intake,
        entropy: Arc::clone(&entropy),
        config: config.poll.clone(),
        push: config.push.clone(),
    };
    let fleet = Fleet::new(setup, registry);
    let agent = Agent {
        folder: folder.clone(),
        config: Arc::new(config),
        store: store.clone(),
        clock,
        entropy,
        fleet: fleet.handle(),
        stop: stop.clone(),
        parts: TaskTracker::new(),
        pages: Arc::default(),
    };
    if let Some(listener) = &push {
        tell(&json!({ "event": "listening", "what": "push", "address": listener.local_addr()? }));
    }
    agent.parts.spawn(reserve.run(stop.clone()));
    agent.parts.spawn(fleet.run(push, stop.clone()));
    start_parts(&agent, tell).await?;
    tell(&json!({ "event": "ready" }));
    tracing::info!(folder = %folder.display(), "the agent is running");

    stop.cancelled().await;
    tracing::info!("stopping");
    agent.parts.close();
    agent.parts.wait().await;
    drop(agent);
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(())
}

/// Starts what does not concern clocks: recomputation, pages, sync.
async fn start_parts(agent: &Agent, tell: fn(&serde_json::Value)) -> anyhow::Result<()> {
    agent.parts.spawn(Sync::of(agent).run(agent.stop.clone()));
    agent.parts.spawn(Sync::of(agent).keep_bundle(agent.stop.clone()));
    let attendance = Attendance::new(agent.store.clone(), Arc::clone(&agent.clock));
    agent.parts.spawn(attendance.run(agent.stop.clone()));
    let commands = crate::control::serve(agent.into(), agent.stop.clone()).await;
    let commands = commands.context("commands cannot be listened for: is the data folder writable?")?;
    agent.parts.spawn(commands.ended());
    serve_pages(agent, tell).await
}

/// Serves the pages, and tells the one-time token of the first set-up while nobody has an account.
async fn serve_pages(agent: &Agent, tell: fn(&serde_json::Value)) -> anyhow::Result<()> {
    let ui = &agent.config.ui;
    let hosts = ui.names();
    let certificate = if ui.tls { Some(Certificate::of_folder(&agent.folder, &hosts)?) } else { None };
    let app = App::new(Sync::of(agent), Some(agent.fleet.clone()), ui.tls)?;
    let listen = Listen { address: ui.listen, hosts, certificate };
    let serving = web::serve(app, listen, agent.stop.clone())
        .await
        .with_context(|| {
            format!(
                "the pages cannot be served at {}: is another program there? Change ui.listen in muster-edge.toml",
                ui.listen
            )
        })?;
    let (address, scheme) = (serving.address, serving.scheme);
    tell(
        &json!({ "event": "listening", "what": "ui", "address": address, "url": format!("{scheme}://{address}") }),
    );
    let pages = format!("{scheme}://{address}");
    if let Some(link) = set_up_link(&agent.store, &*agent.clock, &*agent.entropy).await? {
        let url = format!("{pages}{}", link.path);
        tell(&json!({ "event": "setup_token", "token": link.token, "url": url }));
    }
    // Set once: the pages are served once in the life of this process.
    let _ = agent.pages.set(pages);
    agent.parts.spawn(serving.ended());
    Ok(())
}

/// Tells that this build is for tests only. `cargo xtask dist` refuses a binary that holds one of these texts, so they
/// must not even be compiled into another build.
fn warn_of_test_build() {
    #[cfg(feature = "fault-points")]
    tracing::warn!(build = "muster-test-only:fault-points", "this build is for tests: it fails on purpose");
    #[cfg(feature = "lose-one")]
    tracing::warn!(build = "muster-test-only:lose-one", "this build is for tests: it fails on purpose");
    #[cfg(feature = "ack-before-commit")]
    tracing::warn!(
        build = "muster-test-only:ack-before-commit",
        "this build is for tests: it fails on purpose"
    );
}

/// Begins a new life, before anything is logged, where this is not the disk that ran last.
async fn check_disk(
    store: &Store,
    folder: &std::path::Path,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<()> {
    let (store, folder, entropy) = (store.clone(), folder.to_owned(), Arc::clone(entropy));
    let check = move || boot::check(&store, &TokenFile::of(&folder), &*entropy);
    tokio::task::spawn_blocking(check).await??;
    Ok(())
}

async fn reserve(store: &Store, folder: &std::path::Path) -> anyhow::Result<Reserve> {
    let (store, folder) = (store.clone(), folder.to_owned());
    Ok(tokio::task::spawn_blocking(move || Reserve::begin(&folder, store)).await?)
}

async fn open(
    folder: &std::path::Path,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Store> {
    let (folder, clock, entropy) = (folder.to_owned(), Arc::clone(clock), Arc::clone(entropy));
    Ok(tokio::task::spawn_blocking(move || Store::open(&folder, clock, entropy)).await??)
}

async fn listener(address: Option<SocketAddr>, key: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    let hint =
        || format!("cannot listen on {address}: is another program there? Change {key} in muster-edge.toml");
    Ok(Some(bound.with_context(hint)?))
}
