//! Reading a log that only grows at its end, without looking at every row again.
//!
//! Of the rows that were committed before, the count and a hash over their bytes are kept. A reading of what follows them
//! goes on from there. A reading of the whole log is compared: while it begins with exactly those bytes, only what follows
//! needs the database. A log that begins otherwise (cleared, rotated, another order) is read again in full; identity makes
//! that harmless.

use device_protocols::driver::LogKind;
use device_protocols::row::AttendanceRow;
use shared_model::RawTime;

use super::Rows;
use crate::store::LogPlace;

/// One reading of a log.
#[derive(Debug)]
pub struct LogReading {
    before: LogPlace,
    /// Only what follows `before` was asked for: if all rows come, it is no longer how the log begins.
    expects_rest: bool,
    state: State,
    /// Whether the rows began behind `before`.
    is_rest: bool,
    /// Rows known or seen, from the log's first.
    seen: u64,
    /// Hash over their bytes.
    hash: [u8; 32],
    /// The time of the last of them that had one.
    last: Option<RawTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No row came yet.
    NotBegun,
    /// Rows are compared with what was committed before.
    Comparing,
    /// They were the same, or nothing is compared.
    Past,
    /// They were not: the reading is of no use.
    Differs,
}

/// Hash over no rows.
const EMPTY: [u8; 32] = [0; 32];

impl LogReading {
    /// Begins a reading of a whole log of which this much was committed before; an empty place compares nothing.
    #[must_use]
    pub fn begin(before: LogPlace) -> Self {
        let before =
            if before.position > 0 && before.prefix_hash.is_some() { before } else { LogPlace::default() };
        Self {
            before,
            expects_rest: false,
            state: State::NotBegun,
            is_rest: false,
            seen: 0,
            hash: EMPTY,
            last: None,
        }
    }

    /// Begins a reading of what follows the rows that were committed before. If all rows come instead, all are looked at.
    #[must_use]
    pub fn begin_rest(before: LogPlace) -> Self {
        Self { expects_rest: true, ..Self::begin(before) }
    }

