//! The communication key (`AUTH`).
//!
//! The scrambling is no security: whoever sees one request can compute the key. It keeps out only clients that
//! were not told it.

use std::fmt;

/// The byte mixed into the answer; the clock reads it back from byte 2, so any value serves.
const TICK: u8 = 50;

/// The number typed in the clock's menu; 0 means none. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CommKey(u32);

impl CommKey {
    /// A key as typed in the clock's menu.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The four bytes of `AUTH` for a session.
    #[must_use]
    pub fn answer(self, session: u16) -> [u8; 4] {
        self.answer_with(session, TICK)
    }

    fn answer_with(self, session: u16, tick: u8) -> [u8; 4] {
        let sum = self.0.reverse_bits().wrapping_add(u32::from(session));
        // The low byte of the sum is lost: after the halves change places it is byte 2, which the tick replaces.
        let [_, second, third, fourth] = sum.to_le_bytes();
        [third ^ b'S' ^ tick, fourth ^ b'O' ^ tick, tick, second ^ b'K' ^ tick]
    }
}

impl fmt::Debug for CommKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SESSIONS: [u16; 5] = [0x0000, 0x1234, 0x12FF, 0xABCD, 0xFFFF];

    #[rstest]
    #[case(0, ["617d3279", "617d326b", "617d326b", "617d32d2", "617d3286"])]
    #[case(1, ["61fd3279", "61fd326b", "61fd326b", "61fd32d2", "61fd3286"])]
    #[case(123, ["61a33279", "61a3326b", "61a3326b", "61a332d2", "61a33286"])]
    #[case(1234, ["41363279", "4136326b", "4136326b", "413632d2", "41363286"])]
    #[case(12345, ["6de13279", "6de1326b", "6de1326b", "6de132d2", "6de13286"])]
    #[case(999_999, ["23813289", "2281327b", "2281327b", "228132e2", "22813296"])]
    #[case(88_888_888, ["0b61324b", "0b61323d", "0b61323c", "0b6132a7", "0a61324b"])]
    fn the_answer_depends_on_key_and_session(#[case] key: u32, #[case] answers: [&str; 5]) {
        for (session, expected) in SESSIONS.into_iter().zip(answers) {
            assert_eq!(hex::encode(CommKey::new(key).answer(session)), expected, "session {session:#06x}");
        }
    }

    #[test]
    fn the_sum_wraps() {
        assert_eq!(hex::encode(CommKey::new(u32::MAX).answer(0)), "9e823286");
        assert_eq!(hex::encode(CommKey::new(u32::MAX).answer(0x1234)), "617d326b");
    }

    #[rstest]
    #[case(0, "73040059")]
    #[case(1, "72050158")]
    #[case(50, "4136326b")]
    #[case(255, "8cfbffa6")]
    fn any_tick_serves(#[case] tick: u8, #[case] expected: &str) {
        assert_eq!(hex::encode(CommKey::new(1234).answer_with(0x1234, tick)), expected);
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", CommKey::new(1234)), "CommKey(hidden)");
    }
}
