//! Clocks: the list, adding one by its address, adopting those that post by themselves, one clock's page.

mod add;
mod edit;
mod pending;
mod show;
pub(super) mod state;

use askama::Template;
use axum::extract::State;
use shared_model::access::Permission;
use shared_model::entity::DeviceState;
use web_kit::{Access, Current, Failure, Page, RouteTable, View, WebApp as _};

use super::{App, Person};
use state::ClockLine;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/clocks", Access::Needs(Permission::ClocksView), list)
        .extend(add::routes())
        .extend(edit::routes())
        .extend(pending::routes())
        .extend(show::routes())
}

struct PendingLine {
    serial: String,
    what: String,
    address: String,
    seen: String,
}

#[derive(Template)]
#[template(path = "clock/list.html")]
struct ListPage {
    page: Page,
    may_edit: bool,
    pending: Vec<PendingLine>,
    /// That announcements fell out of the list of those that wait.
    dropped: Option<String>,
    clocks: Vec<ClockLine>,
    retired: Vec<ClockLine>,
}

async fn list(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
) -> Result<View<ListPage>, Failure> {
    let local = app.local_time().await?;
    let now = app.now();
    let (devices, pending, dropped) = app
        .store()
        .read(move |tx| Ok((tx.devices()?, tx.pending_devices()?, tx.dropped_announcements(now)?)))
        .await?;
    let dropped = dropped.map(|dropped| {
        page.t("pending-dropped")
            .with("count", dropped.clocks)
            .with("address", dropped.address)
            .with("at", page.texts.date_time(local.wall(dropped.last_at)))
            .to_string()
    });
    let pending = pending
        .into_iter()
        .map(|clock| PendingLine {
            what: if clock.model.is_empty() {
                page.t("clock-model-unknown").to_string()
            } else {
                clock.model
            },
            serial: clock.serial.to_string(),
            address: clock.address,
            seen: page.texts.ago(local.since(clock.last_seen)),
        })
        .collect();
    let mut devices = devices;
    devices.sort_by_key(|known| known.device.record.name.as_str().to_lowercase());
    let (retired, at_work): (Vec<_>, Vec<_>) =
        devices.iter().partition(|known| known.device.record.state == DeviceState::Retired);
    let lines = |clocks: Vec<&crate::store::AdoptedDevice>| {
        clocks.into_iter().map(|known| ClockLine::of(&page, &local, known)).collect()
    };
    Ok(View(ListPage {
        may_edit: current.user.role.may(Permission::ClocksEdit),
        pending,
        dropped,
        clocks: lines(at_work),
        retired: lines(retired),
        page,
    }))
}
