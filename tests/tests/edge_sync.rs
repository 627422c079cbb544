//! The edge's sync client and store against the cloud's endpoints and a real PostgreSQL, in one process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cloud_server::store::{CompanyAccess, edge};
use edge_agent::clock::{OsEntropy, SystemClock};
use edge_agent::config::CloudConfig;
use edge_agent::control::founding::{Founding, found};
use edge_agent::store::{
    Author, Delivered, Delivery, FILE, LifeCause, Meta, ReadTx, Store, StoreError, WriteTx,
};
use edge_agent::sync::Sync;
use edge_agent::sync::boot::{Found, TokenFile, check};
use edge_agent::sync::enroll::{Application, Enrolled, enroll};
use edge_agent::sync::key;
use edge_agent::sync::status::{Standing, SyncStatus, Trouble};
use shared_model::entity::{Company, Employee, EmployeeCategory, Roster, RosterBasis, ScopeKind, Site};
use shared_model::punch::Reading;
use shared_model::record::Document;
use shared_model::text::{Code, EmployeeCode, Line, Name};
use shared_model::{
    Clock, ClockSerial, EmployeeId, Entropy, FieldTag, Punch, PunchId, RawTime, RosterId, Route, SiteId,
    UserCode,
};
use sync_protocol::merge::FieldRule;
use system_tests::cloud_http::{CloudHttp, Factory};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name of a copy of the database.
const COPY: &str = "copy.db";

