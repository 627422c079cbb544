//! What sync set aside for a person: both versions of a conflict side by side, and the choice between them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::DateTime;
use serde_json::Value;
use sync_protocol::ConflictId;
use sync_protocol::merge::FieldRule;
use uuid::Uuid;
use web_kit::{Current, Failure, Flash, FormState, Page, Refusal};

use super::super::local_time::LocalTime;
use super::super::{App, Person};
use crate::control::conflict::{Aside, ConflictRow};
use crate::store::{LocalUser, StoreError};

/// One field of a conflict.
pub(super) struct FieldLine {
    pub(super) name: String,
    pub(super) standing: String,
    pub(super) arriving: String,
}

/// A conflict with both versions.
pub(super) struct ConflictLine {
    pub(super) id: Uuid,
    pub(super) record: String,
    pub(super) fields: Vec<FieldLine>,
    /// Whether the version that was at the cloud counts.
    pub(super) standing_counts: bool,
    pub(super) written: String,
    pub(super) settled_here: bool,
}

/// A row that could not be exchanged.
pub(super) struct NoteLine {
    pub(super) what: String,
    pub(super) cause: String,
}

/// The conflicts, and the rows that could not be exchanged.
pub(super) fn lines(
    page: &Page,
    local: &LocalTime,
    aside: Aside,
    users: &[LocalUser],
) -> (Vec<ConflictLine>, Vec<NoteLine>) {
    let conflicts = aside.conflicts.into_iter().map(|row| conflict(page, local, row, users)).collect();
    let kept = aside.kept_by_cloud.into_iter().map(|row| NoteLine {
        what: row.change.unwrap_or_else(|| format!("{} {}", row.log, row.seq)),
        cause: format!("{}: {}", row.code, row.detail),
    });
    let parked = aside.not_taken.into_iter().map(|row| NoteLine {
        what: page.t("conflict-not-understood").to_string(),
        cause: format!("{}: {}", row.code, row.detail),
    });
    (conflicts, kept.chain(parked).collect())
}

fn conflict(page: &Page, local: &LocalTime, row: ConflictRow, users: &[LocalUser]) -> ConflictLine {
    let names: BTreeSet<&String> = row.standing.keys().chain(row.arriving.keys()).collect();
    let deleted = page.t("conflict-deleted").to_string();
    let value = |side: &BTreeMap<String, Value>, name: &String| match side.get(name) {
        _ if side.is_empty() => deleted.clone(),
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    };
    let fields = names
        .into_iter()
        .map(|name| FieldLine {
            name: name.clone(),
            standing: value(&row.standing, name),
            arriving: value(&row.arriving, name),
        })
        .collect();
    let by = users.iter().find(|user| user.id.uuid() == row.actor).map(|user| user.name.clone());
    let at = DateTime::from_timestamp_millis(row.written_ms);
    let at = at.map(|at| page.texts.date_time(local.wall(at))).unwrap_or_default();
    ConflictLine {
        id: row.id,
        record: row.label,
        fields,
        standing_counts: row.kept == FieldRule::Standing,
        written: by.map_or_else(|| at.clone(), |by| format!("{by}, {at}")),
        settled_here: row.settled_here,
    }
}

/// Makes one of the two versions count.
pub(super) async fn settle(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    current: Current<Person>,
    form: FormState,
) -> Result<Response, Failure> {
    let take = match form.value("take") {
        "standing" => FieldRule::Standing,
        "arriving" => FieldRule::Arriving,
        _ => return Err(Refusal::BadRequest.into()),
    };
    let author = current.user.author();
    let settled =
        app.store().write(move |tx| tx.settle_conflict(&author, ConflictId::from_uuid(id), take)).await;
    let flash = match settled {
        Ok(_) => Flash::good("conflict-settled"),
        // Somebody else was first, or the record is on its way here.
        Err(StoreError::Invalid(_) | StoreError::Stale { .. } | StoreError::Missing { .. }) => {
            Flash::bad("conflict-not-now")
        }
        Err(error) => return Err(error.into()),
    };
    Ok((flash, Redirect::to("/sync")).into_response())
}
