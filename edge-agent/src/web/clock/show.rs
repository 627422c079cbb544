//! One clock: its state in plain words, its counters, what could not be read, its latest punches.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{NaiveDateTime, TimeDelta};
use shared_model::DeviceId;
use shared_model::access::Permission;
use shared_model::entity::{Device, DeviceState, Transport};
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, Page, Refusal, RouteTable, Tone, View, WebApp as _};

use super::super::listing::ListQuery;
use super::super::local_time::LocalTime;
use super::super::today::feed::FeedLine;
use super::super::{App, Person};
use super::state::{ClockLine, Fill, advice, direction_key, fill, reason_key, transport_key, wrong_time};
use crate::control::device::is_wrong;
use crate::device::supervisor::Wanted;
use crate::store::{
    AdoptedDevice, ClockAct, ClockEvent, CommandState, DeviceCommand, Disbelief, DisbeliefReason,
    QuarantinedRow, Stored,
};

/// Punches shown.
const PUNCHES: u32 = 12;

/// Commands shown.
const COMMANDS: u32 = 5;

/// Things done at the clock that are shown.
const EVENTS: u32 = 12;

/// How long it is told that punches were cleared at the clock: until the month has been closed.
const CLEARED_FOR: TimeDelta = TimeDelta::days(62);

/// Quarantined rows on one page.
const ROWS: u32 = 25;

/// Characters of a quarantined row's bytes that are shown.
const RAW: usize = 96;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/clocks/{id}", Access::Needs(Permission::ClocksView), show)
        .post("/clocks/{id}/read", Access::Needs(Permission::ClocksEdit), read_now)
        .post("/clocks/{id}/retire", Access::Needs(Permission::ClocksEdit), retire)
}

struct BadRow {
    at: String,
    reason: String,
    detail: String,
    raw: String,
}

#[derive(Template)]
#[template(path = "clock/show.html")]
struct ClockPage {
    page: Page,
    id: DeviceId,
    may_edit: bool,
    line: ClockLine,
    record: Device,
    is_retired: bool,
    transport: String,
    direction: String,
    firmware: String,
    read: String,
    through: String,
    users: Option<Fill>,
    problem: Option<String>,
    said: String,
    said_at: String,
    bad: Vec<BadRow>,
    bad_next: Option<String>,
    punches: Vec<FeedLine>,
    commands: Vec<CommandLine>,
    events: Vec<EventLine>,
    /// That punches were cleared at the clock, lately.
    cleared: Option<String>,
    /// That its time is wrong, and what to do.
    wrong_time: Option<String>,
    /// That something in its name was not believed, and what to do.
    disbelief: Option<String>,
    /// That not all rows were kept that could not be read.
    left_out: Option<String>,
}

/// What the clock was asked to do when it comes by.
struct CommandLine {
    at: String,
    what: String,
    state: String,
    tone: Tone,
}

/// What was done at the clock.
struct EventLine {
    said: String,
    what: String,
    by: String,
}

