//! Stretches of time between two instants, and the arithmetic of lists of them.
//!
//! A list is sorted and its stretches do not overlap; every function here keeps that.

use serde::{Deserialize, Serialize};

use crate::time::{Instant, Seconds};

/// From `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// First instant.
    pub start: Instant,
    /// First instant after it.
    pub end: Instant,
}

impl Interval {
    /// From `start` to `end`; empty where `end` comes first.
    #[must_use]
    pub fn new(start: Instant, end: Instant) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Its length.
    #[must_use]
    pub fn length(self) -> Seconds {
        self.end - self.start
    }

    /// What it shares with another; `None` where that is nothing.
    #[must_use]
    pub fn shared(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }
}

/// Whether an out added later may close an open in: it must come after it and not swallow time that is already
/// recorded as a pair.
#[must_use]
pub fn may_close(open_in: Instant, new_out: Instant, existing: &[Interval]) -> bool {
    let new = Interval { start: open_in, end: new_out };
    open_in < new_out && existing.iter().all(|pair| pair.shared(new).is_none())
}

/// The length of a list.
pub(crate) fn total(list: &[Interval]) -> Seconds {
    list.iter().map(|interval| interval.length()).sum()
}

/// How long a list and one stretch share.
pub(crate) fn shared_length(list: &[Interval], with: Interval) -> Seconds {
    list.iter().filter_map(|interval| interval.shared(with)).map(Interval::length).sum()
}

/// What of a list lies outside one stretch.
pub(crate) fn without(list: &[Interval], cut: Interval) -> Vec<Interval> {
    let mut rest = Vec::with_capacity(list.len() + 1);
    for interval in list {
        let before = Interval { start: interval.start, end: interval.end.min(cut.start) };
        let after = Interval { start: interval.start.max(cut.end), end: interval.end };
        if cut.length().is_zero() || interval.shared(cut).is_none() {
            rest.push(*interval);
        } else {
            rest.extend([before, after].into_iter().filter(|part| part.start < part.end));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(start: i64, end: i64) -> Interval {
        Interval::new(Instant::from_unix(start), Instant::from_unix(end))
    }

    #[test]
    fn a_cut_leaves_what_is_before_and_after() {
        assert_eq!(without(&[at(0, 10), at(20, 30)], at(5, 25)), [at(0, 5), at(25, 30)]);
        assert_eq!(without(&[at(0, 10)], at(3, 4)), [at(0, 3), at(4, 10)]);
        assert_eq!(without(&[at(0, 10)], at(10, 12)), [at(0, 10)]);
        assert_eq!(without(&[at(0, 10)], at(-5, 12)), []);
    }

    proptest! {
        #[test]
        fn cutting_conserves_time(
            start in 0..100i64, length in 0..50i64, gap in 0..20i64, cut in 0..150i64, width in 0..60i64,
        ) {
            let list = [at(start, start + length), at(start + length + gap, start + length + gap + 7)];
            let cut = at(cut, cut + width);
            prop_assert_eq!(total(&without(&list, cut)) + shared_length(&list, cut), total(&list));
        }
    }
}
