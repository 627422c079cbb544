//! What spreadsheets do to the cells of a file: characters that nobody sees, and numbers written in another form.

use super::fault::LineFault;

/// The longest cell that is told back, in characters.
pub(super) const TOLD: usize = 60;

/// Characters without a width or that only steer the direction of writing. Some of them have a meaning within words of
/// some scripts, but never in a number or at the ends of a cell; nor has a byte order mark anywhere.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// A cell without what nobody sees at its ends: spaces of any kind, byte order marks, characters without a width.
pub(super) fn trimmed(cell: &str) -> &str {
    cell.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// What a cell says: without what nobody sees at its ends, and out of the formula `="1005"`, by which a spreadsheet is
/// made to keep a number as text.
pub(super) fn content(cell: &str) -> &str {
    let cell = trimmed(cell);
    let formula = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.filter(|text| !text.contains('"')).map_or(cell, trimmed)
}

/// Checks a cell that holds a code or a number, as people type it.
pub(super) fn check_code(cell: &str) -> Result<(), LineFault> {
    if let Some(character) = cell.chars().find(|c| is_invisible(*c) || (c.is_whitespace() && *c != ' ')) {
        let code_point = format!("U+{:04X}", u32::from(character));
        return Err(LineFault::Invisible { value: told(cell), code_point });
    }
    check_number(cell)
}

/// Checks a cell that holds a number or a code for what a spreadsheet makes of numbers.
pub(super) fn check_number(cell: &str) -> Result<(), LineFault> {
    match number_form(cell) {
        Some(typed) => Err(LineFault::SpreadsheetNumber { value: told(cell), typed }),
        None => Ok(()),
    }
}

/// The beginning of a cell, for a message.
pub(super) fn told(cell: &str) -> String {
    cell.chars().take(TOLD).collect()
}

/// What was probably typed, where a spreadsheet wrote a number in a form of its own: `1005.0`, or `1.001E+03`, of which
/// the digits beyond those shown are lost, or `1,001`, or with the apostrophe by which it is told of a text. It writes the
/// sign of an exponent or has one digit before the point: `12E5` is a code.
fn number_form(cell: &str) -> Option<Option<String>> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(text) = cell.strip_prefix('\'') {
        return text.starts_with(|c: char| c == '+' || c.is_ascii_digit()).then(|| Some(text.to_owned()));
    }
    if let Some((mantissa, exponent)) = cell.split_once(['e', 'E']) {
        let (whole, part) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
        let signed = exponent.strip_prefix(['+', '-']);
        let power = signed.or_else(|| (whole.len() == 1).then_some(exponent))?;
        return (is_number(whole) && is_number(part) && is_number(power)).then_some(None);
    }
    let mut groups = cell.split(',');
    let first = groups.next().filter(|group| group.len() <= 3 && is_number(group));
    let rest: Vec<&str> = groups.collect();
    if first.is_some() && !rest.is_empty() && rest.iter().all(|group| group.len() == 3 && is_number(group)) {
        return Some(Some(cell.replace(',', "")));
    }
    let (whole, part) = cell.split_once(['.', ','])?;
    let is_zero = !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    (is_number(whole) && is_zero).then(|| Some(whole.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_makes_of_a_number_is_refused_with_what_was_typed() {
        for (cell, typed) in [
            ("1005.0", Some("1005")),
            ("1005,00", Some("1005")),
            ("1.001E+03", None),
            ("1,001E+03", None),
            ("8E+11", None),
            ("2.010E3", None),
            ("1E5", None),
            ("1,001", Some("1001")),
            ("12,345,678", Some("12345678")),
            ("'1005", Some("1005")),
            ("'+8801712345678", Some("+8801712345678")),
        ] {
            let typed = typed.map(str::to_owned);
            let expected = LineFault::SpreadsheetNumber { value: cell.to_owned(), typed };
            assert_eq!(check_code(cell), Err(expected), "{cell}");
        }
        for cell in [
            "1005", "007", "12E5", "E-7", "1005.5", "A.0", "1.2.0", "10-05", "1,01", "1E", "E5", "'A", "",
            ".",
        ] {
            assert_eq!(check_code(cell), Ok(()), "{cell}");
        }
    }

    #[test]
    fn a_number_that_was_kept_as_text_is_taken_out_of_its_formula() {
        for (cell, expected) in [
            ("=\"1005\"", "1005"),
            (" =\" 007 \" ", "007"),
            ("=\"\"", ""),
            ("=\"", "=\""),
            ("=1005", "=1005"),
        ] {
            assert_eq!(content(cell), expected, "{cell}");
        }
        assert_eq!(content("=\"1\"&\"2\""), "=\"1\"&\"2\"", "that is no text but a sum");
    }

    #[test]
    fn what_nobody_sees_is_cut_at_the_ends_and_refused_within_a_code() {
        assert_eq!(trimmed("\u{feff}\u{a0} 1001\u{200b}\u{a0}"), "1001");
        for (cell, code_point) in
            [("10\u{200b}01", "U+200B"), ("10\u{a0}01", "U+00A0"), ("10\u{feff}01", "U+FEFF")]
        {
            let refused = check_code(cell).unwrap_err();
            assert_eq!(
                refused,
                LineFault::Invisible { value: cell.to_owned(), code_point: code_point.to_owned() }
            );
        }
    }
}
