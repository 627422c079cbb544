//! Resident memory of a process, as the kernel counts it.

use anyhow::{Context, Result};

/// Resident memory now, in KiB.
///
/// # Errors
/// When the process is gone.
pub fn resident_kib(id: u32) -> Result<u64> {
    field(id, "VmRSS:")
}

/// The most resident memory since the start or the last [`reset_peak`], in KiB.
///
/// # Errors
/// When the process is gone.
pub fn peak_kib(id: u32) -> Result<u64> {
    field(id, "VmHWM:")
}

/// Lets [`peak_kib`] start from what is resident now.
///
/// # Errors
/// When the process is gone or is another user's.
pub fn reset_peak(id: u32) -> Result<()> {
    std::fs::write(format!("/proc/{id}/clear_refs"), "5").context("resetting the peak of resident memory")
}

fn field(id: u32, name: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_ascii_whitespace().next()?.parse().ok())
        .with_context(|| format!("no {name} for process {id}"))
}
