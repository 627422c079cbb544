//! What a clock is called.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use shared_model::access::Permission;
use shared_model::entity::{Device, Entity as _};
use shared_model::text::Name;
use shared_model::{FieldMap, Kind};
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _,
};

use super::{App, Person, seen};
use crate::store::own_change::{self, OwnChangeError};
use crate::store::people;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/clocks/{serial}", Access::Needs(Permission::ClocksEdit), edit).post(
        "/clocks/{serial}",
        Access::Needs(Permission::ClocksEdit),
        save,
    )
}

#[derive(Template)]
#[template(path = "clock/name.html")]
struct NamePage {
    page: Page,
    form: FormState,
    serial: String,
}

async fn edit(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(serial): Path<String>,
) -> Result<View<NamePage>, Failure> {
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let (_, record) = people::clock(&mut tx, &serial).await?.ok_or(Refusal::NotFound)?;
    let name = Device::from_fields(&record.fields).map(|clock| clock.name.to_string()).unwrap_or_default();
    let form = FormState::filled([
        (seen::FIELD, seen::text(&record.vv)),
        ("name", name.clone()),
        ("was-name", name),
    ]);
    Ok(View(NamePage { page, form, serial }))
}

async fn save(
    State(app): State<App>,
    page: Page,
    who: Current<Person>,
    Path(serial): Path<String>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = page.texts.clone();
    let Some(name) = form.parse(&texts, "name", Name::parse, |_| Key::new("name-bad")) else {
        return Ok(FormState::again(View(NamePage { page, form, serial })));
    };
    let ctx = seen::read(&form).ok_or(Refusal::NotFound)?;
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let (key, _) = people::clock(&mut tx, &serial).await?.ok_or(Refusal::NotFound)?;
    let field = Kind::Device.fields().iter().find(|def| def.name == "name");
    if let Some(def) = field.filter(|_| seen::is_changed(&form, "name")) {
        let fields = FieldMap::from([(def.tag, json!(name))]);
        match own_change::update(&mut tx, Kind::Device, key, fields, ctx, who.user.author(app.now())).await {
            Ok(()) => tx.commit().await?,
            Err(OwnChangeError::NotFound) => return Err(Refusal::NotFound.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((Flash::good("clock-saved").with("name", name.as_str()), Redirect::to("/clocks")).into_response())
}
