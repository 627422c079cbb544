//! When the log of a polled clock is read whole, and when only what follows the part that is known.
//!
//! Reading the whole log takes a clock up to a minute, in which people may have to wait. After a punch only the rows
//! behind the known ones are read. The whole log stays the truth: it is read at first contact, when it is not the known
//! one, when asked, and once a day in a quiet moment, which finds what changed among the older rows.

use chrono::{DateTime, Duration, Utc};
use device_protocols::driver::{LogKind, LogMark, WholeReason};

use crate::store::LogPlace;

/// The whole log is read again after this long, once nobody has punched for a while.
const WHOLE_AFTER: Duration = Duration::hours(20);
/// How long nobody must have punched. A shift begins within fewer minutes of its first punch.
const QUIET: Duration = Duration::minutes(15);
/// Without a quiet moment the whole log is read after this long.
const WHOLE_AT_LAST: Duration = Duration::hours(48);
/// Reads of a part that may fail in succession before the clock is believed not to give parts.
const FAILURES: u32 = 2;
/// How long a clock that gives no parts is not asked for one.
const DISTRUST: Duration = Duration::hours(24);

/// How the log is to be read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// Only what follows this; `None` = all.
    pub(super) after: Option<LogMark>,
    /// Also when the clock's count says that nothing is new.
    pub(super) in_any_case: bool,
}

/// What is remembered of a clock's readings to plan the next.
#[derive(Debug)]
pub(super) struct ReadingPlan {
    /// When somebody last seemed to punch.
    active_at: DateTime<Utc>,
    failures: u32,
    whole_until: Option<DateTime<Utc>>,
}

impl ReadingPlan {
    /// A plan that begins now. An agent is often switched on when a shift begins, so that is no quiet moment.
    pub(super) fn begin(now: DateTime<Utc>) -> Self {
        Self { active_at: now, failures: 0, whole_until: None }
    }

    /// Somebody seems to have punched.
    pub(super) fn punched(&mut self, now: DateTime<Utc>) {
        self.active_at = now;
    }

    /// How to read a log of which this much is known.
    pub(super) fn choose(&self, place: &LogPlace, now: DateTime<Utc>) -> Reading {
        let in_any_case = self.is_whole_due(place.whole_at, now);
        let trusted = self.whole_until.is_none_or(|until| now >= until);
        let after = place.mark.clone().filter(|_| trusted && !in_any_case);
        Reading { after, in_any_case }
    }

    fn is_whole_due(&self, whole_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let Some(age) = whole_at.map(|whole_at| now - whole_at) else { return true };
        // A time to come is one that the computer's clock was wrong about.
        age < Duration::zero()
            || age >= WHOLE_AT_LAST
            || (age >= WHOLE_AFTER && now - self.active_at >= QUIET)
    }

    /// A log was read to its end.
    pub(super) fn ended(&mut self, kind: LogKind, now: DateTime<Utc>) {
        match kind {
            LogKind::Tail { .. } => self.failures = 0,
            LogKind::Whole(WholeReason::OnlyWhole | WholeReason::Denied) => {
                self.whole_until = Some(now + DISTRUST);
            }
            LogKind::Whole(WholeReason::Asked | WholeReason::Misfit(_) | WholeReason::Count) => {}
        }
    }

    /// A read of a part broke off. A line that breaks now and then does so at other reads too.
    pub(super) fn part_failed(&mut self, now: DateTime<Utc>) {
        self.failures += 1;
        if self.failures >= FAILURES {
            self.failures = 0;
            self.whole_until = Some(now + DISTRUST);
        }
    }
}

#[cfg(test)]
mod tests {
    use device_protocols::driver::Misfit;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap() + Duration::hours(hours)
    }

    /// A mark after one record of 40 bytes.
    fn place(whole_at: Option<DateTime<Utc>>) -> LogPlace {
        let mut bytes = vec![1, 5, 40, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([7; 40]);
        let mark = Some(LogMark::parse(&bytes).unwrap());
        LogPlace { position: 1, prefix_hash: Some([0; 32]), mark, last_raw: None, whole_at }
    }

    fn is_tail(plan: &ReadingPlan, whole_at: i64, now: i64) -> bool {
        let reading = plan.choose(&place(Some(at(whole_at))), at(now));
        assert_ne!(reading.after.is_some(), reading.in_any_case && plan.whole_until.is_none());
        reading.after.is_some()
    }

    #[test]
    fn the_whole_log_is_read_at_first_contact_and_once_a_day() {
        let plan = ReadingPlan::begin(at(0));
        let first = plan.choose(&LogPlace::default(), at(0));
        assert_eq!(first, Reading { after: None, in_any_case: true });
        assert!(is_tail(&plan, 0, 1));
        assert!(is_tail(&plan, 0, 19));
        assert!(!is_tail(&plan, 0, 20));
        assert!(is_tail(&plan, 20, 21));
    }

    #[test]
    fn it_waits_for_a_quiet_moment_but_not_for_ever() {
        let mut plan = ReadingPlan::begin(at(0));
        for hour in 20..48 {
            plan.punched(at(hour));
            assert!(is_tail(&plan, 0, hour), "{hour}");
        }
        plan.punched(at(48));
        assert!(!is_tail(&plan, 0, 48));
        // Also an agent that was just switched on waits.
        assert!(is_tail(&ReadingPlan::begin(at(30)), 0, 30));
        assert!(!is_tail(&ReadingPlan::begin(at(30)), 0, 31));
    }

    #[test]
    fn a_whole_reading_in_the_future_counts_for_nothing() {
        assert!(!is_tail(&ReadingPlan::begin(at(0)), 5, 1));
    }

    #[test]
    fn a_clock_that_gives_no_parts_is_left_alone_with_them_for_a_day() {
        for why in [WholeReason::OnlyWhole, WholeReason::Denied] {
            let mut plan = ReadingPlan::begin(at(0));
            plan.ended(LogKind::Whole(why), at(0));
            let reading = plan.choose(&place(Some(at(0))), at(1));
            assert_eq!(reading, Reading { after: None, in_any_case: false });
            assert!(is_tail(&plan, 20, 24));
        }
    }

    #[test]
    fn a_log_that_changed_says_nothing_of_the_clock() {
        let mut plan = ReadingPlan::begin(at(0));
        for why in [WholeReason::Asked, WholeReason::Misfit(Misfit::Changed), WholeReason::Count] {
            plan.ended(LogKind::Whole(why), at(0));
            assert!(is_tail(&plan, 0, 1));
        }
    }

    #[test]
    fn parts_that_fail_in_succession_give_way_to_the_whole() {
        let mut plan = ReadingPlan::begin(at(0));
        plan.part_failed(at(0));
        assert!(is_tail(&plan, 0, 1));
        plan.ended(LogKind::Tail { from: 1 }, at(1));
        plan.part_failed(at(1));
        assert!(is_tail(&plan, 0, 2));
        plan.part_failed(at(2));
        assert!(plan.choose(&place(Some(at(0))), at(3)).after.is_none());
    }
}
