//! Clocks that post to us and wait for somebody to adopt them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use shared_model::ClockSerial;
use shared_model::access::Permission;
use shared_model::entity::{DirectionUse, Transport};
use shared_model::text::{Line, Name};
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View};

use super::super::{App, Person};
use super::state::direction_choices;
use crate::control::Hidden;
use crate::control::device::AddDevice;
use crate::store::{PendingDevice, StoreError};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/clocks/waiting/{serial}", Access::Needs(Permission::ClocksEdit), show)
        .post("/clocks/waiting/{serial}", Access::Needs(Permission::ClocksEdit), adopt)
        .post("/clocks/waiting/{serial}/dismiss", Access::Needs(Permission::ClocksEdit), dismiss)
}

#[derive(Template)]
#[template(path = "clock/pending.html")]
struct PendingPage {
    page: Page,
    form: FormState,
    clock: PendingDevice,
    first_seen: String,
    last_seen: String,
    directions: Vec<(String, String)>,
}

impl PendingPage {
    async fn new(app: &App, page: Page, form: FormState, clock: PendingDevice) -> Result<Self, StoreError> {
        let local = app.local_time().await?;
        Ok(Self {
            first_seen: page.texts.date_time(local.wall(clock.first_seen)),
            last_seen: page.texts.ago(local.since(clock.last_seen)),
            directions: direction_choices(&page),
            page,
            form,
            clock,
        })
    }
}

async fn waiting(app: &App, serial: &str) -> Result<PendingDevice, Failure> {
    let Ok(serial) = ClockSerial::parse(serial) else { return Err(Refusal::NotFound.into()) };
    let pending = app.store().read(crate::store::ReadTx::pending_devices).await?;
    pending.into_iter().find(|clock| clock.serial == serial).ok_or_else(|| Refusal::NotFound.into())
}

async fn show(
    State(app): State<App>,
    page: Page,
    Path(serial): Path<String>,
) -> Result<View<PendingPage>, Failure> {
    let clock = waiting(&app, &serial).await?;
    let form = FormState::filled([("direction_use", DirectionUse::Ignore.as_str().to_owned())]);
    Ok(View(PendingPage::new(&app, page, form, clock).await?))
}

async fn adopt(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(serial): Path<String>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let clock = waiting(&app, &serial).await?;
    if app.store().read(crate::store::ReadTx::site_head).await?.is_none() {
        return Err(Refusal::Conflict.into());
    }
    let name = form.parse(&page.texts, "name", Name::parse, |_| Key::new("form-required"));
    let direction = form.parse(
        &page.texts,
        "direction_use",
        |text| DirectionUse::parse(text).ok_or(()),
        |()| Key::new("form-choice-bad"),
    );
    let (Some(name), Some(direction_use)) = (name, direction) else {
        return Ok(FormState::again(View(PendingPage::new(&app, page, form, clock).await?)));
    };
    let new = AddDevice {
        serial: clock.serial.clone(),
        name: name.clone(),
        site: None,
        transport: Transport::Push,
        address: None,
        direction_use,
        set_time: false,
        comm_key: Hidden::default(),
        model: Line::parse(&clock.model).ok(),
        firmware: Line::parse(&clock.firmware).ok(),
        waiting: true,
    };
    let author = current.user.author();
    match app.store().write(move |tx| new.save(tx, &author)).await {
        Ok(saved) => {
            let next = Redirect::to(&format!("/clocks/{}", saved.id));
            Ok((Flash::good("clock-adopted").with("name", name.as_str()), next).into_response())
        }
        Err(StoreError::Exists { .. }) => {
            form.fail_all(page.t("clock-exists"));
            Ok(FormState::again(View(PendingPage::new(&app, page, form, clock).await?)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn dismiss(State(app): State<App>, Path(serial): Path<String>) -> Result<Response, Failure> {
    let clock = waiting(&app, &serial).await?;
    let shown = clock.serial.to_string();
    app.store().write(move |tx| tx.forget_pending(&clock.serial)).await?;
    Ok((Flash::good("clock-dismissed").with("serial", shown), Redirect::to("/clocks")).into_response())
}