async fn clock(app: &App, id: DeviceId) -> Result<AdoptedDevice, Failure> {
    let devices = app.store().read(crate::store::ReadTx::devices).await?;
    devices.into_iter().find(|known| known.device.id == id).ok_or_else(|| Refusal::NotFound.into())
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    query: ListQuery,
) -> Result<View<ClockPage>, Failure> {
    let id = DeviceId::from_uuid(id);
    let known = clock(&app, id).await?;
    let local = app.local_time().await?;
    let record = known.device.record.clone();
    let (serial, now) = (record.serial.clone(), app.now());
    let before = query.get("bad").parse::<i64>().unwrap_or(i64::MAX);
    let (mut bad, punches, commands, events, cleared, disbelief, left_out) = app
        .store()
        .read(move |tx| {
            Ok((
                tx.clock_quarantine(&serial, before, ROWS + 1)?,
                tx.clock_punches(&serial, now, PUNCHES)?,
                tx.device_commands(&serial, COMMANDS)?,
                tx.clock_events(&serial, EVENTS)?,
                tx.last_cleared(&serial)?,
                tx.disbelief(&serial, now)?,
                tx.left_out_of_quarantine(&serial)?,
            ))
        })
        .await?;
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = bad.len() > rows;
    bad.truncate(rows);
    let state = known.state.as_ref();
    let wall = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| page.texts.date_time(local.wall(at))).unwrap_or_default()
    };
    let link = state.map(|state| state.link).unwrap_or_default();
    let is_retired = record.state == DeviceState::Retired;
    let problem = advice(link, record.transport).filter(|_| !is_retired).map(|key| page.t(key).to_string());
    let firmware = state.and_then(|state| state.firmware.clone());
    Ok(View(ClockPage {
        id,
        may_edit: current.user.role.may(Permission::ClocksEdit),
        line: ClockLine::of(&page, &local, &known),
        is_retired,
        transport: page.t(transport_key(record.transport)).to_string(),
        direction: page.t(direction_key(record.direction_use)).to_string(),
        firmware: firmware.or_else(|| record.firmware.as_ref().map(ToString::to_string)).unwrap_or_default(),
        read: wall(state.and_then(|state| state.last_read)),
        through: wall(state.and_then(|state| state.through)),
        users: state.and_then(|state| fill(&page, state.user_count, state.user_capacity)),
        said: state
            .filter(|_| problem.is_some())
            .and_then(|state| state.last_error.clone())
            .unwrap_or_default(),
        said_at: wall(state.and_then(|state| state.last_error_at)),
        problem,
        bad_next: bad.last().filter(|_| more).map(|row| format!("/clocks/{id}?bad={}", row.id)),
        bad: bad.iter().map(|row| bad_row(&page, &local, row)).collect(),
        commands: commands.iter().map(|command| command_line(&page, &local, command)).collect(),
        events: events.iter().map(|event| event_line(&page, event)).collect(),
        cleared: cleared
            .filter(|event| now - event.received_at < CLEARED_FOR)
            .map(|event| cleared_text(&page, &local, &event)),
        wrong_time: state
            .and_then(|state| state.drift_seconds)
            .filter(|drift| !is_retired && is_wrong(*drift))
            .map(|drift| wrong_time(&page, drift, record.transport)),
        disbelief: disbelief
            .filter(|_| !is_retired)
            .map(|found| disbelief_text(&page, &local, &record, &found)),
        left_out: (left_out > 0).then(|| page.t("bad-left-out").with("count", left_out).to_string()),
        punches: punches.iter().map(|punch| FeedLine::of(&page, punch)).collect(),
        record,
        page,
    }))
}

fn command_line(page: &Page, local: &LocalTime, command: &DeviceCommand) -> CommandLine {
    let (tone, state) = match command.state {
        CommandState::Queued => (Tone::Info, page.t("command-queued")),
        CommandState::Sent => (Tone::Info, page.t("command-sent")),
        CommandState::Answered => (Tone::Good, page.t("command-answered")),
        CommandState::Failed => (Tone::Bad, page.t("command-failed")),
    };
    let what = match command.name.as_str() {
        "send_attendance" => page.t("command-send-attendance"),
        "send_users" => page.t("command-send-users"),
        "info" => page.t("command-info"),
        _ => page.t("command-other"),
    };
    CommandLine {
        at: page.texts.date_time(local.wall(command.asked_at)),
        what: what.to_string(),
        state: state.to_string(),
        tone,
    }
}

fn act_text(page: &Page, event: &ClockEvent) -> String {
    let text = match event.act {
        ClockAct::PowerOn => page.t("act-power-on"),
        ClockAct::Menu => page.t("act-menu"),
        ClockAct::Setting => page.t("act-setting"),
        ClockAct::UserDeleted => page.t("act-user-deleted"),
        ClockAct::DataCleared => page.t("act-data-cleared"),
        ClockAct::TimeSet => page.t("act-time-set"),
        ClockAct::FactoryReset => page.t("act-factory-reset"),
        ClockAct::LogCleared => page.t("act-log-cleared"),
        ClockAct::UserEnrolled => page.t("act-user-enrolled"),
        ClockAct::Other => page.t("act-other").with("code", i64::from(event.code)),
    };
    text.to_string()
}

