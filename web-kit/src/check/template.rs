//! A scanner for literal text and inline code in templates.
//!
//! Template expressions are cut out first; what is left is read as HTML, a character at a time: text, tag, attribute.

use std::path::Path;

use super::Finding;
use super::source::line_of;

/// Attributes whose values a reader sees or hears.
const SPOKEN: [&str; 12] = [
    "title",
    "placeholder",
    "alt",
    "label",
    "summary",
    "aria-label",
    "aria-description",
    "aria-roledescription",
    "aria-valuetext",
    "data-confirm",
    "data-on",
    "data-off",
];

/// Stands where an expression was.
const HOLE: char = '\u{0}';

pub(super) fn check(path: &Path, text: &str) -> Vec<Finding> {
    let mut scan = Scan { path, text, findings: Vec::new() };
    let html = scan.cut_expressions();
    scan.read_html(&html);
    scan.findings
}

struct Scan<'a> {
    path: &'a Path,
    text: &'a str,
    findings: Vec<Finding>,
}

impl Scan<'_> {
    fn find(&mut self, at: usize, problem: String) {
        self.findings.push(Finding { file: self.path.to_owned(), line: line_of(self.text, at), problem });
    }

    /// Replaces comments, tags and expressions of the template language by holes of the same length, and looks for
    /// sentences given to macros.
    fn cut_expressions(&mut self) -> String {
        let mut html = String::with_capacity(self.text.len());
        let mut at = 0;
        while let Some(rest) = self.text.get(at..).filter(|rest| !rest.is_empty()) {
            let closing = match rest.get(..2) {
                Some("{#") => "#}",
                Some("{{") => "}}",
                Some("{%") => "%}",
                _ => {
                    let next = rest.chars().next().unwrap_or_default();
                    html.push(next);
                    at += next.len_utf8();
                    continue;
                }
            };
            let length = end_of_expression(rest, closing);
            let cut = rest.get(..length).unwrap_or(rest);
            if closing != "#}" {
                for literal in literals(cut) {
                    if is_sentence(literal) {
                        self.find(at, format!("literal text in an expression: {literal}"));
                    }
                }
            }
            html.extend(cut.bytes().map(|byte| if byte == b'\n' { '\n' } else { HOLE }));
            at += cut.len();
        }
        html
    }

    fn read_html(&mut self, html: &str) {
        let mut at = 0;
        while let Some(rest) = html.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with("<!--") {
                at += rest.find("-->").map_or(rest.len(), |end| end + 3);
            } else if rest.starts_with('<') {
                at = self.read_tag(html, at);
            } else {
                let length = rest.find('<').unwrap_or(rest.len());
                let text = rest.get(..length).unwrap_or(rest);
                let words = without_entities(text);
                if let Some(first) = words.find(char::is_alphabetic) {
                    self.find(at + first.min(text.len()), format!("literal text: {}", shown(&words)));
                }
                at += length;
            }
        }
    }

    /// Reads one tag and returns where it ends; the content of scripts and styles is skipped with it.
    fn read_tag(&mut self, html: &str, start: usize) -> usize {
        let rest = html.get(start..).unwrap_or_default();
        let mut end = rest.len();
        let mut quote = None;
        for (index, c) in rest.char_indices() {
            match (quote, c) {
                (None, '>') => {
                    end = index + 1;
                    break;
                }
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), close) if open == close => quote = None,
                (None | Some(_), _) => {}
            }
        }
        let tag = rest.get(..end).unwrap_or(rest);
        let name: String = tag.chars().skip(1).take_while(char::is_ascii_alphanumeric).collect();
        let attributes = attributes(tag);
        for (attribute, value) in &attributes {
            if attribute == "style" {
                self.find(start, "inline style: use a class".to_owned());
            }
            if attribute.starts_with("on") || attribute.starts_with("hx-on") {
                self.find(start, format!("inline script in `{attribute}`"));
            }
            let button = name == "input"
                && attribute == "value"
                && attributes
                    .iter()
                    .any(|(other, kind)| other == "type" && (kind == "submit" || kind == "button"));
            if (SPOKEN.contains(&attribute.as_str()) || button)
                && without_entities(value).contains(char::is_alphabetic)
            {
                self.find(start, format!("literal text in `{attribute}`: {}", shown(value)));
            }
        }
        if name == "style" {
            self.find(start, "inline style sheet".to_owned());
        }
        if name == "script" && !attributes.iter().any(|(attribute, _)| attribute == "src") {
            self.find(start, "inline script".to_owned());
        }
        if name == "style" || name == "script" {
            let closing = format!("</{name}");
            return start + rest.find(&closing).unwrap_or(rest.len());
        }
        start + end
    }
}

/// The text with each expression as one `…`.
fn shown(text: &str) -> String {
    let pieces: Vec<&str> = text.split(HOLE).filter(|piece| !piece.is_empty()).map(str::trim).collect();
    pieces.join(" … ").trim().to_owned()
}

/// Where an expression ends, quotes respected.
fn end_of_expression(rest: &str, closing: &str) -> usize {
    let mut quoted = false;
    let comment = closing == "#}";
    for (index, c) in rest.char_indices().skip(2) {
        if c == '"' && !comment {
            quoted = !quoted;
        } else if !quoted && rest.get(index..).is_some_and(|rest| rest.starts_with(closing)) {
            return index + closing.len();
        }
    }
    rest.len()
}

fn literals(expression: &str) -> impl Iterator<Item = &str> {
    expression.split('"').skip(1).step_by(2)
}

/// Keys, paths and attribute values are lower case without spaces; what has either is meant to be read.
fn is_sentence(literal: &str) -> bool {
    let letters = literal.chars().any(char::is_alphabetic);
    letters && (literal.contains(' ') || literal.chars().any(char::is_uppercase) || !literal.is_ascii())
}

fn without_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match after.split_once(';') {
            Some((name, behind)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#') => {
                rest = behind;
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The attributes of a tag, names in lower case.
fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let inner = tag.trim_start_matches('<').trim_end_matches('>');
    let mut rest = inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '!');
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == HOLE || c == '/');
        let length = rest.find(|c: char| c.is_whitespace() || c == '=' || c == HOLE).unwrap_or(rest.len());
        if length == 0 && rest.is_empty() {
            return found;
        }
        let (name, after) = rest.split_at(length.max(1).min(rest.len()));
        let name = name.to_ascii_lowercase();
        rest = after;
        if let Some(value) = rest.strip_prefix('=') {
            let (value, behind) = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let value = value.get(1..).unwrap_or_default();
                    value.split_once(quote).unwrap_or((value, ""))
                }
                _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
            };
            found.push((name, value.to_owned()));
            rest = behind;
        } else {
            found.push((name, String::new()));
        }
    }
}
