//! Phone punches of people whose record is out of use, and what whoever decides is warned of.

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::audit::Author;
use cloud_server::store::phone_punch::{self, NotDecided};
use cloud_server::store::{attention, grant, own_change, record};
use serde_json::{Value, json};
use shared_model::access::Role;
use shared_model::{Clock as _, EmployeeId, FieldMap, FieldTag, Kind, PhonePunchId, UserId};
use system_tests::cloud_http::author;
use system_tests::cloud_people::{member, operator};

use crate::scene::{Edge, Scene, count};

const LEFT: FieldTag = FieldTag(9);
const ACTIVE: FieldTag = FieldTag(10);

async fn change(scene: &Scene, fields: FieldMap) -> Result<()> {
    let mut tx = scene.begin().await?;
    let key = scene.employee.uuid();
    let saw = record::one(&mut tx, Kind::Employee, key).await?.context("the employee")?.vv;
    own_change::update(&mut tx, Kind::Employee, key, fields, saw, author()).await?;
    Ok(tx.commit().await?)
}

async fn decide(
    scene: &Scene,
    id: PhonePunchId,
    person: UserId,
    approve: bool,
) -> Result<Result<(), NotDecided>> {
    let mut tx = scene.begin_as(person).await?;
    let by = Author { actor: person.into(), ..author() };
    let decided = phone_punch::decide(&mut tx, id, approve, None, person, by).await;
    if decided.is_ok() {
        tx.commit().await?;
    }
    Ok(decided)
}

#[tokio::test]
async fn nothing_is_approved_for_a_record_out_of_use() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let [id, other] = [scene.punched().await?, scene.punched().await?];
    let edge = Edge::enrolled(&scene).await?;
    let decision = edge.decision(&scene, person, true).await?;
    change(&scene, FieldMap::from([(ACTIVE, json!(false))])).await?;

    let mut tx = scene.begin().await?;
    assert!(phone_punch::waiting(&mut tx).await?.iter().all(|one| one.out_of_use));
    tx.rollback().await?;
    assert!(matches!(decide(&scene, id, person, true).await?, Err(NotDecided::OutOfUse)));
    // Decided at an edge that did not know yet.
    edge.decide(&scene, id, &decision, person).await?;
    assert_eq!((scene.state(id).await?.as_str(), count(&scene, "ledger").await?), ("pending", 0));
    let mut tx = scene.begin().await?;
    let looks = phone_punch::second_looks(&mut tx).await?;
    assert_eq!(looks.iter().map(|look| (look.id, look.decision.by)).collect::<Vec<_>>(), [(id, person)]);
    tx.rollback().await?;
    decide(&scene, other, person, false).await??;
    assert_eq!(scene.state(other).await?, "rejected", "that is always possible");

    // Left today, with his last day on record: what he punched until then is his.
    let today = SystemClock.now().date_naive();
    change(&scene, FieldMap::from([(LEFT, json!(today - TimeDelta::days(3)))])).await?;
    assert!(matches!(decide(&scene, id, person, true).await?, Err(NotDecided::OutOfUse)));
    change(&scene, FieldMap::from([(LEFT, json!(today))])).await?;
    decide(&scene, id, person, true).await??;
    assert_eq!((scene.state(id).await?.as_str(), count(&scene, "ledger").await?), ("approved", 1));
    Ok(())
}

/// Another record in use with the employee's code.
async fn twin_record(scene: &Scene) -> Result<EmployeeId> {
    let mut tx = scene.begin().await?;
    let fields = record::one(&mut tx, Kind::Employee, scene.employee.uuid()).await?.context("him")?.fields;
    let same = <shared_model::entity::Employee as shared_model::entity::Entity>::from_fields(&fields)?;
    let twin = EmployeeId::mint(&SystemClock, &OsEntropy);
    own_change::create(&mut tx, twin.uuid(), &same, author()).await?;
    tx.commit().await?;
    Ok(twin)
}

#[tokio::test]
async fn the_record_that_is_kept_takes_over_phones_and_links() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let token = scene.sign_in().await?;
    let (_, waits) = scene.post("punches", Some(&token), &scene.told()).await?;
    let kept = twin_record(&scene).await?;
    let mut tx = scene.begin().await?;
    grant::link_employee(&mut tx, person, Some(scene.employee), author()).await?;
    attention::keep_one_employee(&mut tx, kept.uuid(), scene.employee.uuid(), author()).await?;
    tx.commit().await?;

    let (status, answer) = scene.post("punches", Some(&token), &scene.told()).await?;
    assert_eq!(status, 201, "the phone goes on: {answer}");
    let id: PhonePunchId = answer["id"].as_str().context("an id")?.parse()?;
    let other = scene.approver("other@padma.example").await?;
    decide(&scene, id, other, true).await??;
    let owner: EmployeeId = sqlx::query_scalar("SELECT DISTINCT employee FROM day_punch")
        .fetch_one(&mut scene.database().await?)
        .await?;
    assert_eq!(owner, kept);
    let mut tx = scene.begin().await?;
    let standing = grant::standing(&mut tx, person).await?.context("a member")?;
    assert_eq!(standing.employee, Some(kept), "still nobody decides about himself");
    tx.rollback().await?;
    let before: PhonePunchId = waits["id"].as_str().context("an id")?.parse()?;
    assert!(matches!(decide(&scene, before, other, true).await?, Err(NotDecided::OutOfUse)));
    Ok(())
}

