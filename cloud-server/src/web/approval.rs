//! Phone punches: those that wait, the decision about them, those that were decided.

mod grant;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shared_model::PhonePunchId;
use shared_model::access::Permission;
use shared_model::entity::{PhoneDirection, RequestState};
use shared_model::text::Line;
use sync_protocol::authority::Refusal as NoAuthority;
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, Texts, Tone, View,
    WebApp as _,
};

use super::{App, Person};
use crate::store::phone_punch::{self, NotDecided, SecondLook, Waiting};

/// How long a decision is listed.
const DECIDED_SHOWN: TimeDelta = TimeDelta::days(7);
/// How far a phone's word of how long it kept a punch may be from the time that it took to come.
const CLAIM_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/approvals", Access::Needs(Permission::ApprovalsView), show)
        .post("/approvals", Access::Needs(Permission::ApprovalsDecide), decide)
        .extend(grant::routes())
}

/// A phone punch as the page shows it.
struct Row {
    id: PhonePunchId,
    name: String,
    code: String,
    when: String,
    direction: String,
    /// What is said of the place, and how it looks.
    place: (Tone, String),
    accuracy: Option<i64>,
    phone: String,
    /// How long after the punch it was received.
    received: Option<String>,
    history: (i64, i64),
    /// What whoever decides is warned of.
    marks: Vec<(Tone, String)>,
    /// The state, and who decided when and why.
    state: (Tone, String),
    decided_at: Option<String>,
    reason: Option<String>,
}

#[derive(Template)]
#[template(path = "approval/list.html")]
struct ListPage {
    page: Page,
    waiting: Vec<Row>,
    decided: Vec<Row>,
    form: FormState,
    may_decide: bool,
    may_grant: bool,
}

async fn show(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let waiting = phone_punch::waiting(&mut tx).await?;
    let decided = phone_punch::decided(&mut tx, app.now() - DECIDED_SHOWN).await?;
    let looks = phone_punch::second_looks(&mut tx).await?;
    let rows = |list: Vec<Waiting>| list.iter().map(|one| row(&page.texts, one, &looks)).collect();
    let (waiting, decided) = (rows(waiting), rows(decided));
    Ok(View(ListPage {
        page,
        waiting,
        decided,
        form: FormState::default(),
        may_decide: app.allows(&who.user, Permission::ApprovalsDecide),
        may_grant: app.allows(&who.user, Permission::MembersEdit),
    }))
}

fn row(texts: &Texts, one: &Waiting, looks: &[SecondLook]) -> Row {
    let punch = &one.punch;
    let zone: Tz = punch.zone.as_str().parse().unwrap_or(Tz::UTC);
    let wall = |at: DateTime<Utc>| texts.date_time(at.with_timezone(&zone).naive_local());
    let took = (punch.received_at - punch.instant).max(TimeDelta::zero());
    let direction = match punch.direction {
        PhoneDirection::In => Key::new("approval-in"),
        PhoneDirection::Out => Key::new("approval-out"),
    };
    Row {
        id: one.id,
        name: one.employee.as_ref().map_or_else(String::new, |person| person.name.to_string()),
        code: one.employee.as_ref().map_or_else(String::new, |person| person.code.to_string()),
        when: wall(punch.instant),
        direction: texts.t(direction).to_string(),
        place: place(texts, one),
        accuracy: punch.accuracy_m,
        phone: punch.phone.to_string(),
        received: (took >= TimeDelta::minutes(1)).then(|| texts.span(took)),
        history: one.history,
        marks: marks(texts, one, looks, took),
        state: state(texts, punch.state),
        decided_at: punch.decided_at.map(wall),
        reason: punch.reason.as_ref().map(ToString::to_string),
    }
}

