//! What becomes of conflict rows when changes go on: settled by hand, overtaken, or shown to another site.

use std::collections::BTreeMap;

use super::store::{ConflictMove, OpenConflict, RecordKey};
use crate::merge::{Merged, Orphan, Rules, merge};
use crate::message::ConflictState;
use crate::scope::site_of;
use crate::{Change, Conflict, ConflictId, Dot, Record, VersionVector};

/// Merges a change of the cloud's own users: what came of it, and what became of the record's conflict rows (`open`), for
/// [`super::ChangeBatch::moved`].
///
/// # Errors
/// [`Orphan`]: an update never creates.
pub fn merge_own(
    standing: Option<Record>,
    change: &Change,
    rules: Rules<'_>,
    open: Vec<OpenConflict>,
) -> Result<(Merged, Vec<ConflictMove>), Orphan> {
    let key = (rules.kind, change.key);
    let site = |record: &Record| site_of(key.0, key.1, &record.fields);
    let before = standing.as_ref().map(site);
    let merged = merge(standing, change, rules)?;
    let mut disputes = Disputes::new(open);
    disputes.follow(change, rules.saw, key, &merged.record, &merged.conflicts);
    let departed = before.is_some_and(|before| before.is_some() && before != site(&merged.record));
    let departed = if departed { vec![key] } else { Vec::new() };
    let moved = disputes.finish(&departed, &merged.conflicts);
    Ok((merged, moved))
}

/// The conflict rows that wait, while a batch is merged.
#[derive(Debug, Clone, Default)]
pub(super) struct Disputes {
    open: BTreeMap<ConflictId, OpenConflict>,
    moved: Vec<ConflictMove>,
}

impl Disputes {
    pub(super) fn new(open: Vec<OpenConflict>) -> Self {
        Self { open: open.into_iter().map(|row| (row.id, row)).collect(), moved: Vec::new() }
    }

    /// Follows one merged change: `saw` is what its author had seen, `found` the conflicts that it made.
    ///
    /// A row closes when the change settles it by hand, when the disputed value now comes from a change whose author had
    /// seen both versions, or when the same author's next dispute over the slot takes its place.
    pub(super) fn follow(
        &mut self,
        change: &Change,
        saw: &VersionVector,
        key: RecordKey,
        record: &Record,
        found: &[Conflict],
    ) {
        let all = |dots: &[Dot]| dots.iter().all(|dot| saw.covers(*dot));
        let closes = |row: &OpenConflict| {
            if change.resolves == Some(row.id) {
                return Some(ConflictState::Resolved);
            }
            let replaced =
                found.iter().any(|new| new.slot == row.slot && new.id != row.id) && all(&row.arriving);
            let overwritten = row.slot.is_some_and(|slot| record.dots.0.get(&slot) == Some(&change.dot))
                && all(&row.standing)
                && all(&row.arriving);
            (replaced || overwritten).then_some(ConflictState::Overtaken)
        };
        let closed: Vec<(ConflictId, ConflictState)> = self
            .open
            .values()
            .filter(|row| row.key == key)
            .filter_map(|row| Some((row.id, closes(row)?)))
            .collect();
        for (id, state) in closed {
            self.open.remove(&id);
            self.moved.push(ConflictMove { id, state });
        }
        for new in found {
            let row = OpenConflict {
                id: new.id,
                key,
                slot: new.slot,
                standing: new.standing.dots.clone(),
                arriving: new.arriving.dots.clone(),
            };
            self.open.insert(new.id, row);
        }
    }

    /// What moved; rows of records that went to another site are shown there, unless they are new.
    pub(super) fn finish(mut self, departed: &[RecordKey], new: &[Conflict]) -> Vec<ConflictMove> {
        let again = self.open.values().filter(|row| departed.contains(&row.key));
        let again = again.filter(|row| new.iter().all(|conflict| conflict.id != row.id));
        self.moved.extend(again.map(|row| ConflictMove { id: row.id, state: ConflictState::Open }));
        self.moved
    }
}
