//! An employee file as lines of fields, with what is wrong.

use shared_model::text::EmployeeCode;

use super::super::employee::EmployeeFields;
use super::cell::{check_code, check_number, content, told};
use super::fault::{BadLine, LineFault};
use super::{Column, ImportLine};

/// The longest file taken, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most lines taken at once.
pub const MAX_LINES: usize = 100_000;

/// A file that was read.
#[derive(Debug, Default)]
pub struct Sheet {
    /// The lines that make sense.
    pub lines: Vec<ImportLine>,
    /// What is wrong with the others.
    pub bad: Vec<BadLine>,
    /// Headings that are not understood.
    pub ignored: Vec<String>,
}

/// Why a file is no list of employees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSheet {
    /// Nothing in it.
    #[error("the file is empty: its first line must hold headings, such as code,name,department")]
    Empty,
    /// Too much in it.
    #[error("the file has more than {MAX_BYTES} bytes or {MAX_LINES} lines: split it")]
    TooLong,
    /// A spreadsheet's own file.
    #[error("this is a workbook: save it as \"CSV UTF-8\" and import that file")]
    Workbook,
    /// Not UTF-8.
    #[error("line {line} is no UTF-8 text: save the file as \"CSV UTF-8\"")]
    Encoding {
        /// The first line that is not, from 1.
        line: usize,
    },
    /// It cannot be taken apart.
    #[error("the file is no CSV: {0}")]
    NoCsv(String),
    /// No column holds the employee code.
    #[error(
        "no column holds the employee code: the first line must hold headings (found: {}); name the column with --column \
         code=HEADING",
        found.join(", ")
    )]
    NoCode {
        /// The headings.
        found: Vec<String>,
    },
    /// A column was named that is not there.
    #[error("no column is headed {wanted:?}: the file has {}", found.join(", "))]
    NoHeading {
        /// The heading.
        wanted: String,
        /// The headings.
        found: Vec<String>,
    },
    /// Two columns for one field.
    #[error(
        "the columns {first:?} and {second:?} both hold the {}: choose one with --column {}=HEADING",
        column.as_str(),
        column.as_str()
    )]
    Twice {
        /// The field.
        column: Column,
        /// One heading.
        first: String,
        /// The other.
        second: String,
    },
}

/// A column of the file: its place, heading and field.
struct Place {
    at: usize,
    heading: String,
    column: Column,
}

impl Sheet {
    /// Reads a CSV file whose first line holds the headings. Cells may be parted by commas, semicolons or tabs, or by what a
    /// line `sep=;` before the headings names; a byte order mark and the line ends of any system are understood. `mapping` says which heading stands for which field,
    /// where it is not understood by itself.
    ///
    /// # Errors
    /// [`BadSheet`]; a line that is wrong is told in [`Sheet::bad`] and stops no other.
    pub fn read(bytes: &[u8], mapping: &[(Column, String)]) -> Result<Self, BadSheet> {
        if bytes.len() > MAX_BYTES {
            return Err(BadSheet::TooLong);
        }
        check_text(bytes)?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (delimiter, bytes, before) = match announced(bytes) {
            Some((sign, rest)) => (sign, rest, 1),
            None => (delimiter(bytes), bytes, 0),
        };
        if bytes.trim_ascii().is_empty() {
            return Err(BadSheet::Empty);
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let cannot = |error: csv::Error| BadSheet::NoCsv(error.to_string());
        let headings = reader.headers().map_err(cannot)?.clone();
        let (places, ignored) = places(&headings, mapping)?;
        let mut sheet = Self { ignored, ..Self::default() };
        for record in reader.records() {
            let record = record.map_err(cannot)?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            if sheet.lines.len() + sheet.bad.len() == MAX_LINES {
                return Err(BadSheet::TooLong);
            }
            let line = before + record.position().map_or(0, |position| line_of(bytes, position));
            match whole(&record, &headings, delimiter).and_then(|()| fields(&record, &places)) {
                Ok(fields) => sheet.lines.push(ImportLine { line, fields }),
                Err((heading, fault)) => sheet.bad.push(BadLine::new(line, heading, fault)),
            }
        }
        Ok(sheet)
    }
}

/// The line on which a record begins: the reader counts from where the one before ended, blank lines and all.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let blank = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>()
}

fn check_text(bytes: &[u8]) -> Result<(), BadSheet> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(BadSheet::Workbook);
    }
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
    let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
    Err(BadSheet::Encoding { line: before.iter().filter(|byte| **byte == b'\n').count() + 1 })
}

