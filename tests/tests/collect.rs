//! What clocks kept reaches both ledgers, each punch once, whatever the way.

use std::time::Duration;

use system_tests::binary::Variant::Plain;
use system_tests::product::Product;
use system_tests::setup::ZONE_MINUTES;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn one_clock_read_and_pushing_at_once_gives_each_punch_once() {
    let mut product = Product::start("both", Plain, Plain).unwrap();
    let arguments = ["--records", "1500", "--users", "80", "--utc-offset-minutes", ZONE_MINUTES];
    product.add_both("SIMBOTH1", &arguments).unwrap();
    product.clocks[0].punch(25).await.unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    assert_eq!(places.clock.len(), 1525);
    // Both ways brought every punch, and their readings differ: the second one is kept beside, not as a punch.
    let ways = "SELECT count(*) FROM observation";
    let both = i64::try_from(places.clock.len()).unwrap();
    system_tests::wait::until("the other way's readings", PATIENCE, || {
        Ok((product.edge.count(ways)? == both).then_some(()))
    })
    .unwrap();
    system_tests::wait::until_async("the other way's readings in the cloud", PATIENCE, async || {
        Ok((product.cloud.count(ways).await? == both).then_some(()))
    })
    .await
    .unwrap();
    // A whole history sent again adds nothing.
    product.clocks[0].resend().await.unwrap();
    product.clocks[0].punch(5).await.unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    assert_eq!(places.clock.len(), 1530);
}

#[tokio::test]
async fn a_clock_with_8_byte_records_gives_each_punch_under_the_persons_code() {
    let mut product = Product::start("short", Plain, Plain).unwrap();
    let arguments =
        ["--stride", "8b", "--records", "900", "--users", "40", "--utc-offset-minutes", ZONE_MINUTES];
    product.add_both("SIMSHORT1", &arguments).unwrap();
    product.clocks[0].punch(10).await.unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    assert_eq!(places.clock.len(), 910);
    assert_eq!(product.edge.count("SELECT count(*) FROM ledger WHERE user_code LIKE 'sn:%'").unwrap(), 0);
}

#[tokio::test]
async fn a_cloud_that_was_away_for_the_whole_run_has_everything_when_it_is_back() {
    let mut product = Product::start("away", Plain, Plain).unwrap();
    product.cloud.kill().unwrap();
    let zone = ["--utc-offset-minutes", ZONE_MINUTES];
    product.add_tcp("SIMAWAY1", &[&["--records", "4000", "--users", "200"][..], &zone].concat()).unwrap();
    product
        .add_push(
            "SIMAWAY2",
            &[&["--records", "600", "--users", "50", "--first-code", "5001"][..], &zone].concat(),
        )
        .unwrap();
    for clock in &product.clocks {
        clock.punch(20).await.unwrap();
    }
    let sent = product.collected(PATIENCE).await.unwrap();
    assert_eq!(sent.punches.len(), 4640);
    product.edge.kill().unwrap();
    product.edge.run(&[]).unwrap();
    product.cloud.run(&[]).unwrap();
    let places = product.settled(PATIENCE).await.unwrap();
    assert_eq!(places.cloud.len(), 4640);
}
