//! Giving everybody or a department a shift.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDate;
use shared_model::access::Permission;
use shared_model::entity::{Department, Shift};
use shared_model::{DepartmentId, ShiftId};
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, RouteTable, View};

use super::super::{App, Person};
use super::page_of;
use crate::control::roster::assign_default;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().post("/rules/assignments", Access::Needs(Permission::RulesEdit), assign)
}

async fn assign(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = &page.texts;
    let known = app.store().read(|tx| Ok((tx.records::<Department>()?, tx.records::<Shift>()?))).await?;
    let department = form.parse(
        texts,
        "whom",
        |text| match text {
            "" => Ok(None),
            text => {
                let id = text.parse::<Uuid>().map(DepartmentId::from_uuid).map_err(|_| ())?;
                known.0.iter().any(|known| known.id == id).then_some(Some(id)).ok_or(())
            }
        },
        |()| Key::new("form-choice-bad"),
    );
    let shift = form.parse(
        texts,
        "shift",
        |text| {
            let id = text.parse::<Uuid>().map(ShiftId::from_uuid).map_err(|_| ())?;
            known.1.iter().any(|known| known.id == id && known.record.active).then_some(id).ok_or(())
        },
        |()| Key::new("form-choice-bad"),
    );
    let from = form.parse(texts, "from", str::parse::<NaiveDate>, |_| Key::new("form-date-bad"));
    let (Some(department), Some(shift), Some(from)) = (department, shift, from) else {
        return Ok(FormState::again(View(page_of(&app, page, &current.user, form).await?)));
    };
    let author = current.user.author();
    app.store().write(move |tx| assign_default(tx, &author, department, shift, from)).await?;
    Ok((Flash::good("assignment-saved"), Redirect::to("/rules")).into_response())
}
