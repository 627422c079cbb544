//! Reading source files and finding the literals in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The files below a folder with one of the extensions, without tests, in order of their paths.
pub(super) fn files(folder: &Path, extensions: &[&str]) -> io::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if name != "tests" {
                    folders.push(path);
                }
            } else if name != "tests.rs"
                && path.extension().and_then(|end| end.to_str()).is_some_and(|end| extensions.contains(&end))
            {
                let mut text = fs::read_to_string(&path)?;
                if let Some(end) = text.find("#[cfg(test)]\nmod ") {
                    text.truncate(end);
                }
                if name.ends_with(".rs") {
                    text = without_comments(&text);
                }
                found.push(SourceFile { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The lines with those that are comments left empty: examples in documentation use no real keys.
fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    code.collect::<Vec<_>>().join("\n")
}

/// The string literals that are the first argument of a call of one of the names, with their lines.
pub(super) fn first_arguments<'a>(text: &'a str, calls: &[&str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for call in calls {
        for (at, _) in text.match_indices(call) {
            let rest = text.get(at + call.len()..).unwrap_or_default();
            let argument =
                rest.strip_prefix('(').map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
            if let Some(literal) = argument.and_then(|rest| rest.split('"').next()) {
                found.push((line_of(text, at), literal));
            }
        }
    }
    found
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
