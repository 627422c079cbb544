//! An agent that worked alone for a while, set up on its own, and then joins a company.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use system_tests::binary::Variant;
use system_tests::clock::SimulatedClock;
use system_tests::cloud::Cloud;
use system_tests::demo::check;
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;
use system_tests::product::Product;
use system_tests::setup::{self, Crew, ZONE, ZONE_MINUTES};
use system_tests::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(180);

fn text(answer: &Value, name: &str) -> Result<String> {
    Ok(answer[name].as_str().with_context(|| format!("no {name} in {answer}"))?.to_owned())
}

#[tokio::test]
async fn an_agent_that_worked_alone_joins_with_all_it_has() -> Result<()> {
    let folder = RunFolder::new("founded")?;
    let logs = folder.sub("logs")?;
    let mut edge = Edge::new(&folder.sub("edge")?, &logs, Variant::Plain);
    edge.run(&[])?;
    edge.command(&["company", "set", "--name", "Karnaphuli"])?;
    let own = text(
        &edge.command(&["site", "set", "--code", "KG", "--name", "Main building", "--zone", ZONE])?,
        "id",
    )?;
    setup::factory(&edge, &folder.sub("seed")?, &[Crew { first_code: 1001, people: 40 }])?;
    let arguments = ["--records", "560", "--users", "40", "--utc-offset-minutes", ZONE_MINUTES];
    let clock = SimulatedClock::tcp("SIMALONE1", &folder.sub("clocks")?, &arguments)?;
    setup::add_tcp(&edge, &clock)?;
    clock.punch(3).await?;
    let alone = clock.wait_for(563, PATIENCE)?;
    until_async("the edge to hold what the clock kept", PATIENCE, async || {
        Ok((edge.ledger()? == alone.punches).then_some(()))
    })
    .await?;
    until_async("days to be worked out", PATIENCE, async || {
        Ok((edge.count("SELECT count(*) FROM attendance_day WHERE provisional = 0")? > 0).then_some(()))
    })
    .await?;

    let mut cloud = Cloud::start(&folder.sub("cloud")?, &logs, Variant::Plain)?;
    let organisation = setup::organisation(&mut cloud)?;
    setup::enrol(&edge, &cloud.url()?, &organisation)?;
    let mut product = Product { clocks: vec![clock], edge, cloud, organisation, folder };
    for clock in &product.clocks {
        clock.punch(4).await?;
    }
    let kept = product.clocks[0].wait_for(567, PATIENCE)?;
    let places = product.settled(PATIENCE).await?;
    assert_eq!(places.cloud, kept.punches);

    // Everything is the enrolment's now, and the days come out the same on both sides.
    let sites: BTreeSet<String> = product
        .edge
        .command(&["site", "list"])?
        .as_array()
        .context("a list")?
        .iter()
        .map(|site| text(site, "id"))
        .collect::<Result<_>>()?;
    assert_eq!(sites, BTreeSet::from([product.organisation.site.clone()]));
    assert!(!sites.contains(&own));
    until_async("the same days on both sides", PATIENCE, async || {
        let days = product.cloud.count("SELECT count(*) FROM attendance_day WHERE NOT provisional").await?;
        Ok((days > 0 && check::faults(&product).await?.is_empty()).then_some(()))
    })
    .await?;
    assert_eq!(product.cloud.count("SELECT count(*) FROM rec_employee").await?, 40);
    assert_eq!(product.cloud.count("SELECT count(*) FROM quarantine").await?, 0);
    assert_eq!(product.cloud.count("SELECT count(*) FROM rec_site").await?, 1);
    // Name of the company, name and code of the site: the cloud's count, both versions are kept.
    assert_eq!(product.cloud.count("SELECT count(*) FROM conflict").await?, 3);

    // The new life is remembered: a restart begins no other.
    let lives = "SELECT count(DISTINCT origin) FROM stream";
    let before = product.edge.count(lives)?;
    product.edge.stop()?;
    product.edge.run(&[])?;
    product.clocks[0].punch(2).await?;
    product.clocks[0].wait_for(569, PATIENCE)?;
    product.settled(PATIENCE).await?;
    assert_eq!(product.edge.count(lives)?, before);
    product.stop()
}
