//! One person: who it is, and a month of days with their punches.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{Datelike as _, Months, NaiveDate};
use shared_model::access::Permission;
use shared_model::entity::{Department, Employee};
use shared_model::text::EmployeeCode;
use shared_model::{ClockSerial, EmployeeId, PunchFlag, UserCode};
use uuid::Uuid;
use web_kit::locale::DateStyle;
use web_kit::{Access, Current, DayMark, Failure, Flash, FormState, Page, Refusal, RouteTable, View};

use super::listing::ListQuery;
use super::local_time::LocalTime;
use super::mark::{day_mark, letter};
use super::{App, Person, people};
use crate::control::employee::EndCode;
use crate::control::{Progress, RefusalKind, call};
use crate::store::page::people::{PersonCode, PersonDay, PersonPunch};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/people/{id}", Access::Needs(Permission::PeopleView), show).post(
        "/people/{id}/codes/end",
        Access::Needs(Permission::PeopleEdit),
        end_code,
    )
}

struct PunchLine {
    time: String,
    clock: String,
    counts: bool,
    /// Why its time is in doubt; empty if it is not.
    doubts: Vec<String>,
}

struct DayLine {
    date: String,
    is_today: bool,
    mark: Option<DayMark>,
    letter: &'static str,
    provisional: bool,
    shift: String,
    first_in: String,
    last_out: String,
    worked: String,
    late: String,
    overtime: String,
    punches: Vec<PunchLine>,
}

struct CodeLine {
    code: String,
    clock: String,
    /// The clock's serial as a form sends it back; empty = every clock.
    serial: String,
    /// Since when it is the person's; empty = always.
    since: String,
    /// The first date on which it is the person's no longer; empty = it still is.
    ended: String,
}

/// The sums over the days shown.
#[derive(Default)]
struct Sums {
    present: u32,
    absent: u32,
    leave: u32,
    late: u32,
    worked: i64,
    overtime: i64,
}

#[derive(Template)]
#[template(path = "person/show.html")]
struct PersonPage {
    page: Page,
    id: EmployeeId,
    record: Employee,
    department: String,
    category: String,
    joined: String,
    counted_from: String,
    left: String,
    may_edit: bool,
    may_end_code: bool,
    codes: Vec<CodeLine>,
    /// Today, as a form takes it.
    today: String,
    month: String,
    before: String,
    after: Option<String>,
    days: Vec<DayLine>,
    sums: Sums,
}

/// The month of the query, never one to come.
fn month_of(query: &ListQuery, today: NaiveDate) -> NaiveDate {
    let this = today.with_day(1).unwrap_or(today);
    let asked = format!("{}-01", query.get("month")).parse::<NaiveDate>().ok();
    asked.filter(|month| *month <= this && month.year() >= 2000).unwrap_or(this)
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    query: ListQuery,
) -> Result<View<PersonPage>, Failure> {
    let id = EmployeeId::from_uuid(id);
    let local = app.local_time().await?;
    let today = local.today();
    let from = month_of(&query, today);
    let next = from.checked_add_months(Months::new(1)).unwrap_or(from);
    let to = next.pred_opt().unwrap_or(from).min(today);
    let found = app
        .store()
        .read(move |tx| {
            let Some(stored) = tx.record::<Employee>(id)? else { return Ok(None) };
            let department = match stored.record.department {
                Some(department) => tx.record::<Department>(department)?,
                None => None,
            };
            Ok(Some((
                stored,
                department,
                tx.person_codes(id)?,
                tx.person_days(id, from, to)?,
                tx.person_punches(id, from, to)?,
                tx.employment(id)?,
            )))
        })
        .await?;
    let Some((stored, department, codes, days, punches, employment)) = found else {
        return Err(Refusal::NotFound.into());
    };
    let link = |month: NaiveDate| format!("/people/{id}?month={}", month.format("%Y-%m"));
    let date = |date: Option<NaiveDate>| date.map(|date| page.texts.date(date)).unwrap_or_default();
    Ok(View(PersonPage {
        id,
        department: department.map(|department| department.record.name.to_string()).unwrap_or_default(),
        category: page.t(people::form::category_key(stored.record.category)).to_string(),
        joined: date(stored.record.joined),
        counted_from: date(employment.filter(|_| stored.record.joined.is_none()).map(|own| own.counted_from)),
        left: date(stored.record.left),
        may_edit: current.user.role.may(Permission::PeopleEdit),
        may_end_code: current.user.role.may(Permission::PeopleEdit)
            && codes.iter().any(|code| code.to.is_none()),
        codes: codes.into_iter().map(|code| code_line(&page, &local, code)).collect(),
        today: today.to_string(),
        month: page.texts.date_as(from, DateStyle::Month),
        before: link(from.checked_sub_months(Months::new(1)).unwrap_or(from)),
        after: (next <= today).then(|| link(next)),
        sums: sums(&days),
        days: day_lines(&page, &local, (from, to), &days, &punches),
        record: stored.record,
        page,
    }))
}

