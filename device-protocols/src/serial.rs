//! A clock's serial number.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A clock's serial number: 1 to 32 letters and digits, kept in the clock's own spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Box<str>);

impl Serial {
    /// Longest serial number in bytes.
    pub const MAX: usize = 32;

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a clock's serial number has 1 to 32 letters and digits")]
pub struct BadSerial;

impl FromStr for Serial {
    type Err = BadSerial;

    fn from_str(text: &str) -> Result<Self, BadSerial> {
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.into())) } else { Err(BadSerial) }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_and_digits_up_to_32() {
        assert_eq!("SIM0000000001".parse::<Serial>().unwrap().as_str(), "SIM0000000001");
        for bad in ["", "a b", "x/../y", "ä", &"9".repeat(33)] {
            assert_eq!(bad.parse::<Serial>(), Err(BadSerial));
        }
    }
}
