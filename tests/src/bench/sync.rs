//! `sync`: a million punches from a clock through the edge into PostgreSQL, with what it costs in memory and on the wire.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shared_model::punch::{ClockSerial, Punch};
use uuid::Uuid;

use super::figure::{Figure, Target};
use super::{per_second, punch};
use crate::binary::Variant;
use crate::clock::SimulatedClock;
use crate::cloud::Cloud;
use crate::edge::Edge;
use crate::folder::RunFolder;
use crate::memory::{peak_kib, reset_peak, resident_kib};
use crate::proxy::Proxy;
use crate::setup::{self, Organisation};
use crate::wait::{until, until_async};

const PUNCHES: u64 = 1_000_000;
/// Rows of one bare insert.
const BATCH: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(900);
/// How long resident memory must not change to count as idle.
const STILL: Duration = Duration::from_secs(3);

/// What one run of it came to; memory in KiB.
struct Outcome {
    took: Duration,
    wire: u64,
    edge_idle: u64,
    /// Before anything was sent.
    edge_reading: u64,
    edge_peak: u64,
    cloud_idle: u64,
    cloud_peak: u64,
}

/// Runs it.
///
/// # Errors
/// When a process does not start or not all punches arrive.
pub async fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("sync")?;
    let mut cloud = Cloud::start(&folder.sub("cloud")?, &folder.sub("logs")?, Variant::Plain)?;
    let organisation = setup::organisation(&mut cloud)?;
    // Half before and half after, so that what else the machine does meanwhile is in both figures.
    let before = bare(&cloud, "BARE1").await?;
    let outcome = through(&folder, &mut cloud, &organisation).await?;
    // What the cloud put off until the backlog was in must not slow the peer.
    until_async("the cloud's attendance to be worked out", PATIENCE, async || {
        Ok((cloud.count("SELECT count(*) FROM recompute_queue").await? == 0).then_some(()))
    })
    .await?;
    let after = bare(&cloud, "BARE2").await?;
    let peer = per_second(PUNCHES, before + after);

    let figure = |what: &str, value, unit, peer, target| Figure {
        bench: "sync",
        what: what.to_owned(),
        value,
        unit,
        peer,
        target,
    };
    let Outcome { took, wire, edge_idle, edge_reading, edge_peak, cloud_idle, cloud_peak } = outcome;
    let kib = |what: &str, value, target| figure(what, value, "KiB", None, target);
    Ok(vec![
        figure(
            "1,000,000 punches, edge to PostgreSQL",
            per_second(PUNCHES, took),
            "punches/s",
            Some(("bare UNNEST inserts", peer)),
            Target::HundredthsOfPeer(70),
        ),
        figure(
            "on the wire, a thousand punches",
            wire / (PUNCHES / 1000),
            "bytes",
            None,
            Target::AtMost(8_000),
        ),
        kib("agent's resident memory, idle", edge_idle, Target::AtMost(25 * 1024)),
        kib("its peak, reading a million records", edge_reading, Target::AtMost(edge_idle + 40 * 1024)),
        kib("its peak through all of it", edge_peak, Target::AtMost(edge_idle + 64 * 1024)),
        kib("cloud's resident memory without PostgreSQL, idle", cloud_idle, Target::None),
        kib("its peak through all of it", cloud_peak, Target::None),
    ])
}

