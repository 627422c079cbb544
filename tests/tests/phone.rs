//! Phone punches against a real PostgreSQL: how a phone signs in and sends, who may decide, what a decision does.

#[path = "phone/agent.rs"]
mod agent;
#[path = "phone/edge.rs"]
mod edge;
#[path = "phone/pages.rs"]
mod pages;
#[path = "phone/record.rs"]
mod record;
#[path = "phone/scene.rs"]
mod scene;

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::{bundle, grant, phone_punch};
use scene::{Edge, Scene, count};
use serde_json::{Value, json};
use shared_model::{Clock as _, PhonePunchId, UserId};
use sync_protocol::authority::{Decision, Refusal};
use sync_protocol::message::BundleRequest;
use system_tests::cloud_http::author;
use uuid::Uuid;

#[tokio::test]
async fn a_phone_signs_in_once_and_what_it_sends_waits() -> Result<()> {
    let scene = Scene::start().await?;
    let code = scene.phone_code().await?;
    let asked = json!({ "code": code, "phone": "pixel-1" });
    let (status, answer) = scene.post("sessions", None, &asked).await?;
    assert_eq!(status, 201, "{answer}");
    let token = answer["token"].as_str().context("a token")?.to_owned();
    assert_eq!(scene.post("sessions", None, &asked).await?.0, 403, "a code is good for one phone");

    let told = scene.told();
    let (status, first) = scene.post("punches", Some(&token), &told).await?;
    assert_eq!((status, first["state"].as_str()), (201, Some("pending")), "{first}");
    let (status, again) = scene.post("punches", Some(&token), &told).await?;
    assert_eq!((status, &again["id"]), (200, &first["id"]), "sent twice, it is one punch");
    let mut other = told.clone();
    other["direction"] = json!("out");
    assert_eq!(scene.post("punches", Some(&token), &other).await?.0, 409);
    let mut nearer = told.clone();
    nearer["accuracy_m"] = json!(5);
    assert_eq!(scene.post("punches", Some(&token), &nearer).await?.0, 409);
    let mut later = told.clone();
    later["offline_s"] = json!(95);
    assert_eq!(scene.post("punches", Some(&token), &later).await?.0, 200, "it was kept for longer meanwhile");

    let row: (Uuid, Uuid, String, String, String, i64) =
        sqlx::query_as("SELECT employee, site, zone, phone, state, fseq FROM rec_phone_punch")
            .fetch_one(&mut scene.database().await?)
            .await?;
    assert_eq!(
        (row.0, row.1),
        (scene.employee.uuid(), scene.factory.site.uuid()),
        "who and where is the session's"
    );
    assert_eq!((row.2.as_str(), row.3.as_str(), row.4.as_str()), ("Asia/Dhaka", "pixel-1", "pending"));
    assert!(row.5 > 0, "it is in the feed");
    assert_eq!(count(&scene, "ledger").await?, 0, "nothing counts before it is decided");
    Ok(())
}

#[tokio::test]
async fn twins_that_come_at_once_are_one_punch() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.sign_in().await?;
    let told = scene.told();
    let send = || scene.post("punches", Some(&token), &told);
    let (a, b, c, d) = tokio::try_join!(send(), send(), send(), send())?;
    let mut statuses: Vec<u16> = [&a, &b, &c, &d].map(|(status, _)| *status).into();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 201]);
    assert!([&b, &c, &d].iter().all(|(_, answer)| answer["id"] == a.1["id"]));
    assert_eq!(count(&scene, "rec_phone_punch").await?, 1);
    Ok(())
}

