//! The first set-up: company, site, usual hours and the first owner, once, by a one-time token, on this machine only.
//!
//! There is no default account. Who installs the program gets a link with the token; whoever has the link and sits at
//! the machine makes the first account, and the token is void.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use shared_model::access::Role;
use shared_model::entity::Weekday;
use shared_model::text::{Code, Name};
use shared_model::{ActorId, UserId};
use shift_engine::Typed as _;
use web_kit::password::NewPassword;
use web_kit::{Access, Failure, Flash, FormState, Key, Page, RouteTable, View, WebApp as _, session};

use super::listing::ListQuery;
use super::peer::Peer;
use super::rule::hours::{TypedHours, weekday_choices};
use super::{App, Person, text};
use crate::control::account::SetUpToken;
use crate::control::founding::{Founding, UsualHours, found};
use crate::store::{Author, LocalUser, StoreError, Via};

/// The longest name for signing in, in characters.
const USER_NAME: usize = 40;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/set-up", Access::Public, show).post("/set-up", Access::Public, set_up)
}

#[derive(Template)]
#[template(path = "set_up/form.html")]
struct SetUpPage {
    page: Page,
    form: FormState,
    has_site: bool,
    zones: Vec<(String, String)>,
    weekdays: Vec<(String, String)>,
}

impl SetUpPage {
    fn new(page: Page, form: FormState, has_site: bool) -> Self {
        let none = (String::new(), page.t("rule-off-none").to_string());
        let weekdays = weekday_choices(&page).into_iter().chain([none]).collect();
        let zones = web_kit::zone::choices(page.t("set-up-zone-choose").to_string());
        Self { page, form, has_site, zones, weekdays }
    }
}

#[derive(Template)]
#[template(path = "set_up/elsewhere.html")]
struct ElsewherePage {
    page: Page,
}

/// What stops a set-up before any field is looked at.
async fn stopped(app: &App, page: &Page, peer: &Peer) -> Result<Option<Response>, Failure> {
    if app.store().read(crate::store::ReadTx::has_local_user).await? {
        return Ok(Some(Redirect::to("/sign-in").into_response()));
    }
    if !peer.is_console() {
        let page = View(ElsewherePage { page: page.clone() });
        return Ok(Some((StatusCode::FORBIDDEN, page).into_response()));
    }
    Ok(None)
}

async fn show(State(app): State<App>, page: Page, peer: Peer, query: ListQuery) -> Result<Response, Failure> {
    if let Some(answer) = stopped(&app, &page, &peer).await? {
        return Ok(answer);
    }
    let has_site = app.store().read(crate::store::ReadTx::site_head).await?.is_some();
    let form = FormState::filled([
        ("token", query.get("token").chars().take(64).collect()),
        ("site_code", "F1".to_owned()),
        ("start", "08:00".to_owned()),
        ("end", "17:00".to_owned()),
        ("break_start", "13:00".to_owned()),
        ("break_end", "14:00".to_owned()),
        ("weekly_off", "friday".to_owned()),
    ]);
    Ok(View(SetUpPage::new(page, form, has_site)).into_response())
}

/// The typed answers, parsed.
struct Answers {
    token: [u8; 32],
    /// The company and its site, where the cloud has not told them.
    place: Option<Founding>,
    full_name: Name,
    user_name: String,
    password: NewPassword,
}

async fn set_up(
    State(app): State<App>,
    page: Page,
    headers: HeaderMap,
    peer: Peer,
    mut form: FormState,
) -> Result<Response, Failure> {
    if let Some(answer) = stopped(&app, &page, &peer).await? {
        return Ok(answer);
    }
    let has_site = app.store().read(crate::store::ReadTx::site_head).await?.is_some();
    let again = |page: Page, mut form: FormState| {
        form.forget("password");
        Ok(FormState::again(View(SetUpPage::new(page, form, has_site))))
    };
    let Some(answers) = parse(&page, &mut form, has_site) else { return again(page, form) };
    // Before the slow hash, so that guessing a token costs us nothing.
    let (token, now) = (answers.token, app.now());
    if !app.store().read(move |tx| tx.is_open_setup_token(&token, now)).await? {
        form.fail("token", page.t("set-up-token-void"));
        return again(page, form);
    }
    let password_hash = app.passwords().hash(answers.password.clone(), app.salt()).await?;
    match write(&app, answers, password_hash).await? {
        Some(user) => {
            let person = Person { origin: peer.origin(), ..Person::of(user) };
            let cookie = session::begin(&app, &headers, &person).await?;
            let next = Redirect::to("/clocks");
            Ok(([(SET_COOKIE, cookie)], Flash::good("set-up-done"), next).into_response())
        }
        None => {
            form.fail("token", page.t("set-up-token-void"));
            again(page, form)
        }
    }
}

