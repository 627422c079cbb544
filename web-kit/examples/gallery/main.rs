//! A page with every component, for looking at and for screenshots.
//!
//! `cargo run -p web-kit --example gallery -- 127.0.0.1:8099` and open `/`, `/form`, `/empty`, `/sign-in`, `/none`.
//! The names and numbers are made up.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures_util::{Stream, StreamExt as _, stream};
use web_kit::chart::{ShareBar, Sparkline};
use web_kit::component::{Direction, Pager, Sort};
use web_kit::harden::{Config, HostList};
use web_kit::page::Pill;
use web_kit::session::{CookieRules, StoredSession, TokenHash};
use web_kit::sign_in::SignInPage;
use web_kit::{
    Access, Assets, DayMark, Flash, FormState, Frame, Kit, Locales, NavItem, Page, Route, RouteTable,
    SessionStore, Texts, Tone, UserMenu, View, WebApp, harden,
};

const GOOD: Tone = Tone::Good;
const WARN: Tone = Tone::Warn;
const BAD: Tone = Tone::Bad;
const INFO: Tone = Tone::Info;
const PENDING: Tone = Tone::Pending;
const ACCENT: Tone = Tone::Accent;
const TONES: [Tone; 7] =
    [Tone::Good, Tone::Warn, Tone::Bad, Tone::Info, Tone::Pending, Tone::Accent, Tone::Neutral];
const ALL_MARKS: [DayMark; 15] = DayMark::ALL;

/// A state without sessions: the gallery is public.
#[derive(Clone)]
struct Gallery {
    kit: Arc<Kit>,
}

struct NoSessions;

impl SessionStore for NoSessions {
    type User = ();
    type Error = Infallible;

    async fn find(&self, _: &TokenHash) -> Result<Option<StoredSession<()>>, Infallible> {
        Ok(None)
    }

    async fn insert(&self, _: &TokenHash, (): &(), _: DateTime<Utc>) -> Result<(), Infallible> {
        Ok(())
    }

    async fn touch(&self, _: &TokenHash, _: DateTime<Utc>) -> Result<(), Infallible> {
        Ok(())
    }

    async fn delete(&self, _: &TokenHash) -> Result<(), Infallible> {
        Ok(())
    }
}

impl WebApp for Gallery {
    type User = ();
    type Permission = ();
    type Sessions = NoSessions;

    fn kit(&self) -> &Arc<Kit> {
        &self.kit
    }

    fn sessions(&self) -> &NoSessions {
        &NoSessions
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn random(&self) -> [u8; 32] {
        [0; 32]
    }

    fn allows(&self, (): &(), (): ()) -> bool {
        true
    }

    async fn frame(&self, _: Option<&()>, _: &Texts) -> Frame {
        Frame {
            alarm: None,
            site: "Meghna Knitwear, Unit 2".to_owned(),
            nav: vec![
                NavItem::new("/", "Today", "today"),
                NavItem::new("/people", "People", "people"),
                NavItem::new("/empty", "Clocks", "device").waiting(1),
                NavItem::new("/approvals", "Approvals", "approve").waiting(12),
                NavItem::new("/shifts", "Shifts", "calendar"),
                NavItem::new("/reports", "Reports", "report"),
                NavItem::new("/sync", "Sync", "sync"),
                NavItem::new("/form", "Settings", "settings"),
            ],
            pill: Some(Pill {
                tone: Tone::Good,
                label: "In step, 12 s ago".to_owned(),
                href: "/sync".to_owned(),
            }),
            user: Some(UserMenu {
                name: "Sample Person".to_owned(),
                role: "Site administrator".to_owned(),
                links: vec![("My account".to_owned(), "/form".to_owned())],
                sign_out: "/sign-out",
            }),
        }
    }
}

struct Row {
    name: &'static str,
    code: String,
    team: &'static str,
    shift: &'static str,
    mark: DayMark,
    first: &'static str,
    last: &'static str,
    worked: i64,
}

#[derive(Template)]
#[template(path = "gallery.html")]
struct GalleryPage {
    page: Page,
    day: NaiveDate,
    at: NaiveDateTime,
    rows: Vec<Row>,
    sort: Sort,
    pager: Pager,
    share: ShareBar,
    log: ShareBar,
    sync: ShareBar,
    spark: Sparkline,
    icons: Vec<String>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    page: Page,
    form: FormState,
    options: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "empty.html")]