    /// Takes the next rows of the log, which have their positions in it, and gives back those that must be looked at.
    pub fn next<'r>(&mut self, rows: &'r [AttendanceRow]) -> Rows<'r> {
        let Some(first) = rows.first() else { return Rows::alone(&[]) };
        if self.state == State::NotBegun || first.position != self.seen {
            self.enter(first.position);
        }
        for (row, at) in rows.iter().zip(0..) {
            if self.state == State::Comparing && self.seen == self.before.position {
                let same = self.before.prefix_hash == Some(self.hash);
                self.state = if same { State::Past } else { State::Differs };
            }
            match self.state {
                State::Comparing => self.add(row),
                State::Past => {
                    let fresh = Rows { rows: rows.get(at..).unwrap_or_default(), after: self.last };
                    fresh.rows.iter().for_each(|row| self.add(row));
                    return fresh;
                }
                State::NotBegun | State::Differs => return Rows::alone(&[]),
            }
        }
        Rows::alone(&[])
    }

    /// Rows begin, or begin anew, at a position.
    fn enter(&mut self, position: u64) {
        let begun = self.state != State::NotBegun;
        (self.seen, self.hash, self.is_rest, self.last) = (0, EMPTY, false, None);
        self.state = match self.before.prefix_hash {
            Some(hash) if self.expects_rest && !begun && position == self.before.position => {
                (self.seen, self.hash, self.is_rest) = (position, hash, true);
                self.last = self.before.last_raw;
                State::Past
            }
            Some(_) if position == 0 && !self.expects_rest => State::Comparing,
            Some(_) | None if position == 0 => State::Past,
            Some(_) | None => State::Differs,
        };
    }

    fn add(&mut self, row: &AttendanceRow) {
        self.seen += 1;
        self.last = row.time.as_ref().ok().map(|time| RawTime::new(*time)).or(self.last);
        // What is hashed before each row has one length, so no two series of rows give the same bytes.
        self.hash = *blake3::Hasher::new().update(&self.hash).update(&row.raw).finalize().as_bytes();
    }

    /// Rows that were the same as before and were not looked at.
    #[must_use]
    pub fn unchanged(&self) -> u64 {
        match self.state {
            State::Comparing | State::Past if !self.is_rest && !self.expects_rest => {
                self.before.position.min(self.seen)
            }
            State::NotBegun | State::Comparing | State::Past | State::Differs => 0,
        }
    }

    /// Ends the reading as the driver told it: the rows that are known then; `None` when the log does not begin as it did
    /// and must be read in full.
    #[must_use]
    pub fn end(self, kind: LogKind) -> Option<LogPlace> {
        let place = |position, hash, last_raw| LogPlace {
            position,
            prefix_hash: Some(hash),
            last_raw,
            ..LogPlace::default()
        };
        let before = &self.before;
        let known = before.prefix_hash.map(|hash| place(before.position, hash, before.last_raw));
        let seen = place(self.seen, self.hash, self.last);
        let same =
            |known: &LogPlace| (known.position, known.prefix_hash) == (seen.position, seen.prefix_hash);
        match (self.state, kind) {
            (State::NotBegun, LogKind::Tail { from }) => known.filter(|known| known.position == from),
            // The log is empty: if it was not before, that is worth a second look.
            (State::NotBegun, LogKind::Whole(_)) => (known.is_none() || self.expects_rest).then_some(seen),
            // What followed was not enough, and of the whole log not one row came.
            (State::Past, LogKind::Whole(_)) if self.is_rest => Some(place(0, EMPTY, None)),
            (State::Past, _) => Some(seen),
            (State::Comparing, _) => known.is_some_and(|known| same(&known)).then_some(seen),
            (State::Differs, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use device_protocols::driver::WholeReason;
    use device_protocols::row::{RawRow, UserRef};
    use proptest::prelude::*;

    use super::*;

    const WHOLE: LogKind = LogKind::Whole(WholeReason::Asked);

    /// Rows of these bytes, the first of which has a position in the log.
    fn rows(from: usize, bytes: &[u8]) -> Vec<AttendanceRow> {
        bytes
            .iter()
            .zip(u64::try_from(from).unwrap()..)
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

    fn feed(reading: &mut LogReading, rows: &[AttendanceRow], pieces: usize) -> Vec<u8> {
        rows.chunks(pieces).flat_map(|piece| reading.next(piece).rows.iter().map(|row| row.raw[0])).collect()
    }

    /// What a reading of a whole log looks at, and where it ends.
    fn read(before: LogPlace, log: &[u8], pieces: usize) -> (Vec<u8>, Option<LogPlace>) {
        let mut reading = LogReading::begin(before);
        let fresh = feed(&mut reading, &rows(0, log), pieces);
        (fresh, reading.end(WHOLE))
    }

    fn bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), length)
    }

    proptest! {
        #[test]
        fn a_log_that_grew_shows_only_what_is_new(old in bytes(0..40), new in bytes(0..40), pieces in 1usize..9) {
            let (fresh, place) = read(LogPlace::default(), &old, pieces);
            prop_assert_eq!(&fresh, &old);
            let log = [old, new.clone()].concat();
            let (fresh, end) = read(place.unwrap(), &log, pieces);
            prop_assert_eq!(fresh, new);
            prop_assert_eq!(end, read(LogPlace::default(), &log, 1).1);
        }

        #[test]
        fn readings_of_what_follows_end_where_a_reading_of_the_whole_does(
            old in bytes(1..40),
            parts in proptest::collection::vec(bytes(0..10), 0..6),
            pieces in 1usize..9,
        ) {
            let mut log = old;
            let mut place = read(LogPlace::default(), &log, pieces).1.unwrap();
            for part in parts {
                let kind = LogKind::Tail { from: place.position };
                let mut reading = LogReading::begin_rest(place);
                prop_assert_eq!(&feed(&mut reading, &rows(log.len(), &part), pieces), &part);
                prop_assert_eq!(reading.unchanged(), 0);
                place = reading.end(kind).unwrap();
                log.extend(part);
            }
            prop_assert_eq!(Some(place.clone()), read(LogPlace::default(), &log, 1).1);
            // And the daily reading of the whole log finds nothing new.
            prop_assert_eq!(read(place.clone(), &log, pieces), (vec![], Some(place)));
        }

        #[test]
        fn all_rows_are_looked_at_where_the_whole_log_comes_for_what_follows(
            old in bytes(1..40),
            rest in bytes(0..5),
            now in bytes(0..40),
            pieces in 1usize..9,
        ) {
            let place = read(LogPlace::default(), &old, pieces).1.unwrap();
            let mut reading = LogReading::begin_rest(place);
            // What followed turned out not to be enough.
            prop_assert_eq!(&feed(&mut reading, &rows(old.len(), &rest), pieces), &rest);
            prop_assert_eq!(&feed(&mut reading, &rows(0, &now), pieces), &now);
            let end = reading.end(LogKind::Whole(WholeReason::Count));
            prop_assert_eq!(end, read(LogPlace::default(), &now, 1).1);
        }

        #[test]
        fn a_log_that_begins_otherwise_is_not_taken_for_the_old_one(
            old in bytes(1..40),
            other in bytes(0..40),
            pieces in 1usize..9,
        ) {
            prop_assume!(!other.starts_with(&old));
            let place = read(LogPlace::default(), &old, pieces).1.unwrap();
            prop_assert_eq!(read(place, &other, pieces), (vec![], None));
        }
    }

    #[test]
    fn rows_from_the_middle_of_nowhere_are_of_no_use() {
        let place = read(LogPlace::default(), &[1, 2, 3], 1).1.unwrap();
        for before in [place, LogPlace::default()] {
            let mut reading = LogReading::begin_rest(before);
            assert_eq!(feed(&mut reading, &rows(2, &[3, 4]), 1), [0; 0]);
            assert_eq!(reading.end(LogKind::Tail { from: 2 }), None);
        }
    }
}
