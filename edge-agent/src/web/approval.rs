//! Phone punches: those that wait, the decision about them, and what became of decisions made here.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use shared_model::PhonePunchId;
use shared_model::access::Permission;
use shared_model::entity::PhoneDirection;
use shared_model::text::Line;
use sync_protocol::authority::Refusal as NoAuthority;
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, Texts, Tone, View,
    WebApp as _,
};

use super::{App, Person};
use crate::store::{ListedPunch, NotDecided, OwnDecision, Standing};

/// How long a decision is listed.
const DECIDED_SHOWN: TimeDelta = TimeDelta::days(7);

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/approvals", Access::Needs(Permission::ApprovalsView), show).post(
        "/approvals",
        Access::Needs(Permission::ApprovalsDecide),
        decide,
    )
}

/// A phone punch as the page shows it.
struct Row {
    id: PhonePunchId,
    name: String,
    code: String,
    when: String,
    direction: String,
    place: (Tone, String),
    accuracy: Option<i64>,
    phone: String,
    offline: Option<String>,
    history: (i64, i64),
    /// What became of the decision made here, and who made it.
    standing: Option<(Tone, String)>,
    decided_by: Option<String>,
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
}

async fn show(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let since = app.now() - DECIDED_SHOWN;
    let (waiting, decided) = app
        .store()
        .read(move |tx| Ok((tx.waiting_phone_punches()?, tx.decided_phone_punches(since)?)))
        .await?;
    let rows = |list: Vec<ListedPunch>| list.iter().map(|one| row(&page.texts, one)).collect();
    let (waiting, decided) = (rows(waiting), rows(decided));
    let may_decide = app.allows(&who.user, Permission::ApprovalsDecide);
    Ok(View(ListPage { page, waiting, decided, form: FormState::default(), may_decide }))
}

fn row(texts: &Texts, one: &ListedPunch) -> Row {
    let punch = &one.punch;
    let zone: Tz = punch.zone.as_str().parse().unwrap_or(Tz::UTC);
    let wall = |at: DateTime<Utc>| texts.date_time(at.with_timezone(&zone).naive_local());
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
        offline: (punch.offline_s >= 60).then(|| texts.span(TimeDelta::seconds(punch.offline_s))),
        history: one.history,
        standing: one.decided.as_ref().map_or_else(
            || punch.is_approved().then(|| (Tone::Good, texts.t("approval-approved").to_string())),
            |own| Some(standing(texts, own)),
        ),
        decided_by: one.decided.as_ref().map(|own| {
            let at = wall(own.decision.at);
            texts.t("approval-decided-by").with("name", own.name.as_str()).with("at", at.as_str()).to_string()
        }),
        reason: punch.reason.as_ref().map(ToString::to_string),
    }
}

fn place(texts: &Texts, one: &ListedPunch) -> (Tone, String) {
    match one.distance_m {
        Some((distance, radius)) if distance <= radius => {
            (Tone::Good, texts.t("approval-inside").with("metres", distance).to_string())
        }
        Some((distance, _)) => (Tone::Warn, texts.t("approval-outside").with("metres", distance).to_string()),
        None => (Tone::Neutral, texts.t("approval-nowhere").to_string()),
    }
}

fn standing(texts: &Texts, own: &OwnDecision) -> (Tone, String) {
    let (tone, key) = match (&own.standing, own.decision.approve) {
        (Standing::Here, true) => (Tone::Pending, Key::new("approval-approved-here")),
        (Standing::Here, false) => (Tone::Pending, Key::new("approval-rejected-here")),
        (Standing::Confirmed, true) => (Tone::Good, Key::new("approval-approved-confirmed")),
        (Standing::Confirmed, false) => (Tone::Good, Key::new("approval-rejected-confirmed")),
        (Standing::Overruled, _) => (Tone::Warn, Key::new("approval-overruled")),
        (Standing::Refused { code }, _) => (Tone::Bad, refused(code)),
    };
    (tone, texts.t(key).to_string())
}

/// Why the cloud did not take a decision, by its code.
fn refused(code: &str) -> Key {
    let known = NoAuthority::ALL.into_iter().find(|refusal| refusal.code() == code);
    match known {
        Some(NoAuthority::SecondLook) => Key::new("approval-second-look"),
        Some(NoAuthority::OwnPunch) => Key::new("approval-refused-own"),
        Some(NoAuthority::Lease | NoAuthority::Epoch) => Key::new("approval-refused-lease"),
        Some(NoAuthority::NotGranted | NoAuthority::Forged) => Key::new("approval-refused-grant"),
        None => Key::new("approval-refused"),
    }
}

/// Decides the chosen ones, each in a transaction of its own: what a transaction holds is taken or refused as a whole.
async fn decide(State(app): State<App>, who: Current<Person>, form: FormState) -> Result<Response, Failure> {
    let approve = match form.value("decision") {
        "approve" => true,
        "reject" => false,
        _ => return Err(Refusal::NotFound.into()),
    };
    let reason = Line::parse(form.value("reason")).ok();
    let author = who.user.author();
    let (mut done, mut refused) = (0_usize, None);
    for id in form.all("punch") {
        let id: PhonePunchId = id.parse().map_err(|_| Refusal::NotFound)?;
        let why = reason.clone();
        match app.store().write(move |tx| tx.decide_phone_punch(&author, id, approve, why)).await? {
            Ok(()) => done += 1,
            Err(NotDecided::NotFound) => return Err(Refusal::NotFound.into()),
            Err(NotDecided::Already(_)) => refused = Some(Key::new("approval-already")),
            Err(NotDecided::NoGrants) => refused = Some(Key::new("approval-no-grants")),
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

/// The text of a refusal for the person who was refused here.
const fn told(refusal: NoAuthority) -> Key {
    match refusal {
        NoAuthority::OwnPunch => Key::new("approval-own"),
        NoAuthority::Lease | NoAuthority::Epoch => Key::new("approval-lease-over"),
        NoAuthority::NotGranted | NoAuthority::Forged | NoAuthority::SecondLook => {
            Key::new("approval-not-granted")
        }
    }
}