/// Puts the copy in the database's place, as somebody would who restores a backup.
fn put_back(folder: &TempDir) -> Result<()> {
    for rest in ["-wal", "-shm"] {
        let path = folder.path().join(format!("{FILE}{rest}"));
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    std::fs::copy(folder.path().join(COPY), folder.path().join(FILE))?;
    Ok(())
}

/// An agent's store and sync, without clocks and pages.
struct Agent {
    folder: TempDir,
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Agent {
    async fn new() -> Result<Self> {
        Self::on(TempDir::new()?).await
    }

    async fn on(folder: TempDir) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let (path, parts) = (folder.path().to_owned(), (Arc::clone(&clock), Arc::clone(&entropy)));
        let store = tokio::task::spawn_blocking(move || Store::open(&path, parts.0, parts.1)).await??;
        Ok(Self { folder, store, clock, entropy, running: None })
    }

    async fn enroll(&self, cloud: &CloudHttp, factory: Factory) -> Result<Enrolled> {
        let application = Application {
            url: cloud.url().parse()?,
            code: cloud.code(factory).await?,
            name: "gate".to_owned(),
        };
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let config = CloudConfig::default();
        let enrolled = enroll(&self.store, self.folder.path(), &config, clock, entropy, &application).await?;
        ensure!(enrolled.site == Some(factory.site) && enrolled.company == factory.company);
        Ok(enrolled)
    }

    fn run(&mut self) {
        let stop = CancellationToken::new();
        let sync = Sync {
            folder: self.folder.path().to_owned(),
            store: self.store.clone(),
            cloud: CloudConfig::default(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        };
        self.running = Some((stop.clone(), tokio::spawn(sync.run(stop))));
    }

    /// Stops, closes the database, and gives the folder back.
    async fn end(mut self) -> Result<TempDir> {
        if let Some((stop, task)) = self.running.take() {
            stop.cancel();
            timeout(PATIENCE, task).await??;
        }
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close()).await?;
        Ok(self.folder)
    }

    /// Copies the database as it is now.
    async fn copy(&self) -> Result<()> {
        let path = self.folder.path().join(COPY);
        Ok(self.store.read(move |tx| Ok(tx.connection().backup("main", path, None)?)).await?)
    }

    async fn collect(&self, codes: std::ops::Range<u32>) -> Result<()> {
        let serial = ClockSerial::parse("A1")?;
        let mut rows = Vec::new();
        for code in codes {
            let user_code = UserCode::parse(&code.to_string())?;
            let raw_time = RawTime::from_seconds(1_795_000_000 + i64::from(code)).context("in range")?;
            rows.push(Delivered::Punch(Punch {
                id: PunchId::of_clock(&serial, &user_code, raw_time),
                serial: serial.clone(),
                user_code,
                raw_time,
                zone: chrono_tz::Tz::Asia__Dhaka,
                instant: chrono::DateTime::from_timestamp(raw_time.seconds() - 21_600, 0)
                    .context("in range")?,
                reading: Reading { state: Some(1), verify: None, work_code: "7".into() },
                route: Route::Push,
                received_at: self.clock.now(),
                raw: Box::default(),
            }));
        }
        let delivery = Delivery { serial, route: Route::Push, after: None, rows };
        self.store.write(move |tx| tx.take(&delivery)).await?;
        Ok(())
    }

    async fn hire(&self, site: SiteId, code: &str) -> Result<EmployeeId> {
        let person = Employee {
            code: EmployeeCode::parse(code)?,
            name: Name::parse("Rahima Khatun")?,
            site,
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
        let hire = move |tx: &edge_agent::store::WriteTx| {
            let id = EmployeeId::mint(tx.clock(), tx.entropy());
            tx.create(&Author::CONSOLE, id, &person).map(|_| id)
        };
        Ok(self.store.write(hire).await?)
    }

    async fn rename(&self, id: EmployeeId, name: &str) -> Result<()> {
        let name = Name::parse(name)?;
        let rename = move |tx: &edge_agent::store::WriteTx| {
            let stored = tx.record::<Employee>(id)?;
            let Some(stored) = stored else { return Ok(None) };
            tx.update(&Author::CONSOLE, id, None, &Employee { name, ..stored.record })
        };
        ensure!(self.store.write(rename).await?.is_some());
        Ok(())
    }

    async fn status(&self) -> Result<SyncStatus> {
        Ok(self.store.read(ReadTx::sync_status).await?)
    }

    async fn until_sent(&self) -> Result<()> {
        let mut events = self.store.listen();
        let sent = async {
            loop {
                let status = self.status().await?;
                let waits = (status.ledger_backlog, status.record_backlog) != (0, 0);
                if !waits && status.standing == Standing::Ok {
                    return Ok(());
                }
                // An event may have been missed before we listened.
                let _ = timeout(Duration::from_millis(200), events.recv()).await;
            }
        };
        timeout(PATIENCE, sent).await.with_context(|| "waited in vain until all is sent")?
    }

    async fn ids(&self) -> Result<BTreeSet<PunchId>> {
        let ids = self.store.read(|tx| {
            let mut query = tx.connection().prepare("SELECT punch_id FROM ledger")?;
            let ids = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(ids)
        });
        Ok(ids.await?)
    }
}

impl Agent {
    /// Lets go of the cloud for a while.
    async fn pause(&mut self) -> Result<()> {
        if let Some((stop, task)) = self.running.take() {
            stop.cancel();
            timeout(PATIENCE, task).await??;
        }
        Ok(())
    }

    /// Waits until the store says so.
    async fn until<T, F>(&self, what: &str, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&ReadTx) -> Result<Option<T>, StoreError> + Clone + Send + 'static,
    {
        let mut events = self.store.listen();
        let wait = async {
            loop {
                if let Some(found) = self.store.read(look.clone()).await? {
                    return Ok(found);
                }
                // An event may have been missed before we listened.
                let _ = timeout(Duration::from_millis(200), events.recv()).await;
            }
        };
        timeout(PATIENCE, wait).await.with_context(|| format!("waited in vain until {what}"))?
    }

    async fn until_named(&self, id: EmployeeId, name: &'static str) -> Result<()> {
        self.until(&format!("the person is {name}"), move |tx| {
            let found = tx.record::<Employee>(id)?;
            Ok(found.filter(|found| found.record.name.as_str() == name).map(drop))
        })
        .await
    }

    async fn until_conflicts(&self, count: i64) -> Result<()> {
        self.until(&format!("there are {count} conflicts"), move |tx| {
            Ok((tx.open_conflict_count()? == count).then_some(()))
        })
        .await
    }
}

#[tokio::test]
async fn two_agents_and_the_cloud_agree_and_a_conflict_is_settled_by_hand() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let (mut gate, mut store) = (Agent::new().await?, Agent::new().await?);
    for agent in [&mut gate, &mut store] {
        agent.enroll(&cloud, factory).await?;
        agent.run();
    }
    let person = gate.hire(factory.site, "1001").await?;
    store.until_named(person, "Rahima Khatun").await?;

    // Both write without having seen the other's; the first to arrive stands.
    gate.pause().await?;
    store.pause().await?;
    gate.rename(person, "Rahima Begum").await?;
    store.rename(person, "Rahima Akter").await?;
    gate.run();
    gate.until_sent().await?;
    store.run();
    for agent in [&gate, &store] {
        agent.until_conflicts(1).await?;
        agent.until_named(person, "Rahima Begum").await?;
    }

    // Somebody at the agent that does not show its version wants it nevertheless.
    let row = store.store.read(|tx| tx.conflicts(true, 10)).await?.pop().context("the row")?;
    assert_eq!(row.arriving[&FieldTag(2)], "Rahima Akter");
    let id = row.id;
    store.store.write(move |tx| tx.settle_conflict(&Author::CONSOLE, id, FieldRule::Arriving)).await?;
    for agent in [&gate, &store] {
        agent.until_named(person, "Rahima Akter").await?;
        agent.until_conflicts(0).await?;
    }
    store.until_sent().await?;
    let seen = look(&cloud).await?;
    assert_eq!((seen.names, seen.quarantined), (BTreeSet::from(["Rahima Akter".to_owned()]), 0));
    gate.end().await?;
    store.end().await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_that_comes_late_is_filled_while_it_collects() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut first = Agent::new().await?;
    first.enroll(&cloud, factory).await?;
    first.run();
    for nth in 0..40 {
        first.hire(factory.site, &format!("{}", 1000 + nth)).await?;
    }
    first.until_sent().await?;
    let mut late = Agent::new().await?;
    late.collect(0..200).await?;
    late.enroll(&cloud, factory).await?;
    late.run();
    late.collect(200..300).await?;
    late.until("all people are there", |tx| Ok((tx.records::<Employee>()?.len() == 40).then_some(())))
        .await?;
    late.until_sent().await?;
    assert_eq!(look(&cloud).await?.ledger.len(), 300);
    late.until("it is level", |tx| {
        let status = tx.sync_status()?;
        Ok((!status.filling && status.clean > 0 && status.clean == status.cursor).then_some(()))
    })
    .await?;
    first.end().await?;
    late.end().await?;
    Ok(())
}

/// What the database holds, read as its superuser.
struct Seen {
    ledger: Vec<PunchId>,
    names: BTreeSet<String>,
    conflicts: i64,
    quarantined: i64,
    logged: i64,
}

async fn look(cloud: &CloudHttp) -> Result<Seen> {
    use sqlx::ConnectOptions as _;
    let mut database = cloud.database.superuser().connect().await?;
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT punch_id FROM ledger").fetch_all(&mut database).await?;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM rec_employee").fetch_all(&mut database).await?;
    Ok(Seen {
        ledger: ids.into_iter().map(PunchId::from_uuid).collect(),
        names: names.into_iter().collect(),
        conflicts: sqlx::query_scalar("SELECT count(*) FROM conflict").fetch_one(&mut database).await?,
        quarantined: sqlx::query_scalar("SELECT count(*) FROM quarantine").fetch_one(&mut database).await?,
        logged: sqlx::query_scalar("SELECT coalesce(sum(cardinality(punch_ids)), 0)::bigint FROM ledger_log")
            .fetch_one(&mut database)
            .await?,
    })
}

