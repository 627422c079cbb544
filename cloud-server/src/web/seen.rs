//! What a form had seen: the record's version when it was opened, as a hidden field.
//!
//! It comes back with the form, so that what somebody else changed meanwhile is not overwritten unseen. Beside it each field
//! comes back as it was shown (`was-NAME`): only what the person changed is written.

use sync_protocol::VersionVector;
use web_kit::FormState;

/// The longest text looked at, in bytes.
const MAX: usize = 64 * 1024;

/// The field's name.
pub(super) const FIELD: &str = "seen";

pub(super) fn text(version: &VersionVector) -> String {
    hex::encode(version.encode())
}

/// What the form had seen; `None` for nonsense.
pub(super) fn read(form: &FormState) -> Option<VersionVector> {
    let text = form.value(FIELD);
    let bytes = (text.len() <= MAX).then(|| hex::decode(text).ok()).flatten()?;
    VersionVector::decode(&bytes).ok()
}

/// Whether a field was changed by whoever filled the form.
pub(super) fn is_changed(form: &FormState, name: &str) -> bool {
    form.value(name) != form.value(&format!("was-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_and_nonsense_does_not() {
        let empty = VersionVector::new();
        assert_eq!(read(&FormState::filled([(FIELD, text(&empty))])), Some(empty));
        for nonsense in ["zz", "é", "00ff00ff00", &"ff".repeat(MAX)] {
            assert_eq!(read(&FormState::filled([(FIELD, nonsense.to_owned())])), None);
        }
    }

    #[test]
    fn a_field_is_changed_when_it_is_not_as_it_was_shown() {
        let form =
            FormState::of(vec![("name", " A ".into()), ("was-name", "A".into()), ("code", "2".into())]);
        assert!(!is_changed(&form, "name"));
        assert!(is_changed(&form, "code"));
    }
}
