//! Today: who is present, late, absent, not yet known; and the punches as they arrive.

pub(super) mod feed;

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use chrono::NaiveDate;
use futures_util::{Stream, StreamExt as _, stream};
use shared_model::DepartmentId;
use shared_model::access::Permission;
use web_kit::chart::ShareBar;
use web_kit::component::{Pager, Sort};
use web_kit::{Access, Current, DayMark, Failure, Page, Refusal, Route, RouteTable, Tone, View};

use super::listing::{Links, ListQuery};
use super::live::{News, Subscription};
use super::local_time::LocalTime;
use super::mark::day_mark;
use super::{App, Person};
use crate::store::page::today::{DayCounts, DayFilter, DayRow, DaySort, DepartmentCounts, Standing};
use feed::{FeedLine, FeedPart};

/// How long a feed goes on before the browser must come back, which checks its session again.
const FEED: Duration = Duration::from_secs(60);

/// Punches shown when the page is opened.
const FEED_LINES: u32 = 12;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/", Access::Needs(Permission::AttendanceView), show)
        .route(Route::get("/live", Access::Needs(Permission::AttendanceView), live).passive())
}

/// A number of the day.
struct Tile {
    label: String,
    value: String,
    tone: Tone,
    href: String,
    note: String,
}

/// A department's line.
struct DepartmentLine {
    name: String,
    href: String,
    present: String,
    bar: ShareBar,
}

/// A person's line.
struct Line {
    href: String,
    name: String,
    code: String,
    department: String,
    shift: String,
    mark: DayMark,
    first_in: String,
    last_out: String,
    worked: String,
    late: String,
}

/// What is still to be done before the pages can show anything.
struct Steps {
    clocks: bool,
    people: bool,
    cloud: bool,
    /// Whether the person can take them.
    are_mine: bool,
}

impl Steps {
    fn is_done(&self) -> bool {
        !self.are_mine || self.clocks && self.people
    }
}

#[derive(Template)]
#[template(path = "today/show.html")]
struct TodayPage {
    page: Page,
    date: NaiveDate,
    is_today: bool,
    may_see_clocks: bool,
    before: String,
    after: Option<String>,
    tiles: Vec<Tile>,
    steps: Steps,
    people: u32,
    silent: Vec<String>,
    departments: Vec<DepartmentLine>,
    rows: Vec<Line>,
    total: u64,
    search: String,
    shown: String,
    choices: Vec<(String, String)>,
    chosen: String,
    is_filtered: bool,
    clear: String,
    sort: Sort,
    pager: Pager,
    feed: Vec<FeedLine>,
}

#[derive(Template)]
#[template(path = "today/counts.html")]
struct CountsPart {
    page: Page,
    tiles: Vec<Tile>,
}

fn sort_of(query: &ListQuery) -> (DaySort, &'static str) {
    match query.get("sort") {
        "name" => (DaySort::Name, "name"),
        "in" => (DaySort::In, "in"),
        "worked" => (DaySort::Worked, "worked"),
        "late" => (DaySort::Late, "late"),
        _ => (DaySort::Code, "code"),
    }
}