#[tokio::test]
async fn an_enrolled_agent_fills_the_cloud_once() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut agent = Agent::new().await?;
    agent.collect(0..1500).await?;
    agent.run();
    agent.enroll(&cloud, factory).await?;
    ensure!(
        agent.store.read(move |tx| tx.record::<Site>(factory.site)).await?.is_some(),
        "it knows its site"
    );
    let person = agent.hire(factory.site, "1001").await?;
    agent.until_sent().await?;
    agent.collect(1400..1600).await?;
    agent.rename(person, "Rahima Begum").await?;
    agent.until_sent().await?;

    let seen = look(&cloud).await?;
    assert_eq!(seen.ledger.len(), 1600);
    assert_eq!(seen.ledger.into_iter().collect::<BTreeSet<_>>(), agent.ids().await?);
    assert_eq!((seen.names, seen.conflicts), (BTreeSet::from(["Rahima Begum".to_owned()]), 0));
    assert_eq!((seen.quarantined, seen.logged), (0, 1600));
    agent.end().await?;
    Ok(())
}

/// What somebody sets up who has no cloud yet.
fn founding(site: &str) -> Result<Founding> {
    Ok(Founding {
        company: Name::parse("Padma Knit Composite")?,
        site: Name::parse("Main building")?,
        code: Code::parse(site)?,
        zone: chrono_tz::Tz::Asia__Dhaka,
        hours: None,
    })
}

