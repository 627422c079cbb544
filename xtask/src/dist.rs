//! What is shipped: the two binaries, optimised and stripped, and searched for what only tests may hold.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::{MUTATIONS, Profile, Variant, cargo, output, run};

/// The target of the agent for Windows.
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// The text that every throwaway feature leaves in a binary.
const TEST_ONLY: &[u8] = b"muster-test-only:";

/// The machines that are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    /// This one: both binaries.
    Here,
    /// 64-bit Windows: the agent, which is what stands in factories.
    Windows,
}

impl Platform {
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Here => &["edge-agent", "cloud-server"],
            Self::Windows => &["edge-agent"],
        }
    }

    const fn binaries(self) -> &'static [&'static str] {
        match self {
            Self::Here => &["muster-edge", "muster-cloud"],
            Self::Windows => &["muster-edge.exe"],
        }
    }

    const fn target(self) -> Option<&'static str> {
        match self {
            Self::Here => None,
            Self::Windows => Some(WINDOWS),
        }
    }

    fn output(self) -> Result<PathBuf> {
        let here = output(Profile::Dist)?;
        let Some(target) = self.target() else { return Ok(here) };
        let folder = here.parent().context("a profile's folder lies in the target folder")?;
        Ok(folder.join(target).join(Profile::Dist.folder()))
    }
}

/// Builds what is shipped and returns the files. A binary that holds a throwaway feature is refused and removed.
///
/// # Errors
/// When cargo fails, or a feature is refused.
pub(crate) fn dist(platform: Platform, features: &[String]) -> Result<Vec<PathBuf>> {
    refuse_features(features)?;
    let mut build = cargo();
    build.args(["build", "--profile", Profile::Dist.name(), "--bins"]);
    for package in platform.packages() {
        build.args(["--package", package]);
    }
    if let Some(target) = platform.target() {
        ensure_target(target)?;
        build.args(["--target", target]);
    }
    if !features.is_empty() {
        build.args(["--features", &features.join(",")]);
    }
    run(&mut build)?;
    let folder = platform.output()?;
    let files: Vec<_> = platform.binaries().iter().map(|name| folder.join(name)).collect();
    for file in &files {
        refuse_test_only(file)?;
    }
    Ok(files)
}

/// Gets the standard library of a target where it is missing.
fn ensure_target(target: &str) -> Result<()> {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let folder = asked.context("asking rustc")?.stdout;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", target]))
}

/// Refuses by name, before anything is built.
fn refuse_features(features: &[String]) -> Result<()> {
    for feature in features {
        let name = feature.rsplit('/').next().unwrap_or(feature);
        if name == MUTATIONS || Variant::ALL.iter().any(|variant| variant.name() == name) {
            bail!("{feature} is for tests only and is never shipped");
        }
    }
    Ok(())
}

/// Refuses by what the binary holds, whatever way the feature came in. What is refused is removed, so that nobody ships it
/// by mistake.
fn refuse_test_only(file: &Path) -> Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    if bytes.windows(TEST_ONLY.len()).any(|window| window == TEST_ONLY) {
        std::fs::remove_file(file)?;
        bail!("{} was built with a feature that is for tests only; it is removed", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_throwaway_feature_is_shipped() {
        let variants = Variant::ALL.iter().filter(|variant| **variant != Variant::Plain);
        for features in
            variants.map(|variant| variant.features()).chain(["sync-protocol/mutations", MUTATIONS])
        {
            for feature in features.split(',') {
                let error = dist(Platform::Here, &[feature.to_owned()]).unwrap_err().to_string();
                assert!(error.contains("for tests only"), "{feature}: {error}");
            }
        }
    }

    #[test]
    fn a_binary_that_holds_a_throwaway_feature_is_refused_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (clean, bad) = (folder.path().join("clean"), folder.path().join("bad"));
        std::fs::write(&clean, b"\x7fELF muster-test-onl").unwrap();
        std::fs::write(&bad, b"\x7fELF muster-test-only:lose-one\0").unwrap();
        refuse_test_only(&clean).unwrap();
        let error = refuse_test_only(&bad).unwrap_err().to_string();
        assert!(error.contains("for tests only"), "{error}");
        assert!(clean.exists() && !bad.exists());
    }

    #[test]
    fn a_binary_that_is_missing_is_not_taken_for_a_clean_one() {
        refuse_test_only(Path::new("/nowhere/muster-edge")).unwrap_err();
    }
}
