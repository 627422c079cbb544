//! `size`: the stripped binaries that are shipped.

use anyhow::{Context, Result};

use super::figure::{Figure, Target};
use crate::binary::{Program, Variant};

/// Runs it.
///
/// # Errors
/// When they are not built.
pub fn run() -> Result<Vec<Figure>> {
    [("muster-edge, stripped", Program::Edge), ("muster-cloud, stripped", Program::Cloud)]
        .into_iter()
        .map(|(what, program)| {
            let path = program.path(Variant::Plain)?;
            let bytes =
                std::fs::metadata(&path).with_context(|| format!("reading {}", path.display()))?.len();
            Ok(Figure {
                bench: "size",
                what: what.to_owned(),
                value: bytes / 1024,
                unit: "KiB",
                peer: None,
                target: Target::None,
            })
        })
        .collect()
}
