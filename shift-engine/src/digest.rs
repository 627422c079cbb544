//! Comparing what two sides computed: one digest per employee and month.
//!
//! Only final days go in, since a provisional day depends on the moment. Digests say something only where both sides
//! know the same rules: engine, zone data, policies ([`crate::Rulebook::version`]).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::record::Digest;

/// What a month of an employee comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthDigest {
    /// Final days.
    pub final_days: u16,
    /// Days that can still change by themselves.
    pub provisional_days: u16,
    /// The hash over the final days' digests, as hexadecimal.
    pub digest: String,
}

/// Sums up a month of stored days: date, whether it is final, the digest of its record. The order does not matter.
#[must_use]
pub fn month_digest(days: impl IntoIterator<Item = (NaiveDate, bool, [u8; 32])>) -> MonthDigest {
    let mut days: Vec<_> = days.into_iter().collect();
    days.sort_by_key(|(date, _, _)| *date);
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"muster month v1");
    let mut final_days = 0;
    for (date, _, digest) in days.iter().filter(|(_, is_final, _)| *is_final) {
        hasher.update(date.to_string().as_bytes());
        hasher.update(digest);
        final_days += 1;
    }
    let all = u16::try_from(days.len()).unwrap_or(u16::MAX);
    MonthDigest { final_days, provisional_days: all - final_days, digest: Digest::of(&hasher).to_string() }
}

/// What two sides' digests of a month say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same days, the same figures.
    Equal,
    /// The rules differ, or one side has more final days: nothing can be said yet.
    NotComparable,
    /// The same rules and as many final days, and still other figures.
    Different,
}

/// Compares two sides' digests of a month.
#[must_use]
pub fn compare(ours: (&[u8; 32], &MonthDigest), theirs: (&[u8; 32], &MonthDigest)) -> Comparison {
    if ours.0 != theirs.0 || ours.1.final_days != theirs.1.final_days {
        Comparison::NotComparable
    } else if ours.1.digest == theirs.1.digest {
        Comparison::Equal
    } else {
        Comparison::Different
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, is_final: bool, byte: u8) -> (NaiveDate, bool, [u8; 32]) {
        (date.parse().unwrap(), is_final, [byte; 32])
    }

    #[test]
    fn provisional_days_do_not_matter_and_neither_does_the_order() {
        let a = month_digest([
            day("2026-11-01", true, 1),
            day("2026-11-02", true, 2),
            day("2026-11-03", false, 3),
        ]);
        let b = month_digest([
            day("2026-11-03", false, 9),
            day("2026-11-02", true, 2),
            day("2026-11-01", true, 1),
        ]);
        assert_eq!(a, b);
        assert_eq!((a.final_days, a.provisional_days), (2, 1));
    }

    #[test]
    fn digests_are_compared_only_between_equal_rules_and_equally_many_final_days() {
        let one = month_digest([day("2026-11-01", true, 1)]);
        let other = month_digest([day("2026-11-01", true, 2)]);
        let more = month_digest([day("2026-11-01", true, 1), day("2026-11-02", true, 1)]);
        assert_eq!(compare((&[0; 32], &one), (&[0; 32], &one)), Comparison::Equal);
        assert_eq!(compare((&[0; 32], &one), (&[0; 32], &other)), Comparison::Different);
        assert_eq!(compare((&[0; 32], &one), (&[1; 32], &other)), Comparison::NotComparable);
        assert_eq!(compare((&[0; 32], &one), (&[0; 32], &more)), Comparison::NotComparable);
    }
}