#[tokio::test]
async fn what_was_founded_before_the_enrolment_becomes_the_company_s() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut agent = Agent::new().await?;
    agent.collect(0..300).await?;
    let founding = founding("HQ")?;
    let founded = agent.store.write(move |tx| found(tx, &Author::CONSOLE, &founding)).await?;
    let person = agent.hire(founded, "1001").await?;
    agent.rename(person, "Rahima Begum").await?;
    let scope = Roster {
        scope_kind: ScopeKind::Site,
        scope: Some(founded.uuid()),
        basis: RosterBasis::Default,
        from: "2026-01-01".parse()?,
        to: None,
        pattern: Document(serde_json::json!({ "kind": "none", "at": [founded.to_string()] })),
    };
    let roster = agent
        .store
        .write(move |tx: &WriteTx| {
            let id = RosterId::mint(tx.clock(), tx.entropy());
            tx.create(&Author::CONSOLE, id, &scope)?;
            // The site is moved and closed again before anybody hears of it.
            let stored = tx.record::<Site>(founded)?;
            if let Some(stored) = stored {
                let address = Line::parse("Plot 7, Gazipur").ok();
                tx.update(&Author::CONSOLE, founded, None, &Site { address, ..stored.record })?;
            }
            Ok(id)
        })
        .await?;
    let before = agent.ids().await?;

    let enrolled = agent.enroll(&cloud, factory).await?;
    let joined: Vec<_> =
        enrolled.joined.iter().map(|site| (site.here.as_str(), site.cloud.as_str())).collect();
    assert_eq!(joined, [("Main building (HQ)", "Padma Knit (F1)")], "it is told which site became which");
    let (own, sites, companies, employee, scope) = agent
        .store
        .read(move |tx| {
            Ok((
                tx.meta(Meta::SITE)?,
                tx.records::<Site>()?,
                tx.records::<Company>()?,
                tx.record::<Employee>(person)?,
                tx.record::<Roster>(roster)?,
            ))
        })
        .await?;
    assert_eq!(own, Some(factory.site));
    assert_eq!(sites.iter().map(|site| site.id).collect::<Vec<_>>(), [factory.site]);
    assert_eq!(companies.iter().map(|company| company.id).collect::<Vec<_>>(), [factory.company]);
    let site = &sites[0].record;
    assert_ne!(site.code.as_str(), "HQ", "where both say something, the cloud's counts");
    assert_eq!(
        site.address.as_ref().map(Line::as_str),
        Some("Plot 7, Gazipur"),
        "what it lacked is filled in"
    );
    assert_eq!(employee.context("the person")?.record.site, factory.site);
    let scope = scope.context("the roster")?.record;
    assert_eq!(scope.scope, Some(factory.site.uuid()));
    assert_eq!(scope.pattern.0["at"][0], factory.site.to_string());

    agent.run();
    agent.collect(300..310).await?;
    agent.rename(person, "Rahima Akter").await?;
    agent.until_sent().await?;
    let seen = look(&cloud).await?;
    assert_eq!((seen.ledger.len(), seen.logged), (310, 310));
    assert!(before.is_subset(&seen.ledger.into_iter().collect()));
    assert_eq!(seen.names, BTreeSet::from(["Rahima Akter".to_owned()]));
    assert_eq!(seen.quarantined, 0);
    // The company's name, the site's name and its code were said otherwise here.
    assert_eq!(seen.conflicts, 3);
    let sites = sites_of(&cloud).await?;
    let site = &agent.store.read(ReadTx::records::<Site>).await?[0].record;
    assert_eq!(sites, [(factory.site.uuid(), site.name.to_string(), Some("Plot 7, Gazipur".to_owned()))]);
    agent.end().await?;
    Ok(())
}

