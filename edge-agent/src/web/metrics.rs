//! `GET /metrics`: figures for a monitoring program on this very machine, in Prometheus' text format.
//!
//! There is no sign-in, so only connections from this machine are answered: to everybody else the page does not exist.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use shared_model::entity::{Device, DeviceState};
use web_kit::metrics::{Figures, Measure, RequestCounts};
use web_kit::{Access, Failure, Refusal, RouteTable};

use super::App;
use super::peer::Peer;
use crate::reserve;
use crate::store::{AdoptedDevice, DeviceRow, Figured, Link};
use crate::sync::status::{Standing, SyncStatus};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/metrics", Access::Public, show)
}

async fn show(State(app): State<App>, peer: Peer) -> Result<Response, Failure> {
    if !peer.is_console() {
        return Err(Refusal::NotFound.into());
    }
    let now = app.clock().now();
    let figured = app.store().read(move |tx| tx.figures(now.timestamp_millis())).await?;
    let mut page = Figures::default();
    sync(&mut page, &figured.sync, now);
    feed(&mut page, &figured);
    clocks(&mut page, &figured, now);
    work(&mut page, &figured, now);
    let full = i64::from(reserve::is_spent(&app.sync().folder));
    page.add(
        Measure::Gauge,
        "muster_edge_disk_full",
        "1 while the disk is full and clocks are refused.",
        full,
    );
    let answers = RequestCounts::CLASSES.into_iter().zip(app.requests().by_class());
    let answers = answers.map(|(class, count)| ([class], count));
    let help = "Requests to the pages answered, by class of the status.";
    page.each(Measure::Counter, "muster_edge_http_requests_total", help, &["status"], answers);
    Ok(page.into_response())
}

/// Whole seconds from an instant to now.
fn age(now: DateTime<Utc>, since_ms: Option<i64>) -> Option<i64> {
    let since = DateTime::from_timestamp_millis(since_ms?)?;
    Some(now.signed_duration_since(since).num_seconds().max(0))
}

fn sync(page: &mut Figures, sync: &SyncStatus, now: DateTime<Utc>) {
    let (enrolled, ok) = (sync.standing != Standing::NotEnrolled, sync.standing == Standing::Ok);
    let mut gauge = |name: &str, help: &str, value| page.add_known(Measure::Gauge, name, help, value);
    gauge("muster_edge_enrolled", "1 where this agent belongs to a cloud.", Some(enrolled.into()));
    gauge("muster_edge_sync_ok", "1 where the last exchange with the cloud succeeded.", Some(ok.into()));
    let help = "Time since the last exchange with the cloud that succeeded.";
    gauge("muster_edge_sync_lag_seconds", help, age(now, sync.last_exchange_ms));
    let help = "The age of the oldest row that waits for the cloud; none = nothing waits.";
    gauge("muster_edge_oldest_unsent_seconds", help, age(now, sync.oldest_unsent_ms));
    gauge("muster_edge_not_durable_rows", "Rows the cloud has and may still lose.", Some(sync.not_durable));
    let lives = i64::try_from(sync.former_lives).unwrap_or(i64::MAX);
    gauge("muster_edge_former_lives", "Lives of this data folder that have ended.", Some(lives));
    let life = sync.new_life.as_ref().map(|life| life.at_ms);
    let help = "Time since this data folder or the cloud was last found to be restored or copied.";
    gauge("muster_edge_new_life_age_seconds", help, age(now, life));
    let rows = [(["ledger"], sync.ledger_backlog), (["records"], sync.record_backlog)];
    let help = "Rows that wait for the cloud.";
    page.each(Measure::Gauge, "muster_edge_backlog_rows", help, &["stream"], rows);
}

fn feed(page: &mut Figures, figured: &Figured) {
    let places = [(["cursor"], figured.cursor), (["clean"], figured.clean)];
    let help = "Places in the cloud's feed: applied up to, and complete up to.";
    page.each(Measure::Gauge, "muster_edge_feed_place", help, &["place"], places);
    page.add(Measure::Gauge, "muster_edge_feed_epoch", "The feed's epoch.", figured.feed_epoch);
}

fn clocks(page: &mut Figures, figured: &Figured, now: DateTime<Utc>) {
    let in_use = |device: &&AdoptedDevice| device.device.record.state == DeviceState::Active;
    let clocks: Vec<(&Device, Option<&DeviceRow>)> = figured
        .devices
        .iter()
        .filter(in_use)
        .map(|known| (&known.device.record, known.state.as_ref()))
        .collect();
    let mut each = |measure, name: &str, help: &str, value: &dyn Fn(&DeviceRow) -> Option<i64>| {
        let values = clocks
            .iter()
            .filter_map(|(device, state)| Some(([device.serial.as_str()], value(state.as_ref()?)?)));
        page.each(measure, name, help, &["clock"], values);
    };
    each(Measure::Gauge, "muster_edge_clock_online", "1 where the clock answered last time.", &|row| {
        Some(i64::from(row.link == Link::Online))
    });
    each(Measure::Gauge, "muster_edge_clock_log_rows", "Rows in the clock's own log.", &DeviceRow::log_rows);
    let help = "Time since the last word from the clock.";
    each(Measure::Gauge, "muster_edge_clock_silence_seconds", help, &|row| {
        age(now, row.last_seen.map(|at| at.timestamp_millis()))
    });
    let help = "How long ago it was up to which every punch of the clock has been read.";
    each(Measure::Gauge, "muster_edge_clock_read_lag_seconds", help, &|row| {
        age(now, row.through.map(|at| at.timestamp_millis()))
    });
    let help = "The clock's wall time minus the true one.";
    each(Measure::Gauge, "muster_edge_clock_drift_seconds", help, &|row| row.drift_seconds);
    let rows = clocks.iter().filter_map(|(device, state)| Some((device, state.as_ref()?.counters))).flat_map(
        |(device, counters)| {
            let serial = device.serial.as_str();
            [
                ([serial, "new"], counters.new),
                ([serial, "repeat"], counters.repeat),
                ([serial, "quarantined"], counters.quarantined),
            ]
        },
    );
    let help = "Rows read from the clock, by what became of them.";
    page.each(Measure::Counter, "muster_edge_clock_rows_total", help, &["clock", "became"], rows);
}

fn work(page: &mut Figures, figured: &Figured, now: DateTime<Utc>) {
    let mut gauge = |name: &str, help: &str, value| page.add_known(Measure::Gauge, name, help, value);
    gauge("muster_edge_clocks_waiting", "Clocks that wait for adoption.", Some(figured.pending_clocks));
    gauge("muster_edge_quarantine_rows", "Rows of clocks that cannot be punches.", Some(figured.quarantine));
    gauge(
        "muster_edge_provisional_days",
        "Employee-days that are not final.",
        Some(figured.provisional_days),
    );
    gauge("muster_edge_recompute_queue", "Recomputations that wait.", Some(figured.recompute));
    let help = "The age of the oldest of them.";
    gauge("muster_edge_recompute_oldest_seconds", help, age(now, figured.recompute_oldest_ms));
    gauge("muster_edge_jobs_due", "Jobs that are due.", Some(figured.jobs_due));
    gauge("muster_edge_jobs_failed", "Jobs that were given up.", Some(figured.jobs_failed));
    let help = "For how long the oldest due job has been due.";
    gauge("muster_edge_job_oldest_due_seconds", help, age(now, figured.job_oldest_ms));
    gauge("muster_edge_database_bytes", "Bytes of the database.", Some(figured.database_bytes));
}
