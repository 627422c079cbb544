use super::*;

#[rstest]
#[case::unanswered(false)]
#[case::answered(true)]
fn an_abort_frees_the_keypad_answered_or_not(#[case] answered: bool) {
    let mut talk = Talk::open(1);
    lock(&mut talk, 60);
    if answered {
        talk.reply(Code::ACK_OK, &[]);
    }
    talk.session.abort();
    let sent = talk.sent();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with("ea03"));
    // Only once.
    talk.session.abort();
    assert_eq!(talk.sent(), Vec::<String>::new());
}

#[test]
fn an_abort_in_a_table_frees_buffer_and_keypad_and_the_session_goes_on() {
    let mut talk = Talk::prepared(64);
    talk.session.lock = Some(Lock { seconds: Some(60), since: talk.now });
    talk.reply(Code::DATA, &[1; 20]);
    talk.session.abort();
    let sent: Vec<String> = talk.sent().into_iter().map(|packet| packet[..4].to_owned()).collect();
    assert_eq!(sent, ["de05", "ea03"]);
    // What still comes of it is dropped.
    for reply in 2..=4 {
        talk.hear_packet(Packet::new(Code::ACK_OK, SESSION, reply, Bytes::new()));
    }
    assert_eq!(talk.outcome(), None);
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.reply(Code::ACK_OK, &[0; 4]);
    assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
}

#[test]
fn a_refused_lock_is_none() {
    let mut talk = Talk::open(1);
    lock(&mut talk, 60);
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(!talk.session.holds_clock());
    lock(&mut talk, 60);
    talk.reply(Code::ACK_OK, &[]);
    assert!(talk.session.holds_clock());
    talk.session.ask(Code::ENABLE_DEVICE, Bytes::new(), talk.now);
    talk.reply(Code::ACK_OK, &[]);
    assert!(!talk.session.holds_clock());
}

#[test]
fn a_long_read_renews_the_lock() {
    let mut talk = Talk::prepared(3 * 65_472);
    talk.session.lock = Some(Lock { seconds: Some(60), since: talk.now });
    let send_chunk = |talk: &mut Talk| {
        talk.reply(Code::DATA, &vec![1; 65_472]);
        talk.reply(Code::ACK_OK, &[]);
        talk.chunk();
    };
    send_chunk(&mut talk);
    talk.now += Duration::from_secs(20);
    talk.resume();
    assert!(talk.sent()[0].starts_with("e005"));
    send_chunk(&mut talk);
    talk.now += Duration::from_secs(10);
    talk.resume();
    let renewed = talk.sent();
    assert!(renewed[0].starts_with("eb03") && renewed[0].ends_with("3c000000"), "{renewed:?}");
    talk.reply(Code::ACK_OK, &[]);
    assert!(talk.sent()[0].starts_with("e005"));
    send_chunk(&mut talk);
}

#[test]
fn goodbye_is_said_once_the_clock_is_put_right() {
    let mut talk = Talk::prepared(64);
    talk.session.lock = Some(Lock { seconds: None, since: talk.now });
    talk.session.exit();
    let sent: Vec<String> = talk.sent().into_iter().map(|packet| packet[..4].to_owned()).collect();
    assert_eq!(sent, ["de05", "ea03", "e903"]);
    // Nothing is owed to a clock that never answered.
    let mut talk = Talk::closed();
    talk.session.connect(None, talk.now);
    talk.sent();
    talk.session.exit();
    assert_eq!(talk.sent(), Vec::<String>::new());
}
