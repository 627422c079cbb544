//! Short texts with rules: bounded, trimmed, free of control characters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::{FieldType, FieldValue};

/// A text that breaks its type's rule. Names the field and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Nothing but white space.
    #[error("{what} is empty")]
    Empty {
        /// What was to be read.
        what: &'static str,
    },
    /// Longer than allowed.
    #[error("{what} is longer than {max} bytes")]
    TooLong {
        /// What was to be read.
        what: &'static str,
        /// The limit, in bytes of UTF-8.
        max: usize,
    },
    /// Holds a character that is not allowed.
    #[error("{what} holds the character {found:?}, which is not allowed there")]
    Character {
        /// What was to be read.
        what: &'static str,
        /// The first such character.
        found: char,
    },
}

/// Checks `text` by the common rule (trimmed, 1..=`max` bytes, no control characters) and `allowed`.
pub(crate) fn checked(
    what: &'static str,
    text: &str,
    max: usize,
    allowed: fn(char) -> bool,
) -> Result<Box<str>, BadText> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadText::Empty { what });
    }
    if text.len() > max {
        return Err(BadText::TooLong { what, max });
    }
    if let Some(found) = text.chars().find(|c| c.is_control() || !allowed(*c)) {
        return Err(BadText::Character { what, found });
    }
    Ok(text.into())
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $max:literal, $allowed:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest text taken, in bytes of UTF-8.
            pub const MAX: usize = $max;

            /// Reads a text, trimming white space around it.
            ///
            /// # Errors
            /// [`BadText`] tells what rule it breaks.
            pub fn parse(text: &str) -> Result<Self, BadText> {
                checked($what, text, $max, $allowed).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }

        impl FieldValue for $name {
            const TYPE: FieldType = FieldType::Text { max: $max };
        }
    )+};
}

texts! {
    /// What a person, site or thing is called. Any script.
    Name = "name", 120, |_| true;
    /// The number a company gives an employee, as printed on the card. Compared as written.
    EmployeeCode = "employee code", 32, |c| !c.is_whitespace();
    /// A short code of a site, department, shift or leave type.
    Code = "code", 32, |c| !c.is_whitespace();
    /// A line of free text: a reason, a designation, an address.
    Line = "text", 500, |_| true;
    /// A telephone number as typed.
    Phone = "phone number", 32, |c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')');
    /// A host name or address with an optional port.
    HostAddress = "address", 255, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '[' | ']');
}