/// The sign between cells as a first line `sep=;` names it, which a spreadsheet writes and hides, and what follows.
fn announced(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end + 1)?;
    let line = line.trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (name, sign) = line.split_at_checked(4)?;
    match sign {
        [sign] if name.eq_ignore_ascii_case(b"sep=") && sign.is_ascii_punctuation() => Some((*sign, rest)),
        // The line's own end was cut with the sign that is a space, too.
        [] if name.eq_ignore_ascii_case(b"sep=") && bytes.get(4) == Some(&b'\t') => Some((b'\t', rest)),
        _ => None,
    }
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
) -> Result<(Vec<Place>, Vec<String>), BadSheet> {
    let (mut places, mut ignored) = (Vec::<Place>::new(), Vec::new());
    let found = || headings.iter().map(str::to_owned).collect::<Vec<_>>();
    for (_, wanted) in mapping {
        if !headings.iter().any(|heading| heading == wanted) {
            return Err(BadSheet::NoHeading { wanted: wanted.clone(), found: found() });
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
            return Err(BadSheet::Twice { column, first: other.heading.clone(), second: heading.to_owned() });
        }
        places.push(Place { at, heading: heading.to_owned(), column });
    }
    if !places.iter().any(|place| place.column == Column::Code) {
        return Err(BadSheet::NoCode { found: found() });
    }
    Ok((places, ignored))
}

/// Refuses what a forgotten or an open quote does to a line: values under the wrong headings, people within a name.
fn whole(
    record: &csv::StringRecord,
    headings: &csv::StringRecord,
    delimiter: u8,
) -> Result<(), (String, LineFault)> {
    let wrong = |at: usize, cell: &str, cause: String| {
        let heading = headings.get(at).or_else(|| headings.iter().next_back()).unwrap_or_default();
        (heading.to_owned(), LineFault::Cell { value: told(cell), cause })
    };
    if let Some((at, cell)) =
        record.iter().enumerate().skip(headings.len()).find(|(_, cell)| !cell.is_empty())
    {
        let cause = format!("the line has {} cells, the headings are {}", record.len(), headings.len());
        return Err(wrong(at, cell, cause));
    }
    let swallows = |cell: &str| cell.contains('\n') && cell.contains(char::from(delimiter));
    match record.iter().enumerate().find(|(_, cell)| swallows(cell)) {
        Some((at, cell)) => Err(wrong(at, cell, "a quote before it is never closed".to_owned())),
        None => Ok(()),
    }
}

