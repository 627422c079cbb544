//! Settling a conflict by hand (sync.md 2.5).
//!
//! An override is an ordinary change whose context covers both versions, so it dominates them and counts everywhere. What
//! somebody wrote meanwhile is not in its context: that gives a new conflict row instead of a silent overwrite.

use serde_json::Value;
use shared_model::{FieldMap, FieldTag, Kind};

use crate::merge::FieldRule;
use crate::message::{ConflictState, FeedConflict};
use crate::{ConflictId, Dot, Op, Record, VersionVector};

/// The change that settles a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The record's kind.
    pub kind: Kind,
    /// What is done to the record.
    pub op: Op,
    /// The values of the chosen version.
    pub fields: FieldMap,
    /// What its author is taken to have seen: the record as it is shown, and both versions.
    pub seen: VersionVector,
    /// The conflict.
    pub resolves: ConflictId,
}

/// Why a conflict cannot be settled here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Nobody waits for it.
    #[error("the conflict is settled already")]
    Settled,
    /// It is about a kind of record that this version does not know.
    #[error("it is about a kind of record that only a newer version knows")]
    Unknown,
    /// The record that is shown is older than the conflict.
    #[error("the record is still on its way: try again when the agent is up to date")]
    Behind,
}

/// The change that makes the chosen version of a conflict count. `record` is the record as it is shown where the choice is
/// made.
///
/// # Errors
/// [`NotNow`].
pub fn override_of(row: &FeedConflict, record: &Record, choice: FieldRule) -> Result<Override, NotNow> {
    if row.state != ConflictState::Open {
        return Err(NotNow::Settled);
    }
    let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number).ok_or(NotNow::Unknown)?;
    if record.fseq < row.rec_fseq {
        return Err(NotNow::Behind);
    }
    let mut seen = record.vv.clone();
    let versions: Vec<Dot> = row.standing_dots.iter().chain(&row.arriving_dots).copied().collect();
    versions.iter().for_each(|dot| claim(&mut seen, *dot, &versions));
    let (chosen, other) = match choice {
        FieldRule::Standing => (&row.standing, &row.arriving),
        FieldRule::Arriving => (&row.arriving, &row.standing),
    };
    let whole = row.slot.is_none();
    let (op, fields) = if whole && chosen.is_empty() {
        (Op::Delete, FieldMap::new())
    } else if record.deleted.is_some() {
        (Op::Restore, chosen.clone())
    } else {
        // What the chosen version leaves open is emptied, where the kind lets it be empty.
        let mut fields = chosen.clone();
        let optional = |tag: FieldTag| kind.field(tag).is_none_or(|def| def.optional);
        for tag in other.keys().filter(|tag| !whole && optional(**tag)) {
            fields.entry(*tag).or_insert(Value::Null);
        }
        (Op::Update, fields)
    };
    Ok(Override { kind, op, fields, seen, resolves: row.id })
}

