use proptest::prelude::*;

use super::*;

proptest! {
    /// Whatever a peer sends and whenever: nothing panics, nothing loops, memory stays bounded, and an abort leaves the
    /// session idle with the keypad free.
    #[test]
    fn no_peer_breaks_a_session(
        steps in prop::collection::vec(
            (prop_oneof![
                Just(2000_u16), Just(2001), Just(2002), Just(2003), Just(2005), Just(1500), Just(1501), Just(500),
                any::<u16>(),
            ], prop::collection::vec(any::<u8>(), 0..24), 0..6_u8),
            0..60,
        ),
        ids in prop_oneof![Just(ReplyIds::Unknown), Just(ReplyIds::Echoed), Just(ReplyIds::Ignored)],
    ) {
        let mut talk = Talk::open(1);
        talk.session.ids = ids;
        lock(&mut talk, 60);
        for (code, data, what) in steps {
            match what {
                0 => talk.reply(Code(code), &data),
                1 => talk.hear_packet(Packet::new(Code(code), 7, u16::from(data.len() > 12), data)),
                2 => if talk.session.poll_timeout().is_some() { talk.wait() },
                3 => talk.session.release(talk.now),
                4 => talk.session.begin_at(u32::from(code) * 60_000, talk.now),
                _ => talk.resume(),
            }
            prop_assert!(talk.sent().len() <= 3);
            while talk.outcome().is_some() {}
            if matches!(talk.session.state, State::Idle) {
                if code % 2 == 0 {
                    talk.read_log();
                } else {
                    talk.session.prepare_table(Table::Attendance, talk.now);
                }
            }
        }
        talk.session.abort();
        prop_assert!(matches!(talk.session.state, State::Idle));
        prop_assert!(!talk.session.holds_clock());
    }
}
