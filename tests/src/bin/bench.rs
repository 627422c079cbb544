//! `cargo xtask bench [NAME] [--json]`: see docs/benchmarks.md.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on its standard streams"
)]

use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser;
use system_tests::bench::figure::Figure;
use system_tests::bench::{insert, pull, push, report, shift, size, start, sync};

#[derive(Parser)]
struct Arguments {
    /// One benchmark; all when left out.
    name: Option<String>,
    /// Prints the figures as JSON lines and leaves docs/benchmarks.md alone.
    #[arg(long)]
    json: bool,
}

const BENCHES: &[&str] = &["pull", "insert", "push", "sync", "shift", "start", "size"];

async fn bench(name: &str) -> Result<Vec<Figure>> {
    match name {
        "pull" => pull::run(),
        "insert" => insert::run(),
        "push" => push::run().await,
        "sync" => sync::run().await,
        "shift" => shift::run(),
        "start" => start::run(),
        "size" => size::run(),
        _ => bail!("no such benchmark; there are {}", BENCHES.join(", ")),
    }
}

// One thread starts all processes: each dies with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { name, json } = Arguments::parse();
    let chosen = match &name {
        Some(name) => vec![name.as_str()],
        None => BENCHES.to_vec(),
    };
    let mut figures = Vec::new();
    for name in chosen {
        eprintln!("bench: {name}");
        for figure in bench(name).await? {
            if json {
                println!("{}", serde_json::to_string(&figure)?);
            } else {
                println!("{}", figure.row());
            }
            figures.push(figure);
        }
    }
    if !json {
        report::add(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md"), &figures)?;
    }
    Ok(())
}
