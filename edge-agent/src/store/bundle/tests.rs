use chrono::TimeDelta;
use ed25519_dalek::SigningKey;
use shared_model::access::Role;
use shared_model::{CompanyId, EdgeId};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::store::tests::open;
use crate::store::{Author, LocalUser, Store};

fn person(number: u128, email: &str, password: &str) -> BundlePerson {
    BundlePerson {
        id: UserId::from_uuid(Uuid::from_u128(number)),
        email: email.to_owned(),
        name: "Najma".to_owned(),
        role: Role::SiteAdmin,
        password: Some(password.to_owned()),
        employee: None,
    }
}

fn bundle(epoch: u32, issued_at: &str, people: Vec<BundlePerson>) -> Bundle {
    Bundle {
        company: CompanyId::from_uuid(Uuid::from_u128(1)),
        edge: EdgeId::from_uuid(Uuid::from_u128(0xe)),
        epoch,
        issued_at: issued_at.parse().unwrap(),
        people,
        grants: Vec::new(),
    }
}

fn take(store: &Store, bundle: &Bundle) -> Result<(), BadBundle> {
    let (signed, bundle) = (bundle.sign(&SigningKey::from_bytes(&[7; 32])), bundle.clone());
    store.write_blocking(move |tx| tx.take_bundle(&signed, &bundle)).unwrap()
}

fn named(store: &Store, name: &'static str) -> Option<LocalUser> {
    store.read_blocking(move |tx| tx.local_user_named(name)).unwrap()
}

#[test]
fn its_people_sign_in_here_until_it_no_longer_names_them() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let (a, b) = (person(4, "a@padma.example", "phc-a"), person(5, "b@padma.example", "phc-b"));
    take(&store, &bundle(1, "2026-11-20T05:00:00Z", vec![a.clone(), b])).unwrap();
    let found = named(&store, "A@padma.example").unwrap();
    assert_eq!((found.id, found.password_hash.as_str(), found.role), (a.id, "phc-a", Role::SiteAdmin));
    let session = [9; 32];
    let now: DateTime<Utc> = "2026-11-20T06:00:00Z".parse().unwrap();
    let origin = crate::store::SessionOrigin::default();
    let id = a.id;
    store
        .write_blocking(move |tx| tx.begin_session(&session, id, &origin, now, now + TimeDelta::hours(8)))
        .unwrap();

    // Another password ends the sessions that were begun with the one before.
    let other = BundlePerson { password: Some("phc-new".to_owned()), ..a };
    take(&store, &bundle(2, "2026-11-20T05:30:00Z", vec![other])).unwrap();
    assert_eq!(named(&store, "a@padma.example").unwrap().password_hash, "phc-new");
    assert_eq!(store.read_blocking(move |tx| tx.session(&session)).unwrap(), None);
    assert!(!named(&store, "b@padma.example").unwrap().active, "who is not in it signs in no more");
}

#[test]
fn an_older_bundle_is_a_replay_and_an_account_made_here_keeps_its_name() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let own = LocalUser {
        id: UserId::from_uuid(Uuid::from_u128(77)),
        name: "a@padma.example".to_owned(),
        full_name: String::new(),
        role: Role::LocalOwner,
        password_hash: "own".to_owned(),
        active: true,
        last_sign_in: None,
    };
    store.write_blocking(move |tx| tx.add_local_user(&Author::CONSOLE, &own)).unwrap();
    let newest = bundle(3, "2026-11-20T05:00:00Z", vec![person(4, "a@padma.example", "phc-a")]);
    take(&store, &newest).unwrap();
    assert_eq!(named(&store, "a@padma.example").unwrap().password_hash, "own");
    for older in
        [bundle(2, "2026-11-20T05:30:00Z", Vec::new()), bundle(3, "2026-11-20T04:59:59Z", Vec::new())]
    {
        assert_eq!(take(&store, &older), Err(BadBundle::Older));
    }
    assert_eq!(store.read_blocking(ReadTx::bundle).unwrap(), Some(newest));
}

#[test]
fn a_lease_runs_out_in_two_steps_and_a_clock_set_back_does_not_prolong_it() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    take(&store, &bundle(1, "2026-11-20T05:00:00Z", vec![person(4, "a@padma.example", "phc")])).unwrap();
    let of = |store: &Store, wall: &str| {
        let (id, wall) = (UserId::from_uuid(Uuid::from_u128(4)), wall.parse().unwrap());
        store.read_blocking(move |tx| tx.lease_of(id, wall)).unwrap()
    };
    assert_eq!(of(&store, "2026-11-27T04:59:59Z"), Lease::Full);
    assert_eq!(of(&store, "2026-11-27T05:00:00Z"), Lease::Look);
    assert_eq!(of(&store, "2026-12-20T05:00:00Z"), Lease::Over);
    let seen = sync_protocol::Hlc::at("2026-11-28T00:00:00Z".parse().unwrap());
    store.write_blocking(move |tx| tx.set_meta(Meta::HLC, &seen)).unwrap();
    assert_eq!(of(&store, "2026-11-20T06:00:00Z"), Lease::Look, "this agent has seen a later time");
    store.write_blocking(|tx| tx.set_meta(Meta::CLOUD_OFFSET_MS, &(60 * 86_400_000))).unwrap();
    assert_eq!(
        of(&store, "2026-11-20T06:00:00Z"),
        Lease::Over,
        "the cloud's time counts, not this machine's"
    );
}

#[test]
fn whoever_has_the_console_does_not_become_a_person_of_the_cloud() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let a = person(4, "a@padma.example", "phc-a");
    take(&store, &bundle(1, "2026-11-20T05:00:00Z", vec![a.clone()])).unwrap();
    let id = a.id;
    let reset = store.write_blocking(move |tx| tx.set_password(&Author::CONSOLE, id, "own", None));
    assert!(matches!(reset, Err(StoreError::Invalid(_))), "{reset:?}");
    assert_eq!(named(&store, "a@padma.example").unwrap().password_hash, "phc-a");
    take(&store, &bundle(2, "2026-11-20T05:30:00Z", Vec::new())).unwrap();
    let enabled = store.write_blocking(move |tx| tx.set_local_user_active(&Author::CONSOLE, id, true));
    assert!(matches!(enabled, Err(StoreError::Invalid(_))), "{enabled:?}");
    assert!(!store.read_blocking(ReadTx::has_local_user).unwrap(), "this agent still waits for its set-up");
    assert!(store.read_blocking(ReadTx::has_any_user).unwrap());
}
