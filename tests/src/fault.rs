//! Named places in the two binaries where a test may end them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The names of the places in a crate's sources: the list cannot forget one.
///
/// # Errors
/// When the sources cannot be read or hold none.
pub fn points(package: &str) -> Result<BTreeSet<String>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    let mut found = BTreeSet::new();
    let mut folders = vec![sources.clone()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.extend(named(&std::fs::read_to_string(&path)?));
            }
        }
    }
    anyhow::ensure!(!found.is_empty(), "no fault point in {}", sources.display());
    Ok(found)
}

fn named(text: &str) -> impl Iterator<Item = String> + '_ {
    // Comments may name the macro too; only a call with a name in quotes counts.
    text.lines().filter(|line| !line.trim_start().starts_with("//")).filter_map(|line| {
        let (_, call) = line.split_once("fault_point!(\"")?;
        Some(call.split_once('"')?.0.to_owned())
    })
}

/// The file to which a process writes the name of the place at which it ended.
#[must_use]
pub fn log(folder: &Path) -> PathBuf {
    folder.join("fault.log")
}

/// Whether the place has ended a process since the log was made.
#[must_use]
pub fn fired(folder: &Path, point: &str) -> bool {
    std::fs::read_to_string(log(folder)).is_ok_and(|text| text.lines().any(|line| line == point))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_are_read_from_calls_and_not_from_comments() {
        let text = "/// `fault_point!(\"no\")`\n    fault_point!(\"ledger.before-commit\");\n    crate::fault_point!(\"b\");";
        assert_eq!(named(text).collect::<Vec<_>>(), ["ledger.before-commit", "b"]);
    }
}
