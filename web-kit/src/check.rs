//! Checks that every binary's tests run over its own templates and locale files.
//!
//! They read source files, so they belong into tests; nothing here is used at run time.
//!
//! ```no_run
//! use std::path::Path;
//! use web_kit::check;
//!
//! let here = Path::new(env!("CARGO_MANIFEST_DIR"));
//! let kit = here.join("../web-kit/locales");
//! assert_eq!(check::templates(&here.join("templates")).unwrap(), []);
//! assert_eq!(check::texts(&[&here.join("src"), &here.join("templates")], &here.join("locales"), &[&kit]).unwrap(), []);
//! ```

mod source;
mod template;
mod text;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Something to correct in a source file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Looks for text that is not from a locale file, and for scripts, styles and event attributes inside the markup,
/// in every `.html` file of a folder.
///
/// # Errors
/// When a file cannot be read.
pub fn templates(folder: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in source::files(folder, &["html"])? {
        findings.extend(template::check(&file.path, &file.text));
    }
    findings.sort();
    Ok(findings)
}

/// Looks for icons that the sprite does not hold, in the `.html` and `.rs` files of folders.
///
/// # Errors
/// When a file cannot be read.
pub fn icons(sources: &[&Path], sprite: &str) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in sources {
        for file in source::files(folder, &["html", "rs"])? {
            for (line, name) in source::first_arguments(&file.text, &[".icon", "ui::empty"]) {
                if !sprite.contains(&format!("id=\"{name}\"")) {
                    findings.push(Finding {
                        file: file.path.clone(),
                        line,
                        problem: format!("no icon `{name}`"),
                    });
                }
            }
        }
    }
    Ok(findings)
}

/// Compares the keys used in `.html` and `.rs` files with the locale files: every key used exists in every language,
/// every key of `own` is used, and all languages of `own` have the same keys with the same arguments.
/// `borrowed` are folders of other crates whose texts are at hand, such as the kit's.
///
/// # Errors
/// When a file cannot be read.
pub fn texts(sources: &[&Path], own: &Path, borrowed: &[&Path]) -> io::Result<Vec<Finding>> {
    let mut findings = text::compare(sources, own, borrowed)?;
    findings.sort();
    findings.dedup();
    Ok(findings)
}

#[cfg(test)]
mod tests;