fn code_line(page: &Page, local: &LocalTime, code: PersonCode) -> CodeLine {
    let clock = code.clock.unwrap_or_else(|| page.t("person-every-clock").to_string());
    let date = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| page.texts.date(local.wall(at).date())).unwrap_or_default()
    };
    CodeLine {
        clock,
        serial: code.serial.unwrap_or_default(),
        since: date(code.from),
        ended: date(code.to),
        code: code.code,
    }
}

/// Ends a code on the clocks.
async fn end_code(
    State(app): State<App>,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    form: FormState,
) -> Result<Response, Failure> {
    let back = Redirect::to(&format!("/people/{id}"));
    let serial = Some(form.value("clock")).filter(|serial| !serial.is_empty());
    let give_to = Some(form.value("give_to").trim()).filter(|code| !code.is_empty());
    let (Ok(code), Ok(clock)) =
        (UserCode::parse(form.value("code")), serial.map(ClockSerial::parse).transpose())
    else {
        return Err(Refusal::BadRequest.into());
    };
    let Ok(from) = form.value("from").parse::<NaiveDate>() else {
        return Ok((Flash::bad("form-date-bad"), back).into_response());
    };
    let Ok(give_to) = give_to.map(EmployeeCode::parse).transpose() else {
        return Ok((Flash::bad("person-code-nobody"), back).into_response());
    };
    let label = code.to_string();
    let agent = app.asked_by(current.user.author());
    match call(&agent, EndCode { code, clock, from, give_to }, &Progress::silent()).await {
        Ok(_) => Ok((Flash::good("person-code-ended").with("code", label), back).into_response()),
        Err(refusal) if refusal.kind == RefusalKind::Refused => {
            Ok((Flash::bad("person-code-not-ended").with("code", label), back).into_response())
        }
        Err(refusal) => Err(refusal.into()),
    }
}

fn sums(days: &[PersonDay]) -> Sums {
    let mut sums = Sums::default();
    for day in days {
        let status = day.day.status.as_deref();
        let came = matches!(status, Some("present" | "half_day")) || day.day.first_in.is_some();
        sums.present += u32::from(came);
        sums.absent += u32::from(status == Some("absent"));
        sums.leave += u32::from(status == Some("on_leave"));
        sums.late += u32::from(day.day.late > 0);
        sums.worked += day.day.worked;
        sums.overtime += day.day.overtime;
    }
    sums
}

/// Every date of the span, newest first, whether anything is known of it or not.
fn day_lines(
    page: &Page,
    local: &LocalTime,
    (from, to): (NaiveDate, NaiveDate),
    days: &[PersonDay],
    punches: &[PersonPunch],
) -> Vec<DayLine> {
    let mut lines: Vec<DayLine> = from
        .iter_days()
        .take_while(|date| *date <= to)
        .map(|date| {
            let day = days.iter().find(|day| day.date == date);
            let punches = punches.iter().filter(|punch| punch.date == date);
            day_line(page, local, date, day, punches)
        })
        .collect();
    lines.reverse();
    lines
}

fn doubt(page: &Page, flag: PunchFlag) -> String {
    let text = match flag {
        PunchFlag::ClockDrift => page.t("punch-doubt-clock-drift"),
        PunchFlag::DeviceSkew => page.t("punch-doubt-device-skew"),
        PunchFlag::DeviceBackwards => page.t("punch-doubt-device-backwards"),
        PunchFlag::EdgeBackwards => page.t("punch-doubt-edge-backwards"),
        PunchFlag::Unanchored => page.t("punch-doubt-unanchored"),
    };
    text.to_string()
}

fn day_line<'p>(
    page: &Page,
    local: &LocalTime,
    date: NaiveDate,
    day: Option<&PersonDay>,
    punches: impl Iterator<Item = &'p PersonPunch>,
) -> DayLine {
    let cells = day.map(|day| &day.day);
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| page.texts.time(local.time(at))).unwrap_or_default()
    };
    let span = |seconds: Option<i64>| match seconds {
        Some(seconds) if seconds > 0 => page.texts.hours_minutes(seconds),
        Some(_) | None => String::new(),
    };
    let mark = cells.map(|cells| day_mark(cells, local.now()));
    let punches = punches.map(|punch| PunchLine {
        time: punch.raw_time.map(|raw| page.texts.time(raw.wall().time())).unwrap_or_default(),
        clock: punch.clock.clone(),
        counts: matches!(punch.part.as_str(), "in" | "out"),
        doubts: punch.flags.iter().map(|flag| doubt(page, *flag)).collect(),
    });
    DayLine {
        date: page.texts.date_short(date),
        is_today: date == local.today(),
        letter: mark.map_or("", letter),
        mark,
        provisional: cells.is_some_and(|cells| cells.provisional),
        shift: cells.and_then(|cells| cells.shift.clone()).unwrap_or_default(),
        first_in: time(cells.and_then(|cells| cells.first_in)),
        last_out: time(cells.and_then(|cells| cells.last_out)),
        worked: span(cells.map(|cells| cells.worked)),
        late: span(cells.map(|cells| cells.late)),
        overtime: span(cells.map(|cells| cells.overtime)),
        punches: punches.collect(),
    }
}
