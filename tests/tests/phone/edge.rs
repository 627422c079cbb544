//! From the phone to the edge's list, the decision there, and back: the agent's own store and code on one side, the cloud with
//! its PostgreSQL on the other.

use anyhow::Result;
use chrono::TimeDelta;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::grant;
use edge_agent::store::{NotDecided, Standing};
use edge_agent::sync::bundle::Fetched;
use shared_model::Clock as _;
use shared_model::entity::RequestState;
use sync_protocol::authority::Refusal;
use system_tests::cloud_http::author;

use crate::agent::Agent;
use crate::scene::{Scene, count};

const IN_LEDGER: &str =
    "SELECT count(*) FROM ledger l JOIN clock c ON c.id = l.clock WHERE c.serial = 'mobile'";

#[tokio::test]
async fn approved_while_the_cloud_is_away_it_is_once_in_both_ledgers() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let id = scene.punched().await?;
    let agent = Agent::enrolled(&scene).await?;
    let waiting = agent.waiting().await?;
    assert_eq!(waiting.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    assert_eq!(agent.worked_out().await?, 0);

    // Nothing is exchanged: the decision takes effect here at once.
    agent.decide(id, person, true).await??;
    assert_eq!(agent.waiting().await?, vec![]);
    assert_eq!(agent.decided().await?[0].decided.as_ref().map(|own| &own.standing), Some(&Standing::Here));
    assert_eq!(agent.worked_out().await?, 1, "the shift record follows");
    assert_eq!((agent.count(IN_LEDGER).await?, scene.in_ledger().await?), (0, 0));

    for _ in 0..2 {
        agent.exchange(&scene).await?;
        assert_eq!((agent.count(IN_LEDGER).await?, scene.in_ledger().await?), (1, 1));
        assert_eq!(scene.state(id).await?, "approved");
        let decided = agent.decided().await?;
        assert_eq!(decided[0].decided.as_ref().map(|own| &own.standing), Some(&Standing::Confirmed));
        assert_eq!(agent.worked_out().await?, 1, "and counts it once");
    }
    let ids: (Vec<u8>,) = sqlx::query_as("SELECT uuid_send(punch_id) FROM ledger WHERE serial = 'mobile'")
        .fetch_one(&mut scene.database().await?)
        .await?;
    let here = agent
        .store
        .read(|tx| {
            Ok(tx.connection().query_row("SELECT punch_id FROM ledger WHERE route = 5", [], |row| {
                row.get::<_, Vec<u8>>(0)
            })?)
        })
        .await?;
    assert_eq!(here, ids.0, "under one id");
    Ok(())
}

#[tokio::test]
async fn rejected_it_leaves_the_edges_list_and_stays_in_the_cloud() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let id = scene.punched().await?;
    let agent = Agent::enrolled(&scene).await?;
    agent.decide(id, person, false).await??;
    assert_eq!(agent.decided().await?.len(), 1, "shown until the cloud has confirmed it");
    agent.exchange(&scene).await?;
    assert_eq!((agent.waiting().await?, agent.decided().await?), (vec![], vec![]));
    assert_eq!((agent.count(IN_LEDGER).await?, scene.in_ledger().await?), (0, 0));
    assert_eq!((scene.state(id).await?.as_str(), count(&scene, "rec_phone_punch").await?), ("rejected", 1));
    Ok(())
}

#[tokio::test]
async fn revoked_between_decision_and_arrival_it_waits_again_for_a_second_look() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.member("was@padma.example").await?;
    let given = scene.grant(person, SystemClock.now()).await?;
    let id = scene.punched().await?;
    let agent = Agent::enrolled(&scene).await?;
    agent.decide(id, person, true).await??;
    assert_eq!(agent.worked_out().await?, 1);
    let mut tx = scene.begin().await?;
    grant::take_away(&mut tx, given, author(), &OsEntropy).await?;
    tx.commit().await?;

    agent.exchange(&scene).await?;
    assert_eq!((scene.state(id).await?.as_str(), scene.in_ledger().await?), ("pending", 0));
    let waiting = agent.waiting().await?;
    let own = waiting[0].decided.as_ref().map(|own| own.standing.clone());
    let code = Refusal::SecondLook.code().to_owned();
    assert_eq!(own, Some(Standing::Refused { code }), "undone here, with its reason");
    assert_eq!(agent.worked_out().await?, 0, "and the record without it");

    // The news of the grant arrives: here, too, the person decides no more.
    assert_eq!(agent.fetch_bundle().await?, Fetched::Taken);
    assert_eq!(agent.decide(id, person, true).await?, Err(NotDecided::Refused(Refusal::NotGranted)));
    // Somebody else decides at this edge, by a grant of now.
    let other = scene.approver("hr@padma.example").await?;
    assert_eq!(
        agent.decide(id, other, true).await?,
        Err(NotDecided::Refused(Refusal::Forged)),
        "not known yet"
    );
    assert_eq!(agent.fetch_bundle().await?, Fetched::Taken);
    agent.decide(id, other, true).await??;
    agent.exchange(&scene).await?;
    assert_eq!((scene.state(id).await?.as_str(), scene.in_ledger().await?), ("approved", 1));
    assert_eq!(agent.count(IN_LEDGER).await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_edge_lets_nobody_decide_whom_the_cloud_would_refuse() -> Result<()> {
    let scene = Scene::start().await?;
    let own = scene.approver("own@padma.example").await?;
    let mut tx = scene.begin().await?;
    grant::link_employee(&mut tx, own, Some(scene.employee), author()).await?;
    tx.commit().await?;
    let without = scene.member("without@padma.example").await?;
    let id = scene.punched().await?;
    let agent = Agent::enrolled(&scene).await?;
    assert_eq!(agent.decide(id, own, true).await?, Err(NotDecided::Refused(Refusal::OwnPunch)));
    assert_eq!(agent.decide(id, without, true).await?, Err(NotDecided::Refused(Refusal::NotGranted)));
    assert_eq!(agent.waiting().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn two_edges_that_decide_differently_agree_on_the_first_and_both_show_the_dispute() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let id = scene.punched().await?;
    let (first, second) = (Agent::enrolled(&scene).await?, Agent::enrolled(&scene).await?);
    first.decide(id, person, true).await??;
    second.decide(id, person, false).await??;
    first.exchange(&scene).await?;
    second.exchange(&scene).await?;
    first.exchange(&scene).await?;
    assert_eq!(scene.state(id).await?, "approved");
    assert_eq!((scene.in_ledger().await?, count(&scene, "conflict").await?), (1, 1));
    for agent in [&first, &second] {
        let decided = agent.decided().await?;
        assert_eq!(decided[0].punch.state, RequestState::Approved);
        assert_eq!(agent.count(IN_LEDGER).await?, 1);
        assert_eq!(agent.count("SELECT count(*) FROM conflict").await?, 1, "everywhere");
        assert_eq!(agent.worked_out().await?, 1);
    }
    let overruled = second.decided().await?[0].decided.as_ref().map(|own| own.standing.clone());
    assert_eq!(overruled, Some(Standing::Overruled));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_has_ended_lets_nobody_decide() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.member("hr@padma.example").await?;
    let now = SystemClock.now();
    scene.grant_until(person, now - TimeDelta::hours(2), now - TimeDelta::hours(1)).await?;
    let id = scene.punched().await?;
    let agent = Agent::enrolled(&scene).await?;
    assert_eq!(agent.decide(id, person, true).await?, Err(NotDecided::Refused(Refusal::NotGranted)));
    Ok(())
}
