//! `pull`: a clock's whole log over TCP into the committed ledger, beside pyzk merely reading it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::figure::{Figure, Target};
use super::{median, per_second};
use crate::binary::Variant;
use crate::clock::SimulatedClock;
use crate::edge::Edge;
use crate::folder::RunFolder;
use crate::wait::until;
use crate::{pyzk, setup};

const RECORDS: u64 = 100_000;
/// The agent and pyzk take turns; the agent, being the quicker, begins and ends.
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs it.
///
/// # Errors
/// When a process does not start or not all records arrive.
pub fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("pull")?;
    let records = RECORDS.to_string();
    let arguments = ["--records", &records, "--users", "1000", "--utc-offset-minutes", setup::ZONE_MINUTES];
    let clock = SimulatedClock::tcp("BENCHPULL", folder.path(), &arguments)?;
    let logs = folder.sub("logs")?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if round > 0 {
            peer.push(read_by_pyzk(&clock)?);
        }
        ours.push(read_by_agent(&clock, &folder.sub(&format!("edge-{round}"))?, &logs)?);
    }
    Ok(vec![Figure {
        bench: "pull",
        what: format!("{RECORDS} records of 40 bytes, from `device add` to the last commit"),
        value: median(ours),
        unit: "records/s",
        peer: Some(("pyzk 0.9, reading only", median(peer))),
        target: Target::HundredthsOfPeer(1000),
    }])
}

fn read_by_pyzk(clock: &SimulatedClock) -> Result<u64> {
    let (read, took) = pyzk::read_log(clock.address()?)?;
    ensure!(read == RECORDS, "pyzk read {read} of {RECORDS}");
    Ok(per_second(RECORDS, took))
}

fn read_by_agent(clock: &SimulatedClock, data: &Path, logs: &Path) -> Result<u64> {
    let mut edge = Edge::new(data, logs, Variant::Plain);
    edge.run(&[])?;
    setup::own_site(&edge)?;
    let start = Instant::now();
    // Connecting, users and the look at the log's size are in the time, which for pyzk they are not.
    setup::add_tcp(&edge, clock)?;
    until("the whole log in the ledger", PATIENCE, || {
        Ok((edge.count("SELECT coalesce(sum(new_rows), 0) FROM device_state")? == i64::try_from(RECORDS)?)
            .then_some(()))
    })?;
    let took = start.elapsed();
    let held = edge.ledger()?.len();
    ensure!(u64::try_from(held)? == RECORDS, "{held} of {RECORDS} are in the ledger");
    edge.stop()?;
    Ok(per_second(RECORDS, took))
}
