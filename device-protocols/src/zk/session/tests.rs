use bytes::BytesMut;
use rstest::rstest;
use tokio_util::codec::{Decoder, Encoder};

use super::*;
use crate::zk::event::LiveEvent;
use crate::zk::frame::TcpCodec;

const SESSION: u16 = 0x1234;

/// A session and the time it is told.
struct Talk {
    session: Session,
    now: Instant,
}

impl Talk {
    /// A session that is not open yet.
    fn closed() -> Self {
        Self { session: Session::new(Timing::default()), now: Instant::now() }
    }

    /// An open session whose next request has this reply id.
    fn open(next_reply: u16) -> Self {
        let mut talk = Self::closed();
        talk.session.id = SESSION;
        talk.session.last_reply = next_reply - 1;
        talk.session.ids = ReplyIds::Echoed;
        talk
    }

    /// All packets to be sent, in hex without the TCP prefix.
    fn sent(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(packet) = self.session.poll_transmit() {
            let mut bytes = BytesMut::new();
            packet.write(&mut bytes);
            all.push(hex::encode(bytes));
        }
        all
    }

    fn hear(&mut self, packet: &str) {
        let received = Packet::read(hex::decode(packet).unwrap().into()).unwrap();
        self.session.handle_packet(received, self.now);
    }

    /// The clock answers the last request.
    fn reply(&mut self, code: Code, data: &[u8]) {
        let packet = Packet::new(code, SESSION, self.session.last_reply, data.to_vec());
        self.hear_packet(packet);
    }

    fn hear_packet(&mut self, packet: Packet) {
        self.session.handle_packet(Received { packet, checksum_ok: true }, self.now);
    }

    fn outcome(&mut self) -> Option<Outcome> {
        self.session.poll_outcome()
    }

    fn failure(&mut self) -> SessionError {
        match self.outcome() {
            Some(Outcome::Failed(error)) => error,
            other => panic!("no failure: {other:?}"),
        }
    }

    fn chunk(&mut self) -> Bytes {
        match self.outcome() {
            Some(Outcome::Chunk { bytes, .. }) => bytes,
            other => panic!("no chunk: {other:?}"),
        }
    }

    fn read_log(&mut self) {
        self.session.read_table(Table::Attendance, self.now);
    }

    fn resume(&mut self) {
        self.session.resume(self.now);
    }

    /// Lets the time pass until the session wants to be told.
    fn wait(&mut self) {
        self.now = self.session.poll_timeout().expect("the session waits for something");
        self.session.handle_timeout(self.now);
    }

    /// Announces a log of `total` bytes and takes the first request for a chunk.
    fn prepared(total: u32) -> Self {
        let mut talk = Self::open(1);
        talk.read_log();
        talk.sent();
        let mut size = vec![0];
        size.extend(total.to_le_bytes());
        talk.reply(Code::ACK_OK, &size);
        assert_eq!(talk.sent().len(), 1);
        talk
    }
}

/// The recorded body, five records of 40 bytes, as a DATA packet with reply id 0x16.
const BODY: &str = "c80000000100310000000000000000000000000000000000000000000000016080cf310000000000ff00000002003130303100000000000000000000000000000000000000000f9d80cf310100000000ff000000030039383736353433323100000000000000000000000000000004da80cf310000000000ff0000000100310000000000000000000000000000000000000000000000001781cf310100000000ff0000000200313030310000000000000000000000000000000000000000015481cf310000000000ff000000";
const DATA_HEADER: &str = "dd054bf734121600";

#[test]
fn a_session_is_opened_without_a_key() {
    let mut talk = Talk::closed();
    talk.session.connect(None, talk.now);
    assert_eq!(talk.sent(), ["e80317fc00000000"]);
    talk.hear("d007fbe534120000");
    assert_eq!(talk.outcome(), Some(Outcome::Connected));
    assert_eq!(talk.session.id(), SESSION);
}