#[tokio::test]
async fn phones_of_a_dropped_record_are_signed_out_where_the_kept_one_has_its_own() -> Result<()> {
    let scene = Scene::start().await?;
    let theirs = scene.sign_in().await?;
    let dropped = twin_record(&scene).await?;
    let scene = Scene { employee: dropped, ..scene };
    let token = scene.sign_in().await?;
    let kept: Vec<EmployeeId> =
        sqlx::query_scalar("SELECT employee FROM mobile_session WHERE employee <> $1")
            .bind(dropped)
            .fetch_all(&mut scene.database().await?)
            .await?;
    let mut tx = scene.begin().await?;
    attention::keep_one_employee(&mut tx, kept[0].uuid(), dropped.uuid(), author()).await?;
    tx.commit().await?;
    assert_eq!(scene.post("punches", Some(&token), &scene.told()).await?.0, 401);
    assert_eq!(scene.post("punches", Some(&theirs), &scene.told()).await?.0, 201);
    Ok(())
}

#[tokio::test]
async fn the_page_marks_twins_late_claims_and_records_out_of_use() -> Result<()> {
    const TWIN: &str = "another punch of the same second";
    const CLAIM: &str = "The phone says it kept this for";
    const OUT_OF_USE: &str = "record is out of use";
    let scene = Scene::start().await?;
    operator(&scene.cloud).await?;
    let mut browser = member(&scene.cloud, "hr@padma.example", scene.factory, Role::Owner).await?;
    let token = scene.sign_in().await?;
    let first = scene.told();
    let (_, answer) = scene.post("punches", Some(&token), &first).await?;
    let page = browser.get("/approvals").await?.text;
    assert!(page.contains("received after 1 min"), "{page}");
    assert!(![TWIN, CLAIM, OUT_OF_USE].iter().any(|mark| page.contains(mark)), "{page}");

    let mut late = scene.told();
    late["at"] = json!(SystemClock.now() - TimeDelta::hours(3));
    assert_eq!(scene.post("punches", Some(&token), &late).await?.0, 201);
    let page = browser.get("/approvals").await?.text;
    assert!(page.contains("received after 3 h"), "{page}");
    assert_eq!((page.matches(CLAIM).count(), page.matches(TWIN).count()), (1, 0), "{page}");

    let mut twin: Value = first.clone();
    twin["client_id"] = scene.told()["client_id"].clone();
    let (status, second) = scene.post("punches", Some(&token), &twin).await?;
    assert_eq!(status, 201);
    assert_ne!(answer["id"], second["id"], "what a phone says is kept");
    let page = browser.get("/approvals").await?.text;
    assert_eq!(page.matches(TWIN).count(), 2, "{page}");

    change(&scene, FieldMap::from([(ACTIVE, json!(false))])).await?;
    let found = scene.cloud.store.user_by_email("hr@padma.example").await?;
    let (user, _) = found.context("the member")?;
    scene.grant(user.user_id, SystemClock.now()).await?;
    let page = browser.get("/approvals").await?.text;
    assert_eq!(page.matches(OUT_OF_USE).count(), 3, "{page}");
    let id = answer["id"].as_str().context("an id")?;
    let told = browser.post("/approvals", &[("punch", id), ("decision", "approve"), ("reason", "")]).await?;
    // What was refused is told on the next page, by a cookie.
    let flash = told.header("set-cookie").and_then(|cookie| cookie.split(';').next()).context("a message")?;
    let session = browser.session().context("signed in")?;
    let cookies = format!("{session}; {flash}");
    browser.set_session(Some(cookies));
    let page = browser.get("/approvals").await?.text;
    assert!(page.contains("Bring it back into use"), "{page}");
    assert_eq!(scene.state(id.parse()?).await?, "pending");
    Ok(())
}

#[tokio::test]
async fn who_decides_without_being_an_employee_is_listed() -> Result<()> {
    let scene = Scene::start().await?;
    let person = scene.approver("hr@padma.example").await?;
    let past = scene.member("past@padma.example").await?;
    let now = SystemClock.now();
    scene.grant_until(past, now - TimeDelta::hours(2), now - TimeDelta::hours(1)).await?;
    let mut tx = scene.begin().await?;
    assert_eq!(grant::unlinked(&mut tx, now).await?, ["hr@padma.example"]);
    grant::link_employee(&mut tx, person, Some(scene.employee), author()).await?;
    assert!(grant::unlinked(&mut tx, now).await?.is_empty());
    Ok(())
}
