//! The operator's figures over HTTP, from a real PostgreSQL.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use cloud_server::clock::SystemClock;
use cloud_server::http_server;
use cloud_server::metrics::{Counts, router};
use shared_model::EdgeId;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use system_tests::cloud_http::CloudHttp;
use system_tests::http::client;
use tokio_util::sync::CancellationToken;

/// The value of a figure on a page.
fn value(page: &str, name: &str) -> Option<i64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn figures_are_sums_over_all_companies() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut edges: Vec<EdgeId> = Vec::new();
    for name in ["Karnaphuli Garments", "Meghna Textiles"] {
        let factory = cloud.factory(name).await?;
        edges.push(cloud.enrol(factory).await?.id.context("enrolled")?);
    }
    let mut database = PgConnection::connect_with(&cloud.database.superuser()).await?;
    for statement in [
        "UPDATE edge SET last_seen = now() - interval '1 hour', enrolled_at = now() - interval '1 day',
             hello = '{\"counts\": {\"outbox\": 12}}' WHERE edge_id = $1",
        "UPDATE edge SET hello = '{\"counts\": {\"outbox\": \"many\"}}', new_life_at = now() WHERE edge_id <> $1",
        "INSERT INTO clock_tally (company_id, serial, punches, last_instant)
         SELECT company_id, 'GATE1', 500, now() FROM company WHERE $1::uuid IS NOT NULL",
        "INSERT INTO recompute_queue (company_id, entry_id, scope, key, queued_at)
         SELECT company_id, gen_random_uuid(), 'everyone', '', now() - interval '90 seconds' FROM edge WHERE edge_id = $1",
    ] {
        sqlx::query(statement).bind(edges[0]).execute(&mut database).await.context(statement)?;
    }

    let stop = CancellationToken::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let page = router(cloud.store.clone(), Arc::new(SystemClock), Counts::default());
    let serving = tokio::spawn(http_server::serve(listener, page, Arc::from([]), stop.clone()));
    let answer = client()?.get(&url).send().await?;
    assert_eq!(answer.status(), 200);
    let kind = answer.headers().get("content-type").context("a content type")?.to_str()?.to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let page = answer.text().await?;
    for (name, expected) in [
        ("muster_cloud_companies", 2),
        ("muster_cloud_edges", 2),
        ("muster_cloud_edges_silent", 1),
        ("muster_cloud_edges_new_life", 1),
        ("muster_cloud_edge_backlog_rows", 12),
        ("muster_cloud_clocks", 2),
        ("muster_cloud_clocks_behind", 2),
        ("muster_cloud_punches", 1000),
        ("muster_cloud_shared_keys", 0),
    ] {
        assert_eq!(value(&page, name), Some(expected), "{name}: {page}");
    }
    assert!(value(&page, "muster_cloud_edge_longest_silence_seconds") >= Some(3600), "{page}");
    assert!(value(&page, "muster_cloud_recompute_queue") >= Some(1), "{page}");
    assert!(value(&page, "muster_cloud_recompute_oldest_seconds") >= Some(90), "{page}");
    assert!(!page.contains("Karnaphuli") && !page.contains("GATE1"), "nothing of a company: {page}");
    let elsewhere = client()?.get(url.replace("/metrics", "/sign-in")).send().await?;
    assert_eq!(elsewhere.status(), 404, "nothing else is served there");
    stop.cancel();
    serving.await?;
    Ok(())
}