#[test]
fn a_session_is_opened_with_a_key() {
    let mut talk = Talk::closed();
    talk.session.connect(Some(CommKey::new(1234)), talk.now);
    talk.sent();
    talk.hear("d507f6e534120000");
    assert_eq!(talk.sent(), ["4e040948341201004136326b"]);
    talk.hear("d007fae534120100");
    assert_eq!(talk.outcome(), Some(Outcome::Connected));
}

#[test]
fn a_wrong_key_is_tried_exactly_once() {
    let mut talk = Talk::closed();
    talk.session.connect(Some(CommKey::new(1)), talk.now);
    talk.sent();
    talk.hear("d507f6e534120000");
    assert_eq!(talk.sent(), ["4e04e8803412010061fd326b"]);
    talk.hear("d507f5e534120100");
    assert_eq!(talk.failure(), SessionError::KeyRefused);
    assert_eq!((talk.sent(), talk.session.poll_timeout()), (vec![], None));
}

#[test]
fn a_key_that_is_needed_is_asked_for() {
    let mut talk = Talk::closed();
    talk.session.connect(None, talk.now);
    talk.hear("d507f6e534120000");
    assert_eq!(talk.failure(), SessionError::KeyNeeded);
}

#[rstest]
#[case::version(
    1,
    Code::GET_VERSION,
    "",
    "4c047ee934120100",
    "d00779933412010056657220362e363020417072203238203230313800"
)]
#[case::serial(
    2,
    Code::OPTIONS_RRQ,
    "7e53657269616c4e756d62657200",
    "0b00bba4341202007e53657269616c4e756d62657200",
    "d0076425341202007e53657269616c4e756d6265723d53494d3030303030303030303100"
)]
#[case::mac(
    5,
    Code::OPTIONS_RRQ,
    "4d414300",
    "0b002bac341205004d414300",
    "d00788cf341205004d41433d30303a31373a36313a30303a30303a303100"
)]
#[case::time(7, Code::GET_TIME, "", "c900fbec34120700", "d0074c4334120700276f8133")]
#[case::sizes(
    10,
    Code::GET_FREE_SIZES,
    "",
    "32008fed34120a00",
    "d007656734120a000000000000000000000000000000000003000000000000000000000000000000050000000000000000000000000000000100000000000000b80b000010270000a0860100b80b00000d2700009b8601000000000000000000b80b0000"
)]
fn requests_and_replies_are_those_recorded(
    #[case] reply: u16,
    #[case] command: Code,
    #[case] data: &str,
    #[case] request: &str,
    #[case] answer: &str,
) {
    let mut talk = Talk::open(reply);
    talk.session.ask(command, hex::decode(data).unwrap(), talk.now);
    assert_eq!(talk.sent(), [request]);
    talk.hear(answer);
    let Some(Outcome::Reply(told)) = talk.outcome() else { panic!("no reply") };
    assert_eq!((told.code, hex::encode(told.data)), (Code::ACK_OK, answer[16..].to_owned()));
    assert_eq!(talk.session.oddities(), Oddities::default());
}

#[rstest]
#[case::set_time(8, Code::SET_TIME, "546f8133", "ca00244a34120800546f8133")]
#[case::disable(11, Code::DISABLE_DEVICE, "", "eb03d5e934120b00")]
#[case::disable_60_s(11, Code::DISABLE_DEVICE, "3c000000", "eb03a2e9341202003c000000")]
#[case::enable(28, Code::ENABLE_DEVICE, "", "ea03c5e934121c00")]
#[case::exit(29, Code::EXIT, "", "e903c5e934121d00")]
#[case::write_option(
    1,
    Code::OPTIONS_WRQ,
    "53444b4275696c643d3100",
    "0c0001683412010053444b4275696c643d3100"
)]
#[case::unlock(11, Code(31), "1e000000", "1f0083ed34120b001e000000")]
#[case::watch(7, Code::REG_EVENT, "01000000", "f401cfeb3412070001000000")]
#[case::unwatch(8, Code::REG_EVENT, "00000000", "f401cfeb3412080000000000")]
#[case::watch_all(17, Code::REG_EVENT, "ffff0000", "f401c6eb34121100ffff0000")]
#[case::delete_user(26, Code::DELETE_USER, "0700", "120098ed34121a000700")]
#[case::refresh(25, Code::REFRESH_DATA, "", "f503bde934121900")]
fn requests_are_those_recorded(
    #[case] reply: u16,
    #[case] command: Code,
    #[case] data: &str,
    #[case] request: &str,
) {
    // One of the recorded packets carries reply id 2 beside its neighbours' 11.
    let reply = if request.starts_with("eb03a2e9") { 2 } else { reply };
    let mut talk = Talk::open(reply);
    talk.session.ask(command, hex::decode(data).unwrap(), talk.now);
    assert_eq!(talk.sent(), [request]);
}

