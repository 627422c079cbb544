//! Holidays.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDate;
use shared_model::HolidayId;
use shared_model::access::Permission;
use shared_model::entity::{Holiday, HolidayType};
use shared_model::text::Name;
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View};

use super::super::{App, Person};
use super::page_of;
use crate::control::calendar::AddHoliday;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().post("/rules/holidays", Access::Needs(Permission::RulesEdit), add).post(
        "/rules/holidays/{id}/remove",
        Access::Needs(Permission::RulesEdit),
        remove,
    )
}

async fn add(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = &page.texts;
    let date = form.parse(texts, "holiday_date", str::parse::<NaiveDate>, |_| Key::new("form-date-bad"));
    let name = form.parse(texts, "holiday_name", Name::parse, |_| Key::new("form-required"));
    let (Some(date), Some(name)) = (date, name) else {
        return Ok(FormState::again(View(page_of(&app, page, &current.user, form).await?)));
    };
    let holiday_type = if form.has("half", "yes") { HolidayType::HalfDay } else { HolidayType::Public };
    let holiday = AddHoliday { date, name: name.clone(), holiday_type, site: None, group: None };
    let author = current.user.author();
    app.store().write(move |tx| holiday.save(tx, &author)).await?;
    Ok((Flash::good("holiday-added").with("name", name.as_str()), Redirect::to("/rules")).into_response())
}

async fn remove(
    State(app): State<App>,
    current: Current<Person>,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    let (id, author) = (HolidayId::from_uuid(id), current.user.author());
    let Some(stored) = app.store().read(move |tx| tx.record::<Holiday>(id)).await? else {
        return Err(Refusal::NotFound.into());
    };
    let name = stored.record.name.to_string();
    app.store().write(move |tx| tx.delete::<Holiday>(&author, id, Some(stored.vv)).map(drop)).await?;
    Ok((Flash::good("holiday-removed").with("name", name), Redirect::to("/rules")).into_response())
}
