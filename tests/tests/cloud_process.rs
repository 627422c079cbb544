//! The cloud as a process: it comes back from every kind of death with what it held, and leaves nothing behind.

use std::time::Duration;

use system_tests::binary::Variant::Plain;
use system_tests::cloud::Cloud;
use system_tests::folder::RunFolder;
use system_tests::process::descendants;
use system_tests::setup;
use system_tests::wait::until;

#[tokio::test]
async fn a_cloud_comes_back_from_every_death_with_what_it_held() {
    let folder = RunFolder::new("cloud").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut cloud = Cloud::start(&folder.sub("cloud").unwrap(), &logs, Plain).unwrap();
    let organisation = setup::organisation(&mut cloud).unwrap();
    let url = cloud.url().unwrap();

    cloud.kill_postgres().unwrap();
    let companies = || cloud.command(&["company", "list"]);
    until("the company after the death of PostgreSQL", Duration::from_secs(60), || {
        Ok(companies().ok().filter(|list| list.to_string().contains(&organisation.company)).map(drop))
    })
    .unwrap();

    cloud.kill().unwrap();
    cloud.run(&[]).unwrap();
    assert_eq!(cloud.url().unwrap(), url);
    assert_eq!(cloud.count("SELECT count(*) FROM company").await.unwrap(), 1);

    let started = descendants(cloud.process().unwrap().id());
    assert!(!started.is_empty(), "its PostgreSQL is its child");
    cloud.stop().unwrap();
    for process in started {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        assert!(status.is_empty() || status.contains("State:\tZ"), "{process} is left");
    }
}
