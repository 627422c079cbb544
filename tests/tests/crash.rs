//! Power cuts: the edge, the cloud, PostgreSQL and clocks are killed at random moments and at each named place. What was
//! answered before is there after each, and in the end both ledgers hold exactly what the clocks kept. Builds that answer
//! before they commit are found out by the same kills.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use system_tests::binary::Variant;
use system_tests::fault;
use system_tests::ledger::Places;
use system_tests::product::Product;
use system_tests::promise::Broken;
use system_tests::seed::seeded;
use system_tests::setup::{self, Crew, ZONE_MINUTES};
use system_tests::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(180);
/// Kills at random moments.
const ROUNDS: u32 = 56;
/// Kills by which a build that answers too early must have been found out. Mostly the first few do it.
const TEETH_ROUNDS: u32 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Edge,
    Cloud,
    PostgreSql,
    Clock,
}

const VICTIMS: [Victim; 4] = [Victim::Edge, Victim::Cloud, Victim::PostgreSql, Victim::Clock];

/// A factory whose clocks have something to tell during the whole test.
fn factory(name: &str, edge: Variant, cloud: Variant) -> Result<Product> {
    let mut product = Product::start(name, edge, cloud)?;
    // Somebody owns the punches, so that days are worked out on both sides meanwhile.
    let crews = [1001, 3001, 5001].map(|first_code| Crew { first_code, people: 60 });
    setup::factory(&product.edge, product.folder.path(), &crews)?;
    let zone = ["--utc-offset-minutes", ZONE_MINUTES];
    let many = ["--records", "3000", "--users", "120"];
    product.add_tcp("SIMCRASH1", &[&many[..], &zone].concat())?;
    let medium = ["--stride", "16v", "--records", "500", "--users", "60", "--first-code", "3001"];
    product.add_tcp("SIMCRASH2", &[&medium[..], &zone].concat())?;
    let pushing = ["--records", "400", "--users", "60", "--first-code", "5001"];
    product.add_push("SIMCRASH3", &[&pushing[..], &zone].concat())?;
    Ok(product)
}

/// People punch at every clock.
async fn punches(product: &Product, count: u32) -> Result<()> {
    for clock in &product.clocks {
        clock.punch(count).await?;
    }
    Ok(())
}

/// Ends one victim, looks whether what it had answered is there, and lets it come back.
async fn kill(product: &mut Product, victim: Victim, round: u32) -> Result<()> {
    match victim {
        Victim::Edge => {
            product.edge.kill()?;
            product.edge_keeps_its_word().await?;
            product.edge.run(&[])
        }
        Victim::Cloud => {
            product.cloud.kill()?;
            product.cloud_keeps_its_word(|product| product.cloud.run(&[])).await
        }
        Victim::PostgreSql => {
            product.cloud.kill_postgres()?;
            // The cloud starts it again.
            product.cloud_keeps_its_word(|_| Ok(())).await
        }
        Victim::Clock => {
            let which = round as usize / VICTIMS.len() % product.clocks.len();
            product.clocks[which].kill()?;
            product.clocks[which].run()
        }
    }
}

/// What became of a factory in which something was killed again and again.
#[derive(Debug)]
struct Survived {
    kills: BTreeMap<Victim, u32>,
    places: Places,
}

/// Kills each victim in turn at random moments, so that a run cannot leave one out by chance.
async fn killed_at_random(
    name: &str,
    (edge, cloud): (Variant, Variant),
    rounds: u32,
    random: &mut ChaCha8Rng,
) -> Result<Survived> {
    let mut product = factory(name, edge, cloud)?;
    let mut kills = BTreeMap::new();
    for round in 0..rounds {
        punches(&product, random.random_range(1..6)).await?;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        let victim = VICTIMS[round as usize % VICTIMS.len()];
        kill(&mut product, victim, round).await?;
        *kills.entry(victim).or_insert(0) += 1;
    }
    punches(&product, 3).await?;
    let places = product.settled(PATIENCE).await?;
    Ok(Survived { kills, places })
}

#[tokio::test]
async fn killed_at_random_moments_nothing_is_lost_or_doubled() {
    let mut random = seeded("crash::random");
    let builds = (Variant::Plain, Variant::Plain);
    let Survived { kills, places } = killed_at_random("crash", builds, ROUNDS, &mut random).await.unwrap();
    eprintln!("crash::random: {ROUNDS} kills {kills:?}; {places}");
    assert_eq!(kills.len(), VICTIMS.len());
    assert!(kills.values().sum::<u32>() >= 50);
    assert!(places.agree());
}

/// Whom a build that answers before it commits has told that a punch is safe which is lost.
async fn found_out(name: &str, builds: (Variant, Variant)) -> Broken {
    let mut random = seeded(name);
    let outcome = killed_at_random(name, builds, TEETH_ROUNDS, &mut random).await;
    let Err(error) = outcome else {
        panic!(
            "no loss in {TEETH_ROUNDS} kills: these tests would not notice a build that answers too early"
        );
    };
    match error.downcast::<Broken>() {
        Ok(broken) => broken,
        Err(other) => panic!("{name} failed otherwise: {other:#}"),
    }
}

