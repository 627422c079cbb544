//! Figures for a monitoring program, in Prometheus' text format (version 0.0.4), and the counting of requests.
//!
//! ```text
//! # HELP muster_edge_backlog_rows Rows that wait for the cloud.
//! # TYPE muster_edge_backlog_rows gauge
//! muster_edge_backlog_rows{stream="ledger"} 12
//! ```
//!
//! Values are whole numbers. A label may only take values from a small set (a stream, a clock): never a person, a company or
//! a path.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The content type of the format.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Only ever grows, until the program starts again.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Measure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A page of figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    text: String,
}

impl Figures {
    /// Adds a figure without labels.
    pub fn add(&mut self, measure: Measure, name: &str, help: &str, value: i64) {
        self.each(measure, name, help, &[], [(&[][..], value)]);
    }

    /// Adds a figure where it is known.
    pub fn add_known(&mut self, measure: Measure, name: &str, help: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.add(measure, name, help, value);
        }
    }

    /// Adds a figure with a value for each set of labels, the labels' values in the order of their names.
    pub fn each<'a, L: AsRef<[&'a str]>>(
        &mut self,
        measure: Measure,
        name: &str,
        help: &str,
        labels: &[&str],
        values: impl IntoIterator<Item = (L, i64)>,
    ) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n"));
        let _ = writeln!(self.text, "# TYPE {name} {}", measure.as_str());
        for (of, value) in values {
            self.text.push_str(name);
            let named = labels.iter().zip(of.as_ref());
            for (nth, (label, of)) in named.enumerate() {
                let open = if nth == 0 { '{' } else { ',' };
                let _ = write!(self.text, "{open}{label}=\"{}\"", escaped(of));
            }
            if !labels.is_empty() {
                self.text.push('}');
            }
            let _ = writeln!(self.text, " {value}");
        }
    }

    /// The page.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl IntoResponse for Figures {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")], self.text).into_response()
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// How many requests were answered, by the class of the answer. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct RequestCounts {
    classes: Arc<[AtomicU64; 5]>,
}

impl RequestCounts {
    /// The classes' names: by the first digit of the status.
    pub const CLASSES: [&'static str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

    /// Counts every answer of a router.
    pub fn counting<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let counts = self.clone();
        router.layer(middleware::from_fn(move |request: Request<Body>, next: Next| {
            let counts = counts.clone();
            async move {
                let response = next.run(request).await;
                counts.count(response.status().as_u16());
                response
            }
        }))
    }

    fn count(&self, status: u16) {
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = self.classes.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The answers of each class, in the order of [`RequestCounts::CLASSES`].
    #[must_use]
    pub fn by_class(&self) -> [i64; 5] {
        std::array::from_fn(|class| {
            i64::try_from(self.classes[class].load(Ordering::Relaxed)).unwrap_or(i64::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn a_page_is_as_the_format_has_it() {
        let mut figures = Figures::default();
        figures.add(Measure::Gauge, "people", "People\nhere.", 3);
        figures.add_known(Measure::Gauge, "unknown", "Not told.", None);
        let rows = [(["gate \"1\"", "a\\b"], 5), (["gate 2", "c"], -1)];
        figures.each(Measure::Counter, "rows_total", "Rows.", &["clock", "route"], rows);
        let expected = "# HELP people People\\nhere.\n# TYPE people gauge\npeople 3\n# HELP rows_total Rows.\n\
                        # TYPE rows_total counter\nrows_total{clock=\"gate \\\"1\\\"\",route=\"a\\\\b\"} 5\n\
                        rows_total{clock=\"gate 2\",route=\"c\"} -1\n";
        assert_eq!(figures.text(), expected);
    }

    #[tokio::test]
    async fn answers_are_counted_by_class() {
        let counts = RequestCounts::default();
        let router: Router = Router::new()
            .route("/", get(async || "here"))
            .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR));
        let router = counts.counting(router);
        for path in ["/", "/", "/missing", "/broken"] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
        }
        assert_eq!(counts.by_class(), [0, 2, 0, 1, 1]);
    }
}
