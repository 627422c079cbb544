//! `insert`: punches through the agent's own ingest, beside bare rusqlite on the same schema.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use edge_agent::clock::{OsEntropy, SystemClock};
use edge_agent::store::{Delivered, Delivery, Store};
use rusqlite::{Connection, params};
use shared_model::Route;
use shared_model::punch::{ClockSerial, Punch};

use super::figure::{Figure, Target};
use super::{median, per_second, punch, timed};
use crate::folder::RunFolder;

const PUNCHES: u64 = 200_000;
/// Both sides take turns.
const ROUNDS: usize = 3;
/// Rows of one commit.
const BATCH: usize = 1_000;

/// Runs it.
///
/// # Errors
/// When a store fails or did not take all.
pub fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("insert")?;
    let serial = ClockSerial::parse("BENCH1")?;
    let punches = (0..PUNCHES).map(|place| punch::at(place, &serial)).collect::<Result<Vec<_>>>()?;
    let (mut of_agent, mut of_rusqlite) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        of_rusqlite.push(bare(&folder.path().join(format!("bare-{round}.db")), &punches)?);
        of_agent.push(ours(&folder.sub(&format!("edge-{round}"))?, &serial, punches.clone())?);
    }
    Ok(vec![Figure {
        bench: "insert",
        what: format!("{PUNCHES} punches, {BATCH} a commit"),
        value: median(of_agent),
        unit: "punches/s",
        peer: Some(("bare rusqlite", median(of_rusqlite))),
        target: Target::HundredthsOfPeer(50),
    }])
}

fn ours(folder: &Path, serial: &ClockSerial, punches: Vec<Punch>) -> Result<u64> {
    let store = Store::open(folder, Arc::new(SystemClock::start()), Arc::new(OsEntropy))?;
    let mut deliveries = Vec::new();
    let mut rows = punches.into_iter().map(Delivered::Punch).peekable();
    while rows.peek().is_some() {
        let rows = rows.by_ref().take(BATCH).collect();
        deliveries.push(Delivery { serial: serial.clone(), route: Route::Pull, after: None, rows });
    }
    let (taken, took) = timed(|| {
        let mut new = 0;
        for delivery in deliveries {
            new += store.write_blocking(move |tx| tx.take(&delivery))?.new;
        }
        Ok(new)
    })?;
    store.close();
    ensure!(taken == PUNCHES, "the ledger took {taken} of {PUNCHES}");
    Ok(per_second(PUNCHES, took))
}

/// The same rows into the same tables by nothing but rusqlite, with the same durability.
fn bare(file: &Path, punches: &[Punch]) -> Result<u64> {
    let mut connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // The agent's own setting, without which bare rusqlite would be slower.
    connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    connection.execute_batch(include_str!("../../../migrations/edge/0001_ledger.sql"))?;
    connection.execute_batch(
        "INSERT INTO clock (id, serial) VALUES (1, 'BENCH1'); INSERT INTO zone (id, name) VALUES (1, 'Asia/Dhaka');",
    )?;
    let ((), took) = timed(|| {
        let mut seq = 0_i64;
        for batch in punches.chunks(BATCH) {
            let tx = connection.transaction()?;
            {
                let mut ledger = tx.prepare_cached(
                    "INSERT INTO ledger (punch_id, clock, user_code, raw_time, zone, instant, state, verify,
                                         work_code, route, received_at, raw)
                     VALUES (?1, 1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
                )?;
                let mut log = tx.prepare_cached(
                    "INSERT INTO ledger_log (origin, seq, entry, punch) VALUES (1, ?1, 1, ?2)",
                )?;
                for punch in batch {
                    seq += 1;
                    ledger.execute(params![
                        punch.id,
                        punch.user_code.as_str(),
                        punch.raw_time.seconds(),
                        punch.instant.timestamp(),
                        punch.reading.state,
                        punch.reading.verify,
                        punch.reading.work_code,
                        punch.route.number(),
                        punch.received_at.timestamp_millis(),
                        punch.raw,
                    ])?;
                    log.execute(params![seq, punch.id])?;
                }
            }
            tx.commit()?;
        }
        Ok(())
    })?;
    let rows: i64 = connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
    ensure!(u64::try_from(rows)? == PUNCHES, "bare rusqlite holds {rows} of {PUNCHES}");
    Ok(per_second(PUNCHES, took))
}
