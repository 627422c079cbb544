//! Files that people hand over.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use shared_model::record::Document;

use crate::control::Refusal;

/// The longest file read, bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let cannot =
        |error: std::io::Error| Refusal::refused(format!("{} cannot be read: {error}", path.display()));
    let length = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path).map_err(cannot)?;
        file.take(LONGEST + 1).read_to_end(&mut bytes)
    };
    let length = length.map_err(cannot)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > LONGEST {
        return Err(Refusal::refused(format!("{} is longer than {LONGEST} bytes: split it", path.display())));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// Reads a file that holds one JSON document.
pub(super) fn read_document(path: &Path) -> Result<Document, Refusal> {
    let bytes = read(path)?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::refused(format!("{} is no JSON: {error}", path.display())))?;
    Ok(Document(value))
}
