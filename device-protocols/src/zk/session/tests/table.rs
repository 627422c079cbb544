use super::*;

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
