//! A folder for one run, readable by the account that a private PostgreSQL runs under.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::running_as_root;

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

/// Set for the process that runs in a mount namespace of its own.
const INSIDE: &str = "MUSTER_OWN_MOUNTS";

/// Runs the calling test once more in a mount namespace of its own, where it may mount disks that go away with it.
///
/// True inside of it: there the test goes on. False outside, once that has succeeded: there the test is over.
///
/// # Errors
/// When the test fails inside, or there are no namespaces.
pub fn with_own_mounts(test: &str) -> Result<bool> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(true);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "unshare"]);
    // Whoever is not root is root in a namespace of his own.
    if !running_as_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--"]).arg(std::env::current_exe()?).args(["--exact", test, "--nocapture"]);
    let status = command.env(INSIDE, "1").status().context("starting unshare")?;
    ensure!(status.success(), "{test} failed in a mount namespace of its own");
    Ok(false)
}

/// Mounts a disk of so many MiB on a folder, in the mount namespace of this process.
///
/// # Errors
/// When it cannot be mounted.
pub fn mount_disk(folder: &Path, mib: u32) -> Result<()> {
    let size = format!("size={mib}m,mode=0755");
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "muster"]).arg(folder).status()?;
    ensure!(status.success(), "no disk of {mib} MiB on {}", folder.display());
    Ok(())
}

/// Takes a disk off again, so that the folder under it can be removed.
///
/// # Errors
/// When something still uses it.
pub fn unmount_disk(folder: &Path) -> Result<()> {
    let status = Command::new("umount").arg(folder).status()?;
    ensure!(status.success(), "the disk on {} is in use", folder.display());
    Ok(())
}
