use proptest::prelude::*;
use serde_json::json;
use shared_model::FieldTag;

use super::*;

fn origin() -> Origin {
    Origin::from_number(0x11).unwrap()
}

fn sample() -> Change {
    let mut ctx = VersionVector::new();
    ctx.raise(Dot::new(Origin::from_number(0x22).unwrap(), 5)).unwrap();
    Change {
        dot: Dot::new(origin(), 7),
        hlc: Hlc::from_number(117_637_120_000_001),
        grp: 6,
        kind: 4,
        key: Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0001),
        op: Op::Update,
        ctx,
        fields: FieldMap::from([
            (FieldTag(2), json!("Rahima Khatun")),
            (FieldTag(900), json!({"b":1,"a":2})),
        ]),
        seen: 120,
        actor: ActorId::SYSTEM,
        resolves: None,
        relog_of: None,
        ver: 1,
    }
}

// The line of a row that a released version wrote: it must be read, and written again, to the byte, for good.
const FROZEN: &str = r#"{"seq":7,"hlc":117637120000001,"grp":6,"kind":4,"key":"0192f0c1-0000-7000-8000-000000000001","op":"update","ctx":{"0000000000000022":5},"fields":{"2":"Rahima Khatun","900":{"a":2,"b":1}},"seen":120,"actor":"00000000-0000-0000-0000-000000000000","ver":1}"#;

#[test]
fn the_line_is_frozen() {
    assert_eq!(String::from_utf8(sample().line()).unwrap(), FROZEN);
    assert_eq!(Change::parse(origin(), 7, FROZEN.as_bytes()), Ok(sample()));
    assert_eq!(sample().identity().to_string(), "dafbb77fd4e186dcbd3b17d2f60075ba");
}

#[test]
fn members_are_written_in_the_order_of_their_names_however_they_came() {
    let nested = r#"{"z":[{"d":1,"c":{"f":1,"e":2}}],"y":null}"#;
    let fields = FieldMap::from([(FieldTag(2), serde_json::from_str(nested).unwrap())]);
    let line = String::from_utf8(Change { fields, ..sample() }.line()).unwrap();
    assert!(line.contains(r#""fields":{"2":{"y":null,"z":[{"c":{"e":2,"f":1},"d":1}]}}"#), "{line}");
}

#[test]
fn the_full_line_is_frozen() {
    let full = Change {
        grp: 7,
        op: Op::Decide,
        ctx: VersionVector::new(),
        fields: FieldMap::new(),
        resolves: Some(ConflictId::from_uuid(Uuid::from_u128(9))),
        relog_of: Some(sample().identity()),
        ..sample()
    };
    let line = String::from_utf8(full.line()).unwrap();
    let expected = r#"{"seq":7,"hlc":117637120000001,"kind":4,"key":"0192f0c1-0000-7000-8000-000000000001","op":"decide","seen":120,"actor":"00000000-0000-0000-0000-000000000000","resolves":"00000000-0000-0000-0000-000000000009","relog_of":"dafbb77fd4e186dcbd3b17d2f60075ba","ver":1}"#;
    assert_eq!(line, expected);
    assert_eq!(Change::parse(origin(), 7, line.as_bytes()), Ok(full.clone()));
    assert_eq!(full.identity(), sample().identity(), "a change logged again keeps its identity");
}

#[test]
fn a_field_of_a_newer_peer_is_read_over() {
    let newer = FROZEN.replacen('{', r#"{"mood":[1,{}],"#, 1);
    assert_eq!(Change::parse(origin(), 7, newer.as_bytes()), Ok(sample()));
}

#[test]
fn a_row_in_the_wrong_place_or_of_wrong_size_is_refused() {
    let code = |seq, line: &str| Change::parse(origin(), seq, line.as_bytes()).unwrap_err().code();
    assert_eq!(code(8, FROZEN), "place");
    assert_eq!(code(7, &FROZEN.replace("\"grp\":6", "\"grp\":8")), "place");
    assert_eq!(code(7, &FROZEN.replace("\"grp\":6", "\"grp\":0")), "place");
    assert_eq!(code(7, "{}"), "malformed");
    assert_eq!(code(7, &FROZEN.replace("update", "upsert")), "malformed");
    assert_eq!(code(7, &" ".repeat(limit::ROW + 1)), "too_long");
    let many: FieldMap = (0..=256).map(|tag| (FieldTag(tag), json!(0))).collect();
    let line = Change { fields: many, ..sample() }.line();
    assert_eq!(code(7, std::str::from_utf8(&line).unwrap()), "too_many_fields");
}

#[test]
fn kind_and_fields_are_checked() {
    assert_eq!(sample().check(), Ok(Kind::Employee));
    assert_eq!(Change { kind: 999, ..sample() }.check(), Err(BadChange::Kind(999)));
    let bad = FieldMap::from([(FieldTag(10), json!("yes"))]);
    assert_eq!(Change { fields: bad, ..sample() }.check().unwrap_err().code(), "field");
    assert_eq!(
        Change { op: Op::Create, ..sample() }.check().unwrap_err().code(),
        "field",
        "a create is whole"
    );
}

proptest! {
    #[test]
    fn any_line_is_refused_or_read(line in proptest::collection::vec(any::<u8>(), 0..300), seq in 1i64..10) {
        if let Ok(change) = Change::parse(origin(), seq, &line) {
            prop_assert_eq!(change.dot, Dot::new(origin(), seq));
        }
    }

    #[test]
    fn every_change_survives_its_line(
        seq in 1i64..1_000_000, hlc: i64, kind: u16, key: u128, op in 0usize..5, ctx in crate::vv::tests::any_vv(),
        tags in proptest::collection::btree_map(any::<u16>(), ".{0,20}", 0..6), seen: i64, ver: u16,
    ) {
        let change = Change {
            dot: Dot::new(origin(), seq), hlc: Hlc::from_number(hlc), grp: seq, kind, key: Uuid::from_u128(key),
            op: Op::ALL[op], ctx, fields: tags.into_iter().map(|(tag, text)| (FieldTag(tag), json!(text))).collect(),
            seen, ver, ..sample()
        };
        let line = change.line();
        prop_assert!(!line.contains(&b'\n'));
        prop_assert_eq!(Change::parse(origin(), seq, &line), Ok(change));
    }
}