#[tokio::test]
async fn whoever_is_not_signed_in_or_says_nonsense_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.sign_in().await?;
    let told = scene.told();
    assert_eq!(scene.post("punches", None, &told).await?.0, 401);
    assert_eq!(scene.post("punches", Some(&"A".repeat(43)), &told).await?.0, 401);
    for (field, value) in [
        ("at", json!(SystemClock.now() + TimeDelta::minutes(6))),
        ("at", json!(SystemClock.now() - TimeDelta::days(15))),
        ("latitude_e7", json!(900_000_001)),
        ("longitude_e7", json!(-1_800_000_001)),
        ("accuracy_m", json!(-1)),
        ("offline_s", json!(-1)),
    ] {
        let mut bad = told.clone();
        bad[field] = value;
        assert_eq!(scene.post("punches", Some(&token), &bad).await?.0, 422, "{field}");
    }
    for (field, value) in
        [("employee", json!(Uuid::nil())), ("direction", json!("sideways")), ("latitude_e7", json!(23.5))]
    {
        let mut bad = told.clone();
        bad[field] = value;
        assert_eq!(scene.post("punches", Some(&token), &bad).await?.0, 400, "{field}");
    }
    let mut long = told.clone();
    long["client_id"] = json!("x".repeat(5000));
    assert_eq!(scene.post("punches", Some(&token), &long).await?.0, 413);
    assert_eq!(count(&scene, "rec_phone_punch").await?, 0);

    scene.sign_out().await?;
    assert_eq!(scene.post("punches", Some(&token), &told).await?.0, 401, "its phones were signed out");
    Ok(())
}

#[tokio::test]
async fn an_account_that_floods_is_slowed_down() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.sign_in().await?;
    let told = scene.told();
    let mut refused = 0;
    for _ in 0..62 {
        refused += usize::from(scene.post("punches", Some(&token), &told).await?.0 == 429);
    }
    assert_eq!(refused, 2, "sixty a minute are taken");
    Ok(())
}

#[tokio::test]
async fn approved_at_an_edge_it_is_in_the_ledger_once_and_on_its_way_home() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let id = scene.punched().await?;
    let edge = Edge::enrolled(&scene).await?;
    let decision = edge.decision(&scene, person, true).await?;
    edge.decide(&scene, id, &decision, person).await?;
    assert_eq!(scene.state(id).await?, "approved");
    assert_eq!(count(&scene, "ledger").await?, 1);
    let row: (String, String, String, i16) = sqlx::query_as(
        "SELECT l.serial, l.user_code, to_char(l.raw_time, 'HH24:MI'), l.route FROM ledger l
         JOIN day_punch d ON d.punch_id = l.punch_id WHERE d.employee = $1",
    )
    .bind(scene.employee.uuid())
    .fetch_one(&mut scene.database().await?)
    .await?;
    assert_eq!((row.0.as_str(), row.1), ("mobile", scene.employee.to_string()));
    assert_eq!(row.3, 5, "by phone");
    let travelling: Vec<(Value,)> = sqlx::query_as("SELECT payload FROM feed_side WHERE what = 'punch'")
        .fetch_all(&mut scene.database().await?)
        .await?;
    assert_eq!(travelling.len(), 1);
    assert_eq!(travelling[0].0["site"], json!(scene.factory.site));

    // Another edge decides the same, and a third otherwise.
    let second = Edge::enrolled(&scene).await?;
    let same = second.decision(&scene, person, true).await?;
    second.decide(&scene, id, &same, person).await?;
    assert_eq!(count(&scene, "conflict").await?, 0, "the same decision is no dispute");
    let third = Edge::enrolled(&scene).await?;
    let against = third.decision(&scene, person, false).await?;
    third.decide(&scene, id, &against, person).await?;
    let conflicts: Vec<(String, String)> =
        sqlx::query_as("SELECT cause, kept FROM conflict").fetch_all(&mut scene.database().await?).await?;
    assert_eq!(conflicts, [("already_decided".to_owned(), "standing".to_owned())]);
    assert_eq!(scene.state(id).await?, "approved", "the first stands");
    assert_eq!((count(&scene, "ledger").await?, count(&scene, "quarantine").await?), (1, 0));
    Ok(())
}

#[tokio::test]
async fn rejected_it_stays_as_audit_only() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let id = scene.punched().await?;
    let edge = Edge::enrolled(&scene).await?;
    let against = edge.decision(&scene, person, false).await?;
    edge.decide(&scene, id, &against, person).await?;
    assert_eq!(scene.state(id).await?, "rejected");
    assert_eq!(count(&scene, "ledger").await?, 0);
    let mut tx = scene.begin().await?;
    assert!(phone_punch::waiting(&mut tx).await?.is_empty());
    let decided = phone_punch::decided(&mut tx, SystemClock.now() - TimeDelta::hours(1)).await?;
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].punch.decided_by, Some(person));
    Ok(())
}

