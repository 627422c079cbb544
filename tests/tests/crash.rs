//! Power cuts: the edge, the cloud, PostgreSQL and clocks are killed at random moments, and afterwards both ledgers
//! hold exactly what the clocks kept.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use system_tests::binary::Variant;
use system_tests::product::Product;
use system_tests::seed::seeded;
use system_tests::setup::ZONE_MINUTES;

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
