//! The data folder: there, writable, private, with room, on a machine whose clock makes sense.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::Finding;
use crate::store::FILE;

/// Below this there is no room for a day's work, bytes.
const FULL: u64 = 200 * 1024 * 1024;
/// Below this it gets tight, bytes.
const TIGHT: u64 = 2 * 1024 * 1024 * 1024;
/// Files that only the agent's user may read.
const PRIVATE: [&str; 4] = ["muster-edge.key", "muster-edge.key.new", "ui-key.pem", "control.json"];

/// Looks at the folder.
pub(super) fn look(folder: &Path, now: DateTime<Utc>) -> Vec<Finding> {
    let shown = folder.display();
    let mut findings = vec![time(now)];
    if !folder.is_dir() {
        let fix = "name the agent's folder with --data, or make one with `muster-edge run`";
        findings.push(Finding::problem("data folder", format!("{shown} is not there"), fix));
        return findings;
    }
    if !folder.join(FILE).exists() {
        let fix = "start the agent (`muster-edge run`), or name its folder with --data";
        findings.push(Finding::note("data folder", format!("{shown} holds no database yet"), fix));
    }
    findings.push(writable(folder));
    findings.extend(system::look(folder));
    findings
}

/// A machine whose battery is empty starts in a year long past: punches would be refused as from the future.
fn time(now: DateTime<Utc>) -> Finding {
    let found = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let year = chrono::Datelike::year(&now);
    if (2026..2100).contains(&year) {
        return Finding::ok("machine's time", found);
    }
    let fix = "set the machine's time and let it follow a time server; a machine that forgets it needs a new battery";
    Finding::problem("machine's time", found, fix)
}

fn writable(folder: &Path) -> Finding {
    let probe = folder.join("doctor.tmp");
    let tried = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::ok("data folder", format!("{} can be written", folder.display())),
        Err(error) => Finding::problem(
            "data folder",
            format!("{} cannot be written: {error}", folder.display()),
            "run this as the agent's user, or give that user the folder",
        ),
    }
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::{FULL, Finding, PRIVATE, TIGHT};

    pub(super) fn look(folder: &Path) -> Vec<Finding> {
        let mut findings = vec![room(folder)];
        findings.extend(owners(folder));
        findings.push(private(folder));
        findings
    }

    fn room(folder: &Path) -> Finding {
        let free = match rustix::fs::statvfs(folder) {
            Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
            Err(error) => {
                return Finding::note("disk", format!("its room cannot be told: {error}"), "look yourself");
            }
        };
        let spent = crate::reserve::is_spent(folder);
        let found = format!(
            "{} MiB free{}",
            free / 1024 / 1024,
            if spent { ", of which clocks get none: they are refused and keep their punches" } else { "" }
        );
        let fix = "free some space: while the disk is full nothing is taken from the clocks, which keep it meanwhile";
        if free < FULL || spent {
            Finding::problem("disk", found, fix)
        } else if free < TIGHT {
            Finding::note("disk", found, fix)
        } else {
            Finding::ok("disk", found)
        }
    }

    /// Files that another user made, usually root by a command, which the agent then cannot write.
    fn owners(folder: &Path) -> Option<Finding> {
        let owner = std::fs::metadata(folder).ok()?.uid();
        let entries = std::fs::read_dir(folder).ok()?;
        let strange: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.metadata().is_ok_and(|file| file.is_file() && file.uid() != owner))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        if strange.is_empty() {
            return None;
        }
        let found = format!("{} belong to another user than the folder", strange.join(", "));
        let fix = format!("give them to the folder's owner: chown -R {owner} {}", folder.display());
        Some(Finding::problem("owners", found, fix))
    }

    fn private(folder: &Path) -> Finding {
        let open: Vec<&str> = PRIVATE
            .into_iter()
            .filter(|name| {
                let mode = std::fs::metadata(folder.join(name)).map(|file| file.permissions().mode());
                mode.is_ok_and(|mode| mode & 0o077 != 0)
            })
            .collect();
        if !open.is_empty() {
            let fix = format!(
                "chmod 600 them in {}, and enrol again if somebody may have read them",
                folder.display()
            );
            return Finding::problem("secrets", format!("{} can be read by others", open.join(", ")), fix);
        }
        let mode = std::fs::metadata(folder).map(|folder| folder.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            let fix = format!("chmod 700 {}: it holds names and telephone numbers", folder.display());
            return Finding::note(
                "secrets",
                "other users of this machine can look into the data folder",
                fix,
            );
        }
        Finding::ok("secrets", "readable by the agent's user alone")
    }
}

#[cfg(not(unix))]
mod system {
    use std::path::Path;

    use super::Finding;

    /// Room and permissions are told by the system's own tools there.
    pub(super) fn look(_folder: &Path) -> Vec<Finding> {
        let _ = (super::FULL, super::TIGHT, super::PRIVATE);
        Vec::new()
    }
}
