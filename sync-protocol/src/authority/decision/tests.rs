use uuid::Uuid;

use super::*;
use crate::authority::GrantId;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn user(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

fn site(n: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(n))
}

fn department(n: u128) -> DepartmentId {
    DepartmentId::from_uuid(Uuid::from_u128(n))
}

/// A decision at noon, by the grants of epoch 3 that were issued at eight.
fn decision() -> Decision {
    Decision {
        approve: true,
        by: user(1),
        at: at("2026-11-20T12:00:00Z"),
        epoch: 3,
        bundle_at: Some(at("2026-11-20T08:00:00Z")),
        reason: None,
    }
}

fn subject() -> Subject {
    Subject {
        employee: EmployeeId::from_uuid(Uuid::from_u128(50)),
        site: site(7),
        department: Some(department(8)),
    }
}

fn standing() -> Standing {
    Standing { person: user(1), employee: None, may_decide: true }
}

fn grant() -> Grant {
    Grant {
        id: GrantId::from_uuid(Uuid::from_u128(90)),
        person: user(1),
        sites: Some(vec![site(7)]),
        departments: None,
        valid_from: at("2026-11-01T00:00:00Z"),
        valid_to: None,
        since_epoch: 2,
        revoked_at: None,
    }
}

fn judged(decision: &Decision, standing: &Standing, grants: &[Grant]) -> Result<(), Refusal> {
    let known = Known { standing: Some(standing), grants, epoch: 3, now: at("2026-11-21T09:00:00Z") };
    verify(decision, decision.by.into(), &subject(), &known)
}

#[test]
fn a_grant_of_that_time_and_place_lets_a_decision_count() {
    assert_eq!(judged(&decision(), &standing(), &[grant()]), Ok(()));
    let everywhere = Grant { sites: None, ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[everywhere]), Ok(()));
    let his_department = Grant { departments: Some(vec![department(8)]), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[his_department]), Ok(()));
}

#[test]
fn revoked_between_decision_and_arrival_goes_to_a_second_look() {
    let revoked = Grant { revoked_at: Some(at("2026-11-20T15:00:00Z")), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[revoked]), Err(Refusal::SecondLook));
}

#[test]
fn revoked_before_the_decision_without_the_edge_knowing_goes_to_a_second_look_too() {
    let revoked = Grant { revoked_at: Some(at("2026-11-20T09:00:00Z")), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[revoked]), Err(Refusal::SecondLook));
    let out = Standing { may_decide: false, ..standing() };
    assert_eq!(judged(&decision(), &out, &[grant()]), Err(Refusal::SecondLook), "a person whose role ended");
}

#[test]
fn one_grant_that_stands_is_enough() {
    let revoked = Grant { revoked_at: Some(at("2026-11-20T15:00:00Z")), ..grant() };
    let other = Grant { id: GrantId::from_uuid(Uuid::from_u128(91)), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[revoked, other]), Ok(()));
}

#[test]
fn granted_only_after_the_decision_is_refused() {
    let later = Grant { valid_from: at("2026-11-20T12:00:01Z"), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[later]), Err(Refusal::NotGranted));
    // Dated back, but given in an epoch that the decider's edge did not know.
    let dated_back = Grant { since_epoch: 4, ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[dated_back]), Err(Refusal::NotGranted));
    assert_eq!(judged(&decision(), &standing(), &[]), Err(Refusal::NotGranted));
}

#[test]
fn a_grant_that_ended_as_planned_is_none() {
    let ended = Grant { valid_to: Some(decision().at), ..grant() };
    assert_eq!(judged(&decision(), &standing(), &[ended]), Err(Refusal::NotGranted), "its end is not in it");
    let later = Grant { valid_to: Some(at("2026-11-20T13:00:00Z")), ..grant() };
    assert_eq!(
        judged(&decision(), &standing(), &[later]),
        Ok(()),
        "it ended before the arrival, after the decision"
    );
}

