//! Comparing what two sides computed: a digest of a month's final days.
//!
//! ```text
//! blake3, first 128 bits, over the days by date, then employee:
//!     days since 1970-01-01 i32 LE ‖ employee 16 bytes ‖ length u8 ‖ the day's own digest
//! ```
//!
//! Only final days go in, since a provisional day depends on the moment. Digests say something only where both sides
//! know the same rules: engine, zone data, policies ([`crate::Rulebook::label`]). The same digest of one employee's month
//! tells where two sides differ.

use chrono::{Datelike as _, NaiveDate};
use shared_model::EmployeeId;

/// What the final days of a month come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthDigest {
    /// How many final days it covers.
    pub days: i64,
    /// Over those days.
    pub digest: [u8; 16],
}

/// Days from the first day of our calendar to 1970-01-01.
const EPOCH: i32 = 719_163;

/// A digest in the making: days are handed over one by one, as a database gives them.
#[derive(Debug, Clone, Default)]
pub struct DayHasher {
    hash: blake3::Hasher,
    days: i64,
}

impl DayHasher {
    /// Takes the next day; they come in the order of date and employee.
    pub fn day(&mut self, date: NaiveDate, employee: EmployeeId, digest: &[u8]) {
        self.hash.update(&(date.num_days_from_ce() - EPOCH).to_le_bytes());
        self.hash.update(employee.uuid().as_bytes());
        self.hash.update(&[u8::try_from(digest.len()).unwrap_or(u8::MAX)]);
        self.hash.update(digest);
        self.days += 1;
    }

    /// What the days come to.
    #[must_use]
    pub fn finish(self) -> MonthDigest {
        let mut digest = [0; 16];
        self.hash.finalize_xof().fill(&mut digest);
        MonthDigest { days: self.days, digest }
    }
}

/// The rules of several sites in short: what stands before their common digest.
#[must_use]
pub fn label_of_sites<'a>(labels: impl IntoIterator<Item = &'a str>) -> String {
    let mut labels: Vec<_> = labels.into_iter().collect();
    labels.sort_unstable();
    labels.dedup();
    labels.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_months_digest_depends_on_each_day() {
        let employee = EmployeeId::from_uuid(uuid::Uuid::from_u128(7));
        let date: NaiveDate = "2026-11-02".parse().unwrap();
        let of_day = |date, employee, digest: &[u8]| {
            let mut days = DayHasher::default();
            days.day(date, employee, digest);
            days.finish()
        };
        let one = of_day(date, employee, b"a");
        assert_eq!(one.days, 1);
        assert_ne!(one.digest, of_day(date, employee, b"b").digest);
        assert_ne!(one.digest, of_day(date.succ_opt().unwrap(), employee, b"a").digest);
        let other = EmployeeId::from_uuid(uuid::Uuid::from_u128(8));
        assert_ne!(one.digest, of_day(date, other, b"a").digest);
    }

    #[test]
    fn the_label_of_sites_does_not_depend_on_their_order() {
        assert_eq!(label_of_sites(["b", "a", "b"]), "a+b");
    }
}