/// What the cloud says to a decision, and that the punch still waits.
async fn refused(
    scene: &Scene,
    edge: &Edge,
    id: PhonePunchId,
    decision: &Decision,
    actor: UserId,
) -> Result<String> {
    let before = count(scene, "quarantine").await?;
    edge.decide(scene, id, decision, actor).await?;
    assert_eq!(scene.state(id).await?, "pending");
    assert_eq!(count(scene, "ledger").await?, 0);
    assert_eq!(count(scene, "quarantine").await?, before + 1);
    Ok(sqlx::query_scalar("SELECT code FROM quarantine ORDER BY noticed_at DESC, seq DESC LIMIT 1")
        .fetch_one(&mut scene.database().await?)
        .await?)
}

#[tokio::test]
async fn a_decision_without_authority_is_refused_with_its_reason() -> Result<()> {
    let scene = Scene::start().await?;
    let (person, id) = (scene.approver("hr@padma.example").await?, scene.punched().await?);
    let edge = Edge::enrolled(&scene).await?;
    let good = edge.decision(&scene, person, true).await?;

    // Granted only after the decision: also when the grant is dated back.
    let late = scene.member("late@padma.example").await?;
    let early = edge.decision(&scene, late, true).await?;
    scene.grant(late, SystemClock.now() - TimeDelta::days(1)).await?;
    assert_eq!(refused(&scene, &edge, id, &early, late).await?, "not_granted");

    // Forged: somebody else wrote it, or it names nobody of the company.
    assert_eq!(refused(&scene, &edge, id, &good, late).await?, "forged");
    let nobody = UserId::mint(&SystemClock, &OsEntropy);
    let of_nobody = Decision { by: nobody, ..edge.decision(&scene, person, true).await? };
    assert_eq!(refused(&scene, &edge, id, &of_nobody, nobody).await?, "forged");

    // One's own punch, although everything is granted.
    let own = scene.approver("own@padma.example").await?;
    let mut tx = scene.begin().await?;
    grant::link_employee(&mut tx, own, Some(scene.employee), author()).await?;
    tx.commit().await?;
    let about_himself = edge.decision(&scene, own, true).await?;
    assert_eq!(refused(&scene, &edge, id, &about_himself, own).await?, "own_punch");

    // By grants that had run out, or of another epoch than the one that was issued.
    let fresh = edge.decision(&scene, person, true).await?;
    let wrong_epoch = Decision { epoch: fresh.epoch - 1, ..fresh.clone() };
    assert_eq!(refused(&scene, &edge, id, &wrong_epoch, person).await?, "epoch");
    let ahead = Decision { at: fresh.at + TimeDelta::days(8), ..fresh.clone() };
    assert_eq!(refused(&scene, &edge, id, &ahead, person).await?, "lease");
    let without = Decision { bundle_at: None, ..fresh.clone() };
    assert_eq!(refused(&scene, &edge, id, &without, person).await?, "lease");

    // The edge is told of each, and the next one counts.
    let notices: i64 = sqlx::query_scalar("SELECT count(*) FROM feed_side WHERE what = 'quarantine'")
        .fetch_one(&mut scene.database().await?)
        .await?;
    assert_eq!(notices, count(&scene, "quarantine").await?);
    edge.decide(&scene, id, &fresh, person).await?;
    assert_eq!(scene.state(id).await?, "approved");
    Ok(())
}

