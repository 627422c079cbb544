//! The server's time as the edge can know it: its own monotonic clock plus an offset learned from replies.

use std::collections::VecDeque;

/// Learns the server's time from replies. A jump of the wall clock does not move it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTime {
    /// Round trip and offset (server minus monotonic at the middle of the trip), milliseconds, the newest last.
    samples: VecDeque<(u64, i64)>,
}

impl ServerTime {
    /// How many replies are remembered.
    const SAMPLES: usize = 20;

    /// Learns from a reply: the monotonic clock when the request left and when the reply came, and the server's time that
    /// it carried, all in milliseconds.
    pub fn learn(&mut self, sent: u64, received: u64, server_ms: i64) {
        if self.samples.len() == Self::SAMPLES {
            self.samples.pop_front();
        }
        let trip = received.saturating_sub(sent);
        let middle = i64::try_from(sent.saturating_add(trip / 2)).unwrap_or(i64::MAX);
        self.samples.push_back((trip, server_ms.saturating_sub(middle)));
    }

    /// Forgets all: the monotonic clock stood still, or the server's time was wrong.
    pub fn forget(&mut self) {
        self.samples.clear();
    }

    /// The server's time at a monotonic moment, milliseconds since 1970, by the reply with the shortest trip; `None`
    /// before the first reply.
    #[must_use]
    pub fn at(&self, monotonic: u64) -> Option<i64> {
        let (_, offset) = self.samples.iter().min_by_key(|(trip, _)| *trip)?;
        Some(offset.saturating_add(i64::try_from(monotonic).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_with_the_shortest_trip_counts() {
        let mut time = ServerTime::default();
        assert_eq!(time.at(5), None);
        time.learn(1000, 3000, 1_000_000);
        time.learn(4000, 4010, 1_002_500);
        assert_eq!(time.at(4005), Some(1_002_500));
        assert_eq!(time.at(5005), Some(1_003_500));
    }

    #[test]
    fn old_replies_are_forgotten() {
        let mut time = ServerTime::default();
        time.learn(0, 0, 5);
        (0..20).for_each(|_| time.learn(0, 10, 1005));
        assert_eq!(time.at(0), Some(1000));
        time.forget();
        assert_eq!(time.at(0), None);
    }
}
