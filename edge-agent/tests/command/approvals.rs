//! `approvals`.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use edge_agent::clock::{OsEntropy, SystemClock};
use edge_agent::store::{Meta, Store};
use serde_json::{Value, json};
use shared_model::access::Role;
use shared_model::entity::{Employee, Entity as _, PhoneDirection, PhonePunch, RequestState, Site};
use shared_model::text::Code;
use shared_model::{Clock as _, CompanyId, EdgeId, Kind, PhonePunchId, UserId};
use sync_protocol::authority::{Bundle, BundlePerson, Grant, GrantId};
use sync_protocol::message::FeedRecord;
use sync_protocol::{Dot, Origin, Record, Slot};
use uuid::Uuid;
use web_kit::password::{NewPassword, Passwords};

use crate::folder::Folder;

const PASSWORD: &str = "three blue buckets";

/// What the cloud sends: two phone punches of E-17, and a person who may decide about them.
fn given(folder: &Folder) -> [PhonePunchId; 2] {
    folder.run(["employee", "add", "--code", "E-17", "--name", "Rahima Khatun"]).done();
    let ids = [8_u128, 9].map(|number| PhonePunchId::from_uuid(Uuid::from_u128(number)));
    let hash = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let passwords = Passwords::new([1; 16], [2; 32]).unwrap();
        passwords.hash(NewPassword::parse(PASSWORD, &[]).unwrap(), [3; 16]).await.unwrap()
    });
    let clock = SystemClock::start();
    let now = clock.now();
    let store = Store::open(&folder.path(), Arc::new(clock), Arc::new(OsEntropy)).unwrap();
    store
        .write_blocking(move |tx| {
            let company = CompanyId::from_uuid(Uuid::from_u128(1));
            tx.set_meta(Meta::COMPANY, &company)?;
            let (site, employee) = (tx.records::<Site>()?[0].id, tx.records::<Employee>()?[0].id);
            for (number, id) in (1..).zip(ids) {
                let punch = PhonePunch {
                    employee,
                    site,
                    department: None,
                    instant: "2026-11-20T02:58:07Z".parse().unwrap(),
                    zone: Code::parse("Asia/Dhaka").unwrap(),
                    direction: PhoneDirection::In,
                    latitude_e7: None,
                    longitude_e7: None,
                    accuracy_m: None,
                    phone: Code::parse("pixel-1").unwrap(),
                    client_id: id.uuid(),
                    offline_s: 0,
                    received_at: now,
                    state: RequestState::Pending,
                    decided_by: None,
                    decided_at: None,
                    epoch: None,
                    bundle_at: None,
                    reason: None,
                };
                let mut record = Record { fields: punch.to_fields(), fseq: number, ..Record::default() };
                record.fields.retain(|_, value| !value.is_null());
                let dot = Dot::new(Origin::from_number(99).unwrap(), number);
                for tag in record.fields.keys() {
                    record.dots.0.insert(Slot::of(Kind::PhonePunch, *tag), dot);
                }
                record.consider(dot);
                tx.take_from_feed(FeedRecord::new(Kind::PhonePunch, id.uuid(), &record))?;
            }
            let person = UserId::from_uuid(Uuid::from_u128(4));
            let bundle = Bundle {
                company,
                edge: EdgeId::from_uuid(Uuid::from_u128(0xe)),
                epoch: 1,
                issued_at: now,
                people: vec![BundlePerson {
                    id: person,
                    email: "hr@padma.example".to_owned(),
                    name: "Najma".to_owned(),
                    role: Role::SiteAdmin,
                    password: Some(hash),
                    employee: None,
                }],
                grants: vec![Grant {
                    id: GrantId::from_uuid(Uuid::from_u128(90)),
                    person,
                    sites: None,
                    departments: None,
                    valid_from: now,
                    valid_to: None,
                    since_epoch: 1,
                    revoked_at: None,
                }],
            };
            let signed = bundle.sign(&SigningKey::from_bytes(&[7; 32]));
            tx.take_bundle(&signed, &bundle)?.unwrap();
            Ok(())
        })
        .unwrap();
    store.close();
    ids
}

#[test]
fn phone_punches_are_listed_and_decided_by_a_persons_own_password() {
    let folder = Folder::with_site();
    let ids = given(&folder);
    let (first, second) = (ids[0].to_string(), ids[1].to_string());
    let waiting = folder.run(["approvals", "list", "--json"]).json();
    assert_eq!(waiting.as_array().map(Vec::len), Some(2));
    assert_eq!((&waiting[0]["code"], &waiting[0]["time"]), (&json!("E-17"), &json!("2026-11-20 08:58:07")));
    assert_eq!(waiting[0]["state"], "pending");

    let approve = ["approvals", "approve", &first, "--as", "hr@padma.example", "--json"];
    folder.run_reading("not the password\n", approve).refused(3);
    let nobody = ["approvals", "approve", &first, "--as", "nobody@padma.example"];
    folder.run_reading(&format!("{PASSWORD}\n"), nobody).refused(3);
    let done = folder.run_reading(&format!("{PASSWORD}\n"), approve).json();
    assert_eq!(done, json!([{ "id": first, "refused": Value::Null }]));
    // Also while the agent runs, which is asked then.
    let running = folder.start();
    let reject = ["approvals", "reject", &second, "--as", "hr@padma.example", "--reason", "Not there"];
    folder.run_reading(&format!("{PASSWORD}\n"), reject).done();
    let again = folder.run_reading(&format!("{PASSWORD}\n"), approve);
    assert_eq!(again.code, 3, "{again:?}");
    assert!(again.out.contains("approved already"), "{again:?}");
    let listed = folder.run(["approvals", "list", "--json"]).json();
    let standing = |row: &Value| (row["state"].clone(), row["decision"].clone(), row["decided_by"].clone());
    let rows: Vec<_> = listed.as_array().unwrap().iter().map(standing).collect();
    let here = |state: &str| (json!(state), json!("decided_here"), json!("Najma"));
    assert!(rows.contains(&here("approved")) && rows.contains(&here("rejected")), "{rows:?}");
    assert!(running.stop().success());
    assert_eq!(folder.count("SELECT count(*) FROM audit WHERE action = 'phone_punch.decide'"), 2);
}

#[test]
fn nothing_is_decided_where_the_cloud_has_told_nobody() {
    let folder = Folder::with_site();
    folder.run(["user", "add", "rahim", "--json"]).done();
    assert_eq!(folder.run(["approvals", "list"]).done().trim(), "No phone punch waits.");
    let id = Uuid::from_u128(8).to_string();
    folder.run_reading("x\n", ["approvals", "approve", &id, "--as", "rahim"]).refused(3);
}
