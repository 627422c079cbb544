//! Keys used against keys written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Finding, source};

/// How code names a key: everything else has to go through `Key::new`.
const USES: [&str; 4] = [".t", "Key::new", "Flash::good", "Flash::bad"];

/// A message as the files hold it.
struct Written {
    file: PathBuf,
    line: usize,
    arguments: BTreeSet<String>,
}

type Messages = BTreeMap<String, Written>;

pub(super) fn compare(sources: &[&Path], own: &Path, borrowed: &[&Path]) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let own = read_languages(own, &mut findings)?;
    let mut others: BTreeMap<String, Messages> = BTreeMap::new();
    for folder in borrowed {
        for (language, messages) in read_languages(folder, &mut findings)? {
            others.entry(language).or_default().extend(messages);
        }
    }
    let mut used = BTreeMap::new();
    for folder in sources {
        for file in source::files(folder, &["html", "rs"])? {
            for (line, key) in source::first_arguments(&file.text, &USES) {
                used.entry(key.to_owned()).or_insert((file.path.clone(), line));
            }
        }
    }
    for (language, messages) in &own {
        let at_hand = |key: &str| {
            messages.contains_key(key) || others.get(language).is_some_and(|other| other.contains_key(key))
        };
        for (key, (file, line)) in &used {
            if !at_hand(key) {
                let problem = format!("no text `{key}` in `{language}`");
                findings.push(Finding { file: file.clone(), line: *line, problem });
            }
        }
        for (key, written) in messages {
            let overrides = others.values().any(|other| other.contains_key(key));
            if !used.contains_key(key) && !overrides {
                let problem = format!("`{key}` is used nowhere");
                findings.push(Finding { file: written.file.clone(), line: written.line, problem });
            }
        }
    }
    findings.extend(differences(&own));
    Ok(findings)
}

/// What one language has and another has not.
fn differences(languages: &BTreeMap<String, Messages>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (language, messages) in languages {
        for (other, theirs) in languages.iter().filter(|(other, _)| *other != language) {
            for (key, written) in messages {
                let problem = match theirs.get(key) {
                    None => format!("`{key}` is missing in `{other}`"),
                    Some(their) if their.arguments != written.arguments => {
                        format!("`{key}` takes other arguments in `{other}`")
                    }
                    Some(_) => continue,
                };
                findings.push(Finding { file: written.file.clone(), line: written.line, problem });
            }
        }
    }
    findings
}

fn read_languages(folder: &Path, findings: &mut Vec<Finding>) -> io::Result<BTreeMap<String, Messages>> {
    let mut languages = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(language) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_dir()) else {
            continue;
        };
        let mut messages = Messages::new();
        for file in source::files(&path, &["ftl"])? {
            read_messages(&file.path, &file.text, &mut messages, findings);
        }
        languages.insert(language.to_owned(), messages);
    }
    Ok(languages)
}

/// Reads `key = text` lines and the indented lines that belong to them (Fluent 1.0 syntax, as far as keys go).
fn read_messages(path: &Path, text: &str, messages: &mut Messages, findings: &mut Vec<Finding>) {
    let mut current: Option<String> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let starts = line.starts_with(|c: char| c.is_ascii_alphabetic());
        if starts && let Some((key, _)) = line.split_once('=') {
            let key = key.trim().to_owned();
            let written = Written { file: path.to_owned(), line: number, arguments: BTreeSet::new() };
            if messages.insert(key.clone(), written).is_some() {
                let problem = format!("`{key}` is written twice");
                findings.push(Finding { file: path.to_owned(), line: number, problem });
            }
            current = Some(key);
        } else if line.starts_with('-') || line.starts_with('#') {
            current = None;
        }
        if let Some(written) = current.as_ref().and_then(|key| messages.get_mut(key)) {
            for piece in line.split('$').skip(1) {
                let name: String =
                    piece.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
                written.arguments.insert(name);
            }
        }
    }
}
