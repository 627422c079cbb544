use super::*;

#[test]
fn an_event_between_request_and_reply_is_queued_and_acknowledged() {
    let mut talk = Talk::open(7);
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.sent();
    talk.hear("f4012e3701000000b168de3a01001a0b14091e0f");
    assert_eq!((talk.sent(), talk.outcome()), (vec!["d007fbe534120000".to_owned()], None));
    // A peer that answers the acknowledgement is not taken for the clock's answer, and not answered.
    talk.hear("d007fbe534120000");
    assert_eq!((talk.sent(), talk.outcome()), (vec![], None));
    talk.hear("d0074c4334120700276f8133");
    assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
    assert!(matches!(talk.session.poll_event(), Some(LiveEvent::Punches(_))));
    assert_eq!(talk.session.poll_event(), None);
}

#[test]
fn an_acknowledgement_answered_before_any_echo_was_seen_is_not_the_reply() {
    let mut talk = Talk::open(1);
    talk.session.ids = ReplyIds::Unknown;
    talk.session.ask(Code::ENABLE_DEVICE, Bytes::new(), talk.now);
    talk.hear("f4012e3701000000b168de3a01001a0b14091e0f");
    talk.hear("d007fbe534120000");
    assert_eq!(talk.outcome(), None);
    talk.reply(Code::ACK_OK, &[]);
    assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
}

#[test]
fn events_nobody_takes_are_bounded() {
    let mut talk = Talk::open(1);
    for _ in 0..MAX_EVENTS + 5 {
        talk.hear("f4012e3701000000b168de3a01001a0b14091e0f");
    }
    assert_eq!(talk.session.events.len(), MAX_EVENTS);
    assert_eq!(talk.session.oddities().lost_events, 5);
}

#[test]
fn only_events_are_acknowledged() {
    let mut talk = Talk::open(1);
    for code in [Code::ACK_OK, Code::DATA, Code::PREPARE_DATA, Code::ACK_UNKNOWN, Code(4242), Code::CONNECT] {
        talk.hear_packet(Packet::new(code, SESSION, 0, vec![1, 2, 3, 4]));
    }
    assert_eq!((talk.sent(), talk.outcome()), (vec![], None));
    assert_eq!((talk.session.oddities().strays, talk.session.oddities().unexpected), (4, 2));
}

#[test]
fn a_late_reply_is_not_taken_for_the_next() {
    let mut talk = Talk::open(1);
    talk.session.ask(Code::GET_FREE_SIZES, Bytes::new(), talk.now);
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TimedOut(Code::GET_FREE_SIZES));
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.hear_packet(Packet::new(Code::ACK_OK, SESSION, 1, vec![0; 92]));
    assert_eq!(talk.outcome(), None);
    talk.reply(Code::ACK_OK, &[1, 2, 3, 4]);
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(&*reply.data, [1, 2, 3, 4]);
}

#[test]
fn a_clock_that_echoes_nothing_is_followed_until_it_misses_an_answer() {
    let mut talk = Talk::open(1);
    talk.session.ids = ReplyIds::Unknown;
    for _ in 0..3 {
        talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
        talk.hear_packet(Packet::new(Code::ACK_OK, 0x9999, 0, vec![0; 4]));
        assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
    }
    assert_eq!(talk.session.oddities().foreign_sessions, 3);
    // Its events are hints and stay unacknowledged, since an answer to that could not be told from a reply.
    talk.sent();
    talk.hear("f4012e3701000000b168de3a01001a0b14091e0f");
    assert_eq!(talk.sent(), Vec::<String>::new());
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TimedOut(Code::GET_TIME));
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    assert_eq!(talk.failure(), SessionError::Broken);
    talk.read_log();
    assert_eq!(talk.failure(), SessionError::Broken);
}

#[test]
fn a_request_to_be_repeated_is_sent_once_more_after_a_second() {
    let mut talk = Talk::open(1);
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.sent();
    talk.reply(Code::ACK_RETRY, &[]);
    assert_eq!((talk.outcome(), talk.sent()), (None, vec![]));
    talk.wait();
    assert_eq!(talk.sent().len(), 1);
    talk.reply(Code::ACK_RETRY, &[]);
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(reply.code, Code::ACK_RETRY);
}

#[test]
fn wrong_checksums_are_counted_and_the_packet_is_used() {
    let mut talk = Talk::open(1);
    talk.session.ask(Code::ENABLE_DEVICE, Bytes::new(), talk.now);
    let packet = Packet::new(Code::ACK_OK, SESSION, 1, Bytes::new());
    talk.session.handle_packet(Received { packet, checksum_ok: false }, talk.now);
    assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
    assert_eq!(talk.session.oddities().checksums, 1);
}

#[test]
fn reply_ids_leave_out_the_last() {
    let mut talk = Talk::open(65_534);
    for expected in [65_534, 0, 1] {
        talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
        assert_eq!(talk.session.poll_transmit().unwrap().reply, expected);
        talk.reply(Code::ACK_OK, &[0; 4]);
        talk.outcome();
    }
}
