//! The client against a cloud of the protocol's own, over real sockets.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ed25519_dalek::VerifyingKey;
use shared_model::entity::{Company, Entity as _, Site, Weekday};
use shared_model::punch::{PunchId, Reading, Route};
use shared_model::text::{Code, Name};
use shared_model::zone::ZoneHistory;
use shared_model::{ClockSerial, CompanyId, EdgeId, FieldTag, Kind, Punch, RawTime, SiteId, UserCode};
use sync_protocol::body::{pack_message, unpack_message};
use sync_protocol::cloud::{Enrolled, Push, hello, pull, push_all, snapshot};
use sync_protocol::memory::{MemoryCloud, ready};
use sync_protocol::message::{
    EnrollReply, EnrollRequest, FeedRecord, Hello, PageHead, PageRequest, PushReply, Refusal, RefusalCode,
    Scope, SnapshotRequest,
};
use sync_protocol::{Dot, Limits, Origin, Record, Slot, sign};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use uuid::Uuid;

use super::enroll::{Application, EnrollError, enroll};
use super::status::Standing;
use super::*;
use crate::clock::{OsEntropy, SystemClock};
use crate::store::{Author, Delivered, Delivery, ReadTx};

/// Longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the cloud does wrong, counted down.
#[derive(Default)]
struct Faults {
    /// Pushes that are applied while their answers are lost.
    lose_answers: AtomicU32,
    /// Pushes that are refused as too many.
    refuse: AtomicU32,
    /// Pushes that are held until a later one has overtaken them.
    hold: AtomicU32,
    /// Tells that one has.
    overtaken: tokio::sync::Notify,
}

struct Cloud {
    store: Mutex<MemoryCloud>,
    enrolled: Mutex<Enrolled>,
    key: Mutex<Option<VerifyingKey>>,
    /// The cloud's clock less this machine's, milliseconds.
    offset: i64,
    faults: Faults,
    bodies: AtomicU32,
    hellos: AtomicU32,
    pulls: AtomicU32,
    digest: Mutex<Option<serde_json::Value>>,
    /// Told when the feed has grown.
    grown: tokio::sync::Notify,
}

impl Cloud {
    fn new(offset: i64) -> Arc<Self> {
        let edge = EdgeId::from_uuid(Uuid::from_u128(0xe));
        let limits = Limits { linger_ms: 20, record_linger_ms: 5, ..Limits::default() };
        let enrolled =
            Enrolled { edge, retired: false, scope: Scope::default(), scope_ver: 1, limits, not_before: 0 };
        Arc::new(Self {
            store: Mutex::new(MemoryCloud::new()),
            enrolled: Mutex::new(enrolled),
            key: Mutex::new(None),
            offset,
            faults: Faults::default(),
            bodies: AtomicU32::new(0),
            hellos: AtomicU32::new(0),
            pulls: AtomicU32::new(0),
            grown: tokio::sync::Notify::new(),
            digest: Mutex::new(None),
        })
    }

    async fn serve(self: &Arc<Self>, address: &str) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let router = Router::new()
            .route("/sync/v1/enroll", post(answer_enroll))
            .route("/sync/v1/hello", post(answer_hello))
            .route("/sync/v1/push", post(answer_push))
            .route("/sync/v1/pull", get(answer_pull))
            .route("/sync/v1/snapshot", get(answer_snapshot))
            .with_state(Arc::clone(self));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        (address, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }

    fn now(&self) -> i64 {
        SystemClock::start().now().timestamp_millis() + self.offset
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap, body: &[u8], key: &VerifyingKey) -> Option<Response> {
        self.check_as(&Method::POST, uri, headers, body, key)
    }

