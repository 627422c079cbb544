//! Which layout a log has: the most common source of wrong data in other clients.
//!
//! Divisibility proves nothing (5,000 records of 40 bytes are also records of 8 and 16), and the clock's own count
//! proves little (a punch between the two requests makes the quotient 8.008). So candidates that fit the count roughly
//! are tried on a sample, and the one with the most plausible records wins, if nearly all of its records are plausible.

use chrono::NaiveDateTime;

use super::{Fields, LONG, Layout, MediumOrder, ShortOrder, is_state, junk_before};

/// Widest record considered.
const MAX_STRIDE: u16 = 256;
/// Known stride of newer firmware that need not divide the body.
const LONG_49: u16 = 49;

/// What is known of a log before its records are read.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The first records, as many as fit the sample.
    pub sample: &'a [u8],
    /// Bytes of all records of the log.
    pub total: u64,
    /// The clock's own count of its records; clocks in access-control mode say 0.
    pub count: Option<u32>,
    /// Times after this are implausible.
    pub latest: NaiveDateTime,
    /// The order of a 16-byte record's codes, where it is known for this clock.
    pub order: Option<MediumOrder>,
}

/// A decision, and whether the order of a 16-byte record's codes was seen rather than assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The layout.
    pub layout: Layout,
    /// For 16-byte records: a code above 5 showed which byte is the verify mode (or the caller knew).
    pub order_seen: bool,
}

#[derive(Default, Clone, Copy)]
struct Score {
    rows: u64,
    /// Rows whose fields look right.
    shaped: u64,
    /// Rows whose fields look right and whose date can be that of a record.
    plausible: u64,
}

