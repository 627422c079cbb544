//! An employee file as lines of fields, with what is wrong.

use shared_model::text::EmployeeCode;

use super::column::Column;
use crate::control::employee::EmployeeFields;
use crate::control::import::ImportLine;
use crate::control::{Detail, Refusal};

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The lines that make sense.
    pub(super) lines: Vec<ImportLine>,
    /// What is wrong with the others.
    pub(super) bad: Vec<Detail>,
    /// Headings that are not understood.
    pub(super) ignored: Vec<String>,
}

/// A column of the file: its place, heading and field.
struct Place {
    at: usize,
    heading: String,
    column: Column,
}

/// Reads a CSV file whose first line holds the headings.
///
/// # Errors
/// When it is no text, has no employee code, or two columns for one field.
pub(super) fn read(bytes: &[u8], mapping: &[(Column, String)]) -> Result<Sheet, Refusal> {
    check_text(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let cannot = |error: csv::Error| Refusal::refused(format!("the file is no CSV: {error}"));
    let headings = reader.headers().map_err(cannot)?.clone();
    let (places, ignored) = places(&headings, mapping)?;
    let mut sheet = Sheet { ignored, ..Sheet::default() };
    for record in reader.records() {
        let record = record.map_err(cannot)?;
        let line = record.position().map_or(0, |position| line_of(bytes, position));
        if record.iter().all(str::is_empty) {
            continue;
        }
        match fields(&record, &places) {
            Ok(fields) => sheet.lines.push(ImportLine { line, fields }),
            Err((column, cause)) => sheet.bad.push(Detail { line, column, cause }),
        }
    }
    Ok(sheet)
}

/// The line on which a record begins: the reader counts from where the one before ended, blank lines and all.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let blank = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>()
}

fn check_text(bytes: &[u8]) -> Result<(), Refusal> {
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
    let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    if bytes.starts_with(b"PK") {
        return Err(Refusal::refused("this is a workbook: save it as \"CSV UTF-8\" and import that file"));
    }
    Err(Refusal::refused(format!("line {line} is no UTF-8 text: save the file as \"CSV UTF-8\"")))
}

/// The sign between cells: the one that the first line has most of.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |sign: u8| first.iter().filter(|byte| **byte == sign).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

fn places(
    headings: &csv::StringRecord,
    mapping: &[(Column, String)],
) -> Result<(Vec<Place>, Vec<String>), Refusal> {
    let (mut places, mut ignored) = (Vec::<Place>::new(), Vec::new());
    for (_, wanted) in mapping {
        if !headings.iter().any(|heading| heading == wanted) {
            let all: Vec<&str> = headings.iter().collect();
            let message = format!("no column is headed {wanted:?}: the file has {}", all.join(", "));
            return Err(Refusal::refused(message));
        }
    }
    for (at, heading) in headings.iter().enumerate() {
        let named = mapping.iter().find(|(_, wanted)| wanted == heading).map(|(column, _)| *column);
        // A field that was mapped by hand is not also taken from a heading that looks like it.
        let known =
            || Column::of(heading).filter(|column| mapping.iter().all(|(mapped, _)| mapped != column));
        let Some(column) = named.or_else(known) else {
            if !heading.is_empty() {
                ignored.push(heading.to_owned());
            }
            continue;
        };
        if let Some(other) = places.iter().find(|place| place.column == column) {
            let message = format!(
                "the columns {:?} and {heading:?} both hold the {name}: choose one with --column {name}=HEADING",
                other.heading,
                name = column.as_str()
            );
            return Err(Refusal::refused(message));
        }
        places.push(Place { at, heading: heading.to_owned(), column });
    }
    if !places.iter().any(|place| place.column == Column::Code) {
        let all: Vec<&str> = headings.iter().collect();
        let message = format!(
            "no column holds the employee code: the first line must hold headings (found: {}); name the column with \
             --column code=HEADING",
            all.join(", ")
        );
        return Err(Refusal::refused(message));
    }
    Ok((places, ignored))
}