    fn check_as(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        key: &VerifyingKey,
    ) -> Option<Response> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let request = sign::Request {
            method: method.as_str(),
            path_and_query: uri.path_and_query().unwrap().as_str(),
            edge: text(sign::HEADER_EDGE).map(|edge| edge.parse().unwrap()),
            time_ms: text(sign::HEADER_TIME).unwrap().parse().unwrap(),
            body,
        };
        let verified = request.verify(key, text(sign::HEADER_SIGNATURE).unwrap(), self.now());
        verified.err().map(|refused| match refused {
            sign::Refused::Time { .. } => self.refuse(RefusalCode::Time),
            sign::Refused::Signature | sign::Refused::Key => self.refuse(RefusalCode::Signature),
        })
    }

    fn refuse(&self, error: RefusalCode) -> Response {
        let refusal =
            Refusal { error, message: String::new(), retry_after_ms: Some(1), server_time: self.now() };
        let status = StatusCode::from_u16(error.status()).unwrap();
        (status, serde_json::to_vec(&refusal).unwrap()).into_response()
    }

    fn ledger(&self) -> BTreeSet<PunchId> {
        self.store.lock().unwrap().ledger.keys().copied().collect()
    }
}

fn counted_down(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn answer_enroll(
    State(cloud): State<Arc<Cloud>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request: EnrollRequest = unpack_message(&body).unwrap();
    let key = sign::public_key(&request.public_key).unwrap();
    if let Some(refused) = cloud.check(&uri, &headers, &body, &key) {
        return refused;
    }
    if request.code != "GOOD" {
        return cloud.refuse(RefusalCode::Code);
    }
    *cloud.key.lock().unwrap() = Some(key);
    let reply = EnrollReply {
        edge_id: cloud.enrolled.lock().unwrap().edge,
        company_id: CompanyId::from_uuid(Uuid::from_u128(0xc)),
        company: "Padma Knit".into(),
        sites: vec![site_id()],
        records: vec![site_record()],
        bundle_key: None,
        server_time: cloud.now(),
    };
    pack_message(&reply).unwrap().into_response()
}

async fn answer_hello(
    State(cloud): State<Arc<Cloud>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = cloud.key.lock().unwrap().unwrap();
    if let Some(refused) = cloud.check(&uri, &headers, &body, &key) {
        return refused;
    }
    cloud.hellos.fetch_add(1, Ordering::SeqCst);
    let said: Hello = unpack_message(&body).unwrap();
    cloud.digest.lock().unwrap().clone_from(&said.digest);
    let enrolled = cloud.enrolled.lock().unwrap().clone();
    // A hello of the former enrolment may still be on its way when the agent is enrolled anew.
    match ready(hello(&mut *cloud.store.lock().unwrap(), &enrolled, &said, cloud.now())) {
        Ok(reply) => pack_message(&reply).unwrap().into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn answer_push(State(cloud): State<Arc<Cloud>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let key = cloud.key.lock().unwrap().unwrap();
    if let Some(refused) = cloud.check(&uri, &headers, &body, &key) {
        return refused;
    }
    if counted_down(&cloud.faults.refuse) {
        return cloud.refuse(RefusalCode::TooMany);
    }
    if counted_down(&cloud.faults.hold) {
        cloud.faults.overtaken.notified().await;
    }
    cloud.bodies.fetch_add(u32::try_from(body.len()).unwrap(), Ordering::SeqCst);
    let push = Push::parse(&body).unwrap();
    let enrolled = cloud.enrolled.lock().unwrap().clone();
    let replies =
        ready(push_all(&mut *cloud.store.lock().unwrap(), &[(&enrolled, &push)], cloud.now())).unwrap();
    cloud.grown.notify_waiters();
    if counted_down(&cloud.faults.lose_answers) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if matches!(replies[0], PushReply::Gap { .. }) {
        cloud.faults.overtaken.notify_one();
    }
    let taken = matches!(replies[0], PushReply::Ok { .. });
    let status = if taken { StatusCode::OK } else { StatusCode::CONFLICT };
    (status, pack_message(&replies[0]).unwrap()).into_response()
}

async fn answer_pull(
    State(cloud): State<Arc<Cloud>>,
    uri: Uri,
    headers: HeaderMap,
    Query(request): Query<PageRequest>,
) -> Response {
    let key = cloud.key.lock().unwrap().unwrap();
    if let Some(refused) = cloud.check_as(&Method::GET, &uri, &headers, &[], &key) {
        return refused;
    }
    cloud.pulls.fetch_add(1, Ordering::SeqCst);
    let until = tokio::time::Instant::now() + Duration::from_secs(request.wait.into());
    loop {
        let grown = cloud.grown.notified();
        let enrolled = cloud.enrolled.lock().unwrap().clone();
        let answer =
            ready(pull(&mut *cloud.store.lock().unwrap(), &enrolled, &request, cloud.now())).unwrap();
        let status = match answer.head {
            PageHead::Hello => StatusCode::CONFLICT,
            PageHead::Ok(page) if page.items == 0 && page.cursor == page.start && !page.more => {
                if tokio::time::timeout_at(until, grown).await.is_ok() {
                    continue;
                }
                StatusCode::OK
            }
            PageHead::Ok(_) => StatusCode::OK,
        };
        return (status, answer.body().unwrap()).into_response();
    }
}

async fn answer_snapshot(
    State(cloud): State<Arc<Cloud>>,
    uri: Uri,
    headers: HeaderMap,
    Query(request): Query<SnapshotRequest>,
) -> Response {
    let key = cloud.key.lock().unwrap().unwrap();
    if let Some(refused) = cloud.check_as(&Method::GET, &uri, &headers, &[], &key) {
        return refused;
    }
    let enrolled = cloud.enrolled.lock().unwrap().clone();
    let answer =
        ready(snapshot(&mut *cloud.store.lock().unwrap(), &enrolled, &request, cloud.now())).unwrap();
    answer.body().unwrap().into_response()
}

fn site_id() -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(0x51))
}

fn site_record() -> FeedRecord {
    let site = Site {
        name: Name::parse("Unit 1").unwrap(),
        code: Code::parse("U1").unwrap(),
        zones: ZoneHistory::single(chrono_tz::Tz::Asia__Dhaka),
        address: None,
        latitude_e7: None,
        longitude_e7: None,
        radius_m: None,
        active: true,
    };
    let dot = Dot::new(Origin::from_number(9).unwrap(), 1);
    let mut record = Record { fields: site.to_fields(), fseq: 1, ..Record::default() };
    for tag in record.fields.keys() {
        record.dots.0.insert(Slot::of(Kind::Site, *tag), dot);
    }
    record.consider(dot);
    FeedRecord::new(Kind::Site, site_id().uuid(), &record)
}

/// An agent with its folder.
struct Agent {
    folder: TempDir,
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Agent {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let (path, clock_too, entropy_too) =
            (folder.path().to_owned(), Arc::clone(&clock), Arc::clone(&entropy));
        let opened = tokio::task::spawn_blocking(move || Store::open(&path, clock_too, entropy_too));
        let store = opened.await.unwrap().unwrap();
        Self { folder, store, clock, entropy, stop: CancellationToken::new(), task: None }
    }

    async fn enroll(&self, address: SocketAddr, code: &str) -> Result<super::enroll::Enrolled, EnrollError> {
        let application = Application {
            url: format!("http://{address}").parse().unwrap(),
            code: code.to_owned(),
            name: "gate".to_owned(),
        };
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        enroll(&self.store, self.folder.path(), &CloudConfig::default(), clock, entropy, &application).await
    }

    fn run(&mut self) {
        let sync = Sync {
            folder: self.folder.path().to_owned(),
            store: self.store.clone(),
            cloud: CloudConfig::default(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        };
        self.task = Some(tokio::spawn(sync.run(self.stop.clone())));
    }

    async fn collect(&self, clock: &str, codes: std::ops::Range<u32>) {
        let serial = ClockSerial::parse(clock).unwrap();
        let raw_time = RawTime::from_seconds(1_795_000_000).unwrap();
        let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let punch = |code: u32| {
            let user_code = UserCode::parse(&code.to_string()).unwrap();
            Delivered::Punch(Punch {
                id: PunchId::of_clock(&serial, &user_code, raw_time),
                serial: serial.clone(),
                user_code,
                raw_time,
                zone: chrono_tz::Tz::UTC,
                instant: at,
                reading: Reading::default(),
                route: Route::Pull,
                received_at: at,
                raw: Box::default(),
            })
        };
        let delivery = Delivery {
            serial: serial.clone(),
            route: Route::Pull,
            after: None,
            rows: codes.map(punch).collect(),
        };
        self.store.write(move |tx| tx.take(&delivery)).await.unwrap();
    }

    /// Waits until the store says so; every change of sync's state is an event.
    async fn until(&self, what: &str, reached: impl Fn(&status::SyncStatus) -> bool) -> status::SyncStatus {
        let mut events = self.store.listen();
        let wait = async {
            loop {
                let status = self.store.read(ReadTx::sync_status).await.unwrap();
                if reached(&status) {
                    return status;
                }
                let _ = timeout(Duration::from_millis(200), events.recv()).await;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(status) => status,
            Err(_) => {
                let status = self.store.read(ReadTx::sync_status).await.unwrap();
                panic!("waited in vain until {what}: {status:?}")
            }
        }
    }

    /// Waits until a record of the store is as it should be.
    async fn until_record<E>(&self, id: E::Id, is: impl Fn(&E) -> bool)
    where
        E: shared_model::entity::Entity + Send + 'static,
        E::Id: Copy + Send + 'static,
    {
        let mut events = self.store.listen();
        let wait = async {
            loop {
                let found = self.store.read(move |tx| tx.record::<E>(id)).await.unwrap();
                if found.is_some_and(|found| is(&found.record)) {
                    return;
                }
                let _ = timeout(Duration::from_millis(200), events.recv()).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    }

    async fn until_sent(&self) {
        self.until("all is sent", |status| (status.ledger_backlog, status.record_backlog) == (0, 0)).await;
    }

    async fn end(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            timeout(PATIENCE, task).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn an_agent_is_enrolled_once_and_knows_its_site() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let agent = Agent::new().await;
    let wrong = agent.enroll(address, "WRONG").await.unwrap_err();
    assert!(
        matches!(&wrong, EnrollError::Client(client::ClientError::Refused(r)) if r.error == RefusalCode::Code),
        "{wrong}"
    );
    let enrolled = agent.enroll(address, " GOOD ").await.unwrap();
    assert_eq!((enrolled.site, enrolled.company_name.as_str()), (Some(site_id()), "Padma Knit"));
    let site = agent.store.read(|tx| tx.record::<Site>(site_id())).await.unwrap().unwrap();
    assert_eq!(site.record.zones, ZoneHistory::single(chrono_tz::Tz::Asia__Dhaka));
    assert!(matches!(agent.enroll(address, "GOOD").await, Err(EnrollError::Already(_))));
    let status = agent.store.read(ReadTx::sync_status).await.unwrap();
    assert_eq!((status.standing, status.edge), (Standing::Waiting, Some(enrolled.edge)));
    agent.end().await;
}

#[tokio::test]
async fn what_is_collected_before_and_after_enrolment_reaches_the_cloud() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.collect("A1", 0..1500).await;
    agent.run();
    agent.enroll(address, "GOOD").await.unwrap();
    agent.until_sent().await;
    agent.collect("A1", 1500..1503).await;
    agent.until_sent().await;
    assert_eq!(cloud.ledger().len(), 1503);
    let status = agent.until("it is well", |status| status.standing == Standing::Ok).await;
    assert!(status.last_exchange_ms.is_some() && status.oldest_unsent_ms.is_none());
    assert!(cloud.bodies.load(Ordering::SeqCst) < 8 * 1503);
    agent.end().await;
}

#[tokio::test]
async fn what_the_cloud_s_people_change_comes_down_while_pushes_go_on() {
    let cloud = Cloud::new(0);
    cloud.store.lock().unwrap().begin_life(Origin::from_number(9).unwrap());
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.run();
    agent.until("it is level", |status| status.clean > 0 || cloud.pulls.load(Ordering::SeqCst) > 1).await;
    let key = Uuid::from_u128(0xd1);
    let create = |name: &str| sync_protocol::memory::Edit {
        key: (Kind::Department, key),
        op: sync_protocol::Op::Create,
        saw: sync_protocol::VersionVector::new(),
        fields: [
            (FieldTag(1), serde_json::json!(name)),
            (FieldTag(2), serde_json::json!("D1")),
            (FieldTag(3), serde_json::json!("department")),
            (FieldTag(6), serde_json::json!(true)),
        ]
        .into(),
    };
    for nth in 0..30 {
        agent.collect("A1", nth * 10..nth * 10 + 10).await;
    }
    cloud.store.lock().unwrap().edit(&create("Sewing"), shared_model::ActorId::SYSTEM, None).unwrap();
    cloud.grown.notify_waiters();
    let id = shared_model::DepartmentId::from_uuid(key);
    agent.until_record::<shared_model::entity::Department>(id, |found| found.name.as_str() == "Sewing").await;
    agent.until_sent().await;
    // An own change comes back by the feed: it is no other disk's, however soon it is shown.
    for nth in 0..20 {
        agent
            .store
            .write(move |tx| {
                let known = tx.record::<shared_model::entity::Department>(id)?.unwrap();
                let mut new = known.record.clone();
                new.name = Name::parse(&format!("Sewing {nth}")).unwrap();
                tx.update(&crate::store::Author::CONSOLE, id, None, &new)
            })
            .await
            .unwrap();
        agent.until_sent().await;
    }
    agent.until("all is settled", |status| status.record_backlog == 0).await;
    assert_eq!(cloud.hellos.load(Ordering::SeqCst), 1, "one session did all of it");
    assert_eq!(cloud.ledger().len(), 300);
    agent.end().await;
}

#[tokio::test]
async fn each_clock_s_counters_go_with_the_hello() {
    let cloud = Cloud::new(0);
    cloud.enrolled.lock().unwrap().limits.idle_s = 1;
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.collect("A1", 0..7).await;
    agent.run();
    agent.until_sent().await;
    agent.collect("A1", 5..9).await;
    agent.collect("B2", 0..2).await;
    let told = |serial: &str, counter: &str| {
        let digest = cloud.digest.lock().unwrap();
        digest.as_ref().and_then(|digest| digest["clocks"][serial][counter].as_i64())
    };
    agent
        .until("the counters are told", |_| {
            told("A1", "ledger") == Some(9) && told("B2", "ledger") == Some(2)
        })
        .await;
    assert_eq!((told("A1", "read"), told("A1", "new"), told("A1", "repeat")), (Some(11), Some(9), Some(2)));
    agent.end().await;
}

#[tokio::test]
async fn an_hour_of_difference_between_the_clocks_does_not_matter() {
    let cloud = Cloud::new(3_600_000);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.collect("A1", 0..5).await;
    agent.run();
    agent.until_sent().await;
    let offset = agent.store.read(|tx| tx.meta(Meta::CLOUD_OFFSET_MS)).await.unwrap().unwrap();
    assert!((offset - 3_600_000).abs() < 60_000, "{offset}");
    agent.end().await;
}

#[tokio::test]
async fn lost_answers_and_refusals_are_got_over() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    cloud.faults.lose_answers.store(2, Ordering::SeqCst);
    cloud.faults.refuse.store(2, Ordering::SeqCst);
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.collect("A1", 0..2500).await;
    agent.run();
    agent.until_sent().await;
    assert_eq!(cloud.ledger().len(), 2500);
    assert_eq!(cloud.store.lock().unwrap().ledger_log.len(), 2500, "no row came twice");
    agent.end().await;
}

#[tokio::test]
async fn a_push_that_overtook_another_is_sent_again() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.collect("A1", 0..3500).await;
    cloud.faults.hold.store(1, Ordering::SeqCst);
    agent.run();
    agent.until_sent().await;
    assert_eq!(cloud.faults.hold.load(Ordering::SeqCst), 0, "one was held");
    assert_eq!(cloud.ledger().len(), 3500);
    assert_eq!(cloud.store.lock().unwrap().ledger_log.len(), 3500, "no row came twice");
    assert_eq!(cloud.hellos.load(Ordering::SeqCst), 1, "the session went on");
    agent.end().await;
}

#[tokio::test]
async fn a_cloud_that_comes_back_gets_everything() {
    let cloud = Cloud::new(0);
    let (address, server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    agent.collect("A1", 0..20).await;
    agent.run();
    let status = agent.until("the failure is told", |status| status.standing == Standing::Failing).await;
    assert!(status.last_error.unwrap().contains("cannot be reached"));
    assert_eq!(status.ledger_backlog, 20);
    let (_, _server) = cloud.serve(&address.to_string()).await;
    agent.until_sent().await;
    agent.until("the failure is forgotten", |status| status.standing == Standing::Ok).await;
    assert_eq!(cloud.ledger().len(), 20);
    agent.end().await;
}

#[tokio::test]
async fn an_agent_that_was_founded_alone_logs_no_punch_again_and_collects_meanwhile() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    let company = Company {
        name: Name::parse("Karnaphuli").unwrap(),
        week_starts_on: Weekday::Saturday,
        locale: Code::parse("en").unwrap(),
    };
    agent
        .store
        .write(move |tx| {
            tx.create(&Author::CONSOLE, CompanyId::from_uuid(Uuid::from_u128(0xf0)), &company).map(drop)
        })
        .await
        .unwrap();
    agent.collect("A1", 0..6000).await;
    agent.enroll(address, "GOOD").await.unwrap();
    let logged = "SELECT count(*) FROM ledger_log";
    let rows = |tx: &ReadTx| Ok(tx.connection().query_row(logged, [], |row| row.get::<_, i64>(0))?);
    assert_eq!(agent.store.read(rows).await.unwrap(), 6000);
    let status = agent.store.read(ReadTx::sync_status).await.unwrap();
    assert_eq!((status.ledger_backlog, status.former_lives), (6000, 1));

    // Answers get lost on the way, and the clocks go on.
    cloud.faults.lose_answers.store(2, Ordering::SeqCst);
    agent.run();
    agent.collect("A1", 6000..6500).await;
    agent.until_sent().await;
    assert_eq!(cloud.ledger().len(), 6500);
    assert_eq!(cloud.store.lock().unwrap().ledger_log.len(), 6500, "no row came twice");
    assert_eq!(agent.store.read(rows).await.unwrap(), 6500);
    agent.end().await;
}

#[tokio::test]
async fn a_retired_agent_says_so_keeps_collecting_and_can_be_enrolled_again() {
    let cloud = Cloud::new(0);
    let (address, _server) = cloud.serve("127.0.0.1:0").await;
    let mut agent = Agent::new().await;
    agent.enroll(address, "GOOD").await.unwrap();
    agent.collect("A1", 0..5).await;
    agent.run();
    agent.until_sent().await;

    cloud.enrolled.lock().unwrap().retired = true;
    agent.collect("A1", 5..9).await;
    let status = agent.until("it is retired", |status| status.standing == Standing::Retired).await;
    assert_eq!(status.ledger_backlog, 4);

    // A new enrolment is another edge for the cloud.
    let again = EdgeId::from_uuid(Uuid::from_u128(0xf));
    {
        let mut enrolled = cloud.enrolled.lock().unwrap();
        (enrolled.edge, enrolled.retired) = (again, false);
    }
    agent.enroll(address, "GOOD").await.unwrap();
    agent.until_sent().await;
    assert_eq!(cloud.ledger().len(), 9);
    let status = agent.until("it is well", |status| status.standing == Standing::Ok).await;
    assert_eq!((status.edge, status.former_lives), (Some(again), 1));
    agent.end().await;
}

#[tokio::test]
async fn another_program_at_the_address_is_told_from_a_cloud() {
    let router = Router::new().fallback(|| async { (StatusCode::NOT_FOUND, "<html>not here</html>") });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let agent = Agent::new().await;
    let error = agent.enroll(address, "GOOD").await.unwrap_err();
    assert!(error.to_string().contains("not the cloud answered with status 404"), "{error}");
    agent.end().await;
}
