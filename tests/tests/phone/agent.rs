//! An edge agent's own store, enrolled and in exchange with the cloud by the agent's own code.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use chrono_tz::Tz;
use edge_agent::attendance::Attendance;
use edge_agent::clock::{OsEntropy, SystemClock};
use edge_agent::config::CloudConfig;
use edge_agent::store::{Author, Delivered, Delivery, ListedPunch, Meta, NotDecided, ReadTx, Store, Via};
use edge_agent::sync::bundle::Fetched;
use edge_agent::sync::enroll::{Application, enroll};
use edge_agent::sync::{Sync, key};
use shared_model::punch::Reading;
use shared_model::{
    Clock, ClockSerial, Entropy, PhonePunchId, Punch, PunchId, RawTime, Route, UserCode, UserId,
};
use sync_protocol::edge::{About, After, AfterPull, Next, Session, answered_with_feed, open};
use sync_protocol::message::{self, Capabilities, HelloReply, Nonce, PushReply};
use sync_protocol::{Origin, Stream};
use system_tests::cloud_http::EdgeKey;
use tempfile::TempDir;

use crate::scene::{CLOCK, Scene};

pub(crate) struct Agent {
    _folder: TempDir,
    pub(crate) store: Store,
    pub(crate) sync: Sync,
    key: EdgeKey,
}

impl Agent {
    /// Enrols, fetches people and grants, and takes everything down.
    pub(crate) async fn enrolled(scene: &Scene) -> Result<Self> {
        let folder = TempDir::new()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let opened = (folder.path().to_owned(), Arc::clone(&clock), Arc::clone(&entropy));
        let store = tokio::task::spawn_blocking(move || Store::open(&opened.0, opened.1, opened.2)).await??;
        let application = Application {
            url: scene.cloud.url().parse()?,
            code: scene.cloud.code(scene.factory).await?,
            name: "gate".to_owned(),
        };
        let cloud = CloudConfig::default();
        let (path, c, e) = (folder.path(), Arc::clone(&clock), Arc::clone(&entropy));
        let enrolled = enroll(&store, path, &cloud, c, e, &application).await?;
        let public = store.read(|tx| tx.meta(Meta::EDGE_KEY)).await?.context("a key")?;
        let key = EdgeKey { key: key::load(folder.path(), &public)?, id: Some(enrolled.edge) };
        let sync = Sync { folder: folder.path().to_owned(), store: store.clone(), cloud, clock, entropy };
        let agent = Self { _folder: folder, store, sync, key };
        assert_eq!(agent.sync.fetch_bundle().await?, Fetched::Taken);
        agent.exchange(scene).await?;
        agent.clock_punch().await?;
        Ok(agent)
    }

    /// Attendance of a site begins with the first punch of its clocks: one of a stranger, two days ago.
    async fn clock_punch(&self) -> Result<()> {
        let serial = ClockSerial::parse(CLOCK)?;
        let user_code = UserCode::parse("stranger")?;
        let instant = self.sync.clock.now() - chrono::TimeDelta::days(2);
        let raw_time = RawTime::new(instant.with_timezone(&Tz::Asia__Dhaka).naive_local());
        let punch = Punch {
            id: PunchId::of_clock(&serial, &user_code, raw_time),
            serial: serial.clone(),
            user_code,
            raw_time,
            zone: Tz::Asia__Dhaka,
            instant,
            reading: Reading::default(),
            route: Route::Pull,
            received_at: instant,
            raw: Box::default(),
        };
        let rows = vec![Delivered::Punch(punch)];
        let delivery = Delivery { serial, route: Route::Pull, after: None, rows };
        self.store.write(move |tx| tx.take(&delivery)).await?;
        Ok(())
    }

    /// Fetches people and grants where they are news.
    pub(crate) async fn fetch_bundle(&self) -> Result<Fetched> {
        Ok(self.sync.fetch_bundle().await?)
    }

    async fn session(&self, scene: &Scene) -> Result<Session> {
        for _ in 0..10 {
            let about = About {
                app_version: "0.1.0".into(),
                schema_ver: 1,
                capabilities: Capabilities::of(&[Capabilities::OBSERVATIONS, Capabilities::PULL]),
            };
            let said = open(&self.store, &about, Nonce::draw(&OsEntropy), &BTreeMap::new(), 0).await?;
            let answer = scene.cloud.post_message::<_, HelloReply>(&self.key, message::HELLO, &said).await?;
            let reply = answer.1.context("an answer")?;
            match answered_with_feed(&self.store, &said, &reply, Origin::mint(&OsEntropy)).await? {
                Next::Session(session) => return Ok(*session),
                Next::Forked { .. } | Next::Again(_) => {}
                Next::Stop(stop) => bail!("no session: {stop:?}"),
            }
        }
        bail!("no session after ten hellos")
    }

    /// Everything up, everything down.
    pub(crate) async fn exchange(&self, scene: &Scene) -> Result<()> {
        let mut session = self.session(scene).await?;
        for stream in Stream::ALL {
            while let Some(push) = session.next_push(&self.store, stream, 0).await? {
                let posted =
                    scene.cloud.post::<PushReply>(&self.key, message::PUSH, push.body.clone()).await?;
                ensure!(posted.0 == 200, "push answered {}", posted.0);
                let reply = posted.1.context("an answer")?;
                ensure!(push.taken(&self.store, &reply).await? == After::Continue);
            }
        }
        loop {
            let pull = session.next_pull(&self.store, 0).await?.context("nothing is owed")?;
            let (_, body) = scene.cloud.get_signed(&self.key, &pull.target()).await?;
            match session.pulled(&self.store, &pull, &body).await?? {
                AfterPull::More => {}
                AfterPull::Clean(_) => return Ok(()),
                AfterPull::Hello => bail!("the cloud asks for a hello"),
            }
        }
    }

    pub(crate) async fn decide(
        &self,
        id: PhonePunchId,
        person: UserId,
        approve: bool,
    ) -> Result<Result<(), NotDecided>> {
        let author = Author { actor: person.into(), via: Via::Ui };
        Ok(self.store.write(move |tx| tx.decide_phone_punch(&author, id, approve, None)).await?)
    }

    pub(crate) async fn waiting(&self) -> Result<Vec<ListedPunch>> {
        Ok(self.store.read(ReadTx::waiting_phone_punches).await?)
    }

    pub(crate) async fn decided(&self) -> Result<Vec<ListedPunch>> {
        let since = chrono::DateTime::UNIX_EPOCH;
        Ok(self.store.read(move |tx| tx.decided_phone_punches(since)).await?)
    }

    pub(crate) async fn count(&self, sql: &'static str) -> Result<i64> {
        Ok(self.store.read(move |tx| Ok(tx.connection().query_row(sql, [], |row| row.get(0))?)).await?)
    }

    /// Works attendance out, and returns on how many days somebody came.
    pub(crate) async fn worked_out(&self) -> Result<i64> {
        let mut attendance = Attendance::new(self.store.clone(), Arc::clone(&self.sync.clock));
        tokio::task::spawn_blocking(move || attendance.work_off()).await??;
        self.count("SELECT count(*) FROM attendance_day WHERE first_in IS NOT NULL OR last_out IS NOT NULL")
            .await
    }
}
