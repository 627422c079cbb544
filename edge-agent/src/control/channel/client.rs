//! The command's side of the channel.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::file::Place;
use super::{ANSWER, GREETING, Greeting, Reply, VERSION, line, to_line};
use crate::control::{Call, Progress, Refusal, Request};

/// How long the agent may take to accept.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection to the running agent, for one request.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    pid: u32,
}

/// Why the agent did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file that tells where it listens cannot be read.
    #[error("the running agent cannot be spoken to: {} cannot be read (run this as the agent's user)", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// It hung up.
    #[error("the running agent hung up: see its log")]
    HungUp,
    /// The connection broke.
    #[error("the connection to the running agent broke; whether it has done what was asked, its lists tell")]
    Broken(#[source] std::io::Error),
    /// It said something that is no answer.
    #[error("the running agent answered something else: it may be of another version")]
    Nonsense,
    /// It said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Client {
    /// Connects to the agent that runs on a folder; `None` where none does.
    ///
    /// # Errors
    /// [`ClientError::File`] for another user's agent.
    pub async fn connect(folder: &Path) -> Result<Option<Self>, ClientError> {
        let place = Place::read(folder)
            .map_err(|cause| ClientError::File { path: folder.join(super::CHANNEL), cause })?;
        let Some(place) = place else { return Ok(None) };
        // An agent that was killed leaves its file behind, and its port may be another program's by now.
        let connected = tokio::time::timeout(CONNECT, greet(&place)).await;
        let Ok(Ok(Some((reader, writer, first)))) = connected else { return Ok(None) };
        match first {
            Reply::Ready { pid } => Ok(Some(Self { reader, writer, pid })),
            Reply::Refusal(refusal) => Err(refusal.into()),
            Reply::Progress(_) | Reply::Answer(_) => Err(ClientError::Nonsense),
        }
    }

    /// The agent's process id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask<C: Call>(mut self, call: C, progress: &Progress) -> Result<C::Answer, ClientError> {
        let request: Request = call.into();
        let text = to_line(&request).map_err(ClientError::Broken)?;
        self.writer.write_all(&text).await.map_err(ClientError::Broken)?;
        loop {
            let reply = line(&mut self.reader, ANSWER).await.map_err(ClientError::Broken)?;
            let reply = reply.ok_or(ClientError::HungUp)?;
            match serde_json::from_slice(&reply).map_err(|_| ClientError::Nonsense)? {
                Reply::Progress(step) => progress.tell(&step.what, step.done, step.total),
                Reply::Ready { .. } => return Err(ClientError::Nonsense),
                Reply::Answer(answer) => return C::answer(*answer).ok_or(ClientError::Nonsense),
                Reply::Refusal(refusal) => return Err(refusal.into()),
            }
        }
    }
}

type Greeted = (BufReader<OwnedReadHalf>, OwnedWriteHalf, Reply);

/// Says who calls; `None` for what is not the agent.
async fn greet(place: &Place) -> std::io::Result<Option<Greeted>> {
    let (reader, mut writer) = TcpStream::connect(place.address).await?.into_split();
    let mut reader = BufReader::new(reader);
    let greeting = Greeting { muster_control: VERSION, token: place.token.clone() };
    writer.write_all(&to_line(&greeting)?).await?;
    let first = line(&mut reader, GREETING * 16).await?;
    let reply = first.and_then(|first| serde_json::from_slice(&first).ok());
    Ok(reply.map(|reply| (reader, writer, reply)))
}
