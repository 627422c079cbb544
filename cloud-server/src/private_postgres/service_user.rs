//! The account the private server runs as. PostgreSQL refuses root, so as root it is handed to another.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An account for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceUser {
    /// We are an ordinary user: the server is ours.
    Ourselves,
    /// We are root: the server gets this account.
    Other {
        /// User number.
        uid: u32,
        /// Group number.
        gid: u32,
    },
}

/// Why the account cannot have the folder.
#[derive(Debug, thiserror::Error)]
pub enum NoServiceUser {
    /// Neither `postgres` nor `nobody` is an account here.
    #[error(
        "running as root, but neither `postgres` nor `nobody` is in /etc/passwd: PostgreSQL refuses to run as root"
    )]
    NoAccount,
    /// A parent folder shuts the account out.
    #[error(
        "running as root, so PostgreSQL runs as user {uid}, who may not enter {folder}: \
         choose a --data folder elsewhere (such as /var/lib/muster-cloud) or allow it with `chmod o+x {folder}`"
    )]
    ShutOut {
        /// The account.
        uid: u32,
        /// The folder that it may not enter.
        folder: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot prepare {folder}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl ServiceUser {
    /// Chooses the account: ourselves, or as root `postgres`, else `nobody`.
    ///
    /// # Errors
    /// As root without either account.
    pub fn choose() -> Result<Self, NoServiceUser> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = ["postgres", "nobody"].iter().find_map(|name| account(&accounts, name));
        found.ok_or(NoServiceUser::NoAccount)
    }

    /// Makes `command` run as this account.
    pub fn apply(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes `folder` (if missing) one that only this account may enter, 0700.
    ///
    /// # Errors
    /// When it cannot be made or given away.
    pub fn own_folder(self, folder: &Path) -> Result<(), NoServiceUser> {
        let io = |source| NoServiceUser::Io { folder: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        if let Self::Other { uid, gid } = self {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(io)?;
        }
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(io)
    }

    /// Sees to it that the account can reach what lies in `folder`: opens `folder` itself for passing through, and
    /// checks the folders above it.
    ///
    /// # Errors
    /// [`NoServiceUser::ShutOut`] names the folder in the way.
    pub fn open_way_to(self, folder: &Path) -> Result<(), NoServiceUser> {
        let Self::Other { uid, gid } = self else { return Ok(()) };
        let io = |folder: &Path, source| NoServiceUser::Io { folder: folder.to_owned(), source };
        let mode = std::fs::metadata(folder).map_err(|e| io(folder, e))?.permissions().mode();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode | 0o011))
            .map_err(|e| io(folder, e))?;
        for above in folder.ancestors().skip(1) {
            let meta = std::fs::metadata(above).map_err(|e| io(above, e))?;
            let needed = match () {
                () if meta.uid() == uid => 0o100,
                () if meta.gid() == gid => 0o010,
                () => 0o001,
            };
            if meta.mode() & needed == 0 {
                return Err(NoServiceUser::ShutOut { uid, folder: above.to_owned() });
            }
        }
        Ok(())
    }
}

/// The numbers of an account in the text of `/etc/passwd`.
fn account(accounts: &str, name: &str) -> Option<ServiceUser> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        found.then_some(ServiceUser::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7::/:\nbroken\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        assert_eq!(account(passwd, "postgres"), Some(ServiceUser::Other { uid: 101, gid: 104 }));
        assert_eq!(account(passwd, "nobody"), None);
    }
}
