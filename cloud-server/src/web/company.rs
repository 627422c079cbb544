//! The switch between a person's companies.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use shared_model::CompanyId;
use web_kit::{Access, Current, Failure, FormState, Page, Refusal, RouteTable, Tone, View};

use super::{App, Person, text};
use crate::store::user::Membership;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/switch", Access::SignedIn, show).post("/switch", Access::SignedIn, switch)
}

#[derive(Template)]
#[template(path = "switch.html")]
struct SwitchPage {
    page: Page,
    /// With the role's name, and whether it is the one shown now.
    companies: Vec<(Membership, String, bool)>,
    good: Tone,
}

async fn show(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<SwitchPage>, Failure> {
    let memberships = app.store().memberships(who.user.id).await?;
    let shown = who.user.company.as_ref().map(|(company, ..)| *company);
    let named = |membership: Membership| {
        let role = page.t(text::role(membership.role)).to_string();
        let is_shown = Some(membership.company) == shown;
        (membership, role, is_shown)
    };
    let companies = memberships.into_iter().map(named).collect();
    Ok(View(SwitchPage { page, companies, good: Tone::Good }))
}

async fn switch(State(app): State<App>, who: Current<Person>, form: FormState) -> Result<Response, Failure> {
    let company: CompanyId = form.value("company").parse().map_err(|_| Refusal::NotFound)?;
    // Somebody else's company is as unknown as none.
    if !app.store().switch_company(who.session.as_bytes(), company).await? {
        return Err(Refusal::NotFound.into());
    }
    Ok(Redirect::to("/").into_response())
}
