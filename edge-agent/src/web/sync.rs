//! Sync: how this agent stands with the cloud, what waits, the counters side by side.

mod conflict;

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, TimeDelta};
use shared_model::access::Permission;
use shared_model::entity::DeviceState;
use shared_model::text::Name;
use web_kit::chart::ShareBar;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, RouteTable, Tone, View};

use self::conflict::{ConflictLine, NoteLine};
use super::clock::state::{reason_advice, reason_key};
use super::local_time::LocalTime;
use super::{App, Person};
use crate::control::conflict::Aside;
use crate::store::page::outline::{SyncStanding, SyncState};
use crate::store::page::sync::{QuarantineCount, SyncBacklog};
use crate::store::{DeviceRow, LifeCause, Meta, NewLife};
use crate::sync::Sync;
use crate::sync::client::ClientError;
use crate::sync::enroll::{self, Application, EnrollError};
use crate::sync::status::Trouble;
use crate::sync::url::CloudUrl;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/sync", Access::Needs(Permission::SyncView), show)
        .post("/sync/enroll", Access::Needs(Permission::SyncEdit), enroll)
        .post("/sync/conflicts/{id}", Access::Needs(Permission::SyncEdit), conflict::settle)
}

/// How far a log has come.
struct Progress {
    text: String,
    bar: ShareBar,
}

/// A clock's numbers side by side; what is not known is empty.
struct CountLine {
    name: String,
    href: String,
    clock: String,
    read: String,
    edge: String,
    repeats: String,
    quarantined: String,
    unsent: String,
}

/// Rows that were set aside, of one clock and for one reason.
struct AsideLine {
    reason: String,
    advice: String,
    clock: String,
    href: String,
    rows: String,
    newest: String,
}

#[derive(Template)]
#[template(path = "sync/show.html")]
struct SyncPage {
    page: Page,
    form: FormState,
    may_enroll: bool,
    sync: SyncStanding,
    tone: Tone,
    verdict: String,
    advice: String,
    url: String,
    last: String,
    waiting: i64,
    oldest: String,
    ledger: Progress,
    records: Progress,
    clocks: Vec<CountLine>,
    aside: Vec<AsideLine>,
    conflicts: Vec<ConflictLine>,
    notes: Vec<NoteLine>,
    may_settle: bool,
    /// A new life of the disk that began lately, in words.
    life: Option<String>,
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
) -> Result<View<SyncPage>, Failure> {
    let form = FormState::filled([("name", page.frame.site.clone())]);
    Ok(View(page_of(&app, page, &current.user, form).await?))
}

/// Connects this agent to the cloud by a one-time code.
async fn enroll(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = &page.texts;
    let url = form.parse(texts, "cloud", str::parse::<CloudUrl>, |_| Key::new("enroll-url-bad"));
    let code = form.required(texts, "code");
    let name = form.parse(texts, "name", Name::parse, |_| Key::new("form-required"));
    let (Some(url), Some(code), Some(name)) = (url, code, name) else {
        return Ok(FormState::again(View(page_of(&app, page, &current.user, form).await?)));
    };
    let application = Application { url, code, name: name.to_string() };
    let Sync { folder, store, cloud, clock, entropy } = app.sync().clone();
    match enroll::enroll(&store, &folder, &cloud, clock, entropy, &application).await {
        Ok(enrolled) => {
            let flash = match enrolled.joined.first() {
                Some(site) => Flash::good("enroll-joined")
                    .with("company", enrolled.company_name)
                    .with("here", site.here.as_str())
                    .with("there", site.cloud.as_str()),
                None => Flash::good("enroll-done").with("company", enrolled.company_name),
            };
            Ok((flash, Redirect::to("/sync")).into_response())
        }
        Err(error) => {
            tracing::warn!(error = %error, "the enrolment was refused");
            form.fail_all(page.t(explain(&error)));
            form.forget("code");
            Ok(FormState::again(View(page_of(&app, page, &current.user, form).await?)))
        }
    }
}

const fn explain(error: &EnrollError) -> Key {
    match error {
        EnrollError::Already(_) => Key::new("enroll-already"),
        EnrollError::OtherCompany => Key::new("enroll-other-company"),
        EnrollError::Client(ClientError::Refused(_)) => Key::new("enroll-refused"),
        EnrollError::Client(ClientError::Transport(_)) => Key::new("enroll-unreachable"),
        EnrollError::Client(ClientError::Status(_) | ClientError::TooLong | ClientError::Body(_)) => {
            Key::new("enroll-no-cloud")
        }
        EnrollError::Client(ClientError::Setup(_) | ClientError::Write(_) | ClientError::Ended)
        | EnrollError::Key(_)
        | EnrollError::Store(_) => Key::new("enroll-failed"),
    }
}

