//! `cargo xtask demo | test | bench | simulate | screenshots | dist`: installs what is missing, builds, and runs.
//!
//! The work itself is in the package `system-tests`; this stays small so that the first command answers soon.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on its standard streams"
)]

mod build;
mod dist;
mod prerequisite;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::build::{Profile, Variant, cargo, run};
use crate::dist::{Platform, dist};
use crate::prerequisite::{Prerequisite, ensure, on_path};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, proves and measures the whole product.")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the whole product on simulated clocks until Ctrl-C.
    Demo {
        /// Runs unattended: waits until all has arrived, counts at each source, prints one JSON line.
        #[arg(long)]
        check: bool,
        /// Uses a build that loses one punch on the way, to show that --check notices.
        #[arg(long)]
        lose_one: bool,
    },
    /// Runs every test of the workspace.
    Test {
        /// Handed to the test runner (a filter, for example).
        #[arg(last = true)]
        runner: Vec<String>,
    },
    /// Measures, each figure beside its peer or limit, and adds the figures to docs/benchmarks.md.
    Bench {
        /// One benchmark; all when left out.
        name: Option<String>,
        /// Prints the figures as JSON lines and leaves docs/benchmarks.md alone.
        #[arg(long)]
        json: bool,
    },
    /// Runs simulated histories of the real sync code and compares them with an oracle.
    Simulate {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many seeds.
        #[arg(long, default_value_t = 5000)]
        seeds: u64,
        /// Rules to switch off, to see that it is noticed.
        #[arg(long)]
        mutate: Option<String>,
    },
    /// Takes pictures of every page of the edge agent and of the cloud into docs/screenshots.
    Screenshots,
    /// Builds the binaries that are shipped, and prints where they are.
    Dist {
        /// The agent for Windows, instead of both binaries for this machine.
        #[arg(long)]
        windows: bool,
        /// Cargo features; those for tests only are refused.
        #[arg(long, value_delimiter = ',')]
        features: Vec<String>,
    },
}

fn main() -> Result<()> {
    // As cargo says at run time: a build folder that several checkouts share may hold a program built in another one.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask`")?;
    let root = Path::new(&package).parent().context("xtask lies in the workspace")?;
    std::env::set_current_dir(root)?;
    match Arguments::parse().command {
        Task::Demo { check, lose_one } => demo(check, lose_one),
        Task::Test { runner } => test(&runner),
        Task::Bench { name, json } => bench(name.as_deref(), json),
        Task::Simulate { from, seeds, mutate } => simulate(from, seeds, mutate.as_deref()),
        Task::Screenshots => {
            ensure(Prerequisite::SCREENSHOTS)?;
            let binaries = build::variants(Profile::Dev, &[Variant::Plain])?;
            let program = build::system_program(Profile::Dev, "screenshots")?;
            become_program(Command::new(program).env("MUSTER_BIN_DIR", binaries))
        }
        Task::Dist { windows, features } => {
            let platform = if windows { Platform::Windows } else { Platform::Here };
            ensure(if windows { Prerequisite::WINDOWS } else { &[] })?;
            for file in dist(platform, &features)? {
                println!("{}", file.display());
            }
            Ok(())
        }
    }
}

fn demo(check: bool, lose_one: bool) -> Result<()> {
    ensure(Prerequisite::DEMO)?;
    let wanted: &[Variant] = if lose_one { &[Variant::LoseOne, Variant::Plain] } else { &[Variant::Plain] };
    let binaries = build::variants(Profile::Dev, wanted)?;
    let mut program = Command::new(build::system_program(Profile::Dev, "demo")?);
    program.env("MUSTER_BIN_DIR", binaries);
    if check {
        program.arg("--check");
    }
    if lose_one {
        program.arg("--lose-one");
    }
    become_program(&mut program)
}

fn test(runner: &[String]) -> Result<()> {
    ensure(Prerequisite::TEST)?;
    let binaries = build::variants(Profile::Dev, Variant::ALL)?;
    build::system_program(Profile::Dev, "demo")?;
    eprintln!("xtask: examples in the documentation");
    run(cargo().args(["test", "--quiet", "--workspace", "--doc"]))?;
    let mut tests = cargo();
    tests.env("MUSTER_BIN_DIR", binaries);
    if on_path("cargo-nextest") {
        tests.args(["nextest", "run", "--workspace"]).args(runner);
    } else {
        tests.args(["test", "--workspace", "--lib", "--bins", "--tests", "--"]).args(runner);
    }
    eprintln!("xtask: every test");
    run(&mut tests)?;
    eprintln!("xtask: each rule of the protocol is missed when it is gone");
    run(cargo().args([
        "test",
        "--quiet",
        "--release",
        "-p",
        "sync-simulator",
        "--features",
        build::MUTATIONS,
    ]))
}

fn simulate(from: u64, seeds: u64, mutate: Option<&str>) -> Result<()> {
    let mut program = Command::new(build::simulator(mutate.is_some())?);
    program.args(["--from", &from.to_string(), "--seeds", &seeds.to_string()]);
    if let Some(rules) = mutate {
        program.args(["--mutate", rules]);
    }
    become_program(&mut program)
}

fn bench(name: Option<&str>, json: bool) -> Result<()> {
    ensure(Prerequisite::BENCH)?;
    // What is measured is what is shipped.
    let mut programs = dist(Platform::Here, &[])?;
    programs.push(build::system_program(Profile::Release, "muster-sim")?);
    let binaries = build::plain_folder(Profile::Release, &programs)?;
    let mut program = Command::new(build::system_program(Profile::Release, "bench")?);
    program.env("MUSTER_BIN_DIR", binaries).args(name);
    if json {
        program.arg("--json");
    }
    become_program(&mut program)
}

/// Becomes the program, so that Ctrl-C and signals reach it alone and its exit code is ours.
fn become_program(program: &mut Command) -> Result<()> {
    let error = program.exec();
    Err(error).with_context(|| format!("could not start {}", program.get_program().to_string_lossy()))
}
