//! The edge's view of a record: the cloud's state with the waiting changes merged onto it, by the cloud's own function.

use crate::merge::{Rules, merge};
use crate::{Change, Conflict, Record, VersionVector};

/// What people at the edge see, and what they may expect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rebased {
    /// The record; `None` where there is none.
    pub view: Option<Record>,
    /// What the cloud will find in conflict, as far as is known here.
    pub expected: Vec<Conflict>,
}

/// Merges waiting changes onto the cloud's state, in their order. A change to a record that is not there is passed over:
/// the cloud keeps it aside.
#[must_use]
pub fn rebase(base: Option<&Record>, waiting: &[Change]) -> Rebased {
    let mut rebased = Rebased { view: base.cloned(), expected: Vec::new() };
    let folded = VersionVector::new();
    for change in waiting {
        let Some(kind) = change.known_kind() else { continue };
        let rules = Rules::of(kind, &change.ctx, &folded);
        if let Ok(merged) = merge(rebased.view.clone(), change, rules) {
            rebased.view = Some(merged.record);
            rebased.expected.extend(merged.conflicts);
        }
    }
    rebased
}