async fn show(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    query: ListQuery,
) -> Result<View<TodayPage>, Failure> {
    let local = app.local_time().await?;
    let today = local.today();
    let date = query.get("date").parse().unwrap_or(today).min(today);
    let is_today = date == today;
    let (sort, column) = sort_of(&query);
    let standing = Standing::parse(query.get("show"));
    let department = query.id::<DepartmentId>("department");
    let filter = DayFilter {
        text: query.search(),
        department,
        standing,
        sort,
        order: query.order(),
        place: query.place(),
    };
    let wall = local.wall_now();
    let (counts, departments, list, clocks, punches, outline) = app
        .store()
        .read(move |tx| {
            let list = tx.day_list(date, &filter)?;
            let feed = if is_today { tx.newest_punches(wall, FEED_LINES)? } else { Vec::new() };
            Ok((
                tx.day_counts(date)?,
                tx.day_counts_by_department(date)?,
                list,
                tx.devices()?,
                feed,
                tx.outline()?,
            ))
        })
        .await?;

    let when = if is_today { String::new() } else { date.to_string() };
    let chosen = department.map(|id| id.to_string()).unwrap_or_default();
    let shown = standing.map(Standing::as_str).unwrap_or_default();
    let links = Links::new("/")
        .keeping("date", when.clone())
        .keeping("q", query.search())
        .keeping("department", chosen.clone())
        .keeping("show", shown);
    let link_to = |date: NaiveDate| if date == today { "/".to_owned() } else { format!("/?date={date}") };
    let at_work = |clock: &&crate::store::AdoptedDevice| {
        clock.device.record.state == shared_model::entity::DeviceState::Active
    };
    let silent = clocks
        .iter()
        .filter(at_work)
        .filter(|clock| clock.state.as_ref().is_none_or(|state| state.link != crate::store::Link::Online))
        .map(|clock| clock.device.record.name.to_string())
        .collect();
    Ok(View(TodayPage {
        date,
        is_today,
        may_see_clocks: current.user.role.may(Permission::ClocksView),
        before: link_to(date.pred_opt().unwrap_or(date)),
        after: (date < today).then(|| link_to(date.succ_opt().unwrap_or(date))),
        tiles: tiles(&page, &counts, &when),
        steps: Steps {
            clocks: clocks.iter().any(|clock| at_work(&clock)),
            people: counts.people > 0,
            cloud: outline.sync.enrolled,
            are_mine: current.user.role.may(Permission::ClocksEdit),
        },
        people: counts.people,
        silent,
        departments: departments.iter().map(|line| department_line(&page, line, &when)).collect(),
        rows: list.rows.iter().map(|row| person_line(&page, &local, row)).collect(),
        total: list.total,
        choices: department_choices(&page, &departments),
        is_filtered: !query.search().is_empty() || department.is_some() || standing.is_some(),
        clear: link_to(date),
        search: query.search(),
        shown: shown.to_owned(),
        chosen,
        sort: links.sort(column, query.direction()),
        pager: links.pager(column, query.direction(), &list, |row| row.employee.uuid()),
        feed: punches.iter().map(|punch| FeedLine::of(&page, punch)).collect(),
        page,
    }))
}

fn tiles(page: &Page, counts: &DayCounts, when: &str) -> Vec<Tile> {
    let share = |part: u32| page.texts.percent(u64::from(part), u64::from(counts.people));
    Standing::ALL
        .into_iter()
        .map(|standing| {
            let number = counts.of(standing);
            let (label, tone, note) = match standing {
                Standing::Present => (
                    page.t("today-present"),
                    Tone::Good,
                    page.t("today-present-note")
                        .with("share", share(number))
                        .with("inside", counts.inside)
                        .to_string(),
                ),
                Standing::Late => (
                    page.t("today-late"),
                    Tone::Warn,
                    page.t("today-late-note")
                        .with("share", page.texts.percent(u64::from(number), u64::from(counts.present)))
                        .to_string(),
                ),
                Standing::Absent => (
                    page.t("today-absent"),
                    Tone::Bad,
                    page.t("today-absent-note").with("share", share(number)).to_string(),
                ),
                Standing::Open => {
                    (page.t("today-open"), Tone::Pending, page.t("today-open-note").to_string())
                }
                Standing::Leave => {
                    (page.t("today-leave"), Tone::Accent, page.t("today-leave-note").to_string())
                }
                Standing::Off => (page.t("today-off"), Tone::Neutral, page.t("today-off-note").to_string()),
            };
            let date = if when.is_empty() { String::new() } else { format!("&date={when}") };
            Tile {
                label: label.to_string(),
                value: page.texts.int(number),
                tone,
                href: format!("/?show={}{date}", standing.as_str()),
                note,
            }
        })
        .collect()
}

