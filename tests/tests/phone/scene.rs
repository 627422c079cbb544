//! A factory with one employee, people who decide, and edges in memory.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use chrono::{DateTime, SubsecRound as _, Utc};
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::grant::{self, NewGrant};
use cloud_server::store::user::NewUser;
use cloud_server::store::{CompanyAccess, TenantTx, mobile, own_change, record};
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};
use shared_model::access::Role;
use shared_model::entity::{
    Device, DeviceState, DirectionUse, Employee, EmployeeCategory, Roster, RosterBasis, ScopeKind, Shift,
    Transport,
};
use shared_model::record::Document;
use shared_model::text::{EmployeeCode, Name};
use shared_model::{Clock as _, ClockSerial, EmployeeId, FieldMap, Kind, PhonePunchId, ShiftId, UserId};
use shift_engine::{RosterPattern, Typed as _};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use sync_protocol::authority::{Bundle, Decision, GrantId};
use sync_protocol::edge::{About, After, Next, answered, open};
use sync_protocol::memory::{Edit, MemoryEdge};
use sync_protocol::message::{self, BundleHead, BundleRequest, Capabilities, HelloReply, Nonce};
use sync_protocol::{Op, Origin, Record, Stream, sign};
use system_tests::cloud_http::{CloudHttp, EdgeKey, Factory, author};
use uuid::Uuid;

/// The site's only clock.
pub(crate) const CLOCK: &str = "CLOCK1";

fn new_key() -> Uuid {
    shared_model::id::uuid_v7(&SystemClock, &OsEntropy)
}

pub(crate) struct Scene {
    pub(crate) cloud: CloudHttp,
    pub(crate) factory: Factory,
    pub(crate) employee: EmployeeId,
}

impl Scene {
    pub(crate) async fn start() -> Result<Self> {
        let cloud = CloudHttp::start().await?;
        let factory = cloud.factory("Padma Knit").await?;
        let employee = EmployeeId::mint(&SystemClock, &OsEntropy);
        let worker = Employee {
            code: EmployeeCode::parse("E-17")?,
            name: Name::parse("রহিমা খাতুন")?,
            site: factory.site,
            department: None,
            designation: None,
            category: EmployeeCategory::Worker,
            gender: None,
            joined: None,
            left: None,
            active: true,
            phone: None,
            card: None,
        };
        let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
        own_change::create(&mut tx, employee.uuid(), &worker, author()).await?;
        // Open hours, so that a punch counts whenever the test runs.
        let shift = ShiftId::mint(&SystemClock, &OsEntropy);
        let open = Shift {
            code: "O".parse()?,
            name: "Open".parse()?,
            definition: Document(json!({ "hours": { "open": { "expected_min": 480 } } })),
            active: true,
        };
        own_change::create(&mut tx, shift.uuid(), &open, author()).await?;
        let everybody = Roster {
            scope_kind: ScopeKind::Company,
            scope: None,
            basis: RosterBasis::Default,
            from: "2000-01-01".parse()?,
            to: None,
            pattern: RosterPattern::every_day(shift).to_document(),
        };
        own_change::create(&mut tx, new_key(), &everybody, author()).await?;
        let gate = Device {
            serial: ClockSerial::parse(CLOCK)?,
            name: "Gate".parse()?,
            site: factory.site,
            transport: Transport::Tcp,
            address: None,
            state: DeviceState::Active,
            zones: None,
            direction_use: DirectionUse::Ignore,
            model: None,
            firmware: None,
            set_time: false,
        };
        own_change::create(&mut tx, new_key(), &gate, author()).await?;
        tx.commit().await?;
        Ok(Self { cloud, factory, employee })
    }

    pub(crate) async fn begin(&self) -> Result<TenantTx> {
        Ok(self.cloud.store.begin(&CompanyAccess::of_system(self.factory.company)).await?)
    }

    pub(crate) async fn begin_as(&self, person: UserId) -> Result<TenantTx> {
        Ok(self.cloud.store.begin(&CompanyAccess::of_member(self.factory.company, person)).await?)
    }

