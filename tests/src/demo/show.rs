//! The demonstration with a person watching: where to look, and the punches as they arrive.
#![expect(clippy::print_stdout, reason = "the demonstration is shown on the terminal")]

use std::time::Duration;

use anyhow::Result;

use crate::product::Product;

/// How often new punches are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Says where everything is and how to sign in.
///
/// # Errors
/// When a part does not run.
pub fn introduce(product: &Product) -> Result<()> {
    println!("Muster runs, on three simulated clocks.\n");
    println!("  factory  {}", product.edge.url()?);
    println!("  cloud    {}", product.cloud.url()?);
    println!("  files: {}", product.folder.path().display());
    println!("\nPunches as they arrive (Ctrl-C stops everything):\n");
    Ok(())
}

/// Shows punches arriving until the process is asked to stop.
///
/// # Errors
/// When a source cannot be read.
pub async fn run(product: &Product) -> Result<()> {
    let mut seen = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        seen = new_punches(product, seen)?;
    }
}

/// Prints the punches after a place of the delivery log, and returns the new place.
fn new_punches(product: &Product, seen: i64) -> Result<i64> {
    let file = product.edge.file()?;
    let head: i64 = file.query_row("SELECT coalesce(max(seq), 0) FROM ledger_log", [], |row| row.get(0))?;
    let acked: i64 =
        file.query_row("SELECT coalesce(max(acked), 0) FROM stream WHERE stream = 'L'", [], |row| {
            row.get(0)
        })?;
    if head == seen {
        return Ok(seen);
    }
    let mut rows = file.prepare(
        "SELECT datetime(raw_time, 'unixepoch'), serial, user_code
         FROM ledger_log JOIN ledger ON punch_id = punch JOIN clock ON clock.id = clock
         WHERE entry = 1 AND seq > ?1 ORDER BY seq DESC LIMIT 5",
    )?;
    let rows = rows.query_map([seen], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut shown: Vec<(String, String, String)> = rows.collect::<Result<_, _>>()?;
    shown.reverse();
    for (time, serial, code) in &shown {
        println!("  {time}  {serial}  {code}");
    }
    let punches: i64 = file.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
    println!("  … {punches} punches at the edge, {} entries wait for the cloud", (head - acked).max(0));
    Ok(head)
}