struct EmptyPage {
    page: Page,
}

async fn gallery(page: Page) -> View<GalleryPage> {
    let names = [
        "Person One",
        "Person Two",
        "Person with a rather long name",
        "ব্যক্তি চার",
        "Person Five",
        "Person Six",
    ];
    let rows = DayMark::ALL
        .into_iter()
        .zip(names.into_iter().cycle())
        .zip(1001..)
        .map(|((mark, name), number)| Row {
            name,
            code: format!("MK-{number}"),
            team: "Sewing A",
            shift: "General 08–17",
            mark,
            first: "07:56",
            last: "17:04",
            worked: 29_280,
        })
        .collect();
    let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap_or_default();
    let sprite = include_str!("../../assets/image/icons.svg");
    let icons = sprite
        .split("<symbol id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect();
    View(GalleryPage {
        page,
        day,
        at: day.and_hms_opt(8, 12, 44).unwrap_or_default(),
        rows,
        sort: Sort::new("/", "name", Direction::Ascending),
        pager: Pager::new("/", &[], Some("a"), Some("m")),
        share: ShareBar::new("1,184 of 1,438 are present")
            .part(Tone::Good, 1184)
            .part(Tone::Warn, 63)
            .part(Tone::Bad, 41),
        log: ShareBar::of(Tone::Info, 62_310, 100_000, "62% of the log memory is used"),
        sync: ShareBar::of(Tone::Good, 99, 100, "99% is delivered"),
        spark: Sparkline::new(
            &[2, 4, 3, 18, 60, 140, 90, 30, 22, 25, 31, 28],
            "Punches per quarter of an hour",
        ),
        icons,
    })
}

fn teams() -> Vec<(String, String)> {
    [("", "Choose a team"), ("a", "Sewing A"), ("b", "Sewing B")]
        .map(|(v, l)| (v.to_owned(), l.to_owned()))
        .to_vec()
}

async fn form(page: Page) -> View<FormPage> {
    let form = FormState::filled([
        ("name", "Person One".to_owned()),
        ("team", "a".to_owned()),
        ("day", "mon".to_owned()),
    ]);
    View(FormPage { page, form, options: teams() })
}

async fn submit(page: Page, mut form: FormState) -> Response {
    form.required(&page.texts, "name");
    form.required(&page.texts, "code");
    form.forget("pin");
    if form.has_errors() {
        form.fail_all("Two things are missing.");
        return FormState::again(View(FormPage { page, form, options: teams() }));
    }
    (Flash::good("confirm"), Redirect::to("/form")).into_response()
}

async fn empty(page: Page) -> View<EmptyPage> {
    View(EmptyPage { page })
}

async fn sign_in(page: Page) -> View<SignInPage> {
    View(SignInPage::new(page, None))
}

async fn sign_in_refused(page: Page, form: FormState) -> Response {
    FormState::again(View(SignInPage::refused(page, form)))
}

async fn live(State(app): State<Gallery>, page: Page) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    drop(app);
    let events = stream::iter(0_u32..).then(move |number| {
        let chip = page.chip_with(Tone::Good, "in", "In").to_string();
        async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let second = number % 60;
            Ok(Event::default().event("punch").data(format!(
                "<li class=\"feed-item\"><time class=\"feed-time num\">08:02:{second:02}</time>\
                 <span class=\"feed-who\">Person {number}</span><span class=\"feed-what\">Gate 1</span>{chip}</li>"
            )))
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn routes() -> RouteTable<Gallery> {
    RouteTable::new()
        .get("/", Access::Public, gallery)
        .get("/form", Access::Public, form)
        .post("/form", Access::Public, submit)
        .get("/empty", Access::Public, empty)
        .get("/sign-in", Access::Public, sign_in)
        .post("/sign-in", Access::Public, sign_in_refused)
        .get("/people", Access::SignedIn, empty)
        .route(Route::get("/live", Access::Public, live).passive())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let kit = Arc::new(Kit::new("Muster", Locales::kit(), Assets::kit(), CookieRules::new("gallery", false)));
    let router = routes().build(Gallery { kit: Arc::clone(&kit) });
    let router = harden(router, &kit, Config::new(false, HostList::loopback()));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await
}
