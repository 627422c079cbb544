use chrono::TimeDelta;
use tempfile::TempDir;

use super::super::Store;
use super::super::tests::open;
use super::*;

const HASH: [u8; 32] = [7; 32];

fn fresh() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    (folder, store)
}

fn person(number: u128, name: &str, role: Role) -> LocalUser {
    LocalUser {
        id: UserId::from_uuid(uuid::Uuid::from_u128(number)),
        name: name.to_owned(),
        full_name: String::new(),
        role,
        password_hash: "$argon2id$".to_owned(),
        active: true,
        last_sign_in: None,
    }
}

fn add(store: &Store, user: &LocalUser) -> Result<(), StoreError> {
    let user = user.clone();
    store.write_blocking(move |tx| tx.add_local_user(&Author::CONSOLE, &user))
}

fn begin(store: &Store, hash: [u8; 32], user: UserId) {
    store
        .write_blocking(move |tx| {
            let now = tx.clock().now();
            tx.begin_session(&hash, user, &SessionOrigin::default(), now, now + TimeDelta::hours(12))
        })
        .unwrap();
}

fn is_signed_in(store: &Store, hash: [u8; 32]) -> bool {
    store.read_blocking(|tx| tx.session(&hash)).unwrap().is_some()
}

#[test]
fn a_set_up_token_works_once_and_only_before_there_is_an_account() {
    let (_folder, store) = fresh();
    let put = |hash: [u8; 32], hours| {
        store.write_blocking(move |tx| tx.put_setup_token(&hash, tx.clock().now() + TimeDelta::hours(hours)))
    };
    let take = |hash: [u8; 32]| store.write_blocking(move |tx| tx.use_setup_token(&hash)).unwrap();
    put([1; 32], -1).unwrap();
    assert!(!take([1; 32]), "an expired token is void");
    put([2; 32], 1).unwrap();
    put(HASH, 1).unwrap();
    assert!(!take([2; 32]), "a newer token voids the one before");
    assert!(take(HASH));
    assert!(!take(HASH), "a token works once");

    add(&store, &person(1, "owner", Role::LocalOwner)).unwrap();
    assert!(matches!(put([3; 32], 1), Err(StoreError::Invalid(_))));
}

#[test]
fn names_are_the_same_whatever_their_case() {
    let (_folder, store) = fresh();
    add(&store, &person(1, "Owner", Role::LocalOwner)).unwrap();
    assert!(matches!(add(&store, &person(2, "oWNER", Role::Auditor)), Err(StoreError::Exists { .. })));
    let found = store.read_blocking(|tx| tx.local_user_named("OWNER")).unwrap().unwrap();
    assert_eq!(found.name, "Owner");
}

#[test]
fn disabling_a_person_ends_the_sessions_at_once() {
    let (_folder, store) = fresh();
    let (owner, auditor) = (person(1, "owner", Role::LocalOwner), person(2, "auditor", Role::Auditor));
    add(&store, &owner).unwrap();
    add(&store, &auditor).unwrap();
    begin(&store, [1; 32], owner.id);
    begin(&store, [2; 32], auditor.id);
    let id = auditor.id;
    store.write_blocking(move |tx| tx.set_local_user_active(&Author::CONSOLE, id, false)).unwrap();
    assert!(!is_signed_in(&store, [2; 32]));
    assert!(is_signed_in(&store, [1; 32]));
}

#[test]
fn the_last_owner_stays() {
    let (_folder, store) = fresh();
    let owner = person(1, "owner", Role::LocalOwner);
    add(&store, &owner).unwrap();
    begin(&store, HASH, owner.id);
    let id = owner.id;
    let outcome = store.write_blocking(move |tx| tx.set_local_user_active(&Author::CONSOLE, id, false));
    assert!(matches!(outcome, Err(StoreError::Invalid(_))));
    assert!(is_signed_in(&store, HASH), "a refused change changes nothing");
}

#[test]
fn a_new_password_ends_all_other_sessions() {
    let (_folder, store) = fresh();
    let owner = person(1, "owner", Role::LocalOwner);
    add(&store, &owner).unwrap();
    for hash in [[1; 32], [2; 32], HASH] {
        begin(&store, hash, owner.id);
    }
    let id = owner.id;
    store.write_blocking(move |tx| tx.set_password(&Author::CONSOLE, id, "$new", Some(&HASH))).unwrap();
    assert!(is_signed_in(&store, HASH));
    assert!(!is_signed_in(&store, [1; 32]) && !is_signed_in(&store, [2; 32]));
}

#[test]
fn signing_in_stands_in_the_audit_log_and_the_password_does_not() {
    let (_folder, store) = fresh();
    let owner = person(1, "owner", Role::LocalOwner);
    add(&store, &owner).unwrap();
    begin(&store, HASH, owner.id);
    let rows = store.read_blocking(|tx| tx.audit_before(i64::MAX, 10)).unwrap();
    assert!(rows.iter().any(|row| row.action == "account.sign_in" && row.actor == ActorId::from(owner.id)));
    assert!(rows.iter().all(|row| !format!("{row:?}").contains("argon2id")));
}
