//! The client against simulated clocks on real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime};
use device_protocols::clock::SystemClock;
use device_protocols::row::{AttendanceRow, UserCode};
use device_protocols::sim::live::punch_now;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Faults, Generator, SimClock, SimConfig, Transfer};
use device_protocols::text::TextEncoding;
use device_protocols::zk::client::{ClientOptions, Hold};
use device_protocols::zk::event::MASK_ATTENDANCE;
use device_protocols::zk::key::CommKey;
use device_protocols::zk::session::{SessionError, Timing};
use device_protocols::zk::user::{UserWidth, lowest_free_sn};
use device_protocols::zk::{
    Client, ClientError, Code, LiveEvent, LogPiece, LogSummary, Packet, TcpCodec, UserRecord,
};
use futures_util::{SinkExt, StreamExt};
use rstest::rstest;
use tokio::io::AsyncWriteExt;
use tokio::time::Duration;
use tokio_util::codec::Framed;

mod bounded;
mod cancel;
mod event;
mod fact;
mod read;

fn now() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

/// Deadlines that a loaded machine keeps and a failing test still reaches.
fn options() -> ClientOptions {
    let timing = Timing {
        reply: Duration::from_secs(5),
        prepare: Duration::from_secs(5),
        tail: Duration::from_secs(1),
    };
    ClientOptions { timing, table_timeout: Duration::from_secs(120), ..ClientOptions::default() }
}

fn config(format: &str, records: u64) -> SimConfig {
    let mut config = SimConfig::new("SIM0000000001");
    config.format = format.parse().unwrap();
    config.records = records;
    config
}

async fn start(config: SimConfig) -> (Arc<SimClock>, TcpServer) {
    let sim = SimClock::open(config).unwrap();
    let server =
        TcpServer::start(Arc::clone(&sim), "127.0.0.1:0".parse().unwrap(), SystemClock).await.unwrap();
    (sim, server)
}

async fn connect(server: &TcpServer) -> Client {
    Client::connect(server.address(), options()).await.unwrap()
}

async fn read_log(client: &mut Client) -> Result<(Vec<AttendanceRow>, LogSummary), ClientError> {
    let mut log = client.attendance(now()).await?;
    let mut all = Vec::new();
    while let Some(piece) = log.next().await? {
        match piece {
            LogPiece::Rows(rows) => all.extend(rows),
            LogPiece::Raw { .. } => panic!("raw bytes in a plausible log"),
        }
    }
    Ok((all, log.finish().await?))
}

/// What the clock says it holds, as (user, time).
fn sent(sim: &SimClock) -> Vec<(String, String)> {
    sim.sent().map(|line| (line.code, line.time)).collect()
}

fn read(rows: &[AttendanceRow]) -> Vec<(String, String)> {
    let time = |row: &AttendanceRow| match &row.time {
        Ok(time) => time.to_string(),
        Err(bad) => bad.said().to_owned(),
    };
    rows.iter().map(|row| (row.user.to_string(), time(row))).collect()
}
