//! `muster-cloud`

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use cloud_server::command::{self, Arguments};
use cloud_server::first_process;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    if let Some(ended) = first_process::run_if_first() {
        return ended.unwrap_or(ExitCode::FAILURE);
    }
    let arguments = Arguments::parse();
    let serve = arguments.is_serve();
    // Standard output is for answers and events; what happens is told on standard error.
    let usual = if serve { "info,sqlx=warn" } else { "warn" };
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if serve {
        log.json().init();
    } else {
        log.init();
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if serve => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "muster-cloud: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Nothing speaks TLS outward yet but the database link, and that only with a provider in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(command::run(arguments))
}
