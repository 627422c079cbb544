//! Counts and capacities (`GET_FREE_SIZES`).

use super::u32_at;

/// What a clock holds and could hold. Fields that a short reply does not reach are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Users.
    pub users: Option<u32>,
    /// Fingerprint templates.
    pub fingerprints: Option<u32>,
    /// Attendance records. Clocks in access-control mode say 0 although they hold events.
    pub records: Option<u32>,
    /// Operation log records.
    pub operations: Option<u32>,
    /// Administrators.
    pub admins: Option<u32>,
    /// Users with a password.
    pub passwords: Option<u32>,
    /// Room for fingerprint templates.
    pub fingerprint_capacity: Option<u32>,
    /// Room for users.
    pub user_capacity: Option<u32>,
    /// Room for attendance records.
    pub record_capacity: Option<u32>,
    /// Room left for attendance records.
    pub records_free: Option<u32>,
    /// Face templates.
    pub faces: Option<u32>,
    /// Room for face templates.
    pub face_capacity: Option<u32>,
}

impl Sizes {
    /// Reads what is present; lengths of 68, 80, 92 and 120 bytes occur. Negative numbers count as absent.
    #[must_use]
    pub fn parse(data: &[u8]) -> Self {
        let at = |offset| u32_at(data, offset).filter(|value| i32::try_from(*value).is_ok());
        Self {
            users: at(16),
            fingerprints: at(24),
            records: at(32),
            operations: at(40),
            admins: at(48),
            passwords: at(52),
            fingerprint_capacity: at(56),
            user_capacity: at(60),
            record_capacity: at(64),
            records_free: at(76),
            faces: at(80),
            face_capacity: at(88),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "000000000000000000000000000000000300000000000000000000000000000005000000000000000000\
                         00000000000001000000000000 00b80b000010270000a0860100b80b00000d2700009b8601000000000000000000b80b0000";

    fn reply() -> Vec<u8> {
        hex::decode(REPLY.replace(' ', "")).unwrap()
    }

    #[test]
    fn a_full_reply_tells_counts_and_capacities() {
        let sizes = Sizes::parse(&reply());
        assert_eq!((sizes.users, sizes.user_capacity), (Some(3), Some(10_000)));
        assert_eq!((sizes.fingerprints, sizes.fingerprint_capacity), (Some(0), Some(3_000)));
        assert_eq!((sizes.records, sizes.record_capacity), (Some(5), Some(100_000)));
        assert_eq!((sizes.records_free, sizes.admins), (Some(99_995), Some(1)));
        assert_eq!((sizes.faces, sizes.face_capacity), (Some(0), Some(3_000)));
    }

    #[test]
    fn a_short_reply_tells_what_it_reaches() {
        let mut long = reply();
        long.resize(120, 0);
        for length in [68, 80, 92, 120] {
            let sizes = Sizes::parse(&long[..length]);
            assert_eq!(sizes.records, Some(5), "{length}");
            assert_eq!(sizes.records_free.is_some(), length >= 80, "{length}");
            assert_eq!(sizes.faces.is_some(), length > 80, "{length}");
        }
        assert_eq!(Sizes::parse(&[]), Sizes::default());
    }
}
