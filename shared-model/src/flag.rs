//! Marks that the program sets by itself on punches whose time is in doubt (sync.md 2.7).
//!
//! A mark is a note on a punch: it reaches the people who decide, and never drops or changes the punch. Its id is made of
//! punch and mark, so that a punch that is read again, by another route or by another edge has each mark once, and a mark
//! that a person took away does not come back.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::text::Code;
use crate::{PunchId, PunchNoteId};

/// Why a punch's time is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PunchFlag {
    /// It was made between the last time the clock was known to be right and the moment it was set.
    ClockDrift,
    /// The clock's time was too far from the true time at which the punch can have been made.
    DeviceSkew,
    /// The clock's time fell from the log's row before this one.
    DeviceBackwards,
    /// The edge's own time had gone back when the punch arrived: its time of receipt says nothing.
    EdgeBackwards,
    /// It was received before the edge first met the cloud, which then found the edge's time to be wrong.
    Unanchored,
}

impl PunchFlag {
    /// Every mark.
    pub const ALL: [Self; 5] =
        [Self::ClockDrift, Self::DeviceSkew, Self::DeviceBackwards, Self::EdgeBackwards, Self::Unanchored];

    /// How far two times may be apart before one of them is taken to be wrong.
    pub const TOLERANCE: TimeDelta = TimeDelta::minutes(2);

    /// Its name in notes, the API and locale keys. Stored and sent: never changed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClockDrift => "clock_drift",
            Self::DeviceSkew => "device_skew",
            Self::DeviceBackwards => "device_backwards",
            Self::EdgeBackwards => "edge_backwards",
            Self::Unanchored => "unanchored",
        }
    }

    /// The mark of a note; `None` for one that a person or a newer version made.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == code)
    }

    /// Whether the time that the clock gave is in doubt, which is what wages are paid by; otherwise only the edge's.
    #[must_use]
    pub const fn is_about_the_clock(self) -> bool {
        match self {
            Self::ClockDrift | Self::DeviceSkew | Self::DeviceBackwards => true,
            Self::EdgeBackwards | Self::Unanchored => false,
        }
    }

    /// Its name as a note carries it.
    ///
    /// # Panics
    /// Never: the names are codes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names above are codes, which a test holds")]
    pub fn code(self) -> Code {
        Code::parse(self.as_str()).expect("a code")
    }

    /// The id of the note that sets this mark on a punch: 48 bits of the punch's time, then a hash (UUIDv8).
    #[must_use]
    pub fn note_on(self, punch: PunchId) -> PunchNoteId {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(b"muster punch flag v1")
            .update(punch.uuid().as_bytes())
            .update(self.as_str().as_bytes());
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&punch.uuid().as_bytes()[..6]);
        bytes[6..].copy_from_slice(&hasher.finalize().as_bytes()[..10]);
        let id: Uuid = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        PunchNoteId::from_uuid(id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{ClockSerial, RawTime, UserCode};

    #[test]
    fn names_are_codes_and_read_back() {
        for flag in PunchFlag::ALL {
            assert_eq!(PunchFlag::parse(flag.code().as_str()), Some(flag));
        }
        assert_eq!(PunchFlag::parse("outside_geofence"), None);
    }

    #[test]
    fn a_mark_on_a_punch_is_one_note_and_ids_follow_the_time() {
        let punch = |wall: &str| {
            let (serial, code) = (ClockSerial::parse("A1").unwrap(), UserCode::parse("7").unwrap());
            PunchId::of_clock(&serial, &code, RawTime::new(wall.parse().unwrap()))
        };
        let (early, late) = (punch("2026-11-20T08:00:00"), punch("2026-11-20T08:00:01"));
        let ids: BTreeSet<_> = PunchFlag::ALL.into_iter().map(|flag| flag.note_on(early)).collect();
        assert_eq!(ids.len(), 5);
        assert!(ids.iter().all(|id| *id < PunchFlag::DeviceSkew.note_on(late)));
        // Stored on both sides: another way of making them would double every mark.
        let first = PunchFlag::DeviceSkew.note_on(early);
        assert_eq!(first.to_string(), "01a1f7f8-3000-836d-9903-60ba9bdccfca");
        assert_eq!(first.uuid().get_version_num(), 8);
    }
}
