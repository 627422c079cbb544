//! `pull`: a clock's whole log over TCP into the committed ledger, beside pyzk merely reading it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::figure::{Figure, Target};
use super::per_second;
use crate::binary::Variant;
use crate::clock::SimulatedClock;
use crate::edge::Edge;
use crate::folder::RunFolder;
use crate::wait::until;
use crate::{pyzk, setup};

const RECORDS: u64 = 100_000;
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

    let (read, took) = pyzk::read_log(clock.address()?)?;
    ensure!(read == RECORDS, "pyzk read {read} of {RECORDS}");
    let peer = per_second(RECORDS, took);

    let mut edge = Edge::new(&folder.sub("edge")?, &folder.sub("logs")?, Variant::Plain);
    edge.run(&[])?;
    setup::own_site(&edge)?;
    let start = Instant::now();
    // Connecting, users and the look at the log's size are in the time, which for pyzk they are not.
    setup::add_tcp(&edge, &clock)?;
    until("the whole log in the ledger", PATIENCE, || {
        Ok((edge.count("SELECT coalesce(sum(new_rows), 0) FROM device_state")? == i64::try_from(RECORDS)?)
            .then_some(()))
    })?;
    let took = start.elapsed();
    let held = edge.ledger()?.len();
    ensure!(u64::try_from(held)? == RECORDS, "{held} of {RECORDS} are in the ledger");
    Ok(vec![Figure {
        bench: "pull",
        what: format!("{RECORDS} records of 40 bytes, from `device add` to the last commit"),
        value: per_second(RECORDS, took),
        unit: "records/s",
        peer: Some(("pyzk 0.9, reading only", peer)),
        target: Target::HundredthsOfPeer(1000),
    }])
}