fn fields(record: &csv::StringRecord, places: &[Place]) -> Result<EmployeeFields, (String, LineFault)> {
    let cell = |place: &Place| record.get(place.at).map(content).filter(|cell| !cell.is_empty());
    let wrong = |place: &Place, cell: &str, cause: String| {
        (place.heading.clone(), LineFault::Cell { value: told(cell), cause })
    };
    for place in places {
        let check = match place.column {
            Column::Code | Column::ClockCode | Column::Card => check_code,
            Column::Phone => check_number,
            Column::Name
            | Column::Department
            | Column::Designation
            | Column::Joined
            | Column::Left
            | Column::Site
            | Column::Category
            | Column::Gender
            | Column::Active => continue,
        };
        check(cell(place).unwrap_or_default()).map_err(|fault| (place.heading.clone(), fault))?;
    }
    let Some(code) = places.iter().find(|place| place.column == Column::Code) else {
        return Err((Column::Code.as_str().to_owned(), LineFault::NoCode));
    };
    let text = cell(code).ok_or_else(|| (code.heading.clone(), LineFault::NoCode))?;
    let parsed = EmployeeCode::parse(text).map_err(|error| wrong(code, text, error.to_string()))?;
    let mut fields = EmployeeFields::of(parsed);
    for place in places.iter().filter(|place| place.column != Column::Code) {
        if let Some(cell) = cell(place) {
            // A line break within a cell is a wish for looks.
            let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            place.column.read(&cell, &mut fields).map_err(|cause| wrong(place, &cell, cause))?;
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        Sheet::read(text.as_bytes(), &[]).unwrap()
    }

    fn refused(text: &str, mapping: &[(Column, String)]) -> String {
        Sheet::read(text.as_bytes(), mapping).unwrap_err().to_string()
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
    fn a_code_that_a_spreadsheet_kept_as_text_is_the_code() {
        for text in ["code,name\n=\"007\",Salma\n", "code,name\n\"=\"\"007\"\"\",Salma\n"] {
            assert_eq!(sheet(text).lines[0].fields.code.as_str(), "007", "{text:?}");
        }
        assert!(
            sheet("code,name\n'007,Salma\n").bad[0]
                .to_string()
                .contains("a spreadsheet writes a number (007)")
        );
    }

    #[test]
    fn cells_may_be_parted_by_commas_semicolons_and_tabs() {
        for text in ["code,name\n7,Salma", "code;name\n7;Salma", "code\tname\n7\tSalma", "code\n7"] {
            assert_eq!(sheet(text).lines[0].fields.code.as_str(), "7", "{text:?}");
        }
    }

    #[test]
    fn the_line_in_which_a_spreadsheet_names_its_sign_is_understood() {
        for text in [
            "sep=;\r\ncode;name\r\n7;Salma, Begum\r\n",
            "\u{feff}SEP=|\ncode|name\n7|Salma, Begum\n",
            "\"sep=;\"\ncode;name\n7;Salma, Begum\n",
            "sep=\t\ncode\tname\n7\tSalma, Begum\n",
        ] {
            let sheet = sheet(text);
            assert_eq!(sheet.lines[0].fields.name.as_ref().unwrap().as_str(), "Salma, Begum", "{text:?}");
            assert_eq!(sheet.lines[0].line, 3, "{text:?}");
        }
        assert!(refused("sep=;\n", &[]).contains("empty"));
    }

    #[test]
    fn codes_that_a_spreadsheet_spoilt_are_refused_with_what_to_do() {
        let sheet = sheet(
            "code,name,phone,clock code\n1005.0,A,,\n1.001E+03,B,,\n7,C,8.80E+12,\n8,D,,9.0\n\u{a0}9\u{200b},\u{a0}E\u{a0},,\n",
        );
        let told: Vec<String> = sheet.bad.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told[0]
                .starts_with("line 2, code: \"1005.0\" is how a spreadsheet writes a number (1005): format")
        );
        assert!(
            told[1].contains("\"1.001E+03\" is how a spreadsheet writes a number: format the column as Text")
        );
        assert!(
            told[2].starts_with("line 4, phone:") && told[3].starts_with("line 5, clock code:"),
            "{told:?}"
        );
        let whole = &sheet.lines[0].fields;
        assert_eq!((whole.code.as_str(), whole.name.as_ref().unwrap().as_str()), ("9", "E"));
    }

    #[test]
    fn empty_cells_and_short_lines_give_nothing() {
        let sheet = sheet("code,name,phone\n7,,\n8\n");
        assert_eq!(sheet.lines[0].fields, EmployeeFields::of("7".parse().unwrap()));
        assert_eq!(sheet.lines[1].fields, EmployeeFields::of("8".parse().unwrap()));
    }

    #[test]
    fn a_missing_quote_shifts_nothing_and_swallows_nobody() {
        let long = sheet("code,name,department\n7,Khatun, Rahima,Sewing\n8,Salma,,,\n");
        assert_eq!(long.lines.len(), 1);
        assert_eq!(long.bad[0].to_string(), "line 2, department: the line has 4 cells, the headings are 3");
        let open = sheet("code,name\n7,\"Rahima\n8,Salma\n9,Karim\n");
        assert!(open.lines.is_empty());
        assert_eq!(open.bad[0].to_string(), "line 2, name: a quote before it is never closed");
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
        let sheet = Sheet::read(b"code,Card\n7,900\n", &mapping).unwrap();
        assert_eq!(sheet.lines[0].fields.code.as_str(), "900");
        assert_eq!(sheet.ignored, ["code"]);
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        assert!(Sheet::read(b"PK\x03\x04\xff", &[]).unwrap_err().to_string().contains("workbook"));
        let error = Sheet::read(b"code,name\n7,Andr\xe9\n", &[]).unwrap_err().to_string();
        assert!(error.starts_with("line 2 is no UTF-8"), "{error}");
    }

    #[test]
    fn a_mark_before_the_text_and_the_line_ends_of_any_system_are_understood() {
        for text in [
            "\u{feff}code,name\r\n7,Salma\r\n\r\n8,Karim\r\n",
            "code,name\n7,Salma\n\n8,Karim",
            "\u{feff}\"code\";\"name\"\r\n\"7\";\"Salma\"\r\n;\r\n8;Karim\r\n",
        ] {
            let sheet = sheet(text);
            let lines: Vec<(u64, &str)> =
                sheet.lines.iter().map(|line| (line.line, line.fields.code.as_str())).collect();
            assert_eq!((lines, sheet.bad), (vec![(2, "7"), (4, "8")], vec![]), "{text:?}");
        }
    }

    #[test]
    fn an_empty_file_and_one_that_is_too_long_are_refused() {
        assert_eq!(Sheet::read(b"", &[]).unwrap_err(), BadSheet::Empty);
        assert_eq!(Sheet::read(b"\xef\xbb\xbf\r\n\n", &[]).unwrap_err(), BadSheet::Empty);
        assert_eq!(Sheet::read(&vec![b'a'; MAX_BYTES + 1], &[]).unwrap_err(), BadSheet::TooLong);
        let lines = format!("code\n{}", "7\n".repeat(MAX_LINES + 1));
        assert_eq!(Sheet::read(lines.as_bytes(), &[]).unwrap_err(), BadSheet::TooLong);
    }
}
