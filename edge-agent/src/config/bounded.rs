//! Whole numbers within bounds.

use serde::Deserialize as _;
use serde::de::{Deserializer, Error as _};

/// Reads a number from `MIN` to `MAX`; another is an error that names the bounds, and the reader adds the place.
pub(super) fn within<'de, const MIN: i64, const MAX: i64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let found = i64::deserialize(deserializer)?;
    let number =
        Some(found).filter(|found| (MIN..=MAX).contains(found)).and_then(|found| T::try_from(found).ok());
    number.ok_or_else(|| D::Error::custom(format!("{found} is outside {MIN} to {MAX}")))
}
