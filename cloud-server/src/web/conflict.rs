//! Conflicts: both versions side by side, and choosing one by hand.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;
use shared_model::access::Permission;
use shared_model::{FieldMap, Kind};
use sync_protocol::ConflictId;
use sync_protocol::merge::{Cause, FieldRule};
use sync_protocol::message::FeedConflict;
use uuid::Uuid;
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _,
};

use super::{App, Person, text};
use crate::store::own_change::{self, OwnChangeError};
use crate::store::{StoreError, TenantTx, conflict, record};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/conflicts", Access::Needs(Permission::SyncView), list).post(
        "/conflicts/{conflict}",
        Access::Needs(Permission::SyncEdit),
        settle,
    )
}

/// Rows on the page; the newest count.
const SHOWN: i64 = 100;

/// One side of a conflict, as it is shown.
struct Version {
    /// Field and value.
    values: Vec<(String, String)>,
    counts: bool,
    choice: &'static str,
}

struct Line {
    id: Uuid,
    kind: Key,
    /// The record, by what people know it.
    what: String,
    cause: Key,
    ago: String,
    versions: [Version; 2],
}

#[derive(Template)]
#[template(path = "conflict/list.html")]
struct ListPage {
    page: Page,
    lines: Vec<Line>,
    may_edit: bool,
}

async fn list(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let now = app.now();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let mut lines = Vec::new();
    for row in conflict::waiting(&mut tx, SHOWN).await? {
        let Some(kind) = u8::try_from(row.kind).ok().and_then(Kind::from_number) else { continue };
        let what = name_of(&mut tx, kind, row.key).await?;
        let written = row.hlc.instant().unwrap_or(now);
        lines.push(Line {
            id: row.id.uuid(),
            kind: text::kind(kind),
            what,
            cause: cause(&row),
            ago: page.texts.ago(now.signed_duration_since(written)),
            versions: [
                version(kind, &row.standing, row.kept == FieldRule::Standing, "standing"),
                version(kind, &row.arriving, row.kept == FieldRule::Arriving, "arriving"),
            ],
        });
    }
    let may_edit = app.allows(&who.user, Permission::SyncEdit);
    Ok(View(ListPage { page, lines, may_edit }))
}

/// What people know a record by.
async fn name_of(tx: &mut TenantTx, kind: Kind, key: Uuid) -> Result<String, StoreError> {
    let Some(record) = record::one(tx, kind, key).await? else { return Ok(key.to_string()) };
    let known = ["code", "serial", "user_code", "name", "date", "from"];
    let value = |name: &&str| {
        let def = kind.fields().iter().find(|def| def.name == *name)?;
        Some(record.fields.get(&def.tag)?.as_str()?.to_owned())
    };
    let shown: Vec<String> = known.iter().filter_map(value).collect();
    Ok(if shown.is_empty() { key.to_string() } else { shown.join(" · ") })
}

fn version(kind: Kind, values: &FieldMap, counts: bool, choice: &'static str) -> Version {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    let values = values
        .iter()
        .map(|(tag, value)| {
            let name = kind.field(*tag).map_or_else(|| tag.0.to_string(), |def| def.name.to_owned());
            (name, shown(value))
        })
        .collect();
    Version { values, counts, choice }
}

fn cause(row: &FeedConflict) -> Key {
    match Cause::ALL.into_iter().find(|cause| cause.as_str() == row.cause) {
        Some(Cause::Field) => Key::new("conflict-field"),
        Some(Cause::EditVersusDelete) => Key::new("conflict-edit-versus-delete"),
        Some(Cause::DeleteVersusEdit) => Key::new("conflict-delete-versus-edit"),
        Some(Cause::AlreadyDecided) => Key::new("conflict-already-decided"),
        None => Key::new("conflict-duplicate-key"),
    }
}

async fn settle(
    State(app): State<App>,
    who: Current<Person>,
    Path(id): Path<String>,
    form: FormState,
) -> Result<Response, Failure> {
    let id = Uuid::parse_str(&id).map_err(|_| Refusal::NotFound)?;
    let choice = match form.value("choice") {
        "standing" => FieldRule::Standing,
        "arriving" => FieldRule::Arriving,
        _ => return Err(Refusal::NotFound.into()),
    };
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let author = who.user.author(app.now());
    let flash = match own_change::settle(&mut tx, ConflictId::from_uuid(id), choice, author).await {
        Ok(()) => {
            tx.commit().await?;
            Flash::good("conflict-settled")
        }
        // Somebody was quicker, or a newer change overtook it.
        Err(OwnChangeError::NotFound) => Flash::bad("conflict-gone"),
        Err(OwnChangeError::Field(_) | OwnChangeError::Decided) => Flash::bad("conflict-impossible"),
        Err(error @ (OwnChangeError::Exists | OwnChangeError::Store(_))) => return Err(error.into()),
    };
    Ok((flash, Redirect::to("/conflicts")).into_response())
}
