//! When a session ends.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Longest time without activity.
    pub idle: TimeDelta,
    /// Longest time since sign-in, activity or not.
    pub absolute: TimeDelta,
    /// How old `last_seen_at` may be before it is written again.
    pub touch_after: TimeDelta,
}

impl Default for Lifetime {
    /// 30 minutes idle, 12 hours in all (OWASP ASVS 7.3.1, 7.3.2), written at most once a minute.
    fn default() -> Self {
        Self {
            idle: TimeDelta::minutes(30),
            absolute: TimeDelta::hours(12),
            touch_after: TimeDelta::minutes(1),
        }
    }
}

/// What a stored session is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lives; with `touch`, the time of last activity is due to be written.
    Live {
        /// Whether `last_seen_at` is old enough to be written anew.
        touch: bool,
    },
    /// Nothing was done for too long.
    Idle,
    /// The sign-in is too long ago.
    TooOld,
    /// The wall clock is behind the row: a clock set back must not prolong a session.
    ClockWentBack,
}

/// How far the wall clock may step back, as time synchronisation does.
const CLOCK_STEP: TimeDelta = TimeDelta::minutes(2);

impl Lifetime {
    /// Judges a stored session.
    #[must_use]
    pub fn judge(
        self,
        signed_in_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Verdict {
        let idle = now.signed_duration_since(last_seen_at);
        if idle < -CLOCK_STEP || last_seen_at < signed_in_at {
            Verdict::ClockWentBack
        } else if now.signed_duration_since(signed_in_at) >= self.absolute {
            Verdict::TooOld
        } else if idle >= self.idle {
            Verdict::Idle
        } else {
            Verdict::Live { touch: idle >= self.touch_after }
        }
    }
}
