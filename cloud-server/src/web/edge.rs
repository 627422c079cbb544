//! Edges: when they were last heard of, what they lag, and whether they compute the same as the cloud.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use shared_model::EdgeId;
use shared_model::access::Permission;
use web_kit::locale::DateStyle;
use web_kit::{Access, Chip, Current, Failure, Flash, Page, Refusal, RouteTable, Tone, View, WebApp as _};

use super::{App, Person, text};
use crate::store::company;
use crate::store::digest::{self, Agreement, Comparison};
use crate::store::edge::{self, EdgeRow, EdgeState};
use crate::store::{conflict, quarantine, record_digest};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/edges", Access::Needs(Permission::SyncView), list).post(
        "/edges/{edge}/retire",
        Access::Needs(Permission::SyncEdit),
        retire,
    )
}

/// An edge that was silent for longer is shown as away.
const SILENT_MINUTES: i64 = 15;

/// For how many days a new life of an edge is worth a word.
const LATELY_DAYS: i64 = 30;

struct Line {
    edge: EdgeRow,
    sites: String,
    enrolled: String,
    ago: Option<String>,
    waiting: Option<i64>,
    silent: bool,
    /// How its records compare with ours.
    records: Option<record_digest::Agreement>,
}

/// An edge that holds other records than the cloud.
struct Alarm {
    edge: String,
    kinds: String,
}

struct DigestLine {
    edge: String,
    month: String,
    line: Comparison,
}

#[derive(Template)]
#[template(path = "edge/list.html")]
struct ListPage {
    page: Page,
    lines: Vec<Line>,
    digests: Vec<DigestLine>,
    quarantined: i64,
    /// What is to be said of edges whose data folder was put back or copied lately.
    new_lives: Vec<String>,
    conflicts: i64,
    alarms: Vec<Alarm>,
    bad: Tone,
    may_edit: bool,
    warn: Tone,
}

impl ListPage {
    fn state(&self, line: &Line) -> Chip<'_> {
        let (tone, label) = match line.edge.state {
            EdgeState::Retired => (Tone::Neutral, self.page.t("edge-retired")),
            EdgeState::Active if line.ago.is_none() => (Tone::Pending, self.page.t("edge-never-seen")),
            EdgeState::Active if line.silent => (Tone::Warn, self.page.t("edge-silent")),
            EdgeState::Active => (Tone::Good, self.page.t("edge-in-touch")),
        };
        self.page.chip(tone, label.to_string())
    }

    fn records(&self, agreement: &record_digest::Agreement) -> Chip<'_> {
        use record_digest::Agreement as A;
        let (tone, label) = match agreement {
            A::Waiting => (Tone::Pending, self.page.t("records-waiting")),
            A::Moved => (Tone::Neutral, self.page.t("records-moved")),
            A::Same => (Tone::Good, self.page.t("records-same")),
            A::Different => (Tone::Bad, self.page.t("records-different")),
        };
        self.page.chip(tone, label.to_string())
    }

    fn agreement(&self, line: &Comparison) -> Chip<'_> {
        let (tone, label) = match line.agreement {
            Agreement::Nothing => (Tone::Neutral, self.page.t("digest-nothing")),
            Agreement::Same => (Tone::Good, self.page.t("digest-same")),
            Agreement::Waiting => (Tone::Pending, self.page.t("digest-waiting")),
            Agreement::Different => (Tone::Bad, self.page.t("digest-different")),
            Agreement::OtherEngine => (Tone::Neutral, self.page.t("digest-other-engine")),
        };
        self.page.chip(tone, label.to_string())
    }
}

async fn list(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let now = app.now();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let sites = company::sites(&mut tx).await?;
    let name_of = |id| sites.iter().find(|site| site.id == id).map_or("", |site| site.name.as_str());
    let edges = edge::list(&mut tx).await?;
    let digests = digest::comparisons(&mut tx).await?;
    let quarantined = quarantine::open_count(&mut tx).await?;
    let new_life = |row: &EdgeRow| {
        let (at, rows) =
            row.new_life.filter(|(at, _)| now.signed_duration_since(*at).num_days() < LATELY_DAYS)?;
        let zone = sites.iter().find(|site| row.sites.contains(&site.id)).map(|site| site.zones.latest());
        let at = zone.map_or(at.naive_utc(), |zone| at.with_timezone(&zone).naive_local());
        let text = page.t("edge-new-life").with("name", row.name.as_str()).with("rows", rows);
        Some(text.with("at", page.texts.date_time(at)).to_string())
    };
    let new_lives = edges.iter().filter_map(new_life).collect();
    let conflicts = conflict::open_count(&mut tx).await?;
    let compared = record_digest::comparisons(&mut tx).await?;
    let alarms = compared
        .iter()
        .filter(|line| line.agreement == record_digest::Agreement::Different)
        .map(|line| {
            let edge = edges.iter().find(|edge| edge.id == line.edge).map_or("", |edge| edge.name.as_str());
            let kinds = line.differing.iter().map(|kind| page.t(text::kind(*kind)).to_string());
            Alarm { edge: edge.to_owned(), kinds: kinds.collect::<Vec<_>>().join(", ") }
        })
        .collect();
    let digests = digests
        .into_iter()
        .map(|line| {
            let edge = edges.iter().find(|edge| edge.id == line.edge).map_or("", |edge| edge.name.as_str());
            let month = page.texts.date_as(line.month, DateStyle::Month);
            DigestLine { edge: edge.to_owned(), month, line }
        })
        .collect();
    let lines = edges
        .into_iter()
        .map(|edge| {
            let since = edge.last_seen.map(|at| now.signed_duration_since(at));
            Line {
                enrolled: page.texts.date(edge.enrolled_at.date_naive()),
                sites: edge.sites.iter().map(|site| name_of(*site)).collect::<Vec<_>>().join(", "),
                ago: since.map(|since| page.texts.ago(since)),
                silent: since.is_none_or(|since| since.num_minutes() >= SILENT_MINUTES),
                waiting: edge.outbox(),
                records: compared.iter().find(|line| line.edge == edge.id).map(|line| line.agreement),
                edge,
            }
        })
        .collect();
    let may_edit = app.allows(&who.user, Permission::SyncEdit);
    let (warn, bad) = (Tone::Warn, Tone::Bad);
    Ok(View(ListPage {
        page,
        lines,
        digests,
        quarantined,
        new_lives,
        conflicts,
        alarms,
        bad,
        may_edit,
        warn,
    }))
}

async fn retire(
    State(app): State<App>,
    who: Current<Person>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id: EdgeId = id.parse().map_err(|_| Refusal::NotFound)?;
    let mut tx = app.store().begin(&who.user.access()?).await?;
    if !edge::retire(&mut tx, id, who.user.author(app.now())).await? {
        return Err(Refusal::NotFound.into());
    }
    tx.commit().await?;
    Ok((Flash::good("edge-was-retired"), Redirect::to("/edges")).into_response())
}
