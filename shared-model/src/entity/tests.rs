use serde_json::json;

use super::*;

fn employee() -> Employee {
    Employee {
        code: EmployeeCode::parse("E-17").unwrap(),
        name: Name::parse("রহিমা খাতুন").unwrap(),
        site: SiteId::from_uuid(uuid::Uuid::from_u128(7)),
        department: None,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: Some("2024-01-15".parse().unwrap()),
        left: None,
        active: true,
        phone: None,
        card: None,
    }
}

#[test]
fn a_record_survives_its_fields() {
    assert_eq!(Employee::from_fields(&employee().to_fields()), Ok(employee()));
}

#[test]
fn a_change_carries_only_what_changed() {
    let new = Employee { left: Some("2026-11-30".parse().unwrap()), active: false, ..employee() };
    let changed = new.changed_from(&employee());
    assert_eq!(changed, FieldMap::from([(FieldTag(9), json!("2026-11-30")), (FieldTag(10), json!(false))]));
}

#[test]
fn a_bad_value_names_kind_field_and_cause() {
    let mut fields = employee().to_fields();
    fields.insert(FieldTag(1), json!("E 17"));
    let error = Employee::from_fields(&fields).unwrap_err().to_string();
    assert_eq!(error, "employee.code: employee code holds the character ' ', which is not allowed there");
    fields.remove(&FieldTag(1));
    assert_eq!(Employee::from_fields(&fields).unwrap_err().to_string(), "employee.code is missing");
}

#[test]
fn an_edit_may_leave_fields_out_and_bring_unknown_ones_but_no_bad_ones() {
    let edit = FieldMap::from([(FieldTag(10), json!(false)), (FieldTag(999), json!("from a newer version"))]);
    assert_eq!(Kind::Employee.check(&edit, false), Ok(()));
    assert!(Kind::Employee.check(&edit, true).unwrap_err().to_string().contains("missing"));
    let clearing = FieldMap::from([(FieldTag(1), json!(null))]);
    assert!(Kind::Employee.check(&clearing, false).is_err(), "a field that must be there cannot be cleared");
}

#[test]
fn a_document_is_bounded() {
    let shift = FieldMap::from([(FieldTag(3), json!({"x": "y".repeat(Document::MAX)}))]);
    assert!(Kind::Shift.check(&shift, false).unwrap_err().to_string().contains("at most"));
}

/// Tags are stored and sent: a tag that moves would put one field's value into another.
#[test]
fn kinds_and_tags_stand_as_frozen() {
    let list: String = Kind::ALL
        .iter()
        .map(|kind| {
            let fields: Vec<String> = kind
                .fields()
                .iter()
                .map(|f| format!("{}={}{}", f.tag.0, f.name, if f.optional { "?" } else { "" }))
                .collect();
            format!("{} {}: {}\n", kind.number(), kind.as_str(), fields.join(" "))
        })
        .collect();
    assert_eq!(list, include_str!("../../frozen/kinds.txt"));
}

#[test]
fn tags_of_a_kind_rise() {
    for kind in Kind::ALL {
        assert!(kind.fields().windows(2).all(|pair| pair[0].tag < pair[1].tag), "{kind:?}");
        for def in kind.fields() {
            assert_eq!(kind.field(def.tag).map(|f| f.name), Some(def.name));
        }
    }
}
