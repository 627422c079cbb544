//! A clock's settings.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use shared_model::DeviceId;
use shared_model::access::Permission;
use shared_model::entity::{Device, DirectionUse, Transport};
use shared_model::text::{HostAddress, Name};
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View};

use super::super::version::{read_version, version_text};
use super::super::{App, Person};
use super::add::comm_key;
use super::show::device;
use super::state::direction_choices;
use crate::control::Hidden;
use crate::control::device::set_key;
use crate::store::{StoreError, Stored};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/clocks/{id}/edit", Access::Needs(Permission::ClocksEdit), edit).post(
        "/clocks/{id}/edit",
        Access::Needs(Permission::ClocksEdit),
        save,
    )
}

#[derive(Template)]
#[template(path = "clock/edit.html")]
struct EditPage {
    page: Page,
    form: FormState,
    id: DeviceId,
    name: String,
    is_polled: bool,
    directions: Vec<(String, String)>,
}

impl EditPage {
    fn new(page: Page, form: FormState, stored: &Stored<Device>) -> Self {
        Self {
            id: stored.id,
            name: stored.record.name.to_string(),
            is_polled: stored.record.transport == Transport::Tcp,
            directions: direction_choices(&page),
            page,
            form,
        }
    }
}

async fn edit(State(app): State<App>, page: Page, Path(id): Path<Uuid>) -> Result<View<EditPage>, Failure> {
    let stored = device(&app, id).await?;
    let record = &stored.record;
    let form = FormState::filled([
        ("version", version_text(&stored.vv)),
        ("name", record.name.to_string()),
        ("address", record.address.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("direction_use", record.direction_use.to_string()),
        ("set_time", if record.set_time { "yes" } else { "" }.to_owned()),
    ]);
    Ok(View(EditPage::new(page, form, &stored)))
}

async fn save(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let stored = device(&app, id).await?;
    let Some(seen) = read_version(form.value("version")) else { return Err(Refusal::BadRequest.into()) };
    let texts = &page.texts;
    let name = form.parse(texts, "name", Name::parse, |_| Key::new("form-required"));
    let address = if stored.record.transport == Transport::Tcp {
        form.parse(texts, "address", HostAddress::parse, |_| Key::new("clock-address-bad")).map(Some)
    } else {
        Some(stored.record.address.clone())
    };
    let direction = form.parse(
        texts,
        "direction_use",
        |text| DirectionUse::parse(text).ok_or(()),
        |()| Key::new("form-choice-bad"),
    );
    // An empty key leaves the stored one, which is never shown.
    let key = form.parse(texts, "comm_key", comm_key, |key| key);
    let (Some(name), Some(address), Some(direction_use), Some(key)) = (name, address, direction, key) else {
        form.forget("comm_key");
        return Ok(FormState::again(View(EditPage::new(page, form, &stored))));
    };
    let set_time = form.has("set_time", "yes");
    let new = Device { name: name.clone(), address, direction_use, set_time, ..stored.record.clone() };
    let (author, id) = (current.user.author(), stored.id);
    let written = app
        .store()
        .write(move |tx| {
            tx.update(&author, id, Some(seen), &new)?;
            match key {
                Some(key) => set_key(tx, &author, &new.serial, &Hidden::new(key.to_string())),
                None => Ok(()),
            }
        })
        .await;
    match written {
        Ok(()) => {
            let next = Redirect::to(&format!("/clocks/{id}"));
            Ok((Flash::good("clock-saved").with("name", name.as_str()), next).into_response())
        }
        Err(StoreError::Stale { .. }) => {
            form.forget("comm_key");
            form.fail_all(page.t("form-stale"));
            Ok(FormState::again(View(EditPage::new(page, form, &stored))))
        }
        Err(error) => Err(error.into()),
    }
}