#[test]
fn the_state_comes_in_the_session_field() {
    let mut talk = Talk::open(6);
    talk.session.ask(Code::STATE_RRQ, Bytes::new(), talk.now);
    assert_eq!(talk.sent(), ["400085ed34120600"]);
    talk.hear("d00726f803000600");
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(reply.field, 3);
    assert_eq!(talk.session.oddities().foreign_sessions, 0);
}

#[test]
fn a_refusal_is_an_answer() {
    let mut talk = Talk::open(1);
    talk.session.ask(Code::OPTIONS_RRQ, Bytes::new(), talk.now);
    talk.hear("d107f9e534120100");
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(reply.code, Code::ACK_ERROR);
}

#[test]
fn the_recorded_users_are_read_in_a_chunk() {
    let mut talk = Talk::open(13);
    talk.session.read_table(Table::Users, talk.now);
    assert_eq!(talk.sent(), ["df05ded934120d000109000500000000000000"]);
    talk.hear("d007ee0934120d0000dc000000");
    assert_eq!(talk.sent(), ["e00501e734120e0000000000dc000000"]);
    talk.hear("dc0505e734120e00dc00000000000000");
    let body = [&[0xd8, 0, 0, 0][..], &[7; 216]].concat();
    talk.reply(Code::DATA, &body);
    talk.hear("d007ede534120e00");
    assert_eq!(talk.chunk(), body);
    talk.resume();
    assert_eq!(talk.sent(), ["de05dee734120f00"]);
    talk.hear("d007ece534120f00");
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Chunks, bytes: 220 })));
}

/// Both halves of the recorded exchange: what the clock sends after each of our packets.
const EXCHANGE: [(&str, &[&str]); 3] = [
    ("df05d6da34121500010d000000000000000000", &["d007e6193412150000cc000000"]),
    ("e00509e73412160000000000cc000000", &["dc050de734121600cc00000000000000", "DATA", "d007e5e534121600"]),
    ("de05d6e734121700", &["d007e4e534121700"]),
];

/// The answers of a step as TCP bytes.
fn stream(answers: &[&str]) -> Vec<u8> {
    let data = format!("{DATA_HEADER}{BODY}");
    let mut bytes = BytesMut::new();
    for answer in answers {
        let answer = if *answer == "DATA" { &data } else { *answer };
        let received = Packet::read(hex::decode(answer).unwrap().into()).unwrap();
        assert!(received.checksum_ok, "{answer}");
        TcpCodec.encode(&received.packet, &mut bytes).unwrap();
    }
    bytes.to_vec()
}

