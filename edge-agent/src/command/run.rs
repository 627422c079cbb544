//! `run`.

use std::time::{Duration, Instant};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::access::make_folder;
use super::context::Context;
use super::exit::Exit;
use super::log;
use crate::config::Flags;
use crate::control::{Client, Refusal, RefusalKind};
use crate::run::{RunOptions, run};
use crate::store::StoreError;

/// How long a command that has the folder for a moment is waited for.
const PATIENCE: Duration = Duration::from_millis(700);
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    flags: Flags,
}

impl RunArgs {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let config = context.config(&self.flags)?.config;
        log::start(&config.log)?;
        make_folder(&context.data)?;
        let stop = CancellationToken::new();
        tokio::spawn(watch_signals(stop.clone())?);
        let tell: fn(&serde_json::Value) = |event| {
            // Whoever started this process and went away does not want to be told.
            let _ = super::output::line(&event.to_string());
        };
        let options = RunOptions { folder: context.data.clone(), config, tell };
        let start = Instant::now();
        loop {
            match run(options.clone(), stop.clone()).await {
                Ok(()) => return Ok(Exit::Done),
                Err(error) if matches!(error.downcast_ref(), Some(StoreError::InUse)) => {
                    if start.elapsed() > PATIENCE {
                        return Err(in_use(context).await.into());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn in_use(context: &Context) -> Refusal {
    let folder = context.data.display();
    let who = match Client::connect(&context.data).await {
        Ok(Some(client)) => format!(" (process {})", client.pid()),
        Ok(None) | Err(_) => String::new(),
    };
    let message = format!(
        "another muster-edge{who} already runs on {folder}: commands reach it as it is; a second agent needs a folder of \
         its own (--data)"
    );
    Refusal { kind: RefusalKind::InUse, message, details: Vec::new() }
}

/// Stops the agent when the system or somebody at the keyboard asks for it.
#[cfg(unix)]
fn watch_signals(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

/// Stops the agent when the system or somebody at the keyboard asks for it.
#[cfg(windows)]
fn watch_signals(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut typed, mut broken, mut closed, mut shut) =
        (ctrl_c()?, ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = typed.recv() => {}
            _ = broken.recv() => {}
            _ = closed.recv() => {}
            _ = shut.recv() => {}
        }
        stop.cancel();
    })
}
