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
use system_tests::bench::{insert, report};

#[derive(Parser)]
struct Arguments {
    /// One benchmark; all when left out.
    name: Option<String>,
    /// Prints the figures as JSON lines and leaves docs/benchmarks.md alone.
    #[arg(long)]
    json: bool,
}

type Bench = fn() -> Result<Vec<Figure>>;

const BENCHES: &[(&str, Bench)] = &[("insert", insert::run)];

fn main() -> Result<()> {
    let Arguments { name, json } = Arguments::parse();
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(known, _)| name.as_deref().is_none_or(|name| name == *known)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no such benchmark; there are {}", names.join(", "));
    }
    let mut figures = Vec::new();
    for (name, bench) in chosen {
        eprintln!("bench: {name}");
        for figure in bench()? {
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