#[test]
fn the_recorded_exchange_may_be_cut_at_every_byte() {
    let longest = EXCHANGE.iter().map(|(_, answers)| stream(answers).len()).max().unwrap();
    for cut in 0..=longest {
        let mut talk = Talk::open(0x15);
        talk.read_log();
        let mut body = Vec::new();
        let mut ended = false;
        for (request, answers) in EXCHANGE {
            assert_eq!(talk.sent(), [request], "cut at {cut}");
            let bytes = stream(answers);
            let at = cut.min(bytes.len());
            let mut buffer = BytesMut::new();
            for piece in [&bytes[..at], &bytes[at..]] {
                buffer.extend_from_slice(piece);
                while let Some(frame) = TcpCodec.decode(&mut buffer).unwrap() {
                    talk.session.handle_packet(frame, talk.now);
                }
            }
            match talk.outcome() {
                Some(Outcome::Chunk { bytes, .. }) => {
                    body.extend(bytes);
                    talk.resume();
                }
                Some(Outcome::TableEnd(end)) => {
                    assert_eq!(end, TableEnd { via: TableVia::Chunks, bytes: 204 });
                    ended = true;
                }
                None => {}
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
        assert!(ended);
        assert_eq!(hex::encode(body), BODY, "cut at {cut}");
    }
}

#[test]
fn the_recorded_inline_answer_is_the_whole_body() {
    let mut talk = Talk::open(0x11);
    talk.read_log();
    talk.sent();
    talk.hear(&format!("dd0550f734121100{BODY}"));
    assert_eq!(hex::encode(talk.chunk()), BODY);
    assert_eq!(talk.session.oddities(), Oddities::default());
    talk.resume();
    talk.sent();
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Inline, bytes: 204 })));
}

#[test]
fn a_long_log_is_asked_for_in_the_recorded_chunks() {
    let mut talk = Talk::open(6);
    talk.read_log();
    talk.sent();
    talk.hear("d007bd60341206000084380100");
    assert_eq!(talk.sent(), ["e00523e83412070000000000c0ff0000"]);
    talk.hear("dc0527e834120700c0ff000000000000");
    talk.reply(Code::DATA, &vec![1; 65_472]);
    talk.hear("d007f4e534120700");
    assert_eq!(talk.chunk().len(), 65_472);
    talk.resume();
    assert_eq!(talk.sent(), ["e0055eaf34120800c0ff0000c4380000"]);
    talk.hear("dc0523af34120800c438000000000000");
    talk.reply(Code::DATA, &vec![1; 14_532]);
    talk.hear("d007f3e534120800");
    assert_eq!(talk.chunk().len(), 14_532);
}

#[test]
fn a_chunk_may_come_in_pieces_and_without_an_end() {
    let mut talk = Talk::prepared(3000);
    for piece in [1024, 1024] {
        talk.reply(Code::DATA, &vec![1; piece]);
        assert_eq!(talk.outcome(), None);
    }
    talk.reply(Code::DATA, &[1; 952]);
    assert_eq!(talk.outcome(), None);
    talk.wait();
    assert_eq!(talk.chunk().len(), 3000);
}

#[test]
fn a_clock_that_ends_no_chunk_is_waited_for_once() {
    let mut talk = Talk::prepared(2 * 65_472);
    talk.reply(Code::DATA, &vec![1; 65_472]);
    talk.wait();
    talk.chunk();
    talk.resume();
    talk.sent();
    talk.reply(Code::DATA, &vec![1; 65_472]);
    assert_eq!(talk.chunk().len(), 65_472);
}

#[rstest]
#[case::too_long(&[65])]
#[case::too_short(&[20])]
#[case::none(&[])]
#[case::too_long_in_pieces(&[60, 60])]
fn a_chunk_of_wrong_length_is_asked_for_once_more(#[case] pieces: &[usize]) {
    let mut talk = Talk::prepared(64);
    let break_chunk = |talk: &mut Talk| {
        for piece in pieces {
            talk.reply(Code::DATA, &vec![1; *piece]);
        }
        if pieces.iter().sum::<usize>() < 64 {
            talk.reply(Code::ACK_OK, &[]);
        }
    };
    let first = talk.session.last_reply;
    break_chunk(&mut talk);
    let again = talk.sent();
    assert_eq!(again.len(), 1, "{again:?}");
    // What still comes of the first try is a stray.
    talk.hear_packet(Packet::new(Code::DATA, SESSION, first, vec![9; 64]));
    talk.reply(Code::DATA, &[2; 64]);
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.chunk(), vec![2; 64]);
    assert_eq!((talk.session.oddities().chunk_retries, talk.session.oddities().strays), (1, 1));
}

