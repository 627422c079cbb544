//! What needs a person's look: records in use that share a key.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use shared_model::access::Permission;
use shared_model::{Kind, SiteId};
use uuid::Uuid;
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, Tone, View, WebApp as _,
};

use super::{App, Person};
use crate::store::attention::{self, MergeError, SharedKey};
use crate::store::{company, own_change, quarantine};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/attention", Access::Needs(Permission::PeopleView), list).post(
        "/attention/keep",
        Access::Needs(Permission::PeopleEdit),
        keep,
    )
}

struct Line {
    key: Uuid,
    name: String,
    site: String,
    edge: Option<String>,
    punches: Option<i64>,
    /// The other record of a pair, where this one may be kept in its place.
    other: Option<Uuid>,
}

struct Group {
    kind: Kind,
    value: Option<String>,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "attention.html")]
struct AttentionPage {
    page: Page,
    groups: Vec<Group>,
    quarantined: i64,
    warn: Tone,
}

impl AttentionPage {
    fn title(&self, group: &Group) -> String {
        let kind = match group.kind {
            Kind::Employee => Key::new("attention-employees"),
            Kind::Device => Key::new("attention-clocks"),
            Kind::Shift => Key::new("attention-shifts"),
            Kind::Department => Key::new("attention-departments"),
            Kind::Site
            | Kind::Company
            | Kind::Roster
            | Kind::RosterDay
            | Kind::Policy
            | Kind::Holiday
            | Kind::Leave
            | Kind::Identity
            | Kind::PunchNote
            | Kind::DayDecision
            | Kind::PayPeriod
            | Kind::CompanyRule
            | Kind::PhonePunch => Key::new("attention-sites"),
        };
        match &group.value {
            Some(value) => self.page.t(kind).with("key", value.as_str()).to_string(),
            None => self.page.t("attention-without-key").to_string(),
        }
    }
}

async fn list(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
) -> Result<View<AttentionPage>, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let sites = company::sites(&mut tx).await?;
    let site_name = |id: Option<SiteId>| {
        let found = id.and_then(|id| sites.iter().find(|site| site.id == id));
        found.map_or_else(|| page.t("attention-every-site").to_string(), |site| site.name.clone())
    };
    let may_edit = app.allows(&who.user, Permission::PeopleEdit);
    let shared = attention::shared_keys(&mut tx).await?;
    let quarantined = quarantine::open_count(&mut tx).await?;
    let group = |shared: SharedKey| {
        let is_pair = shared.records.len() == 2 && shared.kind == Kind::Employee && shared.value.is_some();
        let keys: Vec<Uuid> = shared.records.iter().map(|record| record.key).collect();
        let other = |key: Uuid| keys.iter().copied().find(|other| *other != key);
        let lines = shared.records.into_iter().map(|record| Line {
            key: record.key,
            name: record.name,
            site: site_name(record.site),
            edge: record.edge.map(|(_, name)| name),
            punches: record.punches,
            other: other(record.key).filter(|_| is_pair && may_edit),
        });
        Group { kind: shared.kind, value: shared.value, lines: lines.collect() }
    };
    let groups = shared.into_iter().map(group).collect();
    Ok(View(AttentionPage { page, groups, quarantined, warn: Tone::Warn }))
}

/// Makes one person of two: the one kept takes over the other's punches.
async fn keep(State(app): State<App>, who: Current<Person>, form: FormState) -> Result<Response, Failure> {
    let id = |field: &str| form.value(field).parse::<Uuid>().map_err(|_| Refusal::NotFound);
    let (kept, other) = (id("keep")?, id("other")?);
    let mut tx = app.store().begin(&who.user.access()?).await?;
    match attention::keep_one_employee(&mut tx, kept, other, who.user.author(app.now())).await {
        Ok(()) => {}
        // Settled by somebody else, or another company's: either is nothing to do here.
        Err(MergeError::NotShared) => return Err(Refusal::NotFound.into()),
        Err(MergeError::Change(own_change::OwnChangeError::Store(error)) | MergeError::Store(error)) => {
            return Err(error.into());
        }
        Err(error @ MergeError::Change(_)) => return Err(Failure::new(Refusal::Conflict, error)),
    }
    tx.commit().await?;
    Ok((Flash::good("attention-was-kept"), Redirect::to("/attention")).into_response())
}
