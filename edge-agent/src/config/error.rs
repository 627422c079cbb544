//! What is wrong with a configuration, with the place.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The file says something that means nothing.
    #[error("{place}: {cause}{}", snippet(line, place, *width))]
    Text {
        /// Where.
        place: Place,
        /// The line as it stands.
        line: String,
        /// How many characters of it are meant.
        width: usize,
        /// What is wrong.
        cause: String,
    },
    /// A variable of the environment has a value it cannot have. The value is not repeated: it may be a secret.
    #[error("{name} in the environment: {cause}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        cause: &'static str,
    },
    /// A flag has a value it cannot have.
    #[error("{name}: {cause}")]
    Flag {
        /// The flag.
        name: &'static str,
        /// What is wrong.
        cause: String,
    },
}

/// A place in a file: line and column from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// The line with a caret under what is meant.
fn snippet(line: &str, place: &Place, width: usize) -> String {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let indent: String =
        line.chars().take(place.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("\n{margin} |\n{number} | {line}\n{margin} | {indent}{}", "^".repeat(width.max(1)))
}

impl ConfigError {
    /// Puts the reader's complaint about a text in its place.
    pub(super) fn in_text(path: PathBuf, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        Self::at(path, text, span, error.message().trim().replace('\n', ", "))
    }

    fn at(path: PathBuf, text: &str, span: std::ops::Range<usize>, cause: String) -> Self {
        let start = span.start.min(text.len());
        let before = text.get(..start).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let meant = text.get(start..span.end.min(begin + line.len())).unwrap_or_default();
        let place = Place {
            path,
            line: before.matches('\n').count() + 1,
            column: text.get(begin..start).map_or(1, |part| part.chars().count() + 1),
        };
        Self::Text { place, line: line.to_owned(), width: meant.chars().count(), cause }
    }

    /// The same with another line shown, for one that holds a secret.
    pub(super) fn without_line(self, shown: &str) -> Self {
        match self {
            Self::Text { place, width, cause, .. } => {
                Self::Text { place, line: shown.to_owned(), width, cause }
            }
            other @ (Self::File { .. } | Self::Environment { .. } | Self::Flag { .. }) => other,
        }
    }
}

/// A complaint about a key whose value is of the right type and still means nothing.
pub(super) fn key_place(path: &Path, text: &str, section: &str, key: &str, cause: String) -> ConfigError {
    let header = format!("[{section}]");
    let mut offset = 0;
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            inside = bare.starts_with(&header);
        }
        let rest = bare.strip_prefix(key).map(str::trim_start);
        if inside && rest.is_some_and(|rest| rest.starts_with('=')) {
            offset += line.len() - line.trim_start().len();
            return ConfigError::at(path.to_owned(), text, offset..offset + key.len(), cause);
        }
        offset += line.len();
    }
    // Written in a way that this does not find, as a dotted key: the file at least is named.
    ConfigError::at(path.to_owned(), text, 0..0, format!("{section}.{key}: {cause}"))
}
