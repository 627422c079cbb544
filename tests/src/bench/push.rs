//! `push`: posts a second of 64 clocks at once, each answered after its durable commit.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta};
use rusqlite::{Connection, params};

use super::figure::{Figure, Target};
use super::{median, per_second, punch, timed};
use crate::binary::Variant;
use crate::edge::Edge;
use crate::folder::RunFolder;
use crate::setup;
use shared_model::punch::ClockSerial;

const CLOCKS: u32 = 64;
/// Posts of one clock in one round.
const POSTS_EACH: u32 = 100;
/// Both sides take turns.
const ROUNDS: u32 = 3;
/// Commits of bare rusqlite in one round.
const BARE: u64 = 500;

/// Runs it.
///
/// # Errors
/// When a post is not answered or the ledger does not hold all.
pub async fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("push")?;
    let mut edge = Edge::new(&folder.sub("edge")?, &folder.sub("logs")?, Variant::Plain);
    edge.run(&[])?;
    setup::own_site(&edge)?;
    for clock in 0..CLOCKS {
        setup::add_push(&edge, &serial(clock))?;
    }
    let url = Arc::new(edge.push_url()?);
    // One connection each, open before the time starts.
    let mut clients = Vec::new();
    for clock in 0..CLOCKS {
        let client = crate::http::client()?;
        post(&client, &url, clock, 0).await?;
        clients.push(client);
    }
    let (mut of_agent, mut of_rusqlite) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        of_rusqlite.push(bare(&folder.path().join(format!("bare-{round}.db")))?);
        of_agent.push(posts(&clients, &url, round * POSTS_EACH + 1).await?);
    }
    let held = edge.ledger()?.len();
    let sent = usize::try_from(CLOCKS * (ROUNDS * POSTS_EACH + 1))?;
    ensure!(held == sent, "{sent} punches were posted and {held} are in the ledger");
    Ok(vec![Figure {
        bench: "push",
        what: format!("posts of one punch each on {CLOCKS} connections"),
        value: median(of_agent),
        unit: "posts/s",
        peer: Some(("bare rusqlite, one commit each", median(of_rusqlite))),
        target: Target::None,
    }])
}

/// One round of posts of all clocks at once.
async fn posts(clients: &[reqwest::Client], url: &Arc<String>, first: u32) -> Result<u64> {
    let start = Instant::now();
    let mut posting = tokio::task::JoinSet::new();
    for (clock, client) in (0..CLOCKS).zip(clients) {
        let (client, url) = (client.clone(), Arc::clone(url));
        posting.spawn(async move {
            for place in first..first + POSTS_EACH {
                post(&client, &url, clock, place).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = posting.join_next().await {
        ended??;
    }
    Ok(per_second(u64::from(CLOCKS * POSTS_EACH), start.elapsed()))
}

fn serial(clock: u32) -> String {
    format!("BENCHPUSH{clock}")
}

async fn post(client: &reqwest::Client, url: &str, clock: u32, place: u32) -> Result<()> {
    let at = DateTime::from_timestamp(1_760_000_000, 0).context("within the calendar")?
        + TimeDelta::seconds(i64::from(place));
    let line = format!("{}\t{}\t0\t1\t\t0\t0\n", 1001 + clock, at.format("%Y-%m-%d %H:%M:%S"));
    let answer = client
        .post(format!("{url}/iclock/cdata?SN={}&table=ATTLOG&Stamp={place}", serial(clock)))
        .timeout(Duration::from_secs(30))
        .body(line)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    ensure!(answer.trim() == "OK: 1", "the edge answered {answer:?}");
    Ok(())
}

/// The limit of one commit after another.
fn bare(file: &Path) -> Result<u64> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE ledger (punch_id BLOB PRIMARY KEY, user_code TEXT, raw BLOB) WITHOUT ROWID",
    )?;
    let serial = ClockSerial::parse("BARE")?;
    let ((), took) = timed(|| {
        for place in 0..BARE {
            let punch = punch::at(place, &serial)?;
            connection.prepare_cached("INSERT INTO ledger VALUES (?1, ?2, ?3)")?.execute(params![
                punch.id,
                punch.user_code.as_str(),
                punch.raw
            ])?;
        }
        Ok(())
    })?;
    Ok(per_second(BARE, took))
}
