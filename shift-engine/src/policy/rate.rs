//! Multipliers as exact fractions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an hour of a tier is worth, as a fraction of an ordinary hour: `2`, `3/2`, `5/4`. Always in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    numerator: u32,
    denominator: u32,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rate: expected a whole number or a fraction such as 3/2, parts from 1 to 10000")]
pub struct BadRate(String);

impl Rate {
    /// As an ordinary hour.
    pub const SINGLE: Self = Self { numerator: 1, denominator: 1 };
    /// Twice an ordinary hour.
    pub const DOUBLE: Self = Self { numerator: 2, denominator: 1 };
    const MAX: u32 = 10_000;

    /// A fraction; `None` where a part is 0 or above 10,000.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let allowed = 1..=Self::MAX;
        if !allowed.contains(&numerator) || !allowed.contains(&denominator) {
            return None;
        }
        let common = greatest_common_divisor(numerator, denominator);
        Some(Self { numerator: numerator / common, denominator: denominator / common })
    }

    /// Above the line.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Below the line.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for Rate {
    type Err = BadRate;
    fn from_str(text: &str) -> Result<Self, BadRate> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let part = |text: &str| text.trim().parse().ok();
        part(numerator)
            .zip(part(denominator))
            .and_then(|(numerator, denominator)| Self::new(numerator, denominator))
            .ok_or_else(|| BadRate(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.numerator)?;
        if self.denominator == 1 { Ok(()) } else { write!(f, "/{}", self.denominator) }
    }
}

impl TryFrom<String> for Rate {
    type Error = BadRate;
    fn try_from(text: String) -> Result<Self, BadRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact_and_in_lowest_terms() {
        assert_eq!("6/4".parse::<Rate>().unwrap().to_string(), "3/2");
        assert_eq!("2".parse::<Rate>().unwrap(), Rate::DOUBLE);
        assert!("5/4".parse::<Rate>().unwrap() < "3/2".parse::<Rate>().unwrap());
        for text in ["0", "1/0", "1.5", "-1", "10001", ""] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
