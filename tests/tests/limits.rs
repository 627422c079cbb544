//! Little disk and little memory: nothing that was acknowledged is lost, and the agent recovers by itself.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use edge_agent::reserve;
use system_tests::binary::Variant::Plain;
use system_tests::clock::SimulatedClock;
use system_tests::edge::Edge;
use system_tests::folder::{RunFolder, mount_disk, unmount_disk, with_own_mounts};
use system_tests::memory::{peak_kib, reset_peak, resident_kib};
use system_tests::product::Product;
use system_tests::setup::{self, Crew, ZONE_MINUTES};
use system_tests::wait::{until, until_async};

const PATIENCE: Duration = Duration::from_secs(600);
/// Beside what the agent keeps back.
const DISK_MIB: u32 = 64 + 32;

/// Fills a disk to its last byte; what remains of it goes with the file.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [64 * 1024, 4096, 512, 1] {
        let block = vec![0x5a; size];
        while file.write_all(&block).is_ok() {}
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_acknowledged_and_the_agent_recovers_without_restart() {
    let this = "a_full_disk_loses_nothing_acknowledged_and_the_agent_recovers_without_restart";
    if !with_own_mounts(this).unwrap() {
        return;
    }
    let folder = RunFolder::new("full").unwrap();
    let logs = folder.sub("logs").unwrap();
    let data = folder.sub("edge").unwrap();
    mount_disk(&data, DISK_MIB).unwrap();
    let mut edge = Edge::new(&data, &logs, Plain);
    edge.run(&[]).unwrap();
    setup::own_site(&edge).unwrap();
    let process = edge.process().unwrap().id();
    let zone = ["--utc-offset-minutes", ZONE_MINUTES];
    setup::add_push(&edge, "SIMFULL1").unwrap();
    let arguments = [&["--records", "300", "--users", "60", "--batch", "20"][..], &zone].concat();
    let pushing =
        SimulatedClock::push("SIMFULL1", &edge.push_url().unwrap(), folder.path(), &arguments).unwrap();
    let arguments = [&["--records", "200", "--users", "60", "--first-code", "4001"][..], &zone].concat();
    let polled = SimulatedClock::tcp("SIMFULL2", folder.path(), &arguments).unwrap();
    setup::add_tcp(&edge, &polled).unwrap();
    let all_in = || {
        let mut sent = pushing.sent()?;
        sent.merge(polled.sent()?);
        Ok((edge.ledger()? == sent.punches).then_some(sent.punches.len()))
    };
    until("the first records", PATIENCE, all_in).unwrap();

    let kept_back = || std::fs::metadata(edge.data().join(reserve::FILE)).map_or(0, |file| file.len());
    let says_full = || edge.command(&["status"]).unwrap()["disk_full"].as_bool().unwrap();
    assert_eq!((kept_back(), says_full()), (reserve::SIZE, false));

    let filler = edge.data().join("filler");
    fill(&filler);
    // People go on punching until the agent has had to refuse: the last free pages of its files are used up.
    until_async("the agent to run out of room", PATIENCE, async || {
        pushing.punch(20).await?;
        polled.punch(20).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok((kept_back() == 0 && says_full()).then_some(()))
    })
    .await
    .unwrap();
    let held = edge.ledger().unwrap();
    // What was kept back is for the agent's own books, and nothing of it for punches.
    edge.command(&["department", "add", "--code", "FUL", "--name", "Full", "--level", "department"]).unwrap();
    pushing.punch(50).await.unwrap();
    polled.punch(50).await.unwrap();
    let acknowledged = pushing.acknowledged().await.unwrap();
    let sent = pushing.sent().unwrap().punches;
    assert_eq!(edge.ledger().unwrap(), held);
    assert!(
        acknowledged.is_subset(&held),
        "{} of those acknowledged are lost",
        (&acknowledged - &held).len()
    );
    assert!(acknowledged.len() < sent.len(), "nothing was refused");
    eprintln!("limits::full: {} of {} acknowledged when the disk was full", acknowledged.len(), sent.len());

    std::fs::remove_file(&filler).unwrap();
    let total = until("the rest, once there is room", PATIENCE, all_in).unwrap();
    assert!(total >= 600, "{total}");
    assert_eq!((kept_back(), says_full()), (reserve::SIZE, false));
    let process_now = edge.process().unwrap();
    assert_eq!(process_now.id(), process, "it was not restarted");
    assert!(process_now.ended().unwrap().is_none());
    edge.stop().unwrap();
    unmount_disk(&data).unwrap();
}

#[tokio::test]
async fn a_log_of_a_million_records_is_read_in_little_memory() {
    const RECORDS: i64 = 1_000_000;
    // Days are worked out, pages served and rows sent to the cloud meanwhile, as they are in a factory.
    let mut product = Product::start("million", Plain, Plain).unwrap();
    let crew = Crew { first_code: 1001, people: 100 };
    setup::factory(&product.edge, product.folder.path(), &[crew]).unwrap();
    let process = product.edge.process().unwrap().id();
    let idle = resident_kib(process).unwrap();
    reset_peak(process).unwrap();
    let arguments = ["--records", "1000000", "--users", "5000", "--utc-offset-minutes", ZONE_MINUTES];
    product.add_tcp("SIMMILLION", &arguments).unwrap();
    until("a million punches", PATIENCE, || {
        let new = product.edge.count("SELECT coalesce(sum(new_rows), 0) FROM device_state")?;
        Ok((new == RECORDS).then_some(()))
    })
    .unwrap();
    let peak = peak_kib(process).unwrap();
    eprintln!("limits::million: idle {idle} KiB, peak {peak} KiB while the log was read");
    assert!(peak <= idle + 40 * 1024, "idle {idle} KiB, peak {peak} KiB");
    until_async("a million punches in the cloud, and days", PATIENCE, async || {
        let days = product.edge.count("SELECT count(*) FROM attendance_day")?;
        Ok((product.cloud.count("SELECT count(*) FROM ledger").await? == RECORDS && days > 0).then_some(()))
    })
    .await
    .unwrap();
    let peak = peak_kib(process).unwrap();
    eprintln!("limits::million: peak {peak} KiB in the end");
    assert!(peak <= idle + 64 * 1024, "idle {idle} KiB, peak {peak} KiB");
    assert!(product.places().await.unwrap().agree());
}
