//! What people change on the cloud's pages comes down at the edges; what was changed meanwhile is not overwritten unseen.

use anyhow::{Context as _, Result};
use cloud_server::clock::{OsEntropy, SystemClock};
use serde_json::json;
use shared_model::access::Role;
use shared_model::{FieldMap, FieldTag, Kind};
use sync_protocol::memory::Edit;
use sync_protocol::{Op, VersionVector};
use system_tests::cloud_edge::CloudEdge;
use system_tests::cloud_http::{Browser, CloudHttp, Factory};
use system_tests::cloud_people::{member, operator};
use uuid::Uuid;

const NAME: FieldTag = FieldTag(2);

async fn set_up(cloud: &CloudHttp, role: Role) -> Result<(Factory, CloudEdge, Browser)> {
    operator(cloud).await?;
    let factory = cloud.factory("Karnaphuli").await?;
    let edge = CloudEdge::enrolled(cloud, factory).await?;
    edge.exchange(cloud).await?;
    let browser = member(cloud, "hr@example.com", factory, role).await?;
    Ok((factory, edge, browser))
}

/// The value that a page's form has in a field.
fn value<'t>(page: &'t str, name: &str) -> Result<&'t str> {
    let field = format!("name=\"{name}\" ");
    let rest = page.split(field.as_str()).nth(1).with_context(|| format!("the field {name}"))?;
    let value = rest.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
    value.context("its value")
}

fn names(edge: &CloudEdge) -> Vec<String> {
    edge.disk.look(|disk| {
        let people = disk.records.iter().filter(|((kind, _), _)| *kind == Kind::Employee);
        people.filter_map(|(_, record)| Some(record.fields.get(&NAME)?.as_str()?.to_owned())).collect()
    })
}

#[tokio::test]
async fn a_person_added_and_changed_here_comes_down() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (factory, edge, mut hr) = set_up(&cloud, Role::Owner).await?;
    let site = factory.site.to_string();
    let new = [("code", "E 1"), ("name", "Rahima"), ("site", site.as_str()), ("department", "")];
    assert_eq!(hr.post("/people/new", &new).await?.status, 422, "a code has no spaces");
    let new = [("code", "E1"), ("name", "Rahima"), ("site", site.as_str()), ("department", "")];
    assert_eq!(hr.post("/people/new", &new).await?.location.as_deref(), Some("/people"));
    assert_eq!(hr.post("/people/new", &new).await?.status, 422, "the code is taken");
    edge.exchange(&cloud).await?;
    assert_eq!(names(&edge), ["Rahima"]);

    let list = hr.get("/people").await?.text;
    let path = list.split("href=\"/people/").filter_map(|rest| rest.split('"').next());
    let id: Uuid = path.filter_map(|text| text.parse().ok()).next().context("a link to the person")?;
    let path = format!("/people/{id}");
    let form = hr.get(&path).await?.text;
    let (seen, was) = (value(&form, "seen")?.to_owned(), value(&form, "was-name")?.to_owned());

    // While the form is open the edge sets a department that the form does not touch.
    let saw = edge.disk.record(Kind::Employee, id).context("the record")?.vv;
    let fields = FieldMap::from([(FieldTag(5), json!("Operator"))]);
    edge.disk.edit(&[Edit { key: (Kind::Employee, id), op: Op::Update, saw: saw.clone(), fields }]);
    edge.exchange(&cloud).await?;
    let changed = [
        ("seen", seen.as_str()),
        ("name", "Rahima Khatun"),
        ("was-name", was.as_str()),
        ("department", ""),
        ("was-department", ""),
        ("active", "yes"),
        ("was-active", "yes"),
    ];
    assert_eq!(hr.post(&path, &changed).await?.location.as_deref(), Some("/people"));
    edge.exchange(&cloud).await?;
    let record = edge.disk.record(Kind::Employee, id).context("the record")?;
    assert_eq!(record.fields.get(&NAME), Some(&json!("Rahima Khatun")));
    assert_eq!(record.fields.get(&FieldTag(5)), Some(&json!("Operator")));
    assert_eq!(edge.disk.look(|disk| disk.conflicts.len()), 0, "they changed different fields");

    // The same form saved once more: its author has not seen what came since.
    let again =
        changed.map(|(name, value)| if name == "name" { (name, "Rahima Begum") } else { (name, value) });
    assert_eq!(hr.post(&path, &again).await?.status, 303);
    let page = hr.get("/conflicts").await?.text;
    assert!(page.contains("Rahima Begum") && page.contains("Rahima Khatun"), "both versions side by side");
    let action = page.split("action=\"/conflicts/").nth(1).and_then(|rest| rest.split('"').next());
    let action = format!("/conflicts/{}", action.context("a way to settle it")?);
    assert_eq!(hr.post(&action, &[("choice", "other")]).await?.status, 404);
    assert_eq!(hr.post(&action, &[("choice", "arriving")]).await?.status, 303);
    edge.exchange(&cloud).await?;
    assert_eq!(names(&edge), ["Rahima Begum"]);
    assert!(!hr.get("/conflicts").await?.text.contains("Rahima Begum"));
    Ok(())
}

