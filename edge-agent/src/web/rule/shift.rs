//! The form of a shift with a start and an end. Shifts of other kinds are shown and changed elsewhere.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use shared_model::ShiftId;
use shared_model::access::Permission;
use shared_model::entity::Shift;
use shared_model::text::{Code, Name};
use shift_engine::shift::{Break, FixedHours, Hours, PunchWindow};
use shift_engine::{Minutes, ShiftDefinition, Typed as _};
use uuid::Uuid;
use web_kit::{Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View};

use super::super::text::bad_code;
use super::super::version::{read_version, version_text};
use super::super::{App, Person};
use super::hours::TypedHours;
use crate::store::{StoreError, Stored};

/// The longest time around a shift that can be typed, in minutes.
const WINDOW: u32 = 12 * 60;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/rules/shifts/new", Access::Needs(Permission::RulesEdit), new)
        .post("/rules/shifts/new", Access::Needs(Permission::RulesEdit), add)
        .get("/rules/shifts/{id}", Access::Needs(Permission::RulesEdit), edit)
        .post("/rules/shifts/{id}", Access::Needs(Permission::RulesEdit), save)
}

#[derive(Template)]
#[template(path = "rule/shift.html")]
struct ShiftPage {
    page: Page,
    form: FormState,
    is_new: bool,
    /// Whether the hours are of the kind that this form can change.
    is_fixed: bool,
    /// Whether some weekdays or seasons have hours of their own, which stay as they are.
    has_more: bool,
}

async fn new(page: Page) -> View<ShiftPage> {
    let window = PunchWindow::default();
    let form = FormState::filled([
        ("before", window.before_min.get().to_string()),
        ("after", window.after_min.get().to_string()),
        ("active", "yes".to_owned()),
    ]);
    View(ShiftPage { page, form, is_new: true, is_fixed: true, has_more: false })
}

async fn stored(app: &App, id: Uuid) -> Result<Stored<Shift>, Failure> {
    let id = ShiftId::from_uuid(id);
    let found = app.store().read(move |tx| tx.record::<Shift>(id)).await?;
    found.ok_or_else(|| Refusal::NotFound.into())
}

fn fixed(definition: &ShiftDefinition) -> Option<&FixedHours> {
    match &definition.hours {
        Hours::Fixed(fixed) if fixed.breaks.len() <= 1 => Some(fixed),
        Hours::Fixed(_) | Hours::Split(_) | Hours::Flexible(_) | Hours::Open(_) => None,
    }
}

async fn edit(State(app): State<App>, page: Page, Path(id): Path<Uuid>) -> Result<View<ShiftPage>, Failure> {
    let stored = stored(&app, id).await?;
    let definition = ShiftDefinition::parse(&stored.record.definition).ok();
    let hours = definition.as_ref().and_then(fixed);
    let pause = hours.and_then(|hours| hours.breaks.first());
    let text = |value: Option<String>| value.unwrap_or_default();
    let window = definition.as_ref().map(|definition| definition.window).unwrap_or_default();
    let form = FormState::filled([
        ("version", version_text(&stored.vv)),
        ("name", stored.record.name.to_string()),
        ("code", stored.record.code.to_string()),
        ("start", text(hours.map(|hours| hours.start.to_string()))),
        ("end", text(hours.map(|hours| hours.end.to_string()))),
        ("break_start", text(pause.map(|pause| pause.start.to_string()))),
        ("break_end", text(pause.map(|pause| pause.end.to_string()))),
        ("before", window.before_min.get().to_string()),
        ("after", window.after_min.get().to_string()),
        ("active", if stored.record.active { "yes" } else { "" }.to_owned()),
    ]);
    let is_fixed = hours.is_some();
    Ok(View(ShiftPage { page, form, is_new: false, is_fixed, has_more: has_more(definition.as_ref()) }))
}

fn has_more(definition: Option<&ShiftDefinition>) -> bool {
    definition.is_some_and(|definition| !definition.weekdays.is_empty() || !definition.seasons.is_empty())
}

/// Minutes within what can be meant.
pub(super) fn minutes(text: &str, most: u32) -> Result<Minutes, Key> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u32>().ok().filter(|number| digits && *number <= most);
    number.map(Minutes::new).ok_or(Key::new("form-minutes-bad"))
}

