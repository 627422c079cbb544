//! Control of a simulated clock over HTTP on loopback, for tests and demonstrations.
//!
//! ```text
//! GET  /status          counts and state as JSON
//! GET  /sent            the sent list, one JSON object a line
//! POST /punch?count=N   N punches now (1 if not said); answers when they are kept
//! POST /operate?code=C&admin=A   something done in the clock's menu: C of the operation log, by A (0 if not said)
//! POST /clear?admin=A   clear the attendance log in the clock's menu
//! POST /resend          push: send the whole history again
//! GET  /faults          the faults in force
//! POST /faults          faults to be in force from now on, as JSON; fields left out are off
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::fault::Faults;
use super::{SimClock, live};
use crate::clock::Clock;

/// Counts and state of a simulated clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Serial number.
    pub serial: String,
    /// Records held.
    pub records: u64,
    /// Records the push server has acknowledged in the present round.
    pub acknowledged: u64,
    /// Whether people can punch.
    pub enabled: bool,
    /// TCP connections taken.
    pub connections: u64,
    /// TCP requests received.
    pub requests: u64,
    /// Bytes of tables sent over TCP.
    pub table_bytes: u64,
}

/// The control service of a simulated clock, until dropped.
#[derive(Debug)]
pub struct ControlServer {
    address: SocketAddr,
    stop: CancellationToken,
}

impl ControlServer {
    /// Serves control at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(
        sim: Arc<SimClock>,
        address: SocketAddr,
        clock: impl Clock + Clone,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let router = router(sim, clock);
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self { address, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Control<C> {
    sim: Arc<SimClock>,
    clock: C,
}

#[derive(Deserialize)]
struct PunchQuery {
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

fn router<C: Clock + Clone>(sim: Arc<SimClock>, clock: C) -> Router {
    Router::new()
        .route("/status", get(status::<C>))
        .route("/sent", get(sent::<C>))
        .route("/punch", post(punch::<C>))
        .route("/operate", post(operate::<C>))
        .route("/clear", post(clear::<C>))
        .route("/resend", post(resend::<C>))
        .route("/faults", get(faults::<C>).post(set_faults::<C>))
        .with_state(Arc::new(Control { sim, clock }))
}

async fn status<C: Clock>(State(control): State<Arc<Control<C>>>) -> Json<Status> {
    let sim = &control.sim;
    Json(Status {
        serial: sim.config().serial.clone(),
        records: sim.count(),
        acknowledged: sim.acknowledged(),
        enabled: sim.is_enabled(),
        connections: sim.tally().connections(),
        requests: sim.tally().requests(),
        table_bytes: sim.tally().table_bytes(),
    })
}

async fn sent<C: Clock>(State(control): State<Arc<Control<C>>>) -> impl IntoResponse {
    // In parts, since a clock may hold a million records.
    let (sim, count) = (Arc::clone(&control.sim), control.sim.count());
    let parts = futures_util::stream::unfold(0, move |from| {
        let sim = Arc::clone(&sim);
        async move {
            let until = count.min(from + 1000);
            (from < until).then(|| {
                let mut text = Vec::new();
                for punch in (from..until).filter_map(|index| sim.punch_at(index)) {
                    // Writing to memory cannot fail, and a line is plain strings.
                    if serde_json::to_writer(&mut text, &sim.config().sent_line(&punch)).is_ok() {
                        text.push(b'\n');
                    }
                }
                (Ok::<_, std::convert::Infallible>(Bytes::from(text)), until)
            })
        }
    });
    axum::body::Body::from_stream(parts)
}

async fn punch<C: Clock>(
    State(control): State<Arc<Control<C>>>,
    Query(PunchQuery { count }): Query<PunchQuery>,
) -> Result<Json<u64>, (StatusCode, String)> {
    for _ in 0..count {
        live::punch_now(&control.sim, &control.clock)
            .map_err(|error| (StatusCode::INSUFFICIENT_STORAGE, error.to_string()))?;
    }
    Ok(Json(control.sim.count()))
}

#[derive(Deserialize)]
struct OperateQuery {
    code: u8,
    #[serde(default)]
    admin: u16,
}

async fn operate<C: Clock>(
    State(control): State<Arc<Control<C>>>,
    Query(OperateQuery { code, admin }): Query<OperateQuery>,
) -> StatusCode {
    control.sim.operate(code, admin, &control.clock);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct ClearQuery {
    #[serde(default)]
    admin: u16,
}

async fn clear<C: Clock>(
    State(control): State<Arc<Control<C>>>,
    Query(ClearQuery { admin }): Query<ClearQuery>,
) -> StatusCode {
    control.sim.clear_log(admin, &control.clock);
    StatusCode::NO_CONTENT
}

async fn resend<C: Clock>(State(control): State<Arc<Control<C>>>) -> StatusCode {
    control.sim.resend_all();
    StatusCode::NO_CONTENT
}

async fn faults<C: Clock>(State(control): State<Arc<Control<C>>>) -> Json<Faults> {
    Json(control.sim.faults())
}

async fn set_faults<C: Clock>(State(control): State<Arc<Control<C>>>, Json(new): Json<Faults>) -> StatusCode {
    control.sim.change_faults(|faults| *faults = new);
    StatusCode::NO_CONTENT
}