/// Claims a dot; a full vector gives up an origin that neither version comes from, which costs at worst another row.
fn claim(seen: &mut VersionVector, dot: Dot, versions: &[Dot]) {
    while seen.raise(dot).is_err() {
        let needed = |origin| versions.iter().any(|dot| dot.origin == origin);
        let Some(spare) = seen.iter().map(|entry| entry.origin).find(|origin| !needed(*origin)) else {
            return;
        };
        seen.forget(spare);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_model::ActorId;
    use uuid::Uuid;

    use super::*;
    use crate::cloud::{OpenConflict, merge_own};
    use crate::merge::{Cause, Merged, Rules, merge};
    use crate::{Change, Hlc, Origin};

    const KIND: Kind = Kind::Employee;
    const NAME: FieldTag = FieldTag(2);

    fn origin(number: i64) -> Origin {
        Origin::from_number(number).unwrap()
    }

    fn change(by: i64, seq: i64, op: Op, saw: &VersionVector, name: Option<&str>) -> Change {
        Change {
            dot: Dot::new(origin(by), seq),
            hlc: Hlc::default(),
            grp: seq,
            kind: KIND.number().into(),
            key: Uuid::from_u128(1),
            op,
            ctx: saw.clone(),
            fields: name.map(|name| (NAME, json!(name))).into_iter().collect(),
            seen: 0,
            actor: ActorId::SYSTEM,
            resolves: None,
            relog_of: None,
            ver: 1,
        }
    }

    fn apply(record: Option<Record>, change: &Change) -> Merged {
        let folded = VersionVector::new();
        let mut merged = merge(record, change, Rules::of(KIND, &change.ctx, &folded)).unwrap();
        merged.record.fseq += 1;
        merged
    }

    /// A record about which two authors disagree, with the row that tells so.
    fn disputed(first: Op, second: Op) -> (Record, FeedConflict) {
        let made = apply(None, &change(1, 1, Op::Create, &VersionVector::new(), Some("Rahima"))).record;
        let saw = made.vv.clone();
        let value = |op: Op, name| (op == Op::Update).then_some(name);
        let standing = apply(Some(made), &change(2, 1, first, &saw, value(first, "Begum")));
        assert_eq!(standing.conflicts, []);
        let merged = apply(Some(standing.record), &change(3, 1, second, &saw, value(second, "Khatun")));
        let conflict = merged.conflicts.first().unwrap();
        let row = FeedConflict::new(conflict, merged.record.fseq, None, ConflictState::Open);
        (merged.record, row)
    }

    fn settle(record: Record, row: &FeedConflict, choice: FieldRule) -> Record {
        let Override { kind, op, fields, seen, resolves } = override_of(row, &record, choice).unwrap();
        let by_hand = Change { fields, resolves: Some(resolves), ..change(4, 1, op, &seen, None) };
        let open = OpenConflict {
            id: row.id,
            key: (kind, row.key),
            slot: row.slot,
            standing: row.standing_dots.clone(),
            arriving: row.arriving_dots.clone(),
        };
        let folded = VersionVector::new();
        let rules = Rules::of(kind, &by_hand.ctx, &folded);
        let (merged, moved) = merge_own(Some(record), &by_hand, rules, vec![open]).unwrap();
        assert_eq!(merged.conflicts, [], "it dominates both versions");
        let states: Vec<_> = moved.iter().map(|moved| (moved.id, moved.state)).collect();
        assert_eq!(states, [(row.id, ConflictState::Resolved)]);
        merged.record
    }

    #[test]
    fn either_version_of_a_field_can_be_made_to_count() {
        for (choice, name) in [(FieldRule::Standing, "Begum"), (FieldRule::Arriving, "Khatun")] {
            let (record, row) = disputed(Op::Update, Op::Update);
            assert_eq!(row.cause, Cause::Field.as_str());
            assert_eq!(settle(record, &row, choice).fields[&NAME], json!(name));
        }
    }

    #[test]
    fn a_deleted_record_comes_back_with_what_was_written_or_stays_deleted() {
        let (record, row) = disputed(Op::Delete, Op::Update);
        assert_eq!(row.cause, Cause::EditVersusDelete.as_str());
        let back = settle(record.clone(), &row, FieldRule::Arriving);
        assert_eq!((back.deleted, &back.fields[&NAME]), (None, &json!("Khatun")));
        assert!(settle(record, &row, FieldRule::Standing).deleted.is_some());
    }

    #[test]
    fn a_delete_that_had_not_seen_everything_can_be_taken_back() {
        let (record, row) = disputed(Op::Update, Op::Delete);
        assert_eq!(row.cause, Cause::DeleteVersusEdit.as_str());
        let back = settle(record.clone(), &row, FieldRule::Standing);
        assert_eq!((back.deleted, &back.fields[&NAME]), (None, &json!("Begum")));
        assert!(settle(record, &row, FieldRule::Arriving).deleted.is_some());
    }

    #[test]
    fn who_wrote_meanwhile_is_not_overwritten_silently() {
        let (record, row) = disputed(Op::Update, Op::Update);
        let chosen = override_of(&row, &record, FieldRule::Arriving).unwrap();
        let later = apply(Some(record.clone()), &change(2, 2, Op::Update, &record.vv, Some("Akter"))).record;
        let late = Change { fields: chosen.fields, ..change(4, 1, Op::Update, &chosen.seen, None) };
        let merged = apply(Some(later), &late);
        assert_eq!((merged.conflicts.len(), &merged.record.fields[&NAME]), (1, &json!("Akter")));
    }

    #[test]
    fn a_settled_row_and_an_older_record_are_refused() {
        let (record, row) = disputed(Op::Update, Op::Update);
        let settled = FeedConflict { state: ConflictState::Resolved, ..row.clone() };
        assert_eq!(override_of(&settled, &record, FieldRule::Standing), Err(NotNow::Settled));
        let older = Record { fseq: row.rec_fseq - 1, ..record.clone() };
        assert_eq!(override_of(&row, &older, FieldRule::Standing), Err(NotNow::Behind));
        let newer = FeedConflict { kind: 999, ..row };
        assert_eq!(override_of(&newer, &record, FieldRule::Standing), Err(NotNow::Unknown));
    }

    #[test]
    fn a_full_vector_still_covers_both_versions() {
        let (mut record, row) = disputed(Op::Update, Op::Update);
        for number in 0..70 {
            let _ = record.vv.raise(Dot::new(origin(100 + number), 1));
        }
        record.vv.forget(origin(2));
        record.vv.forget(origin(3));
        let _ = record.vv.raise(Dot::new(origin(500), 1));
        let _ = record.vv.raise(Dot::new(origin(501), 1));
        let seen = override_of(&row, &record, FieldRule::Arriving).unwrap().seen;
        assert!(row.standing_dots.iter().chain(&row.arriving_dots).all(|dot| seen.covers(*dot)));
    }
}