/// The typed shift; `before` is the one that is changed.
fn parse(page: &Page, form: &mut FormState, before: Option<&Shift>) -> Option<Shift> {
    let texts = &page.texts;
    let name = form.parse(texts, "name", Name::parse, |_| Key::new("form-required"));
    let code = form.parse(texts, "code", Code::parse, |error| bad_code(&error));
    let old = before.and_then(|before| ShiftDefinition::parse(&before.definition).ok());
    let definition = match &old {
        Some(old) if fixed(old).is_none() => Some(old.clone()),
        _ => parse_definition(page, form, old),
    };
    let active = before.is_none() || form.has("active", "yes");
    Some(Shift { code: code?, name: name?, definition: definition?.to_document(), active })
}

fn parse_definition(
    page: &Page,
    form: &mut FormState,
    old: Option<ShiftDefinition>,
) -> Option<ShiftDefinition> {
    let texts = &page.texts;
    let hours = TypedHours::parse(texts, form);
    let before = form.parse(texts, "before", |text| minutes(text, WINDOW), |key| key);
    let after = form.parse(texts, "after", |text| minutes(text, WINDOW), |key| key);
    let (hours, before_min, after_min) = (hours?, before?, after?);
    let paid =
        old.as_ref().and_then(fixed).and_then(|old| old.breaks.first()).is_some_and(|pause| pause.paid);
    let expected_min = old.as_ref().and_then(fixed).and_then(|old| old.expected_min);
    let breaks = hours.pause.iter().map(|(start, end)| Break { start: *start, end: *end, paid }).collect();
    let mut definition = old.unwrap_or_else(|| ShiftDefinition::fixed(hours.start, hours.end));
    definition.hours = Hours::Fixed(FixedHours { start: hours.start, end: hours.end, breaks, expected_min });
    definition.window = PunchWindow { before_min, after_min };
    if definition.check().is_err() {
        form.fail("break_start", page.t("shift-break-outside"));
        return None;
    }
    Some(definition)
}

async fn add(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let again = |page, form| {
        Ok(FormState::again(View(ShiftPage { page, form, is_new: true, is_fixed: true, has_more: false })))
    };
    let Some(shift) = parse(&page, &mut form, None) else { return again(page, form) };
    let (author, name) = (current.user.author(), shift.name.to_string());
    let written = app
        .store()
        .write(move |tx| tx.create(&author, ShiftId::mint(tx.clock(), tx.entropy()), &shift).map(drop))
        .await;
    match written {
        Ok(()) => Ok((Flash::good("shift-saved").with("name", name), Redirect::to("/rules")).into_response()),
        Err(StoreError::Exists { .. }) => {
            form.fail("code", page.t("shift-code-taken"));
            again(page, form)
        }
        Err(error) => Err(error.into()),
    }
}

async fn save(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    Path(id): Path<Uuid>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let stored = stored(&app, id).await?;
    let Some(seen) = read_version(form.value("version")) else { return Err(Refusal::BadRequest.into()) };
    let definition = ShiftDefinition::parse(&stored.record.definition).ok();
    let (is_fixed, has_more) = (definition.as_ref().and_then(fixed).is_some(), has_more(definition.as_ref()));
    let again =
        |page, form| Ok(FormState::again(View(ShiftPage { page, form, is_new: false, is_fixed, has_more })));
    let Some(shift) = parse(&page, &mut form, Some(&stored.record)) else { return again(page, form) };
    let (author, name, id) = (current.user.author(), shift.name.to_string(), stored.id);
    match app.store().write(move |tx| tx.update(&author, id, Some(seen), &shift).map(drop)).await {
        Ok(()) => Ok((Flash::good("shift-saved").with("name", name), Redirect::to("/rules")).into_response()),
        Err(StoreError::Exists { .. }) => {
            form.fail("code", page.t("shift-code-taken"));
            again(page, form)
        }
        Err(StoreError::Stale { .. }) => {
            form.fail_all(page.t("form-stale"));
            again(page, form)
        }
        Err(error) => Err(error.into()),
    }
}
