//! How a posting clock comes by, and up to when its punches are therefore all here.
//!
//! Nothing in the protocol says "this was all". What it does say: a clock posts what it has from its stamp on, in order,
//! looks for more at least each minute (so it is told in the handshake), and polls in between. A stamp proves what lies
//! before it, never that nothing follows. So a clock is complete up to two minutes ago (`push.settled_seconds`) when it
//! polls now and, for these two minutes, came by without a pause in which it could have missed a look, was refused
//! nothing, introduced itself not anew and brought nothing that was older: a clock that works off what it kept while the
//! line was down is complete only when that has ended, however long it takes.

use chrono::{DateTime, TimeDelta, Utc};

use super::post_time::PostTime;

/// After a longer pause the clock may have kept something that it has not looked for yet.
const PAUSE: TimeDelta = TimeDelta::seconds(60);
/// What is noted in the store is noted at most so often, unless there is news.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(30);

/// What is known of one clock's coming by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contact {
    /// Since when nothing speaks against its having posted all it had.
    since: DateTime<Utc>,
    last: DateTime<Utc>,
    heard: Option<DateTime<Utc>>,
    completed: Option<DateTime<Utc>>,
    /// Whether it brought something new since its completeness was last noted.
    grew: bool,
    /// Since when it has counted more than it delivered.
    short: Option<DateTime<Utc>>,
    /// It looks for something to post at least once in half of this.
    settled: TimeDelta,
    /// What its posts tell of its time.
    pub(super) time: PostTime,
}

/// What a poll proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Complete {
    /// Every punch that was made before is here.
    pub(super) to: DateTime<Utc>,
    /// Whether there was something new since the last time.
    pub(super) grew: bool,
}

impl Contact {
    /// A clock that comes by for the first time.
    pub(super) const fn begin(now: DateTime<Utc>, settled: TimeDelta) -> Self {
        Self {
            since: now,
            last: now,
            heard: None,
            completed: None,
            grew: false,
            short: None,
            settled,
            time: PostTime::begin(),
        }
    }

    /// It said something. Whether that should be noted.
    pub(super) fn heard(&mut self, now: DateTime<Utc>) -> bool {
        // A machine whose time was set back knows nothing of pauses.
        if now - self.last > PAUSE || now < self.last {
            self.since = now;
        }
        self.last = now;
        let due = self.heard.is_none_or(|noted| now - noted >= NOTED_EVERY || now < noted);
        if due {
            self.heard = Some(now);
        }
        due
    }

    /// It may have kept something that it has not posted: it introduced itself, or was refused.
    pub(super) const fn interrupted(&mut self, now: DateTime<Utc>) {
        self.since = now;
    }

    /// It brought new punches, the oldest made at this instant.
    pub(super) fn brought(&mut self, now: DateTime<Utc>, oldest: Option<DateTime<Utc>>) {
        self.grew = true;
        if oldest.is_none_or(|oldest| oldest < now - self.settled) {
            self.since = now;
        }
    }

    /// Its own count was compared with what it delivered. Whether it has been short for so long that it must be asked for
    /// all: a punch of this moment is counted and not yet posted.
    pub(super) fn counted(&mut self, now: DateTime<Utc>, enough: bool, grew: bool) -> bool {
        if enough {
            self.short = None;
            return false;
        }
        self.grew |= grew;
        let since = *self.short.get_or_insert(now);
        now - since >= self.settled
    }

    /// It polls: up to when its punches are all here, where that is known and should be noted.
    pub(super) fn polled(&mut self, now: DateTime<Utc>) -> Option<Complete> {
        if now - self.since < self.settled {
            return None;
        }
        let due = self.grew || self.completed.is_none_or(|noted| now - noted >= NOTED_EVERY || now < noted);
        due.then(|| {
            self.completed = Some(now);
            Complete { to: now - self.settled, grew: std::mem::take(&mut self.grew) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTED_WITHIN: TimeDelta = TimeDelta::seconds(120);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn to(seconds: i64, grew: bool) -> Option<Complete> {
        Some(Complete { to: at(seconds) - POSTED_WITHIN, grew })
    }

    /// Comes by every ten seconds.
    fn come_by(contact: &mut Contact, from: i64, until: i64) {
        for second in (from..=until).step_by(10) {
            contact.heard(at(second));
        }
    }

    fn settled() -> Contact {
        let mut contact = Contact::begin(at(0), POSTED_WITHIN);
        come_by(&mut contact, 0, 120);
        contact
    }

    #[test]
    fn a_clock_that_has_just_come_has_proved_nothing() {
        let mut contact = Contact::begin(at(0), POSTED_WITHIN);
        come_by(&mut contact, 0, 110);
        assert_eq!(contact.polled(at(110)), None);
        come_by(&mut contact, 120, 120);
        assert_eq!(contact.polled(at(120)), to(120, false));
    }

    #[test]
    fn punches_as_they_are_made_do_not_hold_it_up() {
        let mut contact = settled();
        for second in (120..300).step_by(10) {
            contact.heard(at(second));
            contact.brought(at(second), Some(at(second - 2)));
            assert_eq!(contact.polled(at(second)), to(second, true));
        }
    }

    #[test]
    fn a_clock_that_works_off_what_it_kept_is_complete_only_afterwards() {
        let mut contact = settled();
        for second in (120..600).step_by(10) {
            contact.heard(at(second));
            contact.brought(at(second), Some(at(second - 5_000)));
            assert_eq!(contact.polled(at(second)), None);
        }
        come_by(&mut contact, 600, 710);
        assert_eq!(contact.polled(at(700)), None);
        assert_eq!(contact.polled(at(710)), to(710, true));
    }

    #[test]
    fn new_rows_whose_time_is_none_may_be_old() {
        let mut contact = settled();
        contact.brought(at(120), None);
        assert_eq!(contact.polled(at(120)), None);
    }

    #[test]
    fn after_a_pause_or_a_refusal_or_a_start_it_begins_anew() {
        let mut paused = settled();
        paused.heard(at(190));
        assert_eq!(paused.polled(at(190)), None);
        come_by(&mut paused, 200, 310);
        assert_eq!(paused.polled(at(310)), to(310, false));

        let mut refused = settled();
        refused.interrupted(at(120));
        assert_eq!(refused.polled(at(120)), None);
    }

    #[test]
    fn a_count_that_is_short_for_a_moment_is_a_punch_on_its_way() {
        let mut contact = settled();
        assert!(!contact.counted(at(120), false, true));
        assert_eq!(contact.polled(at(121)), to(121, true), "what was not noted is noted as soon as may be");
        assert!(!contact.counted(at(121), true, true));
        assert!(!contact.counted(at(150), false, false));
        assert!(!contact.counted(at(269), false, false));
        assert!(contact.counted(at(270), false, false));
    }

    #[test]
    fn what_is_certain_is_noted_now_and_then_and_news_at_once() {
        let mut contact = settled();
        assert!(contact.polled(at(120)).is_some());
        assert!(!contact.heard(at(130)) && contact.heard(at(150)));
        assert_eq!(contact.polled(at(149)), None);
        contact.brought(at(149), Some(at(149)));
        assert_eq!(contact.polled(at(149)), to(149, true));
        assert_eq!(contact.polled(at(178)), None);
        assert_eq!(contact.polled(at(179)), to(179, false));
    }
}
