//! `size`: the stripped binaries that are shipped.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::figure::{Figure, Target};

/// Runs it.
///
/// # Errors
/// When they are not built.
pub fn run() -> Result<Vec<Figure>> {
    let folder = PathBuf::from(
        std::env::var_os("MUSTER_DIST_DIR")
            .context("`cargo xtask bench` builds the binaries that are shipped")?,
    );
    ["muster-edge", "muster-cloud"]
        .into_iter()
        .map(|name| {
            let path = folder.join(name);
            let bytes =
                std::fs::metadata(&path).with_context(|| format!("reading {}", path.display()))?.len();
            Ok(Figure {
                bench: "size",
                what: format!("{name}, stripped"),
                value: bytes / 1024,
                unit: "KiB",
                peer: None,
                target: Target::None,
            })
        })
        .collect()
}
