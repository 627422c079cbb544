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
use crate::setup;
use crate::wait::{until, until_async};

const PUNCHES: u64 = 1_000_000;
/// Rows of one bare insert.
const BATCH: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(900);
/// How long resident memory must not change to count as idle.
const STILL: Duration = Duration::from_secs(3);

/// Runs it.
///
/// # Errors
/// When a process does not start or not all punches arrive.
pub async fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("sync")?;
    let logs = folder.sub("logs")?;
    let mut cloud = Cloud::start(&folder.sub("cloud")?, &logs, Variant::Plain)?;
    let organisation = setup::organisation(&mut cloud)?;
    let bare = bare(&cloud).await?;

    let proxy = Proxy::start(cloud.url()?.trim_start_matches("http://"))?;
    let mut edge = Edge::new(&folder.sub("edge")?, &logs, Variant::Plain);
    setup::enrol(&edge, &proxy.url(), &organisation)?;
    edge.run(&[])?;
    let process = edge.process().context("it runs")?.id();
    let idle = idle_kib(process)?;

    proxy.cut(true);
    reset_peak(process)?;
    let records = PUNCHES.to_string();
    let arguments = ["--records", &records, "--users", "5000", "--utc-offset-minutes", setup::ZONE_MINUTES];
    let clock = SimulatedClock::tcp("BENCHSYNC", folder.path(), &arguments)?;
    setup::add_tcp(&edge, &clock)?;
    until("a million punches at the edge", PATIENCE, || {
        let rows = edge.count("SELECT coalesce(sum(new_rows), 0) FROM device_state")?;
        Ok((u64::try_from(rows)? == PUNCHES).then_some(()))
    })?;
    let reading_peak = peak_kib(process)?;

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
    let wire = proxy.bytes_up() - before;
    let peak = peak_kib(process)?.max(reading_peak);
    let company = &organisation.company;
    let held = cloud.count(&format!("SELECT count(*) FROM ledger WHERE company_id = '{company}'")).await?;
    ensure!(u64::try_from(held)? == PUNCHES, "{held} of {PUNCHES} are in the cloud's ledger");

    let figure = |what: &str, value, unit, peer, target| Figure {
        bench: "sync",
        what: what.to_owned(),
        value,
        unit,
        peer,
        target,
    };
    Ok(vec![
        figure(
            "1,000,000 punches, edge to PostgreSQL",
            per_second(PUNCHES, took),
            "punches/s",
            Some(("bare UNNEST inserts", bare)),
            Target::HundredthsOfPeer(60),
        ),
        figure(
            "on the wire, a thousand punches",
            wire / (PUNCHES / 1000),
            "bytes",
            None,
            Target::AtMost(8_000),
        ),
        figure("agent's resident memory, idle", idle, "KiB", None, Target::AtMost(25 * 1024)),
        figure(
            "its peak, reading a million records",
            reading_peak,
            "KiB",
            None,
            Target::AtMost(idle + 40 * 1024),
        ),
        figure("its peak through all of it", peak, "KiB", None, Target::AtMost(idle + 64 * 1024)),
    ])
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

/// A million rows of another company into the same table, by nothing but one statement a batch.
async fn bare(cloud: &Cloud) -> Result<u64> {
    let mut database = cloud.database().await?;
    let serial = ClockSerial::parse("BARE")?;
    let company = Uuid::from_u128(1);
    let mut took = Duration::ZERO;
    let mut place = 0;
    while place < PUNCHES {
        let batch = (place..(place + u64::try_from(BATCH)?).min(PUNCHES))
            .map(|place| punch::at(place, &serial))
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
             SELECT $1, id, 'BARE', code, raw, 'Asia/Dhaka', at, 0, 1, '', 1, at
             FROM UNNEST($2::uuid[], $3::text[], $4::timestamp[], $5::timestamptz[]) AS t (id, code, raw, at)
             ON CONFLICT DO NOTHING",
        )
        .bind(company)
        .bind(ids)
        .bind(codes)
        .bind(raw)
        .bind(instants)
        .execute(&mut database)
        .await?;
        took += start.elapsed();
    }
    Ok(per_second(PUNCHES, took))
}
