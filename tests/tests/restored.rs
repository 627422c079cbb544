//! A cloud whose database is put back to an earlier time: edges hold back until the operator says so, then send again what
//! it lacks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use system_tests::binary::Variant;
use system_tests::product::Product;
use system_tests::setup::{self, Crew, ZONE_MINUTES};
use system_tests::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(120);

/// Copies a folder with owners and permissions, as a backup of a stopped server does.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(status.success(), "copying {} ended with {status}", from.display());
    Ok(())
}

#[tokio::test]
async fn a_restored_cloud_gets_everything_again_once_its_operator_says_so() -> Result<()> {
    let mut product = Product::start("restored", Variant::Plain, Variant::Plain)?;
    let seed = product.folder.sub("seed")?;
    setup::factory(&product.edge, &seed, &[Crew { first_code: 1001, people: 40 }])?;
    let arguments = ["--records", "200", "--users", "40", "--utc-offset-minutes", ZONE_MINUTES];
    product.add_tcp("SIMRESTORE1", &arguments)?;
    product.clocks[0].wait_for(200, PATIENCE)?;
    product.settled(PATIENCE).await?;

    // The backup, of a server that is stopped.
    let (cluster, aside) =
        (product.cloud.data().join("postgres/cluster"), product.folder.sub("backup")?.join("cluster"));
    product.cloud.stop()?;
    copy(&cluster, &aside)?;
    product.cloud.run(&[])?;
    product.clocks[0].punch(30).await?;
    product.clocks[0].wait_for(230, PATIENCE)?;
    let hired = ["employee", "add", "--code", "9001", "--name", "Nasima Akter"];
    product.edge.command(&hired)?;
    product.settled(PATIENCE).await?;
    until_async("the new employee in the cloud", PATIENCE, async || {
        Ok((product.cloud.count("SELECT count(*) FROM rec_employee").await? == 41).then_some(()))
    })
    .await?;

    product.cloud.stop()?;
    std::fs::remove_dir_all(&cluster)?;
    copy(&aside, &cluster)?;
    product.cloud.run(&[])?;
    assert_eq!(product.cloud.ledger().await?.len(), 200, "it is as it was at the backup");
    until_async("the edge to hold back", PATIENCE, async || {
        let status = product.edge.command(&["sync", "status"])?;
        Ok((status["trouble"] == "cloud_regressed").then_some(()))
    })
    .await?;
    let told = product.cloud.command(&["status"])?;
    assert_eq!(told["companies"][0]["edges"][0]["cloud_regressed"], true, "{told}");
    let ill = product.cloud.command(&["doctor"]).err().context("something to repair")?.to_string();
    assert!(ill.contains("knows more than this database"), "{ill}");
    product.clocks[0].punch(5).await?;
    product.clocks[0].wait_for(235, PATIENCE)?;
    product.collected(PATIENCE).await?;
    assert_eq!(product.cloud.ledger().await?.len(), 200, "nothing is sent before it is told");

    let told = product.cloud.command(&["restored"])?;
    assert_eq!(told["epochs"][0]["epoch"], 2, "{told}");
    let well = product.cloud.command(&["doctor"])?;
    assert_eq!(well["good"], true, "{well}");
    // Otherwise it asks again within a quarter of an hour.
    product.edge.stop()?;
    product.edge.run(&[])?;
    let places = product.settled(PATIENCE).await?;
    assert_eq!(places.cloud.len(), 235);
    until_async("the employee again", PATIENCE, async || {
        Ok((product.cloud.count("SELECT count(*) FROM rec_employee").await? == 41).then_some(()))
    })
    .await?;
    let status = product.edge.command(&["sync", "status"])?;
    assert_eq!(status["new_life"]["cause"], "cloud_restored", "{status}");
    assert!(status["trouble"].is_null(), "{status}");
    let cloud = &product.cloud;
    assert_eq!(cloud.count("SELECT count(*) FROM quarantine").await?, 0);
    assert_eq!(cloud.count("SELECT count(*) FROM conflict").await?, 0);
    assert_eq!(cloud.count("SELECT count(*) FROM edge WHERE new_life_at IS NOT NULL").await?, 0);
    assert_eq!(cloud.count("SELECT count(*) FROM session").await?, 0, "everybody is signed out");
    let written = "SELECT (SELECT count(*) FROM audit WHERE action = 'cloud.restored')
                        + (SELECT count(*) FROM operator_audit WHERE action = 'cloud.restored')";
    assert_eq!(cloud.count(written).await?, 2);
    // The cloud's own changes go on, under its new origin.
    let site =
        cloud.command(&["site", "add", "--name", "Factory 2", "--code", "F2", "--zone", "Asia/Dhaka"])?;
    site["site"].as_str().context("a site")?;
    let own = "SELECT count(*) FROM origin_state JOIN feed_head ON cloud_origin = origin
               WHERE stream = 'R' AND epoch_born = 2 AND applied_seq = 1";
    assert_eq!(cloud.count(own).await?, 1);
    product.stop()
}
