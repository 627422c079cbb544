//! Finds an installed PostgreSQL server.

use std::path::{Path, PathBuf};

/// Programs of one installed PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
    major: u32,
}

/// Why no server was found.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// None at all.
    #[error(
        "no PostgreSQL server is installed: install the package `postgresql`, or name the folder of its programs in \
         PG_BINDIR, or give DATABASE_OWNER_URL and DATABASE_URL of a server elsewhere"
    )]
    Nowhere,
    /// Not of the version that wrote the data folder.
    #[error(
        "the data folder was written by PostgreSQL {wanted}, and no server of that version is installed (found: {found}): \
         install it, or move the data over with pg_upgrade"
    )]
    OtherVersion {
        /// The folder's version.
        wanted: u32,
        /// What is installed.
        found: String,
    },
    /// `PG_BINDIR` names a folder without a server.
    #[error("PG_BINDIR is {0}, but there is no `postgres` with a readable version in it")]
    BadBindir(PathBuf),
}

impl Installation {
    /// The newest installed server, or the newest of version `major`: in `PG_BINDIR` if that is set, else where
    /// distributions put servers, else on the `PATH`.
    ///
    /// # Errors
    /// [`NotInstalled`] says what to install.
    pub fn find(major: Option<u32>) -> Result<Self, NotInstalled> {
        let mut found = if let Some(bindir) = std::env::var_os("PG_BINDIR").filter(|dir| !dir.is_empty()) {
            let bindir = PathBuf::from(bindir);
            vec![Self::in_folder(&bindir).ok_or(NotInstalled::BadBindir(bindir))?]
        } else {
            usual_folders().iter().filter_map(|dir| Self::in_folder(dir)).collect()
        };
        found.sort_by_key(|installation| installation.major);
        match major {
            None => found.pop().ok_or(NotInstalled::Nowhere),
            Some(_) if found.is_empty() => Err(NotInstalled::Nowhere),
            Some(wanted) => {
                let versions: Vec<String> = found.iter().map(|i| i.major.to_string()).collect();
                let fits = found.into_iter().rfind(|installation| installation.major == wanted);
                fits.ok_or(NotInstalled::OtherVersion { wanted, found: versions.join(", ") })
            }
        }
    }

    fn in_folder(bin: &Path) -> Option<Self> {
        if !bin.join("initdb").is_file() {
            return None;
        }
        let output = std::process::Command::new(bin.join("postgres")).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bin: bin.to_owned(), major })
    }

    /// The path of one of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Its major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // Debian; Red Hat; Homebrew; then whatever is on the PATH (Alpine, Nix, containers).
    for (parent, tail) in [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt/homebrew/opt", "bin")] {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let named = parent == "/usr/lib/postgresql"
                || name.to_string_lossy().starts_with("pgsql-")
                || name.to_string_lossy().starts_with("postgresql@");
            if named {
                folders.push(entry.path().join(tail));
            }
        }
    }
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_server_prints() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(major_of("something else"), None);
    }
}
