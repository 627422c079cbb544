use ed25519_dalek::SigningKey;
use serde_json::json;
use shared_model::access::Role;
use shared_model::entity::{Entity as _, PhoneDirection};
use shared_model::text::Code;
use shared_model::{CompanyId, EdgeId, SiteId};
use sync_protocol::authority::{Bundle, BundlePerson, Grant, GrantId};
use sync_protocol::message::FeedRecord;
use sync_protocol::{Dot, Origin, Record, Slot};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::store::tests::{create, employee, open, site};
use crate::store::{Store, Via};

const CLOUD: i64 = 99;

fn company() -> CompanyId {
    CompanyId::from_uuid(Uuid::from_u128(1))
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn by(number: u128) -> Author {
    Author { actor: user(number).into(), via: Via::Ui }
}

/// An agent with a person whose phone punch waits, and user 4 who may decide about him.
struct Scene {
    _folder: TempDir,
    store: Store,
    site: SiteId,
    employee: EmployeeId,
    id: PhonePunchId,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        let mut place = site();
        (place.latitude_e7, place.longitude_e7, place.radius_m) =
            (Some(238_103_000), Some(904_125_000), Some(200));
        let site = create(&store, place).unwrap();
        let employee = create(&store, employee(site, "E-17")).unwrap();
        store.write_blocking(|tx| tx.set_meta(Meta::COMPANY, &company())).unwrap();
        let scene =
            Self { _folder: folder, store, site, employee, id: PhonePunchId::from_uuid(Uuid::from_u128(8)) };
        scene.put(RequestState::Pending, 7);
        scene.grant("2026-11-20T05:00:00Z", None);
        scene
    }

    fn punch(&self, state: RequestState) -> PhonePunch {
        PhonePunch {
            employee: self.employee,
            site: self.site,
            department: None,
            instant: "2026-11-20T02:58:07Z".parse().unwrap(),
            zone: Code::parse("Asia/Dhaka").unwrap(),
            direction: PhoneDirection::In,
            latitude_e7: Some(238_113_000),
            longitude_e7: Some(904_125_000),
            accuracy_m: Some(12),
            phone: Code::parse("pixel-1").unwrap(),
            client_id: Uuid::from_u128(9),
            offline_s: 40,
            received_at: "2026-11-20T02:58:47Z".parse().unwrap(),
            state,
            decided_by: None,
            decided_at: None,
            epoch: None,
            bundle_at: None,
            reason: None,
        }
    }

    /// The record as the feed brings it.
    fn put(&self, state: RequestState, fseq: i64) {
        let mut record = Record { fields: self.punch(state).to_fields(), fseq, ..Record::default() };
        record.fields.retain(|_, value| !value.is_null());
        let dot = Dot::new(Origin::from_number(CLOUD).unwrap(), 1);
        for tag in record.fields.keys() {
            record.dots.0.insert(Slot::of(Kind::PhonePunch, *tag), dot);
        }
        record.consider(dot);
        let sent = FeedRecord::new(Kind::PhonePunch, self.id.uuid(), &record);
        assert!(self.store.write_blocking(move |tx| tx.take_from_feed(sent)).unwrap());
    }

    fn grant(&self, issued_at: &str, himself: Option<EmployeeId>) {
        let bundle = Bundle {
            company: company(),
            edge: EdgeId::from_uuid(Uuid::from_u128(0xe)),
            epoch: 3,
            issued_at: issued_at.parse().unwrap(),
            people: vec![BundlePerson {
                id: user(4),
                email: "hr@padma.example".to_owned(),
                name: "Najma".to_owned(),
                role: Role::SiteAdmin,
                password: Some("phc".to_owned()),
                employee: himself,
            }],
            grants: vec![Grant {
                id: GrantId::from_uuid(Uuid::from_u128(90)),
                person: user(4),
                sites: Some(vec![self.site]),
                departments: None,
                valid_from: "2026-11-01T00:00:00Z".parse().unwrap(),
                valid_to: None,
                since_epoch: 2,
                revoked_at: None,
            }],
        };
        let signed = bundle.sign(&SigningKey::from_bytes(&[7; 32]));
        self.store.write_blocking(move |tx| tx.take_bundle(&signed, &bundle)).unwrap().unwrap();
    }

    fn decide(&self, who: u128, approve: bool) -> Result<(), NotDecided> {
        let (id, author) = (self.id, by(who));
        self.store.write_blocking(move |tx| tx.decide_phone_punch(&author, id, approve, None)).unwrap()
    }

    fn waiting(&self) -> Vec<ListedPunch> {
        self.store.read_blocking(ReadTx::waiting_phone_punches).unwrap()
    }

    fn decided(&self) -> Vec<ListedPunch> {
        self.store.read_blocking(|tx| tx.decided_phone_punches(DateTime::UNIX_EPOCH)).unwrap()
    }

    fn counted(&self) -> Vec<StoredPunch> {
        let (employee, date) = (self.employee, "2026-11-20".parse().unwrap());
        self.store.read_blocking(move |tx| tx.approved_not_in_ledger(employee, date, date)).unwrap()
    }
}