impl Evidence<'_> {
    /// Chooses the layout; `None` when nothing is plausible enough to import.
    #[must_use]
    pub fn choose(&self) -> Option<Choice> {
        // Clocks in access-control mode count 0 and hold records all the same.
        if self.count.unwrap_or(0) == 0 {
            return self.best(self.candidates());
        }
        self.best(self.candidates().filter(|layout| self.is_near_count(layout.stride())))
    }

    fn best(&self, candidates: impl Iterator<Item = Layout>) -> Option<Choice> {
        candidates
            .map(|layout| (layout, self.score(layout)))
            .filter(|(layout, score)| self.is_enough(*layout, *score))
            // The first of equals stays: `max_by_key` would take the last.
            .reduce(|best, next| if self.rank(next) > self.rank(best) { next } else { best })
            .map(|(layout, _)| self.settle(layout))
    }

    /// By plausible rows; of equals, the one the count confirms, then the one that leaves no bytes over.
    fn rank(&self, (layout, score): (Layout, Score)) -> (u64, u64, bool, bool) {
        let divides = u64::try_from(layout.stride()).is_ok_and(|stride| self.total.is_multiple_of(stride));
        (score.plausible, score.shaped, self.is_exact(layout.stride()), divides)
    }

    fn candidates(&self) -> impl Iterator<Item = Layout> + '_ {
        let medium = self.order.unwrap_or(MediumOrder::StateFirst);
        let fixed = [
            Layout::Long(LONG),
            Layout::Medium(medium),
            Layout::Short(ShortOrder::TimeThenState),
            Layout::Short(ShortOrder::StateThenTime),
            Layout::Long(LONG_49),
        ];
        let divides = move |stride: &u16| self.total.is_multiple_of(u64::from(*stride)) && *stride != LONG_49;
        fixed.into_iter().chain((LONG + 1..=MAX_STRIDE).filter(divides).map(Layout::Long))
    }

    /// `|N/count - s| <= 1/2` or `|N/s - count| <= 5`, without dividing.
    fn is_near_count(&self, stride: usize) -> bool {
        let (Some(count), Ok(stride)) =
            (self.count.filter(|count| *count > 0).map(u64::from), u64::try_from(stride))
        else {
            return false;
        };
        let off = self.total.abs_diff(stride * count);
        off * 2 <= count || off <= 5 * stride
    }

    fn is_exact(&self, stride: usize) -> bool {
        self.count
            .is_some_and(|count| u64::try_from(stride).is_ok_and(|s| s * u64::from(count) == self.total))
    }

    /// At least 95 in 100 rows plausible. Where the clock's count confirms the stride exactly, dates may be worse, since
    /// a clock that lost its battery writes many wrong ones: two thirds of them must be right, or for long records, whose
    /// 24-byte user id leaves no doubt about the stride, none.
    fn is_enough(&self, layout: Layout, score: Score) -> bool {
        let share = |part: u64, percent: u64| score.rows > 0 && part * 100 >= score.rows * percent;
        let dates = match layout {
            Layout::Short(_) | Layout::Medium(_) => 66,
            Layout::Long(_) => 0,
        };
        share(score.plausible, 95)
            || (self.is_exact(layout.stride()) && share(score.shaped, 95) && share(score.plausible, dates))
    }

    fn score(&self, layout: Layout) -> Score {
        let mut score = Score::default();
        let mut previous = None;
        for raw in rows(self.sample, layout, self.latest) {
            let Some(fields) = layout.fields(raw) else { break };
            let shaped = fields.has_shape() || self.has_shape_the_other_way(layout, raw);
            score.rows += 1;
            score.shaped += u64::from(shaped);
            score.plausible += u64::from(shaped && fields.is_dated(self.latest, previous));
            previous = Some(fields.time);
        }
        score
    }

    /// A 16-byte row may be in the other order than the one tried, unless the order is known.
    fn has_shape_the_other_way(&self, layout: Layout, raw: &[u8]) -> bool {
        match layout {
            Layout::Medium(order) if self.order.is_none() => {
                Layout::Medium(order.other()).fields(raw).is_some_and(|fields| fields.has_shape())
            }
            Layout::Short(_) | Layout::Medium(_) | Layout::Long(_) => false,
        }
    }

    /// Settles the order of a 16-byte record's codes: above 5 only verify modes occur.
    fn settle(&self, layout: Layout) -> Choice {
        if let (Layout::Medium(_), Some(order)) = (layout, self.order) {
            return Choice { layout: Layout::Medium(order), order_seen: true };
        }
        let Layout::Medium(assumed) = layout else {
            return Choice { layout, order_seen: true };
        };
        let (mut first, mut second) = (0_u64, 0_u64);
        for raw in rows(self.sample, layout, self.latest) {
            first += u64::from(raw.get(8).is_some_and(|code| !is_state(*code)));
            second += u64::from(raw.get(9).is_some_and(|code| !is_state(*code)));
        }
        let order = match first.cmp(&second) {
            std::cmp::Ordering::Less => MediumOrder::StateFirst,
            std::cmp::Ordering::Equal => assumed,
            std::cmp::Ordering::Greater => MediumOrder::VerifyFirst,
        };
        Choice { layout: Layout::Medium(order), order_seen: first != second }
    }
}

/// The whole records of a sample, junk between them skipped.
fn rows(sample: &[u8], layout: Layout, latest: NaiveDateTime) -> impl Iterator<Item = &[u8]> {
    let mut rest = sample;
    std::iter::from_fn(move || {
        let from = rest.get(junk_before(rest, layout, latest)..)?;
        let (row, after) = from.split_at_checked(layout.stride())?;
        rest = after;
        Some(row)
    })
}

/// What the order of codes must be for a row to have a shape, seen against the order assumed.
pub(super) fn order_of(raw: &[u8], assumed: MediumOrder) -> Option<MediumOrder> {
    let shaped = |order| Layout::Medium(order).fields(raw).is_some_and(|fields: Fields| fields.has_shape());
    match (shaped(assumed), shaped(assumed.other())) {
        (true, false) => Some(assumed),
        (false, true) => Some(assumed.other()),
        (true, true) | (false, false) => None,
    }
}