fn department_line(page: &Page, line: &DepartmentCounts, when: &str) -> DepartmentLine {
    let counts = &line.counts;
    let name =
        if line.department.is_some() { line.name.clone() } else { page.t("department-none").to_string() };
    let present = page.t("today-of").with("part", counts.present).with("whole", counts.people).to_string();
    let expected = u64::from(counts.people.saturating_sub(counts.leave + counts.off));
    let came = u64::from(counts.present.saturating_sub(counts.late));
    let bar = ShareBar::new(format!("{name}: {present}"))
        .part(Tone::Good, came)
        .part(Tone::Warn, counts.late.into())
        .part(Tone::Bad, counts.absent.into())
        .part(
            Tone::Neutral,
            expected.saturating_sub(came + u64::from(counts.late) + u64::from(counts.absent)),
        );
    let date = if when.is_empty() { String::new() } else { format!("&date={when}") };
    let href = line.department.map(|id| format!("/?department={id}{date}")).unwrap_or_default();
    DepartmentLine { name, href, present, bar }
}

fn department_choices(page: &Page, departments: &[DepartmentCounts]) -> Vec<(String, String)> {
    let all = (String::new(), page.t("department-all").to_string());
    let named = departments.iter().filter_map(|line| Some((line.department?.to_string(), line.name.clone())));
    std::iter::once(all).chain(named).collect()
}

fn person_line(page: &Page, local: &LocalTime, row: &DayRow) -> Line {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| page.texts.time(local.time(at))).unwrap_or_default()
    };
    let span = |seconds: i64| if seconds > 0 { page.texts.hours_minutes(seconds) } else { String::new() };
    Line {
        href: format!("/people/{}", row.employee),
        name: row.name.clone(),
        code: row.code.clone(),
        department: row.department.clone().unwrap_or_default(),
        shift: row.day.shift.clone().unwrap_or_default(),
        mark: day_mark(&row.day),
        first_in: time(row.day.first_in),
        last_out: time(row.day.last_out),
        worked: span(row.day.worked),
        late: span(row.day.late),
    }
}

async fn live(
    State(app): State<App>,
    page: Page,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let subscription = app.live().subscribe().ok_or(Refusal::Busy)?;
    // What changed between the page and this stream is told at once.
    let today = app.today().await?;
    let counts = app.store().read(move |tx| tx.day_counts(today)).await?;
    let first = counts_event(&page, &counts);
    let end = tokio::time::Instant::now() + FEED;
    let rest = stream::unfold((subscription, page), move |(mut subscription, page)| async move {
        let events = next_events(&mut subscription, &page, end).await?;
        Some((stream::iter(events), (subscription, page)))
    });
    let events = stream::iter(first).chain(rest.flatten()).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))))
}

/// The next news as events; `None` when the stream is over.
async fn next_events(
    subscription: &mut Subscription,
    page: &Page,
    end: tokio::time::Instant,
) -> Option<Vec<Event>> {
    use tokio::sync::broadcast::error::RecvError;
    match tokio::time::timeout_at(end, subscription.news.recv()).await.ok()? {
        Ok(News::Punches(punches)) => {
            let lines = punches.iter().map(|punch| FeedLine::of(page, punch));
            let events = lines.filter_map(|line| event("punch", &FeedPart { line }));
            Some(events.collect())
        }
        Ok(News::Counts(counts)) => Some(counts_event(page, &counts).into_iter().collect()),
        Err(RecvError::Lagged(_)) => Some(Vec::new()),
        Err(RecvError::Closed) => None,
    }
}

fn counts_event(page: &Page, counts: &DayCounts) -> Option<Event> {
    event("counts", &CountsPart { tiles: tiles(page, counts, ""), page: page.clone() })
}

fn event(name: &str, part: &impl Template) -> Option<Event> {
    match part.render() {
        // A carriage return would end a line of the stream in the middle of the data.
        Ok(html) => Some(Event::default().event(name).data(html.replace('\r', " "))),
        Err(error) => {
            tracing::error!(error = %error, "a part of a page could not be rendered");
            None
        }
    }
}