#[test]
fn it_waits_with_what_whoever_decides_wants_to_see() {
    let scene = Scene::new();
    let [listed] = scene.waiting().try_into().unwrap();
    assert_eq!(listed.employee.unwrap().code.as_str(), "E-17");
    assert_eq!(listed.distance_m, Some((112, 200)), "0.0001 degrees of latitude are eleven metres");
    assert_eq!((listed.history, listed.decided), ((0, 0), None));
    assert_eq!(scene.counted(), vec![], "what waits does not count");
}

#[test]
fn approved_here_it_counts_at_once_and_not_twice_when_the_ledger_has_it() {
    let scene = Scene::new();
    scene.decide(4, true).unwrap();
    assert_eq!(scene.waiting(), vec![]);
    let [listed] = scene.decided().try_into().unwrap();
    let own = listed.decided.unwrap();
    assert_eq!((own.standing, own.name.as_str()), (Standing::Here, "Najma"));
    assert_eq!((own.decision.epoch, own.decision.by), (3, user(4)));
    assert_eq!(own.decision.bundle_at, Some("2026-11-20T05:00:00Z".parse().unwrap()));
    let [counted] = scene.counted().try_into().unwrap();
    assert_eq!(counted.raw_time.to_string(), "2026-11-20 08:58:07");
    let punch = scene.punch(RequestState::Approved).punch(company(), scene.id).unwrap();
    assert_eq!(counted.id, punch.id);
    scene
        .store
        .write_blocking(|tx| {
            let code = shared_model::UserCode::parse("x").unwrap();
            tx.ask_recompute(&crate::store::RecomputeScope::Code(code), crate::store::DateSpan::ALWAYS)
        })
        .unwrap();

    assert_eq!(scene.decide(4, false), Err(NotDecided::Already(RequestState::Approved)));
    let row: (i64, i64) = scene
        .store
        .read_blocking(|tx| {
            Ok(tx.connection().query_row(
                "SELECT kind, op FROM oplog ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?)
        })
        .unwrap();
    assert_eq!(row, (17, 5), "a change row like any other");
}

#[test]
fn rejected_here_it_leaves_the_list_that_waits_and_does_not_count() {
    let scene = Scene::new();
    scene.decide(4, false).unwrap();
    assert_eq!((scene.waiting(), scene.counted()), (vec![], vec![]));
    assert_eq!(scene.decided().len(), 1, "until the cloud has confirmed it");
}

#[test]
fn nobody_decides_here_without_the_right() {
    let scene = Scene::new();
    assert_eq!(scene.decide(5, true), Err(NotDecided::Refused(Refusal::Forged)), "not in the bundle");
    let console = Author::CONSOLE;
    let id = scene.id;
    let by_console =
        scene.store.write_blocking(move |tx| tx.decide_phone_punch(&console, id, true, None)).unwrap();
    assert_eq!(by_console, Err(NotDecided::Refused(Refusal::Forged)));
    scene.grant("2026-11-20T05:30:00Z", Some(scene.employee));
    assert_eq!(scene.decide(4, true), Err(NotDecided::Refused(Refusal::OwnPunch)));
    assert_eq!(scene.waiting().len(), 1);
}

#[test]
fn a_lease_that_ended_decides_nothing() {
    let scene = Scene::new();
    let later = sync_protocol::Hlc::at("2026-11-27T05:00:00Z".parse().unwrap());
    scene.store.write_blocking(move |tx| tx.set_meta(Meta::HLC, &later)).unwrap();
    assert_eq!(scene.decide(4, true), Err(NotDecided::Refused(Refusal::Lease)));
}

#[test]
fn an_agent_makes_and_edits_no_phone_punch() {
    let scene = Scene::new();
    let forged = PhonePunchId::from_uuid(Uuid::from_u128(70));
    let record = scene.punch(RequestState::Approved);
    let made = scene.store.write_blocking(move |tx| tx.create(&by(4), forged, &record));
    assert!(matches!(made, Err(StoreError::Invalid(_))), "{made:?}");
    let (kind, key) = (Kind::PhonePunch, scene.id.uuid());
    let fields = FieldMap::from([(shared_model::FieldTag(4), json!("2026-11-20T01:00:00Z"))]);
    let edit = Edit { kind, key, op: Op::Update, seen: None, fields, resolves: None };
    let edited = scene.store.write_blocking(move |tx| tx.change(&by(4), edit));
    assert!(matches!(edited, Err(StoreError::Invalid(_))), "{edited:?}");
}