async fn page_of(app: &App, page: Page, person: &Person, form: FormState) -> Result<SyncPage, Failure> {
    let local = app.local_time().await?;
    let (waiting, users) = app.store().read(|tx| Ok((Aside::read(tx, false)?, tx.local_users()?))).await?;
    let (conflicts, notes) = conflict::lines(&page, &local, waiting, &users);
    let (sync, backlog, unsent, url, devices, aside, life) = app
        .store()
        .read(|tx| {
            let backlog = tx.sync_backlog()?;
            let unsent = tx.unsent_by_clock(&backlog)?;
            let url = tx.meta(Meta::CLOUD_URL)?;
            let (devices, aside) = (tx.devices()?, tx.quarantine_counts()?);
            Ok((tx.sync_standing()?, backlog, unsent, url, devices, aside, tx.new_life()?))
        })
        .await?;
    let clocks = devices
        .iter()
        .filter(|known| known.device.record.state != DeviceState::Pending)
        .map(|known| {
            let state = known.state.as_ref();
            let counters = state.map(|state| state.counters).unwrap_or_default();
            let log = state.and_then(DeviceRow::log_rows);
            let waiting = |unsent: &HashMap<String, u64>| {
                page.texts.int(unsent.get(known.device.record.serial.as_str()).copied().unwrap_or(0))
            };
            CountLine {
                name: known.device.record.name.to_string(),
                href: format!("/clocks/{}", known.device.id),
                clock: log.map(|count| page.texts.int(count)).unwrap_or_default(),
                read: page.texts.int(counters.read),
                edge: page.texts.int(counters.new),
                repeats: page.texts.int(counters.repeat),
                quarantined: page.texts.int(counters.quarantined),
                unsent: unsent.as_ref().map(waiting).unwrap_or_default(),
            }
        })
        .collect();
    let aside = aside.into_iter().map(|count| aside_line(&page, &local, count)).collect();
    let (tone, verdict, advice) = judge(&page, &sync, &local);
    Ok(SyncPage {
        may_enroll: person.role.may(Permission::SyncEdit)
            && (!sync.enrolled || sync.retired.is_some() || sync.trouble == Some(Trouble::Unknown)),
        life: life.and_then(|life| life_words(&page, &local, &life)),
        form,
        last: sync.synced_at.map_or_else(
            || page.t("sync-never").to_string(),
            |at| {
                page.t("sync-at")
                    .with("ago", page.texts.ago(local.since(at)))
                    .with("at", page.texts.date_time(local.wall(at)))
                    .to_string()
            },
        ),
        waiting: sync.waiting(),
        oldest: oldest(&page, &backlog, &local),
        ledger: progress(&page, backlog.ledger_acked, backlog.ledger_head),
        records: progress(&page, backlog.records_acked, backlog.records_head),
        url: url.unwrap_or_default(),
        tone,
        verdict,
        advice,
        clocks,
        aside,
        conflicts,
        notes,
        may_settle: person.role.may(Permission::SyncEdit),
        sync,
        page,
    })
}

fn aside_line(page: &Page, local: &LocalTime, count: QuarantineCount) -> AsideLine {
    AsideLine {
        reason: page.t(reason_key(count.reason)).to_string(),
        advice: page.t(reason_advice(count.reason)).to_string(),
        clock: count.clock,
        href: count.device.map(|id| format!("/clocks/{id}")).unwrap_or_default(),
        rows: page.texts.int(count.rows),
        newest: count.newest.map(|at| page.texts.date_time(local.wall(at))).unwrap_or_default(),
    }
}

fn judge(page: &Page, sync: &SyncStanding, local: &LocalTime) -> (Tone, String, String) {
    let (tone, verdict, advice) = match sync.state(local.now()) {
        SyncState::Alone => (Tone::Neutral, page.t("sync-alone"), page.t("sync-alone-advice")),
        SyncState::Retired => (Tone::Bad, page.t("sync-retired"), page.t("sync-retired-advice")),
        SyncState::Connecting => (Tone::Info, page.t("sync-connecting"), page.t("sync-connecting-advice")),
        SyncState::Away => match sync.trouble {
            Some(Trouble::Unknown) => (Tone::Bad, page.t("sync-unknown"), page.t("sync-unknown-advice")),
            Some(Trouble::CloudRegressed) => {
                (Tone::Bad, page.t("sync-regressed"), page.t("sync-regressed-advice"))
            }
            Some(Trouble::TooOld) => (Tone::Bad, page.t("sync-too-old"), page.t("sync-too-old-advice")),
            Some(Trouble::Unreachable | Trouble::NotTheCloud | Trouble::Other) | None => {
                (Tone::Warn, page.t("sync-offline"), page.t("sync-offline-advice"))
            }
        },
        SyncState::Sending => (Tone::Info, page.t("sync-sending"), page.t("sync-sending-advice")),
        SyncState::InStep => (Tone::Good, page.t("sync-in-step"), page.t("sync-in-step-advice")),
    };
    (tone, verdict.to_string(), advice.to_string())
}

/// For how long a new life of the disk is worth a word.
const LATELY: TimeDelta = TimeDelta::days(14);

fn life_words(page: &Page, local: &LocalTime, life: &NewLife) -> Option<String> {
    let at = DateTime::from_timestamp_millis(life.at_ms).filter(|at| local.since(*at) < LATELY)?;
    let text = match life.cause {
        LifeCause::Replaced | LifeCause::Copied => page.t("sync-new-life"),
        LifeCause::CloudRestored => page.t("sync-new-epoch"),
    };
    let (at, rows) = (page.texts.date_time(local.wall(at)), life.relogged);
    Some(text.with("at", at).with("rows", rows).to_string())
}

fn oldest(page: &Page, backlog: &SyncBacklog, local: &LocalTime) -> String {
    backlog.oldest_unsent.map(|at| page.texts.ago(local.since(at))).unwrap_or_default()
}

fn progress(page: &Page, done: i64, all: i64) -> Progress {
    let (done, all) = (u64::try_from(done).unwrap_or(0), u64::try_from(all).unwrap_or(0));
    let text = page.t("sync-progress").with("done", done).with("all", all).to_string();
    let tone = if done == all { Tone::Good } else { Tone::Info };
    let bar = if all == 0 {
        ShareBar::of(Tone::Good, 1, 1, text.clone())
    } else {
        ShareBar::of(tone, done, all, text.clone())
    };
    Progress { text, bar }
}
