//! A set of marks.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Flag;

/// A set of marks; written as their list, in the order of [`Flag`].
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    const fn bit(flag: Flag) -> u16 {
        1 << flag as u16
    }

    /// Whether a mark is in it.
    #[must_use]
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & Self::bit(flag) != 0
    }

    /// Adds a mark.
    pub const fn insert(&mut self, flag: Flag) {
        self.0 |= Self::bit(flag);
    }

    /// The marks, in order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.iter().copied().filter(move |flag| self.contains(*flag))
    }

    /// This and another together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Extend<Flag> for Flags {
    fn extend<I: IntoIterator<Item = Flag>>(&mut self, flags: I) {
        flags.into_iter().for_each(|flag| self.insert(flag));
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::default();
        set.extend(flags);
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Flag>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_in_order_and_read_back() {
        let all: Flags = Flag::ALL.iter().rev().copied().collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), Flag::ALL);
        let some: Flags = [Flag::Manual, Flag::Late].into_iter().collect();
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"["late","manual"]"#);
        assert_eq!(serde_json::from_str::<Flags>(&text).unwrap(), some);
    }
}