/// A million punches from a clock into an edge without a line, and then, the line mended, into the cloud.
async fn through(folder: &RunFolder, cloud: &mut Cloud, organisation: &Organisation) -> Result<Outcome> {
    let proxy = Proxy::start(cloud.url()?.trim_start_matches("http://"))?;
    let mut edge = Edge::new(&folder.sub("edge")?, &folder.sub("logs")?, Variant::Plain);
    setup::enrol(&edge, &proxy.url(), organisation)?;
    edge.run(&[])?;
    let edge_process = edge.process().context("it runs")?.id();
    let cloud_process = cloud.process().context("it runs")?.id();
    let (edge_idle, cloud_idle) = (idle_kib(edge_process)?, idle_kib(cloud_process)?);
    reset_peak(edge_process)?;
    reset_peak(cloud_process)?;

    proxy.cut(true);
    let records = PUNCHES.to_string();
    let arguments = ["--records", &records, "--users", "5000", "--utc-offset-minutes", setup::ZONE_MINUTES];
    let clock = SimulatedClock::tcp("BENCHSYNC", folder.path(), &arguments)?;
    setup::add_tcp(&edge, &clock)?;
    until("a million punches at the edge", PATIENCE, || {
        let rows = edge.count("SELECT coalesce(sum(new_rows), 0) FROM device_state")?;
        Ok((u64::try_from(rows)? == PUNCHES).then_some(()))
    })?;
    let edge_reading = peak_kib(edge_process)?;

    let before = proxy.bytes_up();
    proxy.cut(false);
    until("the edge to find the cloud again", PATIENCE, || Ok((proxy.bytes_up() > before).then_some(())))?;
    let start = Instant::now();
    until_async("a million punches in the cloud", PATIENCE, async || {
        let rows =
            cloud.count("SELECT coalesce(max(applied_seq), 0) FROM origin_state WHERE stream = 'L'").await?;
        Ok((u64::try_from(rows)? >= PUNCHES).then_some(()))
    })
    .await?;
    let took = start.elapsed();
    let company = &organisation.company;
    let held = cloud.count(&format!("SELECT count(*) FROM ledger WHERE company_id = '{company}'")).await?;
    ensure!(u64::try_from(held)? == PUNCHES, "{held} of {PUNCHES} are in the cloud's ledger");
    let wire = proxy.bytes_up() - before;
    let (edge_peak, cloud_peak) = (peak_kib(edge_process)?, peak_kib(cloud_process)?);
    Ok(Outcome { took, wire, edge_idle, edge_reading, edge_peak, cloud_idle, cloud_peak })
}

/// Resident memory once it has not changed for a while.
fn idle_kib(process: u32) -> Result<u64> {
    let mut last = (resident_kib(process)?, Instant::now());
    until("the agent to be idle", PATIENCE, || {
        let now = resident_kib(process)?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok((last.1.elapsed() > STILL).then_some(now))
    })
}

/// Half a million rows of another company into the same table, by nothing but one statement a batch.
async fn bare(cloud: &Cloud, serial: &str) -> Result<Duration> {
    let mut database = cloud.database().await?;
    let clock = ClockSerial::parse(serial)?;
    let company = Uuid::from_u128(1);
    let mut took = Duration::ZERO;
    let mut place = 0;
    while place < PUNCHES / 2 {
        let batch = (place..(place + u64::try_from(BATCH)?).min(PUNCHES / 2))
            .map(|place| punch::at(place, &clock))
            .collect::<Result<Vec<Punch>>>()?;
        place += u64::try_from(batch.len())?;
        let ids: Vec<_> = batch.iter().map(|punch| punch.id.uuid()).collect();
        let codes: Vec<_> = batch.iter().map(|punch| punch.user_code.to_string()).collect();
        let raw: Vec<_> = batch.iter().map(|punch| punch.raw_time.wall()).collect();
        let instants: Vec<_> = batch.iter().map(|punch| punch.instant).collect();
        let start = Instant::now();
        sqlx::query(
            "INSERT INTO ledger (company_id, punch_id, serial, user_code, raw_time, zone, instant, state, verify,
                                 work_code, route, received_at)
             SELECT $1, id, $6, code, raw, 'Asia/Dhaka', at, 0, 1, '', 1, at
             FROM UNNEST($2::uuid[], $3::text[], $4::timestamp[], $5::timestamptz[]) AS t (id, code, raw, at)
             ON CONFLICT DO NOTHING",
        )
        .bind(company)
        .bind(ids)
        .bind(codes)
        .bind(raw)
        .bind(instants)
        .bind(serial)
        .execute(&mut database)
        .await?;
        took += start.elapsed();
    }
    Ok(took)
}
