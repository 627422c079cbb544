//! Reading a log that only grows at its end, without looking at every row again.
//!
//! A clock gives its whole log each time. Of the rows that were committed before, the count and a hash of their bytes
//! are kept: while the log begins with exactly those bytes, only what follows needs the database. A log that begins
//! otherwise (cleared, rotated, another order) is read again in full; identity makes that harmless.
//!
//! A clock that can be asked for what follows a place gives only that: then the reading goes on from where the one
//! before [ended](LogEnded).

use device_protocols::row::AttendanceRow;

use crate::store::LogPlace;

/// The end of a reading, from which the next may go on.
#[derive(Debug, Clone)]
pub struct LogEnded {
    /// The place to keep.
    pub place: LogPlace,
    hash: blake3::Hasher,
}

/// One reading of a log.
#[derive(Debug)]
pub struct LogReading {
    before: LogPlace,
    /// Whether it is expected to begin where the one before ended.
    tail: bool,
    state: Prefix,
    seen: u64,
    hash: blake3::Hasher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// Rows are compared with what was committed before.
    Comparing,
    /// They were the same, or nothing is compared.
    Past,
    /// They were not: the reading is of no use.
    Differs,
}

impl LogReading {
    /// Begins a reading after what was committed `before`; an empty place compares nothing.
    #[must_use]
    pub fn begin(before: LogPlace) -> Self {
        let compares = before.position > 0 && before.prefix_hash.is_some();
        let before = if compares { before } else { LogPlace::default() };
        let state = if compares { Prefix::Comparing } else { Prefix::Past };
        Self { before, tail: false, state, seen: 0, hash: blake3::Hasher::new() }
    }

    /// Begins a reading of what follows the end of another. Should the whole log come after all, it is compared as by
    /// [`LogReading::begin`].
    #[must_use]
    pub fn go_on(from: &LogEnded) -> Self {
        let LogEnded { place, hash } = from.clone();
        Self { tail: true, state: Prefix::Past, seen: place.position, before: place, hash }
    }

    /// Takes the next rows of the log and gives back those that must be looked at.
    pub fn next<'r>(&mut self, rows: &'r [AttendanceRow]) -> &'r [AttendanceRow] {
        if self.tail && rows.first().is_some_and(|row| row.position == 0) {
            *self = Self::begin(self.before.clone());
        }
        for (row, at) in rows.iter().zip(0..) {
            if self.state == Prefix::Comparing && self.seen == self.before.position {
                let same = self.before.prefix_hash == Some(*self.hash.finalize().as_bytes());
                self.state = if same { Prefix::Past } else { Prefix::Differs };
            }
            match self.state {
                Prefix::Comparing => self.add(row),
                Prefix::Past => {
                    let fresh = rows.get(at..).unwrap_or_default();
                    fresh.iter().for_each(|row| self.add(row));
                    return fresh;
                }
                Prefix::Differs => return &[],
            }
        }
        &[]
    }

    fn add(&mut self, row: &AttendanceRow) {
        self.seen += 1;
        // Only a length keeps two rows from being taken for one longer.
        self.hash.update(&u16::try_from(row.raw.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.hash.update(&row.raw);
    }

    /// Rows that were the same as before and were not looked at.
    #[must_use]
    pub fn unchanged(&self) -> u64 {
        if self.tail { 0 } else { self.before.position.min(self.seen) }
    }

    /// Ends the reading; `None` when the log does not begin as it did and must be read in full.
    #[must_use]
    pub fn end(self) -> Option<LogEnded> {
        let place = LogPlace { position: self.seen, prefix_hash: Some(*self.hash.finalize().as_bytes()) };
        let stands = match self.state {
            Prefix::Past => true,
            Prefix::Comparing => place == self.before,
            Prefix::Differs => false,
        };
        stands.then_some(LogEnded { place, hash: self.hash })
    }
}

#[cfg(test)]
mod tests {
    use device_protocols::row::{RawRow, UserRef};
    use proptest::prelude::*;

    use super::*;

    fn rows(bytes: &[u8]) -> Vec<AttendanceRow> {
        rows_from(0, bytes)
    }

    fn rows_from(first: u64, bytes: &[u8]) -> Vec<AttendanceRow> {
        bytes
            .iter()
            .zip(first..)
            .map(|(byte, position)| AttendanceRow {
                position,
                user: UserRef::Number(1),
                time: Ok(chrono::NaiveDateTime::default()),
                utc_offset: None,
                verify: None,
                state: None,
                work_code: None,
                doubt: None,
                raw: RawRow::new(&[*byte]),
                known: 1,
            })
            .collect()
    }

    /// What a reading looks at, and where it ends.
    fn read(before: LogPlace, log: &[u8], pieces: usize) -> (Vec<u8>, Option<LogPlace>) {
        let rows = rows(log);
        let mut reading = LogReading::begin(before);
        let mut fresh = Vec::new();
        for piece in rows.chunks(pieces) {
            fresh.extend(reading.next(piece).iter().map(|row| row.raw[0]));
        }
        (fresh, reading.end().map(|ended| ended.place))
    }

    proptest! {
        #[test]
        fn a_log_that_grew_shows_only_what_is_new(
            old in proptest::collection::vec(any::<u8>(), 0..40),
            new in proptest::collection::vec(any::<u8>(), 0..40),
            pieces in 1usize..9,
        ) {
            let (fresh, place) = read(LogPlace::default(), &old, pieces);
            prop_assert_eq!(&fresh, &old);
            let log = [old, new.clone()].concat();
            let (fresh, end) = read(place.unwrap(), &log, pieces);
            prop_assert_eq!(fresh, new);
            prop_assert_eq!(end, read(LogPlace::default(), &log, 1).1);
        }

        #[test]
        fn what_follows_an_end_ends_as_the_whole_log_would(
            old in proptest::collection::vec(any::<u8>(), 1..40),
            new in proptest::collection::vec(any::<u8>(), 0..40),
            pieces in 1usize..9,
            whole_after_all in any::<bool>(),
        ) {
            let mut reading = LogReading::begin(LogPlace::default());
            reading.next(&rows(&old));
            let ended = reading.end().unwrap();
            let log = [old.clone(), new.clone()].concat();
            let mut reading = LogReading::go_on(&ended);
            // What came before the clock turned out to give only whole logs.
            let tail = rows_from(old.len() as u64, &new);
            let mut fresh: Vec<u8> = reading.next(&tail).iter().map(|row| row.raw[0]).collect();
            prop_assert_eq!(&fresh, &new);
            if whole_after_all {
                fresh.clear();
                for piece in rows(&log).chunks(pieces) {
                    fresh.extend(reading.next(piece).iter().map(|row| row.raw[0]));
                }
                prop_assert_eq!(&fresh, &new);
                prop_assert_eq!(reading.unchanged(), old.len() as u64);
            } else {
                prop_assert_eq!(reading.unchanged(), 0);
            }
            prop_assert_eq!(reading.end().map(|ended| ended.place), read(LogPlace::default(), &log, 1).1);
        }

        #[test]
        fn a_log_that_begins_otherwise_is_not_taken_for_the_old_one(
            old in proptest::collection::vec(any::<u8>(), 1..40),
            other in proptest::collection::vec(any::<u8>(), 0..40),
            pieces in 1usize..9,
        ) {
            prop_assume!(!other.starts_with(&old));
            let place = read(LogPlace::default(), &old, pieces).1.unwrap();
            prop_assert_eq!(read(place, &other, pieces), (vec![], None));
        }
    }
}
