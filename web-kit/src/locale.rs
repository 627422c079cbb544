//! Texts in the reader's language.
//!
//! Texts live in Fluent files, one folder a language. The kit brings its own; a binary adds its own loader, made by
//! `fluent_templates::static_loader!` with [`prepare`] as its `customise` closure, and may override the kit's texts
//! by using the same key. A key that no file holds is shown as the key itself and logged; the tests of each binary
//! make sure that it does not happen (see [`crate::check`]).

mod format;
mod language;
mod text;

use std::sync::Arc;

use fluent_templates::fluent_bundle::FluentResource;
use fluent_templates::{FluentBundle, LanguageIdentifier, Loader, static_loader};
use http::HeaderMap;

pub use format::{DateStyle, WholeNumber};
pub use language::{LANGUAGE_COOKIE, language_cookie};
pub use text::{Key, Text, TextArgument};

static_loader! {
    static KIT = {
        locales: "./locales",
        fallback_language: "en",
        customise: |bundle| { prepare(bundle); },
    };
}

/// A loader as `static_loader!` makes it.
pub type StaticLoader = fluent_templates::StaticLoader;

/// Sets up a bundle the way the kit needs it; call it from the `customise` closure of `static_loader!`.
///
/// Arguments are not wrapped in isolation marks (names are shown in elements of their own), and numbers are
/// grouped and written in the language's digits.
pub fn prepare(bundle: &mut FluentBundle<&'static FluentResource>) {
    bundle.set_use_isolating(false);
    let bangla = bundle.locales.first().is_some_and(|language| language.language.as_str() == "bn");
    bundle.set_formatter(Some(if bangla { format::fluent_bangla } else { format::fluent_western }));
}

/// All texts of a binary in all its languages.
#[derive(Clone)]
pub struct Locales {
    // Later loaders win.
    loaders: Vec<&'static StaticLoader>,
    languages: Vec<LanguageIdentifier>,
}

impl std::fmt::Debug for Locales {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locales").field("languages", &self.languages).finish_non_exhaustive()
    }
}

impl Default for Locales {
    fn default() -> Self {
        Self::kit()
    }
}

impl Locales {
    /// Only the kit's own texts.
    #[must_use]
    pub fn kit() -> Self {
        Self { loaders: Vec::new(), languages: Vec::new() }.with(&KIT)
    }

    /// Adds a binary's texts.
    #[must_use]
    pub fn with(mut self, loader: &'static StaticLoader) -> Self {
        for language in loader.locales() {
            if !self.languages.contains(language) {
                self.languages.push(language.clone());
            }
        }
        self.languages.sort();
        self.loaders.push(loader);
        self
    }

    /// The languages that can be chosen.
    #[must_use]
    pub fn languages(&self) -> &[LanguageIdentifier] {
        &self.languages
    }

    /// Chooses the language of a request: its cookie, else its `Accept-Language`, else English.
    #[must_use]
    pub fn texts(self: &Arc<Self>, headers: &HeaderMap) -> Texts {
        Texts { language: language::choose(&self.languages, headers), locales: Arc::clone(self) }
    }

    /// The texts of one language, for mails, exports and tests.
    #[must_use]
    pub fn texts_in(self: &Arc<Self>, language: LanguageIdentifier) -> Texts {
        Texts { language, locales: Arc::clone(self) }
    }
}

/// Texts, numbers and dates in one language.
#[derive(Clone, Debug)]
pub struct Texts {
    locales: Arc<Locales>,
    language: LanguageIdentifier,
}

impl Texts {
    /// The text of a key; give its arguments with [`Text::with`].
    pub fn t(&self, key: impl Into<Key>) -> Text<'_> {
        Text::new(self, key.into())
    }

    /// The text of a key and arguments that came from outside, if there is one.
    pub(crate) fn known(&self, key: &str, arguments: Vec<(String, String)>) -> Option<String> {
        self.find(key, &text::owned(arguments))
    }

    /// The language, as BCP 47 writes it (for `lang` attributes).
    #[must_use]
    pub fn language(&self) -> String {
        self.language.to_string()
    }

    /// The languages that can be chosen, with each one's own name and whether it is the current one.
    #[must_use]
    pub fn choices(&self) -> Vec<LanguageChoice> {
        self.locales
            .languages
            .iter()
            .map(|language| LanguageChoice {
                code: language.to_string(),
                name: Self { locales: Arc::clone(&self.locales), language: language.clone() }
                    .t("language-name")
                    .to_string(),
                current: *language == self.language,
            })
            .collect()
    }

    fn find(&self, key: &str, arguments: &text::Arguments<'_>) -> Option<String> {
        self.locales.loaders.iter().rev().find_map(|loader| {
            if arguments.is_empty() {
                loader.try_lookup(&self.language, key)
            } else {
                loader.try_lookup_with_args(&self.language, key, arguments)
            }
        })
    }

    fn look_up(&self, key: &str, arguments: &text::Arguments<'_>) -> String {
        self.find(key, arguments).unwrap_or_else(|| {
            tracing::error!(text.key = key, "no text for this key in any locale");
            key.to_owned()
        })
    }
}

/// One language in a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageChoice {
    /// The BCP 47 tag, as [`language_cookie`] wants it.
    pub code: String,
    /// The language's name in itself.
    pub name: String,
    /// Whether the page is in this language.
    pub current: bool,
}

#[cfg(test)]
mod tests;
