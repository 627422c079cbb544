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
    const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    const fn folder(self) -> &'static str {
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

    const fn features(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::FaultPoints => "edge-agent/fault-points,cloud-server/fault-points",
            Self::LoseOne => "edge-agent/lose-one",
            Self::AckBeforeCommit => "edge-agent/ack-before-commit",
        }
    }
}

/// The programs that a variant's folder holds.
const BINARIES: &[&str] = &["muster-edge", "muster-cloud", "muster-sim"];

/// The text that every throwaway feature leaves in a binary.
const TEST_ONLY: &[u8] = b"muster-test-only:";

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
        let folder = system.join(variant.name());
        std::fs::create_dir_all(&folder)?;
        for binary in BINARIES {
            let (from, to) = (output.join(binary), folder.join(binary));
            // A program that is running cannot be written over, only replaced.
            let fresh = folder.join(format!("{binary}.new"));
            std::fs::copy(&from, &fresh).with_context(|| format!("copying {}", from.display()))?;
            std::fs::rename(&fresh, &to)?;
        }
    }
    Ok(system)
}

/// Builds a program of the package `system-tests` and returns its path.
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

/// Builds what is shipped, refuses a binary that holds a throwaway feature, and returns the folder.
///
/// # Errors
/// When cargo fails, or a feature is refused.
pub(crate) fn dist(features: &[String]) -> Result<PathBuf> {
    for feature in features {
        let name = feature.rsplit('/').next().unwrap_or(feature);
        if Variant::ALL.iter().any(|variant| variant.name() == name) {
            bail!("{feature} is for tests only and is never shipped");
        }
    }
    let mut build = cargo();
    build.args([
        "build",
        "--profile",
        Profile::Dist.name(),
        "-p",
        "edge-agent",
        "-p",
        "cloud-server",
        "--bins",
    ]);
    if !features.is_empty() {
        build.args(["--features", &features.join(",")]);
    }
    run(&mut build)?;
    let output = output(Profile::Dist)?;
    for binary in ["muster-edge", "muster-cloud"] {
        let path = output.join(binary);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        if bytes.windows(TEST_ONLY.len()).any(|window| window == TEST_ONLY) {
            std::fs::remove_file(&path)?;
            bail!("{binary} was built with a feature that is for tests only");
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_throwaway_feature_is_shipped() {
        for variant in Variant::ALL.iter().filter(|variant| **variant != Variant::Plain) {
            for feature in variant.features().split(',') {
                let error = dist(&[feature.to_owned()]).unwrap_err().to_string();
                assert!(error.contains("for tests only"), "{feature}: {error}");
            }
        }
    }

    #[test]
    fn the_plain_build_comes_last() {
        assert_eq!(Variant::ALL.last(), Some(&Variant::Plain));
    }
}