fn fields(record: &csv::StringRecord, places: &[Place]) -> Result<EmployeeFields, (Option<String>, String)> {
    let cell = |place: &Place| record.get(place.at).map(str::trim).filter(|cell| !cell.is_empty());
    let wrong = |place: &Place, cause: String| (Some(place.heading.clone()), cause);
    let Some(code) = places.iter().find(|place| place.column == Column::Code) else {
        return Err((None, "no employee code".to_owned()));
    };
    let text = cell(code).ok_or_else(|| wrong(code, "the employee code is empty".to_owned()))?;
    let parsed = EmployeeCode::parse(text).map_err(|error| wrong(code, error.to_string()))?;
    let mut fields = EmployeeFields::of(parsed);
    for place in places.iter().filter(|place| place.column != Column::Code) {
        if let Some(cell) = cell(place) {
            // A line break within a cell is a wish for looks.
            let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            place.column.read(&cell, &mut fields).map_err(|cause| wrong(place, cause))?;
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        read(text.as_bytes(), &[]).unwrap()
    }

    fn refused(text: &str, mapping: &[(Column, String)]) -> String {
        read(text.as_bytes(), mapping).unwrap_err().to_string()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_shows_them() {
        let sheet = sheet("code,name\n1,\"Rahima\nKhatun\"\n\n3,Karim\n,Nobody\n");
        let lines: Vec<u64> = sheet.lines.iter().map(|line| line.line).collect();
        assert_eq!(lines, [2, 5]);
        assert_eq!(sheet.bad.len(), 1);
        assert_eq!(sheet.bad[0].to_string(), "line 6, code: the employee code is empty");
    }

    #[test]
    fn a_bad_cell_is_named_by_line_column_and_cause() {
        let sheet = sheet("Emp ID;Name;Joining Date\n7;Salma;31/02/2026\n");
        assert!(sheet.lines.is_empty());
        let text = sheet.bad[0].to_string();
        assert!(text.starts_with("line 2, Joining Date: \"31/02/2026\" is no date"), "{text}");
    }

    #[test]
    fn cells_may_be_parted_by_commas_semicolons_and_tabs() {
        for text in ["code,name\n7,Salma", "code;name\n7;Salma", "code\tname\n7\tSalma", "code\n7"] {
            assert_eq!(sheet(text).lines[0].fields.code.as_str(), "7", "{text:?}");
        }
    }

    #[test]
    fn empty_cells_and_short_lines_give_nothing() {
        let sheet = sheet("code,name,phone\n7,,\n8\n");
        assert_eq!(sheet.lines[0].fields, EmployeeFields::of("7".parse().unwrap()));
        assert_eq!(sheet.lines[1].fields, EmployeeFields::of("8".parse().unwrap()));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert_eq!(sheet("code,Blood group\n7,A\n").ignored, ["Blood group"]);
        assert!(refused("7,Salma\n", &[]).contains("the first line must hold headings"));
        assert!(refused("code,emp id\n7,8\n", &[]).contains("both hold the code"));
        assert!(refused("code\n7\n", &[(Column::Name, "Who".to_owned())]).contains("\"Who\""));
    }

    #[test]
    fn a_mapping_goes_before_what_a_heading_looks_like() {
        let mapping = [(Column::Code, "Card".to_owned())];
        let sheet = read(b"code,Card\n7,900\n", &mapping).unwrap();
        assert_eq!(sheet.lines[0].fields.code.as_str(), "900");
        assert_eq!(sheet.ignored, ["code"]);
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        assert!(read(b"PK\x03\x04\xff", &[]).unwrap_err().to_string().contains("workbook"));
        let error = read(b"code,name\n7,Andr\xe9\n", &[]).unwrap_err().to_string();
        assert!(error.starts_with("line 2 is no UTF-8"), "{error}");
    }
}
