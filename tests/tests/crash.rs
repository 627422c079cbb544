//! Power cuts: the edge, the cloud, PostgreSQL and clocks are killed at random moments and at named places, and
//! afterwards both ledgers hold exactly what the clocks kept. A build that answers before it commits is found out.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use system_tests::binary::Variant;
use system_tests::fault;
use system_tests::product::Product;
use system_tests::seed::seeded;
use system_tests::setup::{self, ZONE_MINUTES};
use system_tests::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(180);
/// Kills at random moments.
const ROUNDS: u32 = 56;

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

/// Ends one victim after a random delay and lets it come back.
async fn kill_one(product: &mut Product, victim: Victim, random: &mut ChaCha8Rng) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
    match victim {
        Victim::Edge => {
            product.edge.kill()?;
            product.edge.run(&[])
        }
        Victim::Cloud => {
            product.cloud.kill()?;
            product.cloud.run(&[])
        }
        Victim::PostgreSql => product.cloud.kill_postgres(),
        Victim::Clock => {
            let which = random.random_range(0..product.clocks.len());
            product.clocks[which].kill()?;
            product.clocks[which].run()
        }
    }
}

#[tokio::test]
async fn killed_at_random_moments_nothing_is_lost_or_doubled() {
    let mut random = seeded("crash::random");
    let mut product = factory("crash", Variant::Plain, Variant::Plain).unwrap();
    let mut kills = BTreeMap::new();
    for round in 0..ROUNDS {
        punches(&product, random.random_range(1..6)).await.unwrap();
        // Each victim in turn, so that a run cannot leave one out by chance.
        let victim = VICTIMS[round as usize % VICTIMS.len()];
        kill_one(&mut product, victim, &mut random).await.unwrap();
        *kills.entry(victim).or_insert(0_u32) += 1;
    }
    punches(&product, 3).await.unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    eprintln!("crash::random: {ROUNDS} kills {kills:?}; {places}");
    assert!(kills.values().sum::<u32>() >= 50);
}

/// Which process a named place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Edge,
    Cloud,
}

/// Starts the process anew so that it ends at this place, lets people punch until it has, and starts it again.
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
    // Nobody enrols by himself: a second edge does, for the places on that way.
    let enrolling = point.contains("enroll").then(|| setup::second_edge(product)).transpose()?;
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
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(None)
    })
    .await?;
    match place {
        Where::Edge => {
            product.edge.kill()?;
            product.edge.run(&[])?;
        }
        Where::Cloud => {
            product.cloud.kill()?;
            product.cloud.run(&[])?;
        }
    }
    if let Some((edge, organisation)) = &enrolling {
        setup::enrol(edge, &product.cloud.url()?, organisation)?;
    }
    Ok(())
}

#[tokio::test]
async fn killed_at_each_named_place_nothing_is_lost_or_doubled() {
    let mut product = factory("places", Variant::FaultPoints, Variant::FaultPoints).unwrap();
    let edge = fault::points("edge-agent").unwrap();
    let cloud = fault::points("cloud-server").unwrap();
    let mut fired = 0;
    let points = edge.iter().map(|point| (point, Where::Edge));
    for (point, place) in points.chain(cloud.iter().map(|point| (point, Where::Cloud))) {
        // An enrolment passes its places once; all others are met in the midst of work, too.
        let nths: &[u32] = if point.contains("enroll") { &[1] } else { &[1, 3] };
        for &nth in nths {
            end_at(&mut product, point, nth, place).await.unwrap();
            fired += 1;
        }
    }
    let places = product.settled(PATIENCE).await.unwrap();
    eprintln!(
        "crash::places: {} of {} named places fired, {fired} times: {edge:?} {cloud:?}; {places}",
        edge.len() + cloud.len(),
        edge.len() + cloud.len()
    );
    assert!(fired >= edge.len() + cloud.len());
}

#[tokio::test]
async fn a_build_that_answers_before_it_commits_is_found_out() {
    let mut random = seeded("crash::teeth");
    let mut product = factory("teeth", Variant::AckBeforeCommit, Variant::Plain).unwrap();
    for _ in 0..200 {
        let pushing = &product.clocks[2];
        let before = pushing.status().await.unwrap()["acknowledged"].as_u64().unwrap_or(0);
        pushing.punch(random.random_range(1..4)).await.unwrap();
        // Killed as soon as the clock believes that its punches are safe.
        until_async("an answer to the clock", PATIENCE, async || {
            let now = product.clocks[2].status().await?["acknowledged"].as_u64().unwrap_or(0);
            Ok((now > before).then_some(()))
        })
        .await
        .unwrap();
        product.edge.kill().unwrap();
        let sent = product.clocks[2].sent().unwrap().punches;
        let acknowledged =
            usize::try_from(product.clocks[2].status().await.unwrap()["acknowledged"].as_u64().unwrap())
                .unwrap();
        let held = product.edge.ledger().unwrap();
        let kept = sent.intersection(&held).count();
        product.edge.run(&[]).unwrap();
        if acknowledged > kept {
            eprintln!("crash::teeth: {acknowledged} answered, {kept} in the ledger");
            return;
        }
    }
    panic!("no loss in 200 kills: this harness would not notice a build that answers too early");
}
