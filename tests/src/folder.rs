//! A folder for one run, readable by the account that a private PostgreSQL runs under.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A folder that goes away with the run, or stays where `MUSTER_KEEP` is set or the test fails.
pub struct RunFolder {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl RunFolder {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        // A unix socket's path must be short: neither a long name nor a deep place.
        let folder = tempfile::Builder::new()
            .prefix(&format!("muster-{name}-"))
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")?;
        let path = folder.path().to_owned();
        Ok(Self { folder: Some(folder), path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn sub(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let wanted = std::thread::panicking() || std::env::var_os("MUSTER_KEEP").is_some();
        if wanted && let Some(folder) = self.folder.take() {
            let _ = folder.keep();
        }
    }
}
