//! `GET /metrics`, on a listener of its own: the operator's figures in Prometheus' text format.
//!
//! They are sums over all companies, so that nothing of a company is told to whoever can reach the port.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use shared_model::Clock;
use web_kit::metrics::{Figures, Measure, RequestCounts};

use crate::store::Store;
use crate::store::figures::CloudFigures;

/// The longest time for reading the figures.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is counted while the server runs.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Answers of the pages.
    pub pages: RequestCounts,
    /// Answers of the edges' endpoints.
    pub sync: RequestCounts,
    /// Answers to people's phones.
    pub phones: RequestCounts,
}

/// What the endpoint needs.
#[derive(Clone)]
struct Metrics {
    store: Store,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

/// The route, for a listener that only the operator reaches.
pub fn router(store: Store, clock: Arc<dyn Clock>, counts: Counts) -> Router {
    Router::new().route("/metrics", get(show)).with_state(Metrics { store, clock, counts })
}

async fn show(State(metrics): State<Metrics>) -> Response {
    match metrics.store.figures(metrics.clock.now(), PATIENCE).await {
        Ok(Some(figures)) => write(&figures, &metrics.counts).into_response(),
        Ok(None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the figures cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn write(cloud: &CloudFigures, counts: &Counts) -> Figures {
    let mut page = Figures::default();
    let sums = &cloud.sums;
    let mut gauge = |name: &str, help: &str, value: i64| page.add(Measure::Gauge, name, help, value);
    gauge("muster_cloud_companies", "Companies.", cloud.companies);
    gauge("muster_cloud_edges", "Edges whose enrolment is in force.", sums.edges);
    gauge("muster_cloud_edges_silent", "Of them, not heard of for 15 minutes.", sums.silent);
    gauge(
        "muster_cloud_edges_new_life",
        "Of them, with a data folder that was restored or copied within a day.",
        sums.new_lives,
    );
    let help = "The longest time for which an edge was not heard of.";
    gauge("muster_cloud_edge_longest_silence_seconds", help, sums.longest_silence);
    gauge("muster_cloud_edge_backlog_rows", "Rows that waited at edges at their last hello.", sums.backlog);
    gauge("muster_cloud_clocks", "Clocks with punches.", sums.clocks);
    gauge("muster_cloud_clocks_behind", "Clocks not read past the last half hour.", sums.clocks_behind);
    gauge("muster_cloud_punches", "Punches in the ledger.", sums.punches);
    gauge("muster_cloud_quarantine_rows", "Rows that could not be applied and wait.", sums.quarantine);
    gauge("muster_cloud_conflicts_open", "Conflicts that wait.", sums.conflicts);
    gauge("muster_cloud_shared_keys", "Keys that records in use share.", cloud.attention.shared_keys);
    gauge("muster_cloud_records_without_key", "Records without their key.", cloud.attention.without_key);
    gauge("muster_cloud_feed_places", "Places given out in the feeds.", sums.feed_places);
    let help = "The most places by which an edge heard of within a day is behind its feed.";
    gauge("muster_cloud_feed_behind_places", help, sums.feed_behind);
    gauge("muster_cloud_recompute_queue", "Recomputations that wait.", sums.recompute);
    gauge("muster_cloud_recompute_oldest_seconds", "The age of the oldest of them.", sums.recompute_age);
    gauge("muster_cloud_database_connections", "Connections to the database.", cloud.connections.0);
    gauge("muster_cloud_database_connections_idle", "Of them, unused.", cloud.connections.1);
    let queues = |value: fn(&crate::store::figures::JobFigures) -> i64| {
        cloud.jobs.iter().map(move |jobs| ([jobs.queue.as_str()], value(jobs)))
    };
    let labels = ["queue"];
    page.each(Measure::Gauge, "muster_cloud_jobs_due", "Jobs that are due.", &labels, queues(|j| j.due));
    let help = "Jobs whose last try failed.";
    page.each(Measure::Gauge, "muster_cloud_jobs_failing", help, &labels, queues(|j| j.failing));
    let help = "For how long the oldest due job has been due.";
    let oldest = queues(|jobs| jobs.oldest_due);
    page.each(Measure::Gauge, "muster_cloud_job_oldest_due_seconds", help, &labels, oldest);
    let parts = [("pages", &counts.pages), ("sync", &counts.sync), ("phones", &counts.phones)];
    let answers = parts.into_iter().flat_map(|(part, counts)| {
        let classes = RequestCounts::CLASSES.into_iter().zip(counts.by_class());
        classes.map(move |(class, count)| ([part, class], count))
    });
    let help = "Requests answered, by part and class of the status.";
    page.each(Measure::Counter, "muster_cloud_http_requests_total", help, &["part", "status"], answers);
    page
}
