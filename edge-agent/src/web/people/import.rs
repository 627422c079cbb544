//! Importing a list of people.

use askama::Template;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::response::{IntoResponse as _, Response};
use http::header;
use shared_model::access::Permission;
use web_kit::{Access, Current, Failure, FormState, Page, Refusal, Route, RouteTable, View};

use super::super::{App, Person};
use crate::control::import::{
    BadLine, BadSheet, Column, ImportEmployees, ImportReport, LineFault, MAX_BYTES, MAX_LINES, Sheet,
};
use crate::control::{Progress, RefusalKind, call};

/// Refused lines that are shown; the rest is counted.
const SHOWN: usize = 200;

/// What the form adds around the file, in bytes.
const AROUND: usize = 16 * 1024;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/people/import", Access::Needs(Permission::PeopleEdit), show)
        .get("/people/import/example.csv", Access::Needs(Permission::PeopleEdit), example)
        .route(
            Route::post("/people/import", Access::Needs(Permission::PeopleEdit), take)
                .body_limit(MAX_BYTES + AROUND),
        )
}

#[derive(Template)]
#[template(path = "people/import.html")]
struct ImportPage {
    page: Page,
    form: FormState,
    columns: Vec<&'static str>,
}

impl ImportPage {
    fn new(page: Page, form: FormState) -> Self {
        Self { page, form, columns: Column::ALL.iter().map(|column| column.as_str()).collect() }
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
    done: ImportReport,
    /// Headings that were not understood.
    ignored: String,
    refused: Vec<RefusedLine>,
    unshown: usize,
}

async fn show(page: Page) -> View<ImportPage> {
    View(ImportPage::new(page, FormState::default()))
}

/// A list with two people, to be filled in with a spreadsheet; the mark at its front tells spreadsheets that it is UTF-8.
async fn example() -> Response {
    const EXAMPLE: &str = "\u{feff}code,name,department,designation,category,gender,joined,left,phone,card\r\n\
        1001,Amina Akter,Sewing line 1,Operator,worker,female,2024-02-01,,01700000000,\r\n\
        1002,Rahim Mia,Cutting,Cutter,worker,male,15/03/2023,,,0012345678\r\n";
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"people.csv\""),
    ];
    (head, EXAMPLE).into_response()
}

async fn take(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    body: Multipart,
) -> Result<Response, Failure> {
    let bytes = file_of(body).await?;
    let sheet = match Sheet::read(&bytes, &[]) {
        Ok(sheet) => sheet,
        Err(problem) => {
            let mut form = FormState::default();
            form.fail("file", explain(&page, &problem));
            return Ok(FormState::again(View(ImportPage::new(page, form))));
        }
    };
    if app.store().read(crate::store::ReadTx::site_head).await?.is_none() {
        return Err(Refusal::Conflict.into());
    }
    let request = ImportEmployees { lines: sheet.lines, bad: sheet.bad, skip_bad: true, dry_run: false };
    let agent = app.asked_by(current.user.author());
    let done = call(&agent, request, &Progress::silent()).await.map_err(|refusal| {
        let kind = match refusal.kind {
            RefusalKind::Refused => Refusal::Conflict,
            RefusalKind::InUse | RefusalKind::Unreachable => Refusal::Busy,
            RefusalKind::Failed => return Failure::from(refusal),
        };
        Failure::new(kind, refusal)
    })?;
    let refused = done.errors.iter().take(SHOWN).map(|bad| refused_line(&page, bad)).collect();
    let unshown = usize::try_from(done.skipped).unwrap_or(usize::MAX).saturating_sub(SHOWN);
    let ignored = sheet.ignored.join(", ");
    Ok(View(ImportedPage { page, done, ignored, refused, unshown }).into_response())
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

fn explain(page: &Page, problem: &BadSheet) -> String {
    match problem {
        BadSheet::Empty => page.t("import-empty").to_string(),
        BadSheet::TooLong => page
            .t("import-too-large")
            .with("megabytes", MAX_BYTES / (1024 * 1024))
            .with("lines", MAX_LINES)
            .to_string(),
        BadSheet::Workbook | BadSheet::Encoding { .. } => page.t("import-encoding").to_string(),
        BadSheet::NoCsv(_) => page.t("import-no-csv").to_string(),
        BadSheet::NoCode { .. } => page.t("import-no-column").with("column", "code").to_string(),
        BadSheet::NoHeading { wanted, .. } => {
            page.t("import-no-column").with("column", wanted.as_str()).to_string()
        }
        BadSheet::Twice { column, first, second } => page
            .t("import-two-columns")
            .with("column", column.as_str())
            .with("first", first.as_str())
            .with("second", second.as_str())
            .to_string(),
    }
}

fn refused_line(page: &Page, bad: &BadLine) -> RefusedLine {
    let problem = match &bad.fault {
        LineFault::NoCode => page.t("import-line-missing").with("column", bad.column.as_str()),
        LineFault::Cell { value, .. } => {
            page.t("import-line-value").with("column", bad.column.as_str()).with("value", value.as_str())
        }
        LineFault::SpreadsheetNumber { value, .. } => page
            .t("import-line-spreadsheet")
            .with("column", bad.column.as_str())
            .with("value", value.as_str()),
        LineFault::Invisible { value, code_point } => page
            .t("import-line-invisible")
            .with("column", bad.column.as_str())
            .with("value", value.as_str())
            .with("character", code_point.as_str()),
        LineFault::NoName { .. } => page.t("import-line-no-name"),
        LineFault::NoSuchSite { code } => page.t("import-line-site").with("code", code.as_str()),
        LineFault::NoOwnSite { .. } => page.t("import-line-no-site"),
        LineFault::NoDepartmentCode { name } => page.t("import-line-department").with("name", name.as_str()),
        LineFault::LeftBeforeJoined { .. } => page.t("people-left-before-joined"),
        LineFault::CodeTwice { code, first } => {
            page.t("import-line-twice").with("code", code.as_str()).with("line", *first)
        }
        LineFault::ClockCodeTwice { code, first } => {
            page.t("import-line-clock-twice").with("code", code.as_str()).with("line", *first)
        }
        LineFault::ClockCodeHeld { code, holder } | LineFault::EmployeeCodeHeld { code, holder } => {
            page.t("import-line-clock-held").with("code", code.as_str()).with("holder", holder.as_str())
        }
    };
    RefusedLine { line: page.texts.int(bad.line), problem: problem.to_string() }
}
