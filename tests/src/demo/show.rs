//! The demonstration with a person watching: where to look, and the punches as they arrive.
#![expect(clippy::print_stdout, reason = "the demonstration is shown on the terminal")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cloud_http::Browser;
use crate::pages::{USER, new_password};
use crate::product::Product;

/// The sign-in name in the cloud.
const COMPANY_OWNER: &str = "owner@example.com";

/// How often new punches are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Makes an account at each place, and says where everything is and how to sign in.
///
/// # Errors
/// When a part does not run or does not take an account.
pub async fn introduce(product: &Product) -> Result<()> {
    let (factory, cloud) = (local_owner(product)?, company_owner(product).await?);
    println!("Muster runs, on three simulated clocks.\n");
    println!("  factory  {}", product.edge.url()?);
    println!("           sign in as {USER}, password {factory}");
    println!("  cloud    {}", product.cloud.url()?);
    println!("           sign in as {COMPANY_OWNER}, password {cloud}");
    println!("  files: {}", product.folder.path().display());
    println!("\nPunches as they arrive (Ctrl-C stops everything):\n");
    Ok(())
}

/// Makes the account for the agent's pages; its password.
fn local_owner(product: &Product) -> Result<String> {
    let made = product.edge.command(&["user", "add", USER])?;
    made["password"].as_str().map(str::to_owned).context("user add prints a password")
}

/// Makes the company's owner in the cloud; the password.
async fn company_owner(product: &Product) -> Result<String> {
    let company = &product.organisation.company;
    let mut arguments = vec!["user", "add", "--email", COMPANY_OWNER, "--name", "Company Owner"];
    arguments.extend(["--company", company, "--role", "owner"]);
    let made = product.cloud.command(&arguments)?;
    let token = made["token"].as_str().context("user add prints a token")?;
    let password = new_password();
    let form = [("token", token), ("password", password.as_str())];
    let answer = Browser::at(&product.cloud.url()?).post("/password", &form).await?;
    ensure!(answer.status == 303, "the cloud took no password: {}", answer.text);
    Ok(password)
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
