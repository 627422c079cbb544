use proptest::prelude::*;
use serde_json::{Value, json};
use shared_model::FieldTag;

use super::*;
use crate::Origin;

const CLOUD: i64 = 1;
const EDGE: i64 = 2;
const OTHER: i64 = 3;

fn dot(origin: i64, seq: i64) -> Dot {
    Dot::new(Origin::from_number(origin).unwrap(), seq)
}

fn vv(dots: &[(i64, i64)]) -> VersionVector {
    let mut vv = VersionVector::new();
    for (origin, seq) in dots {
        vv.raise(dot(*origin, *seq)).unwrap();
    }
    vv
}

/// A change to an employee: name is tag 2, phone tag 11, both merged alone.
fn change(origin: i64, seq: i64, op: Op, ctx: &[(i64, i64)], fields: &[(u16, &str)]) -> Change {
    Change {
        dot: dot(origin, seq),
        hlc: Hlc::default(),
        grp: seq,
        kind: Kind::Employee.number().into(),
        key: Uuid::from_u128(1),
        op,
        ctx: vv(ctx),
        fields: fields.iter().map(|(tag, text)| (FieldTag(*tag), json!(text))).collect(),
        seen: 0,
        actor: ActorId::SYSTEM,
        resolves: None,
        relog_of: None,
        ver: 1,
    }
}

fn merged(record: Option<Record>, change: &Change) -> Merged {
    try_merge(record, change).unwrap()
}

fn try_merge(record: Option<Record>, change: &Change) -> Result<Merged, Orphan> {
    merge(record, change, Rules::of(change.known_kind().unwrap(), &change.ctx, &VersionVector::new()))
}

/// The arriving value counts, as a kind may say.
fn merged_arriving(record: Record, change: &Change) -> Merged {
    let folded = VersionVector::new();
    let rules = Rules { field: FieldRule::Arriving, ..Rules::of(Kind::Employee, &change.ctx, &folded) };
    merge(Some(record), change, rules).unwrap()
}

fn created() -> Record {
    merged(None, &change(CLOUD, 1, Op::Create, &[], &[(2, "Rahima"), (11, "1")])).record
}

fn value(record: &Record, tag: u16) -> &Value {
    &record.fields[&FieldTag(tag)]
}

/// A phone punch, made by the cloud, pending.
fn pending_punch() -> Record {
    let create = Change {
        kind: Kind::PhonePunch.number().into(),
        fields: FieldMap::from([(phone::STATE, json!("pending"))]),
        ..change(CLOUD, 1, Op::Create, &[], &[])
    };
    merged(None, &create).record
}

fn decide(origin: i64, seq: i64, state: &str, by: &str) -> Change {
    Change {
        kind: Kind::PhonePunch.number().into(),
        fields: FieldMap::from([(phone::STATE, json!(state)), (phone::DECIDED_BY, json!(by))]),
        ..change(origin, seq, Op::Decide, &[(CLOUD, 1)], &[])
    }
}

#[test]
fn the_first_decision_about_a_phone_punch_stands_with_all_that_belongs_to_it() {
    let first = merged(Some(pending_punch()), &decide(EDGE, 1, "approved", "a"));
    assert_eq!((first.effect, first.conflicts.len()), (Effect::Changed, 0));
    let later = merged(Some(first.record.clone()), &decide(OTHER, 1, "rejected", "b"));
    assert_eq!(value(&later.record, 14), &json!("approved"));
    assert_eq!(value(&later.record, 15), &json!("a"));
    let [conflict] = later.conflicts.as_slice() else { panic!("{:?}", later.conflicts) };
    assert_eq!((conflict.cause, conflict.kept), (Cause::AlreadyDecided, FieldRule::Standing));
    assert_eq!(conflict.arriving.values.get(&phone::DECIDED_BY), Some(&json!("b")));
}

#[test]
fn the_same_decision_by_somebody_else_is_no_dispute() {
    let first = merged(Some(pending_punch()), &decide(EDGE, 1, "approved", "a")).record;
    let same = merged(Some(first.clone()), &decide(OTHER, 1, "approved", "b"));
    assert_eq!((same.effect, same.conflicts.len()), (Effect::Nothing, 0));
    assert_eq!(same.record.fields, first.fields);
    assert!(same.record.vv.covers(dot(OTHER, 1)), "it was considered");
}

