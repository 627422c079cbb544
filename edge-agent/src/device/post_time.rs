//! What the posts of a clock tell of its time: such a clock cannot be asked for it.
//!
//! A row is posted after it was made, so its time is at most the true one: a row from the future tells at once that the
//! clock is ahead. A row from the past may be old; but a clock that works off what it kept comes nearer and nearer to the
//! present, while one that is behind stays behind by as much.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::PunchFlag;

/// Posts that must tell the same before a clock is held to be behind.
const POSTS: u32 = 3;
/// And over such a span.
const SPAN: TimeDelta = TimeDelta::seconds(60);
/// The same is told again after such a while.
const AGAIN: TimeDelta = TimeDelta::minutes(10);
/// Less than so many seconds are no news.
const NEWS: i64 = 30;

/// What the posts of one clock told so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct PostTime {
    /// Posts that all lie behind by about as much: since when, by how many seconds, how many.
    behind: Option<(DateTime<Utc>, i64, u32)>,
    told: Option<(DateTime<Utc>, i64)>,
}

impl PostTime {
    /// Nothing has been posted yet.
    pub(super) const fn begin() -> Self {
        Self { behind: None, told: None }
    }

    /// A post of new rows came, the newest of them made at an instant. By how many seconds the clock is off, where that is
    /// known and is news.
    pub(super) fn posted(&mut self, now: DateTime<Utc>, newest: DateTime<Utc>) -> Option<i64> {
        let off = (newest - now).num_seconds();
        let drift = self.judge(now, off)?;
        let known = self.told.is_some_and(|(at, told)| {
            (drift - told).abs() < NEWS && (TimeDelta::zero()..AGAIN).contains(&(now - at))
        });
        if known {
            return None;
        }
        self.told = Some((now, drift));
        Some(drift)
    }

    fn judge(&mut self, now: DateTime<Utc>, off: i64) -> Option<i64> {
        let tolerance = PunchFlag::TOLERANCE.num_seconds();
        if off >= -tolerance {
            self.behind = None;
            // How long a fresh row was on its way is not known: up to the tolerance, the clock is right.
            return Some(off.max(0));
        }
        let (since, by, posts) = match self.behind {
            Some((since, by, posts)) if (off - by).abs() <= tolerance && since <= now => {
                (since, by, posts + 1)
            }
            Some(_) | None => (now, off, 1),
        };
        self.behind = Some((since, by, posts));
        (posts >= POSTS && now - since >= SPAN).then_some(off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    /// What is told of posts that came at these seconds and whose newest rows were made at those.
    fn told(posts: &[(i64, i64)]) -> Vec<Option<i64>> {
        let mut time = PostTime::begin();
        posts.iter().map(|(came, made)| time.posted(at(*came), at(*made))).collect()
    }

    #[test]
    fn a_row_from_the_future_tells_at_once() {
        assert_eq!(told(&[(0, 21_600), (5, 21_604)]), [Some(21_600), None]);
    }

    #[test]
    fn a_clock_that_stays_behind_is_behind() {
        let six_hours = 21_600;
        let posts = [(0, -six_hours), (20, 17 - six_hours), (40, 39 - six_hours), (70, 70 - six_hours)];
        assert_eq!(told(&posts), [None, None, None, Some(-six_hours)]);
    }

    #[test]
    fn a_clock_that_works_off_what_it_kept_is_not() {
        // A hundred rows a post, each post four minutes nearer to the present.
        let posts: Vec<(i64, i64)> = (0..60).map(|n| (n * 10, n * 250 - 14_400)).collect();
        let found = told(&posts);
        assert!(found.iter().flatten().all(|drift| *drift >= 0), "{found:?}");
        // All of it at once, at somebody's wish, tells nothing either.
        assert_eq!(told(&[(0, -90_000), (1, -90_000), (2, -89_990)]), [None, None, None]);
    }

    #[test]
    fn a_clock_that_was_set_is_right_again() {
        let wrong = [(0, -21_600), (30, -21_570), (60, -21_540), (90, 88), (100, 99)];
        assert_eq!(told(&wrong), [None, None, Some(-21_600), Some(0), None]);
    }
}