#[test]
fn other_sites_departments_and_persons_are_not_covered() {
    for grant in [
        Grant { sites: Some(vec![site(6)]), ..grant() },
        Grant { departments: Some(vec![department(9)]), ..grant() },
        Grant { person: user(2), ..grant() },
    ] {
        assert_eq!(judged(&decision(), &standing(), &[grant]), Err(Refusal::NotGranted));
    }
    let grants = [Grant { departments: Some(vec![department(8)]), ..grant() }];
    let nowhere = Subject { department: None, ..subject() };
    let stands = standing();
    let known = Known { standing: Some(&stands), grants: &grants, epoch: 3, now: decision().at };
    assert_eq!(verify(&decision(), user(1).into(), &nowhere, &known), Err(Refusal::NotGranted));
}

#[test]
fn a_forged_person_is_refused() {
    let (stands, grants) = (standing(), [grant()]);
    let known = Known { standing: Some(&stands), grants: &grants, epoch: 3, now: decision().at };
    assert_eq!(
        verify(&decision(), user(2).into(), &subject(), &known),
        Err(Refusal::Forged),
        "another author"
    );
    let nobody = Known { standing: None, ..known };
    assert_eq!(verify(&decision(), user(1).into(), &subject(), &nobody), Err(Refusal::Forged));
    let other = Standing { person: user(2), ..standing() };
    let another = Known { standing: Some(&other), ..known };
    assert_eq!(verify(&decision(), user(1).into(), &subject(), &another), Err(Refusal::Forged));
}

#[test]
fn nobody_decides_about_himself_whatever_he_was_granted() {
    let own = Standing { employee: Some(subject().employee), ..standing() };
    let everything = Grant { sites: None, departments: None, ..grant() };
    assert_eq!(judged(&decision(), &own, &[everything]), Err(Refusal::OwnPunch));
}

#[test]
fn a_lease_ends_and_begins() {
    let issued = at("2026-11-13T12:00:00Z");
    let last = Decision { bundle_at: Some(issued + TimeDelta::seconds(1)), ..decision() };
    assert_eq!(judged(&last, &standing(), &[grant()]), Ok(()), "one second of seven days is left");
    let over = Decision { bundle_at: Some(issued), ..decision() };
    assert_eq!(judged(&over, &standing(), &[grant()]), Err(Refusal::Lease));
    let before = Decision { bundle_at: Some(at("2026-11-20T12:05:01Z")), ..decision() };
    assert_eq!(judged(&before, &standing(), &[grant()]), Err(Refusal::Lease));
    let ahead = Decision { at: at("2026-11-21T09:05:01Z"), ..decision() };
    assert_eq!(judged(&ahead, &standing(), &[grant()]), Err(Refusal::Lease), "not yet");
}

#[test]
fn another_epoch_than_the_one_issued_is_refused() {
    for epoch in [2, 4] {
        let wrong = Decision { epoch, ..decision() };
        assert_eq!(judged(&wrong, &standing(), &[grant()]), Err(Refusal::Epoch));
    }
}

#[test]
fn a_decision_survives_its_fields_and_lacks_nothing() {
    let why = Decision { approve: false, reason: Some(Line::parse("not there").unwrap()), ..decision() };
    for decision in [decision(), why, Decision { bundle_at: None, ..decision() }] {
        assert_eq!(Decision::of(&decision.fields()), Some(decision.clone()));
        for tag in [phone::STATE, phone::DECIDED_BY, phone::DECIDED_AT, phone::EPOCH] {
            let mut fields = decision.fields();
            fields.remove(&tag);
            assert_eq!(Decision::of(&fields), None);
        }
    }
}

#[test]
fn every_refusal_has_its_own_code() {
    let codes: std::collections::BTreeSet<_> = Refusal::ALL.into_iter().map(Refusal::code).collect();
    assert_eq!(codes.len(), Refusal::ALL.len());
}