#[test]
fn changes_to_different_fields_both_survive() {
    let saw = [(CLOUD, 1)];
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Update, &saw, &[(2, "Rahima Khatun")]));
    let second = merged(Some(first.record), &change(EDGE, 1, Op::Update, &saw, &[(11, "2")]));
    assert_eq!(second.conflicts, vec![]);
    assert_eq!((value(&second.record, 2), value(&second.record, 11)), (&json!("Rahima Khatun"), &json!("2")));
    assert_eq!(second.record.vv, vv(&[(CLOUD, 2), (EDGE, 1)]));
}

#[test]
fn the_same_field_changed_unseen_keeps_what_stands_and_both_values() {
    let saw = [(CLOUD, 1)];
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Update, &saw, &[(2, "A")]));
    let late = change(EDGE, 1, Op::Update, &saw, &[(2, "B"), (11, "2")]);
    let second = merged(Some(first.record), &late);
    assert_eq!(second.effect, Effect::Changed, "the undisputed field is taken");
    assert_eq!(value(&second.record, 2), &json!("A"));
    let [conflict] = &second.conflicts[..] else { panic!("{:?}", second.conflicts) };
    assert_eq!((conflict.cause, conflict.kept), (Cause::Field, FieldRule::Standing));
    assert_eq!(conflict.slot, Some(Slot::Field(FieldTag(2))));
    assert_eq!(conflict.standing.values[&FieldTag(2)], json!("A"));
    assert_eq!(conflict.arriving.values[&FieldTag(2)], json!("B"));
    assert_eq!(
        (&conflict.standing.dots[..], &conflict.arriving.dots[..]),
        (&[dot(CLOUD, 2)][..], &[dot(EDGE, 1)][..])
    );

    let resolving = Change {
        resolves: Some(conflict.id),
        ..change(EDGE, 2, Op::Update, &[(CLOUD, 2), (EDGE, 1)], &[(2, "B")])
    };
    let resolved = merged(Some(second.record), &resolving);
    assert_eq!(
        (value(&resolved.record, 2), resolved.conflicts.len()),
        (&json!("B"), 0),
        "an override dominates both"
    );
}

#[test]
fn a_kind_may_let_the_arriving_value_count() {
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Update, &[(CLOUD, 1)], &[(2, "A")]));
    let second = merged_arriving(first.record, &change(EDGE, 1, Op::Update, &[(CLOUD, 1)], &[(2, "B")]));
    assert_eq!(value(&second.record, 2), &json!("B"));
    assert_eq!((second.conflicts.len(), second.conflicts[0].kept), (1, FieldRule::Arriving));
}

#[test]
fn the_same_value_is_no_conflict() {
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Update, &[(CLOUD, 1)], &[(2, "A")]));
    let second = merged(Some(first.record), &change(EDGE, 1, Op::Update, &[(CLOUD, 1)], &[(2, "A")]));
    assert_eq!((second.conflicts.len(), second.effect), (0, Effect::Nothing));
    assert_eq!(second.record.dots.0[&Slot::Field(FieldTag(2))], dot(CLOUD, 2));
}

#[test]
fn a_save_from_an_old_form_of_the_same_origin_is_a_conflict() {
    // Two browsers at one cloud: the later save never saw the earlier one, though its number is higher.
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Update, &[(CLOUD, 1)], &[(2, "A")]));
    let second = merged(Some(first.record), &change(CLOUD, 3, Op::Update, &[(CLOUD, 1)], &[(2, "B")]));
    assert_eq!((second.conflicts.len(), value(&second.record, 2)), (1, &json!("A")));
}

#[test]
fn a_group_is_merged_as_one() {
    // A leave's from, to and portion are one group; its reason stands alone.
    let kind = Kind::Leave;
    let at = |change: Change| Change { kind: kind.number().into(), ..change };
    let base = merged(None, &at(change(CLOUD, 1, Op::Create, &[], &[(2, "a"), (3, "b"), (10, "r")])));
    let saw = [(CLOUD, 1)];
    let first = merged(Some(base.record), &at(change(CLOUD, 2, Op::Update, &saw, &[(2, "c")])));
    let second = merged(Some(first.record), &at(change(EDGE, 1, Op::Update, &saw, &[(3, "d"), (10, "s")])));
    assert_eq!((value(&second.record, 2), value(&second.record, 3)), (&json!("c"), &json!("b")));
    assert_eq!(value(&second.record, 10), &json!("s"));
    let [conflict] = &second.conflicts[..] else { panic!("{:?}", second.conflicts) };
    assert_eq!(conflict.slot, Some(Slot::Group(1)));
    assert_eq!(conflict.standing.values.len(), 2, "the whole group stands");
}