#[test]
fn a_chunk_that_is_wrong_twice_fails_and_frees_the_buffer() {
    let mut talk = Talk::prepared(64);
    for _ in 0..2 {
        talk.reply(Code::DATA, &[1; 65]);
    }
    let sent = talk.sent();
    assert!(sent.last().unwrap().starts_with("de05"), "{sent:?}");
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.failure(), SessionError::ChunkLength { start: 0, wanted: 64, got: 65 });
    // The session goes on.
    talk.session.ask(Code::GET_TIME, Bytes::new(), talk.now);
    talk.reply(Code::ACK_OK, &[0; 4]);
    assert!(matches!(talk.outcome(), Some(Outcome::Reply(_))));
}

#[test]
fn more_data_after_a_whole_chunk_is_found_every_time() {
    let mut talk = Talk::prepared(64);
    for _ in 0..2 {
        talk.reply(Code::DATA, &[1; 64]);
        talk.reply(Code::DATA, &[1; 1]);
    }
    assert!(talk.sent().last().unwrap().starts_with("de05"));
    talk.wait();
    assert_eq!(talk.failure(), SessionError::ChunkLength { start: 0, wanted: 64, got: 65 });
}

#[test]
fn a_silent_clock_fails_in_bounded_time_and_is_told_to_free() {
    let mut talk = Talk::open(1);
    let start = talk.now;
    talk.read_log();
    talk.sent();
    talk.wait();
    assert!(talk.sent()[0].starts_with("de05"));
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TimedOut(Code::PREPARE_BUFFER));
    assert_eq!(talk.now - start, Timing::default().prepare + Timing::default().tail);
    assert_eq!(talk.session.poll_timeout(), None);
}

#[test]
fn a_clock_that_goes_silent_in_a_chunk_is_asked_once_more() {
    let mut talk = Talk::prepared(64);
    talk.reply(Code::DATA, &[1; 20]);
    talk.wait();
    assert_eq!(talk.sent().len(), 1);
    talk.wait();
    assert!(talk.sent()[0].starts_with("de05"));
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TimedOut(Code::READ_CHUNK));
}

#[test]
fn a_clock_without_buffers_is_read_the_old_way() {
    let mut talk = Talk::open(1);
    talk.read_log();
    talk.sent();
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(talk.sent()[0].starts_with("0d00"));
    talk.reply(Code::PREPARE_DATA, &3000_u32.to_le_bytes());
    let mut got = 0;
    for piece in [1024, 1024, 952] {
        talk.reply(Code::DATA, &vec![1; piece]);
        got += talk.chunk().len();
        talk.resume();
    }
    talk.reply(Code::ACK_OK, &[]);
    talk.sent();
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(got, 3000);
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Legacy, bytes: 3000 })));
}

#[test]
fn users_the_old_way_are_asked_for_with_their_function() {
    let mut talk = Talk::open(1);
    talk.session.read_table(Table::Users, talk.now);
    talk.sent();
    talk.reply(Code::ACK_UNKNOWN, &[]);
    let request = talk.sent().remove(0);
    assert!(request.starts_with("0900") && request.ends_with("05"), "{request}");
    talk.reply(Code::ACK_DATA, &[0, 0, 0, 0]);
    assert_eq!(talk.chunk().len(), 4);
}

#[test]
fn less_than_announced_the_old_way_is_a_failure() {
    let mut talk = Talk::open(1);
    talk.read_log();
    talk.reply(Code::ACK_ERROR, &[]);
    talk.reply(Code::PREPARE_DATA, &3000_u32.to_le_bytes());
    talk.reply(Code::DATA, &[1; 1024]);
    talk.chunk();
    talk.resume();
    talk.wait();
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TimedOut(Code::ATTLOG_RRQ));
}

#[test]
fn an_inline_length_word_larger_than_the_body_is_no_failure() {
    let mut talk = Talk::open(1);
    talk.read_log();
    talk.reply(Code::DATA, &[100, 0, 0, 0, 1, 2, 3]);
    talk.chunk();
    talk.resume();
    talk.wait();
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Inline, bytes: 7 })));
}

