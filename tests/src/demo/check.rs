//! The unattended demonstration: waits until all has arrived, counts at each source, and compares the sets.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use sqlx::Row;

use crate::ledger::Places;
use crate::product::Product;
use crate::setup::{ZONE, ZONE_MINUTES};
use crate::wait::until_async;

/// All must have arrived by then.
const PATIENCE: Duration = Duration::from_secs(240);
/// Nothing more is waited for when nothing changes for so long though something is missing.
const STILL: Duration = Duration::from_secs(30);
/// Records that each clock keeps in the end.
const KEPT: u64 = super::RECORDS as u64 + super::LIVE_PUNCHES as u64;

/// What the last line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Simulated clocks.
    pub clocks: usize,
    /// Punches that they kept.
    pub clock: usize,
    /// Punches in the edge's ledger.
    pub edge: usize,
    /// Punches in the cloud's ledger.
    pub cloud: usize,
    /// Rows that cannot be punches, at the edge.
    pub quarantined: i64,
    /// Days of people that the edge worked out.
    pub records: usize,
}

/// What was found at each source.
pub struct Outcome {
    /// The last line.
    pub count: Count,
    /// What is wrong; nothing if nothing is.
    pub faults: Vec<String>,
}

/// Somebody's day: who, which day, whether it is final, and the digest of the record.
type Day = ([u8; 16], String, bool, Vec<u8>);

/// Everything that is compared.
#[derive(PartialEq, Eq)]
struct Found {
    places: Places,
    bad: usize,
    quarantined: i64,
    records: usize,
    edge_days: BTreeSet<Day>,
    cloud_days: BTreeSet<Day>,
}

/// Waits and compares.
///
/// # Errors
/// When a source cannot be read; that something is missing is told in the outcome.
pub async fn run(product: &Product) -> Result<Outcome> {
    for clock in &product.clocks {
        until_async("the last live punch", PATIENCE, async || {
            Ok((clock.status().await?["records"].as_u64() == Some(KEPT)).then_some(()))
        })
        .await?;
    }
    if let Some(pushing) = product.clocks.last() {
        pushing.resend().await?;
    }
    let start = Instant::now();
    let mut found = find(product).await?;
    let mut changed = Instant::now();
    while !found.faults().is_empty() && start.elapsed() < PATIENCE && changed.elapsed() < STILL {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let next = find(product).await?;
        if next != found {
            changed = Instant::now();
            found = next;
        }
    }
    Ok(Outcome {
        count: Count {
            clocks: product.clocks.len(),
            clock: found.places.clock.len(),
            edge: found.places.edge.len(),
            cloud: found.places.cloud.len(),
            quarantined: found.quarantined,
            records: found.records,
        },
        faults: found.faults(),
    })
}

/// What differs now between the clocks, the edge and the cloud, days included; nothing if nothing does.
///
/// # Errors
/// When a source cannot be read.
pub async fn faults(product: &Product) -> Result<Vec<String>> {
    Ok(find(product).await?.faults())
}

impl Found {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.places.agree() {
            faults.push(self.places.to_string());
        }
        if usize::try_from(self.quarantined) != Ok(self.bad) {
            faults.push(format!("{} rows are no punches and {} are quarantined", self.bad, self.quarantined));
        }
        if self.records == 0 {
            faults.push("no day was worked out at the edge".to_owned());
        }
        let waiting = self.edge_days.iter().filter(|(_, _, last, _)| !last).count();
        if self.edge_days.is_empty() || waiting > 0 {
            faults.push(format!("of {} days at the edge {waiting} are not final", self.edge_days.len()));
        }
        // Both compute by themselves, and must come to the same to the byte.
        if self.edge_days != self.cloud_days {
            let same = self.edge_days.intersection(&self.cloud_days).count();
            faults.push(format!(
                "{} days at the edge and {} in the cloud, {same} of them the same to the byte",
                self.edge_days.len(),
                self.cloud_days.len()
            ));
        }
        faults
    }
}

async fn find(product: &Product) -> Result<Found> {
    let places = product.places().await?;
    let bad = product.sent()?.bad;
    let file = product.edge.file()?;
    let quarantined = file.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))?;
    let records: i64 = file.query_row("SELECT count(*) FROM attendance_day", [], |row| row.get(0))?;
    let records = usize::try_from(records)?;
    // What a provisional day says depends on when it was worked out, so only days that ended long ago: no window of a
    // shift reaches from the day before yesterday into today, and the clocks have been read since.
    let mut days = file.prepare(
        "SELECT employee, work_date, provisional = 0, digest FROM attendance_day
         WHERE work_date <= date('now', ?1 || ' minutes', '-2 days')",
    )?;
    let edge_days = days
        .query_map([ZONE_MINUTES], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let mut database = product.cloud.database().await?;
    let rows = sqlx::query(
        "SELECT employee, work_date::text AS work_date, NOT provisional AS last, digest FROM attendance_day
         WHERE work_date <= (now() AT TIME ZONE $1)::date - 2",
    )
    .bind(ZONE)
    .fetch_all(&mut database)
    .await?;
    let mut cloud_days = BTreeSet::new();
    for row in rows {
        let employee: uuid::Uuid = row.try_get("employee")?;
        let (date, last) = (row.try_get("work_date")?, row.try_get("last")?);
        cloud_days.insert((employee.into_bytes(), date, last, row.try_get("digest")?));
    }
    Ok(Found { places, bad, quarantined, records, edge_days, cloud_days })
}
