//! `cargo xtask demo [--check] [--lose-one]`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on its standard streams"
)]

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use system_tests::binary::Variant;
use system_tests::demo::{self, Live, check, show};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Arguments {
    /// Runs unattended and counts.
    #[arg(long)]
    check: bool,
    /// Uses the build that loses one punch on the way.
    #[arg(long)]
    lose_one: bool,
}

// One thread: a process under test dies with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let Arguments { check, lose_one } = Arguments::parse();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let variant = if lose_one { Variant::LoseOne } else { Variant::Plain };
    let live = if check { Live::Some } else { Live::Endless };
    eprintln!("demo: starting PostgreSQL, the cloud, an edge agent and three simulated clocks");
    let mut product = demo::start(variant, live)?;
    if check {
        let outcome = check::run(&product).await?;
        for fault in &outcome.faults {
            eprintln!("demo: {fault}");
        }
        product.stop()?;
        println!("{}", serde_json::to_string(&outcome.count)?);
        return Ok(if outcome.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    show::introduce(&product).await?;
    tokio::select! {
        shown = show::run(&product) => shown?,
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    println!("\nstopping …");
    product.stop()?;
    Ok(ExitCode::SUCCESS)
}