#[test]
fn an_absurd_table_is_not_read() {
    let mut talk = Talk::open(1);
    talk.read_log();
    talk.reply(Code::ACK_OK, &[0, 0xff, 0xff, 0xff, 0xff]);
    talk.wait();
    assert_eq!(talk.failure(), SessionError::TableLength(u64::from(u32::MAX)));
}

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

fn lock(talk: &mut Talk, seconds: u32) {
    talk.session.ask(Code::DISABLE_DEVICE, Bytes::copy_from_slice(&seconds.to_le_bytes()), talk.now);
    talk.sent();
}

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

/// Prepares a log and announces its size.
fn prepared_for_owner(total: u32) -> Talk {
    let mut talk = Talk::open(1);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    let mut size = vec![0];
    size.extend(total.to_le_bytes());
    talk.reply(Code::ACK_OK, &size);
    assert_eq!((talk.outcome(), talk.sent()), (Some(Outcome::Prepared { total }), vec![]));
    talk
}

#[test]
fn a_prepared_table_is_read_from_where_its_owner_says() {
    let mut talk = prepared_for_owner(65_472 + 104);
    assert_eq!(talk.session.poll_timeout(), None);
    talk.session.begin_at(44, talk.now);
    // READ_CHUNK: u32 start, u32 length.
    assert!(talk.sent()[0].ends_with("2c000000c0ff0000"));
    talk.reply(Code::DATA, &vec![1; 65_472]);
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.chunk().len(), 65_472);
    talk.resume();
    assert!(talk.sent()[0].ends_with("ecff00003c000000"));
    talk.reply(Code::DATA, &[2; 60]);
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.chunk(), vec![2; 60]);
    talk.resume();
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let end = TableEnd { via: TableVia::Chunks, bytes: 65_532 };
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(end)));
}

#[test]
fn a_chunk_of_a_part_that_fails_is_asked_for_again_at_the_same_place() {
    let mut talk = prepared_for_owner(200);
    talk.session.begin_at(150, talk.now);
    assert!(talk.sent()[0].ends_with("9600000032000000"));
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(talk.sent()[0].ends_with("9600000032000000"));
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.failure(), SessionError::ChunkLength { start: 150, wanted: 50, got: 0 });
}

#[test]
fn a_prepared_table_is_released_before_and_between_chunks() {
    for chunks in 0..2 {
        let mut talk = prepared_for_owner(100_000);
        if chunks > 0 {
            talk.session.begin_at(4, talk.now);
            talk.sent();
            talk.reply(Code::DATA, &vec![1; 65_472]);
            talk.reply(Code::ACK_OK, &[]);
            talk.chunk();
        }
        talk.session.release(talk.now);
        assert!(talk.sent()[0].starts_with("de05"));
        talk.reply(Code::ACK_OK, &[]);
        assert!(matches!(talk.outcome(), Some(Outcome::TableEnd(_))));
    }
}

#[test]
fn beginning_at_or_past_the_end_reads_nothing() {
    let mut talk = prepared_for_owner(44);
    talk.session.begin_at(44, talk.now);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let end = TableEnd { via: TableVia::Chunks, bytes: 0 };
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(end)));
}

#[test]
fn a_clock_that_answers_a_preparation_with_the_body_gives_it_from_its_first_byte() {
    let mut talk = Talk::open(0x16);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    talk.hear(&format!("{DATA_HEADER}{BODY}"));
    assert_eq!(talk.chunk(), hex::decode(BODY).unwrap());
    talk.resume();
    talk.reply(Code::ACK_OK, &[]);
    assert!(matches!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Inline, .. }))));
}

#[test]
fn a_clock_that_cannot_prepare_is_not_asked_for_everything() {
    let mut talk = Talk::open(1);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    talk.reply(Code::ACK_UNKNOWN, &[]);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let refused = SessionError::Refused { command: Code::PREPARE_BUFFER, code: Code::ACK_UNKNOWN };
    assert_eq!(talk.failure(), refused);
}

mod any_peer {
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
}
