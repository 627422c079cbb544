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
use web_kit::component::{Direction, Pager, Sort};
use web_kit::{
    Access, Current, DayMark, Failure, Key, Page, Refusal, Route, RouteTable, Tone, View, WebApp as _,
};

use super::listing::{Links, ListQuery};
use super::live::{News, Subscription};
use super::local_time::LocalTime;
use super::mark::day_mark;
use super::{App, Person};
use crate::store::Doubtful;
use crate::store::page::Listed;
use crate::store::page::today::{DayCounts, DayFilter, DayRow, DaySort, DepartmentCounts, Standing};
use feed::{FeedLine, FeedPart};

/// How long a feed goes on before the browser must come back, which checks its session again.
const FEED: Duration = Duration::from_secs(60);

/// People named at most whose punches have a doubtful time.
const DOUBTFUL: u32 = 20;

/// Punches shown when the page is opened.
const FEED_LINES: u32 = 12;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/", Access::Needs(Permission::AttendanceView), show)
        .route(Route::get("/live", Access::Needs(Permission::AttendanceView), live).passive())
        .route(Route::get("/live/list", Access::Needs(Permission::AttendanceView), fresh_list).passive())
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

/// A person to look at.
struct Link {
    href: String,
    name: String,
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

/// The people of the day, one page of them.
struct DayList {
    rows: Vec<Line>,
    total: u64,
    /// What is listed, where it is not everybody.
    filtered: Option<String>,
    is_searched: bool,
    clear: String,
    sort: Sort,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "today/show.html")]
struct TodayPage {
    page: Page,
    date: NaiveDate,
    today: NaiveDate,
    may_see_clocks: bool,
    may_import: bool,
    before: String,
    after: Option<String>,
    tiles: Vec<Tile>,
    steps: Steps,
    people: u32,
    silent: Vec<String>,
    doubtful: Vec<Link>,
    more_doubtful: bool,
    departments: Vec<DepartmentLine>,
    list: DayList,
    fresh: String,
    search: String,
    shown: String,
    choices: Vec<(String, String)>,
    chosen: String,
    feed: Vec<FeedLine>,
}

impl TodayPage {
    fn is_today(&self) -> bool {
        self.date == self.today
    }

    fn heading(&self) -> String {
        if self.is_today() {
            self.page.t("today-title").to_string()
        } else {
            self.page.texts.date_long(self.date)
        }
    }

    fn lead(&self) -> String {
        if self.is_today() { self.page.texts.date_long(self.date) } else { String::new() }
    }
}

#[derive(Template)]
#[template(path = "today/list.html")]
struct ListPart {
    page: Page,
    list: DayList,
}

#[derive(Template)]
#[template(path = "today/counts.html")]
struct CountsPart {
    page: Page,
    tiles: Vec<Tile>,
}

/// What is asked of the list, from the query.
struct Asked {
    date: NaiveDate,
    today: NaiveDate,
    filter: DayFilter,
    column: &'static str,
    direction: Direction,
}

impl Asked {
    fn of(query: &ListQuery, today: NaiveDate) -> Self {
        let (sort, column) = sort_of(query);
        let filter = DayFilter {
            text: query.search(),
            department: query.id::<DepartmentId>("department"),
            standing: Standing::parse(query.get("show")),
            sort,
            order: query.order(),
            place: query.place(),
        };
        let date = query.get("date").parse().unwrap_or(today).min(today);
        Self { date, today, filter, column, direction: query.direction() }
    }

    /// The date as links carry it: not at all for the present day.
    fn when(&self) -> String {
        if self.date == self.today { String::new() } else { self.date.to_string() }
    }

    fn link_to(&self, date: NaiveDate) -> String {
        if date == self.today { "/".to_owned() } else { format!("/?date={date}") }
    }