#[tokio::test]
async fn a_clock_renamed_here_is_renamed_there() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (factory, edge, mut hr) = set_up(&cloud, Role::HrAdmin).await?;
    let key = shared_model::id::uuid_v7(&SystemClock, &OsEntropy);
    let fields = FieldMap::from([
        (FieldTag(1), json!("CLOCK1")),
        (NAME, json!("Gate")),
        (FieldTag(3), json!(factory.site)),
        (FieldTag(4), json!("push")),
        (FieldTag(6), json!("active")),
        (FieldTag(8), json!("ignore")),
        (FieldTag(11), json!(false)),
    ]);
    let saw = VersionVector::new();
    edge.disk.edit(&[Edit { key: (Kind::Device, key), op: Op::Create, saw, fields }]);
    edge.exchange(&cloud).await?;
    assert!(hr.get("/clocks").await?.text.contains("href=\"/clocks/CLOCK1\""));
    let form = hr.get("/clocks/CLOCK1").await?.text;
    let seen = value(&form, "seen")?.to_owned();
    let changed = [("seen", seen.as_str()), ("was-name", "Gate"), ("name", "East gate")];
    assert_eq!(hr.post("/clocks/CLOCK1", &changed).await?.location.as_deref(), Some("/clocks"));
    edge.exchange(&cloud).await?;
    let record = edge.disk.record(Kind::Device, key).context("the clock")?;
    assert_eq!(record.fields.get(&NAME), Some(&json!("East gate")));
    assert_eq!(hr.get("/clocks/NONE").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn another_companys_people_and_conflicts_are_not_there() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (_, edge, _) = set_up(&cloud, Role::HrAdmin).await?;
    let key = shared_model::id::uuid_v7(&SystemClock, &OsEntropy);
    let fields = FieldMap::from([
        (FieldTag(1), json!("E1")),
        (NAME, json!("Rahima")),
        (FieldTag(6), json!("worker")),
        (FieldTag(10), json!(true)),
    ]);
    let site = edge.disk.look(|disk| disk.records.keys().find(|(kind, _)| *kind == Kind::Site).map(|k| k.1));
    let mut fields = fields;
    fields.insert(FieldTag(3), json!(site));
    edge.disk.edit(&[Edit { key: (Kind::Employee, key), op: Op::Create, saw: VersionVector::new(), fields }]);
    edge.exchange(&cloud).await?;
    let strangers = cloud.factory("Meghna").await?;
    let mut stranger = member(&cloud, "other@example.com", strangers, Role::Owner).await?;
    assert!(!stranger.get("/people").await?.text.contains("Rahima"));
    assert_eq!(stranger.get(&format!("/people/{key}")).await?.status, 404);
    let form = [("seen", hex::encode(VersionVector::new().encode())), ("name", "X".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(stranger.post(&format!("/people/{key}"), &form).await?.status, 404);
    Ok(())
}