#[tokio::test]
async fn killed_at_random_moments_an_edge_that_answers_before_it_commits_is_found_out() {
    let broken = found_out("teeth-edge", (Variant::AckBeforeCommit, Variant::Plain)).await;
    eprintln!("crash::teeth-edge: {broken}");
    assert_eq!((broken.who.as_str(), broken.place), ("clock SIMCRASH3", "the edge's ledger"));
}

#[tokio::test]
async fn killed_at_random_moments_a_cloud_that_answers_before_it_commits_is_found_out() {
    let broken = found_out("teeth-cloud", (Variant::Plain, Variant::AckBeforeCommit)).await;
    eprintln!("crash::teeth-cloud: {broken}");
    assert_eq!((broken.who.as_str(), broken.place), ("the edge", "the cloud's ledger"));
}

/// Which process a named place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Edge,
    Cloud,
}

/// How work comes to a named place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// People punch.
    Punches,
    /// A session begins: after the other side was away.
    Session,
    /// A record changes at the edge, goes up, and comes back by the feed.
    Feed,
    /// An edge is enrolled, which happens to each once.
    Enrolment,
}

impl Way {
    fn to(point: &str) -> Self {
        if point.contains("enroll") {
            Self::Enrolment
        } else if point.contains("hello") {
            Self::Session
        } else if point.starts_with("feed.") || point.starts_with("pull.") {
            Self::Feed
        } else {
            Self::Punches
        }
    }

    /// At which passings the process is ended: all but an enrolment are met in the midst of work, too.
    const fn passings(self) -> &'static [u32] {
        match self {
            Self::Punches | Self::Session | Self::Feed => &[1, 3],
            Self::Enrolment => &[1],
        }
    }
}

/// Departments that were made to have something to exchange: each has a code of its own.
static DEPARTMENTS: AtomicU32 = AtomicU32::new(0);

/// Starts the process anew so that it ends at this place, gives it work until it has, and starts it again.
async fn end_at(product: &mut Product, point: &str, nth: u32, place: Where) -> Result<()> {
    let folder = product.folder.path().to_owned();
    let log = fault::log(&folder);
    if log.exists() {
        std::fs::remove_file(&log)?;
    }
    let plan = format!("{point}@{nth}");
    let environment =
        [("MUSTER_FAULT", plan.as_str()), ("MUSTER_FAULT_LOG", log.to_str().unwrap_or_default())];
    // A place that is passed at the start ends the process before it listens.
    let started = match place {
        Where::Edge => {
            product.edge.kill()?;
            product.edge.run(&environment)
        }
        Where::Cloud => {
            product.cloud.kill()?;
            product.cloud.run(&environment)
        }
    };
    if let Err(error) = started {
        ensure!(fault::fired(&folder, point), "{point}: {error:#}");
    }
    let way = Way::to(point);
    // Nobody enrols by himself: a second edge does, for the places on that way.
    let enrolling = (way == Way::Enrolment).then(|| setup::second_edge(product)).transpose()?;
    if let Some((edge, organisation)) = &enrolling {
        let at_edge: &[_] = if place == Where::Edge { &environment } else { &[] };
        let outcome = setup::enrol_with(edge, at_edge, &product.cloud.url()?, organisation);
        ensure!(outcome.is_err(), "{point}: one of the two ended and yet the edge was enrolled");
    }
    until_async(&format!("{plan} to be reached"), PATIENCE, async || {
        if fault::fired(&folder, point) {
            return Ok(Some(()));
        }
        punches(product, 1).await?;
        if way == Way::Feed {
            let code = format!("D{}", DEPARTMENTS.fetch_add(1, Ordering::Relaxed));
            // The agent may have ended by now, which the next look tells.
            let _ = product.edge.command(&[
                "department",
                "add",
                "--code",
                &code,
                "--name",
                &code,
                "--level",
                "department",
            ]);
        }
        if way == Way::Session {
            match place {
                Where::Edge => {
                    product.cloud.kill()?;
                    product.cloud.run(&[])?;
                }
                Where::Cloud => {
                    product.edge.kill()?;
                    product.edge.run(&[])?;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(None)
    })
    .await?;
    match place {
        Where::Edge => kill(product, Victim::Edge, 0).await?,
        Where::Cloud => kill(product, Victim::Cloud, 0).await?,
    }
    if let Some((edge, organisation)) = &enrolling {
        setup::enrol(edge, &product.cloud.url()?, organisation)?;
    }
    Ok(())
}

#[tokio::test]
async fn killed_at_each_named_place_nothing_is_lost_or_doubled() {
    let mut product = factory("places", Variant::FaultPoints, Variant::FaultPoints).unwrap();
    // Read from the sources: a new place cannot be left out.
    let edge = fault::points("edge-agent").unwrap();
    let cloud = fault::points("cloud-server").unwrap();
    let points = edge.iter().map(|point| (point, Where::Edge));
    let mut fired = BTreeMap::new();
    for (point, place) in points.chain(cloud.iter().map(|point| (point, Where::Cloud))) {
        for &nth in Way::to(point).passings() {
            end_at(&mut product, point, nth, place).await.unwrap();
            *fired.entry(point.as_str()).or_insert(0_u32) += 1;
        }
    }
    punches(&product, 3).await.unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    let times: u32 = fired.values().sum();
    eprintln!("crash::places: {} named places fired {times} times: {fired:?}; {places}", fired.len());
    assert_eq!(fired.len(), edge.len() + cloud.len());
    assert!(places.agree());
}