/// `took`: how long after the punch it was received.
fn marks(texts: &Texts, one: &Waiting, looks: &[SecondLook], took: TimeDelta) -> Vec<(Tone, String)> {
    let look = |look: &SecondLook| {
        let name = look.name.clone().unwrap_or_else(|| look.decision.by.to_string());
        let key = match (look.decision.approve, one.out_of_use) {
            (true, true) => Key::new("approval-look-out-of-use"),
            (true, false) => Key::new("approval-look-approved"),
            (false, _) => Key::new("approval-look-rejected"),
        };
        (Tone::Warn, texts.t(key).with("name", name.as_str()).to_string())
    };
    let mut marks: Vec<_> = looks.iter().filter(|look| look.id == one.id).map(look).collect();
    if one.out_of_use {
        marks.push((Tone::Bad, texts.t("approval-out-of-use").to_string()));
    }
    if one.has_twin {
        marks.push((Tone::Warn, texts.t("approval-twin").to_string()));
    }
    let claimed = TimeDelta::seconds(one.punch.offline_s);
    if (claimed - took).abs() > CLAIM_TOLERANCE {
        let span = texts.span(claimed);
        marks.push((Tone::Warn, texts.t("approval-claim").with("span", span.as_str()).to_string()));
    }
    marks
}

fn place(texts: &Texts, one: &Waiting) -> (Tone, String) {
    match one.distance_m {
        Some((distance, radius)) if distance <= radius => {
            (Tone::Good, texts.t("approval-inside").with("metres", distance).to_string())
        }
        Some((distance, _)) => (Tone::Warn, texts.t("approval-outside").with("metres", distance).to_string()),
        None => (Tone::Neutral, texts.t("approval-nowhere").to_string()),
    }
}

fn state(texts: &Texts, state: RequestState) -> (Tone, String) {
    let (tone, key) = match state {
        RequestState::Pending => (Tone::Pending, Key::new("approval-pending")),
        RequestState::Approved => (Tone::Good, Key::new("approval-approved")),
        RequestState::Rejected => (Tone::Bad, Key::new("approval-rejected")),
        RequestState::Cancelled => (Tone::Neutral, Key::new("approval-cancelled")),
    };
    (tone, texts.t(key).to_string())
}

/// Decides the chosen ones, each in a transaction of its own: one that cannot be decided holds up no other.
async fn decide(State(app): State<App>, who: Current<Person>, form: FormState) -> Result<Response, Failure> {
    let approve = match form.value("decision") {
        "approve" => true,
        "reject" => false,
        _ => return Err(Refusal::NotFound.into()),
    };
    let reason = Line::parse(form.value("reason")).ok();
    let access = who.user.access()?;
    let (mut done, mut refused) = (0_usize, None);
    for id in form.all("punch") {
        let id: PhonePunchId = id.parse().map_err(|_| Refusal::NotFound)?;
        let mut tx = app.store().begin(&access).await?;
        let author = who.user.author(app.now());
        match phone_punch::decide(&mut tx, id, approve, reason.clone(), who.user.id, author).await {
            Ok(()) => {
                tx.commit().await?;
                done += 1;
            }
            Err(NotDecided::Write(error)) => return Err(error.into()),
            Err(NotDecided::NotFound) => return Err(Refusal::NotFound.into()),
            Err(NotDecided::Already(_)) => refused = Some(Key::new("approval-already")),
            Err(NotDecided::OutOfUse) => refused = Some(Key::new("approval-refused-out-of-use")),
            Err(NotDecided::Refused(why)) => refused = Some(told(why)),
        }
    }
    let flash = match refused {
        Some(why) => Flash::bad(why),
        None if done == 0 => Flash::bad("approval-none-chosen"),
        None if approve => Flash::good("approval-were-approved").with("count", done.to_string()),
        None => Flash::good("approval-were-rejected").with("count", done.to_string()),
    };
    Ok((flash, Redirect::to("/approvals")).into_response())
}

/// The text of a refusal for the person who was refused.
const fn told(refusal: NoAuthority) -> Key {
    match refusal {
        NoAuthority::OwnPunch => Key::new("approval-own"),
        NoAuthority::NotGranted
        | NoAuthority::Forged
        | NoAuthority::Epoch
        | NoAuthority::Lease
        | NoAuthority::SecondLook => Key::new("approval-not-granted"),
    }
}