    fn shown(&self) -> &'static str {
        self.filter.standing.map(Standing::as_str).unwrap_or_default()
    }

    fn chosen(&self) -> String {
        self.filter.department.map(|id| id.to_string()).unwrap_or_default()
    }

    /// "Late: 12 people".
    fn filtered(&self, page: &Page, total: u64) -> Option<String> {
        let filter = &self.filter;
        let count = page.t("list-count").with("count", total);
        match filter.standing {
            Some(standing) => {
                let what = page.t(label(standing)).to_string();
                Some(page.t("today-filtered").with("what", what).with("count", count.to_string()).to_string())
            }
            None if !filter.text.is_empty() || filter.department.is_some() => Some(count.to_string()),
            None => None,
        }
    }

    fn list(&self, page: &Page, local: &LocalTime, found: &Listed<DayRow>) -> DayList {
        let filter = &self.filter;
        let links = Links::new("/")
            .keeping("date", self.when())
            .keeping("q", filter.text.clone())
            .keeping("department", self.chosen())
            .keeping("show", self.shown());
        DayList {
            rows: found.rows.iter().map(|row| person_line(page, local, row)).collect(),
            total: found.total,
            filtered: self.filtered(page, found.total),
            is_searched: !filter.text.is_empty(),
            clear: self.link_to(self.date),
            sort: links.sort(self.column, self.direction),
            pager: links.pager(self.column, self.direction, found, |row| row.employee.uuid()),
        }
    }
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
    uri: http::Uri,
) -> Result<View<TodayPage>, Failure> {
    let local = app.local_time().await?;
    let asked = Asked::of(&query, local.today());
    let (date, is_today, filter) = (asked.date, asked.date == asked.today, asked.filter.clone());
    let (wall, now) = (local.wall_now(), local.now());
    let (counts, departments, list, clocks, punches, outline, doubtful) = app
        .store()
        .read(move |tx| {
            let list = tx.day_list(date, &filter)?;
            let feed = if is_today { tx.newest_punches(wall, FEED_LINES)? } else { Vec::new() };
            Ok((
                tx.day_counts(date, now)?,
                tx.day_counts_by_department(date, now)?,
                list,
                tx.devices()?,
                feed,
                tx.outline()?,
                tx.doubtful_days(date, DOUBTFUL + 1)?,
            ))
        })
        .await?;

    let when = asked.when();
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
        today: asked.today,
        may_see_clocks: current.user.role.may(Permission::ClocksView),
        may_import: current.user.role.may(Permission::PeopleEdit),
        before: asked.link_to(date.pred_opt().unwrap_or(date)),
        after: (!is_today).then(|| asked.link_to(date.succ_opt().unwrap_or(date))),
        tiles: tiles(&page, &counts, &when),
        steps: Steps {
            clocks: clocks.iter().any(|clock| at_work(&clock)),
            people: counts.people > 0,
            cloud: outline.sync.enrolled,
            are_mine: current.user.role.may(Permission::ClocksEdit),
        },
        people: counts.people,
        silent,
        more_doubtful: doubtful.len() > DOUBTFUL as usize,
        doubtful: doubtful
            .into_iter()
            .take(DOUBTFUL as usize)
            .map(|person| link_to_person(person, date))
            .collect(),
        departments: departments.iter().map(|line| department_line(&page, line, &when)).collect(),
        list: asked.list(&page, &local, &list),
        fresh: uri.query().map_or_else(|| "/live/list".to_owned(), |query| format!("/live/list?{query}")),
        choices: department_choices(&page, &departments),
        search: query.search(),
        shown: asked.shown().to_owned(),
        chosen: asked.chosen(),
        feed: punches.iter().map(|punch| FeedLine::of(&page, punch)).collect(),
        page,
    }))
}

fn link_to_person(person: Doubtful, date: NaiveDate) -> Link {
    let href = format!("/people/{}?month={}", person.employee, date.format("%Y-%m"));
    Link { href, name: person.name }
}

/// The list alone, as an open page fetches it when something changed.
async fn fresh_list(State(app): State<App>, page: Page, query: ListQuery) -> Result<View<ListPart>, Failure> {
    let local = app.local_time().await?;
    let asked = Asked::of(&query, local.today());
    let (date, filter) = (asked.date, asked.filter.clone());
    let found = app.store().read(move |tx| tx.day_list(date, &filter)).await?;
    let list = asked.list(&page, &local, &found);
    Ok(View(ListPart { page, list }))
}

const fn label(standing: Standing) -> Key {
    match standing {
        Standing::Present => Key::new("today-present"),
        Standing::Late => Key::new("today-late"),
        Standing::Absent => Key::new("today-absent"),
        Standing::Open => Key::new("today-open"),
        Standing::Leave => Key::new("today-leave"),
        Standing::Off => Key::new("today-off"),
    }
}

fn tiles(page: &Page, counts: &DayCounts, when: &str) -> Vec<Tile> {
    let share = |part: u32| page.texts.percent(u64::from(part), u64::from(counts.people));
    Standing::ALL
        .into_iter()
        .map(|standing| {
            let number = counts.of(standing);
            let (tone, note) = match standing {
                Standing::Present if !when.is_empty() => {
                    (Tone::Good, page.t("today-share-note").with("share", share(number)))
                }
                Standing::Present => (
                    Tone::Good,
                    page.t("today-present-note").with("share", share(number)).with("inside", counts.inside),
                ),
                Standing::Late => (
                    Tone::Warn,
                    page.t("today-late-note")
                        .with("share", page.texts.percent(u64::from(number), u64::from(counts.present))),
                ),
                Standing::Absent => (Tone::Bad, page.t("today-share-note").with("share", share(number))),
                Standing::Open if counts.awaited > 0 => {
                    (Tone::Pending, page.t("today-open-awaited").with("count", counts.awaited))
                }
                Standing::Open if number == 0 => (Tone::Pending, page.t("today-open-none")),
                Standing::Open => (Tone::Pending, page.t("today-open-note")),
                Standing::Leave => (Tone::Accent, page.t("today-leave-note")),
                Standing::Off => (Tone::Neutral, page.t("today-off-note")),
            };
            let date = if when.is_empty() { String::new() } else { format!("&date={when}") };
            Tile {
                label: page.t(label(standing)).to_string(),
                value: page.texts.int(number),
                tone,
                href: format!("/?show={}{date}", standing.as_str()),
                note: note.to_string(),
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
        mark: day_mark(&row.day, local.now()),
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
    let (today, now) = (app.today().await?, app.now());
    let counts = app.store().read(move |tx| tx.day_counts(today, now)).await?;
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