#[test]
fn an_update_never_creates() {
    for op in [Op::Update, Op::Delete, Op::Restore, Op::Decide] {
        let orphan = try_merge(None, &change(EDGE, 1, op, &[], &[]));
        assert_eq!(orphan, Err(Orphan));
    }
}

#[test]
fn a_repeated_create_changes_nothing() {
    let again = merged(Some(created()), &change(OTHER, 1, Op::Create, &[], &[(2, "forged")]));
    assert_eq!((again.effect, value(&again.record, 2)), (Effect::Nothing, &json!("Rahima")));
}

#[test]
fn a_delete_wins_over_unseen_edits_and_keeps_them() {
    let saw = [(CLOUD, 1)];
    let edited = merged(Some(created()), &change(CLOUD, 2, Op::Update, &saw, &[(2, "A")]));
    let deleted = merged(Some(edited.record), &change(EDGE, 1, Op::Delete, &saw, &[]));
    assert_eq!((deleted.effect, deleted.record.deleted), (Effect::Deleted, Some(dot(EDGE, 1))));
    let [conflict] = &deleted.conflicts[..] else { panic!("{:?}", deleted.conflicts) };
    assert_eq!((conflict.cause, conflict.kept), (Cause::DeleteVersusEdit, FieldRule::Arriving));
    assert_eq!(conflict.standing.values, FieldMap::from([(FieldTag(2), json!("A"))]));
}

#[test]
fn a_tombstone_absorbs_all_but_a_restore_that_saw_the_delete() {
    let deleted = merged(Some(created()), &change(CLOUD, 2, Op::Delete, &[(CLOUD, 1)], &[])).record;
    for op in [Op::Update, Op::Restore, Op::Decide] {
        let late = merged(Some(deleted.clone()), &change(EDGE, 1, op, &[(CLOUD, 1)], &[(2, "B")]));
        assert_eq!(late.record.deleted, Some(dot(CLOUD, 2)), "{op:?}");
        assert_eq!((late.conflicts.len(), late.conflicts[0].cause), (1, Cause::EditVersusDelete));
        assert_eq!(late.conflicts[0].arriving.values.len(), 1, "the values are kept");
    }
    for op in [Op::Create, Op::Delete] {
        let late = merged(Some(deleted.clone()), &change(EDGE, 1, op, &[], &[]));
        assert_eq!((late.record.deleted, late.conflicts.len()), (Some(dot(CLOUD, 2)), 0));
    }
    let restored = merged(Some(deleted), &change(EDGE, 1, Op::Restore, &[(CLOUD, 2)], &[(2, "C")]));
    assert_eq!((restored.effect, restored.record.deleted), (Effect::Restored, None));
    assert_eq!((value(&restored.record, 2), value(&restored.record, 11)), (&json!("C"), &json!("1")));
}

#[test]
fn the_first_decision_stands_whatever_the_rule() {
    let first = merged(Some(created()), &change(CLOUD, 2, Op::Decide, &[(CLOUD, 1)], &[(2, "yes")]));
    let second = merged_arriving(first.record, &change(EDGE, 1, Op::Decide, &[(CLOUD, 1)], &[(2, "no")]));
    assert_eq!((value(&second.record, 2), second.conflicts[0].cause), (&json!("yes"), Cause::AlreadyDecided));
}

#[test]
fn a_folded_origin_counts_as_seen() {
    let first = merged(Some(created()), &change(OTHER, 4, Op::Update, &[(CLOUD, 1)], &[(2, "A")]));
    let folded = vv(&[(OTHER, 4)]);
    let late = change(EDGE, 1, Op::Update, &[(CLOUD, 1)], &[(2, "B")]);
    let second = merge(Some(first.record), &late, Rules::of(Kind::Employee, &late.ctx, &folded));
    assert_eq!(second.unwrap().conflicts, vec![]);
}

#[test]
fn a_conflict_has_the_same_id_after_the_change_was_logged_again() {
    let stands = merged(Some(created()), &change(CLOUD, 2, Op::Update, &[(CLOUD, 1)], &[(2, "A")])).record;
    let first = change(EDGE, 5, Op::Update, &[(CLOUD, 1)], &[(2, "B")]);
    let again = Change { dot: dot(OTHER, 1), grp: 1, relog_of: Some(first.identity()), ..first.clone() };
    let ids = [&first, &again].map(|change| merged(Some(stands.clone()), change).conflicts[0].id);
    assert_eq!(ids[0], ids[1]);
}

