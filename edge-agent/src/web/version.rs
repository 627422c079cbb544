//! The version of a record that a form was filled from, as a hidden field.
//!
//! It comes back with the form: fields that somebody else changed meanwhile are then not overwritten unseen.

use sync_protocol::VersionVector;

/// The longest text looked at, in characters.
const MAX: usize = 64 * 1024;

pub(super) fn version_text(version: &VersionVector) -> String {
    hex::encode(version.encode())
}

pub(super) fn read_version(text: &str) -> Option<VersionVector> {
    let bytes = hex::decode(text.get(..MAX.min(text.len()))?).ok()?;
    VersionVector::decode(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_and_nonsense_does_not() {
        let empty = VersionVector::new();
        assert_eq!(read_version(&version_text(&empty)), Some(empty));
        for text in ["zz", "é", "00ff00ff00", &"ff".repeat(MAX)] {
            assert_eq!(read_version(text), None, "{text:.20}");
        }
    }
}