fn event_line(page: &Page, event: &ClockEvent) -> EventLine {
    let said = event
        .said
        .parse()
        .map_or_else(|_| event.said.clone(), |wall: NaiveDateTime| page.texts.date_time(wall));
    let by = if event.admin == "0" {
        String::new()
    } else {
        page.t("act-by").with("admin", event.admin.as_str()).to_string()
    };
    EventLine { said, what: act_text(page, event), by }
}

fn disbelief_text(page: &Page, local: &LocalTime, record: &Device, found: &Disbelief) -> String {
    let text = match (found.reason, record.transport) {
        (DisbeliefReason::Key, _) => page.t("clock-disbelief-key"),
        (DisbeliefReason::Address, Transport::Tcp | Transport::Udp) => page.t("clock-disbelief-read"),
        (DisbeliefReason::Address, Transport::Push | Transport::File) => page.t("clock-disbelief-posting"),
    };
    let at = page.texts.date_time(local.wall(found.last_at));
    text.with("count", found.requests).with("address", found.address.as_str()).with("at", at).to_string()
}

fn cleared_text(page: &Page, local: &LocalTime, event: &ClockEvent) -> String {
    let said = event_line(page, event).said;
    match event.read_until {
        Some(until) => {
            let until = page.texts.date_time(local.wall(until));
            page.t("clock-cleared").with("at", said).with("until", until).to_string()
        }
        None => page.t("clock-cleared-unread").with("at", said).to_string(),
    }
}

fn bad_row(page: &Page, local: &LocalTime, row: &QuarantinedRow) -> BadRow {
    BadRow {
        at: page.texts.date_time(local.wall(row.received_at)),
        reason: page.t(reason_key(row.reason)).to_string(),
        detail: match row.times {
            ..=1 => row.detail.clone(),
            times => page.t("bad-times").with("detail", row.detail.as_str()).with("count", times).to_string(),
        },
        raw: row.raw.chars().take(RAW).collect(),
    }
}

pub(super) async fn device(app: &App, id: Uuid) -> Result<Stored<Device>, Failure> {
    let id = DeviceId::from_uuid(id);
    let found = app.store().read(move |tx| tx.record::<Device>(id)).await?;
    found.ok_or_else(|| Refusal::NotFound.into())
}

/// Has the whole log read once more; whoever asked need not wait for it.
async fn read_now(
    State(app): State<App>,
    current: Current<Person>,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    let stored = device(&app, id).await?;
    let Some(fleet) = app.fleet().cloned() else { return Err(Refusal::Busy.into()) };
    let (author, serial) = (current.user.author(), stored.record.serial.clone());
    tokio::spawn(async move {
        if let Err(error) = fleet.ask(&author, &serial, Wanted::Pull).await {
            tracing::info!(error = %error, device.serial = %serial, "a reading that was asked for did not happen");
        }
    });
    let name = stored.record.name.to_string();
    let next = Redirect::to(&format!("/clocks/{}", stored.id));
    Ok((Flash::good("clock-reading").with("name", name), next).into_response())
}

async fn retire(
    State(app): State<App>,
    current: Current<Person>,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    let stored = device(&app, id).await?;
    let name = stored.record.name.to_string();
    let new = Device { state: DeviceState::Retired, ..stored.record };
    let (author, id) = (current.user.author(), stored.id);
    app.store().write(move |tx| tx.update(&author, id, Some(stored.vv), &new).map(drop)).await?;
    Ok((Flash::good("clock-retired").with("name", name), Redirect::to("/clocks")).into_response())
}
