use shared_model::SiteId;
use shared_model::entity::EmployeeCategory;
use uuid::Uuid;

use super::*;

fn employee(id: u128, code: &str, active: bool) -> (EmployeeId, Employee) {
    let employee = Employee {
        code: code.parse().unwrap(),
        name: format!("Person {id}").parse().unwrap(),
        site: SiteId::from_uuid(Uuid::from_u128(1)),
        department: None,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: None,
        left: None,
        active,
        phone: None,
        card: None,
    };
    (EmployeeId::from_uuid(Uuid::from_u128(id)), employee)
}

#[test]
fn a_number_names_the_record_in_use() {
    let all = [employee(1, "17", false), employee(2, "17", true), employee(3, "18", false)];
    let chosen = |text| choose(&all, &Named::parse(text).unwrap()).map(|id| id.uuid().as_u128());
    assert_eq!(chosen("17").unwrap(), 2);
    assert_eq!(chosen("18").unwrap(), 3, "the only one, so that its phones can be signed out");
    assert!(chosen("19").is_err());
}

#[test]
fn of_two_in_use_with_a_number_one_is_named_by_its_id() {
    let all = [employee(1, "17", true), employee(2, "17", true)];
    let refused = choose(&all, &Named::parse("17").unwrap()).unwrap_err().to_string();
    for (id, one) in &all {
        assert!(refused.contains(&id.to_string()) && refused.contains(one.name.as_str()), "{refused}");
        assert_eq!(choose(&all, &Named::parse(&id.to_string()).unwrap()).unwrap(), *id);
    }
    let nobody = EmployeeId::from_uuid(Uuid::from_u128(9));
    assert!(choose(&all, &Named::Id(nobody)).is_err());
}
