//! Today over all sites.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDateTime, Utc};
use shared_model::access::Permission;
use web_kit::chart::ShareBar;
use web_kit::{Access, Current, Failure, Page, Route, RouteTable, Tone, View, WebApp as _};

use super::{App, Person};
use crate::store::attention;
use crate::store::today::{self, Headcount, SiteToday, Today};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        // Whoever has no company yet is led to where there is something for him.
        .get("/", Access::SignedIn, show)
        .route(Route::get("/today", Access::Needs(Permission::AttendanceView), show).passive())
}

#[derive(Template)]
#[template(path = "today.html")]
struct TodayPage {
    page: Page,
    today: Today,
    now: DateTime<Utc>,
    /// The wall time of the first site.
    at: NaiveDateTime,
    may_add_site: bool,
    may_see_clocks: bool,
    /// Keys that need a look, for whoever may see people.
    attention: i64,
    good: Tone,
    warn: Tone,
    bad: Tone,
    pending: Tone,
    neutral: Tone,
}

impl TodayPage {
    fn bar(&self, count: &Headcount) -> ShareBar {
        let part = |number: i64| u64::try_from(number).unwrap_or(0);
        let on_time = count.present - count.late;
        let label = self.page.t("today-bar").with("present", count.present).with("people", count.people);
        ShareBar::new(label.to_string())
            .part(Tone::Good, part(on_time))
            .part(Tone::Warn, part(count.late))
            .part(Tone::Bad, part(count.absent))
            .part(Tone::Neutral, part(count.uncertain))
    }

    /// The clocks that were not read for long, with their sites' names where there are several.
    fn silent(&self) -> Vec<String> {
        let several = self.today.sites.len() > 1;
        let name = |site: &SiteToday, clock: &str| match several {
            true => format!("{clock} ({})", site.site.name),
            false => clock.to_owned(),
        };
        self.today
            .sites
            .iter()
            .flat_map(|site| site.silent(self.now).map(|clock| name(site, clock)))
            .collect()
    }

    /// Up to when the site's clocks were read, at the site's own time.
    fn read_through(&self, site: &SiteToday) -> Option<String> {
        let through = site.read_through()?.with_timezone(&site.site.zones.latest()).naive_local();
        Some(self.page.texts.date_time(through))
    }
}

async fn show(State(app): State<App>, page: Page, who: Current<Person>) -> Result<Response, Failure> {
    if !app.allows(&who.user, Permission::AttendanceView) {
        let elsewhere = if who.user.operator { "/companies" } else { "/switch" };
        return Ok(Redirect::to(elsewhere).into_response());
    }
    let now = app.now();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let today = today::today(&mut tx, now).await?;
    let may_see_people = app.allows(&who.user, Permission::PeopleView);
    let attention = if may_see_people { attention::count(&mut tx).await?.count() } else { 0 };
    let at = match today.sites.first() {
        Some(site) => now.with_timezone(&site.site.zones.latest()).naive_local(),
        None => now.naive_utc(),
    };
    let page = TodayPage {
        may_add_site: app.allows(&who.user, Permission::SitesEdit),
        may_see_clocks: app.allows(&who.user, Permission::ClocksView),
        page,
        today,
        attention,
        now,
        at,
        good: Tone::Good,
        warn: Tone::Warn,
        bad: Tone::Bad,
        pending: Tone::Pending,
        neutral: Tone::Neutral,
    };
    Ok(View(page).into_response())
}