/// The living sites in the cloud: key, name, address.
async fn sites_of(cloud: &CloudHttp) -> Result<Vec<(uuid::Uuid, String, Option<String>)>> {
    use sqlx::ConnectOptions as _;
    let mut database = cloud.database.superuser().connect().await?;
    let sql = "SELECT key, name, address FROM rec_site WHERE deleted_dot IS NULL ORDER BY key";
    Ok(sqlx::query_as(sql).fetch_all(&mut database).await?)
}

#[tokio::test]
async fn a_second_site_founded_here_stays_a_site_of_its_own() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut agent = Agent::new().await?;
    let (own, other) = (founding("HQ")?, founding("STORE")?);
    let second = agent
        .store
        .write(move |tx| {
            let first = found(tx, &Author::CONSOLE, &own)?;
            let record = tx.record::<Site>(first)?;
            let id = SiteId::mint(tx.clock(), tx.entropy());
            if let Some(record) = record {
                let site = Site { code: other.code, name: other.site, ..record.record };
                tx.create(&Author::CONSOLE, id, &site)?;
            }
            Ok(id)
        })
        .await?;
    agent.hire(second, "2001").await?;
    agent.enroll(&cloud, factory).await?;
    agent.run();
    agent.until_sent().await?;
    let keys: BTreeSet<_> = sites_of(&cloud).await?.into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, BTreeSet::from([factory.site.uuid(), second.uuid()]));
    assert_eq!(look(&cloud).await?.quarantined, 0);
    agent.end().await?;
    Ok(())
}

