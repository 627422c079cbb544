//! Importing a list of people.

use askama::Template;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::response::{IntoResponse as _, Response};
use shared_model::access::Permission;
use web_kit::{Access, Current, Failure, FormState, Page, Refusal, Route, RouteTable, View};

use super::super::{App, Person};
use crate::service::people::{BadFile, BadLine, COLUMNS, Imported, MAX_BYTES, MAX_LINES, import, read_csv};
use crate::store::StoreError;

/// Refused lines that are shown; the rest is counted.
const SHOWN: usize = 200;

/// What the form adds around the file, in bytes.
const AROUND: usize = 16 * 1024;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/people/import", Access::Needs(Permission::PeopleEdit), show).route(
        Route::post("/people/import", Access::Needs(Permission::PeopleEdit), take)
            .body_limit(MAX_BYTES + AROUND),
    )
}

#[derive(Template)]
#[template(path = "people/import.html")]
struct ImportPage {
    page: Page,
    form: FormState,
    columns: &'static [&'static str],
}

impl ImportPage {
    fn new(page: Page, form: FormState) -> Self {
        Self { page, form, columns: &COLUMNS }
    }
}

struct RefusedLine {
    line: String,
    problem: String,
}

#[derive(Template)]
#[template(path = "people/imported.html")]
struct ImportedPage {
    page: Page,
    done: Imported,
    refused: Vec<RefusedLine>,
    unshown: usize,
}

async fn show(page: Page) -> View<ImportPage> {
    View(ImportPage::new(page, FormState::default()))
}

async fn take(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    body: Multipart,
) -> Result<Response, Failure> {
    let bytes = file_of(body).await?;
    let outcome = match read_csv(&bytes) {
        Ok(file) => import(app.store(), current.user.author(), file).await,
        Err(problem) => {
            let mut form = FormState::default();
            form.fail("file", explain(&page, &problem));
            return Ok(FormState::again(View(ImportPage::new(page, form))));
        }
    };
    let done = match outcome {
        Ok(done) => done,
        Err(error @ StoreError::Missing { .. }) => return Err(Failure::new(Refusal::Conflict, error)),
        Err(error) => return Err(error.into()),
    };
    let refused =
        done.refused.iter().take(SHOWN).map(|(line, bad)| refused_line(&page, *line, bad)).collect();
    let unshown = done.refused.len().saturating_sub(SHOWN);
    Ok(View(ImportedPage { page, done, refused, unshown }).into_response())
}

/// The bytes of the form's file; empty when none was chosen.
async fn file_of(mut body: Multipart) -> Result<Vec<u8>, Failure> {
    let refuse = |error: MultipartError| {
        let refusal = match error.status() {
            http::StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            _ => Refusal::BadRequest,
        };
        Failure::new(refusal, error)
    };
    while let Some(field) = body.next_field().await.map_err(refuse)? {
        if field.name() == Some("file") {
            return Ok(field.bytes().await.map_err(refuse)?.to_vec());
        }
    }
    Ok(Vec::new())
}

fn explain(page: &Page, problem: &BadFile) -> String {
    match problem {
        BadFile::Empty => page.t("import-empty").to_string(),
        BadFile::TooLarge => page
            .t("import-too-large")
            .with("megabytes", MAX_BYTES / (1024 * 1024))
            .with("lines", MAX_LINES)
            .to_string(),
        BadFile::Encoding => page.t("import-encoding").to_string(),
        BadFile::NoColumn(column) => page.t("import-no-column").with("column", *column).to_string(),
        BadFile::UnknownColumn(column) => {
            page.t("import-unknown-column").with("column", column.as_str()).to_string()
        }
    }
}

fn refused_line(page: &Page, line: u64, bad: &BadLine) -> RefusedLine {
    let problem = match bad {
        BadLine::Value { column, value } if value.is_empty() => {
            page.t("import-line-missing").with("column", *column).to_string()
        }
        BadLine::Value { column, value } => {
            page.t("import-line-value").with("column", *column).with("value", value.as_str()).to_string()
        }
        BadLine::Twice(code) => page.t("import-line-twice").with("code", code.as_str()).to_string(),
        BadLine::Broken => page.t("import-line-broken").to_string(),
    };
    RefusedLine { line: page.texts.int(line), problem }
}
