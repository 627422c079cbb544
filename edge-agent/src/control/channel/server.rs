//! The agent's side of the channel.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::file::Place;
use super::{GREETING, Greeting, REQUEST, Reply, VERSION, line, to_line};
use crate::control::{Agent, Progress, Refusal, Request, execute};

/// Commands at the same time.
const COMMANDS: usize = 16;
/// How long a command may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long commands under way may go on once the agent ends.
const FAREWELL: Duration = Duration::from_secs(10);

/// The running channel.
#[derive(Debug)]
pub struct Serving {
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    /// Waits until the channel is closed, after its token was cancelled.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(error = %error, "the control channel ended badly");
        }
    }
}

/// Listens for commands until `stop` is cancelled, and tells where in the data folder.
///
/// # Errors
/// When no socket can be bound or the file cannot be written.
pub async fn serve(agent: Agent, stop: CancellationToken) -> std::io::Result<Serving> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let place = Place::new(listener.local_addr()?, &*agent.entropy);
    let path = place.write(&agent.folder)?;
    let task = tokio::spawn(async move {
        accept(listener, agent, place.token, stop).await;
        remove(&path);
    });
    Ok(Serving { task })
}

fn remove(path: &PathBuf) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(error = %error, path = %path.display(), "the control channel's file could not be removed");
    }
}

async fn accept(listener: TcpListener, agent: Agent, token: String, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(COMMANDS));
    let commands = TaskTracker::new();
    let token: Arc<str> = token.into();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, say: it passes, and spinning would not help.
                tracing::warn!(error = %error, "a command could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (agent, token) = (agent.clone(), Arc::clone(&token));
        commands.spawn(async move {
            if let Err(error) = talk(stream, &agent, &token).await {
                tracing::debug!(error = %error, "a command hung up");
            }
            drop(place);
        });
    }
    commands.close();
    if tokio::time::timeout(FAREWELL, commands.wait()).await.is_err() {
        tracing::warn!("commands under way were cut off at the end");
    }
}

/// Serves one command.
pub(super) async fn talk<S>(stream: S, agent: &Agent, token: &str) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    let asked = tokio::time::timeout(PATIENCE, read(&mut reader, &mut writer, token)).await;
    let request = match asked {
        Ok(Ok(Some(Ok(request)))) => request,
        Ok(Ok(Some(Err(refusal)))) => return send(&mut writer, &Reply::Refusal(refusal)).await,
        Ok(Ok(None)) | Err(_) => return Ok(()),
        Ok(Err(error)) => return Err(error),
    };
    let (steps, mut told) = mpsc::channel(16);
    let progress = Progress::to(move |step| {
        // A command that reads too slowly misses steps; the work does not wait for it.
        let _ = steps.try_send(step);
    });
    // Carried out to its end even when the command hangs up: half of a request is nobody's wish.
    let (worker, wanted) = (agent.clone(), request);
    let mut work = tokio::spawn(async move { execute(&worker, wanted, &progress).await });
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            Some(step) = told.recv() => {
                if send(&mut writer, &Reply::Progress(step)).await.is_err() {
                    break work.await;
                }
            }
        }
    };
    let reply = match outcome {
        Ok(Ok(answer)) => Reply::Answer(Box::new(answer)),
        Ok(Err(refusal)) => Reply::Refusal(refusal),
        Err(error) => {
            tracing::error!(error = %error, "a command failed inside the agent");
            Reply::Refusal(Refusal::failed("the command failed inside the agent: see its log"))
        }
    };
    send(&mut writer, &reply).await
}

/// The request; `None` for whoever does not belong here.
async fn read(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    token: &str,
) -> std::io::Result<Option<Result<Request, Refusal>>> {
    let Some(first) = line(reader, GREETING).await? else { return Ok(None) };
    let Ok(greeting) = serde_json::from_slice::<Greeting>(&first) else { return Ok(None) };
    // Comparing hashes takes as long however much of the token is right.
    if blake3::hash(greeting.token.as_bytes()) != blake3::hash(token.as_bytes()) {
        return Ok(None);
    }
    if greeting.muster_control != VERSION {
        let message = "the running agent is of another version than this command: restart the agent, or use the \
                       program that it was started from";
        return Ok(Some(Err(Refusal::failed(message))));
    }
    send(writer, &Reply::Ready { pid: std::process::id() }).await?;
    let Some(text) = line(reader, REQUEST).await? else { return Ok(None) };
    let request = serde_json::from_slice(&text).map_err(|error| {
        let message =
            format!("the running agent does not know this request, it may be of another version: {error}");
        Refusal::failed(message)
    });
    Ok(Some(request))
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), reply: &Reply) -> std::io::Result<()> {
    writer.write_all(&to_line(reply)?).await?;
    writer.flush().await
}
