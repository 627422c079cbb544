//! `muster-cloud serve`

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::json;
use shared_model::Clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::event;
use crate::attendance::Attendance;
use crate::clock::{OsEntropy, SystemClock};
use crate::config::{Config, DatabaseSource};
use crate::database::Database;
use crate::http_server;
use crate::job::Worker;
use crate::metrics::{self, Counts};
use crate::mobile::Mobile;
use crate::store::Store;
use crate::sync::Endpoints;
use crate::wake::Wake;
use crate::web::{self, App};

pub(super) async fn serve(data: &Path, config: Config, listen: Option<SocketAddr>) -> Result<()> {
    name_test_only_features();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let source = DatabaseSource::from_environment()?;
    // A signal during a long start (crash recovery) ends it; the private server's own death signal does the rest.
    let database = tokio::select! {
        opened = Database::serve(&source, data, config.database.connections, SystemClock.now()) => opened?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let served = run(&database, &config, listen, &mut terminate, &mut interrupt).await;
    database.close().await;
    served
}

async fn run(
    database: &Database,
    config: &Config,
    listen: Option<SocketAddr>,
    terminate: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
) -> Result<()> {
    let store = &database.store;
    let address = listen.unwrap_or(config.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    offer_setup(store, bound, config).await?;

    let stop = CancellationToken::new();
    let wake = Arc::new(Wake::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let endpoints = Endpoints::new(
        store.clone(),
        Arc::clone(&clock),
        Arc::new(OsEntropy),
        config.sync.pushes,
        Arc::clone(&wake),
    );
    let https = config.public().is_some_and(|(https, _)| https);
    let app = App::new(store.clone(), Arc::new(SystemClock), Arc::new(OsEntropy), https)?;
    let counts = Counts::default();
    let pages = counts.pages.counting(web::router(&app, config));
    let phones = Mobile::new(store.clone(), Arc::clone(&clock), Arc::new(OsEntropy), Arc::clone(&wake));
    let phones = counts.phones.counting(phones.router());
    let router = counts.sync.counting(endpoints.router()).merge(phones).merge(pages);
    let figures = match config.metrics.listen {
        Some(address) => Some(serve_figures(address, store, &clock, counts, &stop).await?),
        None => None,
    };
    let serving =
        tokio::spawn(http_server::serve(listener, router, config.web.proxies.clone().into(), stop.clone()));
    let attendance = tokio::spawn(Attendance::new(store.clone(), clock, wake).run(stop.clone()));
    let (relaying, ending) = (store.clone(), stop.clone());
    let relay = tokio::spawn(async move { relaying.relay_feed_growth(&OsEntropy, ending).await });
    let jobs = tokio::spawn(Worker::new(store.clone(), Arc::new(SystemClock)).run(stop.clone()));
    event(&json!({ "event": "listening", "what": "http", "address": bound.to_string() }))?;
    tracing::info!(address = %bound, "serving");

    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        failure = database_failed(database) => Err(failure),
    };
    tracing::info!("ending");
    stop.cancel();
    relay.await?;
    serving.await?;
    attendance.await?;
    jobs.await?;
    if let Some(figures) = figures {
        figures.await?;
    }
    ended
}

/// Serves the figures for a monitoring program on a listener of their own.
async fn serve_figures(
    address: SocketAddr,
    store: &Store,
    clock: &Arc<dyn Clock>,
    counts: Counts,
    stop: &CancellationToken,
) -> Result<tokio::task::JoinHandle<()>> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (metrics.listen)"))?;
    let bound = listener.local_addr()?;
    let router = metrics::router(store.clone(), Arc::clone(clock), counts);
    let serving = tokio::spawn(http_server::serve(listener, router, Arc::from([]), stop.clone()));
    event(&json!({ "event": "listening", "what": "metrics", "address": bound.to_string() }))?;
    Ok(serving)
}

async fn database_failed(database: &Database) -> anyhow::Error {
    match &database.server {
        Some(server) => server.failed().await.into(),
        None => std::future::pending().await,
    }
}

/// While nobody operates this cloud, each start prints a new one-time token for the first superuser.
async fn offer_setup(store: &Store, bound: SocketAddr, config: &Config) -> Result<()> {
    if !store.lacks_operator().await? {
        return Ok(());
    }
    let token = store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let base = config.web.public_url.clone().unwrap_or_else(|| format!("http://{bound}"));
    let url = format!("{}/setup", base.trim_end_matches('/'));
    // Never into the log: whoever reads it could become superuser.
    event(&json!({ "event": "setup_token", "token": token, "url": url }))
}

/// A throw-away build says so, in words by which a shipped binary can be searched.
fn name_test_only_features() {
    #[cfg(feature = "fault-points")]
    tracing::warn!("muster-test-only:fault-points");
    #[cfg(feature = "ack-before-commit")]
    tracing::warn!("muster-test-only:ack-before-commit");
}