/// A history of one record: changes whose contexts are what a random earlier state had considered.
fn any_history() -> impl Strategy<Value = Vec<Change>> {
    let op = prop_oneof![
        6 => Just(Op::Update), 1 => Just(Op::Delete), 1 => Just(Op::Restore), 1 => Just(Op::Decide), 1 => Just(Op::Create)
    ];
    let fields =
        proptest::collection::btree_map(prop_oneof![Just(2u16), Just(11), Just(5), Just(900)], "[a-c]", 0..4);
    let step = (1i64..4, op, fields, proptest::collection::vec(0i64..8, 3));
    proptest::collection::vec(step, 1..12).prop_map(|steps| {
        let mut next = [1i64; 4];
        let mut history = vec![change(CLOUD, 100, Op::Create, &[], &[(2, "x"), (11, "y"), (5, "z")])];
        for (origin, op, fields, saw) in steps {
            let at = usize::try_from(origin).unwrap();
            let mut ctx: Vec<(i64, i64)> = (1..4).zip(saw).filter(|(_, seq)| *seq > 0).collect();
            ctx.retain(|(author, seq)| *author != origin || *seq < next[at]);
            if origin != CLOUD {
                ctx.retain(|(author, _)| *author != CLOUD);
                ctx.push((CLOUD, 100));
            }
            let fields: Vec<(u16, &str)> = fields.iter().map(|(tag, text)| (*tag, text.as_str())).collect();
            history.push(change(origin, next[at], op, &ctx, &fields));
            next[at] += 1;
        }
        history
    })
}

proptest! {
    #[test]
    fn every_value_ends_in_the_record_or_in_a_conflict(history in any_history()) {
        let mut record = None;
        for change in &history {
            let outcome = merged(record, change);
            let now = &outcome.record;
            prop_assert!(now.vv.covers(change.dot));
            if matches!(change.op, Op::Update | Op::Decide | Op::Restore) {
                for (tag, value) in &change.fields {
                    let taken = now.deleted.is_none() && now.fields.get(tag) == Some(value);
                    let kept = outcome.conflicts.iter().any(|c| c.arriving.values.get(tag) == Some(value));
                    prop_assert!(taken || kept, "{tag:?} = {value}");
                }
            }
            record = Some(outcome.record);
        }
    }

    #[test]
    fn merging_twice_is_merging_once(history in any_history()) {
        let mut record = None;
        for change in &history {
            let once = merged(record, change).record;
            if change.op != Op::Delete && change.op != Op::Restore {
                let again = merged(Some(once.clone()), change).record;
                prop_assert_eq!(&again.fields, &once.fields);
                prop_assert_eq!(&again.vv, &once.vv);
                prop_assert_eq!(again.deleted, once.deleted);
            }
            record = Some(once);
        }
    }

    #[test]
    fn what_was_considered_never_shrinks_and_a_value_changes_only_with_its_dot(history in any_history()) {
        let mut record: Option<Record> = None;
        for change in &history {
            let before = record.clone();
            let now = merged(record, change).record;
            if let Some(before) = before {
                prop_assert!(now.vv.dominates(&before.vv));
                for (tag, value) in &now.fields {
                    let slot = Slot::of(Kind::Employee, *tag);
                    if before.fields.get(tag) != Some(value) {
                        prop_assert_eq!(now.dots.0.get(&slot), Some(&change.dot));
                    }
                }
                if before.deleted.is_some() && now.deleted.is_none() {
                    prop_assert!(change.op == Op::Restore && change.ctx.covers(before.deleted.unwrap()));
                }
            }
            record = Some(now);
        }
    }

    #[test]
    fn changes_to_disjoint_fields_commute(a in "[a-c]", b in "[d-f]", c in "[g-i]") {
        let saw = [(CLOUD, 1)];
        let changes = [
            change(CLOUD, 2, Op::Update, &saw, &[(2, &a)]),
            change(EDGE, 1, Op::Update, &saw, &[(11, &b)]),
            change(OTHER, 1, Op::Update, &saw, &[(5, &c)]),
        ];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let ends: Vec<Record> = orders
            .iter()
            .map(|order| order.iter().fold(created(), |record, &nth| {
                let outcome = merged(Some(record), &changes[nth]);
                assert_eq!(outcome.conflicts, vec![]);
                outcome.record
            }))
            .collect();
        prop_assert!(ends.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
