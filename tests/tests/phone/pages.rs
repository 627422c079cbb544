//! The pages on which people decide, in a real browser: the cloud's, and the edge's while the cloud is away.

use std::time::Duration;

use anyhow::Result;
use cloud_server::clock::SystemClock;
use edge_agent::web::{App, Listen, serve};
use shared_model::Clock as _;
use shared_model::access::Role;
use system_tests::browser::Browser;
use system_tests::cloud_pages as visit;
use system_tests::cloud_people::{PASSWORD, member, operator};
use system_tests::pages::Pages;
use thirtyfour::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::scene::Scene;

const EMAIL: &str = "hr@padma.example";
const PATIENCE: Duration = Duration::from_secs(20);

/// A member with a password of his own and a grant.
async fn approver(scene: &Scene) -> Result<()> {
    // A cloud that nobody operates shows its set-up first.
    operator(&scene.cloud).await?;
    member(&scene.cloud, EMAIL, scene.factory, Role::Owner).await?;
    let found = scene.cloud.store.user_by_email(EMAIL).await?;
    let (user, _) = found.ok_or_else(|| anyhow::anyhow!("made"))?;
    scene.grant(user.user_id, SystemClock.now()).await?;
    Ok(())
}

async fn faults(pages: &Pages<'_>, name: &str) -> Result<Vec<String>> {
    Ok(pages.faults().await?.into_iter().map(|fault| format!("{name}: {fault}")).collect())
}

/// Chooses the first `count` of the list and presses a button.
async fn decide(pages: &Pages<'_>, count: usize, decision: &str, reason: &str) -> Result<()> {
    let page = &pages.browser().page;
    for choice in page.find_all(By::Css("input[name=punch]")).await?.into_iter().take(count) {
        choice.click().await?;
    }
    page.find(By::Name("reason")).await?.send_keys(reason).await?;
    page.find(By::Css(format!("button[value={decision}]"))).await?.click().await?;
    Ok(())
}

#[tokio::test]
async fn people_decide_on_a_page_of_the_cloud() -> Result<()> {
    let scene = Scene::start().await?;
    approver(&scene).await?;
    let ids = [scene.punched().await?, scene.punched().await?, scene.punched().await?];
    let logs = tempfile::tempdir()?;
    let browser = Browser::start(logs.path()).await?;
    let pages = Pages::at(&browser, scene.cloud.url().to_owned());
    visit::sign_in(&pages, EMAIL, PASSWORD).await?;
    let mut found = Vec::new();
    pages.open("/approvals/grants").await?;
    found.extend(faults(&pages, "grants").await?);
    pages.open("/approvals").await?;
    found.extend(faults(&pages, "waiting").await?);
    decide(&pages, 2, "approve", "At the gate").await?;
    pages.says("2 approved.", PATIENCE).await?;
    found.extend(faults(&pages, "some approved").await?);
    decide(&pages, 1, "reject", "Not there").await?;
    pages.says("1 rejected.", PATIENCE).await?;
    visit::speak(&pages, "bn").await?;
    pages.open("/approvals").await?;
    found.extend(faults(&pages, "Bangla").await?);
    assert_eq!(found, Vec::<String>::new());
    let mut states = Vec::new();
    for id in ids {
        states.push(scene.state(id).await?);
    }
    assert_eq!(states, ["approved", "approved", "rejected"]);
    assert_eq!(scene.in_ledger().await?, 2);
    Ok(())
}

#[tokio::test]
async fn people_of_the_cloud_sign_in_and_decide_on_a_page_of_the_edge() -> Result<()> {
    let scene = Scene::start().await?;
    approver(&scene).await?;
    let ids = [scene.punched().await?, scene.punched().await?];
    let agent = Agent::enrolled(&scene).await?;
    let stop = CancellationToken::new();
    let app = App::new(agent.sync.clone(), None, false)?;
    let listen = Listen { address: "127.0.0.1:0".parse()?, hosts: Vec::new(), certificate: None };
    let serving = serve(app, listen, stop.clone()).await?;
    let logs = tempfile::tempdir()?;
    let browser = Browser::start(logs.path()).await?;
    let pages = Pages::at(&browser, format!("http://{}", serving.address));

    // Nothing below asks the cloud.
    pages.open("/sign-in?next=/approvals").await?;
    pages.send(&[("name", EMAIL), ("password", PASSWORD)]).await?;
    assert_eq!(pages.path().await?, "/approvals");
    let mut found = faults(&pages, "waiting").await?;
    decide(&pages, 1, "approve", "").await?;
    pages.says("Approved here, not yet confirmed", PATIENCE).await?;
    found.extend(faults(&pages, "decided here").await?);
    decide(&pages, 1, "reject", "Not there").await?;
    pages.says("Rejected here, not yet confirmed", PATIENCE).await?;
    assert_eq!(scene.state(ids[0]).await?, "pending", "the cloud knows nothing of it yet");

    agent.exchange(&scene).await?;
    pages.open("/approvals").await?;
    pages.says("Approved, confirmed by the cloud", PATIENCE).await?;
    found.extend(faults(&pages, "confirmed").await?);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        (scene.state(ids[0]).await?.as_str(), scene.state(ids[1]).await?.as_str()),
        ("approved", "rejected")
    );
    assert_eq!(scene.in_ledger().await?, 1);
    stop.cancel();
    serving.ended().await;
    Ok(())
}
