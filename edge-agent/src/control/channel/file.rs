//! The file that tells where the agent listens for commands.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_model::Entropy;

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
        let draft = folder.join(format!("{CHANNEL}.new"));
        match std::fs::remove_file(&draft) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = std::fs::OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&draft, &path)?;
        Ok(path)
    }
}