#[tokio::test]
async fn a_data_folder_put_back_from_a_copy_loses_nothing() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut agent = Agent::new().await?;
    agent.enroll(&cloud, factory).await?;
    agent.run();
    agent.collect(0..600).await?;
    let person = agent.hire(factory.site, "1001").await?;
    agent.until_sent().await?;
    agent.copy().await?;
    agent.collect(600..650).await?;
    agent.hire(factory.site, "1002").await?;
    agent.until_sent().await?;
    let folder = agent.end().await?;
    put_back(&folder)?;

    // The copy does not know the rows that came after it; it writes others in their places.
    let mut agent = Agent::on(folder).await?;
    agent.collect(900..930).await?;
    agent.rename(person, "Rahima Begum").await?;
    agent.run();
    agent.until_sent().await?;
    let seen = look(&cloud).await?;
    let expected: BTreeSet<u32> = (0..650).chain(900..930).collect();
    assert_eq!((seen.ledger.len(), seen.conflicts, seen.quarantined), (expected.len(), 0, 0));
    assert_eq!(seen.names, BTreeSet::from(["Rahima Begum".to_owned(), "Rahima Khatun".to_owned()]));
    let status = agent.status().await?;
    assert_eq!(status.former_lives, 1);
    // Both sides say that it happened.
    let life = status.new_life.context("the agent tells of its new life")?;
    assert_eq!((life.cause, Some(life.origin)), (LifeCause::Copied, status.origin));
    let told = |tx: &ReadTx| tx.audit_before(i64::MAX, 1000);
    let rows = agent.store.read(told).await?;
    assert_eq!(rows.iter().filter(|row| row.action == "sync.new_life").count(), 1);
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let edges = edge::list(&mut tx).await?;
    let noted: Vec<bool> = edges.iter().map(|edge| edge.new_life.is_some()).collect();
    assert_eq!(noted, [true]);
    let audited: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'edge.new_life'")
        .fetch_one(tx.connection())
        .await?;
    assert_eq!(audited, 1);
    agent.end().await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_that_the_cloud_does_not_know_any_more_is_told_and_enrols_again() -> Result<()> {
    use sqlx::ConnectOptions as _;
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let mut agent = Agent::new().await?;
    // A code that is refused leaves no key behind.
    let application = Application {
        url: cloud.url().parse()?,
        code: "0000-0000-0000-0000-0000".into(),
        name: "gate".into(),
    };
    let (clock, entropy) = (Arc::clone(&agent.clock), Arc::clone(&agent.entropy));
    let config = CloudConfig::default();
    let refused = enroll(&agent.store, agent.folder.path(), &config, clock, entropy, &application).await;
    assert!(refused.is_err());
    let keys = std::fs::read_dir(agent.folder.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(key::FILE));
    assert_eq!(keys.collect::<Vec<_>>(), Vec::<String>::new());

    agent.enroll(&cloud, factory).await?;
    assert!(agent.enroll(&cloud, factory).await.is_err(), "enrolled already");
    agent.collect(0..20).await?;
    let mut database = cloud.database.superuser().connect().await?;
    sqlx::raw_sql("DELETE FROM edge_key").execute(&mut database).await?;
    agent.run();
    let mut events = agent.store.listen();
    let told = async {
        while agent.status().await?.trouble != Some(Trouble::Unknown) {
            let _ = timeout(Duration::from_millis(200), events.recv()).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, told).await??;
    agent.enroll(&cloud, factory).await?;
    agent.until_sent().await?;
    let seen = look(&cloud).await?;
    assert_eq!(seen.ledger.into_iter().collect::<BTreeSet<_>>(), agent.ids().await?);
    let status = agent.status().await?;
    assert_eq!((status.trouble, status.new_life), (None, None), "an enrolment is no alarm");
    agent.end().await?;
    Ok(())
}

#[tokio::test]
async fn a_copy_that_is_found_before_it_writes_begins_a_new_life_offline() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Padma Knit").await?;
    let agent = Agent::new().await?;
    agent.enroll(&cloud, factory).await?;
    let check_boot = |agent: &Agent| {
        let (store, file, entropy) =
            (agent.store.clone(), TokenFile::of(agent.folder.path()), Arc::clone(&agent.entropy));
        tokio::task::spawn_blocking(move || check(&store, &file, &*entropy))
    };
    assert_eq!(check_boot(&agent).await??, Found::First);
    agent.collect(0..10).await?;
    agent.copy().await?;
    let folder = agent.end().await?;
    let agent = Agent::on(folder).await?;
    assert_eq!(check_boot(&agent).await??, Found::Same);
    let folder = agent.end().await?;
    put_back(&folder)?;

    let mut agent = Agent::on(folder).await?;
    assert!(matches!(check_boot(&agent).await??, Found::Another { .. }));
    agent.run();
    agent.until_sent().await?;
    let seen = look(&cloud).await?;
    assert_eq!((seen.ledger.len(), seen.logged), (10, 10));
    let life = agent.status().await?.new_life.context("the agent tells of its new life")?;
    assert_eq!(life.cause, LifeCause::Replaced);
    agent.end().await?;
    Ok(())
}
