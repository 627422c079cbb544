//! The data of components: tones, chips, sorting, paging. Their markup is here where it is one element, and in
//! `templates/kit/ui.html` where a template puts content inside.

mod mark;
mod paging;

use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};
use serde::{Deserialize, Serialize};

use crate::page::{Icon, Page};

pub use mark::DayMark;
pub use paging::{Direction, Pager, Sort};

/// What a colour means. It never stands alone: words or an icon go with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs somebody.
    Bad,
    /// Good to know.
    Info,
    /// Not yet certain.
    Pending,
    /// Off the main track, such as leave.
    Accent,
    /// Neither good nor bad.
    #[default]
    Neutral,
}

impl Tone {
    /// The suffix of the style sheet's classes.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Pending => "pending",
            Self::Accent => "accent",
            Self::Neutral => "neutral",
        }
    }

    /// The icon that goes with the colour.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Warn => "alert",
            Self::Bad => "cross",
            Self::Info => "info",
            Self::Pending => "hourglass",
            Self::Accent => "bookmark",
            Self::Neutral => "dash",
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class())
    }
}

/// A small label with an icon and a colour.
#[derive(Clone, Debug)]
pub struct Chip<'a> {
    tone: Tone,
    icon: Icon<'a>,
    label: String,
}

impl fmt::Display for Chip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = escape(&self.label, Html).map_err(|_| fmt::Error)?;
        write!(f, r#"<span class="chip chip-{}">{}{label}</span>"#, self.tone, self.icon)
    }
}

impl HtmlSafe for Chip<'_> {}

impl Page {
    /// A chip of a tone with its usual icon.
    #[must_use]
    pub fn chip(&self, tone: impl Into<Tone>, label: impl Into<String>) -> Chip<'_> {
        let tone = tone.into();
        Chip { tone, icon: self.icon(tone.icon()), label: label.into() }
    }

    /// A chip with an icon of its own.
    #[must_use]
    pub fn chip_with<'a>(
        &'a self,
        tone: impl Into<Tone>,
        icon: &'a str,
        label: impl Into<String>,
    ) -> Chip<'a> {
        Chip { tone: tone.into(), icon: self.icon(icon), label: label.into() }
    }

    /// The chip of a day's status.
    #[must_use]
    pub fn mark(&self, mark: impl Into<DayMark>) -> Chip<'_> {
        let mark = mark.into();
        Chip { tone: mark.tone(), icon: self.icon(mark.icon()), label: self.t(mark.key()).to_string() }
    }
}

impl From<&Self> for Tone {
    fn from(tone: &Self) -> Self {
        *tone
    }
}
