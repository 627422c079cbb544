//! Power cuts: the edge, the cloud, PostgreSQL and clocks are killed at random moments and at named places, and
//! afterwards both ledgers hold exactly what the clocks kept. A build that answers before it commits is found out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use system_tests::binary::Variant;
use system_tests::fault;
use system_tests::product::Product;
use system_tests::seed::seeded;
use system_tests::setup::ZONE_MINUTES;
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

#[tokio::test]
async fn killed_at_each_named_place_nothing_is_lost_or_doubled() {
    let mut product = factory("places", Variant::FaultPoints, Variant::FaultPoints).unwrap();
    let folder = product.folder.path().to_owned();
    let log = fault::log(&folder);
    let log = log.to_str().unwrap();
    let edge = fault::points("edge-agent").unwrap();
    let cloud = fault::points("cloud-server").unwrap();
    let mut fired = BTreeSet::new();
    for (point, at_edge) in
        edge.iter().map(|point| (point, true)).chain(cloud.iter().map(|point| (point, false)))
    {
        let environment = [("MUSTER_FAULT", point.as_str()), ("MUSTER_FAULT_LOG", log)];
        if at_edge {
            product.edge.kill().unwrap();
            // A place that is passed at the start ends it before it listens.
            let _ = product.edge.run(&environment);
        } else {
            product.cloud.kill().unwrap();
            let _ = product.cloud.run(&environment);
        }
        until_async(&format!("{point} to be reached"), PATIENCE, async || {
            punches(&product, 1).await?;
            let ended = if at_edge { product.edge.process() } else { product.cloud.process() };
            ensure!(ended.is_some(), "started above");
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(fault::fired(&folder, point).then_some(()))
        })
        .await
        .unwrap();
        fired.insert(point.clone());
        if at_edge {
            product.edge.kill().unwrap();
            product.edge.run(&[]).unwrap();
        } else {
            product.cloud.kill().unwrap();
            product.cloud.run(&[]).unwrap();
        }
    }
    let places = product.settled(PATIENCE).await.unwrap();
    eprintln!("crash::places: {} fault points fired, each once: {fired:?}; {places}", fired.len());
    assert_eq!(fired.len(), edge.len() + cloud.len());
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
