//! One text with its arguments, looked up when it is written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use fluent_templates::fluent_bundle::FluentValue;

use super::Texts;

/// The key of a text in the locale files.
///
/// Code that chooses between texts names them as `Key::new("…")`, which is what [`crate::check`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(&'static str);

impl Key {
    /// A key.
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self(key)
    }

    /// The key as it stands in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&'static str> for Key {
    fn from(key: &'static str) -> Self {
        Self(key)
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        *key
    }
}

pub(super) type Arguments<'a> = HashMap<Cow<'static, str>, FluentValue<'a>>;

pub(super) fn owned(arguments: Vec<(String, String)>) -> Arguments<'static> {
    arguments.into_iter().map(|(name, value)| (Cow::Owned(name), FluentValue::from(value))).collect()
}

/// A text of a [`Texts`], written by `Display`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Text<'a> {
    texts: &'a Texts,
    key: Key,
    arguments: Arguments<'a>,
}

impl<'a> Text<'a> {
    pub(super) fn new(texts: &'a Texts, key: Key) -> Self {
        Self { texts, key, arguments: HashMap::new() }
    }

    /// Gives one argument of the text.
    pub fn with(mut self, name: &'static str, value: impl TextArgument<'a>) -> Self {
        self.arguments.insert(Cow::Borrowed(name), value.into_value());
        self
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts.look_up(self.key.as_str(), &self.arguments))
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.to_string()
    }
}

/// What can be put into a text: words and whole numbers.
///
/// Numbers choose plural forms and are grouped; a year or an identifier is given as words.
pub trait TextArgument<'a> {
    /// The value as Fluent takes it.
    fn into_value(self) -> FluentValue<'a>;
}

impl<'a> TextArgument<'a> for &'a str {
    fn into_value(self) -> FluentValue<'a> {
        FluentValue::from(self)
    }
}

impl<'a> TextArgument<'a> for &&'a str {
    fn into_value(self) -> FluentValue<'a> {
        FluentValue::from(*self)
    }
}

impl<'a> TextArgument<'a> for &'a String {
    fn into_value(self) -> FluentValue<'a> {
        FluentValue::from(self.as_str())
    }
}

impl<'a> TextArgument<'a> for String {
    fn into_value(self) -> FluentValue<'a> {
        FluentValue::from(self)
    }
}

impl<'a> TextArgument<'a> for Text<'_> {
    fn into_value(self) -> FluentValue<'a> {
        FluentValue::from(self.to_string())
    }
}

macro_rules! whole_number_arguments {
    ($($number:ty),*) => {$(
        impl<'a> TextArgument<'a> for $number {
            fn into_value(self) -> FluentValue<'a> {
                FluentValue::from(self)
            }
        }

        impl<'a> TextArgument<'a> for &$number {
            fn into_value(self) -> FluentValue<'a> {
                FluentValue::from(*self)
            }
        }
    )*};
}

whole_number_arguments!(i16, i32, i64, u16, u32, u64, usize);
