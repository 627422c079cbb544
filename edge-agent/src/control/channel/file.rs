//! The file that tells where the agent listens for commands.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_model::Entropy;

use crate::private_file;

/// The name of the file in the data folder.
pub const CHANNEL: &str = "control.json";

/// The longest file read, bytes.
const LONGEST: u64 = 4096;

/// Where the agent listens, and what lets a command in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

impl Place {
    pub(super) fn new(address: SocketAddr, entropy: &dyn Entropy) -> Self {
        let mut token = [0; 32];
        entropy.fill(&mut token);
        Self { address, token: hex::encode(token) }
    }

    /// The file of a folder; `None` where there is none that can be read as one.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        use std::io::Read as _;
        let file = match std::fs::File::open(folder.join(CHANNEL)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text)?;
        // A file cut short by a power failure belongs to an agent that is gone.
        Ok(serde_json::from_slice::<Self>(&text).ok().filter(|place| place.address.ip().is_loopback()))
    }

    /// Writes the file whole or not at all, readable by its owner alone.
    pub(super) fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(CHANNEL);
        private_file::write(&path, &serde_json::to_vec(self)?)?;
        Ok(path)
    }
}
