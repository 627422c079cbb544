//! The way from a command to the running agent.
//!
//! A socket on this machine's loopback, on every system alike. The agent writes its address and a fresh token to the
//! file [`CHANNEL`] in the data folder, readable by its owner alone: who may read the folder's secrets may command the
//! agent, and nobody else. Both sides speak lines of JSON:
//!
//! ```text
//! command ─ {"muster_control":1,"token":"…"}⏎                       {"set_site":{…}}⏎
//! agent   ─                               {"ready":{"pid":4711}}⏎                 {"progress":{…}}⏎ … {"answer":{…}}⏎
//! ```
//!
//! in place of the last with `{"refusal":{…}}` where it says no. A browser that is tricked into calling here sends a line that is no greeting and is hung up on.

mod client;
mod file;
mod server;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use super::{Answer, Refusal, Step};

pub use client::{Client, ClientError};
pub use file::CHANNEL;
pub use server::{Serving, serve};

/// The version of what is spoken.
const VERSION: u32 = 1;
/// The longest greeting, bytes.
const GREETING: u64 = 256;
/// The longest request, bytes: a hundred thousand employees.
const REQUEST: u64 = 64 * 1024 * 1024;
/// The longest answer, bytes.
const ANSWER: u64 = 256 * 1024 * 1024;

/// What a command says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Greeting {
    muster_control: u32,
    token: String,
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Ready { pid: u32 },
    Progress(Step),
    Answer(Box<Answer>),
    Refusal(Refusal),
}

/// Reads a line of at most `limit` bytes; `None` at the end, or where the line is longer.
async fn line(reader: &mut (impl AsyncBufRead + Unpin), limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit).read_until(b'\n', &mut bytes).await?;
    Ok((bytes.pop() == Some(b'\n')).then_some(bytes))
}

/// A value as a line.
fn to_line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests;
