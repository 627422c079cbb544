//! The public Python client pyzk 0.9, as a peer: it reads the simulated clocks with none of our code.
//!
//! It lives in a virtual environment in the target folder, made at first use with the pinned release; its licence
//! (GPL) is no matter here, since nothing of it is linked or shipped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The Python that has pyzk.
///
/// # Errors
/// When Python or its `venv` is missing, or the release cannot be had.
pub fn python() -> Result<PathBuf> {
    let ours = std::env::current_exe()?;
    let target = ours
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .and_then(Path::parent)
        .context("this program lies in a target folder")?;
    let folder = target.join("pyzk-0.9");
    let python = folder.join("bin/python");
    std::fs::create_dir_all(target)?;
    // Tests run side by side: one makes it, the others wait.
    let lock = File::create(target.join("pyzk-0.9.lock"))?;
    lock.lock()?;
    if folder.join("ready").exists() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let requirements = scripts().join("requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
        .arg(requirements))?;
    File::create(folder.join("ready"))?;
    Ok(python)
}

/// The folder of the scripts that use it.
#[must_use]
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pyzk")
}

/// Lets pyzk read a clock's whole log: how many rows came, and how long the reading alone took.
///
/// # Errors
/// When it fails.
pub fn read_log(address: &str) -> Result<(u64, Duration)> {
    let output = Command::new(python()?).arg(scripts().join("read_log.py")).arg(address).output()?;
    if !output.status.success() {
        bail!("pyzk failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| answer[name].as_u64().with_context(|| format!("no {name} in {answer}"));
    Ok((number("records")?, Duration::from_micros(number("micros")?)))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
