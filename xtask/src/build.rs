//! Builds the programs that the commands run, and the throwaway builds that the system tests need.
//!
//! A throwaway build differs from the plain one only in features of our own two binaries, so all builds share
//! one target folder (only these two crates are compiled again) and each is copied to a folder of its own:
//! `system/plain`, `system/fault-points`, … beside the programs that cargo leaves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The cargo profile to build with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
    /// What is shipped.
    Dist,
}

impl Profile {
    /// As cargo calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    /// The folder in the target folder.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// A build of the two binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
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
    /// All, the plain build last so that cargo's own folder ends with it.
    pub(crate) const ALL: &'static [Self] =
        &[Self::FaultPoints, Self::LoseOne, Self::AckBeforeCommit, Self::Plain];

    /// The folder that holds it; the system tests know the same names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::FaultPoints => "fault-points",
            Self::LoseOne => "lose-one",
            Self::AckBeforeCommit => "ack-before-commit",
        }
    }

    /// The cargo features that make it, separated by commas.
    pub(crate) const fn features(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::FaultPoints => "edge-agent/fault-points,cloud-server/fault-points",
            Self::LoseOne => "edge-agent/lose-one",
            Self::AckBeforeCommit => "edge-agent/ack-before-commit,cloud-server/ack-before-commit",
        }
    }
}

/// The programs that a variant's folder holds.
const BINARIES: &[&str] = &["muster-edge", "muster-cloud", "muster-sim"];

/// cargo, as the one that runs us and as if from a shell.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // cargo tells a program which package it is; ring's build would take that for its own and start anew each time.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    let text = words.join(" ");
    let status = command.status().with_context(|| format!("could not start: {text}"))?;
    if !status.success() {
        bail!("failed ({status}): {text}");
    }
    Ok(())
}

/// The folder in which cargo leaves the programs of a profile.
///
/// # Errors
/// When this program does not lie in a target folder.
pub(crate) fn output(profile: Profile) -> Result<PathBuf> {
    let ours = std::env::current_exe()?;
    let target = ours.parent().and_then(Path::parent).context("xtask does not lie in a target folder")?;
    Ok(target.join(profile.folder()))
}

/// Builds the given variants and returns the folder that holds one folder for each.
///
/// # Errors
/// When cargo fails or a program cannot be copied.
pub(crate) fn variants(profile: Profile, wanted: &[Variant]) -> Result<PathBuf> {
    let output = output(profile)?;
    let system = output.join("system");
    for variant in wanted {
        eprintln!("xtask: building {} ({})", BINARIES.join(", "), variant.name());
        let mut build = cargo();
        // The whole workspace is selected so that the dependencies get the same features in every build.
        build.args(["build", "--quiet", "--workspace", "--profile", profile.name()]);
        for binary in BINARIES {
            build.args(["--bin", binary]);
        }
        if !variant.features().is_empty() {
            build.args(["--features", variant.features()]);
        }
        run(&mut build)?;
        let programs: Vec<_> = BINARIES.iter().map(|binary| output.join(binary)).collect();
        copy(&programs, &system.join(variant.name()))?;
    }
    Ok(system)
}

/// Copies programs to where those of the plain build are looked for, and returns the folder that holds that one.
///
/// # Errors
/// When a program cannot be copied.
pub(crate) fn plain_folder(profile: Profile, programs: &[PathBuf]) -> Result<PathBuf> {
    let system = output(profile)?.join("system");
    copy(programs, &system.join(Variant::Plain.name()))?;
    Ok(system)
}

fn copy(programs: &[PathBuf], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for from in programs {
        let name = from.file_name().context("a program has a name")?;
        // A program that is running cannot be written over, only replaced.
        let mut fresh = name.to_owned();
        fresh.push(".new");
        let fresh = folder.join(fresh);
        std::fs::copy(from, &fresh).with_context(|| format!("copying {}", from.display()))?;
        std::fs::rename(&fresh, folder.join(name))?;
    }
    Ok(())
}

/// Builds a program that the commands run beside the product, and returns its path.
///
/// # Errors
/// When cargo fails.
pub(crate) fn system_program(profile: Profile, name: &str) -> Result<PathBuf> {
    eprintln!("xtask: building {name}");
    let mut build = cargo();
    build.args(["build", "--quiet", "--workspace", "--profile", profile.name(), "--bin", name]);
    run(&mut build)?;
    Ok(output(profile)?.join(name))
}

/// The feature with which rules of the sync protocol can be switched off.
pub(crate) const MUTATIONS: &str = "mutations";

/// Builds the simulation of sync, quick to run, and returns its path.
///
/// # Errors
/// When cargo fails.
pub(crate) fn simulator(mutations: bool) -> Result<PathBuf> {
    eprintln!("xtask: building simulate");
    let mut build = cargo();
    build.args(["build", "--quiet", "--release", "-p", "sync-simulator", "--bin", "simulate"]);
    if mutations {
        build.args(["--features", MUTATIONS]);
    }
    run(&mut build)?;
    Ok(output(Profile::Release)?.join("simulate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_build_comes_last() {
        assert_eq!(Variant::ALL.last(), Some(&Variant::Plain));
    }
}
