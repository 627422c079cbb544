//! docs/benchmarks.md: every run added with its machine and day.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::figure::Figure;

/// Adds a run at the end of the document.
///
/// # Errors
/// When the document cannot be written.
pub fn add(document: &Path, figures: &[Figure]) -> Result<()> {
    let mut text =
        std::fs::read_to_string(document).with_context(|| format!("reading {}", document.display()))?;
    text.push_str(&format!("\n## {}\n\n{}\n\n", today()?, machine()?));
    text.push_str("| benchmark | what | here | peer | ratio | target | |\n|---|---|---|---|---|---|---|\n");
    for figure in figures {
        text.push_str(&figure.row());
        text.push('\n');
    }
    std::fs::write(document, text)?;
    Ok(())
}

fn today() -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "a report carries the day on which it was made")]
    let now: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
    Ok(now.format("%Y-%m-%d %H:%M UTC").to_string())
}

/// What the figures were measured on, and how busy it was.
fn machine() -> Result<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_ascii_whitespace().next()?.parse().ok())
        .context("/proc/meminfo has MemTotal")?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_ascii_whitespace().next().unwrap_or_default().to_owned();
    let system = Command::new("uname").arg("-sr").output()?;
    let system = String::from_utf8_lossy(&system.stdout).trim().to_owned();
    let revision = Command::new("git").args(["rev-parse", "--short=10", "HEAD"]).output()?;
    let revision = String::from_utf8_lossy(&revision.stdout).trim().to_owned();
    Ok(format!(
        "{cores} cores of {model}, {} GiB, {system}; load before the end {load}; revision {revision}.",
        kib / (1024 * 1024)
    ))
}