fn parse(page: &Page, form: &mut FormState, has_site: bool) -> Option<Answers> {
    let texts = &page.texts;
    let token = form.parse(texts, "token", SetUpToken::parse, |()| Key::new("set-up-token-void"));
    let place = if has_site {
        Some(None)
    } else {
        let company = form.parse(texts, "company", Name::parse, |_| Key::new("form-required"));
        let site = form.parse(texts, "site", Name::parse, |_| Key::new("form-required"));
        let code = form.parse(texts, "site_code", Code::parse, |error| text::bad_code(&error));
        let zone = form.parse(texts, "zone", str::parse::<Tz>, |_| Key::new("set-up-zone-missing"));
        let hours = usual_hours(page, form);
        match (company, site, code, zone, hours) {
            (Some(company), Some(site), Some(code), Some(zone), Some(hours)) => {
                Some(Some(Founding { company, site, code, zone, hours: Some(hours) }))
            }
            _ => None,
        }
    };
    let full_name = form.parse(texts, "full_name", Name::parse, |_| Key::new("form-required"));
    let user_name = form.parse(texts, "user_name", user_name, |key| key);
    let personal: Vec<String> =
        ["company", "site", "full_name", "user_name"].map(|name| form.value(name).to_owned()).into();
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    let password = match NewPassword::parse(form.raw("password"), &personal) {
        Ok(password) => Some(password),
        Err(error) => {
            form.fail("password", texts.t(error.key()));
            None
        }
    };
    Some(Answers {
        token: token?.hash(),
        place: place?,
        full_name: full_name?,
        user_name: user_name?,
        password: password?,
    })
}

fn usual_hours(page: &Page, form: &mut FormState) -> Option<UsualHours> {
    let texts = &page.texts;
    let typed = TypedHours::parse(texts, form);
    let weekly_off = form.parse(
        texts,
        "weekly_off",
        |text| match text {
            "" => Ok(BTreeSet::new()),
            text => Weekday::parse(text).map(|day| BTreeSet::from([day])).ok_or(()),
        },
        |()| Key::new("form-choice-bad"),
    );
    // Both are short texts of our own files.
    let name = Name::parse(&page.t("set-up-shift").to_string()).ok();
    let code = Code::parse("GEN").ok();
    let TypedHours { start, end, pause } = typed?;
    let hours = UsualHours { name: name?, code: code?, start, end, pause, weekly_off: weekly_off? };
    if hours.definition().check().is_err() {
        form.fail("break_start", page.t("shift-break-outside"));
        return None;
    }
    Some(hours)
}

/// A name for signing in: short, without spaces.
pub(super) fn user_name(text: &str) -> Result<String, Key> {
    if text.is_empty() {
        Err(Key::new("form-required"))
    } else if text.chars().count() > USER_NAME || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Err(Key::new("account-name-bad"))
    } else {
        Ok(text.to_owned())
    }
}

/// All of the set-up in one transaction; `None` when the token was used meanwhile.
async fn write(app: &App, answers: Answers, password_hash: String) -> Result<Option<LocalUser>, StoreError> {
    let user = LocalUser {
        id: UserId::mint(app.clock(), app.entropy()),
        name: answers.user_name,
        full_name: answers.full_name.to_string(),
        role: Role::LocalOwner,
        password_hash,
        active: true,
        last_sign_in: None,
    };
    let (token, place, made) = (answers.token, answers.place, user.clone());
    let written = app
        .store()
        .write(move |tx| {
            if !tx.use_setup_token(&token)? {
                return Ok(false);
            }
            let author = Author { actor: ActorId::from(user.id), via: Via::Ui };
            tx.add_local_user(&author, &user)?;
            if let Some(place) = place {
                found(tx, &author, &place)?;
            }
            Ok(true)
        })
        .await?;
    Ok(written.then_some(made))
}