#[tokio::test]
async fn a_decision_by_somebody_since_revoked_gets_a_second_look() -> Result<()> {
    let scene = Scene::start().await?;
    let id = scene.punched().await?;
    let edge = Edge::enrolled(&scene).await?;
    let person = scene.member("was@padma.example").await?;
    let given = scene.grant(person, SystemClock.now()).await?;
    let decision = edge.decision(&scene, person, true).await?;
    let mut tx = scene.begin().await?;
    grant::take_away(&mut tx, given, author(), &OsEntropy).await?;
    tx.commit().await?;
    assert_eq!(refused(&scene, &edge, id, &decision, person).await?, Refusal::SecondLook.code());

    let mut tx = scene.begin().await?;
    let looks = phone_punch::second_looks(&mut tx).await?;
    assert_eq!(looks.iter().map(|look| (look.id, look.decision.by)).collect::<Vec<_>>(), [(id, person)]);
    tx.rollback().await?;

    // Somebody else decides; the kept decision is done with.
    let other = scene.approver("hr@padma.example").await?;
    let mut tx = scene.begin_as(other).await?;
    let by = cloud_server::store::audit::Author { actor: other.into(), ..author() };
    phone_punch::decide(&mut tx, id, true, None, other, by).await?;
    assert!(phone_punch::second_looks(&mut tx).await?.is_empty());
    tx.commit().await?;
    assert_eq!((scene.state(id).await?.as_str(), count(&scene, "ledger").await?), ("approved", 1));
    Ok(())
}

#[tokio::test]
async fn an_edge_makes_and_changes_no_phone_punch() -> Result<()> {
    let scene = Scene::start().await?;
    let (person, id) = (scene.approver("hr@padma.example").await?, scene.punched().await?);
    let edge = Edge::enrolled(&scene).await?;
    let decision = edge.decision(&scene, person, true).await?;
    edge.change(&scene, sync_protocol::Op::Update, id, decision.fields(), person).await?;
    let forged = PhonePunchId::mint(&SystemClock, &OsEntropy);
    let fields = scene.fields(id).await?;
    edge.change(&scene, sync_protocol::Op::Create, forged, fields, person).await?;
    let codes: Vec<String> =
        sqlx::query_scalar("SELECT code FROM quarantine").fetch_all(&mut scene.database().await?).await?;
    assert_eq!(codes, ["authority", "authority"]);
    assert_eq!((count(&scene, "rec_phone_punch").await?, count(&scene, "ledger").await?), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_bundle_is_signed_for_its_edge_and_its_epoch_rises_with_people_and_grants() -> Result<()> {
    let scene = Scene::start().await?;
    let edge = Edge::enrolled(&scene).await?;
    let person = scene.member("hr@padma.example").await?;
    let first = edge.bundle(&scene, BundleRequest::default()).await?.context("the first")?;
    assert_eq!(first.people.iter().map(|p| p.email.as_str()).collect::<Vec<_>>(), ["hr@padma.example"]);
    assert!(first.grants.is_empty());
    let has = BundleRequest::of(Some((first.epoch, first.issued_at)));
    assert_eq!(edge.bundle(&scene, has).await?, None, "nothing is new");
    let old = BundleRequest::of(Some((first.epoch, first.issued_at - TimeDelta::hours(2))));
    let renewed = edge.bundle(&scene, old).await?.context("its lease goes on")?;
    assert_eq!(renewed.epoch, first.epoch);

    let given = scene.grant(person, SystemClock.now()).await?;
    let granted = edge.bundle(&scene, has).await?.context("a grant is news")?;
    assert!(granted.epoch > first.epoch);
    assert_eq!(granted.grants.iter().map(|grant| grant.id).collect::<Vec<_>>(), [given]);
    sqlx::query("UPDATE app_user SET name = 'Another'").execute(&mut scene.database().await?).await?;
    let has = BundleRequest::of(Some((granted.epoch, granted.issued_at)));
    let renamed = edge.bundle(&scene, has).await?.context("people are news")?;
    assert!(renamed.epoch > granted.epoch);
    sqlx::query("UPDATE app_user SET state = 'disabled'").execute(&mut scene.database().await?).await?;
    let has = BundleRequest::of(Some((renamed.epoch, renamed.issued_at)));
    let gone = edge.bundle(&scene, has).await?.context("who left is news")?;
    assert!(gone.people.is_empty() && gone.grants.is_empty());
    let mut tx = scene.begin().await?;
    assert_eq!(bundle::epoch(&mut tx, &OsEntropy, SystemClock.now()).await?, gone.epoch);
    Ok(())
}
