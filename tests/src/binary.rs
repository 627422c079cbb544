//! Where the programs under test lie: in the folder that `cargo xtask` fills and names in `MUSTER_BIN_DIR`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A build of the binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// As shipped.
    Plain,
    /// Can be made to abort at named points.
    FaultPoints,
    /// Loses one ledger row on its way to the cloud.
    LoseOne,
    /// Answers before it has committed.
    AckBeforeCommit,
}

impl Variant {
    const fn folder(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::FaultPoints => "fault-points",
            Self::LoseOne => "lose-one",
            Self::AckBeforeCommit => "ack-before-commit",
        }
    }
}

/// A program of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `muster-edge`.
    Edge,
    /// `muster-cloud`.
    Cloud,
    /// `muster-sim`.
    Sim,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Edge => "muster-edge",
            Self::Cloud => "muster-cloud",
            Self::Sim => "muster-sim",
        }
    }

    /// The program's file in this build.
    ///
    /// # Errors
    /// Says which command builds it, where it is missing.
    pub fn path(self, variant: Variant) -> Result<PathBuf> {
        let folder = match std::env::var_os("MUSTER_BIN_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => beside_this_program()?,
        };
        let path = folder.join(variant.folder()).join(self.name());
        if !path.is_file() {
            bail!(
                "{} ({}) is not built. `cargo xtask test` builds what the system tests run; plain `cargo test` \
                 does not.",
                self.name(),
                variant.folder()
            );
        }
        Ok(path)
    }
}

/// The folder that `cargo xtask` fills, in the target folder that holds this program.
fn beside_this_program() -> Result<PathBuf> {
    let ours = std::env::current_exe()?;
    // A test lies in deps/, a program one folder higher.
    let folder = ours.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    Ok(folder.unwrap_or(Path::new(".")).join("system"))
}