    pub(crate) async fn database(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.cloud.database.superuser()).await?)
    }

    pub(crate) async fn phone_code(&self) -> Result<String> {
        let mut tx = self.begin().await?;
        let code = mobile::make_code(&mut tx, self.employee, author(), &OsEntropy).await?;
        tx.commit().await?;
        Ok(code.to_string())
    }

    pub(crate) async fn sign_out(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        mobile::sign_out_all(&mut tx, self.employee, author()).await?;
        Ok(tx.commit().await?)
    }

    /// Posts JSON to an endpoint of phones.
    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Result<(u16, Value)> {
        let url = format!("{}/api/v1/mobile/{path}", self.cloud.url());
        let mut request = system_tests::http::client()?.post(url).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    pub(crate) async fn sign_in(&self) -> Result<String> {
        let asked = json!({ "code": self.phone_code().await?, "phone": "pixel-1" });
        let (status, answer) = self.post("sessions", None, &asked).await?;
        assert_eq!(status, 201, "{answer}");
        Ok(answer["token"].as_str().context("a token")?.to_owned())
    }

    /// What a phone tells, a minute ago.
    pub(crate) fn told(&self) -> Value {
        json!({
            "client_id": new_key(),
            "at": SystemClock.now() - chrono::TimeDelta::minutes(1), "direction": "in",
            "latitude_e7": 238_103_000, "longitude_e7": 904_125_000, "accuracy_m": 12, "offline_s": 40,
        })
    }

    /// A punch that waits.
    pub(crate) async fn punched(&self) -> Result<PhonePunchId> {
        let token = self.sign_in().await?;
        let (status, answer) = self.post("punches", Some(&token), &self.told()).await?;
        assert_eq!(status, 201, "{answer}");
        Ok(answer["id"].as_str().context("an id")?.parse()?)
    }

    /// A site admin who may sign in and has no grant.
    pub(crate) async fn member(&self, email: &str) -> Result<UserId> {
        let id = UserId::mint(&SystemClock, &OsEntropy);
        let new = NewUser { id, email: email.to_owned(), name: Name::parse("Najma")?, operator: false };
        let token = self.cloud.store.add_user(&new, author(), &OsEntropy).await?;
        self.cloud.store.set_password(&token, "$argon2id$made-for-the-test", SystemClock.now()).await?;
        self.cloud.store.set_membership(id, self.factory.company, Role::SiteAdmin, author()).await?;
        Ok(id)
    }

    pub(crate) async fn grant(&self, person: UserId, from: DateTime<Utc>) -> Result<GrantId> {
        self.give(person, from, None).await
    }

    pub(crate) async fn grant_until(
        &self,
        person: UserId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<GrantId> {
        self.give(person, from, Some(to)).await
    }

    async fn give(&self, person: UserId, from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Result<GrantId> {
        let id = GrantId::from_uuid(new_key());
        let sites = Some(vec![self.factory.site]);
        let new = NewGrant { id, person, sites, departments: None, valid_from: from, valid_to: to };
        let mut tx = self.begin().await?;
        grant::give(&mut tx, &new, author(), &OsEntropy).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// A member who may decide.
    pub(crate) async fn approver(&self, email: &str) -> Result<UserId> {
        let person = self.member(email).await?;
        self.grant(person, SystemClock.now()).await?;
        Ok(person)
    }

    /// Phone punches in the cloud's ledger.
    pub(crate) async fn in_ledger(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM ledger WHERE serial = 'mobile'")
            .fetch_one(&mut self.database().await?)
            .await?)
    }

    pub(crate) async fn state(&self, id: PhonePunchId) -> Result<String> {
        Ok(sqlx::query_scalar("SELECT state FROM rec_phone_punch WHERE key = $1")
            .bind(id.uuid())
            .fetch_one(&mut self.database().await?)
            .await?)
    }

    async fn record(&self, id: PhonePunchId) -> Result<Record> {
        let mut tx = self.begin().await?;
        record::one(&mut tx, Kind::PhonePunch, id.uuid()).await?.context("the punch's record")
    }

    pub(crate) async fn fields(&self, id: PhonePunchId) -> Result<FieldMap> {
        Ok(self.record(id).await?.fields)
    }
}

pub(crate) async fn count(scene: &Scene, table: &'static str) -> Result<i64> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    Ok(sqlx::query_scalar(sql).fetch_one(&mut scene.database().await?).await?)
}

/// An enrolled edge with its disk in memory.
pub(crate) struct Edge {
    key: EdgeKey,
    bundle_key: VerifyingKey,
    disk: MemoryEdge,
}

impl Edge {
    pub(crate) async fn enrolled(scene: &Scene) -> Result<Self> {
        let mut key = EdgeKey::new();
        let code = scene.cloud.code(scene.factory).await?;
        let (status, reply) = scene.cloud.try_enrol(&key, &code).await?;
        assert_eq!(status, 200);
        let reply = reply.context("an answer")?;
        key.id = Some(reply.edge_id);
        let bundle_key = sign::public_key(&reply.bundle_key.context("the key of bundles")?)?;
        let disk = MemoryEdge::new(reply.edge_id, Origin::mint(&OsEntropy));
        Ok(Self { key, bundle_key, disk })
    }

    /// Fetches the bundle and checks its signature.
    pub(crate) async fn bundle(&self, scene: &Scene, has: BundleRequest) -> Result<Option<Bundle>> {
        let path = format!("{}?{}", message::BUNDLE, has.query());
        let time_ms = SystemClock.now().timestamp_millis();
        let request =
            sign::Request { method: "GET", path_and_query: &path, edge: self.key.id, time_ms, body: b"" };
        let response = system_tests::http::client()?
            .get(format!("{}{path}", scene.cloud.url()))
            .header(sign::HEADER_TIME, time_ms.to_string())
            .header(sign::HEADER_SIGNATURE, request.sign(&self.key.key))
            .header(sign::HEADER_EDGE, self.key.id.context("enrolled")?.to_string())
            .send()
            .await?;
        assert_eq!(response.status().as_u16(), 200);
        let (_, signed) = BundleHead::unpack(&response.bytes().await?)?;
        let edge = self.key.id.context("enrolled")?;
        let open = |signed: sync_protocol::authority::SignedBundle| {
            signed.open(&self.bundle_key, scene.factory.company, edge)
        };
        Ok(signed.map(open).transpose()?)
    }

    /// What a person decides here now, by the bundle that is in force.
    pub(crate) async fn decision(&self, scene: &Scene, by: UserId, approve: bool) -> Result<Decision> {
        let bundle = self.bundle(scene, BundleRequest::default()).await?.context("a bundle")?;
        let at = SystemClock.now().trunc_subsecs(3);
        let (epoch, bundle_at) = (bundle.epoch, Some(bundle.issued_at));
        Ok(Decision { approve, by, at, epoch, bundle_at, reason: None })
    }

    /// Logs a decision and sends it.
    pub(crate) async fn decide(
        &self,
        scene: &Scene,
        id: PhonePunchId,
        decision: &Decision,
        actor: UserId,
    ) -> Result<()> {
        self.change(scene, Op::Decide, id, decision.fields(), actor).await
    }

    /// Logs any change to a phone punch, whatever this edge may do, and sends it.
    pub(crate) async fn change(
        &self,
        scene: &Scene,
        op: Op,
        id: PhonePunchId,
        fields: FieldMap,
        actor: UserId,
    ) -> Result<()> {
        let key: (Kind, Uuid) = (Kind::PhonePunch, id.uuid());
        let mut saw = sync_protocol::VersionVector::new();
        if op != Op::Create {
            // As it came down, before anybody decided.
            let mut pending = scene.record(id).await?;
            pending.fields.insert(shared_model::entity::phone::STATE, json!("pending"));
            saw = pending.vv.clone();
            let mut disk = self.disk.image();
            disk.records.insert(key, pending);
            self.disk.restore(disk);
        }
        let edit = Edit { key, op, saw, fields };
        let written = self.disk.edit_as(&[edit], actor.into(), None);
        assert_eq!(written.len(), 1);
        self.sync(scene).await
    }

    /// Says hello and pushes everything.
    async fn sync(&self, scene: &Scene) -> Result<()> {
        let about =
            About { app_version: "0.1.0".into(), schema_ver: 1, capabilities: Capabilities::default() };
        let nonce = Nonce::draw(&OsEntropy);
        let said = open(&self.disk, &about, nonce, &BTreeMap::new(), 0).await?;
        let (status, reply) =
            scene.cloud.post_message::<_, HelloReply>(&self.key, message::HELLO, &said).await?;
        assert_eq!(status, 200);
        let reply = reply.context("an answer")?;
        let next = answered(&self.disk, &said, &reply, Origin::mint(&OsEntropy)).await?;
        let Next::Session(mut session) = next else { anyhow::bail!("no session: {next:?}") };
        while let Some(push) = session.next_push(&self.disk, Stream::Records, 0).await? {
            let (status, reply) = scene.cloud.post(&self.key, message::PUSH, push.body.clone()).await?;
            assert_eq!(status, 200);
            let after = push.taken(&self.disk, &reply.context("an answer")?).await?;
            assert_eq!(after, After::Continue);
        }
        Ok(())
    }
}
